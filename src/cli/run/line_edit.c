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
#include "base/visible.h"

enum { CTRL_D = 0x04, ESC = 0x1B };

/* ---- Columns --------------------------------------------------------------------------------- */

/*
 * Two sorted tables of ranges.  A range may span code points that are not assigned.  Marks of
 * historic scripts beyond the BMP are left out, and so count as one column.
 */
typedef struct range {
    uint32_t first, last;
} range;

/* clang-format off */

/* Marks (Mn, Me), formats (Cf), the vowels and finals of Hangul: no column of their own. */
static const range no_column[] = {
    {0x0300, 0x036F}, {0x0483, 0x0489}, {0x0591, 0x05BD}, {0x05BF, 0x05BF}, {0x05C1, 0x05C2},
    {0x05C4, 0x05C5}, {0x05C7, 0x05C7}, {0x0610, 0x061A}, {0x064B, 0x065F}, {0x0670, 0x0670},
    {0x06D6, 0x06DC}, {0x06DF, 0x06E4}, {0x06E7, 0x06E8}, {0x06EA, 0x06ED}, {0x0711, 0x0711},
    {0x0730, 0x074A}, {0x07A6, 0x07B0}, {0x07EB, 0x07F3}, {0x07FD, 0x07FD}, {0x0816, 0x0819},
    {0x081B, 0x0823}, {0x0825, 0x0827}, {0x0829, 0x082D}, {0x0859, 0x085B}, {0x0898, 0x089F},
    {0x08CA, 0x08E1}, {0x08E3, 0x0902}, {0x093A, 0x093A}, {0x093C, 0x093C}, {0x0941, 0x0948},
    {0x094D, 0x094D}, {0x0951, 0x0957}, {0x0962, 0x0963}, {0x0981, 0x0981}, {0x09BC, 0x09BC},
    {0x09C1, 0x09C4}, {0x09CD, 0x09CD}, {0x09E2, 0x09E3}, {0x09FE, 0x0A02}, {0x0A3C, 0x0A3C},
    {0x0A41, 0x0A51}, {0x0A70, 0x0A71}, {0x0A75, 0x0A75}, {0x0A81, 0x0A82}, {0x0ABC, 0x0ABC},
    {0x0AC1, 0x0AC8}, {0x0ACD, 0x0ACD}, {0x0AE2, 0x0AE3}, {0x0AFA, 0x0B01}, {0x0B3C, 0x0B3C},
    {0x0B3F, 0x0B3F}, {0x0B41, 0x0B44}, {0x0B4D, 0x0B56}, {0x0B62, 0x0B63}, {0x0B82, 0x0B82},
    {0x0BC0, 0x0BC0}, {0x0BCD, 0x0BCD}, {0x0C00, 0x0C00}, {0x0C04, 0x0C04}, {0x0C3C, 0x0C3C},
    {0x0C3E, 0x0C40}, {0x0C46, 0x0C56}, {0x0C62, 0x0C63}, {0x0C81, 0x0C81}, {0x0CBC, 0x0CBC},
    {0x0CBF, 0x0CBF}, {0x0CC6, 0x0CC6}, {0x0CCC, 0x0CCD}, {0x0CE2, 0x0CE3}, {0x0D00, 0x0D01},
    {0x0D3B, 0x0D3C}, {0x0D41, 0x0D44}, {0x0D4D, 0x0D4D}, {0x0D62, 0x0D63}, {0x0D81, 0x0D81},
    {0x0DCA, 0x0DCA}, {0x0DD2, 0x0DD6}, {0x0E31, 0x0E31}, {0x0E34, 0x0E3A}, {0x0E47, 0x0E4E},
    {0x0EB1, 0x0EB1}, {0x0EB4, 0x0EBC}, {0x0EC8, 0x0ECD}, {0x0F18, 0x0F19}, {0x0F35, 0x0F35},
    {0x0F37, 0x0F37}, {0x0F39, 0x0F39}, {0x0F71, 0x0F7E}, {0x0F80, 0x0F84}, {0x0F86, 0x0F87},
    {0x0F8D, 0x0FBC}, {0x0FC6, 0x0FC6}, {0x102D, 0x1030}, {0x1032, 0x1037}, {0x1039, 0x103A},
    {0x103D, 0x103E}, {0x1058, 0x1059}, {0x105E, 0x1060}, {0x1071, 0x1074}, {0x1082, 0x1082},
    {0x1085, 0x1086}, {0x108D, 0x108D}, {0x109D, 0x109D}, {0x1160, 0x11FF}, {0x135D, 0x135F},
    {0x1712, 0x1714}, {0x1732, 0x1733}, {0x1752, 0x1753}, {0x1772, 0x1773}, {0x17B4, 0x17B5},
    {0x17B7, 0x17BD}, {0x17C6, 0x17C6}, {0x17C9, 0x17D3}, {0x17DD, 0x17DD}, {0x180B, 0x180F},
    {0x1885, 0x1886}, {0x18A9, 0x18A9}, {0x1920, 0x1922}, {0x1927, 0x1928}, {0x1932, 0x1932},
    {0x1939, 0x193B}, {0x1A17, 0x1A18}, {0x1A1B, 0x1A1B}, {0x1A56, 0x1A56}, {0x1A58, 0x1A60},
    {0x1A62, 0x1A62}, {0x1A65, 0x1A6C}, {0x1A73, 0x1A7F}, {0x1AB0, 0x1B03}, {0x1B34, 0x1B34},
    {0x1B36, 0x1B3A}, {0x1B3C, 0x1B3C}, {0x1B42, 0x1B42}, {0x1B6B, 0x1B73}, {0x1B80, 0x1B81},
    {0x1BA2, 0x1BA5}, {0x1BA8, 0x1BA9}, {0x1BAB, 0x1BAD}, {0x1BE6, 0x1BE6}, {0x1BE8, 0x1BE9},
    {0x1BED, 0x1BED}, {0x1BEF, 0x1BF1}, {0x1C2C, 0x1C33}, {0x1C36, 0x1C37}, {0x1CD0, 0x1CD2},
    {0x1CD4, 0x1CE0}, {0x1CE2, 0x1CE8}, {0x1CED, 0x1CED}, {0x1CF4, 0x1CF4}, {0x1CF8, 0x1CF9},
    {0x1DC0, 0x1DFF}, {0x200B, 0x200D}, {0x2060, 0x2064}, {0x206A, 0x206F}, {0x20D0, 0x20F0},
    {0x2CEF, 0x2CF1}, {0x2D7F, 0x2D7F}, {0x2DE0, 0x2DFF}, {0x302A, 0x302D}, {0x3099, 0x309A},
    {0xA66F, 0xA672}, {0xA674, 0xA67D}, {0xA69E, 0xA69F}, {0xA6F0, 0xA6F1}, {0xA802, 0xA802},
    {0xA806, 0xA806}, {0xA80B, 0xA80B}, {0xA825, 0xA826}, {0xA82C, 0xA82C}, {0xA8C4, 0xA8C5},
    {0xA8E0, 0xA8F1}, {0xA8FF, 0xA8FF}, {0xA926, 0xA92D}, {0xA947, 0xA951}, {0xA980, 0xA982},
    {0xA9B3, 0xA9B3}, {0xA9B6, 0xA9B9}, {0xA9BC, 0xA9BD}, {0xA9E5, 0xA9E5}, {0xAA29, 0xAA2E},
    {0xAA31, 0xAA32}, {0xAA35, 0xAA36}, {0xAA43, 0xAA43}, {0xAA4C, 0xAA4C}, {0xAA7C, 0xAA7C},
    {0xAAB0, 0xAAB0}, {0xAAB2, 0xAAB4}, {0xAAB7, 0xAAB8}, {0xAABE, 0xAABF}, {0xAAC1, 0xAAC1},
    {0xAAEC, 0xAAED}, {0xAAF6, 0xAAF6}, {0xABE5, 0xABE5}, {0xABE8, 0xABE8}, {0xABED, 0xABED},
    {0xD7B0, 0xD7FB}, {0xFB1E, 0xFB1E}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}, {0xFEFF, 0xFEFF},
    {0xFFF9, 0xFFFB}, {0xE0001, 0xE01EF},
};

