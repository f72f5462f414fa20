/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each thread begins with a contiguous share of the items, so that it streams through memory, and
 * takes ranges from its front; a thread that has none left takes them from the back of another's.
 * So a slow thread does less and stalls nobody, and one that never gets a CPU isn't waited for.
 */
#define _GNU_SOURCE /* sched_getaffinity, where there is one */
#include "base/pool.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/error.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* A share of the items still to do: its end in the high half, its beginning in the low one. */
typedef struct share {
    _Alignas(NM_ALIGN) atomic_uint_fast64_t range;
} share;

typedef struct worker {
    nm_pool  *pool;
    size_t    index;
    pthread_t handle;
} worker;

struct nm_pool {
    size_t n_threads; /* running ones, the caller counted */

    nm_pool_idle idle; /* NULL: nothing */
    void        *idle_context;

    nm_pool_job job;
    void       *context;
    size_t      grain;
    share      *shares; /* [n_threads] */

    /*
     * The round of work: how many there were, whether this one is open, and how many workers are
     * in it.  A worker enters only while it is open; the caller closes it when nothing is left to
     * take, and then waits only for those inside.
     */
    _Alignas(NM_ALIGN) atomic_uint_fast64_t round;
    atomic_size_t n_asleep;
    atomic_bool   leaving;

    pthread_mutex_t lock;
    pthread_cond_t  wake;
    worker         *workers; /* [n_threads - 1] */
    nm_arena        arena;
};

#define INSIDE_ONE ((uint64_t)1)
#define INSIDE_MASK ((uint64_t)0xFFFF)
#define OPEN ((uint64_t)0x10000)
#define NEXT_ROUND ((uint64_t)0x20000)

/* How long a thread waits awake: first without leaving the CPU, then offering it to others. */
#define SPINS 2000
#define YIELDS 200

#if defined(__linux__)
/* The CPU time that cgroup v2 allows us, in whole CPUs; 0 where it sets no limit. */
static size_t cgroup_quota(void)
{
    long long quota, period;
    FILE     *file = fopen("/sys/fs/cgroup/cpu.max", "re");

    if (!file) return 0;
    int n_read = fscanf(file, "%lld %lld", &quota, &period);
    fclose(file);
    if (n_read != 2 || quota <= 0 || period <= 0) return 0;
    return (size_t)((quota + period - 1) / period);
}

static size_t usable_cpus(void)
{
    cpu_set_t set;
    size_t    quota = cgroup_quota();
    long      online = sysconf(_SC_NPROCESSORS_ONLN);
    size_t    n = online > 0 ? (size_t)online : 1;

    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        n = (size_t)CPU_COUNT(&set);
    return quota > 0 && quota < n ? quota : n;
}
#else
static size_t usable_cpus(void)
{
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (size_t)n : 1;
}
#endif

size_t nm_pool_default_threads(void)
{
    return usable_cpus();
}

static void pause_cpu(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* One step of waiting awake; false when it has been long enough. */
static bool wait_awake(size_t *step)
{
    if (*step < SPINS)
        pause_cpu();
    else
        sched_yield();
    return (*step)++ < SPINS + YIELDS;
}

static uint64_t pack_range(uint64_t begin, uint64_t end)
{
    return end << 32 | begin;
}

/* Takes up to `grain` items of a share, from its front for the owner, from its back for others. */
static bool take(share *from, bool front, uint64_t grain, size_t *begin, size_t *end)
{
    uint64_t range = atomic_load_explicit(&from->range, memory_order_relaxed);

    for (;;) {
        uint64_t first = range & UINT32_MAX, last = range >> 32, left = last - first;
        uint64_t n = left < grain ? left : grain;
        if (n == 0) return false;
        *begin = (size_t)(front ? first : last - n);
        *end = (size_t)(front ? first + n : last);
        uint64_t rest = front ? pack_range(first + n, last) : pack_range(first, last - n);
        if (atomic_compare_exchange_weak_explicit(&from->range, &range, rest, memory_order_relaxed,
                                                  memory_order_relaxed))
            return true;
    }
}

static void do_items(nm_pool *pool, size_t thread)
{
    size_t begin, end;

    for (size_t i = 0; i < pool->n_threads; i++) {
        size_t owner = (thread + i) % pool->n_threads;
        while (take(&pool->shares[owner], i == 0, pool->grain, &begin, &end))
            pool->job(pool->context, begin, end, thread);
    }
}

/* Enters the round that is open, if it is not the one seen before. */
static bool enter(nm_pool *pool, uint64_t *seen)
{
    uint64_t round = atomic_load_explicit(&pool->round, memory_order_acquire);

    while (round / NEXT_ROUND != *seen && (round & OPEN)) {
        if (atomic_compare_exchange_weak_explicit(&pool->round, &round, round + INSIDE_ONE,
                                                  memory_order_acquire, memory_order_acquire)) {
            *seen = round / NEXT_ROUND;
            return true;
        }
    }
    return false;
}

/* Sleeps until a round begins.  n_asleep is raised before the deciding look: no call is lost. */
static void sleep_until_called(nm_pool *pool, uint64_t seen)
{
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->n_asleep, 1);
    while (!atomic_load(&pool->leaving)) {
        uint64_t round = atomic_load(&pool->round);
        if (round / NEXT_ROUND != seen && (round & OPEN)) break;
        pthread_cond_wait(&pool->wake, &pool->lock);
    }
    atomic_fetch_sub(&pool->n_asleep, 1);
    pthread_mutex_unlock(&pool->lock);
}

