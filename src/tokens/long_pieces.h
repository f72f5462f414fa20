/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All pairs of neighbours that spell a piece of more than NM_LONG_PIECE bytes, found when a
 * vocabulary is opened.  With them no look-up of the tokenizer reads more than that, however long
 * the pieces of a hostile file are.
 */
#ifndef NM_LONG_PIECES_H
#define NM_LONG_PIECES_H

#include "tokens/pairs.h"
#include "tokens/piece.h"

/*
 * Fills pairs, in time and memory that the size of all pieces bounds.  max_piece: length of the
 * longest.
 */
bool nm_long_pieces_open(nm_pairs *pairs, const nm_piece *pieces, size_t n_pieces, size_t max_piece,
                         nomul_error *err);

#endif
