/* SPDX-License-Identifier: Apache-2.0 */
/* Option structs of nomul.h, which may grow from one version to the next. */
#ifndef NM_ARGS_H
#define NM_ARGS_H

#include "base/error.h"

#include <string.h>

/*
 * Copies the caller's options over ours, which hold the defaults.  Both structs begin with `size`;
 * a caller compiled with an older header has a shorter struct.  `theirs` may be NULL.
 */
static inline bool nm_args_options(void *ours, const void *theirs, size_t our_size,
                                   nomul_error *err)
{
    size_t size;

    if (!theirs) return true;
    memcpy(&size, theirs, sizeof size);
    if (size < sizeof size || size > our_size)
        return nm_fail(err, NOMUL_E_ARG,
                       "options: size is %zu, expected %zu to %zu: was init called?", size,
                       sizeof size, our_size);
    memcpy(ours, theirs, size);
    return true;
}

#endif
