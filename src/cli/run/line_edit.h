/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line editor without a terminal: bytes that a terminal sends go in, and the bytes that bring its
 * screen up to date come out.  typing.c connects it with a real one.
 *
 *   keys -> decoder -> action on text and cursor -> draw -> screen
 *
 * Nothing but characters that were typed or pasted gets into the text: escape sequences and control
 * characters are keys that are obeyed or dropped.
 */
#ifndef NM_LINE_EDIT_H
#define NM_LINE_EDIT_H

#include <stdint.h>

#include "cli/run/history.h"

typedef enum nm_edit_end {
    NM_EDIT_OPEN,  /* more keys are needed */
    NM_EDIT_LINE,  /* Enter: the line is complete */
    NM_EDIT_CLOSE, /* Ctrl-D in an empty line */
} nm_edit_end;

/* Begins as zeros and what is the caller's. */
typedef struct nm_line_edit {
    /* The caller's: */
    const char       *prompt;        /* ASCII */
    const char       *style;         /* SGR sequence of the text; "": none */
    size_t            columns, rows; /* of the screen; may change before any draw */
    bool              plain;  /* no escape sequences on the screen: the cursor stays at the end */
    bool              silent; /* plain: show the prompt alone */
    const nm_history *history;

    nm_buffer   text; /* may have newlines, which were pasted */
    size_t      cursor;
    nm_edit_end end;
    nm_buffer   screen; /* to be written; the caller empties it */

    size_t    recalled; /* this many lines back in the history; 0: the line itself */
    nm_buffer draft;    /* the line itself, while another is recalled */

    char   bytes[4]; /* a character so far */
    size_t n_bytes;
    char   sequence[16]; /* an escape sequence so far, its end cut off if it is too long */
    size_t n_sequence;
    bool   in_string; /* in the argument of OSC, DCS, APC, PM or SOS */
    bool   pasting, after_return;

    size_t    top, row; /* the first row of the text on the screen; the cursor's row below it */
    nm_buffer shown;    /* plain: the text on the screen */
} nm_line_edit;

/* What puts a terminal into the mode that the editor expects, and back: bracketed paste. */
#define NM_EDIT_ON "\x1b[?2004h"
#define NM_EDIT_OFF "\x1b[?2004l"

/* An empty line on a new row of the screen; keeps the memory. */
void nm_line_edit_begin(nm_line_edit *edit);
void nm_line_edit_free(nm_line_edit *edit);

/* One byte that was typed; false without memory.  edit->end says whether that was all. */
bool nm_line_edit_key(nm_line_edit *edit, char byte, nomul_error *err);

/* Appends to the screen what makes it show the line; once it has ended, all of it. */
bool nm_line_edit_draw(nm_line_edit *edit, nomul_error *err);

/* The screen is as it was after begin: something else has been written to it. */
void nm_line_edit_lost(nm_line_edit *edit);

/* The size of the screen has changed, and terminals have wrapped the rows anew. */
void nm_line_edit_resize(nm_line_edit *edit, size_t columns, size_t rows);

/* ---- Columns --------------------------------------------------------------------------------- */

/*
 * How many columns of a terminal a character takes: 0 (a combining mark), 1, 2 (wide), or
 * NM_WIDTH_CONTROL for what it obeys instead of showing: C0, DEL, C1, bidirectional marks, line
 * separators.  Derived from EastAsianWidth.txt and the general categories of Unicode 14, as
 * terminals do; not from the C library, whose wcwidth depends on the locale.
 */
#define NM_WIDTH_CONTROL (-1)
int nm_char_width(uint32_t code_point);

#endif
