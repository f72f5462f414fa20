/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory whose neighbouring byte faults: one read or write too far ends the test at once, without
 * a sanitizer and also from vector code.
 *
 *     page       page      pages of data         page
 *     its size | faults | ......[n_bytes of it] | faults
 */
#ifndef NM_GUARD_H
#define NM_GUARD_H

#include <stddef.h>

/* n_bytes whose next byte faults; aligned as n_bytes is.  Filled with 0xA5.  Never NULL. */
void *guard_take(size_t n_bytes);

/* n_bytes whose byte before faults; aligned to a page. */
void *guard_take_front(size_t n_bytes);

/* Of either kind; NULL is fine.  One thread at a time takes and drops. */
void guard_drop(void *block);

/* Makes a block read-only, as a mapped file is. */
void guard_lock(void *block);

#endif
