/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that wait for work.  Work is a number of items; ranges of them are handed out. */
#ifndef NM_POOL_H
#define NM_POOL_H

#include "nomul.h"

typedef struct nm_pool nm_pool;

/*
 * Does items [begin, end).  Called from several threads at once with ranges that don't overlap, in
 * any order; `thread` is 0 .. n_threads - 1, and no two calls with the same one run at once.
 */
typedef void (*nm_pool_job)(void *context, size_t begin, size_t end, size_t thread);

/* CPUs that this process may use: affinity and cgroup quota respected; at least 1. */
size_t nm_pool_default_threads(void);

/*
 * What a thread that was started does while it waits, again and again until it says that there is
 * nothing more to do: each time so little that it hears the call at once.
 */
typedef bool (*nm_pool_idle)(void *context, size_t thread);

/*
 * n_threads >= 1, the caller counted: n_threads - 1 are started.  idle may be NULL.  NULL on
 * failure.
 */
nm_pool *nm_pool_new(size_t n_threads, nm_pool_idle idle, void *context, nomul_error *err);
void     nm_pool_free(nm_pool *pool); /* NULL is fine */
size_t   nm_pool_threads(const nm_pool *pool);

/*
 * Runs the job over n_items < 2^32, in ranges of up to `grain` items; returns when all are done.
 * What each item computes must not depend on who does it.
 */
void nm_pool_run(nm_pool *pool, nm_pool_job job, void *context, size_t n_items, size_t grain);

/* Where in n_items the share begins that a thread is given first; for n_threads: the end. */
size_t nm_pool_share(size_t n_items, size_t thread, size_t n_threads);

#endif
