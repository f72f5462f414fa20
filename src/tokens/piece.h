/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A piece of the vocabulary: its text, which stays in the mapped file, its score and type, and what
 * the optional keys of a model file say of it.  The id of a piece is its index.  vocab.h has all of
 * them with an index by text.
 */
#ifndef NM_PIECE_H
#define NM_PIECE_H

#include "format/gguf.h"
#include "format/sentencepiece.h"
#include "format/token_keys.h"

typedef struct nm_piece {
    const char *text; /* view into the file */
    uint32_t    n_text;
    float       score;
    uint8_t     type; /* nomul_token_type */
    bool        ends_text;
    uint16_t    attr; /* NM_ATTR_MERGED: merging may make it */
} nm_piece;

#endif
