/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of a session file, versions 1 and 2: the bytes that another writer makes of the same
 * values, every length, every field out of range.
 */
#include "test.h"

#include "base/bytes.h"
#include "base/xxh64.h"
#include "format/session_file.h"

#include <math.h>
#include <stdlib.h>

#define HEADER NM_SESSION_FILE_HEADER
#define HEADER_1 NM_SESSION_FILE_HEADER_1
#define STATE 64

static nomul_error err;

/* The values in tests/golden/small-2.nms, as make_seeds.py wrote them. */
static nm_session_record golden(void)
{
    nm_session_record r = {
        .model_id = UINT64_C(13441487074229265007),
        .state_bytes = STATE,
        .n_tokens = 12,
        .last_id = 265,
        .has_text = true,
        .sampler = {.size = sizeof r.sampler,
                    .temp = 0.75f,
                    .top_k = 50,
                    .top_p = 0.9375f,
                    .min_p = 0.03125f,
                    .repeat_penalty = 1.125f,
                    .repeat_last_n = 32,
                    .presence_penalty = 0.25f,
                    .frequency_penalty = -0.5f,
                    .seed = 42},
        .rng = {1, 2, UINT64_C(0x0123456789ABCDEF), UINT64_MAX},
        .n_last = 3,
        .last = {299, 0, 265},
        .n_tail = 8,
        .tail = "the\0 fo\xC3",
    };

    return r;
}

static void check_same(const nm_session_record *a, const nm_session_record *b)
{
    uint8_t first[HEADER], second[HEADER];

    CHECK_INT(a->sampler.size, b->sampler.size);
    CHECK(!a->sampler.logit_bias && a->sampler.n_logit_bias == 0);
    nm_session_file_encode(a, first);
    nm_session_file_encode(b, second);
    CHECK_MEM(first, second, HEADER, "a field");
}

/* A golden file of which the header has n_header bytes, decoded. */
static void check_file(const char *name, size_t n_header, const nm_session_record *want)
{
    nm_session_record got;
    size_t            size, header_bytes = 0, n = n_header + STATE + NM_SESSION_FILE_END;
    uint64_t          n_state = 0;
    char             *read = test_read_file(test_path(name), &size);
    uint8_t          *file = (uint8_t *)read, header[HEADER];

    CHECK_INT(size, n);
    if (size == n) {
        CHECK_OK(nm_session_file_measure(file, size, &header_bytes, &n_state, &err), err);
        CHECK_INT(header_bytes, n_header);
        CHECK_INT(n_state, STATE);
        CHECK_OK(nm_session_file_check(nm_xxh64_of(file, n - 8), file + n - 8, &err), err);
        CHECK_OK(nm_session_file_decode(&got, file, &err), err);
        check_same(&got, want);
        CHECK_INT(got.n_tokens, 12);
        CHECK_INT(got.last_id, 265);
        CHECK(got.sampler.temp == 0.75f && got.sampler.frequency_penalty == -0.5f);
        CHECK_INT(got.sampler.repeat_last_n, 32);
        CHECK(got.rng[3] == UINT64_MAX);
        CHECK_INT(got.last[0], 299);
        CHECK_INT(got.n_tail, want->n_tail);
        nm_session_file_encode(want, header);
        if (n_header == HEADER) CHECK_MEM(header, file, HEADER, "the header");
    }
    free(file);
}

static void test_golden(void)
{
    nm_session_record want = golden();

    test_case("another writer's file: the same bytes, the same values");
    check_file("golden/small-2.nms", HEADER, &want);
    test_case("version 1: the same values, no tail");
    want.n_tail = 0;
    check_file("golden/small.nms", HEADER_1, &want);
}

/* The header of version 1 with these values: another version, and nothing where the tail begins. */
static void make_version_1(uint8_t header[HEADER], const nm_session_record *r)
{
    nm_session_file_encode(r, header);
    nm_store_u32(header + 8, 1);
    nm_store_u32(header + 76, 0);
}

static void test_has_text(void)
{
    nm_session_record r = golden(), got;
    uint8_t           header[HEADER];

    test_case("version 1: a text of more than one id has bytes");
    for (uint64_t n = 1; n < 4; n++) {
        r.n_tokens = n;
        make_version_1(header, &r);
        CHECK_OK(nm_session_file_decode(&got, header, &err), err);
        CHECK_INT(got.has_text, n > 1);
    }
    test_case("version 2 says so itself");
    r.n_tail = 0;
    for (int has_text = 0; has_text < 2; has_text++) {
        r.has_text = has_text;
        nm_session_file_encode(&r, header);
        CHECK_OK(nm_session_file_decode(&got, header, &err), err);
        CHECK_INT(got.has_text, has_text);
    }
}

