/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers, hashes, errors, arenas, threads: the ground floor. */
#include "test.h"

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/half.h"
#include "base/pool.h"
#include "base/rng.h"
#include "base/xxh64.h"

#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void test_xxh64(void)
{
    test_case("xxh64 of known texts");
    CHECK(nm_xxh64_of("", 0) == 0xEF46DB3751D8E999u);
    CHECK(nm_xxh64_of("a", 1) == 0xD24EC4F1A98C6E5Bu);
    CHECK(nm_xxh64_of("abc", 3) == 0x44BC2CF5AD770999u);

    test_case("xxh64 in pieces of any size");
    uint8_t data[200];
    for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 37);
    for (size_t piece = 1; piece <= sizeof data; piece++) {
        nm_xxh64 hash;
        nm_xxh64_init(&hash);
        for (size_t at = 0; at < sizeof data; at += piece)
            nm_xxh64_add(&hash, data + at, piece < sizeof data - at ? piece : sizeof data - at);
        CHECK(nm_xxh64_value(&hash) == nm_xxh64_of(data, sizeof data));
    }
}

static void test_half(void)
{
    test_case("every binary16 survives the way to binary32 and back");
    for (uint32_t h = 0; h < 65536; h++) {
        float value = nm_float_of_f16((uint16_t)h);
        if (value != value) {
            CHECK((nm_f16_of_float(value) & 0x7C00) == 0x7C00 && (nm_f16_of_float(value) & 0x3FF));
            continue;
        }
        CHECK_INT(nm_f16_of_float(value), h);
    }
    test_case("binary16 rounds ties to even, also below the normal numbers");
    for (uint32_t h = 0; h < 0x7BFF; h++) {
        float low = nm_float_of_f16((uint16_t)h), high = nm_float_of_f16((uint16_t)(h + 1));
        float middle = low + (high - low) / 2;
        float above = nm_float_of_bits(nm_bits_of_float(middle) + 1);
        float below = nm_float_of_bits(nm_bits_of_float(middle) - 1);
        CHECK_INT(nm_f16_of_float(middle), h % 2 ? h + 1 : h);
        CHECK_INT(nm_f16_of_float(above), h + 1);
        CHECK_INT(nm_f16_of_float(below), h);
    }
    CHECK_INT(nm_f16_of_float(65519.0f), 0x7BFF);
    CHECK_INT(nm_f16_of_float(65520.0f), 0x7C00);
    CHECK_INT(nm_f16_of_float(-65520.0f), 0xFC00);
}

static void test_rng(void)
{
    test_case("xoshiro256** of seed 42 as the authors' code gives it");
    static const uint64_t want[4] = {1546998764402558742u, 6990951692964543102u,
                                     12544586762248559009u, 17057574109182124193u};
    nm_rng                rng;
    nm_rng_init(&rng, 42);
    for (int i = 0; i < 4; i++) CHECK(nm_rng_next(&rng) == want[i]);
    for (int i = 0; i < 1000; i++) {
        double u = nm_rng_double(&rng);
        CHECK(u >= 0 && u < 1);
    }
}

