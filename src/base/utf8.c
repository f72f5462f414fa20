/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoding by the first byte, which rules out overlong forms and surrogates: it says how many bytes
 * follow, and for four values the second byte has a smaller range than 80 to BF.
 *
 *     U+0000    0xxxxxxx
 *     U+0080    110xxxxx 10xxxxxx                      first byte C2 on: C0, C1 are overlong
 *     U+0800    1110xxxx 10xxxxxx 10xxxxxx             E0: second from A0; ED: to 9F (surrogates)
 *     U+10000   11110xxx 10xxxxxx 10xxxxxx 10xxxxxx    F0: from 90; F4: to 8F (U+10FFFF)
 */
#include "base/utf8.h"

/* What a first byte says (RFC 3629, section 4): the length, and the range of the second byte. */
typedef struct lead {
    size_t  length; /* 0: begins no character */
    uint8_t mask;   /* its bits of the code point */
    uint8_t low, high;
} lead;

static lead lead_of(uint8_t byte)
{
    if (byte < 0x80) return (lead){1, 0x7F, 0, 0};
    if (byte < 0xC2) return (lead){0, 0, 0, 0};
    if (byte < 0xE0) return (lead){2, 0x1F, 0x80, 0xBF};
    if (byte < 0xF0) return (lead){3, 0x0F, byte == 0xE0 ? 0xA0 : 0x80, byte == 0xED ? 0x9F : 0xBF};
    if (byte < 0xF5) return (lead){4, 0x07, byte == 0xF0 ? 0x90 : 0x80, byte == 0xF4 ? 0x8F : 0xBF};
    return (lead){0, 0, 0, 0};
}

/* Are the bytes after a first byte valid, as many as there are? */
static bool follows(lead first, const uint8_t *bytes, size_t n_bytes)
{
    for (size_t i = 1; i < n_bytes && i < first.length; i++) {
        uint8_t low = i == 1 ? first.low : 0x80, high = i == 1 ? first.high : 0xBF;
        if (bytes[i] < low || bytes[i] > high) return false;
    }
    return true;
}

size_t nm_utf8_char(const char *text, size_t n_bytes, uint32_t *code_point)
{
    const uint8_t *bytes = (const uint8_t *)text;

    if (n_bytes == 0) return 0;
    lead first = lead_of(bytes[0]);
    if (first.length == 0 || first.length > n_bytes) return 0;
    if (!follows(first, bytes, n_bytes)) return 0;

    uint32_t value = bytes[0] & first.mask;
    for (size_t i = 1; i < first.length; i++) value = value << 6 | (bytes[i] & 0x3Fu);
    *code_point = value;
    return first.length;
}

bool nm_utf8_valid(const char *text, size_t n_bytes)
{
    uint32_t code_point;

    for (size_t at = 0, step; at < n_bytes; at += step) {
        step = nm_utf8_char(text + at, n_bytes - at, &code_point);
        if (step == 0) return false;
    }
    return true;
}

size_t nm_utf8_unfinished(const char *text, size_t n_bytes)
{
    const uint8_t *end = (const uint8_t *)text + n_bytes;

    for (size_t n = 1; n <= 3 && n <= n_bytes; n++) {
        lead first = lead_of(end[-(ptrdiff_t)n]);
        if (first.length > n) return follows(first, end - n, n) ? n : 0;
        if (first.length > 0) return 0;
    }
    return 0;
}

size_t nm_utf8_put(uint32_t code_point, char out[4])
{
    if (code_point < 0x80) {
        out[0] = (char)code_point;
        return 1;
    }
    size_t length = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = length - 1; i > 0; i--, code_point >>= 6)
        out[i] = (char)(0x80 | (code_point & 0x3F));
    out[0] = (char)((0xF00 >> length & 0xF0) | code_point);
    return length;
}
