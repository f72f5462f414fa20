/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys are a table from what the terminal sends to an action; the decoder below it knows where a
 * sequence of ECMA-48 ends, also one that is no key, so nothing of it is taken for text.
 *
 * Every draw writes all rows anew: a terminal shows them faster than anyone types, and the screen
 * depends on nothing but the text, the cursor and the size.
 */
#include "cli/run/line_edit.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "cli/run/char_width.h"

enum { CTRL_D = 0x04, ESC = 0x1B };

/* ---- Text ------------------------------------------------------------------------------------ */

/* Bytes of the character at `at`, and its columns; a byte that begins none is a control. */
static size_t look(const nm_buffer *text, size_t at, int *width)
{
    uint32_t c = 0;
    size_t   n = nm_utf8_char(text->data + at, text->n_bytes - at, &c);

    *width = n > 0 ? nm_char_width(c) : NM_WIDTH_CONTROL;
    return n > 0 ? n : 1;
}

/* The end of the character at `at`, with the marks that combine with it. */
static size_t after(const nm_buffer *text, size_t at)
{
    int width;

    if (at < text->n_bytes) at += look(text, at, &width);
    for (size_t n; at < text->n_bytes; at += n) {
        n = look(text, at, &width);
        if (width != 0) break;
    }
    return at;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n';
}

static bool insert(nm_line_edit *e, const char *bytes, size_t n, nomul_error *err)
{
    if (!nm_buffer_add(&e->text, bytes, n, err)) return false;
    char *at = e->text.data + e->cursor;
    memmove(at + n, at, e->text.n_bytes - n - e->cursor);
    memcpy(at, bytes, n);
    e->cursor += n;
    return true;
}

static bool erase(nm_line_edit *e, size_t from, size_t to)
{
    if (from < to) memmove(e->text.data + from, e->text.data + to, e->text.n_bytes - to);
    e->text.n_bytes -= to - from;
    e->cursor = from;
    return true;
}

/* Shows another line of the history, or with 0 the one that was being typed. */
static bool recall(nm_line_edit *e, size_t back, nomul_error *err)
{
    if (e->recalled == 0) {
        nm_buffer other = e->draft;
        e->draft = e->text, e->text = other;
    }
    e->text.n_bytes = 0;
    e->recalled = back;
    bool ok = back ? nm_history_get(e->history, back, &e->text, err)
                   : nm_buffer_add(&e->text, e->draft.data, e->draft.n_bytes, err);
    e->cursor = e->text.n_bytes;
    return ok;
}

/* ---- Keys ------------------------------------------------------------------------------------ */

typedef enum motion {
    TO_CHAR_BEFORE,
    TO_CHAR_AFTER,
    TO_WORD_BEFORE,
    TO_WORD_AFTER,
    TO_BEGIN,
    TO_END,
    NOWHERE, /* last: not a motion */
} motion;

typedef enum effect { MOVE, ERASE, ENTER, CLOSE, OLDER, NEWER, CLEAR, PASTE, PASTED } effect;

typedef struct key {
    const char *sequence;
    effect      effect;
    motion      motion;
} key;

/* clang-format off */
static const key keys[] = {
    {"\x01", MOVE, TO_BEGIN},             {"\x05", MOVE, TO_END},
    {"\x1b[H", MOVE, TO_BEGIN},           {"\x1b[F", MOVE, TO_END},
    {"\x1bOH", MOVE, TO_BEGIN},           {"\x1bOF", MOVE, TO_END},
    {"\x1b[1~", MOVE, TO_BEGIN},          {"\x1b[4~", MOVE, TO_END},
    {"\x1b[7~", MOVE, TO_BEGIN},          {"\x1b[8~", MOVE, TO_END},
    {"\x02", MOVE, TO_CHAR_BEFORE},       {"\x06", MOVE, TO_CHAR_AFTER},
    {"\x1b[D", MOVE, TO_CHAR_BEFORE},     {"\x1b[C", MOVE, TO_CHAR_AFTER},
    {"\x1bOD", MOVE, TO_CHAR_BEFORE},     {"\x1bOC", MOVE, TO_CHAR_AFTER},
    {"\x1b" "b", MOVE, TO_WORD_BEFORE},   {"\x1b" "f", MOVE, TO_WORD_AFTER},
    {"\x1b[1;5D", MOVE, TO_WORD_BEFORE},  {"\x1b[1;5C", MOVE, TO_WORD_AFTER},
    {"\x1b[1;3D", MOVE, TO_WORD_BEFORE},  {"\x1b[1;3C", MOVE, TO_WORD_AFTER},
    {"\x7f", ERASE, TO_CHAR_BEFORE},      {"\x1b[3~", ERASE, TO_CHAR_AFTER},
    {"\x08", ERASE, TO_CHAR_BEFORE},      {"\x04", CLOSE, TO_CHAR_AFTER},
    {"\x17", ERASE, TO_WORD_BEFORE},      {"\x1b" "d", ERASE, TO_WORD_AFTER},
    {"\x1b\x7f", ERASE, TO_WORD_BEFORE},
    {"\x15", ERASE, TO_BEGIN},            {"\x0b", ERASE, TO_END},
    {"\x10", OLDER, NOWHERE},             {"\x0e", NEWER, NOWHERE},
    {"\x1b[A", OLDER, NOWHERE},           {"\x1b[B", NEWER, NOWHERE},
    {"\x1bOA", OLDER, NOWHERE},           {"\x1bOB", NEWER, NOWHERE},
    {"\r", ENTER, NOWHERE},               {"\n", ENTER, NOWHERE},
    {"\x0c", CLEAR, NOWHERE},
    {"\x1b[200~", PASTE, NOWHERE},        {"\x1b[201~", PASTED, NOWHERE},
};
/* clang-format on */

