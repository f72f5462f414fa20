/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test binary's own nm_alloc and nm_free: linked before the library's, they count and can fail
 * at will.  Blocks are filled with 0xA5, so nobody relies on cleared memory.
 */
#ifndef NM_TEST_ALLOC_H
#define NM_TEST_ALLOC_H

#include <stddef.h>

size_t alloc_live(void);       /* blocks taken and not freed */
size_t alloc_calls(void);      /* calls of nm_alloc since the program began */
size_t alloc_last_bytes(void); /* asked for by the last of them */

/* Watches the block of the next call: how many of its bytes had been written when it was freed. */
void   alloc_watch_next(void);
size_t alloc_written(void);

/* The k-th call from now fails, and only that one: 1 is the next.  0: none fails. */
void alloc_fail_at(size_t k);

/* Did it come to that call? */
int alloc_failed(void);

#endif
