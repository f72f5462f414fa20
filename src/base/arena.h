/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One block of memory for one owner.  An arena without a block only adds up sizes, so the code that
 * takes all parts of a block runs twice: first it measures, and after nm_arena_back the same calls
 * return the addresses.  The sizes are written once, and an object has one allocation that can
 * fail:
 *
 *     nm_arena arena = {0};
 *     do {
 *         a = nm_arena_take(&arena, n, sizeof *a);        measuring: NULL, NULL
 *         b = nm_arena_take(&arena, m, sizeof *b);        then: base + 0, base + size of a
 *     } while (!a && nm_arena_back(&arena, err));         a is NULL: out of memory
 *
 * The owner may lie in its own block; then it copies the arena before it frees it.
 */
#ifndef NM_ARENA_H
#define NM_ARENA_H

#include "nomul.h"

typedef struct nm_arena {
    unsigned char *base; /* NULL while measuring */
    size_t         used;
    bool           overflow;
    bool           unset; /* the owner writes before it reads: the block is not zeroed */
} nm_arena;

/* count items of item_bytes, aligned to a cache line; NULL while measuring.  Overflow is kept. */
void *nm_arena_take(nm_arena *arena, size_t count, size_t item_bytes);

/* Allocates what was measured, zeroed unless `unset`, and starts again from offset 0. */
bool nm_arena_back(nm_arena *arena, nomul_error *err);
void nm_arena_free(nm_arena *arena);

/*
 * A zeroed block that is freed with nm_free: a struct of `head` bytes, a multiple of NM_ALIGN or 0,
 * that ends with an array of count items.
 */
void *nm_zeros(size_t head, size_t count, size_t item_bytes, nomul_error *err);

#endif