/* Where a motion leads; a word is what has no space in it. */
static size_t move(const nm_line_edit *e, motion m)
{
    const nm_buffer *text = &e->text;
    size_t           at = e->cursor, last = 0;

    switch (m) {
    case TO_CHAR_BEFORE:
        for (size_t next = 0; next < at; next = after(text, next)) last = next;
        return last;
    case TO_CHAR_AFTER: return after(text, at);
    case TO_WORD_BEFORE:
        while (at > 0 && is_space(text->data[at - 1])) at--;
        while (at > 0 && !is_space(text->data[at - 1])) at--;
        return at;
    case TO_WORD_AFTER:
        while (at < text->n_bytes && is_space(text->data[at])) at++;
        while (at < text->n_bytes && !is_space(text->data[at])) at++;
        return at;
    case TO_BEGIN: return 0;
    case TO_END: return text->n_bytes;
    case NOWHERE: break;
    }
    return at;
}

/* A control character or a complete sequence.  In a paste only its end means something. */
static bool press(nm_line_edit *e, nomul_error *err)
{
    size_t     n = e->n_sequence, at = e->cursor;
    const key *k = keys, *end = keys + sizeof keys / sizeof *keys;

    e->n_sequence = 0;
    while (k < end && (strlen(k->sequence) != n || memcmp(k->sequence, e->sequence, n) != 0)) k++;
    if (k == end || (e->pasting && k->effect != PASTED)) return true;
    size_t to = move(e, k->motion);
    switch (k->effect) {
    case MOVE: e->cursor = e->plain ? at : to; return true;
    case ERASE: return erase(e, at < to ? at : to, at < to ? to : at);
    case CLOSE:
        if (e->text.n_bytes > 0) return erase(e, at, to);
        e->end = NM_EDIT_CLOSE;
        return true;
    case ENTER: e->end = NM_EDIT_LINE; return true;
    case OLDER: return e->recalled >= e->history->n || recall(e, e->recalled + 1, err);
    case NEWER: return e->recalled == 0 || recall(e, e->recalled - 1, err);
    case CLEAR:
        if (e->plain) return true;
        nm_line_edit_lost(e);
        return nm_buffer_add(&e->screen, "\x1b[H\x1b[2J", 7, err);
    case PASTE: e->pasting = true; return true;
    case PASTED: e->pasting = false; return true;
    }
    return true;
}

/* ---- Decoder --------------------------------------------------------------------------------- */

/*
 * A character of text, or of a key: a control alone, ESC and a character, or ESC [ and ESC O with
 * parameters up to a letter.  A control ends an incomplete sequence.
 */
