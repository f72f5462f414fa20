/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A walk over the lines of a text.  The newline before a separator is part of its length, and so is
 * the one after it:
 *
 *     text of a document \r \n separator \r \n text of the next
 *     0                  at                    at + n_end
 */
#include "base/documents.h"

#include <string.h>

/* What a line of the text is: not the separator, perhaps its beginning, or all of it. */
typedef enum match { NO, PERHAPS, YES } match;

/* The line that begins at *at, which moves behind it and its newline if it is the separator. */
static match match_line(const char *text, size_t n_bytes, const char *separator, bool ended,
                        size_t *at)
{
    size_t n = strlen(separator), left = n_bytes - *at, end = *at + n;
    match  cut = ended ? NO : PERHAPS;

    if (memcmp(text + *at, separator, n < left ? n : left) != 0) return NO;
    if (left < n) return cut;
    if (end < n_bytes && text[end] == '\r') end++;
    if (end == n_bytes && (!ended || left > n)) return cut;
    if (end < n_bytes && text[end++] != '\n') return NO;
    *at = end;
    return YES;
}

size_t nm_document_end(const char *text, size_t n_bytes, const char *separator, bool starts,
                       bool ended, size_t *n_end)
{
    size_t end = 0, line = 0; /* of the lines so far without the last newline, and with it */

    for (bool first = true;; first = false) {
        size_t next = line;
        match  is = separator && (starts || !first)
                        ? match_line(text, n_bytes, separator, ended, &next)
                        : NO;
        *n_end = is == YES ? next - end : 0;
        if (is != NO) return end;
        if (line == n_bytes) break;
        const char *newline = memchr(text + line, '\n', n_bytes - line);
        if (!newline) {
            if (!ended && separator && text[n_bytes - 1] == '\r') return n_bytes - 1;
            return n_bytes;
        }
        end = (size_t)(newline - text), line = end + 1;
        if (end > 0 && text[end - 1] == '\r') end--;
    }
    *n_end = ended ? n_bytes - end : 0;
    return ended ? end : n_bytes;
}
