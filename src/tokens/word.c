/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Letters and their kin are a sorted list of bounds, generated into word_ranges.h: a character is
 * one of them if an odd number of bounds is not above it.  White space is the few characters that
 * it is.
 */
#include "tokens/word.h"

#include <stddef.h>

static const uint32_t bounds[] = {
#include "tokens/word_ranges.h"
};

bool nm_word_has(uint32_t code_point)
{
    size_t first = 0, end = sizeof bounds / sizeof *bounds; /* of the bounds above code_point */

    while (first < end) {
        size_t middle = first + (end - first) / 2;
        if (bounds[middle] <= code_point)
            first = middle + 1;
        else
            end = middle;
    }
    return first % 2 == 1;
}

bool nm_word_is_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || c == 0x20 || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}
