/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of a session file: the bytes that another writer makes of the same values, every
 * length, every field out of range.
 */
#include "test.h"

#include "base/bytes.h"
#include "base/xxh64.h"
#include "format/session_file.h"

#include <math.h>
#include <stdlib.h>

#define HEADER NM_SESSION_FILE_HEADER

static nomul_error err;

/* What tests/golden/small.nms says, as make_seeds.py wrote it. */
static nomul_saved golden(void)
{
    nomul_saved saved = {
        .model_id = UINT64_C(13441487074229265007),
        .state_bytes = 64,
        .n_tokens = 12,
        .last_id = 265,
        .sampler = {.size = sizeof saved.sampler,
                    .temp = 0.75f,
                    .top_k = 50,
                    .top_p = 0.9375f,
                    .min_p = 0.03125f,
                    .repeat_penalty = 1.125f,
                    .repeat_last_n = 32,
                    .presence_penalty = 0.25f,
                    .frequency_penalty = -0.5f,
                    .seed = 42},
        .sampler_state = {.rng = {1, 2, UINT64_C(0x0123456789ABCDEF), UINT64_MAX}, .n_last = 3},
    };
    static const int32_t last[3] = {299, 0, 265};

    memcpy(saved.sampler_state.last, last, sizeof last);
    return saved;
}

static void check_same(const nomul_saved *a, const nomul_saved *b)
{
    uint8_t first[HEADER], second[HEADER];

    CHECK_INT(a->sampler.size, b->sampler.size);
    CHECK(!a->sampler.logit_bias && a->sampler.n_logit_bias == 0);
    nm_session_file_encode(a, first);
    nm_session_file_encode(b, second);
    CHECK_MEM(first, second, HEADER, "a field");
}

static void test_golden(void)
{
    nomul_saved want = golden(), got;
    uint8_t     header[HEADER];
    uint64_t    n_bytes = 0;
    size_t      size;

    test_case("another writer's file: the same bytes, the same values");
    char *file = test_read_file(test_path("golden/small.nms"), &size);
    CHECK_INT(size, HEADER + 64 + 8);
    if (size != HEADER + 64 + 8) {
        free(file);
        return;
    }
    nm_session_file_encode(&want, header);
    CHECK_MEM(header, file, HEADER, "the header");
    CHECK_OK(nm_session_file_measure(file, size, &n_bytes, &err), err);
    CHECK_INT(n_bytes, 64);
    CHECK_OK(nm_session_file_check(nm_xxh64_of(file, size - 8), file + size - 8, &err), err);
    CHECK_OK(nm_session_file_decode(&got, file, &err), err);
    check_same(&got, &want);
    CHECK_INT(got.n_tokens, 12);
    CHECK_INT(got.last_id, 265);
    CHECK(got.sampler.temp == 0.75f && got.sampler.frequency_penalty == -0.5f);
    CHECK_INT(got.sampler.repeat_last_n, 32);
    CHECK(got.sampler_state.rng[3] == UINT64_MAX);
    CHECK_INT(got.sampler_state.last[0], 299);
    free(file);
}

static void test_ends(void)
{
    nomul_saved saved = golden(), got;
    uint8_t     header[HEADER];

    test_case("the ends of every range");
    saved.n_tokens = INT64_MAX;
    saved.last_id = INT32_MAX;
    saved.sampler_state.n_last = 64;
    for (int i = 0; i < 64; i++) saved.sampler_state.last[i] = INT32_MAX - i;
    saved.sampler.temp = NAN; /* not this module's to judge */
    saved.sampler.top_k = INT32_MIN;
    saved.sampler.seed = UINT64_MAX;
    nm_session_file_encode(&saved, header);
    CHECK_OK(nm_session_file_decode(&got, header, &err), err);
    check_same(&got, &saved);
    CHECK(isnan(got.sampler.temp) && got.sampler.top_k == INT32_MIN);
    CHECK_INT(got.sampler_state.last[63], INT32_MAX - 63);

    saved.sampler_state.n_last = 0;
    nm_session_file_encode(&saved, header);
    CHECK_OK(nm_session_file_decode(&got, header, &err), err);
    CHECK_INT(got.sampler_state.n_last, 0);
    CHECK_INT(got.sampler_state.last[0], 0);
}

