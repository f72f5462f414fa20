/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many columns of a terminal a character takes.  Derived from EastAsianWidth.txt and the
 * general categories of Unicode 14, as terminals do; not from the C library, whose wcwidth depends
 * on the locale.
 */
#ifndef NM_CHAR_WIDTH_H
#define NM_CHAR_WIDTH_H

#include <stdint.h>

/* What a terminal obeys instead of showing: C0, DEL, C1, bidirectional marks, line separators. */
#define NM_WIDTH_CONTROL (-1)

/* 0 (a combining mark), 1, 2 (wide), or NM_WIDTH_CONTROL. */
int nm_char_width(uint32_t code_point);

#endif
