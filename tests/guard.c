/* SPDX-License-Identifier: Apache-2.0 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#define _DARWIN_C_SOURCE

#include "guard.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t page_size(void)
{
    return (size_t)sysconf(_SC_PAGESIZE);
}

static void must(int ok, const char *what)
{
    if (ok) return;
    perror(what);
    exit(1);
}

/*
 * Dropped mappings, the oldest first, to be taken again for as many bytes: mapping them anew and
 * touching their pages costs more than a test.
 */
#define KEPT_MOST 256
#define KEPT_BYTES ((size_t)256 << 20)
static struct {
    char  *base;
    size_t total;
} kept[KEPT_MOST];
static size_t n_kept, kept_bytes;

/* The base of number i, which is kept no more. */
static char *take_kept(size_t i)
{
    char *base = kept[i].base;

    kept_bytes -= kept[i].total;
    memmove(kept + i, kept + i + 1, (--n_kept - i) * sizeof *kept);
    return base;
}

static void keep(char *base, size_t total)
{
    while (n_kept == KEPT_MOST || (n_kept > 0 && kept_bytes + total > KEPT_BYTES)) {
        size_t oldest = kept[0].total;
        must(munmap(take_kept(0), oldest) == 0, "guard: munmap");
    }
    kept[n_kept].base = base, kept[n_kept++].total = total;
    kept_bytes += total;
}

static char *map_new(size_t total)
{
    size_t page = page_size();
    char  *base = mmap(NULL, total, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    must(base != MAP_FAILED, "guard: mmap");
    memcpy(base, &total, sizeof total);
    must(mprotect(base + page, page, PROT_NONE) == 0, "guard: mprotect");
    must(mprotect(base + total - page, page, PROT_NONE) == 0, "guard: mprotect");
    return base;
}

/* The first page of data; its mapping begins two pages before, with the bytes mapped. */
static char *map(size_t data_bytes)
{
    size_t total = data_bytes + 3 * page_size(), i = n_kept;

    while (i > 0 && kept[i - 1].total != total) i--; /* the newest is still in a cache */
    char *base = i > 0 ? take_kept(i - 1) : map_new(total);
    memset(base + 2 * page_size(), 0xA5, data_bytes);
    return base + 2 * page_size();
}

static size_t whole_pages(size_t n_bytes)
{
    return (n_bytes + page_size() - 1) / page_size() * page_size();
}

void *guard_take(size_t n_bytes)
{
    return map(whole_pages(n_bytes)) + (whole_pages(n_bytes) - n_bytes);
}

void *guard_take_front(size_t n_bytes)
{
    return map(whole_pages(n_bytes));
}

/* A block of either kind begins in its first page of data. */
static char *base_of(void *block, size_t *total)
{
    char *data = (char *)block - (uintptr_t)block % page_size();
    char *base = data - 2 * page_size();

    memcpy(total, base, sizeof *total);
    return base;
}

void guard_drop(void *block)
{
    size_t total, page = page_size();
    if (!block) return;
    char *base = base_of(block, &total);
    if (total > 3 * page)
        must(mprotect(base + 2 * page, total - 3 * page, PROT_READ | PROT_WRITE) == 0,
             "guard: mprotect");
    keep(base, total);
}

void guard_lock(void *block)
{
    size_t total, page = page_size();
    char  *base = base_of(block, &total);

    if (total > 3 * page)
        must(mprotect(base + 2 * page, total - 3 * page, PROT_READ) == 0, "guard: mprotect");
}
