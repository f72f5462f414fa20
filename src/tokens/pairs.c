/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table with open addressing, at most half full, from two neighbours to the piece that they
 * merge into and its score.  It is filled when a vocabulary is opened and only read afterwards, so
 * threads may share it.
 */
#include "tokens/pairs.h"

#include "base/error.h"

#include <assert.h>

bool nm_pairs_open(nm_pairs *pairs, size_t n, nomul_error *err)
{
    *pairs = (nm_pairs){.mask = 15};
    if (n > NM_MAX_PAIRS)
        return nm_fail(err, NOMUL_E_UNSUPPORTED, "has %zu pairs to be merged, expected at most %zu",
                       n, NM_MAX_PAIRS);
    while (pairs->mask < 2 * n) pairs->mask = pairs->mask << 1 | 1;
    do pairs->slots = nm_arena_take(&pairs->arena, pairs->mask + 1, sizeof *pairs->slots);
    while (!pairs->slots && nm_arena_back(&pairs->arena, err));
    return pairs->slots;
}

void nm_pairs_close(nm_pairs *pairs)
{
    nm_arena_free(&pairs->arena);
    *pairs = (nm_pairs){0};
}

/* The slot of a pair, or the free one where it belongs. */
static nm_pair_slot *slot_of(const nm_pairs *pairs, nm_symbol_key left, nm_symbol_key right)
{
    uint64_t hash = ((uint64_t)left << 32 | right) * 0x9E3779B97F4A7C15u;

    hash = (hash ^ hash >> 29) * 0xBF58476D1CE4E5B9u;
    for (size_t i = (size_t)(hash >> 32);; i++) {
        nm_pair_slot *slot = &pairs->slots[i & pairs->mask];
        if (slot->id_plus_1 == 0 || (slot->left == left && slot->right == right)) return slot;
    }
}

void nm_pairs_add(nm_pairs *pairs, nm_symbol_key left, nm_symbol_key right, int32_t id, float score)
{
    nm_pair_slot *slot = slot_of(pairs, left, right);

    if (slot->id_plus_1 == 0) pairs->n_pairs++;
    assert(pairs->n_pairs <= pairs->mask / 2 + 1);
    *slot = (nm_pair_slot){left, right, (uint32_t)id + 1, score};
}

const nm_pair_slot *nm_pairs_find(const nm_pairs *pairs, nm_symbol_key left, nm_symbol_key right)
{
    const nm_pair_slot *slot = pairs->slots ? slot_of(pairs, left, right) : NULL;

    return slot && slot->id_plus_1 ? slot : NULL;
}
