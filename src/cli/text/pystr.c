/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Python's str methods do to a text, for results equal to lm-evaluation-harness.  Case is a
 * table of runs of capitals: from the first to the last one, every one or every second one, the
 * small letter is so much further on.  Bytes that are not UTF-8 stay as they are.
 */
#include "cli/text/pystr.h"

#include <string.h>

#include "base/utf8.h"

static const struct {
    uint32_t first, last, every;
    int32_t  to_lower;
} capitals[] = {
    /* clang-format off */
    {'A', 'Z', 1, 32},        {0xc0, 0xd6, 1, 32},      {0xd8, 0xde, 1, 32}, /* Latin */
    {0x100, 0x12e, 2, 1},     {0x132, 0x136, 2, 1},     {0x139, 0x147, 2, 1},
    {0x14a, 0x176, 2, 1},     {0x178, 0x178, 1, -121},  {0x179, 0x17d, 2, 1},
    {0x1cd, 0x1db, 2, 1},     {0x218, 0x21e, 2, 1},
    {0x1e00, 0x1e94, 2, 1},   {0x1ea0, 0x1efe, 2, 1},
    {0x386, 0x386, 1, 38},    {0x388, 0x38a, 1, 37},    {0x38c, 0x38c, 1, 64}, /* Greek */
    {0x38e, 0x38f, 1, 63},    {0x391, 0x3a1, 1, 32},    {0x3a3, 0x3ab, 1, 32},
    {0x400, 0x40f, 1, 80},    {0x410, 0x42f, 1, 32},    {0x460, 0x480, 2, 1}, /* Cyrillic */
    {0x48a, 0x4be, 2, 1},
    /* clang-format on */
};
#define N_RUNS (sizeof capitals / sizeof *capitals)

bool nm_pystr_is_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || (c >= 28 && c <= 32) || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}

/* ---- Parts of a text ------------------------------------------------------------------------- */

/* Length of the white-space character at the beginning; 0 if there is none. */
static size_t space_at(const char *text, size_t n_bytes)
{
    uint32_t c = 0;
    size_t   n = nm_utf8_char(text, n_bytes, &c);

    return nm_pystr_is_space(c) ? n : 0; /* of 0 bytes, NUL, which is none */
}

nm_span nm_pystr_rstrip(nm_span s)
{
    for (size_t back = 1; back <= 3 && back <= s.n_bytes;) { /* no space is longer */
        size_t at = s.n_bytes - back;

        if (space_at(s.text + at, back) != back) {
            back++;
            continue;
        }
        s.n_bytes = at;
        back = 1;
    }
    return s;
}

nm_span nm_pystr_strip(nm_span s)
{
    for (size_t n; (n = space_at(s.text, s.n_bytes)) > 0;) s.text += n, s.n_bytes -= n;
    return nm_pystr_rstrip(s);
}

size_t nm_pystr_length(nm_span s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n_bytes; i++) n += (s.text[i] & 0xc0) != 0x80;
    return n;
}

/* ---- Changed texts --------------------------------------------------------------------------- */

bool nm_pystr_capitalize(nm_buffer *to, nm_span s, nomul_error *err)
{
    for (size_t at = 0, n; at < s.n_bytes; at += n) {
        uint32_t c = 0;
        char     letter[4];

        n = nm_utf8_char(s.text + at, s.n_bytes - at, &c);
        bool valid = n > 0, sharp_s = at == 0 && c == 0xdf;
        if (!valid) n = 1;
        for (size_t i = 0; i < N_RUNS; i++) { /* the first letter to its capital, others from it */
            uint32_t to_lower = (uint32_t)capitals[i].to_lower;
            uint32_t capital = at == 0 ? c - to_lower : c;

            if (capital < capitals[i].first || capital > capitals[i].last) continue;
            if ((capital - capitals[i].first) % capitals[i].every) continue;
            c = at == 0 ? capital : c + to_lower;
            break;
        }
        size_t n_put = valid ? nm_utf8_put(c, letter) : 1;
        if (!nm_buffer_add(to,
                           sharp_s ? "Ss"
                           : valid ? letter
                                   : s.text + at,
                           sharp_s ? 2 : n_put, err))
            return false;
    }
    return true;
}

void nm_pystr_replace(nm_buffer *text, size_t from, const char *what, const char *with)
{
    size_t n_what = strlen(what), n_with = strlen(with), to = from, at = from;

    while (at < text->n_bytes) {
        if (text->n_bytes - at >= n_what && memcmp(text->data + at, what, n_what) == 0) {
            memcpy(text->data + to, with, n_with);
            at += n_what, to += n_with;
        } else {
            text->data[to++] = text->data[at++];
        }
    }
    text->n_bytes = to;
}

/* A line without a bracket that closes is looked through once, however many it opens. */
void nm_pystr_drop_brackets(nm_buffer *text, size_t from)
{
    char  *data = text->data;
    size_t to = from, at = from, line_end = from, closes = from; /* the next ']' is at or after */

    while (at < text->n_bytes) {
        if (at >= line_end) {
            const char *newline = memchr(data + at, '\n', text->n_bytes - at);
            line_end = newline ? (size_t)(newline - data) + 1 : text->n_bytes;
        }
        if (data[at] == '[' && closes < line_end) {
            if (closes < at) closes = at;
            const char *close = memchr(data + closes, ']', line_end - closes);
            closes = close ? (size_t)(close - data) : line_end;
            if (close) at = closes + 1;
            if (close) continue;
        }
        data[to++] = data[at++];
    }
    text->n_bytes = to;
}

/* ---- Words ----------------------------------------------------------------------------------- */

void nm_words_add(nm_words *w, const char *text, size_t n_bytes)
{
    for (size_t at = 0, n; at < n_bytes; at += n) {
        uint32_t c = 0;

        if (w->n_rest > 0) { /* byte by byte, until it is a character or can be none */
            w->rest[w->n_rest++] = text[at];
            bool whole = nm_utf8_char(w->rest, w->n_rest, &c) == w->n_rest;
            bool unfinished = nm_utf8_unfinished(w->rest, w->n_rest) == w->n_rest;
            n = whole || unfinished; /* else this byte is not a part of it */
            if (unfinished) continue;
            w->n_rest = 0;
        } else if ((n = nm_utf8_char(text + at, n_bytes - at, &c)) == 0) {
            n = nm_utf8_unfinished(text + at, n_bytes - at);
            if (n == n_bytes - at) {
                memcpy(w->rest, text + at, n);
                w->n_rest = n;
                continue;
            }
            n = 1;
        }
        bool space = nm_pystr_is_space(c);
        w->n_gaps += space && !w->in_gap; /* a gap is a run of spaces */
        w->in_gap = space;
    }
}