static bool take_char(nm_line_edit *e, uint32_t c, const char *bytes, size_t n, nomul_error *err)
{
    static const uint32_t strings[] = {0x90, 0x98, 0x9D, 0x9E, 0x9F}; /* ESC P, X, ], ^, _ */

    if (e->n_sequence > 0 && c >= 0x20) {
        bool second = e->n_sequence == 1;
        bool console = e->n_sequence == 2 && e->sequence[1] == '[' && c == '['; /* F1: ESC [ [ A */
        bool opens = second && (c == '[' || c == 'O');
        bool more = opens || console || c < (second ? 0x30 : 0x40);

        if (e->n_sequence < sizeof e->sequence) e->sequence[e->n_sequence++] = (char)c;
        e->in_string = second && c < 0x80 && strchr("PX]^_", (int)c) != NULL;
        if (e->in_string) e->n_sequence = 0;
        return e->in_string || more || press(e, err);
    }
    if (e->pasting && (c == '\r' || c == '\n')) { /* of a paste: CR, LF or both */
        bool second = c == '\n' && e->after_return;
        e->after_return = c == '\r';
        return second || insert(e, "\n", 1, err);
    }
    e->after_return = false;
    if (c >= 0x80 && c < 0xA0) { /* C1 is ESC and a letter: 0x9B is ESC [ */
        for (size_t i = 0; i < sizeof strings / sizeof *strings; i++)
            if (c == strings[i]) e->in_string = true;
        if (c != 0x9B && c != 0x8F) return true;
        e->sequence[0] = ESC, e->sequence[1] = (char)(c - 0x40);
        e->n_sequence = 2;
        return true;
    }
    if (c == '\t' || (c >= 0x20 && c != 0x7F)) return insert(e, bytes, n, err);
    if (c == 0 && e->text.n_bytes == 0) c = CTRL_D; /* typed ahead: Linux keeps it as a NUL */
    e->sequence[0] = (char)c;
    e->n_sequence = 1;
    return c == ESC || press(e, err);
}

bool nm_line_edit_key(nm_line_edit *e, char byte, nomul_error *err)
{
    bool ok = true;

    e->bytes[e->n_bytes++] = byte;
    while (ok && e->n_bytes > 0) {
        uint32_t c = 0;
        size_t   n = nm_utf8_char(e->bytes, e->n_bytes, &c);

        if (n == 0 && nm_utf8_unfinished(e->bytes, e->n_bytes) == e->n_bytes) break;
        if (n == 0) { /* not UTF-8: a byte is text all the same, but no part of a sequence */
            n = 1;
            if (!e->in_string && e->n_sequence == 0) ok = insert(e, e->bytes, n, err);
        } else if (e->in_string && (c >= 0x20 || c == '\a')) {
            if (c == 0x9C || c == '\a') e->in_string = false; /* ST or BEL end it */
        } else {
            e->in_string = false; /* any other control ends a string, and is a key */
            ok = take_char(e, c, e->bytes, n, err);
        }
        e->n_bytes -= n;
        memmove(e->bytes, e->bytes + n, e->n_bytes);
    }
    return ok;
}

/* ---- Screen ---------------------------------------------------------------------------------- */

/*
 * Lays the line out in rows, and writes those from top to bottom.  After the last column of a row
 * a terminal waits for the next character before it wraps: column == columns.
 */
typedef struct pen {
    size_t       columns, row, column;
    size_t       top, bottom; /* bottom is not written; none is if both are 0 */
    nm_buffer   *screen;
    nomul_error *err;
    bool         failed;
} pen;

static void put(pen *p, const char *bytes, size_t n)
{
    p->failed = p->failed || !nm_buffer_add(p->screen, bytes, n, p->err);
}

/* CSI n and a letter, for n > 0. */
static void put_motion(pen *p, size_t n, char letter)
{
    char text[32];

    if (n > 0) put(p, text, (size_t)snprintf(text, sizeof text, "\x1b[%zu%c", n, letter));
}

/* A row that is full is left by a space that wraps, so the terminal knows it as one line. */
static void new_row(pen *p, bool wraps)
{
    if (p->row >= p->top && p->row + 1 < p->bottom) {
        for (size_t i = p->column; wraps && i <= p->columns; i++) put(p, " ", 1);
        put(p, wraps ? "\r" : "\r\n", wraps ? 1 : 2);
    }
    p->row++;
    p->column = 0;
}

/* Would this much start a row? */
static bool wraps(const pen *p, size_t width)
{
    return p->column > 0 && p->column + width > p->columns;
}

static void put_char(pen *p, const char *bytes, size_t n, int width)
{
    static const char spaces[] = "        ";
    size_t            n_columns = width < 0 ? 1 : (size_t)width;

    if (*bytes == '\n') {
        new_row(p, false);
        return;
    }
    if (*bytes == '\t') {
        n_columns = 8 - p->column % 8;
        if (p->column < p->columns && n_columns > p->columns - p->column)
            n_columns = p->columns - p->column;
        bytes = spaces, n = n_columns;
    } else if (width < 0)
        bytes = "?", n = 1;
    if (wraps(p, n_columns)) new_row(p, true);
    if (p->row >= p->top && p->row < p->bottom) put(p, bytes, n);
    p->column += n_columns;
}

