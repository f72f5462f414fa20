/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text is mapped, or read whole from a pipe, and checked to be UTF-8 before a byte is tokenized.
 * Documents are tokenized in pieces, so memory does not grow with them, and the threads of a pool
 * share the pieces:
 *
 *     document   BOS | piece .. cut | piece .. cut | piece | EOS
 *
 * A cut is where the ids are the same as without it (nomul_tokenize_cut).  A round fills the room
 * for ids with pieces, tokenizes them and writes them in their order, so the file does not depend
 * on the number of threads.  The header, which has the number of ids, is written twice: first to
 * take its place.
 */
#include "train/token_cache.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/documents.h"
#include "base/error.h"
#include "base/os.h"
#include "base/utf8.h"

#include <string.h>

#define MAGIC "NMIDS\0\0\1"
#define HEADER_BYTES 40
#define IS_EMPTY "is empty: there is no text in it"
#define PIECE_BYTES ((size_t)1 << 18)
#define THREAD_PIECES 4    /* of PIECE_BYTES in a round, for each thread */
#define ROUND_PIECES 16384 /* in a round at most: documents may be short */

/* A stretch of a document; begins, ends: with BOS before its ids, with EOS after them. */
typedef struct text_piece {
    const char *text;
    size_t      n_bytes, at, n_ids; /* at: of its ids in the maker's */
    bool        begins, ends, is_done;
} text_piece;

typedef struct maker {
    nm_token_source from;
    nm_outfile      out;
    text_piece     *pieces; /* [ROUND_PIECES]: the round's */
    size_t          n_pieces;
    int32_t        *ids; /* a piece's become bytes as the file has them, in place */
    size_t          capacity, n_taken, id_bytes;
    uint64_t        n_ids, n_documents, text_bytes;
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
                char *larger = nm_alloc(capacity = capacity ? 2 * capacity : PIECE_BYTES);
                if (!larger) return nm_fail_memory(err, capacity);
                if (*n_bytes) memcpy(larger, *read, *n_bytes);
                nm_free(*read);
                *read = larger;
            }
            int failure = nm_os_read(NM_OS_STDIN, *read + *n_bytes, capacity - *n_bytes, &n);
            if (failure) {
                nm_fail_errno(err, NOMUL_E_IO, failure);
                return nm_fail_in(err, "%s", path);
            }
        }
        *text = *read;
    }
    bool ok = true;
    for (size_t at = 0; ok && at < *n_bytes; at += n) {
        n = nm_utf8_char(*text + at, *n_bytes - at, &code_point);
        ok = n > 0 || nm_fail(err, NOMUL_E_FORMAT,
                              "line %zu: byte %zu is not UTF-8: convert the text first", line, at);
        line += (*text)[at] == '\n';
    }
    return ok || nm_fail_in(err, "%s", path);
}

/* ---- Tokenizing ------------------------------------------------------------------------------ */

static bool tokenize_piece(const maker *m, text_piece *p, nomul_error *err)
{
    int32_t *ids = m->ids + p->at, eos = nomul_token_eos(m->from.tokenizer);
    uint8_t *bytes = (uint8_t *)ids;
    unsigned flags = p->begins ? 0 : NOMUL_TOKENIZE_NO_PREFIX;
    size_t   n = 0, first = p->begins;

    if (nomul_cancel_requested(m->from.cancel)) return nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
    if (p->begins) ids[0] = nomul_token_bos(m->from.tokenizer);
    if (p->n_bytes > 0 && nomul_tokenize(m->from.tokenizer, p->text, p->n_bytes, flags, ids + first,
                                         nomul_tokenize_bound(p->n_bytes), &n, err) != NOMUL_OK)
        return false;
    n += first;
    if (p->ends && eos >= 0) ids[n++] = eos;
    for (size_t i = 0; i < n; i++)
        if (m->id_bytes == 2)
            nm_store_u16(bytes + 2 * i, (uint16_t)ids[i]);
        else
            nm_store_u32(bytes + 4 * i, (uint32_t)ids[i]);
    p->n_ids = n;
    return true;
}

static void tokenize_pieces(void *context, size_t begin, size_t end, size_t thread)
{
    maker *m = context;

    (void)thread;
    for (text_piece *p = m->pieces + begin; p < m->pieces + end; p++)
        p->is_done = tokenize_piece(m, p, NULL);
}

/* What failed is tried again by itself: it has the reason, or the memory that it lacked before. */
static bool put_round(maker *m, nomul_error *err)
{
    nm_pool_run(m->from.pool, tokenize_pieces, m, m->n_pieces, 1);
    for (text_piece *p = m->pieces; p < m->pieces + m->n_pieces; p++) {
        if ((!p->is_done && !tokenize_piece(m, p, err)) ||
            !nm_outfile_write(&m->out, m->ids + p->at, p->n_ids * m->id_bytes, err))
            return false;
        m->n_ids += p->n_ids;
    }
    m->n_pieces = m->n_taken = 0;
    return true;
}

