/* SPDX-License-Identifier: Apache-2.0 */
#include "model/session.h"

#include <string.h>

/* A session and its state are one block; NULL while measuring. */
static nomul_session *place(nm_arena *arena, const nm_weights *weights)
{
    nomul_session *s = nm_arena_take(arena, 1, sizeof *s);
    float         *state = nm_arena_take(arena, 1, nm_config_state_bytes(&weights->config));

    if (s) s->weights = weights, s->state = state;
    return s;
}

size_t nm_session_bytes(const nm_weights *weights)
{
    nm_arena arena = {0};

    place(&arena, weights);
    return arena.used;
}

nomul_session *nm_session_new(nm_engine *engine, nomul_error *err)
{
    nm_arena arena = {0};

    place(&arena, engine->weights);
    if (!nm_arena_back(&arena, err)) return NULL;
    nomul_session *s = place(&arena, engine->weights);
    nm_refs_take(&engine->refs);
    s->engine = engine, s->arena = arena;
    return s;
}

void nm_session_free(nomul_session *s)
{
    nm_engine *engine = s->engine;
    nm_arena   arena = s->arena; /* the session lies in it */

    nm_arena_free(&arena);
    nm_refs_drop(&engine->refs);
}

void nm_session_reset(nomul_session *s)
{
    memset(s->state, 0, nm_config_state_bytes(&s->weights->config));
    s->n_tokens = 0;
}

void nm_session_copy(nomul_session *to, const nomul_session *from)
{
    memcpy(to->state, from->state, nm_config_state_bytes(&from->weights->config));
    to->n_tokens = from->n_tokens;
}

void nm_session_layer(nomul_session *s, size_t index, float *x, size_t n_tokens)
{
    nm_segment alone = {.state = s->state, .n_tokens = n_tokens};
    nm_batch   batch = {.segments = &alone, .n_segments = 1, .n_tokens = n_tokens};

    nm_engine_layer(s->engine, index, x, &batch);
}

/* Puts ids behind what is in the batch, which runs whenever it is full. */
static void put(nomul_session *s, const int32_t *ids, size_t n_ids, nomul_logits which,
                float **logits)
{
    s->n_tokens += n_ids;
    while (n_ids) {
        size_t room = nm_engine_room(s->engine), n = n_ids < room ? n_ids : room;
        size_t last = which == NOMUL_LOGITS_LAST && n == n_ids;

        nm_engine_put(s->engine, s->state, ids, n, which == NOMUL_LOGITS_ALL ? n : last);
        if (n == room) nm_engine_run(s->engine, logits);
        ids += n, n_ids -= n;
    }
}

void nm_session_feed(nomul_session *s, const int32_t *ids, size_t n_ids, nomul_logits which,
                     float *logits)
{
    put(s, ids, n_ids, which, &logits);
    nm_engine_run(s->engine, &logits);
}

void nm_session_feed_many(const nomul_feed *feeds, size_t n_feeds, float *logits)
{
    for (size_t i = 0; i < n_feeds; i++)
        put(feeds[i].session, feeds[i].ids, feeds[i].n_ids,
            feeds[i].logits ? NOMUL_LOGITS_LAST : NOMUL_LOGITS_NONE, &logits);
    if (n_feeds) nm_engine_run(feeds[0].session->engine, &logits);
}
