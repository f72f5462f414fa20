/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One block for all parts of an object: while it measures, the arena counts bytes and returns NULL;
 * once it has a block, the same calls return addresses.  Sizes that overflow are remembered and
 * reported when the block is asked for, so the caller checks once.
 */
#include "base/arena.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/os.h"

#include <string.h>

void *nm_arena_take(nm_arena *arena, size_t count, size_t item_bytes)
{
    size_t at = arena->used;
    bool   fits = !item_bytes || count <= (SIZE_MAX - NM_ALIGN) / item_bytes;
    size_t n_bytes = fits ? nm_round_up(count * item_bytes, NM_ALIGN) : 0;

    if (!fits || n_bytes > SIZE_MAX - at) {
        arena->overflow = true;
        return NULL;
    }
    arena->used = at + n_bytes;
    return arena->base ? arena->base + at : NULL;
}

bool nm_arena_back(nm_arena *arena, nomul_error *err)
{
    if (arena->overflow) return nm_fail(err, NOMUL_E_MEMORY, "out of memory: sizes overflow");
    arena->base = nm_alloc(arena->used);
    if (!arena->base) return nm_fail_memory(err, arena->used);
    nm_os_large_pages(arena->base, arena->used);
    if (!arena->unset) memset(arena->base, 0, arena->used);
    arena->used = 0;
    return true;
}

void nm_arena_free(nm_arena *arena)
{
    nm_free(arena->base);
    *arena = (nm_arena){0};
}

void *nm_zeros(size_t head, size_t count, size_t item_bytes, nomul_error *err)
{
    nm_arena arena = {0};

    nm_arena_take(&arena, head, 1);
    nm_arena_take(&arena, count, item_bytes);
    return nm_arena_back(&arena, err) ? arena.base : NULL;
}
