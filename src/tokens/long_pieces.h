/* SPDX-License-Identifier: Apache-2.0 */
/* All pairs of neighbours that spell a piece of more than NM_LONG_PIECE bytes. */
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
