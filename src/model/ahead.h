/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Look-ahead.  Generating a token is limited by memory bandwidth, so memory must not rest between
 * two products, where there is too little to compute for all threads: an idle thread prefetches the
 * start of its share of the next matrix into its cache.
 */
#ifndef NM_AHEAD_H
#define NM_AHEAD_H

#include "kernels/ternary.h"

struct nm_bitlinear;

/* How far one thread has prefetched; zeros at first. */
typedef struct nm_ahead {
    const struct nm_bitlinear *first; /* of the matrices computed side by side */
    const nm_ternary          *w;     /* the one in which the thread's share begins */
    size_t                     tile, n_tiles;
    size_t                     group;   /* first of the current K block of these tiles */
    size_t                     at, end; /* bytes of it: prefetched, in all */
    size_t                     left;    /* bytes still to prefetch */
} nm_ahead;

/*
 * Prefetches a little of what the thread will read first of the matrices computed side by side that
 * begin with `first`; takes about 0.1 microseconds.  False when there is no more to prefetch.
 */
bool nm_ahead_fetch(nm_ahead *ahead, const struct nm_bitlinear *first, size_t thread,
                    size_t n_threads);

/* Prefetches the gains of the next few matrices: small, but needed all at once. */
void nm_ahead_fetch_gains(const struct nm_bitlinear *next);

#endif
