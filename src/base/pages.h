/* SPDX-License-Identifier: Apache-2.0 */
/* Page size: advice to the system, which may ignore it. */
#ifndef NM_PAGES_H
#define NM_PAGES_H

#include <stddef.h>

/*
 * Asks for large pages, for a block of some MiB that is read to its end, as weights are: up to 10 %
 * faster under a hypervisor, where every page of 4 KiB is translated twice.  A mapped file can have
 * them in the page cache, if the file system supports it and the file is not cached yet.
 */
void nm_pages_large(const void *block, size_t n_bytes);

#endif
