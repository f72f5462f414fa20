/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory from the system, in whole units of NM_ALIGN.  A large block is refused here if the system
 * has no memory for it: later, the first write would end the process instead.  An object of
 * several arrays takes one block for all of them (arena.c).  The tests link a file of their own in
 * place of this one.
 */
#include "base/alloc.h"

#include "base/os.h"

#include <stdint.h>

#define LARGE ((size_t)64 << 20) /* below it, asking the system costs more than it can save */

/*
 * Systems promise memory that they don't have, and kill who then uses it: a large block is had only
 * if there is memory for it.
 */
void *nm_alloc(size_t n_bytes)
{
    if (n_bytes > SIZE_MAX - NM_ALIGN) return NULL;
    if (n_bytes >= LARGE && n_bytes > nm_os_available_memory()) return NULL;
    /* A multiple of the alignment, as C11 requires; more than 0, so that NULL means failure. */
    return nm_os_alloc(NM_ALIGN, n_bytes / NM_ALIGN * NM_ALIGN + NM_ALIGN);
}

void nm_free(void *block)
{
    nm_os_free(block);
}
