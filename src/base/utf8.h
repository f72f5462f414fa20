/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTF-8 of RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF.  Text from outside
 * may be anything, so every function takes a length and says what is not valid; nothing is replaced
 * or dropped here.
 */
#ifndef NM_UTF8_H
#define NM_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Length in bytes of the valid character at text[0..n_bytes), 1 to 4; 0 if there is none. */
size_t nm_utf8_char(const char *text, size_t n_bytes, uint32_t *code_point);

/* Is text[0..n_bytes) nothing but valid characters?  NUL is one. */
bool nm_utf8_valid(const char *text, size_t n_bytes);

/*
 * How many bytes at the end of text[0..n_bytes) are the start of a character that more bytes could
 * complete: 0 to 3.  Bytes that nothing can make valid do not count.
 */
size_t nm_utf8_unfinished(const char *text, size_t n_bytes);

/* Writes a code point below 0x110000 that is no surrogate; gives its length, 1 to 4. */
size_t nm_utf8_put(uint32_t code_point, char out[4]);

#endif
