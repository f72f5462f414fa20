/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "tokens/word.h"

void test_word(void)
{
    static const uint32_t words[] = {'0',    '9',     'A',     'z',     '_',    0xAA,
                                     0xE9,   0x301,   0x3B1,   0x660,   0x93F,  0x200C,
                                     0x200D, 0x203F,  0x2160,  0x24B6,  0x65E5, 0xAC00,
                                     0xFF10, 0x10000, 0x1F130, 0x20000, 0xE0100};
    static const uint32_t others[] = {0,      ' ',     '-',      '@',    '`',      0xA0,
                                      0xD7,   0x2028,  0x2030,   0x20AC, 0x2581,   0x3000,
                                      0xFFFD, 0x1F600, 0x10FFFF, 0xD800, 0x110000, UINT32_MAX};
    static const uint32_t spaces[] = {9,      10,     11,     12,     13,     ' ',
                                      0x85,   0xA0,   0x1680, 0x2000, 0x200A, 0x2028,
                                      0x2029, 0x202F, 0x205F, 0x3000};
    size_t                n = 0;

    test_case("letters, marks, digits and connectors are parts of words");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        CHECK_THAT(nm_word_has(words[i]) && !nm_word_is_space(words[i]), "U+%04X", words[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        CHECK_THAT(!nm_word_has(others[i]), "U+%04X", others[i]);

    test_case("25 characters are white space");
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces; i++)
        CHECK_THAT(nm_word_is_space(spaces[i]), "U+%04X", spaces[i]);
    for (uint32_t c = 0; c < 0x110000; c++) n += nm_word_is_space(c);
    CHECK_INT(n, 25);
}
