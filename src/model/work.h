/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who computes a pass: the kernels and the threads; and the profile, if one is wanted.  Every step
 * of the forward pass goes through nm_work_run, which shares its items among the threads and gives
 * its time to a phase.
 */
#ifndef NM_WORK_H
#define NM_WORK_H

#include "base/pool.h"
#include "kernels/kernels.h"
#include "model/profile.h"

typedef struct nm_work {
    const nm_kernels *kernels;
    nm_pool          *pool;
    bool              alone;   /* the calling thread does all itself; the pool may be NULL */
    nm_profile       *profile; /* NULL: none wanted */
} nm_work;

/* The time since the last call was spent in this phase. */
static inline void nm_work_done(const nm_work *work, nm_phase phase)
{
    if (work->profile) nm_profile_mark(work->profile, phase);
}

/* nm_pool_run, as one phase of the profile. */
int nm_work_run(const nm_work *work, nm_phase phase, nm_pool_job job, void *context, size_t n_items,
                size_t grain);

static inline size_t nm_work_threads(const nm_work *work)
{
    return work->alone ? 1 : nm_pool_threads(work->pool);
}

#endif
