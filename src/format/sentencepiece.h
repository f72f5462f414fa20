/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading tokenizer.model: the protobuf ModelProto of SentencePiece (sentencepiece_model.proto),
 * the parts that a BPE tokenizer needs.  What we don't do (unigram, a normalization that changes
 * text, ...) is refused by name.
 */
#ifndef NM_SENTENCEPIECE_H
#define NM_SENTENCEPIECE_H

#include "nomul.h"

#define NM_MAX_PIECE 7999 /* bytes; the sentencepiece library refuses longer ones too */

/* How a vocabulary spells a blank: U+2581. */
#define NM_BLANK "\xE2\x96\x81"
#define NM_BLANK_BYTES 3

/* The byte that a piece spelled <0xNN> stands for, NN in capitals; -1 if it is not one. */
int nm_sentencepiece_byte(const char *text, size_t n_text);

typedef struct nm_sp_piece {
    const char      *text; /* view into the file, not NUL-terminated */
    size_t           n_text;
    float            score;
    nomul_token_type type; /* the proto's numbers are GGUF's */
} nm_sp_piece;

/* Zeros are a closed one. */
typedef struct nm_sentencepiece {
    nm_sp_piece *pieces; /* owned */
    size_t       n_pieces;
    int32_t      unk_id, bos_id, eos_id; /* -1: none */
    bool         add_dummy_prefix;
} nm_sentencepiece;

/* data outlives it. */
bool nm_sentencepiece_open(nm_sentencepiece *sp, const void *data, size_t size, nomul_error *err);
void nm_sentencepiece_close(nm_sentencepiece *sp);

#endif
