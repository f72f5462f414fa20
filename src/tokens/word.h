/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which characters are part of a word, and which are white space: added tokens may stand apart from
 * the one (NM_ATTR_SINGLE_WORD) and take the other with them (NM_ATTR_LSTRIP).  By Unicode alone,
 * whatever the locale is.
 */
#ifndef NM_WORD_H
#define NM_WORD_H

#include <stdbool.h>
#include <stdint.h>

/* Letters, marks, digits and connectors: \w of a regular expression.  False above U+10FFFF. */
bool nm_word_has(uint32_t code_point);

/* Unicode's White_Space: \s of a regular expression. */
bool nm_word_is_space(uint32_t code_point);

#endif
