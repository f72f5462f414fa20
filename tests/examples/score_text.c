/* SPDX-License-Identifier: Apache-2.0 */
/* How likely is each token of a text?  score_text MODEL.gguf TEXT: piece, tab, log-probability. */
#include <nomul.h>
#include <stdio.h>
#include <string.h>

enum { MOST = 4096 };

int main(int argc, char **argv)
{
    if (argc != 3) return fprintf(stderr, "usage: score_text MODEL.gguf TEXT\n"), 2;
    static int32_t ids[MOST];
    static float   logprobs[MOST];
    size_t         n_ids = 0, n_bytes;
    nomul_error    err = {0};
    nomul_model   *model = nomul_model_open(argv[1], NULL, &err);
    nomul_session *session = model ? nomul_session_new(model, NULL, &err) : NULL;

    const nomul_tokenizer *tokenizer = nomul_model_tokenizer(model);
    if (session && tokenizer &&
        nomul_tokenize(tokenizer, argv[2], strlen(argv[2]), NOMUL_TOKENIZE_ADD_SPECIAL, ids, MOST,
                       &n_ids, &err) == NOMUL_OK &&
        nomul_session_score(session, ids, n_ids, logprobs, &err) == NOMUL_OK) {
        for (size_t i = 1; i < n_ids; i++) { /* the first id has nothing before it */
            const char *piece = nomul_token_piece(tokenizer, ids[i], &n_bytes, NULL);
            printf("%.*s\t%.3f\n", (int)n_bytes, piece, (double)logprobs[i - 1]);
        }
    }
    nomul_session_free(session), nomul_model_close(model);
    return err.code ? fprintf(stderr, "%s\n", err.text), 1 : 0;
}