static void test_ends(void)
{
    nm_session_record r = golden(), got;
    uint8_t           header[HEADER];

    test_case("the ends of every range");
    r.n_tokens = INT64_MAX;
    r.last_id = INT32_MAX;
    r.n_last = 64;
    for (int i = 0; i < 64; i++) r.last[i] = INT32_MAX - i;
    r.n_tail = 64;
    memset(r.tail, 0xFF, sizeof r.tail);
    r.sampler.temp = NAN; /* not this module's to judge */
    r.sampler.top_k = INT32_MIN;
    r.sampler.seed = UINT64_MAX;
    nm_session_file_encode(&r, header);
    CHECK_OK(nm_session_file_decode(&got, header, &err), err);
    check_same(&got, &r);
    CHECK(isnan(got.sampler.temp) && got.sampler.top_k == INT32_MIN);
    CHECK_INT(got.last[63], INT32_MAX - 63);
    CHECK_MEM(got.tail, r.tail, sizeof r.tail, "the tail");

    r.n_last = r.n_tail = 0;
    nm_session_file_encode(&r, header);
    CHECK_OK(nm_session_file_decode(&got, header, &err), err);
    CHECK_INT(got.n_last, 0);
    CHECK_INT(got.last[0], 0);
    CHECK_INT(got.n_tail, 0);
}

static void check_length(const uint8_t *header, uint64_t file_bytes, const char *words)
{
    size_t   header_bytes = 1;
    uint64_t n_state = 1;

    test_case("%s", words);
    CHECK_FAILS(nm_session_file_measure(header, file_bytes, &header_bytes, &n_state, &err), err,
                words);
    CHECK_INT(header_bytes, 1);
    CHECK_INT(n_state, 1);
}

static void test_lengths(void)
{
    nm_session_record r = golden();
    uint8_t           header[HEADER];

    nm_session_file_encode(&r, header);
    check_length(header, 0, "is not a session file; --save-session writes one");
    check_length(header, 7, "is not a session file; --save-session writes one");
    check_length(header, 8, "is truncated: has 8 bytes, expected at least 524");
    check_length(header, 511, "is truncated: has 511 bytes, expected at least 524");
    check_length(header, 512, "is truncated: has 512 bytes, expected 584");
    check_length(header, 583, "is truncated: has 583 bytes, expected 584");
    check_length(header, 585, "is too long: has 585 bytes, expected 584");
    check_length(header, UINT64_MAX, "is too long: has 18446744073709551615 bytes, expected 584");
    CHECK_INT(err.code, NOMUL_E_FORMAT);

    nm_store_u64(header + 24, UINT64_MAX - 519); /* their sum would wrap to 0 */
    check_length(
        header, 584,
        "state_bytes: is 18446744073709551096, expected a multiple of 4, up to 4294967296");
    nm_store_u64(header + 24, 0);
    check_length(header, 520, "state_bytes: is 0, expected a multiple of 4, up to 4294967296");
    nm_store_u64(header + 24, 66);
    check_length(header, 586, "state_bytes: is 66, expected a multiple of 4, up to 4294967296");
    nm_store_u64(header + 24, (UINT64_C(1) << 32) + 4);
    check_length(header, 584,
                 "state_bytes: is 4294967300, expected a multiple of 4, up to 4294967296");
    nm_store_u64(header + 24, UINT64_C(1) << 32);
    check_length(header, 584, "is truncated: has 584 bytes, expected 4294967816");

    make_version_1(header, &r);
    check_length(header, 12, "is truncated: has 12 bytes, expected at least 396");
    check_length(header, 383, "is truncated: has 383 bytes, expected at least 396");
    check_length(header, 455, "is truncated: has 455 bytes, expected 456");
    check_length(header, 584, "is too long: has 584 bytes, expected 456");

    for (uint32_t version = 0; version < 4; version += 3) {
        char words[80];
        snprintf(words, sizeof words, "is a session file of version %u, expected 1 or 2",
                 (unsigned)version);
        nm_store_u32(header + 8, version);
        check_length(header, 584, words);
        check_length(header, 12, words);
        CHECK_INT(err.code, NOMUL_E_UNSUPPORTED);
    }
    header[7]++;
    check_length(header, 584, "is not a session file; --save-session writes one");
}

