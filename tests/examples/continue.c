/* SPDX-License-Identifier: Apache-2.0 */
/* The whole of the API that a program needs to continue a text: continue MODEL.gguf TEXT N */
#include <nomul.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc != 4) return fprintf(stderr, "continue MODEL.gguf TEXT N\n"), 2;
    nomul_error  err;
    nomul_model *model = nomul_model_open(argv[1], NULL, &err);
    if (!model) return fprintf(stderr, "%s\n", err.text), 1;

    const nomul_tokenizer *tokenizer = nomul_model_tokenizer(model);
    if (!tokenizer) return fprintf(stderr, "%s: has no tokenizer\n", argv[1]), 1;
    nomul_session         *session = nomul_session_new(model, NULL, &err);
    nomul_decoder         *decoder = nomul_decoder_new(tokenizer, 0, &err);
    size_t                 capacity = nomul_tokenize_bound(strlen(argv[2])), n_ids, n_bytes;
    int32_t               *ids = malloc(capacity * sizeof *ids);
    float                 *logits = malloc(nomul_token_count(tokenizer) * sizeof *logits);
    nomul_logprob          best;
    if (!session || !decoder || !ids || !logits) return fprintf(stderr, "no memory\n"), 1;

    fputs(argv[2], stdout);
    if (nomul_tokenize(tokenizer, argv[2], strlen(argv[2]), NOMUL_TOKENIZE_ADD_SPECIAL, ids,
                       capacity, &n_ids, &err) != NOMUL_OK)
        return fprintf(stderr, "%s\n", err.text), 1;
    for (int n = atoi(argv[3]); n > 0; n--) {
        if (nomul_session_feed(session, ids, n_ids, NOMUL_LOGITS_LAST, logits, &err) != NOMUL_OK)
            return fprintf(stderr, "%s\n", err.text), 1;
        nomul_logprobs(logits, nomul_token_count(tokenizer), &best, 1, NULL);
        if (best.id == nomul_token_eos(tokenizer)) break;
        const char *text = nomul_decoder_push(decoder, best.id, &n_bytes);
        fwrite(text, 1, n_bytes, stdout);
        ids[0] = best.id, n_ids = 1;
    }
    const char *rest = nomul_decoder_flush(decoder, &n_bytes); /* half a character, perhaps */
    fwrite(rest, 1, n_bytes, stdout);
    putchar('\n');
    free(ids), free(logits);
    nomul_decoder_free(decoder), nomul_session_free(session), nomul_model_close(model);
    return 0;
}
