/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the monotonic clock at the end of a phase, which gets the time since the last reading.  For
 * profiles (bench/decoding.c), which hang one in nm_work; without one no pass comes here, and
 * decoding pays for a comparison with NULL a step.
 */
#include "model/profile.h"

#include "base/clock.h"

void nm_profile_mark(nm_profile *profile, nm_phase phase)
{
    double now = nm_clock();

    profile->seconds[phase] += now - profile->last;
    profile->last = now;
}
