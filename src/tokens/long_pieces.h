/* SPDX-License-Identifier: Apache-2.0 */
/* All pairs of neighbours that spell a piece of more than NM_LONG_PIECE bytes. */
#ifndef NM_LONG_PIECES_H
#define NM_LONG_PIECES_H

#include "tokens/vocab.h"

/* Fills vocab->pairs, in time and memory that the size of all pieces bounds. */
bool nm_long_pieces_open(nm_vocab *vocab, nomul_error *err);

#endif
