/* SPDX-License-Identifier: Apache-2.0 */
/* One running text: the state, and the engine that takes its tokens, alone or with other texts'. */
#ifndef NM_SESSION_H
#define NM_SESSION_H

#include "model/engine.h"

struct nomul_session {
    const nm_weights *weights;
    nm_engine        *engine;
    uint64_t          n_tokens;
    float            *state; /* [n_layers][state_dim]: all that survives a token */
    uint64_t          call;  /* the last of the engine's n_calls that it was in */
    nm_arena          arena; /* it lies in itself */
};

size_t nm_session_bytes(const nm_weights *weights);
/* At the beginning of a sequence, with a reference to the engine.  NULL on failure. */
nomul_session *nm_session_new(nm_engine *engine, nomul_error *err);
void           nm_session_free(nomul_session *session);

void nm_session_reset(nomul_session *session);

/* Of the same model. */
void nm_session_copy(nomul_session *to, const nomul_session *from);

/* nm_engine_layer for n_tokens <= n_batch of this text alone. */
void nm_session_layer(nomul_session *session, size_t layer, float *x, size_t n_tokens);

/* Ids inside the vocabulary; which and logits as nomul_session_feed has them. */
void nm_session_feed(nomul_session *session, const int32_t *ids, size_t n_ids, nomul_logits which,
                     float *logits);

/* As nomul_session_feed_many has it, arguments checked. */
void nm_session_feed_many(const nomul_feed *feeds, size_t n_feeds, float *logits);

#endif
