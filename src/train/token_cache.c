/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text is mapped, or read whole from a pipe, and checked to be UTF-8 before a byte is tokenized.
 * Documents are tokenized in slices, so memory does not grow with them:
 *
 *     document   BOS | slice .. cut | slice .. cut | rest | EOS
 *
 * A cut is where the ids are the same as without it (nomul_tokenize_cut).  The header, which has
 * the number of ids, is written twice: first to take its place.
 */
#include "train/token_cache.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "base/utf8.h"

#include <string.h>

#define MAGIC "NMIDS\0\0\1"
#define HEADER_BYTES 40
#define SLICE ((size_t)1 << 20)

typedef struct maker {
    const nomul_tokenizer *tokenizer;
    const nomul_cancel    *cancel;
    nm_outfile             out;
    int32_t               *ids;
    uint8_t               *bytes; /* of them, as the file has them */
    size_t                 capacity, id_bytes;
    uint64_t               n_ids, n_documents, text_bytes;
} maker;

/* ---- Reading --------------------------------------------------------------------------------- */

/*
 * A file is mapped; standard input is read to its end, into *read, which the caller frees.  All of
 * the text has to be UTF-8: an error names line and byte.
 */
static bool read_text(const char *path, nm_filemap *map, char **read, const char **text,
                      size_t *n_bytes, nomul_error *err)
{
    size_t   capacity = 0, line = 1, n = 1;
    uint32_t code_point;

    if (strcmp(path, "-") != 0) {
        if (!nm_filemap_open(map, path, false, NULL, err)) return false;
        *text = (const char *)map->data, *n_bytes = map->size;
    } else {
        path = "standard input";
        for (*n_bytes = 0; n > 0; *n_bytes += n) {
            if (*n_bytes == capacity) {
                char *larger = nm_alloc(capacity = capacity ? 2 * capacity : SLICE);
                if (!larger) return nm_fail_memory(err, capacity);
                if (*n_bytes) memcpy(larger, *read, *n_bytes);
                nm_free(*read);
                *read = larger;
            }
            int failure = nm_os_read(NM_OS_STDIN, *read + *n_bytes, capacity - *n_bytes, &n);
            if (failure) return nm_fail_errno(err, NOMUL_E_IO, failure);
        }
        *text = *read;
    }
    bool ok = *n_bytes > 0 || nm_fail(err, NOMUL_E_ARG, "is empty: there is nothing to train on");
    for (size_t at = 0; ok && at < *n_bytes; at += n) {
        n = nm_utf8_char(*text + at, *n_bytes - at, &code_point);
        ok = n > 0 || nm_fail(err, NOMUL_E_FORMAT,
                              "line %zu: byte %zu is not UTF-8: convert the text first", line, at);
        line += (*text)[at] == '\n';
    }
    return ok || nm_fail_in(err, "%s", path);
}

/* ---- Tokenizing ------------------------------------------------------------------------------ */

/* Ids in the width of this file; m->bytes has room for them. */
static bool put_ids(maker *m, const int32_t *ids, size_t n, nomul_error *err)
{
    for (size_t i = 0; i < n; i++)
        if (m->id_bytes == 2)
            nm_store_u16(m->bytes + 2 * i, (uint16_t)ids[i]);
        else
            nm_store_u32(m->bytes + 4 * i, (uint32_t)ids[i]);
    m->n_ids += n;
    return nm_outfile_write(&m->out, m->bytes, n * m->id_bytes, err);
}

/* Room for the ids of a slice. */
static bool reserve(maker *m, size_t n_bytes, nomul_error *err)
{
    size_t n = nomul_tokenize_bound(n_bytes);

    if (n <= m->capacity) return true;
    nm_free(m->ids), nm_free(m->bytes);
    m->ids = n < SIZE_MAX / 8 ? nm_alloc(n * sizeof *m->ids) : NULL;
    m->bytes = n < SIZE_MAX / 8 ? nm_alloc(n * 4) : NULL;
    m->capacity = m->ids && m->bytes ? n : 0;
    return m->capacity || nm_fail_memory(err, n);
}

/* BOS, the text in slices that are cut where the ids do not change, EOS. */
static bool put_document(maker *m, const char *text, size_t n_bytes, nomul_error *err)
{
    int32_t  bos = nomul_token_bos(m->tokenizer), eos = nomul_token_eos(m->tokenizer);
    unsigned flags = 0;
    size_t   n_ids, n;

    if (!reserve(m, SLICE, err) || !put_ids(m, &bos, 1, err)) return false;
    m->n_documents++, m->text_bytes += n_bytes;
    for (; n_bytes > 0; text += n, n_bytes -= n, flags = NOMUL_TOKENIZE_NO_PREFIX) {
        size_t slice = nm_smaller(n_bytes, SLICE);
        /* A slice without a safe cut is doubled until it has one or the document ends. */
        for (n = slice; slice < n_bytes; slice = nm_smaller(n_bytes, 2 * slice)) {
            n = nomul_tokenize_cut(m->tokenizer, text, slice, 0);
            if (n) break;
        }
        if (slice == n_bytes) n = n_bytes;
        if (nomul_cancel_requested(m->cancel)) return nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
        if (!reserve(m, n, err) || nomul_tokenize(m->tokenizer, text, n, flags, m->ids, m->capacity,
                                                  &n_ids, err) != NOMUL_OK)
            return false;
        if (!put_ids(m, m->ids, n_ids, err)) return false;
    }
    return eos < 0 || put_ids(m, &eos, 1, err);
}