static void test_lengths(void)
{
    nomul_saved saved = golden();
    uint8_t     header[HEADER];
    uint64_t    n_bytes = 1;

    nm_session_file_encode(&saved, header);
#define FAILS(file_bytes, words)                                                                   \
    do {                                                                                           \
        test_case("%s", words);                                                                    \
        CHECK_FAILS(nm_session_file_measure(header, file_bytes, &n_bytes, &err), err, words);      \
        CHECK_INT(n_bytes, 1);                                                                     \
    } while (0)
    FAILS(0, "is not a session file");
    FAILS(7, "is not a session file");
    FAILS(8, "is truncated: has 8 bytes, expected at least 396");
    FAILS(383, "is truncated: has 383 bytes, expected at least 396");
    FAILS(384, "is truncated: has 384 bytes, expected 456");
    FAILS(455, "is truncated: has 455 bytes, expected 456");
    FAILS(457, "is too long: has 457 bytes, expected 456");
    FAILS(UINT64_MAX, "is too long: has 18446744073709551615 bytes, expected 456");
    CHECK_INT(err.code, NOMUL_E_FORMAT);

    nm_store_u64(header + 24, UINT64_MAX - 391); /* their sum would wrap to 0 */
    FAILS(456, "state_bytes: is 18446744073709551224, expected a multiple of 4, up to 4294967296");
    nm_store_u64(header + 24, 0);
    FAILS(392, "state_bytes: is 0, expected a multiple of 4, up to 4294967296");
    nm_store_u64(header + 24, 66);
    FAILS(458, "state_bytes: is 66, expected a multiple of 4, up to 4294967296");
    nm_store_u64(header + 24, (UINT64_C(1) << 32) + 4);
    FAILS(456, "state_bytes: is 4294967300, expected a multiple of 4, up to 4294967296");
    nm_store_u64(header + 24, UINT64_C(1) << 32);
    FAILS(456, "is truncated: has 456 bytes, expected 4294967688");

    nm_store_u32(header + 8, 3);
    FAILS(456, "is a session file of version 3, expected 1");
    FAILS(12, "is a session file of version 3, expected 1");
    CHECK_INT(err.code, NOMUL_E_UNSUPPORTED);
    header[7]++;
    FAILS(456, "is not a session file");
#undef FAILS
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

/* One field at a time: its place, its width, what is put there, what is said. */
static void test_values(void)
{
    static const struct {
        size_t      at, width;
        uint64_t    put;
        const char *words;
    } rows[] = {
        {12, 4, 65, "n_last: is 65, expected 0 to 64"},
        {12, 4, UINT32_MAX, "n_last: is 4294967295, expected 0 to 64"},
        {12, 4, 2, "last[2]: is 265, expected 0 behind the last id"},
        {32, 8, 0, "n_tokens: is 0, expected 1 to 9223372036854775807"},
        {32, 8, UINT64_C(1) << 63,
         "n_tokens: is 9223372036854775808, expected 1 to 9223372036854775807"},
        {40, 4, UINT32_MAX, "last_id: is -1, expected an id"},
        {76, 4, 1, "bytes that must be zero are not"},
        {120, 4, UINT32_MAX - 1, "last[0]: is -2, expected an id"},
        {372, 4, 1, "last[63]: is 1, expected 0 behind the last id"},
        {376, 4, 1, "bytes that must be zero are not"},
        {380, 4, UINT32_MAX, "bytes that must be zero are not"},
    };
    nomul_saved saved = golden(), got, before;
    uint8_t     header[HEADER];

    memset(&got, 0x5A, sizeof got);
    before = got;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        test_case("%s", rows[i].words);
        nm_session_file_encode(&saved, header);
        if (rows[i].width == 4)
            nm_store_u32(header + rows[i].at, (uint32_t)rows[i].put);
        else
            nm_store_u64(header + rows[i].at, rows[i].put);
        CHECK_FAILS(nm_session_file_decode(&got, header, &err), err, rows[i].words);
        CHECK_INT(err.code, NOMUL_E_FORMAT);
    }

    test_case("a generator of zeros; what failed has changed nothing");
    nm_session_file_encode(&saved, header);
    memset(header + 88, 0, 32);
    CHECK_FAILS(nm_session_file_decode(&got, header, &err), err,
                "rng: is all zero, which makes only zeros");
    CHECK_MEM(&got, &before, sizeof got, "*saved");
    CHECK(!nm_session_file_decode(&got, header, NULL));
}

void test_session_file(void)
{
    test_golden();
    test_ends();
    test_lengths();
    test_checksum();
    test_values();
}
