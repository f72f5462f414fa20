/* SPDX-License-Identifier: Apache-2.0 */
/* The one door to the heap.  Alone in its file so that a test can link its own and make it fail. */
#ifndef NM_ALLOC_H
#define NM_ALLOC_H

#include <stddef.h>

#define NM_ALIGN 64 /* a cache line, and the widest vector */

/* n_bytes aligned to NM_ALIGN, not cleared; NULL if there is no memory.  n_bytes may be 0. */
void *nm_alloc(size_t n_bytes);
void  nm_free(void *block); /* NULL is fine */

#endif
