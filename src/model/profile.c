/* SPDX-License-Identifier: Apache-2.0 */
/* The monotonic clock, and which phase gets the time since its last reading. */
#include "model/profile.h"

#include "base/clock.h"

const char *nm_phase_name(size_t phase)
{
    static const char *const names[NM_PHASES] = {
        [NM_PHASE_EMBEDDING] = "embedding",
        [NM_PHASE_NORM] = "rmsnorm",
        [NM_PHASE_QUANTIZE] = "norm and quantize",
        [NM_PHASE_GEMV] = "tables and gemv",
        [NM_PHASE_GEMM] = "ternary gemm",
        [NM_PHASE_SCAN] = "recurrence",
        [NM_PHASE_GATE] = "gates",
        [NM_PHASE_ADD] = "residual",
    };

    return phase < NM_PHASES ? names[phase] : NULL;
}

void nm_profile_mark(nm_profile *profile, nm_phase phase)
{
    double now = nm_clock();

    profile->seconds[phase] += now - profile->last;
    profile->last = now;
}
