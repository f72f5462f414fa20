/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text as token ids in a file, which is mapped: tokenized once, read in any order.
 *
 *     "NMIDS\0\0\1" | bytes of an id, ids, documents, bytes of text: u64 each | ids ...
 *
 * An id has 2 bytes where the vocabulary allows it, else 4.  A document is BOS, its text, and EOS
 * where the vocabulary has one.  All numbers are little-endian.
 */
#ifndef NM_TOKEN_CACHE_H
#define NM_TOKEN_CACHE_H

#include "base/bytes.h"
#include "base/file.h"
#include "base/pool.h"

typedef struct nm_token_cache {
    nm_filemap     map;
    const uint8_t *ids;
    size_t         n_ids, id_bytes;
    uint64_t       n_documents, text_bytes;
} nm_token_cache;

/* What makes ids of a text.  The pool's threads do so at once, up to 32 MiB of memory each. */
typedef struct nm_token_source {
    const nomul_tokenizer *tokenizer;
    const char            *separator; /* base/documents.h; "": the text is one document */
    nm_pool               *pool;
    const nomul_cancel    *cancel; /* or NULL */
} nm_token_source;

/*
 * Tokenizes the file at text_path, "-" for standard input, into a new file, whose bytes are the
 * same for any number of threads.  Errors name the text.
 */
bool nm_token_cache_make(const char *path, const char *text_path, const nm_token_source *from,
                         nomul_error *err);

/* Is there a text to be read?  Standard input is not looked at. */
bool nm_token_cache_try(const char *text_path, nomul_error *err);

/* The same ids in another new file. */
bool nm_token_cache_copy(const char *path, const char *from, nomul_error *err);

/* Every id must be below n_vocab, and there must be two of them. */
bool nm_token_cache_open(nm_token_cache *cache, const char *path, size_t n_vocab, nomul_error *err);
void nm_token_cache_close(nm_token_cache *cache);

static inline int32_t nm_token_cache_get(const nm_token_cache *c, size_t i)
{
    return (int32_t)(c->id_bytes == 2 ? nm_load_u16(c->ids + 2 * i) : nm_load_u32(c->ids + 4 * i));
}

#endif
