/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A terminal's screen, as far as nomul uses one: text with wide and combining characters, wrapping
 * after the last column, scrolling, CR, LF, BS, and of CSI the letters A C H J K m h l.  Anything
 * else is wrong: nomul must not send it.
 */
#ifndef NM_SCREEN_H
#define NM_SCREEN_H

#include <stdbool.h>
#include <stddef.h>

#define SCREEN_MOST 128 /* columns, rows */

typedef struct screen {
    size_t columns, rows, column, row; /* column == columns: the next character wraps */
    char   sequence[32];               /* that has begun */
    size_t n_sequence;
    bool   colored, bracketed;                  /* SGR is on; DECSET 2004 is */
    bool   escaped;                             /* an escape sequence came */
    char   wrong[64];                           /* the first thing that is not known; "": none */
    char   cells[SCREEN_MOST][SCREEN_MOST][16]; /* UTF-8; "" in the second half of a wide one */
} screen;

void screen_begin(screen *s, size_t columns, size_t rows);
void screen_write(screen *s, const char *bytes, size_t n_bytes);

/* Row without the spaces at its end. */
const char *screen_row(const screen *s, size_t row);
bool        screen_has(const screen *s, const char *text);

#endif