/* All of the line.  *row and *column: where the cursor belongs. */
static void put_line(pen *p, const nm_line_edit *e, size_t *row, size_t *column)
{
    const nm_buffer *text = &e->text;
    bool             styled = p->bottom > 0 && *e->style;
    int              width = 0;

    p->row = p->column = 0;
    for (const char *c = e->prompt; *c; c++) put_char(p, c, 1, 1);
    if (styled) put(p, e->style, strlen(e->style));
    for (size_t at = 0, n; at <= text->n_bytes; at += n) {
        bool at_end = at == text->n_bytes;
        n = at_end ? 1 : look(text, at, &width);
        bool newline = !at_end && text->data[at] == '\n';
        if (at == e->cursor) {
            bool fits = !wraps(p, at_end || width < 0 ? 1 : (size_t)width);
            if (!fits && !newline && !e->end) new_row(p, true);
            *row = p->row;
            *column = p->column < p->columns ? p->column : p->columns - 1;
        }
        if (!at_end) put_char(p, text->data + at, n, width);
    }
    if (styled) put(p, "\x1b[0m", 4);
}

/* The cursor is always at the end, so what differs from the screen is there too. */
static bool draw_plain(nm_line_edit *e, nomul_error *err)
{
    const nm_buffer *text = &e->text, *shown = &e->shown;
    pen    p = {.columns = SIZE_MAX / 2, .bottom = SIZE_MAX, .screen = &e->screen, .err = err};
    size_t same = 0;
    int    width = 0;

    if (e->row == 0) put(&p, e->prompt, strlen(e->prompt));
    e->row = 1; /* the prompt is there */
    for (size_t n; same < text->n_bytes && same < shown->n_bytes; same += n) {
        n = after(shown, same) - same;
        if (after(text, same) - same != n || memcmp(text->data + same, shown->data + same, n) != 0)
            break;
    }
    for (size_t at = same, n; at < shown->n_bytes && !e->silent; at += n) {
        n = look(shown, at, &width);
        for (int i = 0; i < (width < 0 ? 1 : width); i++) put(&p, "\b \b", 3);
    }
    e->shown.n_bytes = same;
    for (size_t at = same, n; at < text->n_bytes && !e->silent; at += n) {
        n = look(text, at, &width);
        put(&p, width < 0 ? "?" : text->data + at, width < 0 ? 1 : n);
    }
    if (e->end && !e->silent) put(&p, "\r\n", 2);
    size_t left = text->n_bytes - same; /* an empty text has no address */
    return (left == 0 || nm_buffer_add(&e->shown, text->data + same, left, err)) && !p.failed;
}

bool nm_line_edit_draw(nm_line_edit *e, nomul_error *err)
{
    pen    p = {.columns = e->columns, .screen = &e->screen, .err = err};
    size_t row = 0, column = 0, end;

    if (e->plain) return draw_plain(e, err);
    if (e->end) e->cursor = e->text.n_bytes;
    put_motion(&p, e->row, 'A');
    put(&p, "\r\x1b[J", 4);
    put_line(&p, e, &row, &column); /* measures */
    end = p.row;
    if (e->end || end < e->rows)
        e->top = 0;
    else if (row < e->top)
        e->top = row;
    else if (row >= e->top + e->rows)
        e->top = row - e->rows + 1;
    p.top = e->top;
    p.bottom = e->end ? SIZE_MAX : e->top + e->rows;
    put_line(&p, e, &row, &column);
    if (e->end) {
        put(&p, "\r\n", 2);
        e->row = 0;
        return !p.failed;
    }
    put_motion(&p, (end < p.bottom ? end : p.bottom - 1) - row, 'A');
    put(&p, "\r", 1);
    put_motion(&p, column, 'C');
    e->row = row - e->top;
    return !p.failed;
}

void nm_line_edit_begin(nm_line_edit *e)
{
    e->text.n_bytes = e->draft.n_bytes = e->cursor = e->recalled = 0;
    e->end = NM_EDIT_OPEN;
    nm_line_edit_lost(e);
}

void nm_line_edit_lost(nm_line_edit *e)
{
    e->top = e->row = e->shown.n_bytes = 0;
}

void nm_line_edit_resize(nm_line_edit *e, size_t columns, size_t rows)
{
    pen    p = {.columns = columns, .screen = &e->screen};
    size_t row = 0, column = 0;

    e->columns = columns, e->rows = rows;
    put_line(&p, e, &row, &column);
    e->top = 0;
    if (!e->plain) e->row = row < rows ? row : rows - 1;
}

void nm_line_edit_free(nm_line_edit *e)
{
    nm_buffer_free(&e->text);
    nm_buffer_free(&e->draft);
    nm_buffer_free(&e->screen);
    nm_buffer_free(&e->shown);
}
