/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A step of a pass, for all threads of the pool or for the calling one alone, and its time for the
 * profile.  Every step goes through here, so the choice between the two is made in one place; ten
 * callers would repeat it if it were inline.
 */
#include "model/work.h"

int nm_work_run(const nm_work *work, nm_phase phase, nm_pool_job job, void *context, size_t n_items,
                size_t grain)
{
    int later = 0;

    if (!work->alone)
        later = nm_pool_run(work->pool, job, context, n_items, grain);
    else if (n_items)
        job(context, 0, n_items, 0);
    nm_work_done(work, phase);
    return later;
}