static void test_error(void)
{
    nomul_error err;
    test_case("an error is one line, its place in front");
    CHECK(!nm_fail(&err, NOMUL_E_FORMAT, "key %s", "a\nb"));
    CHECK(!nm_fail_in(&err, "%s", "file.gguf"));
    CHECK_STR(err.text, "file.gguf: key a\\nb");
    CHECK_INT(err.code, NOMUL_E_FORMAT);
    CHECK(!nm_fail(NULL, NOMUL_E_FORMAT, "nobody listens"));

    test_case("one of something is in the singular");
    nm_fail(&err, NOMUL_E_ARG, "%d bytes, %d tokens: %d keys, 1,%03d names; %d to %zu pieces", 1, 1,
            21, 1, 1, (size_t)1);
    CHECK_STR(err.text, "1 byte, 1 token: 21 keys, 1,001 names; 1 to 1 piece");
    nm_fail(&err, NOMUL_E_ARG, "%zu ids after %zu: too many", (size_t)1, (size_t)1);
    CHECK_STR(err.text, "1 id after 1: too many");
    nm_fail(&err, NOMUL_E_ARG, "%s: %5d bytes, 100 %% of %.*s; %" PRIu64 " layers, %s", "1 tokens",
            1, 8, "1 pieces or more", (uint64_t)1, "1 keys");
    CHECK_STR(err.text, "1 tokens:     1 byte, 100 % of 1 pieces; 1 layer, 1 keys");
    nm_fail_in(&err, "%s", "1 bytes");
    CHECK_STR(err.text, "1 bytes: 1 tokens:     1 byte, 100 % of 1 pieces; 1 layer, 1 keys");

    test_case("a message that is too long is cut, in the middle of a noun, too");
    char name[1100];
    memset(name, 'x', sizeof name);
    for (int n_name = 1005; n_name < 1030; n_name++) {
        nm_fail(&err, NOMUL_E_ARG, "%.*s: has %d bytes", n_name, name, 1);
        CHECK_INT(strlen(err.text), n_name + 12 < 1023 ? n_name + 12 : 1023);
    }

    test_case("a place too long loses its beginning, the cause stays");
    char place[2000];
    memset(place, 'x', sizeof place);
    place[sizeof place - 1] = '\0';
    nm_fail(&err, NOMUL_E_IO, "the cause");
    nm_fail_in(&err, "%s", place);
    CHECK_STR(err.text + strlen(err.text) - 13, "xx: the cause");
}

static void test_arena(void)
{
    test_case("an arena measures, then places");
    nm_arena    arena = {0};
    nomul_error err;
    CHECK(nm_arena_take(&arena, 3, 5) == NULL);
    CHECK(nm_arena_take(&arena, 100, 4) == NULL);
    CHECK_INT(arena.used, 64 + 448);
    CHECK_OK(nm_arena_back(&arena, &err), err);
    char *a = nm_arena_take(&arena, 3, 5), *b = nm_arena_take(&arena, 100, 4);
    CHECK_INT(b - a, 64);
    CHECK_INT((uintptr_t)a % 64, 0);
    nm_arena_free(&arena);

    test_case("sizes that overflow are an error");
    nm_arena_take(&arena, SIZE_MAX / 2, 3);
    CHECK_FAILS(nm_arena_back(&arena, &err), err, "out of memory: sizes overflow");
}

typedef struct count_job {
    atomic_int *seen;
    size_t      n_threads;
    size_t      grain; /* whose multiples no range crosses; 0: any may */
    atomic_bool bad;
} count_job;

static void count(void *context, size_t begin, size_t end, size_t thread)
{
    count_job *job = context;
    if (thread >= job->n_threads) job->bad = true;
    if (job->grain && begin / job->grain != (end - 1) / job->grain) job->bad = true;
    for (size_t i = begin; i < end; i++) atomic_fetch_add(&job->seen[i], 1);
}

static void test_pool(void)
{
    nomul_error err;
    for (size_t n_threads = 1; n_threads <= 5; n_threads++) {
        test_case("%zu threads do every item once, in ranges up to multiples of the grain",
                  n_threads);
        nm_pool *pool = nm_pool_new(n_threads, NULL, NULL, &err);
        CHECK_OK(pool != NULL, err);
        for (size_t n = 0; n < 300; n += 7) {
            for (size_t grain = 1; grain < 40; grain += 13) {
                atomic_int *seen = calloc(n + 1, sizeof *seen);
                count_job   job = {.seen = seen, .n_threads = n_threads};
                if (n_threads > 1 && n > grain * n_threads) job.grain = grain;
                nm_pool_run(pool, count, &job, n, grain);
                CHECK(!job.bad);
                for (size_t i = 0; i < n; i++) CHECK_INT(seen[i], 1);
                free(seen);
            }
        }
        nm_pool_free(pool);
    }
}

/* Thread 0 waits in its first range until the other thread has one, and notes where that ends. */
static void note_other(void *context, size_t begin, size_t end, size_t thread)
{
    atomic_size_t *other = context;
    size_t         none = 0;

    (void)begin;
    if (thread) atomic_compare_exchange_strong(other, &none, end);
    while (!atomic_load(other)) sched_yield();
}

