/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text, NUL and broken UTF-8 too: the first byte is the flags, the rest the text.  The
 * vocabulary is tests/golden/small.gguf (NOMUL_TESTS names another folder tests/).
 */
#include "fuzz/fuzz.h"

#include "nomul.h"

#include <string.h>

#define ALL_FLAGS 7u

static const nomul_tokenizer *tokenizer(void)
{
    static nomul_model *model;
    char                path[1024];
    const char         *root = getenv("NOMUL_TESTS");
    nomul_error         err;

    if (model) return nomul_model_tokenizer(model);
    snprintf(path, sizeof path, "%s/golden/small.gguf", root ? root : "tests");
    model = nomul_model_open(path, NULL, &err);
    if (!model) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    return nomul_model_tokenizer(model);
}

/* All that the ids spell, with control tokens or without. */
static char *decode(const int32_t *ids, size_t n_ids, unsigned flags, size_t *size)
{
    nomul_decoder *decoder = nomul_decoder_new(tokenizer(), flags, NULL);
    char          *text = malloc(16 * n_ids + 16); /* no piece of small.gguf is longer */
    const char    *bytes;
    size_t         n;

    MUST(decoder && text);
    *size = 0;
    for (size_t i = 0; i <= n_ids; i++) {
        bytes =
            i < n_ids ? nomul_decoder_push(decoder, ids[i], &n) : nomul_decoder_flush(decoder, &n);
        MUST(bytes && *size + n <= 16 * n_ids + 16);
        memcpy(text + *size, bytes, n);
        *size += n;
    }
    MUST(!nomul_decoder_push(decoder, -1, &n));
    nomul_decoder_free(decoder);
    return text;
}

/* Control tokens only where they were asked for; how many there are behind the first id. */
static size_t check_ids(const int32_t *ids, size_t n_ids, unsigned flags)
{
    size_t n_control = 0;

    for (size_t i = 0; i < n_ids; i++) {
        nomul_token_type type;
        size_t           n;
        MUST(nomul_token_piece(tokenizer(), ids[i], &n, &type));
        if (type != NOMUL_TOKEN_CONTROL) continue;
        if (i == 0 && (flags & NOMUL_TOKENIZE_ADD_SPECIAL)) continue;
        MUST(flags & NOMUL_TOKENIZE_PARSE_SPECIAL);
        n_control++;
    }
    return n_control;
}

/* U+2581 is how pieces write a blank, and comes back as one: the only bytes that don't survive. */
static char *expected(const char *text, size_t n_text, size_t *size)
{
    char *out = malloc(n_text + 1);

    MUST(out);
    *size = 0;
    for (size_t at = 0; at < n_text;) {
        bool blank = n_text - at >= 3 && memcmp(text + at, "\xE2\x96\x81", 3) == 0;
        out[(*size)++] = blank ? ' ' : text[at];
        at += blank ? 3 : 1;
    }
    return out;
}

/* The bytes come back, perhaps with the blank that was put in front. */
static void check_round_trip(const char *text, size_t n_text, const int32_t *ids, size_t n_ids,
                             unsigned flags)
{
    size_t n_back, n_want;
    char  *back = decode(ids, n_ids, 0, &n_back), *want = expected(text, n_text, &n_want);
    bool   prefix = n_back == n_want + 1 && back[0] == ' ';

    MUST(n_back == n_want || prefix);
    MUST(memcmp(back + (prefix ? 1 : 0), want, n_want) == 0);
    if (flags & NOMUL_TOKENIZE_NO_PREFIX) MUST(!prefix);
    free(want);
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1) return 0;
    unsigned    flags = data[0] & ALL_FLAGS;
    const char *text = (const char *)data + 1;
    size_t      n_text = size - 1, n_ids = 0, again;
    size_t      bound = nomul_tokenize_bound(n_text);
    int32_t    *ids = malloc((bound + 1) * sizeof *ids);

    MUST(ids);
    MUST(nomul_tokenize(tokenizer(), text, n_text, flags, ids, bound, &n_ids, NULL) == NOMUL_OK);
    MUST(n_ids <= bound);
    size_t n_control = check_ids(ids, n_ids, flags);

    /* What doesn't fit is counted. */
    if (n_ids > 0)
        MUST(nomul_tokenize(tokenizer(), text, n_text, flags, NULL, 0, &again, NULL) ==
                 NOMUL_E_SPACE &&
             again == n_ids);

    /* Behind a parsed control token a stretch of text begins, with a blank of its own. */
    size_t skip = flags & NOMUL_TOKENIZE_ADD_SPECIAL ? 1 : 0;
    MUST(n_ids >= skip);
    if (n_control == 0)
        check_round_trip(text, n_text, ids + skip, n_ids - skip, flags);
    else
        free(decode(ids, n_ids, NOMUL_DECODE_SPECIAL, &again));
    free(ids);
    return 0;
}
