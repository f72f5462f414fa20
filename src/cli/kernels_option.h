/* SPDX-License-Identifier: Apache-2.0 */
/* Which kernels: --kernels, or $NOMUL_KERNELS, or the best that this CPU runs. */
#ifndef NM_KERNELS_OPTION_H
#define NM_KERNELS_OPTION_H

#include <stdbool.h>

/* A row of a command's options; F(field) is a const char *. */
#define NM_KERNELS_OPTION(field)                                                                   \
    {                                                                                              \
        0, "kernels", NM_OPT_STRING, field, NULL, "NAME",                                          \
            "instruction set to compute with, see nomul selftest; all give the same bits", 0, 0    \
    }

/*
 * *name as given, or else $NOMUL_KERNELS, or else NULL for the best.  False if this build has none
 * of that name: it has been said, and is misuse.  Whether the CPU runs it the library says.
 */
bool nm_kernels_option(const char *command, const char **name);

#endif
