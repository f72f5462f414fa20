/* SPDX-License-Identifier: Apache-2.0 */
/* All of the API that a program needs to continue a text: continue MODEL.gguf TEXT N */
#include <nomul.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc != 4) return fprintf(stderr, "usage: continue MODEL.gguf TEXT N\n"), 2;
    nomul_error  err = {NOMUL_E_MEMORY, "out of memory"}; /* for malloc, which has no words */
    nomul_model *model = nomul_model_open(argv[1], NULL, &err);
    if (!model) return fprintf(stderr, "%s: %s\n", argv[0], err.text), 1;

    const nomul_tokenizer *tokenizer = nomul_model_tokenizer(model);
    const char            *text = argv[2];
    size_t                 capacity = nomul_tokenize_bound(strlen(text)), n_ids, n_bytes;
    int32_t               *ids = malloc(capacity * sizeof *ids);
    float                 *logits = malloc(nomul_token_count(tokenizer) * sizeof *logits);
    nomul_session         *session = nomul_session_new(model, NULL, &err);
    nomul_sampler         *sampler = nomul_sampler_new(nomul_token_count(tokenizer), NULL, &err);
    nomul_decoder         *decoder = nomul_decoder_new(tokenizer, 0, &err);
    if (!ids || !logits || !session || !sampler || !decoder ||
        nomul_tokenize(tokenizer, text, strlen(text), NOMUL_TOKENIZE_ADD_SPECIAL, ids, capacity,
                       &n_ids, &err) != NOMUL_OK)
        return fprintf(stderr, "%s: %s\n", argv[0], err.text), 1;

    fputs(text, stdout);
    for (int n = atoi(argv[3]); n > 0; n--, n_ids = 1) {
        if (nomul_session_feed(session, ids, n_ids, NOMUL_LOGITS_LAST, logits, &err) != NOMUL_OK)
            return fprintf(stderr, "%s: %s\n", argv[0], err.text), 1;
        ids[0] = nomul_sampler_sample(sampler, logits);
        if (ids[0] == nomul_token_eos(tokenizer)) break;
        text = nomul_decoder_push(decoder, ids[0], &n_bytes);
        fwrite(text, 1, n_bytes, stdout);
    }
    puts("");
    free(ids), free(logits), nomul_sampler_free(sampler), nomul_decoder_free(decoder);
    nomul_session_free(session), nomul_model_close(model);
}
