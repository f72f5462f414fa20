/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool of threads with work stealing.  Each thread begins with a contiguous share of the items,
 * so that it streams through memory, and takes ranges from its front; a thread that has none left
 * steals from the back of another share.  A slow thread does less and delays no other by more than
 * the items that it has taken, and one that never gets a CPU is not waited for.
 *
 *     items    0 ......................................................... n
 *     shares   | thread 0 ->      <- thieves | thread 1 ->      <- thieves |
 *
 * A round of work, of which a pass has one, of all its layers, to a few hundred of microseconds:
 *
 *     caller                               worker, awake or asleep
 *     fills in job and shares
 *     opens the round (release) ---------> sees it (acquire): what the caller wrote is visible
 *     does items                           enters, does items, leaves (release)
 *     enters in place of those who have
 *     not come, waits for the others <---- what they computed is visible (acquire)
 *
 * A cache line takes 50 to 250 ns from one CPU to another, so a round moves few of them: the
 * caller writes one, and each worker one of its own, which it enters and leaves by.  Where a share
 * is taken whole, who enters has taken it, and there are no ranges.
 *
 * Between rounds a worker calls `idle`, then waits awake for a moment, since the next round is
 * usually near, and only then sleeps.
 */
#include "base/pool.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/error.h"
#include "base/os.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

/*
 * A thread and its share.  `state` is 2 r - 2 before it enters round r, 2 r - 1 inside, 2 r after
 * it; any thread may enter and leave for it.  The items of the share that are still to do are one
 * number, end in the upper 32 bits, begin in the lower: owner and thieves take from it with one
 * compare-and-swap.  Both have cache lines of their own, which other threads write to.
 */
typedef struct worker {
    _Alignas(NM_ALIGN) atomic_uint_fast64_t range;
    _Alignas(NM_ALIGN) atomic_uint_fast64_t state; /* not of worker 0 */
    _Alignas(NM_ALIGN) nm_pool *pool;
    size_t    index;
    pthread_t handle; /* not of worker 0, which is whoever calls nm_pool_run */
} worker;

struct nm_pool {
    size_t   n_threads; /* running, the caller counted */
    uint64_t process;   /* that has these threads: a forked child has none of them */

    nm_pool_idle idle; /* NULL: none */
    void        *idle_context;

    /* The round of work, from 1 on, and what to do. */
    _Alignas(NM_ALIGN) atomic_uint_fast64_t round;
    nm_pool_job job;
    void       *context;
    size_t      n_items, grain;

    _Alignas(NM_ALIGN) atomic_size_t n_asleep;
    atomic_bool leaving;

    pthread_mutex_t lock;
    pthread_cond_t  wake;
    worker          workers[]; /* [n_threads] */
};

/* How long a thread waits awake: first without leaving the CPU, then offering it to others. */
#define SPINS 2000
#define YIELDS 200

/* A worker prefetches so much of what the caller has just written: line after line is slower. */
#define CONTEXT_BYTES 256

/*
 * Threads begin with the same stack everywhere: a system's default is 128 KiB with musl, 8 MiB with
 * glibc.  The deepest job uses a few KiB, sanitizers multiply that.
 */
#define STACK_BYTES ((size_t)1 << 20)

bool nm_pool_pause(size_t *step)
{
    if (*step >= SPINS)
        sched_yield();
    else
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ volatile("yield");
#else
        __asm__ volatile("");
#endif
    return (*step)++ < SPINS + YIELDS;
}

static uint64_t pack_range(uint64_t begin, uint64_t end)
{
    return end << 32 | begin;
}

/*
 * Takes up to `grain` items of a share, from its front for the owner, from its back for others: up
 * to a multiple of the grain, so that the ranges after a first short one are whole.
 */
