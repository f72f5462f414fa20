/* SPDX-License-Identifier: Apache-2.0 */
/* A double holds nanoseconds exactly up to 2^53 of them, 104 days; then in steps of 2, of 4. */
#include "base/clock.h"

#include "base/os.h"

double nm_clock(void)
{
    return 1e-9 * (double)nm_os_nanoseconds();
}
