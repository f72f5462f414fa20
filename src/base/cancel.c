/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The flag is set by a signal handler or another thread, and nothing else is passed on with it: the
 * call that sees it only returns early.  So reading it needs no ordering (memory_order_relaxed).
 * The pace adapts how much work lies between two looks at the flag to how long the work took.
 */
#include "base/cancel.h"

#include "base/error.h"

#include <stdatomic.h>

/* The header is C++'s too, so the member is a plain int there; here it is used as an atomic one. */
_Static_assert(sizeof(atomic_int) == sizeof(int), "an atomic int is laid out like an int");
_Static_assert(ATOMIC_INT_LOCK_FREE == 2, "signal handlers may set a lock-free atomic only");

void nomul_cancel_request(nomul_cancel *cancel)
{
    if (cancel) atomic_store((atomic_int *)(void *)&cancel->requested, 1);
}

void nomul_cancel_clear(nomul_cancel *cancel)
{
    if (cancel) atomic_store((atomic_int *)(void *)&cancel->requested, 0);
}

bool nomul_cancel_requested(const nomul_cancel *cancel)
{
    if (!cancel) return false;
    return atomic_load_explicit((const atomic_int *)(const void *)&cancel->requested,
                                memory_order_relaxed) != 0;
}

bool nm_watched_step(const nm_watched *w, uint64_t done, uint64_t total, nomul_error *err)
{
    if (!w) return true;
    bool stop =
        nomul_cancel_requested(w->cancel) || (w->progress && !w->progress(w->context, done, total));
    return !stop || nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
}

nm_pace nm_pace_start(const nomul_cancel *cancel, size_t first, size_t most)
{
    if (first < NM_PACE_FIRST) first = NM_PACE_FIRST;
    return (nm_pace){.step = cancel && first < most ? first : most, .most = most};
}

void nm_pace_update(nm_pace *pace, size_t n, double seconds)
{
    if (seconds > 1 && n > 1)
        pace->step = n / 2;
    else if (seconds < 0.25 && n >= pace->step)
        pace->step = pace->step <= pace->most / 4 ? 4 * pace->step : pace->most;
}
