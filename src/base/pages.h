/* SPDX-License-Identifier: Apache-2.0 */
/* How memory is laid out in pages: advice to the system, which may not follow it. */
#ifndef NM_PAGES_H
#define NM_PAGES_H

#include <stddef.h>

/*
 * For a block of some MiB that will be used to its end, as weights are: large pages.  Where every
 * page of 4 KiB has to be looked up in a hypervisor's tables too, reading weights is up to a tenth
 * faster.  A mapped file keeps them in the page cache, if the file system can and the file is not
 * there yet.
 */
void nm_pages_large(const void *block, size_t n_bytes);

#endif
