/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* madvise is not in POSIX */

/* madvise on the whole pages of a block. */
#include "base/pages.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define LEAST ((size_t)4 << 20) /* two large pages of x86: of less, too much would be wasted */

void nm_pages_large(const void *block, size_t n_bytes)
{
#ifdef MADV_HUGEPAGE
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    uintptr_t begin = ((uintptr_t)block + page - 1) / page * page;
    uintptr_t end = ((uintptr_t)block + n_bytes) / page * page;

    if (n_bytes >= LEAST) madvise((void *)begin, end - begin, MADV_HUGEPAGE);
#else
    (void)block, (void)n_bytes;
#endif
}
