/* SPDX-License-Identifier: Apache-2.0 */
/* Ids through a session, and the sum of what the model thought of them. */
#ifndef NM_TALLY_H
#define NM_TALLY_H

#include "nomul.h"

#define NM_TALLY_STEP 384 /* ids between two looks at the signals, at most */

typedef struct nm_tally {
    /* The caller's: */
    nomul_session *session;
    bool           per_token; /* writes "id <tab> logprob" for each scored, and flushes */

    uint64_t n_tokens;      /* scored */
    double   nats, squares; /* the sum of -logprob, and of its square */
    double   seconds;       /* in the session */

    size_t n_step; /* begins as NM_TALLY_STEP */
    float  logprobs[NM_TALLY_STEP];
} nm_tally;

/* Takes ids through the session, unscored. */
bool nm_tally_feed(nm_tally *tally, const int32_t *ids, size_t n_ids, nomul_error *err);

/*
 * Scores ids[1..n_ids), n_ids > 0, each after those before it; the last one is not fed.  Both end
 * with NOMUL_E_CANCELLED if a signal says stop (interrupt.h) or stdout takes no more (output.h).
 */
bool nm_tally_score(nm_tally *tally, const int32_t *ids, size_t n_ids, nomul_error *err);

double nm_tally_rate(const nm_tally *tally); /* tokens scored a second */

#endif
