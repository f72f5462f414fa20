/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One block for one owner: measure, then place.  An arena without a block only counts; a layout
 * function run twice, before and after nm_arena_back, first measures and then gets its addresses.
 */
#ifndef NM_ARENA_H
#define NM_ARENA_H

#include "nomul.h"

typedef struct nm_arena {
    unsigned char *base; /* NULL while measuring */
    size_t         used;
    bool           overflow;
} nm_arena;

/* count items of item_bytes, aligned to a cache line; NULL while measuring. */
void *nm_arena_take(nm_arena *arena, size_t count, size_t item_bytes);

/* The one allocation, of what was measured, cleared to zero; then the arena starts from the top. */
bool nm_arena_back(nm_arena *arena, nomul_error *err);
void nm_arena_free(nm_arena *arena);

#endif
