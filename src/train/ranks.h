/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The processes of one training, on one machine or on several.  Each is a rank: it has all weights,
 * takes the same steps, and reads its part of a step's streams; what they sum is the same on all.
 * ranks_mpi.c implements this over MPI, with MPI=1; without it ranks_none.c does, for one process.
 *
 * Every rank has to make the same calls in the same order.  With one rank they do nothing.
 */
#ifndef NM_RANKS_H
#define NM_RANKS_H

#include "nomul.h"

typedef struct nm_ranks {
    size_t rank, n;             /* rank < n */
    size_t local, n_on_machine; /* the same, among those of its machine */
} nm_ranks;

bool nm_ranks_open(nm_ranks *ranks, nomul_error *err);
/* With a code that is not 0, all ranks end with it: they may be waiting for this one. */
void nm_ranks_close(const nm_ranks *ranks, int code);

/*
 * Called before a rank says why it fails.  If all fail alike, the first one says so and ends the
 * others, which wait here; if only this one fails, this returns.
 */
void nm_ranks_defer(const nm_ranks *ranks);

/* Element by element, in place. */
bool nm_ranks_sum(const nm_ranks *ranks, double *x, size_t n, nomul_error *err);
bool nm_ranks_sum_floats(const nm_ranks *ranks, float *x, size_t n, nomul_error *err);
/* The bytes of all ranks by "or".  Where all but one have zeros, they get that one's. */
bool nm_ranks_join(const nm_ranks *ranks, void *bytes, size_t n, nomul_error *err);

#endif