static void *work(void *argument)
{
    worker  *self = argument;
    nm_pool *pool = self->pool;
    uint64_t seen = 0;
    size_t   waited = 0;

    while (!atomic_load_explicit(&pool->leaving, memory_order_relaxed)) {
        if (enter(pool, &seen)) {
            do_items(pool, self->index);
            atomic_fetch_sub_explicit(&pool->round, INSIDE_ONE, memory_order_release);
            waited = 0;
        } else if (pool->idle && pool->idle(pool->idle_context, self->index)) {
            waited = 0;
        } else if (!wait_awake(&waited)) {
            sleep_until_called(pool, seen);
            waited = 0;
        }
    }
    return NULL;
}

static void wake_sleepers(nm_pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

static bool start_workers(nm_pool *pool, size_t n_threads, nomul_error *err)
{
    for (pool->n_threads = 1; pool->n_threads < n_threads; pool->n_threads++) {
        worker *w = &pool->workers[pool->n_threads - 1];
        *w = (worker){.pool = pool, .index = pool->n_threads};
        int failure = pthread_create(&w->handle, NULL, work, w);
        if (failure) {
            nm_fail_errno(err, NOMUL_E_MEMORY, failure);
            return nm_fail_in(err, "thread %zu of %zu", pool->n_threads + 1, n_threads);
        }
    }
    return true;
}

/* The pool and its arrays are one block. */
static nm_pool *place(nm_arena *arena, size_t n_threads)
{
    nm_pool *pool = nm_arena_take(arena, 1, sizeof(nm_pool));
    share   *shares = nm_arena_take(arena, n_threads, sizeof(share));
    worker  *workers = nm_arena_take(arena, n_threads, sizeof(worker));

    if (pool) pool->shares = shares, pool->workers = workers;
    return pool;
}

nm_pool *nm_pool_new(size_t n_threads, nm_pool_idle idle, void *context, nomul_error *err)
{
    nm_arena arena = {0};

    place(&arena, n_threads);
    if (!nm_arena_back(&arena, err)) return NULL;
    nm_pool *pool = place(&arena, n_threads);
    pool->arena = arena, pool->idle = idle, pool->idle_context = context;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    if (!start_workers(pool, n_threads, err)) {
        nm_pool_free(pool);
        return NULL;
    }
    return pool;
}

void nm_pool_free(nm_pool *pool)
{
    if (!pool) return;
    atomic_store(&pool->leaving, true);
    wake_sleepers(pool);
    for (size_t i = 0; i + 1 < pool->n_threads; i++) pthread_join(pool->workers[i].handle, NULL);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->wake);
    nm_arena arena = pool->arena;
    nm_arena_free(&arena);
}

size_t nm_pool_threads(const nm_pool *pool)
{
    return pool->n_threads;
}

/* Not in whole grains: a share that is a grain larger would keep all the others waiting. */
size_t nm_pool_share(size_t n_items, size_t thread, size_t n_threads)
{
    return n_items * thread / n_threads;
}

static void hand_out(nm_pool *pool, size_t n_items)
{
    for (size_t i = 0; i < pool->n_threads; i++) {
        size_t begin = nm_pool_share(n_items, i, pool->n_threads);
        size_t end = nm_pool_share(n_items, i + 1, pool->n_threads);
        atomic_store_explicit(&pool->shares[i].range, pack_range(begin, end), memory_order_relaxed);
    }
}

void nm_pool_run(nm_pool *pool, nm_pool_job job, void *context, size_t n_items, size_t grain)
{
    /* One range is nobody else's business. */
    if (pool->n_threads == 1 || n_items <= grain) {
        if (n_items) job(context, 0, n_items, 0);
        return;
    }
    pool->job = job, pool->context = context, pool->grain = grain;
    hand_out(pool, n_items);
    uint64_t round = atomic_load_explicit(&pool->round, memory_order_relaxed);
    atomic_store(&pool->round, (round / NEXT_ROUND + 1) * NEXT_ROUND + OPEN);
    if (atomic_load(&pool->n_asleep)) wake_sleepers(pool);

    do_items(pool, 0);

    size_t waited = 0;
    round = atomic_fetch_and_explicit(&pool->round, ~OPEN, memory_order_acquire);
    while (round & INSIDE_MASK) {
        wait_awake(&waited);
        round = atomic_load_explicit(&pool->round, memory_order_acquire);
    }
}