/*
 * In pieces that are cut where the ids do not change.  When the round has no room for a piece, it
 * is written before; a piece that no round has room for gets it.
 */
static bool put_document(maker *m, const char *text, size_t n_bytes, nomul_error *err)
{
    text_piece p = {.text = text, .begins = true};

    m->n_documents++, m->text_bytes += n_bytes;
    for (; !p.ends; p.text += p.n_bytes, n_bytes -= p.n_bytes, p.begins = false) {
        size_t n = nm_smaller(n_bytes, PIECE_BYTES);
        /* A piece without a safe cut is doubled until it has one or the document ends. */
        for (p.n_bytes = 0; n < n_bytes; n = nm_smaller(n_bytes, 2 * n)) {
            p.n_bytes = nomul_tokenize_cut(m->from.tokenizer, p.text, n, 0);
            if (p.n_bytes) break;
        }
        if (n == n_bytes) p.n_bytes = n, p.ends = true;
        size_t need = nomul_tokenize_bound(p.n_bytes) + 2; /* BOS, EOS */
        if (p.n_bytes > SIZE_MAX / 64) return nm_fail_memory(err, p.n_bytes);
        if (m->n_pieces > 0 && (m->n_pieces == ROUND_PIECES || need > m->capacity - m->n_taken) &&
            !put_round(m, err))
            return false;
        if (need > m->capacity) {
            nm_free(m->ids);
            m->ids = nm_alloc(need * sizeof *m->ids), m->capacity = m->ids ? need : 0;
            if (!m->ids) return nm_fail_memory(err, need * sizeof *m->ids);
        }
        p.at = m->n_taken, m->n_taken += need;
        m->pieces[m->n_pieces++] = p;
    }
    return true;
}

/* By the rule of base/documents.h, which `nomul perplexity --separator` follows too. */
static bool put_documents(maker *m, const char *text, size_t n_bytes, nomul_error *err)
{
    const char *separator = *m->from.separator ? m->from.separator : NULL;

    for (size_t n, n_end; n_bytes > 0; text += n + n_end, n_bytes -= n + n_end) {
        n = nm_document_end(text, n_bytes, separator, true, true, &n_end);
        if (n > 0 && !put_document(m, text, n, err)) return false;
    }
    return put_round(m, err);
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

/* There is room for a round of the threads' pieces, or the text; a larger piece gets more. */
bool nm_token_cache_make(const char *path, const char *text_path, const nm_token_source *from,
                         nomul_error *err)
{
    maker       m = {.from = *from, .out = {.fd = -1}};
    nm_filemap  map = {.size = 0};
    const char *text = NULL, *name = strcmp(text_path, "-") ? text_path : "standard input";
    char       *read = NULL;
    size_t      n_bytes = 0, piece_ids = nomul_tokenize_bound(PIECE_BYTES) + 2;

    if (nomul_token_bos(from->tokenizer) < 0)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "the tokenizer has no BOS, which begins every document");
    m.id_bytes = nomul_token_count(from->tokenizer) <= 65536 ? 2 : 4;
    bool ok = read_text(text_path, &map, &read, &text, &n_bytes, err);
    m.capacity = piece_ids *
                 nm_smaller(nm_pool_threads(from->pool) * THREAD_PIECES, n_bytes / PIECE_BYTES + 1);
    if (ok) {
        m.ids = nm_alloc(m.capacity * sizeof *m.ids);
        m.pieces = nm_alloc(ROUND_PIECES * sizeof *m.pieces);
    }
    ok = ok && ((m.ids && m.pieces) || nm_fail_memory(err, m.capacity * sizeof *m.ids)) &&
         nm_outfile_open(&m.out, path, (nm_watch){0}, err) && write_header(&m, err) &&
         put_documents(&m, text, n_bytes, err) &&
         (m.n_documents > 0 || nm_fail(err, NOMUL_E_FORMAT, "%s: " IS_EMPTY, name)) &&
         write_header(&m, err) && nm_outfile_commit(&m.out, err);
    nm_outfile_abort(&m.out);
    nm_filemap_close(&map);
    nm_free(read), nm_free(m.ids), nm_free(m.pieces);
    return ok;
}

bool nm_token_cache_try(const char *text_path, nomul_error *err)
{
    nm_filemap map = {.size = 0};

    if (strcmp(text_path, "-") == 0) return true;
    bool ok = nm_filemap_open(&map, text_path, false, NULL, err);
    if (ok && map.size == 0) {
        nm_fail(err, NOMUL_E_FORMAT, IS_EMPTY);
        ok = nm_fail_in(err, "%s", text_path);
    }
    nm_filemap_close(&map);
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