/* Wide and fullwidth. */
static const range two_columns[] = {
    {0x1100, 0x115F}, {0x231A, 0x231B}, {0x2329, 0x232A}, {0x23E9, 0x23EC}, {0x23F0, 0x23F0},
    {0x23F3, 0x23F3}, {0x25FD, 0x25FE}, {0x2614, 0x2615}, {0x2648, 0x2653}, {0x267F, 0x267F},
    {0x2693, 0x2693}, {0x26A1, 0x26A1}, {0x26AA, 0x26AB}, {0x26BD, 0x26BE}, {0x26C4, 0x26C5},
    {0x26CE, 0x26CE}, {0x26D4, 0x26D4}, {0x26EA, 0x26EA}, {0x26F2, 0x26F3}, {0x26F5, 0x26F5},
    {0x26FA, 0x26FA}, {0x26FD, 0x26FD}, {0x2705, 0x2705}, {0x270A, 0x270B}, {0x2728, 0x2728},
    {0x274C, 0x274C}, {0x274E, 0x274E}, {0x2753, 0x2755}, {0x2757, 0x2757}, {0x2795, 0x2797},
    {0x27B0, 0x27B0}, {0x27BF, 0x27BF}, {0x2B1B, 0x2B1C}, {0x2B50, 0x2B50}, {0x2B55, 0x2B55},
    {0x2E80, 0x3029}, {0x302E, 0x303E}, {0x3041, 0x3096}, {0x309B, 0x3247}, {0x3250, 0x4DBF},
    {0x4E00, 0xA4C6}, {0xA960, 0xA97C}, {0xAC00, 0xD7A3}, {0xF900, 0xFAD9}, {0xFE10, 0xFE19},
    {0xFE30, 0xFE6B}, {0xFF01, 0xFF60}, {0xFFE0, 0xFFE6}, {0x16FE0, 0x16FE3}, {0x16FF0, 0x1B2FB},
    {0x1F004, 0x1F004}, {0x1F0CF, 0x1F0CF}, {0x1F18E, 0x1F18E}, {0x1F191, 0x1F19A},
    {0x1F200, 0x1F320}, {0x1F32D, 0x1F335}, {0x1F337, 0x1F37C}, {0x1F37E, 0x1F393},
    {0x1F3A0, 0x1F3CA}, {0x1F3CF, 0x1F3D3}, {0x1F3E0, 0x1F3F0}, {0x1F3F4, 0x1F3F4},
    {0x1F3F8, 0x1F43E}, {0x1F440, 0x1F440}, {0x1F442, 0x1F4FC}, {0x1F4FF, 0x1F53D},
    {0x1F54B, 0x1F54E}, {0x1F550, 0x1F567}, {0x1F57A, 0x1F57A}, {0x1F595, 0x1F596},
    {0x1F5A4, 0x1F5A4}, {0x1F5FB, 0x1F64F}, {0x1F680, 0x1F6C5}, {0x1F6CC, 0x1F6CC},
    {0x1F6D0, 0x1F6D2}, {0x1F6D5, 0x1F6DF}, {0x1F6EB, 0x1F6EC}, {0x1F6F4, 0x1F6FC},
    {0x1F7E0, 0x1F7F0}, {0x1F90C, 0x1F93A}, {0x1F93C, 0x1F945}, {0x1F947, 0x1F9FF},
    {0x1FA70, 0x1FAF6}, {0x20000, 0x3FFFD},
};

/* clang-format on */

static bool in(const range *r, size_t n, uint32_t c)
{
    while (n > 0) {
        size_t half = n / 2;

        if (c >= r[half].first && c <= r[half].last) return true;
        if (c > r[half].last) r += half + 1, half = n - half - 1;
        n = half;
    }
    return false;
}

#define N(table) (sizeof(table) / sizeof *(table))

int nm_char_width(uint32_t c)
{
    if (c >= 0x20 && c < 0x7F) return 1;
    if (nm_is_control(c)) return NM_WIDTH_CONTROL;
    return in(no_column, N(no_column), c) ? 0 : in(two_columns, N(two_columns), c) ? 2 : 1;
}

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
