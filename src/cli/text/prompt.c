/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text/prompt.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

bool nm_prompt_read(nm_text *text, const char *words, const char *file, unsigned flags,
                    nomul_error *err)
{
    if (!words && !file) file = "-";
    if (words && !nm_text_add(text, words, strlen(words), err)) return false;
    if (words && (flags & NM_PROMPT_UNESCAPE)) nm_text_unescape(text);

    size_t before = text->n_bytes;
    if (file && !nm_text_add_file(text, file, err)) return false;
    if (flags & NM_PROMPT_DROP_NEWLINE && text->n_bytes > before &&
        text->data[text->n_bytes - 1] == '\n')
        text->n_bytes--;
    return true;
}

bool nm_prompt_tokenize(nm_ids *ids, const nomul_tokenizer *tokenizer, const nm_text *text,
                        unsigned flags, nomul_error *err)
{
    const char *bytes = text->n_bytes > 0 ? text->data : "";
    size_t      bound = nomul_tokenize_bound(text->n_bytes), n_ids = 0;

    if (!nm_ids_reserve(ids, bound, err)) return false;
    if (nomul_tokenize(tokenizer, bytes, text->n_bytes, flags, ids->at + ids->n, bound, &n_ids,
                       err) != NOMUL_OK)
        return false;
    ids->n += n_ids;
    return true;
}

static unsigned parse(bool special)
{
    return special ? NOMUL_TOKENIZE_PARSE_SPECIAL : 0;
}

/* What the model wants around an empty text shows what it wants in front of any. */
static bool ask_bos(const nomul_tokenizer *tokenizer, bool *wanted, nomul_error *err)
{
    int32_t around[2] = {-1, -1};
    size_t  n = 0;

    nomul_status status =
        nomul_tokenize(tokenizer, "", 0, NOMUL_TOKENIZE_ADD_SPECIAL, around, 2, &n, err);
    *wanted = n > 0 && around[0] == nomul_token_bos(tokenizer);
    return status == NOMUL_OK;
}

bool nm_prompt_ids(nm_ids *ids, const nomul_tokenizer *tokenizer, const nm_text *text,
                   bool parse_special, nomul_error *err)
{
    int32_t bos = nomul_token_bos(tokenizer);
    bool    wanted = false;

    if (text->n_bytes == 0 && bos < 0)
        return nm_fail(err, NOMUL_E_UNSUPPORTED, "the prompt is empty and the model has no BOS");
    if (!ask_bos(tokenizer, &wanted, err)) return false;
    if (text->n_bytes == 0 || wanted)
        if (!nm_ids_add(ids, bos, err)) return false;
    return nm_prompt_tokenize(ids, tokenizer, text, parse(parse_special), err);
}

bool nm_prompt_more_ids(nm_ids *ids, const nomul_tokenizer *tokenizer, int32_t last_id,
                        const nm_text *text, bool parse_special, nomul_error *err)
{
    unsigned flags = parse(parse_special) | NOMUL_TOKENIZE_NO_PREFIX;

    return nm_ids_add(ids, last_id, err) && nm_prompt_tokenize(ids, tokenizer, text, flags, err);
}

/* ---- Lists of ids ---------------------------------------------------------------------------- */

bool nm_ids_reserve(nm_ids *ids, size_t more, nomul_error *err)
{
    if (more <= ids->capacity - ids->n) return true;
    if (more > SIZE_MAX / sizeof *ids->at / 2 - ids->capacity) return nm_fail_memory(err, more);

    size_t   capacity = 2 * ids->capacity + more;
    int32_t *at = nm_alloc(capacity * sizeof *at);
    if (!at) return nm_fail_memory(err, capacity * sizeof *at);
    if (ids->n > 0) memcpy(at, ids->at, ids->n * sizeof *at);
    nm_free(ids->at);
    ids->at = at;
    ids->capacity = capacity;
    return true;
}

bool nm_ids_add(nm_ids *ids, int32_t id, nomul_error *err)
{
    if (!nm_ids_reserve(ids, 1, err)) return false;
    ids->at[ids->n++] = id;
    return true;
}

void nm_ids_free(nm_ids *ids)
{
    nm_free(ids->at);
    *ids = (nm_ids){0};
}

/* ---- As a user writes them ------------------------------------------------------------------- */

typedef struct words {
    const char *at, *end;
    const char *word; /* the word now */
    size_t      n_word;
    size_t      n; /* words so far */
} words;

static bool is_separator(char c)
{
    return c == ' ' || c == ',' || (c >= '\t' && c <= '\r');
}

static bool next_word(words *w)
{
    while (w->at < w->end && is_separator(*w->at)) w->at++;
    w->word = w->at;
    while (w->at < w->end && !is_separator(*w->at)) w->at++;
    w->n_word = (size_t)(w->at - w->word);
    if (w->n_word > 0) w->n++;
    return w->n_word > 0;
}

static bool is_whole_number(const words *w)
{
    size_t i = w->word[0] == '-' || w->word[0] == '+';

    if (i == w->n_word) return false;
    while (i < w->n_word && w->word[i] >= '0' && w->word[i] <= '9') i++;
    return i == w->n_word;
}

static int shown(const words *w)
{
    return (int)(w->n_word < 40 ? w->n_word : 40);
}

static bool check_word(const words *w, nomul_error *err)
{
    return is_whole_number(w) ||
           nm_fail(err, NOMUL_E_ARG, "'%.*s' (number %zu of the list) is no id", shown(w), w->word,
                   w->n);
}

/* Of a whole number, the value; or n_vocab if it is outside 0..n_vocab - 1. */
static size_t value_below(const words *w, size_t n_vocab)
{
    size_t value = 0, i = w->word[0] == '-' || w->word[0] == '+';

    for (; i < w->n_word && value < n_vocab; i++) value = value * 10 + (size_t)(w->word[i] - '0');
    if (w->word[0] == '-' && value > 0) return n_vocab;
    return value < n_vocab ? value : n_vocab;
}

static words words_of(const char *text, size_t n_bytes)
{
    if (n_bytes == 0) text = ""; /* it may be NULL */
    return (words){.at = text, .end = text + n_bytes};
}

bool nm_ids_check(const char *text, size_t n_bytes, nomul_error *err)
{
    words w = words_of(text, n_bytes);

    while (next_word(&w))
        if (!check_word(&w, err)) return false;
    return true;
}

bool nm_ids_read(nm_ids *ids, const char *text, size_t n_bytes, size_t n_vocab, nomul_error *err)
{
    words w = words_of(text, n_bytes);

    while (next_word(&w)) {
        if (!check_word(&w, err)) return false;
        size_t value = value_below(&w, n_vocab);
        if (value == n_vocab)
            return nm_fail(err, NOMUL_E_ARG,
                           "id %.*s (number %zu of the list) is outside the vocabulary of %zu",
                           shown(&w), w.word, w.n, n_vocab);
        if (!nm_ids_add(ids, (int32_t)value, err)) return false;
    }
    return true;
}
