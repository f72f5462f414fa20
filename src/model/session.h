/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One text as the network knows it: its state, and the engine that computes it, which several texts
 * may share.  Ids, sampling and bytes belong to others (text/, tokens/).  Arguments have been
 * checked by nomul_session.c.
 */
#ifndef NM_SESSION_H
#define NM_SESSION_H

#include "model/engine.h"

/* Of a sequence, its last id included: what a session file can say. */
#define NM_MAX_TOKENS ((uint64_t)INT64_MAX)

struct nomul_session {
    const nm_weights *weights;
    nm_engine        *engine;
    uint64_t          n_tokens;
    uint64_t          call; /* number of the last call of feed_many that it was in */

    _Alignas(NM_ALIGN) float state[]; /* [n_layers][state_dim]: all that survives a token */
};

size_t nm_session_bytes(const nm_weights *weights);
/* At the beginning of a sequence, with a reference to the engine.  NULL on failure. */
nomul_session *nm_session_new(nm_engine *engine, nomul_error *err);
void           nm_session_free(nomul_session *session);

/*
 * Appends ids, which are inside the vocabulary, to the engine's pass, which runs whenever it is
 * full: nm_engine_forward runs the rest.  Returns where the next logits go.
 */
float *nm_session_append(nomul_session *session, const int32_t *ids, size_t n_ids,
                         nomul_logits which, float *logits);

/* nomul_session_feed without its checks, in one piece. */
void nm_session_feed(nomul_session *session, const int32_t *ids, size_t n_ids, nomul_logits which,
                     float *logits);

/* The same of many: the sessions are distinct and share an engine. */
void nm_session_feed_many(const nomul_feed *feeds, size_t n_feeds, float *logits);

#endif