static bool take(worker *from, bool front, uint64_t grain, size_t *begin, size_t *end)
{
    uint64_t range = atomic_load_explicit(&from->range, memory_order_relaxed);

    for (;;) {
        uint64_t first = range & UINT32_MAX, last = range >> 32, left = last - first;
        if (left == 0) return false;
        uint64_t n = front ? grain - first % grain : (last - 1) % grain + 1;
        if (n > left) n = left;
        *begin = (size_t)(front ? first : last - n);
        *end = (size_t)(front ? first + n : last);
        uint64_t rest = front ? pack_range(first + n, last) : pack_range(first, last - n);
        if (atomic_compare_exchange_weak_explicit(&from->range, &range, rest, memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    }
}

/* Enters the round for a thread, unless it has entered, or somebody for it. */
static bool enter(worker *w, uint64_t round)
{
    uint64_t before = 2 * round - 2;

    return atomic_load_explicit(&w->state, memory_order_relaxed) == before &&
           atomic_compare_exchange_strong_explicit(&w->state, &before, before + 1,
                                                   memory_order_acquire, memory_order_relaxed);
}

static void leave(worker *w, uint64_t round)
{
    atomic_store_explicit(&w->state, 2 * round, memory_order_release);
}

static bool shares_are_whole(const nm_pool *pool)
{
    return pool->n_items <= pool->grain * pool->n_threads;
}

static void do_share(const nm_pool *pool, size_t owner, size_t thread)
{
    size_t begin = nm_pool_share(pool->n_items, owner, pool->n_threads);
    size_t end = nm_pool_share(pool->n_items, owner + 1, pool->n_threads);

    if (begin < end) pool->job(pool->context, begin, end, thread);
}

/* What a thread does in a round, which it has entered.  Did it take whole shares of others? */
static bool do_items(nm_pool *pool, size_t thread, uint64_t round)
{
    size_t begin, end;
    bool   whole = shares_are_whole(pool), helped = false;

    if (whole) do_share(pool, thread, thread);
    for (size_t i = 0; i < pool->n_threads; i++) {
        size_t  owner = (thread + i) % pool->n_threads;
        worker *from = &pool->workers[owner];
        if (whole && owner && owner != thread && enter(from, round))
            helped = true, do_share(pool, owner, thread), leave(from, round);
        while (!whole && take(from, i == 0, pool->grain, &begin, &end))
            pool->job(pool->context, begin, end, thread);
    }
    return helped;
}

/* Sleeps until a round begins.  If it misses one, its share is done by others. */
static void sleep_until_called(nm_pool *pool, worker *self)
{
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->n_asleep, 1);
    while (!atomic_load(&pool->leaving) &&
           atomic_load(&self->state) + 2 != 2 * atomic_load(&pool->round))
        pthread_cond_wait(&pool->wake, &pool->lock);
    atomic_fetch_sub(&pool->n_asleep, 1);
    pthread_mutex_unlock(&pool->lock);
}

static void *work(void *argument)
{
    worker  *self = argument;
    nm_pool *pool = self->pool;
    size_t   waited = 0;

    while (!atomic_load_explicit(&pool->leaving, memory_order_relaxed)) {
        uint64_t round = atomic_load_explicit(&pool->round, memory_order_acquire);
        if (enter(self, round)) {
            for (size_t i = 0; i < CONTEXT_BYTES; i += NM_ALIGN)
                __builtin_prefetch((const char *)pool->context + i, 0, 3);
            do_items(pool, self->index, round);
            leave(self, round);
            waited = 0;
        } else if (pool->idle && pool->idle(pool->idle_context, self->index)) {
            waited = 0;
        } else if (__builtin_prefetch(&self->state, 1, 3), !nm_pool_pause(&waited)) {
            sleep_until_called(pool, self);
            waited = 0;
        }
    }
    return NULL;
}

/*
 * Not in a forked child: there is no thread to wake, and the lock may be held by a thread that it
 * does not have.
 */
static void wake_sleepers(nm_pool *pool)
{
    if (pool->process != nm_os_process()) return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

nm_pool *nm_pool_new(size_t n_threads, nm_pool_idle idle, void *context, nomul_error *err)
{
    pthread_attr_t attributes;
    int            failure = 0;
    nm_pool       *pool = nm_zeros(sizeof *pool, n_threads, sizeof *pool->workers, err);

    if (!pool) return NULL;
    pool->process = nm_os_process();
    pool->idle = idle, pool->idle_context = context;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_BYTES);
    for (pool->n_threads = 1; pool->n_threads < n_threads; pool->n_threads++) {
        worker *w = &pool->workers[pool->n_threads];
        w->pool = pool, w->index = pool->n_threads;
        failure = pthread_create(&w->handle, &attributes, work, w);
        if (failure) break;
    }
    pthread_attr_destroy(&attributes);
    if (!failure) return pool;
    nm_fail_errno(err, NOMUL_E_MEMORY, failure);
    nm_fail_in(err, "thread %zu of %zu", pool->n_threads + 1, n_threads);
    nm_pool_free(pool);
    return NULL;
}

void nm_pool_free(nm_pool *pool)
{
    if (!pool) return;
    if (pool->process == nm_os_process()) {
        atomic_store(&pool->leaving, true);
        wake_sleepers(pool);
        for (size_t i = 1; i < pool->n_threads; i++) pthread_join(pool->workers[i].handle, NULL);
        pthread_mutex_destroy(&pool->lock);
        pthread_cond_destroy(&pool->wake);
    }
    nm_free(pool);
}

size_t nm_pool_threads(const nm_pool *pool)
{
    return pool->n_threads;
}

/* Not in whole grains: all would wait for a share that is one grain larger. */
size_t nm_pool_share(size_t n_items, size_t thread, size_t n_threads)
{
    return n_items * thread / n_threads;
}

int nm_pool_run(nm_pool *pool, nm_pool_job job, void *context, size_t n_items, size_t grain)
{
    assert(grain > 0);
    if (pool->n_threads == 1 || n_items <= grain) { /* one range, one thread */
        if (n_items) job(context, 0, n_items, 0);
        return 0;
    }
    pool->job = job, pool->context = context, pool->n_items = n_items, pool->grain = grain;
    for (size_t i = 0; i < pool->n_threads && !shares_are_whole(pool); i++) {
        size_t begin = nm_pool_share(n_items, i, pool->n_threads);
        size_t end = nm_pool_share(n_items, i + 1, pool->n_threads);
        atomic_store_explicit(&pool->workers[i].range, pack_range(begin, end),
                              memory_order_relaxed);
    }
    uint64_t round = atomic_load_explicit(&pool->round, memory_order_relaxed) + 1;
    atomic_store_explicit(&pool->round, round, memory_order_release);
    if (atomic_load_explicit(&pool->n_asleep, memory_order_relaxed)) wake_sleepers(pool);

    bool   helped = do_items(pool, 0, round);
    size_t waited = 0;
    for (size_t i = 1; i < pool->n_threads; i++) {
        worker *w = &pool->workers[i];
        if (enter(w, round)) leave(w, round); /* nothing is left to do */
        while (atomic_load_explicit(&w->state, memory_order_acquire) != 2 * round)
            nm_pool_pause(&waited);
    }
    return helped ? 0 : waited ? 1 : -1;
}
