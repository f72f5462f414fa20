/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges are handed out by an atomic counter, so a slow thread takes fewer of them and stalls
 * nobody.  Between jobs the threads sleep on a condition variable.
 */
#define _GNU_SOURCE /* sched_getaffinity, where there is one */
#include "base/pool.h"

#include "base/alloc.h"
#include "base/error.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

typedef struct worker {
    nm_pool  *pool;
    size_t    index;
    pthread_t handle;
} worker;

struct nm_pool {
    size_t n_threads; /* running ones, the caller counted */

    nm_pool_job   job;
    void         *context;
    size_t        n_items, grain;
    atomic_size_t next; /* first item not handed out */

    pthread_mutex_t lock;
    pthread_cond_t  work, done;
    uint64_t        round;  /* counts jobs; a change is the call to work */
    size_t          n_busy; /* workers that have not finished this round */
    bool            leaving;

    worker workers[];
};

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

static void take_ranges(nm_pool *pool, size_t thread)
{
    for (;;) {
        size_t begin = atomic_fetch_add_explicit(&pool->next, pool->grain, memory_order_relaxed);
        if (begin >= pool->n_items) return;
        size_t left = pool->n_items - begin;
        pool->job(pool->context, begin, begin + (left < pool->grain ? left : pool->grain), thread);
    }
}

static void *work(void *argument)
{
    worker  *self = argument;
    nm_pool *pool = self->pool;
    uint64_t seen = 0;

    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (pool->round == seen && !pool->leaving) pthread_cond_wait(&pool->work, &pool->lock);
        if (pool->leaving) break;
        seen = pool->round;
        pthread_mutex_unlock(&pool->lock);
        take_ranges(pool, self->index);
        pthread_mutex_lock(&pool->lock);
        if (--pool->n_busy == 0) pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

nm_pool *nm_pool_new(size_t n_threads, nomul_error *err)
{
    size_t   n_bytes = sizeof(nm_pool) + (n_threads - 1) * sizeof(worker);
    nm_pool *pool = nm_alloc(n_bytes);

    if (!pool) {
        nm_fail_memory(err, n_bytes);
        return NULL;
    }
    memset(pool, 0, n_bytes);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work, NULL);
    pthread_cond_init(&pool->done, NULL);
    atomic_init(&pool->next, 0);
    for (pool->n_threads = 1; pool->n_threads < n_threads; pool->n_threads++) {
        worker *w = &pool->workers[pool->n_threads - 1];
        *w = (worker){.pool = pool, .index = pool->n_threads};
        int failure = pthread_create(&w->handle, NULL, work, w);
        if (failure) {
            nm_fail(err, NOMUL_E_MEMORY, "thread %zu of %zu: %s", pool->n_threads + 1, n_threads,
                    strerror(failure));
            nm_pool_free(pool);
            return NULL;
        }
    }
    return pool;
}

void nm_pool_free(nm_pool *pool)
{
    if (!pool) return;
    pthread_mutex_lock(&pool->lock);
    pool->leaving = true;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);
    for (size_t i = 0; i + 1 < pool->n_threads; i++) pthread_join(pool->workers[i].handle, NULL);
    pthread_mutex_destroy(&pool->lock);
    pthread_cond_destroy(&pool->work);
    pthread_cond_destroy(&pool->done);
    nm_free(pool);
}

size_t nm_pool_threads(const nm_pool *pool)
{
    return pool->n_threads;
}

void nm_pool_run(nm_pool *pool, nm_pool_job job, void *context, size_t n_items, size_t grain)
{
    /* One range is nobody else's business. */
    if (pool->n_threads == 1 || n_items <= grain) {
        if (n_items) job(context, 0, n_items, 0);
        return;
    }
    pthread_mutex_lock(&pool->lock);
    pool->job = job, pool->context = context;
    pool->n_items = n_items, pool->grain = grain;
    atomic_store_explicit(&pool->next, 0, memory_order_relaxed);
    pool->n_busy = pool->n_threads - 1;
    pool->round++;
    pthread_cond_broadcast(&pool->work);
    pthread_mutex_unlock(&pool->lock);

    take_ranges(pool, 0);

    pthread_mutex_lock(&pool->lock);
    while (pool->n_busy) pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
}
