/* SPDX-License-Identifier: Apache-2.0 */
#include "screen.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static void clear(screen *s, size_t row, size_t from)
{
    for (size_t c = from; c < s->columns; c++) strcpy(s->cells[row][c], " ");
}

/* Cells beyond its columns and rows are never read. */
void screen_begin(screen *s, size_t columns, size_t rows)
{
    memset(s, 0, offsetof(screen, cells));
    s->columns = columns, s->rows = rows;
    for (size_t r = 0; r < rows; r++) clear(s, r, 0);
}

static void new_row(screen *s)
{
    if (s->row + 1 < s->rows) {
        s->row++;
        return;
    }
    memmove(s->cells[0], s->cells[1], (s->rows - 1) * sizeof s->cells[0]);
    clear(s, s->rows - 1, 0);
}

/* As terminals have it, written down apart from the table that is tested. */
static size_t width_of(unsigned c)
{
    if ((c >= 0x300 && c < 0x370) || c == 0x200D || c == 0xFE0F || (c >= 0x3099 && c < 0x309B))
        return 0;
    return (c >= 0x1100 && c < 0x1160) || (c >= 0x2E80 && c < 0xA4D0) ||
                   (c >= 0xAC00 && c < 0xD7A4) || (c >= 0xFF01 && c < 0xFF61) ||
                   (c >= 0x1F300 && c < 0x1FB00)
               ? 2
               : 1;
}

static void print(screen *s, const char *bytes, size_t n, unsigned c)
{
    size_t width = width_of(c), at = s->column;

    if (width == 0) { /* joins the character before it */
        char *cell = s->cells[s->row][at > 1 && !*s->cells[s->row][at - 1] ? at - 2
                                      : at                                 ? at - 1
                                                                           : 0];
        if (strlen(cell) + n < sizeof s->cells[0][0]) strncat(cell, bytes, n);
        return;
    }
    if (s->column + width > s->columns) {
        s->column = 0;
        new_row(s);
    }
    snprintf(s->cells[s->row][s->column], sizeof s->cells[0][0], "%.*s", (int)n, bytes);
    if (width == 2) s->cells[s->row][s->column + 1][0] = '\0';
    s->column += width;
}

static void run_sequence(screen *s)
{
    const char *text = s->sequence;
    size_t      n = (size_t)atoi(text + 2), letter = s->n_sequence - 1;

    if (s->column == s->columns && strchr("AC", text[letter])) s->column--;
    switch (text[letter]) {
    case 'A': s->row -= n < s->row ? n : s->row; break;
    case 'C': s->column = s->column + n < s->columns ? s->column + n : s->columns - 1; break;
    case 'H': s->row = s->column = 0; break;
    case 'K': clear(s, s->row, s->column); break;
    case 'J':
        if (n == 0) clear(s, s->row, s->column);
        for (size_t r = n == 2 ? 0 : s->row + 1; r < s->rows; r++) clear(s, r, 0);
        break;
    case 'm': s->colored = n > 0; break;
    case 'h':
    case 'l':
        s->bracketed = text[letter] == 'h';
        if (n == 0 && strcmp(text + 2, text[letter] == 'h' ? "?2004h" : "?2004l") == 0) break;
        /* fall through */
    default: snprintf(s->wrong, sizeof s->wrong, "ESC %s", text + 1);
    }
}

static void take(screen *s, const char *bytes, size_t n, unsigned c)
{
    if (s->n_sequence > 0) {
        s->sequence[s->n_sequence++] = (char)c;
        s->sequence[s->n_sequence] = '\0';
        bool ended = s->n_sequence > 2 && c >= 0x40 && c < 0x7F;
        if (s->n_sequence == 2 && c != '[') snprintf(s->wrong, sizeof s->wrong, "ESC %c", (char)c);
        if (ended) run_sequence(s);
        if (ended || s->n_sequence + 1 == sizeof s->sequence || s->wrong[0]) s->n_sequence = 0;
        return;
    }
    switch (c) {
    case 0x1B:
        s->escaped = true;
        s->sequence[s->n_sequence++] = 0x1B;
        break;
    case '\r': s->column = 0; break;
    case '\n': new_row(s); break;
    case '\b': s->column -= s->column > 0; break;
    default:
        if (c < 0x20 || (c >= 0x7F && c < 0xA0))
            snprintf(s->wrong, sizeof s->wrong, "control 0x%02X", c);
        else
            print(s, bytes, n, c);
    }
}

void screen_write(screen *s, const char *bytes, size_t n_bytes)
{
    for (size_t at = 0, n; at < n_bytes; at += n) {
        uint32_t c = (unsigned char)bytes[at];

        n = nm_utf8_char(bytes + at, n_bytes - at, &c);
        if (n == 0) snprintf(s->wrong, sizeof s->wrong, "byte 0x%02X", (unsigned)c);
        if (n == 0) n = 1;
        take(s, bytes + at, n, c);
    }
}

const char *screen_row(const screen *s, size_t row)
{
    static char text[SCREEN_MOST * 16];
    size_t      n = 0, end = 0;

    for (size_t c = 0; c < s->columns; c++) {
        const char *cell = s->cells[row][c];
        n += (size_t)snprintf(text + n, sizeof text - n, "%s", cell);
        if (strcmp(cell, " ") != 0) end = n;
    }
    text[end] = '\0';
    return text;
}

bool screen_has(const screen *s, const char *text)
{
    for (size_t r = 0; r < s->rows; r++)
        if (strstr(screen_row(s, r), text)) return true;
    return false;
}
