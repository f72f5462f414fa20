/* SPDX-License-Identifier: Apache-2.0 */
/* Every code point, every pair of bytes, and the characters that are cut off. */
#include "test.h"

#include "base/utf8.h"

static void test_every_code_point(void)
{
    test_case("every code point survives the way to bytes and back");
    for (uint32_t want = 0; want < 0x110000; want++) {
        char     bytes[4];
        uint32_t got = 0xFFFFFFFF;
        if (want == 0xD800) want = 0xE000;
        size_t length = nm_utf8_put(want, bytes);
        CHECK_INT(length, want < 0x80 ? 1 : want < 0x800 ? 2 : want < 0x10000 ? 3 : 4);
        CHECK_INT(nm_utf8_char(bytes, length, &got), length);
        CHECK_INT(got, want);
        for (size_t cut = 0; cut < length; cut++) {
            CHECK_INT(nm_utf8_char(bytes, cut, &got), 0);
            CHECK_INT(nm_utf8_unfinished(bytes, cut), cut);
        }
        CHECK_INT(nm_utf8_unfinished(bytes, length), 0);
    }
}

/* By the table of RFC 3629, section 4, spelled another way: decode, then rule out. */
static size_t plain_char(const unsigned char *b)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t                length = 0;
    if (b[0] < 0x80) return 1;
    if (b[0] >> 5 == 0x06) length = 2;
    if (b[0] >> 4 == 0x0E) length = 3;
    if (b[0] >> 3 == 0x1E) length = 4;
    uint32_t value = b[0] & (0x7Fu >> length);

    for (size_t i = 1; i < length; i++) {
        if (b[i] >> 6 != 2) return 0;
        value = value << 6 | (b[i] & 0x3Fu);
    }
    if (length == 0 || value < least[length] || value > 0x10FFFF) return 0;
    return value >= 0xD800 && value <= 0xDFFF ? 0 : length;
}

static void test_every_pair(void)
{
    static const unsigned char tails[][2] = {{0x80, 0x80}, {0xBF, 0xBF}, {0x41, 0x80},
                                             {0x80, 0x41}, {0xC0, 0x80}, {0x7F, 0xC2}};
    test_case("every first and second byte, with some that follow");
    for (unsigned first = 0; first < 256; first++) {
        for (unsigned second = 0; second < 256; second++) {
            for (size_t i = 0; i < sizeof tails / sizeof tails[0]; i++) {
                unsigned char bytes[4] = {(unsigned char)first, (unsigned char)second, tails[i][0],
                                          tails[i][1]};
                uint32_t      code_point;
                CHECK_INT(nm_utf8_char((const char *)bytes, 4, &code_point), plain_char(bytes));
            }
        }
    }
}

static void test_valid(void)
{
    test_case("a text is valid if all its characters are");
    CHECK(nm_utf8_valid("", 0));
    CHECK(nm_utf8_valid("a\0\xC3\xA9\xF0\x9F\x98\x80", 8));
    for (size_t n = 1; n < 4; n++) CHECK(!nm_utf8_valid("\xF0\x9F\x98\x80", n));
    CHECK(!nm_utf8_valid("a\xFFz", 3));
}

static void test_unfinished(void)
{
    static const struct {
        const char *text;
        size_t      held;
    } cases[] = {
        {"", 0},
        {"plain", 0},
        {"a\xC3", 1},
        {"a\xC3\xA9", 0},
        {"a\xE2", 1},
        {"a\xE2\x82", 2},
        {"a\xE2\x82\xAC", 0},
        {"a\xF0\x9F\x98", 3},
        {"\xF0\x9F\x98\x80", 0},
        {"a\x80", 0}, /* a continuation of nothing */
        {"\x80\x80\x80", 0},
        {"\xC3\xA9\x80", 0}, /* one too many */
        {"\xC0", 0},         /* overlong whatever follows */
        {"\xE0\x9F", 0},     /* overlong */
        {"\xE0\xA0", 2},
        {"\xED\xA0", 0}, /* a surrogate */
        {"\xED\x9F", 2},
        {"\xF0\x8F", 0}, /* overlong */
        {"\xF4\x90", 0}, /* past U+10FFFF */
        {"\xF4\x8F\xBF", 3},
        {"\xF5", 0},
        {"\xE2\x82\xE2", 1}, /* the first is lost, the second may live */
        {"\xE2\xC3", 1},
        {"\xF0\x9F\x41", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_case("bytes held back, row %zu", i);
        CHECK_INT(nm_utf8_unfinished(cases[i].text, strlen(cases[i].text)), cases[i].held);
    }
}

void test_utf8(void)
{
    test_every_code_point();
    test_every_pair();
    test_valid();
    test_unfinished();
}