static void test_ranges(void)
{
    nomul_error err;
    nm_pool    *pool = nm_pool_new(2, NULL, NULL, &err);

    CHECK_OK(pool != NULL, err);
    test_case("a share that begins inside a grain begins with the rest of it");
    for (size_t n = 22; pool && n < 60; n += 2) { /* thread 1 begins at n / 2 */
        atomic_size_t other = 0;
        nm_pool_run(pool, note_other, &other, n, 5);
        CHECK_INT(other, n / 2 / 5 * 5 + 5 < n ? n / 2 / 5 * 5 + 5 : n);
    }
    nm_pool_free(pool);
}

/* One item for each of two threads.  Who is to be last waits for the other, and a while longer. */
typedef struct last_job {
    size_t      last;
    atomic_bool begun[2], done[2];
} last_job;

static void be_last(void *context, size_t begin, size_t end, size_t thread)
{
    last_job       *job = context;
    struct timespec a_while = {.tv_nsec = 5000000};

    (void)end, (void)thread;
    job->begun[begin] = true;
    while (!(begin == job->last ? job->done : job->begun)[1 - begin]) sched_yield();
    if (begin == job->last) nanosleep(&a_while, NULL);
    job->done[begin] = true;
}

static void test_last(void)
{
    nomul_error err;
    nm_pool    *pool = nm_pool_new(2, NULL, NULL, &err);

    CHECK_OK(pool != NULL, err);
    test_case("a pool says which thread was last");
    /* An item is done a moment before the pool knows: a busy machine may stop a thread there. */
    for (size_t last = 0; last < 2; last++) {
        int sum = 0;
        for (int i = 0; i < 9; i++) {
            last_job job = {.last = last};
            sum += nm_pool_run(pool, be_last, &job, 2, 1);
        }
        CHECK_THAT(last ? sum > 0 : sum < 0, "%zu was last, sum %d", last, sum);
    }
    test_case("or nothing, where the caller did all");
    atomic_int seen[2] = {0};
    count_job  job = {.seen = seen, .n_threads = 2};
    CHECK_INT(nm_pool_run(pool, count, &job, 2, 2), 0);
    nm_pool_free(pool);
}

static void test_clock(void)
{
    test_case("the clock moves forward, in seconds");
    struct timespec pause = {.tv_nsec = 2000000};
    double          before = nm_clock();
    nanosleep(&pause, NULL);
    double after = nm_clock();
    CHECK_THAT(after >= before + 0.002 && after < before + 10, "%g, then %g", before, after);
}

/* In the child: does a pool run every item, on this thread, and is it freed?  Dies if it hangs. */
static void run_forked(nm_pool *pool, size_t n_threads)
{
    atomic_int seen[100] = {0};
    count_job  job = {.seen = seen, .n_threads = n_threads};

    alarm(20);
    if (nm_pool_run(pool, count, &job, n_threads, 1) != 0) _exit(2); /* who was last? */
    for (size_t i = 0; i < n_threads; i++) seen[i] = 0;
    nm_pool_run(pool, count, &job, 100, 1);
    for (size_t i = 0; i < 100; i++)
        if (seen[i] != 1) _exit(1);
    nm_pool_free(pool);
    _exit(0);
}

static void test_fork(void)
{
    nomul_error err;
    for (size_t n_threads = 1; n_threads <= 4; n_threads += 3) {
        test_case("a forked child runs and frees a pool of %zu threads", n_threads);
        nm_pool *pool = nm_pool_new(n_threads, NULL, NULL, &err);
        CHECK_OK(pool != NULL, err);
        /* Right after a run the threads are awake; later they sleep, or hold the lock to do so. */
        for (long pause = 0; pause <= 4000000; pause += 200000) {
            atomic_int      seen[100] = {0};
            count_job       job = {.seen = seen, .n_threads = n_threads};
            struct timespec t = {.tv_nsec = pause};
            int             status;

            nm_pool_run(pool, count, &job, 100, 1);
            nanosleep(&t, NULL);
            fflush(NULL);
            pid_t child = fork();
            if (child == 0) run_forked(pool, n_threads);
            CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
            CHECK_INT(WEXITSTATUS(status), 0);
        }
        nm_pool_free(pool);
    }
}

void test_base(void)
{
    test_xxh64();
    test_half();
    test_rng();
    test_error();
    test_arena();
    test_pool();
    test_ranges();
    test_last();
    test_clock();
    test_fork();
}
