/* SPDX-License-Identifier: Apache-2.0 */
#include "alloc.h"

#include "base/alloc.h"
#include "base/os.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static bool           watching; /* the next block; one thread at a time does this */
static unsigned char *watched;
static size_t         watched_bytes, written;

static atomic_size_t live, calls, last_bytes, countdown, failures;

size_t alloc_live(void)
{
    return live;
}

size_t alloc_calls(void)
{
    return calls;
}

size_t alloc_last_bytes(void)
{
    return last_bytes;
}

void alloc_watch_next(void)
{
    watched = NULL, watching = true;
}

size_t alloc_written(void)
{
    return written;
}

void alloc_fail_at(size_t k)
{
    countdown = k;
    failures = 0;
}

int alloc_failed(void)
{
    return failures > 0;
}

/*
 * Writes 0xA5 to a block, of a very large one to both ends: the pages between would cost more than
 * the tests that ask for it.  All of a block that is watched.
 */
static void fill(unsigned char *block, size_t n_bytes)
{
    const size_t most = (size_t)8 << 20;
    size_t       n = n_bytes / 2 < most || watching ? n_bytes / 2 : most;

    memset(block, 0xA5, n);
    memset(block + n_bytes - (n + n_bytes % 2), 0xA5, n + n_bytes % 2);
}

void *nm_alloc(size_t n_bytes)
{
    atomic_fetch_add(&calls, 1);
    last_bytes = n_bytes;
    if (countdown && atomic_fetch_sub(&countdown, 1) == 1) {
        atomic_fetch_add(&failures, 1);
        return NULL;
    }
    if (n_bytes > SIZE_MAX / 2) return NULL;
    /*
     * A sanitizer's red zone begins right behind the block only if the size is what was asked for:
     * aligned_alloc would want a multiple of the alignment.
     */
    void *block = NULL;
#ifdef _WIN32
    block = nm_os_alloc(NM_ALIGN, n_bytes ? n_bytes : 1);
    if (!block) return NULL;
#else
    if (posix_memalign(&block, NM_ALIGN, n_bytes ? n_bytes : 1) != 0) return NULL;
#endif
    fill(block, n_bytes);
    if (watching) watched = block, watched_bytes = n_bytes, watching = false;
    atomic_fetch_add(&live, 1);
    return block;
}

void nm_free(void *block)
{
    if (block) atomic_fetch_sub(&live, 1);
    if (block && block == watched) {
        written = 0, watched = NULL;
        for (size_t i = 0; i < watched_bytes; i++) written += ((unsigned char *)block)[i] != 0xA5;
    }
    nm_os_free(block);
}
