/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reference counts of objects that others need: a model by its sessions, an engine by the sessions
 * that share it.  The object is freed with the last reference, whichever that is.  Any thread.
 *
 * Taking needs no ordering: who takes has a reference already.  Dropping does: the thread that
 * frees has to see what all others did with the object before they dropped it.
 */
#ifndef NM_REFS_H
#define NM_REFS_H

#include <stdatomic.h>
#include <stddef.h>

typedef struct nm_refs {
    atomic_size_t n;
    void (*free_owner)(void *owner);
    void *owner; /* the object that the count lies in */
} nm_refs;

/* One reference: the creator's. */
static inline void nm_refs_init(nm_refs *refs, void *owner, void (*free_owner)(void *owner))
{
    atomic_init(&refs->n, 1);
    refs->owner = owner;
    refs->free_owner = free_owner;
}

static inline nm_refs *nm_refs_take(nm_refs *refs)
{
    atomic_fetch_add_explicit(&refs->n, 1, memory_order_relaxed);
    return refs;
}

/* NULL is fine. */
static inline void nm_refs_drop(nm_refs *refs)
{
    if (refs && atomic_fetch_sub_explicit(&refs->n, 1, memory_order_acq_rel) == 1)
        refs->free_owner(refs->owner);
}

#endif
