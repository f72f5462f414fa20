/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loss of the shipped model on the held-out text: each document fed as BOS + text + EOS from a
 * zero state, every token after BOS scored.  The figure of the model's card.
 */
#include "checkpoints.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>

#define SEPARATOR "\n<|doc|>\n"
#define PIECE 128

/* What the shipped model has: by nomul perplexity on the text, and by test_held_out_part. */
#define NATS 2.6122
#define BITS 1.0152
#define PART_NATS 2.6576

typedef struct loss {
    double nats;
    size_t n_tokens, n_bytes, n_documents;
} loss;

/* Scores ids[1..n_ids) each after those before it. */
static void score_ids(nomul_session *session, const int32_t *ids, size_t n_ids, size_t n_vocab,
                      float *logits, loss *total)
{
    nomul_error err;

    nomul_session_reset(session);
    for (size_t at = 0; at + 1 < n_ids; at += PIECE) {
        size_t n = PIECE < n_ids - 1 - at ? PIECE : n_ids - 1 - at;
        CHECK_OK(nomul_session_feed(session, ids + at, n, NOMUL_LOGITS_ALL, logits, &err) ==
                     NOMUL_OK,
                 err);
        for (size_t t = 0; t < n; t++) {
            nomul_logprob next = {.id = ids[at + t + 1]};
            nomul_logprobs(logits + t * n_vocab, n_vocab, NULL, 0, &next);
            total->nats -= (double)next.logprob;
        }
    }
    total->n_tokens += n_ids - 1;
}

static void score_document(nomul_session *session, const nomul_model *model, const char *text,
                           size_t n_bytes, float *logits, loss *total)
{
    const nomul_tokenizer *tokenizer = nomul_model_tokenizer(model);
    size_t                 capacity = nomul_tokenize_bound(n_bytes) + 1, n_ids = 0;
    int32_t               *ids = malloc(capacity * sizeof *ids);
    nomul_error            err;

    CHECK_OK(nomul_tokenize(tokenizer, text, n_bytes, NOMUL_TOKENIZE_ADD_SPECIAL, ids, capacity - 1,
                            &n_ids, &err) == NOMUL_OK,
             err);
    ids[n_ids++] = nomul_token_eos(tokenizer);
    score_ids(session, ids, n_ids, nomul_model_get_info(model)->n_vocab, logits, total);
    total->n_bytes += n_bytes;
    total->n_documents++;
    free(ids);
}

/* Documents of max_bytes at most; SIZE_MAX is all of them. */
static loss score_text(const nomul_model *model, const char *text, size_t max_bytes)
{
    nomul_session *session = test_session(model, 0, PIECE);
    float         *logits = malloc(PIECE * nomul_model_get_info(model)->n_vocab * sizeof *logits);
    loss           total = {0};

    while (session && text) {
        const char *end = strstr(text, SEPARATOR);
        size_t      n_bytes = end ? (size_t)(end - text) : strlen(text);
        if (!end && n_bytes && text[n_bytes - 1] == '\n') n_bytes--;
        if (n_bytes <= max_bytes) score_document(session, model, text, n_bytes, logits, &total);
        text = end ? end + strlen(SEPARATOR) : NULL;
    }
    nomul_session_free(session);
    free(logits);
    return total;
}

static loss score_held_out(size_t max_bytes)
{
    size_t       size;
    char        *text = test_read_file(test_path("golden/text/text.txt"), &size);
    nomul_model *model = test_open_stories("77m");
    loss         total = {0};

    if (model) total = score_text(model, text, max_bytes);
    nomul_model_close(model);
    free(text);
    return total;
}

/* The shortest document alone, where the whole text would take minutes. */
void test_held_out_part(void)
{
    test_case("the shortest document of the held-out text has the loss it should");
    loss   part = score_held_out(400);
    double nats = part.nats / (double)part.n_tokens;
    CHECK_INT(part.n_documents, 1);
    CHECK_THAT(fabs(nats - PART_NATS) <= 0.01, "%.4f nats a token over %zu tokens", nats,
               part.n_tokens);
}

void test_held_out(void)
{
    test_case("the whole held-out text: %.4f nats a token, %.4f bits a byte", NATS, BITS);
    loss   total = score_held_out(SIZE_MAX);
    double nats = total.nats / (double)total.n_tokens;
    double bits = total.nats / log(2.0) / 100001;
    CHECK_INT(total.n_documents, 43);
    CHECK_INT(total.n_tokens, 26937);
    CHECK_THAT(fabs(nats - NATS) <= 0.005, "%.4f nats a token", nats);
    CHECK_THAT(fabs(bits - BITS) <= 0.002, "%.4f bits a byte", bits);
    printf("held-out text: %.4f nats a token, %.4f bits a byte, %zu tokens, %zu bytes\n", nats,
           bits, total.n_tokens, total.n_bytes);
}
