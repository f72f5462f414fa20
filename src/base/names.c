/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hash table with open addressing; removing is not needed.
 *
 *     slots   | 0 | 2 | 0 | 1 | 3 | ...          a string begins at slot (its XXH64) & mask;
 *     names   | "b" | "a" | "c" |                where another one is, it goes to the next
 *
 * Names stay in the order in which they were added, so their number is their index.
 */
#include "base/names.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/xxh64.h"

#include <assert.h>
#include <string.h>

#define MAX_NAMES ((size_t)1 << 31)
#define MAX_PROBES 256 /* at most half of the slots are taken: random names need a few dozen */

bool nm_names_open(nm_names *names, size_t capacity, nomul_error *err)
{
    size_t n_slots = 16;

    *names = (nm_names){.capacity = capacity};
    if (capacity >= MAX_NAMES)
        return nm_fail(err, NOMUL_E_UNSUPPORTED, "%zu names, expected less than %zu", capacity,
                       MAX_NAMES);
    while (n_slots < 2 * capacity) n_slots *= 2; /* at most half full */
    names->mask = n_slots - 1;
    names->names = nm_alloc(capacity * sizeof *names->names);
    names->slots = nm_alloc(n_slots * sizeof *names->slots);
    if (!names->names || !names->slots) return nm_fail_memory(err, n_slots * sizeof *names->slots);
    memset(names->slots, 0, n_slots * sizeof *names->slots);
    return true;
}

void nm_names_close(nm_names *names)
{
    nm_free(names->names);
    nm_free(names->slots);
    *names = (nm_names){0};
}

/* The slot of a string, or the free slot for it; NULL if neither is near enough. */
static uint32_t *slot_of(const nm_names *names, const char *text, size_t n_text)
{
    size_t first = (size_t)nm_xxh64_of(text, n_text);

    for (size_t i = 0; i < MAX_PROBES; i++) {
        uint32_t *slot = &names->slots[(first + i) & names->mask];
        if (*slot == 0) return slot;
        const nm_name *name = &names->names[*slot - 1];
        if (name->n_text == n_text && memcmp(name->text, text, n_text) == 0) return slot;
    }
    return NULL;
}

size_t nm_names_find(const nm_names *names, const char *text, size_t n_text)
{
    const uint32_t *slot = names->slots ? slot_of(names, text, n_text) : NULL;
    return slot && *slot ? *slot - 1 : NM_NO_NAME;
}

bool nm_names_add(nm_names *names, const char *text, size_t n_text, size_t *number,
                  nomul_error *err)
{
    uint32_t *slot = slot_of(names, text, n_text);

    if (!slot)
        return nm_fail(err, NOMUL_E_UNSUPPORTED, "\"%.*s\" collides with more than %d names",
                       (int)(n_text < 64 ? n_text : 64), text, MAX_PROBES);
    if (*slot == 0) {
        assert(names->n_names < names->capacity);
        names->names[names->n_names++] = (nm_name){text, n_text};
        *slot = (uint32_t)names->n_names;
    }
    *number = *slot - 1;
    return true;
}
