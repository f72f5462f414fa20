/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "model/work.h"

#define N_ITEMS 100

typedef struct done {
    unsigned char items[N_ITEMS]; /* how often each was done */
    size_t        n_alone;        /* calls of thread 0 for all of them */
} done;

static void job(void *context, size_t begin, size_t end, size_t thread)
{
    done *d = context;

    for (size_t i = begin; i < end; i++) d->items[i]++;
    if (thread == 0 && begin == 0 && end == N_ITEMS) d->n_alone++;
}

/* A step of a pass with three threads, in pieces of 10: each item is done once. */
static void run(nm_pool *pool, bool alone, size_t n_items, size_t n_alone)
{
    nm_profile profile = {0};
    nm_work    work = {.pool = pool, .alone = alone, .profile = &profile};
    done       d = {{0}, 0};

    int last = nm_work_run(&work, NM_PHASE_SCAN, job, &d, n_items, 10);
    CHECK_INT(last != 0, !alone && n_items > 10);
    for (size_t i = 0; i < N_ITEMS; i++) CHECK_INT(d.items[i], i < n_items);
    CHECK_INT(d.n_alone, n_alone);
    CHECK(profile.seconds[NM_PHASE_SCAN] > 0);
}

void test_work(void)
{
    nomul_error err;
    nm_pool    *pool = nm_pool_new(3, NULL, NULL, &err);

    CHECK_OK(pool != NULL, err);
    test_case("threads share the items of a step");
    run(pool, false, N_ITEMS, 0);
    test_case("a pass of one thread has all of them at once");
    run(pool, true, N_ITEMS, 1);
    test_case("there may be none");
    run(pool, true, 0, 0);
    run(pool, false, 0, 0);
    nm_pool_free(pool);
}
