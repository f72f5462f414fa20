/* SPDX-License-Identifier: Apache-2.0 */
/*
 * While a token is generated memory is what everything waits for, so it must not rest between two
 * products either, where there is too little to do for all threads: those that wait fetch the
 * beginning of their share of the next product into their cache.
 */
#ifndef NM_AHEAD_H
#define NM_AHEAD_H

#include "kernels/ternary.h"

struct nm_bitlinear;

/* How far one thread has come; zeros at first. */
typedef struct nm_ahead {
    const struct nm_bitlinear *first; /* of the products whose share this is */
    const nm_ternary          *w;     /* the one in which the share begins */
    size_t                     tile, n_tiles;
    size_t                     group;   /* the K block of those tiles that begins here */
    size_t                     at, end; /* bytes of it: fetched, in all */
    size_t                     left;    /* bytes still to fetch */
} nm_ahead;

/*
 * Fetches some of what the thread will read first of the products computed side by side that begin
 * with `first`; takes about a tenth of a microsecond.  False when there is no more to fetch.
 */
bool nm_ahead_fetch(nm_ahead *ahead, const struct nm_bitlinear *first, size_t thread,
                    size_t n_threads);

/* Fetches the gains of the next few products: less than their weights, but all of it at once. */
void nm_ahead_fetch_gains(const struct nm_bitlinear *next);

#endif
