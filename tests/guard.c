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

/* Dropped mappings, by their pages of data, to be taken again: mapping costs more than a test. */
#define KEPT_PAGES 64
#define KEPT_EACH 4
static char *kept[KEPT_PAGES][KEPT_EACH];

/* A place of `kept` that holds a mapping of this size, or with empty, one that holds nothing. */
static char **find_kept(size_t data_bytes, bool empty)
{
    size_t pages = data_bytes / page_size();

    for (size_t i = 0; pages < KEPT_PAGES && i < KEPT_EACH; i++)
        if (!kept[pages][i] == empty) return &kept[pages][i];
    return NULL;
}

static char *map_new(size_t data_bytes)
{
    size_t page = page_size(), total = data_bytes + 3 * page;
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
    char **old = find_kept(data_bytes, false), *base = old ? *old : map_new(data_bytes);

    if (old) *old = NULL;
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
    char  *base = base_of(block, &total);
    char **place = find_kept(total - 3 * page, true);

    if (!place) {
        must(munmap(base, total) == 0, "guard: munmap");
        return;
    }
    if (total > 3 * page)
        must(mprotect(base + 2 * page, total - 3 * page, PROT_READ | PROT_WRITE) == 0,
             "guard: mprotect");
    *place = base;
}

void guard_lock(void *block)
{
    size_t total, page = page_size();
    char  *base = base_of(block, &total);

    if (total > 3 * page)
        must(mprotect(base + 2 * page, total - 3 * page, PROT_READ) == 0, "guard: mprotect");
}
