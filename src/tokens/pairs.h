/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which two neighbours merge into which piece, where the text of the piece does not tell or is too
 * long to look up: the merges of a vocabulary that ranks pairs (tokenizer.ggml.merges), and all
 * pairs that spell a piece of more than NM_LONG_PIECE bytes.  So a look-up never costs more than
 * NM_LONG_PIECE bytes.
 */
#ifndef NM_PAIRS_H
#define NM_PAIRS_H

#include "base/arena.h"
#include "format/token_keys.h"

#define NM_LONG_PIECE 256

/*
 * A neighbour: its id, or the code point of a character that is no piece.  A byte that is in no
 * valid character is in no piece, and gets NM_SYMBOL_BYTE.
 */
typedef uint32_t nm_symbol_key;
#define NM_SYMBOL_CHAR 0x80000000u
#define NM_SYMBOL_BYTE 0xFFFFFFFFu

typedef struct nm_pair_slot {
    nm_symbol_key left, right;
    uint32_t      id_plus_1; /* of the piece; 0: free */
    float         score;     /* the higher goes first */
} nm_pair_slot;

/* Zeros are an empty one. */
typedef struct nm_pairs {
    nm_arena      arena;
    nm_pair_slot *slots;
    size_t        mask, n_pairs;
} nm_pairs;

/* Room for n pairs; more than NM_MAX_PAIRS are NOMUL_E_UNSUPPORTED. */
bool nm_pairs_open(nm_pairs *pairs, size_t n, nomul_error *err);
void nm_pairs_close(nm_pairs *pairs);

/* Adds a pair or replaces it; at most n different ones. */
void nm_pairs_add(nm_pairs *pairs, nm_symbol_key left, nm_symbol_key right, int32_t id,
                  float score);

/* NULL: they do not merge. */
const nm_pair_slot *nm_pairs_find(const nm_pairs *pairs, nm_symbol_key left, nm_symbol_key right);

#endif
