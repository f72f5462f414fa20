/* SPDX-License-Identifier: Apache-2.0 */
/* aligned_alloc. */
#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>

void *nm_alloc(size_t n_bytes)
{
    if (n_bytes > SIZE_MAX - NM_ALIGN) return NULL;
    /* A multiple of the alignment, as C11 requires; more than 0, so that NULL means failure. */
    return aligned_alloc(NM_ALIGN, n_bytes / NM_ALIGN * NM_ALIGN + NM_ALIGN);
}

void nm_free(void *block)
{
    free(block);
}
