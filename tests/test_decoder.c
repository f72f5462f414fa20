/* SPDX-License-Identifier: Apache-2.0 */
/* Ids to text, one at a time: what is held back, what is dropped, what is flushed. */
#include "test.h"

#include "alloc.h"
#include "tokens/tokenizer.h"
#include "vocabulary.h"

#include <stdlib.h>

#define N_FIRST VOCABULARY_N_FIRST
#define STRIP NOMUL_DECODE_STRIP_SPACE

/* Ids: 257 <s>, 258 blank, 259 a, 260 blank a, 261 a blank b (user-defined), 262 unused, 263 é. */
static void open_pieces(vocabulary *v)
{
    static const nm_sp_piece more[] = {
        {"<s>", 3, 0, NOMUL_TOKEN_CONTROL},
        {NM_BLANK, 3, 0, NOMUL_TOKEN_NORMAL},
        {"a", 1, 0, NOMUL_TOKEN_NORMAL},
        {NM_BLANK "a", 4, 0, NOMUL_TOKEN_NORMAL},
        {"a" NM_BLANK "b", 5, 0, NOMUL_TOKEN_USER_DEFINED},
        {"un" NM_BLANK NM_BLANK, 8, 0, NOMUL_TOKEN_UNUSED},
        {"\xC3\xA9", 2, 0, NOMUL_TOKEN_NORMAL},
    };
    nm_sp_piece     pieces[N_FIRST + sizeof more / sizeof more[0]];
    vocabulary_plan plan;
    nomul_error     err;

    vocabulary_first_pieces(pieces);
    memcpy(pieces + N_FIRST, more, sizeof more);
    vocabulary_plan_init(&plan, pieces, sizeof pieces / sizeof pieces[0]);
    CHECK_OK(vocabulary_open(v, &plan, &err), err);
}

/* Pushes n ids and flushes: the bytes of each call between bars. */
static void check_calls(const vocabulary *v, unsigned flags, const int32_t *ids, size_t n_ids,
                        const char *want)
{
    char           got[512] = "";
    size_t         at = 0, n;
    nomul_decoder *decoder = nomul_decoder_new(&v->tokenizer, flags, NULL);

    for (size_t i = 0; i <= n_ids; i++) {
        const char *bytes =
            i < n_ids ? nomul_decoder_push(decoder, ids[i], &n) : nomul_decoder_flush(decoder, &n);
        memcpy(got + at, bytes, n);
        at += n;
        got[at++] = '|';
    }
    got[at] = '\0';
    CHECK_STR(got, want);
    nomul_decoder_free(decoder);
}

#define CALLS(flags, want, ...)                                                                    \
    check_calls(v, flags, (const int32_t[]){__VA_ARGS__},                                          \
                sizeof((const int32_t[]){__VA_ARGS__}) / sizeof(int32_t), want)

/* The id of a byte. */
#define B(byte) (1 + 0x##byte)

static void test_kinds(const vocabulary *v)
{
    test_case("pieces of each type");
    CALLS(0, "a| a||a b|un  |\xC3\xA9| \xE2\x81\x87 ||", 259, 260, 257, 261, 262, 263, 0);
    CALLS(0, "A|\n||", B(41), B(0A));
    CALLS(NOMUL_DECODE_SPECIAL, "<s>| a||", 257, 260);

    test_case("one blank in front of the first piece is dropped");
    CALLS(STRIP, "a| a||", 260, 260);
    CALLS(STRIP, "| a||", 258, 260);
    CALLS(STRIP, "|a||", 257, 260);
    CALLS(STRIP | NOMUL_DECODE_SPECIAL, "<s>|a| a||", 257, 260, 260);
    CALLS(STRIP, "a| a||", 259, 260);
    CALLS(STRIP, "a b| a||", 261, 260);
    CALLS(STRIP, " \xE2\x81\x87 | a||", 0, 260);
    CALLS(STRIP, " | a||", B(20), 260);
    CALLS(0, " | a||", 258, 260);
}

static void test_bytes(const vocabulary *v)
{
    test_case("a character's bytes are held back until it is whole");
    CALLS(0, "|\xC3\xA9||", B(C3), B(A9));
    CALLS(0, "||\xE7\x95\x8C||", B(E7), B(95), B(8C));
    CALLS(0, "|||\xF0\x9F\x98\x80||", B(F0), B(9F), B(98), B(80));
    CALLS(0, "A||\xC3\xA9|A||", B(41), B(C3), B(A9), B(41));

    test_case("what no byte can finish isn't");
    CALLS(0, "\xFF||", B(FF));
    CALLS(0, "\x80||", B(80));
    CALLS(0, "\xC0|\x80||", B(C0), B(80));
    CALLS(0, "|\xED\xA0|\x80||", B(ED), B(A0), B(80));
    CALLS(0, "|\xE7|\xE7~||", B(E7), B(E7), B(7E));

    test_case("a piece behind half a character brings both");
    CALLS(0, "|\xC3 a||", B(C3), 260);
    CALLS(0, "||\xE7\x95\xC3\xA9||", B(E7), B(95), 263);

    test_case("a control piece amid a character is none of it");
    CALLS(0, "||\xC3\xA9||", B(C3), 257, B(A9));
    CALLS(NOMUL_DECODE_SPECIAL, "|\xC3<s>|\xA9||", B(C3), 257, B(A9));

    test_case("the flush gives what is held, raw");
    CALLS(0, "|\xC3|", B(C3));
    CALLS(0, "||\xE7\x95|", B(E7), B(95));
    CALLS(0, "|||\xF0\x9F\x98|", B(F0), B(9F), B(98));
}

