/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All memory of the library comes from here.  The tests link a version of their own, in which
 * allocations can be made to fail one after the other: every caller has to cope with NULL.
 *
 * Blocks are aligned to cache lines: vectors at aligned offsets lie in one line, and what threads
 * write in blocks of their own does not share one.  An object of several parts takes one block for
 * all of them: base/arena.h.
 */
#ifndef NM_ALLOC_H
#define NM_ALLOC_H

#include <stddef.h>

#define NM_ALIGN 64 /* a cache line, and the widest vector */

/* n_bytes aligned to NM_ALIGN, not cleared; NULL if the system has less.  n_bytes may be 0. */
void *nm_alloc(size_t n_bytes);
void  nm_free(void *block); /* NULL is fine */

#endif
