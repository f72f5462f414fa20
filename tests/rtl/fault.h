/* SPDX-License-Identifier: Apache-2.0 */
// Benches run modules with planted faults, too (mutate.sh): the environment variable FAULT names
// the one that is active, 0 none.
#ifndef FAULT_H
#define FAULT_H

#include <cstdlib>

template <typename module> static void choose_fault(module *top)
{
#ifdef FAULTS
    const char *number = getenv("FAULT");
    top->fault = number ? atoi(number) : 0;
#else
    (void)top;
#endif
}

#endif
