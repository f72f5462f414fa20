/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/score/documents.h"

#include <string.h>

#include "base/error.h"
#include "cli/text/prompt.h"

#define SLICE 4096 /* bytes, about a thousand tokens */

static void drop_front(nm_text *text, size_t n_bytes)
{
    if (n_bytes == 0) return;
    text->n_bytes -= n_bytes;
    memmove(text->data, text->data + n_bytes, text->n_bytes);
}

/* ---- One document ---------------------------------------------------------------------------- */

static bool begin(nm_documents *d, nomul_error *err)
{
    nomul_session_reset(d->tally.session);
    d->n_documents++;
    d->begun = false;
    d->text.n_bytes = d->n_held = d->ids.n = 0;
    return nm_ids_add(&d->ids, nomul_token_bos(d->tokenizer), err);
}

/* The last id stays: what comes is scored after it. */
static bool score_ids(nm_documents *d, nomul_error *err)
{
    if (!nm_tally_score(&d->tally, d->ids.at, d->ids.n, err)) return false;
    d->ids.at[0] = d->ids.at[d->ids.n - 1];
    d->ids.n = 1;
    return true;
}

/* text[0..n_bytes), cut where it may be. */
static bool score_text(nm_documents *d, size_t n_bytes, nomul_error *err)
{
    nm_text part = {.data = d->text.data, .n_bytes = n_bytes};

    if (n_bytes == 0) return true;
    if (!nm_prompt_tokenize(&d->ids, d->tokenizer, &part, d->begun ? NOMUL_TOKENIZE_NO_PREFIX : 0,
                            err) ||
        !score_ids(d, err))
        return false;
    d->begun = true;
    d->n_bytes += n_bytes;
    d->bytes_nats = d->tally.nats;
    drop_front(&d->text, n_bytes);
    return true;
}

/* In slices, so that what a signal interrupts is never much. */
static bool add(nm_documents *d, const char *bytes, size_t n_bytes, nomul_error *err)
{
    for (size_t n; n_bytes > 0; bytes += n, n_bytes -= n) {
        n = n_bytes < SLICE ? n_bytes : SLICE;
        if (!nm_text_add(&d->text, bytes, n, err)) return false;
        size_t n_safe = nomul_tokenize_cut(d->tokenizer, d->text.data, d->text.n_bytes, d->n_held);
        if (!score_text(d, n_safe, err)) return false;
        d->n_held = d->text.n_bytes;
    }
    return true;
}

static bool end(nm_documents *d, nomul_error *err)
{
    if (!score_text(d, d->text.n_bytes, err)) return false;
    if (!d->separator) return true;
    if (!nm_ids_add(&d->ids, nomul_token_eos(d->tokenizer), err) || !score_ids(d, err))
        return false;
    d->bytes_nats = d->tally.nats;
    return true;
}

/* ---- Many of them ---------------------------------------------------------------------------- */

static bool make_needle(nm_documents *d, nomul_error *err)
{
    const char *separator = d->separator;

    return !separator || (nm_text_add(&d->needle, "\n", 1, err) &&
                          nm_text_add(&d->needle, separator, strlen(separator), err) &&
                          nm_text_add(&d->needle, "\n", 1, err));
}

/*
 * Where the first needle begins, or else what may become one: as much of a needle as there is up to
 * the end of the input.  The input's end if there is neither.
 */
static size_t find_needle(const nm_documents *d)
{
    const char *data = d->input.data;
    size_t      n = d->input.n_bytes, n_needle = d->needle.n_bytes;

    for (size_t at = 0; n_needle > 0 && at < n; at++) {
        const char *newline = memchr(data + at, '\n', n - at);
        if (!newline) break;
        at = (size_t)(newline - data);
        if (memcmp(newline, d->needle.data, n_needle < n - at ? n_needle : n - at) == 0) return at;
    }
    return n;
}

/*
 * Gives the documents all of the input but what may be the beginning of a needle.  One at the very
 * end of the input is none: its last newline is the file's, which is dropped before all else.
 */
static bool split(nm_documents *d, nomul_error *err)
{
    for (;;) {
        size_t at = find_needle(d);
        if (!add(d, d->input.data, at, err)) return false;
        drop_front(&d->input, at);
        if (d->needle.n_bytes == 0 || d->input.n_bytes <= d->needle.n_bytes) return true;
        if (!end(d, err) || !begin(d, err)) return false;
        drop_front(&d->input, d->needle.n_bytes);
    }
}

/* The file's last newline may be the beginning of a needle, so it is still here. */
static bool finish(nm_documents *d, nomul_error *err)
{
    nm_text *rest = &d->input;

    if (rest->n_bytes > 0 && rest->data[rest->n_bytes - 1] == '\n') rest->n_bytes--;
    return add(d, rest->data, rest->n_bytes, err) && end(d, err);
}

static bool check_specials(const nm_documents *d, nomul_error *err)
{
    if (nomul_token_bos(d->tokenizer) < 0)
        return nm_fail(err, NOMUL_E_UNSUPPORTED, "the model has no BOS to begin a text with");
    if (d->separator && nomul_token_eos(d->tokenizer) < 0)
        return nm_fail(err, NOMUL_E_UNSUPPORTED, "the model has no EOS to end a document with");
    return true;
}

bool nm_documents_score(nm_documents *d, int fd, nomul_error *err)
{
    size_t n = 0;

    if (!check_specials(d, err) || !make_needle(d, err)) return false;
    if (!nm_text_read(&d->input, fd, &n, err)) return false;
    if (n == 0) return nm_fail(err, NOMUL_E_ARG, "is empty: there is nothing to score");
    if (!begin(d, err)) return false;
    while (n > 0)
        if (!split(d, err) || !nm_text_read(&d->input, fd, &n, err)) return false;
    return finish(d, err);
}

void nm_documents_free(nm_documents *d)
{
    nm_text_free(&d->needle);
    nm_text_free(&d->input);
    nm_text_free(&d->text);
    nm_ids_free(&d->ids);
}