static void test_checksum(void)
{
    uint8_t end[8];

    test_case("a checksum that is another");
    nm_store_u64(end, 0xABCDEF);
    CHECK_OK(nm_session_file_check(0xABCDEF, end, &err), err);
    CHECK_FAILS(nm_session_file_check(0x1ABCDEF, end, &err), err,
                "the checksum is 0000000001abcdef, expected 0000000000abcdef: the file was changed "
                "or damaged");
    CHECK_INT(err.code, NOMUL_E_FORMAT);
}

/* One field at a time: its place, its width, the value put there, the message. */
typedef struct bad_value {
    size_t      at, width;
    uint64_t    put;
    const char *words;
} bad_value;

static void check_values(const uint8_t *good, const bad_value *rows, size_t n_rows)
{
    nm_session_record got, before;
    uint8_t           header[HEADER];

    memset(&got, 0x5A, sizeof got);
    before = got;
    CHECK_OK(nm_session_file_decode(&got, good, &err), err);
    got = before;
    for (size_t i = 0; i < n_rows; i++) {
        test_case("version %d: %s", good[8], rows[i].words);
        memcpy(header, good, HEADER);
        if (rows[i].width == 1)
            header[rows[i].at] = (uint8_t)rows[i].put;
        else if (rows[i].width == 4)
            nm_store_u32(header + rows[i].at, (uint32_t)rows[i].put);
        else
            nm_store_u64(header + rows[i].at, rows[i].put);
        CHECK_FAILS(nm_session_file_decode(&got, header, &err), err, rows[i].words);
        CHECK_INT(err.code, NOMUL_E_FORMAT);
    }

    test_case("version %d: a generator of zeros; a failure has changed nothing", good[8]);
    memcpy(header, good, HEADER);
    memset(header + 88, 0, 32);
    CHECK_FAILS(nm_session_file_decode(&got, header, &err), err,
                "rng: is all zero, which generates only zeros");
    CHECK_MEM(&got, &before, sizeof got, "the record");
    CHECK(!nm_session_file_decode(&got, header, NULL));
}

static void test_values(void)
{
    static const bad_value both[] = {
        {12, 4, 65, "n_last: is 65, expected 0 to 64"},
        {12, 4, UINT32_MAX, "n_last: is 4294967295, expected 0 to 64"},
        {12, 4, 2, "last[2]: is 265, expected 0 after the last id"},
        {32, 8, 0, "n_tokens: is 0, expected 1 to 9223372036854775807"},
        {32, 8, UINT64_C(1) << 63,
         "n_tokens: is 9223372036854775808, expected 1 to 9223372036854775807"},
        {40, 4, UINT32_MAX, "last_id: is -1, expected an id"},
        {120, 4, UINT32_MAX - 1, "last[0]: is -2, expected an id"},
        {372, 4, 1, "last[63]: is 1, expected 0 after the last id"},
        {376, 4, 1, "bytes that must be zero are not"},
        {380, 4, UINT32_MAX, "bytes that must be zero are not"},
    };
    static const bad_value first[] = {
        {76, 4, 1, "bytes that must be zero are not"},
        {76, 4, UINT32_C(1) << 31, "bytes that must be zero are not"},
    };
    static const bad_value second[] = {
        {76, 4, UINT32_C(1) << 24 | 65, "n_tail: is 65, expected 0 to 64"},
        {76, 4, 255, "n_tail: is 255, expected 0 where the text has no bytes"},
        {77, 1, 4, "n_held: is 4, expected 0 to 3"},
        {76, 4, UINT32_C(1) << 24 | 3 << 8 | 2, "n_held: is 3, expected 0 to 3"},
        {78, 1, 1, "bytes that must be zero are not"},
        {79, 1, 2, "bytes that must be zero are not"},
        {76, 4, 8, "n_tail: is 8, expected 0 where the text has no bytes"},
        {76, 4, UINT32_C(1) << 24 | 7, "bytes that must be zero are not"},
        {392, 1, 1, "bytes that must be zero are not"},
        {447, 1, 1, "bytes that must be zero are not"},
        {448, 1, 1, "bytes that must be zero are not"},
        {511, 1, 1, "bytes that must be zero are not"},
    };
    nm_session_record r = golden();
    uint8_t           header[HEADER];

    nm_session_file_encode(&r, header);
    check_values(header, both, sizeof both / sizeof *both);
    check_values(header, second, sizeof second / sizeof *second);
    make_version_1(header, &r);
    check_values(header, both, sizeof both / sizeof *both);
    check_values(header, first, sizeof first / sizeof *first);
}

void test_session_file(void)
{
    test_golden();
    test_has_text();
    test_ends();
    test_lengths();
    test_checksum();
    test_values();
}
