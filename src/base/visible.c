/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table of the characters that a terminal would obey instead of showing them, and one loop that
 * writes them as escapes.  Bytes that are not UTF-8 are escaped, too, one by one.  The limit of the
 * output is a number of bytes, and an escape is never cut in half.
 */
#include "base/visible.h"

#include "base/utf8.h"

#include <string.h>

bool nm_is_control(uint32_t c)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = {
        {0x00, 0x1F},     /* C0 */
        {0x7F, 0x9F},     /* DEL, C1 */
        {0x061C, 0x061C}, /* Arabic letter mark */
        {0x200E, 0x200F}, /* left-to-right and right-to-left marks */
        {0x2028, 0x202E}, /* line and paragraph separators; embeddings and overrides */
        {0x2066, 0x2069}, /* isolates */
    };

    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i].first && c <= ranges[i].last) return true;
    return false;
}

/* What is not shown becomes \n, \r, \t or \xHH, byte by byte. */
size_t nm_visible(char *out, size_t size, const char *text, size_t n_bytes, bool quoted)
{
    static const char bytes[] = "\n\r\t", letters[] = "nrt", hex[] = "0123456789ABCDEF";
    size_t            n_out = 0;

    for (size_t at = 0, n; at < n_bytes; at += n) {
        char     shown[4 * NM_VISIBLE_BYTES]; /* of a character */
        size_t   n_shown = 0;
        uint32_t c = 0;

        n = nm_utf8_char(text + at, n_bytes - at, &c);
        if (n > 0 && !nm_is_control(c)) {
            if (quoted && (c == '"' || c == '\\')) shown[n_shown++] = '\\';
            memcpy(shown + n_shown, text + at, n);
            n_shown += n;
        } else {
            if (n == 0) n = 1; /* invalid: this byte alone */
            for (size_t i = at; i < at + n; i++) {
                unsigned char byte = (unsigned char)text[i];
                const char   *found = byte ? strchr(bytes, byte) : NULL;
                shown[n_shown++] = '\\';
                shown[n_shown++] = found ? letters[found - bytes] : 'x';
                if (!found) shown[n_shown++] = hex[byte >> 4], shown[n_shown++] = hex[byte & 15];
            }
        }
        if (n_out + n_shown >= size) break;
        memcpy(out + n_out, shown, n_shown);
        n_out += n_shown;
    }
    if (size > 0) out[n_out] = '\0';
    return n_out;
}
