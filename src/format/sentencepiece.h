/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads tokenizer.model, the protobuf ModelProto of SentencePiece (sentencepiece_model.proto), as
 * far as a BPE tokenizer needs it.  What is not supported (unigram models, normalization that
 * changes the text) is refused by name.
 */
#ifndef NM_SENTENCEPIECE_H
#define NM_SENTENCEPIECE_H

#include "nomul.h"

#define NM_MAX_PIECE 7999 /* bytes; the sentencepiece library refuses longer ones too */

/* How a vocabulary writes a space: U+2581. */
#define NM_BLANK "\xE2\x96\x81"
#define NM_BLANK_BYTES 3

/* Bytes of a text once its spaces are written so. */
static inline size_t nm_spelled_bytes(const char *text, size_t n_text)
{
    size_t n = n_text;

    for (size_t i = 0; i < n_text; i++)
        if (text[i] == ' ') n += NM_BLANK_BYTES - 1;
    return n;
}

/* The byte of a piece <0xNN>, NN in capitals; -1 for any other piece. */
int nm_sentencepiece_byte(const char *text, size_t n_text);

typedef struct nm_sp_piece {
    const char      *text; /* in the file, not NUL-terminated */
    size_t           n_text;
    float            score;
    nomul_token_type type; /* the proto's numbers are GGUF's */
} nm_sp_piece;

/* A zeroed struct is closed. */
typedef struct nm_sentencepiece {
    nm_sp_piece *pieces; /* owned */
    size_t       n_pieces;
    int32_t      unk_id, bos_id, eos_id; /* -1: none */
    bool         add_dummy_prefix;
} nm_sentencepiece;

/*
 * Reads a whole file.  Pieces are checked: none is empty or there twice, all are UTF-8, one is of
 * type unknown, all 256 bytes are there, special ids have the type that they must have.  data must
 * outlive sp.  On failure sp is closed; the caller adds the path to the error.
 */
bool nm_sentencepiece_open(nm_sentencepiece *sp, const void *data, size_t size, nomul_error *err);
void nm_sentencepiece_close(nm_sentencepiece *sp);

#endif