/*
 * A document ends at the newline before a line that is the separator alone:
 *
 *     text ... \n separator \n text of the next document
 *     0        at             at + n + 2
 */
static bool put_documents(maker *m, const char *text, size_t n_bytes, const char *separator,
                          nomul_error *err)
{
    size_t n = strlen(separator);

    if (text[n_bytes - 1] == '\n') n_bytes--;
    for (;;) {
        size_t at = n ? 0 : n_bytes;
        for (; at + n + 2 <= n_bytes; at++) {
            const char *newline = memchr(text + at, '\n', n_bytes - at - n - 1);
            at = newline ? (size_t)(newline - text) : n_bytes;
            if (!newline || (memcmp(newline + 1, separator, n) == 0 && newline[n + 1] == '\n'))
                break;
        }
        if (at + n + 2 > n_bytes) return put_document(m, text, n_bytes, err);
        if (!put_document(m, text, at, err)) return false;
        text += at + n + 2, n_bytes -= at + n + 2;
    }
}

/* At the end of an empty file, or over the one that is there; the layout is in the .h. */
static bool write_header(maker *m, nomul_error *err)
{
    uint8_t        header[HEADER_BYTES] = MAGIC;
    const uint64_t numbers[] = {m->id_bytes, m->n_ids, m->n_documents, m->text_bytes};

    for (size_t i = 0; i < 4; i++) nm_store_u64(header + 8 + 8 * i, numbers[i]);
    return m->n_ids ? nm_outfile_rewrite(&m->out, 0, header, sizeof header, err)
                    : nm_outfile_write(&m->out, header, sizeof header, err);
}

bool nm_token_cache_make(const char *path, const char *text_path, const nomul_tokenizer *tokenizer,
                         const char *separator, const nomul_cancel *cancel, nomul_error *err)
{
    maker       m = {.tokenizer = tokenizer, .cancel = cancel, .out = {.fd = -1}};
    nm_filemap  map = {.size = 0};
    const char *text = NULL;
    char       *read = NULL;
    size_t      n_bytes = 0;

    if (nomul_token_bos(tokenizer) < 0)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "the tokenizer has no BOS, which begins every document");
    m.id_bytes = nomul_token_count(tokenizer) <= 65536 ? 2 : 4;
    bool ok = read_text(text_path, &map, &read, &text, &n_bytes, err) &&
              nm_outfile_open(&m.out, path, (nm_watch){0}, err) && write_header(&m, err) &&
              put_documents(&m, text, n_bytes, separator, err) && write_header(&m, err) &&
              nm_outfile_commit(&m.out, err);
    nm_outfile_abort(&m.out);
    nm_filemap_close(&map);
    nm_free(read), nm_free(m.ids), nm_free(m.bytes);
    return ok;
}

bool nm_token_cache_copy(const char *path, const char *from, nomul_error *err)
{
    nm_filemap map = {.size = 0};
    nm_outfile out = {.fd = -1};

    bool ok = nm_filemap_open(&map, from, false, NULL, err) &&
              nm_outfile_open(&out, path, (nm_watch){0}, err) &&
              nm_outfile_write(&out, map.data, map.size, err) && nm_outfile_commit(&out, err);
    nm_outfile_abort(&out);
    nm_filemap_close(&map);
    return ok;
}

/* ---- Using it -------------------------------------------------------------------------------- */

/* Ids are checked here, once, so that no reader has to. */
bool nm_token_cache_open(nm_token_cache *c, const char *path, size_t n_vocab, nomul_error *err)
{
    *c = (nm_token_cache){.n_ids = 0};
    if (!nm_filemap_open(&c->map, path, false, NULL, err)) return false;
    const uint8_t *data = c->map.data;
    bool           ok = c->map.size >= HEADER_BYTES && memcmp(data, MAGIC, 8) == 0;
    if (ok) {
        uint64_t n_ids = nm_load_u64(data + 16);
        c->id_bytes = (size_t)nm_load_u64(data + 8);
        c->n_documents = nm_load_u64(data + 24), c->text_bytes = nm_load_u64(data + 32);
        ok = (c->id_bytes == 2 || c->id_bytes == 4) && n_ids >= 2 &&
             n_ids == (c->map.size - HEADER_BYTES) / c->id_bytes;
        c->ids = data + HEADER_BYTES, c->n_ids = (size_t)n_ids;
    }
    if (!ok) nm_fail(err, NOMUL_E_FORMAT, "%s: is not a file of token ids", path);
    for (size_t i = 0; ok && i < c->n_ids; i++)
        if ((uint32_t)nm_token_cache_get(c, i) >= n_vocab)
            ok = nm_fail(err, NOMUL_E_FORMAT, "%s: id %zu is outside the vocabulary of %zu", path,
                         i, n_vocab);
    if (!ok) nm_token_cache_close(c);
    return ok;
}

void nm_token_cache_close(nm_token_cache *c)
{
    nm_filemap_close(&c->map);
    *c = (nm_token_cache){.n_ids = 0};
}
