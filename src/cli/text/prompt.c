/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words of -p and -f as bytes, and as ids.  A text that is to be continued is tokenized with
 * BOS but never with EOS, even if the model's file asks for both: after EOS there is nothing to
 * continue.  Lists of ids (--ids) are read here, too.
 */
#include "cli/text/prompt.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"

void nm_prompt_waits(const char *file, const char *what, bool quiet)
{
    if (!quiet && file && strcmp(file, "-") == 0 && nm_os_is_terminal(NM_OS_STDIN))
        fprintf(stderr, "nomul: reading %s from the terminal, up to Ctrl-D\n", what);
}

bool nm_prompt_read(nm_buffer *text, const char *typed, const char *file, unsigned flags,
                    nomul_error *err)
{
    if (!typed && !file) file = "-";
    if (typed && !nm_buffer_add(text, typed, strlen(typed), err)) return false;
    if (typed && (flags & NM_PROMPT_UNESCAPE)) nm_buffer_unescape(text);

    size_t before = text->n_bytes;
    if (file && !nm_buffer_add_file(text, file, err)) return false;
    if (!(flags & NM_PROMPT_DROP_NEWLINE) || text->n_bytes == before) return true;
    char  *read = text->data + before;
    size_t n = nm_buffer_without_newline(read, text->n_bytes - before);
    size_t mark = nm_buffer_mark(read, n);
    memmove(read, read + mark, n - mark);
    text->n_bytes = before + n - mark;
    return true;
}

bool nm_prompt_tokenize(nm_ids *ids, const nomul_tokenizer *tokenizer, const nm_buffer *text,
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

bool nm_prompt_ids(nm_ids *ids, const nomul_tokenizer *tokenizer, const nm_buffer *text,
                   nomul_error *err)
{
    int32_t bos = nomul_token_bos(tokenizer);
    bool    add_bos = text->n_bytes == 0 || nomul_tokenizer_adds_bos(tokenizer);

    if (text->n_bytes == 0 && bos < 0)
        return nm_fail(err, NOMUL_E_UNSUPPORTED, "the prompt is empty and the model has no BOS");
    return (!add_bos || nm_ids_add(ids, bos, err)) &&
           nm_prompt_tokenize(ids, tokenizer, text, 0, err);
}

bool nm_prompt_decode(nm_buffer *text, const nomul_tokenizer *tokenizer, const int32_t *ids,
                      size_t n_ids, unsigned flags, nomul_error *err)
{
    nomul_decoder *decoder = nomul_decoder_new(tokenizer, flags, err);
    size_t         n_bytes = 0;
    bool           ok = decoder != NULL;

    for (size_t i = 0; ok && i <= n_ids; i++) {
        const char *bytes = i < n_ids ? nomul_decoder_push(decoder, ids[i], &n_bytes)
                                      : nomul_decoder_flush(decoder, &n_bytes);
        ok = !bytes || nm_buffer_add(text, bytes, n_bytes, err);
    }
    nomul_decoder_free(decoder);
    return ok;
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

bool nm_ids_read(nm_ids *ids, const char *text, size_t n_bytes, size_t n_vocab, nomul_error *err)
{
    static const char separators[] = ", \t\n\v\f\r";

    for (size_t at = 0, n = 0, number = 0; at < n_bytes; at += n + 1) { /* 1: the separator */
        const char *word = text + at;

        for (n = 0; at + n < n_bytes && !memchr(separators, word[n], sizeof separators - 1);) n++;
        if (n == 0) continue;
        bool   sign = word[0] == '-' || word[0] == '+', is_number = n > sign;
        int    shown = n < 40 ? (int)n : 40;
        size_t value = 0;
        number++;
        for (size_t i = sign; i < n; i++) {
            is_number = is_number && word[i] >= '0' && word[i] <= '9';
            if (value < n_vocab) value = 10 * value + (size_t)(word[i] - '0'); /* under 10 * 2^31 */
        }
        if (!is_number)
            return nm_fail(err, NOMUL_E_ARG, "'%.*s' (number %zu of the list) is not an id", shown,
                           word, number);
        if (!ids) continue;
        if (value >= n_vocab || (word[0] == '-' && value > 0))
            return nm_fail(err, NOMUL_E_ARG,
                           "id %.*s (number %zu of the list) is outside the vocabulary of %zu",
                           shown, word, number, n_vocab);
        if (!nm_ids_add(ids, (int32_t)value, err)) return false;
    }
    return true;
}
