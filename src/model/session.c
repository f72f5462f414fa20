/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making sessions and feeding them.  A session and its state are one block.  Ids of one or many
 * sessions are appended to the engine's pass, which runs whenever it is full; the forward pass does
 * not know whose tokens it has but for the state of each.
 */
#include "model/session.h"

#include "base/bytes.h"

size_t nm_session_bytes(const nm_weights *weights)
{
    return sizeof(nomul_session) + nm_round_up(nm_config_state_bytes(&weights->config), NM_ALIGN);
}

nomul_session *nm_session_new(nm_engine *engine, nomul_error *err)
{
    size_t         n_state = nm_config_state_bytes(&engine->weights->config);
    nomul_session *s = nm_zeros(sizeof *s, n_state, 1, err);

    if (!s) return NULL;
    s->weights = engine->weights, s->engine = engine;
    nm_refs_take(&engine->refs);
    return s;
}

void nm_session_free(nomul_session *s)
{
    nm_engine *engine = s->engine;

    nm_free(s);
    nm_refs_drop(&engine->refs);
}

float *nm_session_append(nomul_session *s, const int32_t *ids, size_t n_ids, nomul_logits which,
                         float *logits)
{
    nm_engine *e = s->engine;

    s->n_tokens += n_ids;
    while (n_ids) {
        size_t room = e->n_batch - e->pass.n_tokens, n = n_ids < room ? n_ids : room;
        size_t last = which == NOMUL_LOGITS_LAST && n == n_ids;

        nm_engine_append(e, s->state, ids, n, which == NOMUL_LOGITS_ALL ? n : last);
        if (n == room) logits = nm_engine_forward(e, logits);
        ids += n, n_ids -= n;
    }
    return logits;
}

void nm_session_feed(nomul_session *s, const int32_t *ids, size_t n_ids, nomul_logits which,
                     float *logits)
{
    logits = nm_session_append(s, ids, n_ids, which, logits);
    nm_engine_forward(s->engine, logits);
}

void nm_session_feed_many(const nomul_feed *feeds, size_t n_feeds, float *logits)
{
    for (size_t i = 0; i < n_feeds; i++)
        logits = nm_session_append(feeds[i].session, feeds[i].ids, feeds[i].n_ids,
                                   feeds[i].logits ? NOMUL_LOGITS_LAST : NOMUL_LOGITS_NONE, logits);
    if (n_feeds) nm_engine_forward(feeds[0].session->engine, logits);
}
