/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The clock of the system in seconds, for progress, pacing and measuring.  A double holds
 * nanoseconds exactly up to 2^53 of them, 104 days; then in steps of 2, of 4, which no difference
 * of two times shows.
 */
#include "base/clock.h"

#include "base/os.h"

double nm_clock(void)
{
    return 1e-9 * (double)nm_os_nanoseconds();
}
