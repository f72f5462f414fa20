/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to ids and back with SentencePiece BPE: of all adjacent pairs whose joined piece is in the
 * vocabulary, the one with the highest score is merged, of equal scores the leftmost, until none is
 * left; what is no piece then is encoded byte by byte.  Inside the library, beyond nomul.h.
 */
#ifndef NM_TOKENIZER_H
#define NM_TOKENIZER_H

#include "base/cancel.h"
#include "base/refs.h"
#include "tokens/vocab.h"

struct nomul_tokenizer {
    nm_vocab            vocab;
    nm_refs            *refs;   /* of the model that owns it; NULL in tests */
    const nomul_cancel *cancel; /* of nomul_tokenize */
};

/* A growing list of ids.  Begins as zeros; freed by nm_free(ids.at). */
typedef struct nm_id_list {
    int32_t *at;
    size_t   n, capacity;
} nm_id_list;

/* Room for n more.  The list is as it was on failure. */
bool nm_id_list_reserve(nm_id_list *list, size_t n, nomul_error *err);

/*
 * Appends the ids of text[n_bytes]; flags are nomul_tokenize's.  On failure, or when cancelled, the
 * list is as it was.
 */
bool nm_tokenizer_append(const nomul_tokenizer *tokenizer, const char *text, size_t n_bytes,
                         unsigned flags, const nomul_cancel *cancel, nm_id_list *list,
                         nomul_error *err);

/* Bytes that one id writes at most. */
size_t nm_decoder_max_bytes(const nm_vocab *vocab);

/*
 * Writes the bytes of an id to out, unfinished characters too, and returns their number.
 * *at_start: no piece has been written, so a leading space is not text if the vocabulary adds one;
 * cleared by a piece that is not a control token.
 */
size_t nm_decoder_write(const nm_vocab *vocab, int32_t id, bool special, bool *at_start, char *out);

#endif
