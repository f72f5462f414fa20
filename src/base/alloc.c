/* SPDX-License-Identifier: Apache-2.0 */
#include "base/alloc.h"

#include <stdint.h>
#include <stdlib.h>

void *nm_alloc(size_t n_bytes)
{
    if (n_bytes > SIZE_MAX - NM_ALIGN) return NULL;
    /* aligned_alloc wants a multiple of the alignment; an empty block still gets an address. */
    return aligned_alloc(NM_ALIGN, n_bytes / NM_ALIGN * NM_ALIGN + NM_ALIGN);
}

void nm_free(void *block)
{
    free(block);
}
