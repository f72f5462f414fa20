/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Threads that share work.  Work is a number of items; each thread gets ranges of them.
 *
 * After fork() the child has the pool without its threads: a pool that was not running then runs
 * every job on the calling thread alone, and any pool can be freed, which releases its memory.
 */
#ifndef NM_POOL_H
#define NM_POOL_H

#include "nomul.h"

typedef struct nm_pool nm_pool;

/*
 * Does items [begin, end).  Called from several threads at once with ranges that do not overlap, in
 * any order; `thread` is 0 .. n_threads - 1, and no two calls with the same one run at once.
 */
typedef void (*nm_pool_job)(void *context, size_t begin, size_t end, size_t thread);

/*
 * Called by an idle thread again and again until it returns false: nothing is left to do.  Each
 * call has to be short, since the thread does not see new work meanwhile.
 */
typedef bool (*nm_pool_idle)(void *context, size_t thread);

/*
 * n_threads >= 1 counts the caller: n_threads - 1 are started.  idle may be NULL.  NULL on failure.
 */
nm_pool *nm_pool_new(size_t n_threads, nm_pool_idle idle, void *context, nomul_error *err);
void     nm_pool_free(nm_pool *pool); /* NULL is fine */
size_t   nm_pool_threads(const nm_pool *pool);

/*
 * Runs the job over n_items < 2^32, in ranges of up to `grain` >= 1 items, which end at a multiple
 * of the grain or with a thread's share, with one thread in one range; returns when all are done.
 * What an item computes must not depend on the thread that does it.  The caller, thread 0, does
 * item 0 itself.
 *
 * Returns who was last: 1 if the caller waited for another thread, -1 if all were done when it was.
 * 0: nothing can be said, since it did all, or the share of a thread that did not come.
 */
int nm_pool_run(nm_pool *pool, nm_pool_job job, void *context, size_t n_items, size_t grain);

/*
 * A step of waiting for another thread, awake: the CPU rests, after many steps it is offered to
 * others.  *step is 0 at first; false when it has been long enough to sleep.
 */
bool nm_pool_pause(size_t *step);

/* Where the first share of a thread begins in n_items; for thread n_threads: the end. */
size_t nm_pool_share(size_t n_items, size_t thread, size_t n_threads);

#endif