/* However the bytes of a text are grouped into pieces, each call gives whole characters. */
static void test_splits(const vocabulary *v)
{
    static const char text[] = "a\xC3\xA9\xE7\x95\x8C\xF0\x9F\x98\x80\xE2\x96\x81z";
    size_t            n, at = 0, n_text = sizeof text - 1;

    test_case("every call gives whole characters");
    nomul_decoder *decoder = nomul_decoder_new(&v->tokenizer, 0, NULL);
    for (size_t i = 0; i < n_text; i++) {
        const char *bytes = nomul_decoder_push(decoder, 1 + (uint8_t)text[i], &n);
        bool        last = ((uint8_t)text[i + 1] & 0xC0) != 0x80; /* the next begins another */
        CHECK_INT(n, last ? i + 1 - at : 0);
        CHECK_MEM(bytes, text + at, n, "a character");
        at += n;
    }
    CHECK_INT(at, n_text);
    nomul_decoder_flush(decoder, &n);
    CHECK_INT(n, 0);
    nomul_decoder_free(decoder);
}

static void test_state(const vocabulary *v)
{
    size_t      n = 99;
    const char *bytes;

    test_case("after a flush it is as new");
    nomul_decoder *decoder = nomul_decoder_new(&v->tokenizer, STRIP, NULL);
    for (int i = 0; i < 3; i++) {
        bytes = nomul_decoder_push(decoder, 260, &n);
        CHECK(n == 1 && bytes[0] == 'a');
        nomul_decoder_push(decoder, B(C3), &n);
        CHECK_INT(n, 0);
        bytes = nomul_decoder_flush(decoder, &n);
        CHECK(n == 1 && bytes[0] == '\xC3');
    }

    test_case("an id outside is refused and changes nothing");
    nomul_decoder_push(decoder, B(C3), &n);
    CHECK(!nomul_decoder_push(decoder, -1, &n));
    CHECK(!nomul_decoder_push(decoder, 264, &n));
    CHECK(!nomul_decoder_push(decoder, INT32_MAX, &n));
    bytes = nomul_decoder_push(decoder, B(A9), &n);
    CHECK(n == 2 && memcmp(bytes, "\xC3\xA9", 2) == 0);

    test_case("NULL");
    CHECK(!nomul_decoder_push(NULL, 259, &n));
    CHECK(!nomul_decoder_push(decoder, 259, NULL));
    CHECK(!nomul_decoder_flush(NULL, &n));
    CHECK(!nomul_decoder_flush(decoder, NULL));
    nomul_decoder_free(decoder);
    nomul_decoder_free(NULL);
}

static void test_new(const vocabulary *v)
{
    nomul_error err;
    size_t      before = alloc_live();

    test_case("arguments");
    CHECK_FAILS(nomul_decoder_new(NULL, 0, &err), err, "nomul_decoder_new: an argument is NULL");
    CHECK_FAILS(nomul_decoder_new(&v->tokenizer, 5, &err), err, "flags: 0x4 is unknown");
    CHECK_INT(err.code, NOMUL_E_ARG);

    test_case("out of memory");
    alloc_fail_at(1);
    CHECK(!nomul_decoder_new(&v->tokenizer, 0, &err));
    alloc_fail_at(0);
    CHECK_INT(err.code, NOMUL_E_MEMORY);
    CHECK_INT(alloc_live(), before);
}

static void test_longest(void)
{
    static char     text[7999];
    nm_sp_piece     pieces[N_FIRST + 1];
    vocabulary_plan plan;
    vocabulary      v;
    nomul_error     err;
    size_t          n;

    test_case("the longest piece behind three bytes held back");
    memset(text, 'z', sizeof text);
    vocabulary_first_pieces(pieces);
    pieces[N_FIRST] = (nm_sp_piece){text, sizeof text, 0, NOMUL_TOKEN_NORMAL};
    vocabulary_plan_init(&plan, pieces, N_FIRST + 1);
    CHECK_OK(vocabulary_open(&v, &plan, &err), err);
    nomul_decoder *decoder = nomul_decoder_new(&v.tokenizer, 0, NULL);
    for (int i = 0; i < 2; i++) {
        nomul_decoder_push(decoder, B(F0), &n);
        nomul_decoder_push(decoder, B(9F), &n);
        nomul_decoder_push(decoder, B(98), &n);
        const char *bytes = nomul_decoder_push(decoder, N_FIRST, &n);
        CHECK_INT(n, 8002);
        CHECK(bytes[2] == '\x98' && bytes[3] == 'z' && bytes[8001] == 'z');
    }
    nomul_decoder_free(decoder);
    vocabulary_close(&v);
}

void test_decoder(void)
{
    vocabulary v;

    test_case("a small vocabulary");
    open_pieces(&v);
    test_kinds(&v);
    test_bytes(&v);
    test_splits(&v);
    test_state(&v);
    test_new(&v);
    vocabulary_close(&v);
    test_longest();
}
