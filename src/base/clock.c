/* SPDX-License-Identifier: Apache-2.0 */
#include "base/clock.h"

#include "base/os.h"

double nm_clock(void)
{
    return 1e-9 * (double)nm_os_nanoseconds();
}
