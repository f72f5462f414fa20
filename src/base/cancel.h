/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Long calls that can be stopped: nomul_cancel and nomul_progress of nomul.h, and the pace at which
 * a call looks at them.  Work is done in pieces, and a request is seen between two of them: the
 * call then fails with NOMUL_E_CANCELLED and leaves its objects as nomul.h documents for it.
 */
#ifndef NM_CANCEL_H
#define NM_CANCEL_H

#include "nomul.h"

/* Whom a long call asks between two pieces of work whether to go on, and tells how far it is. */
typedef struct nm_watched {
    const nomul_cancel *cancel;   /* or NULL */
    nomul_progress      progress; /* or NULL */
    void               *context;
} nm_watched;

/* done of total; NOMUL_E_CANCELLED if it is to stop.  NULL: nobody is asked. */
bool nm_watched_step(const nm_watched *watched, uint64_t done, uint64_t total, nomul_error *err);

#define NM_PACE_FIRST 16 /* tokens that are always one piece: shorter tiles are not faster */

typedef struct nm_pace {
    size_t step; /* tokens of the next piece */
    size_t most; /* of any piece */
} nm_pace;

/*
 * first: tokens of the first piece, whose speed is not known yet, at least NM_PACE_FIRST.
 * Without a cancel flag there is nothing to look at: pieces are as large as they may be.
 */
nm_pace nm_pace_start(const nomul_cancel *cancel, size_t first, size_t most);

/*
 * n tokens took this long: the next piece is shorter if a request would have waited for more than a
 * second, longer if it was answered within a quarter of one.
 */
void nm_pace_update(nm_pace *pace, size_t n, double seconds);

#endif
