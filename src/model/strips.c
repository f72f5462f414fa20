/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many tokens: each thread takes tokens of its own through the layers.
 *
 *               layer 0   layer 1   layer 2
 *     strip 0   thread 0  thread 0  thread 0     A strip of tokens needs of the one before only the
 *     strip 1   thread 1  thread 1  thread 1     states after the same layer: the wave front moves
 *     strip 2   thread 0  thread 0               from the upper left to the lower right.
 *     strip 3   thread 1  thread 1
 *
 * So threads wait for one another once a layer, not a dozen times, and what goes from cache to
 * cache is a state, not all activations.  A strip that begins a text needs no other.
 */
#include "model/engine.h"

#include "base/bytes.h"
#include "base/clock.h"

#define PATIENCE 0.5 /* of a layer's time; then an idle thread takes the strip over */

nm_slice nm_engine_slice(nm_engine *e, size_t token, size_t n_tokens)
{
    const nm_config      *c = &e->weights->config;
    const nm_activations *a = &e->activations;
    const nm_segment     *text = e->pass.segments;
    size_t                state_dim = nm_config_state_dim(c), skipped = token;

    while (skipped && skipped >= text->n_tokens) skipped -= (text++)->n_tokens;
    return (nm_slice){.weights = e->weights,
                      .work = &e->work,
                      .bitlinear = &e->bitlinear,
                      .activations = {.x = a->x + token * c->dim,
                                      .u = a->u + token * nm_larger(c->dim, state_dim),
                                      .y = a->y + token * c->dim,
                                      .f = a->f + token * state_dim,
                                      .i = a->i + token * state_dim,
                                      .g = a->g + token * state_dim,
                                      .gate_up = a->gate_up + token * 2 * c->ffn,
                                      .product = a->product + token * c->ffn},
                      .ids = e->pass.ids + token,
                      .n_tokens = n_tokens,
                      .segments = text,
                      .skipped = skipped};
}

/*
 * Each thread reads all weights: the more threads, the more tokens a strip has to have.  With four
 * for each thread all read 35 GB/s together, however many there are (1.3B, Zen 5).
 */
size_t nm_engine_strip_least(const nm_engine *e)
{
    const nm_ternary_ops *ops = &e->work.kernels->ternary[e->weights->packing];
    size_t                least = 4 * nm_work_threads(&e->work);

    return nm_smaller(NM_STRIP_LEAST, nm_larger(ops->many->least_alone, least));
}

/* The same number for each thread, or 0 where there are too few tokens. */
static size_t strips_of(const nm_engine *e, size_t n_tokens)
{
    size_t n_threads = nm_work_threads(&e->work), most = n_threads * NM_STRIP_MOST;

    if (n_threads == 1 || n_tokens < n_threads * nm_engine_strip_least(e)) return 0;
    return (n_tokens + most - 1) / most * n_threads;
}

/* Divides the pass. */
static void begin_strips(nm_engine *e)
{
    size_t n = e->pass.n_tokens, n_threads = nm_work_threads(&e->work);

    for (size_t i = 0; i < e->n_strips; i++) {
        nm_strip *s = &e->strips[i];

        s->token = nm_pool_share(n, i, e->n_strips);
        atomic_init(&s->begun, 0), atomic_init(&s->scanned, 0), atomic_init(&s->done, 0);
        atomic_init(&s->owner, i % n_threads);
        s->slice = nm_engine_slice(e, s->token, nm_pool_share(n, i + 1, e->n_strips) - s->token);
        s->slice.scanned = &s->scanned;
        s->slice.before = s->slice.skipped ? &s[-1].scanned : NULL; /* strip 0 skips nothing */
    }
    atomic_init(&e->n_to_begin, e->n_strips * e->weights->config.n_layers);
}

/* A strip that can go on, and the layers it has done; strip is NULL where there is none. */
typedef struct ready {
    nm_strip *strip;
    size_t    layer;
} ready;

/*
 * Of the thread's strips, or of all, the one that has done the fewest layers.  A strip that needs
 * states is ready once the strip before has begun the same layer: who waits, waits for a thread at
 * work.
 */
static ready find_ready(const nm_engine *e, size_t thread, bool of_all)
{
    ready best = {NULL, e->weights->config.n_layers};

    for (nm_strip *s = e->strips; s < e->strips + e->n_strips; s++) {
        size_t done = atomic_load(&s->done);

        if (done >= best.layer || atomic_load(&s->begun) > done) continue;
        if (s->slice.before && atomic_load(&s[-1].begun) <= done) continue;
        if (of_all || atomic_load(&s->owner) == thread) best = (ready){s, done};
    }
    return best;
}

/* Takes the strip through the layer, unless another thread has begun that. */
static bool advance(nm_engine *e, ready next, size_t thread)
{
    size_t               expected = next.layer;
    const nm_work        work = {.kernels = e->work.kernels, .alone = true};
    nm_bitlinear_scratch scratch;
    nm_slice             slice = next.strip->slice;

    if (!atomic_compare_exchange_strong(&next.strip->begun, &expected, next.layer + 1))
        return false;
    atomic_fetch_sub(&e->n_to_begin, 1);
    atomic_store(&next.strip->owner, thread);
    scratch = nm_bitlinear_alone(&e->bitlinear, &work, next.strip->token, thread);
    slice.work = &work, slice.bitlinear = &scratch;
    if (next.layer == 0) nm_slice_embed(&slice);
    nm_layer_forward(&slice, next.layer);
    atomic_store(&next.strip->done, next.layer + 1);
    return true;
}

/* How long a strip may rest before another thread takes it over: in seconds. */
static double patience_of(const nm_engine *e)
{
    size_t layer_us = atomic_load(&e->layer_us);

    return layer_us ? PATIENCE * 1e-6 * (double)layer_us : 1; /* nothing is known yet */
}

/* What each thread does, until all layers of all strips have begun. */
static void advance_strips(void *context, size_t begin, size_t end, size_t thread)
{
    nm_engine *e = context;
    ready      seen = {NULL, 0}; /* of another thread, since when */
    double     since = 0;
    size_t     waited = 0;

    (void)begin, (void)end;
    while (atomic_load(&e->n_to_begin)) {
        double now = nm_clock();
        ready  next = find_ready(e, thread, false);
        if (!next.strip) {
            next = find_ready(e, thread, true);
            if (next.strip != seen.strip || next.layer != seen.layer) seen = next, since = now;
            if (now - since < patience_of(e)) next.strip = NULL;
        }
        if (next.strip && advance(e, next, thread)) {
            double took = nm_clock() - now;
            atomic_store(&e->layer_us, 1 + (size_t)(1e6 * (took < 1 ? took : 1)));
            waited = 0;
        } else {
            nm_pool_pause(&waited);
        }
    }
}

bool nm_engine_strips(nm_engine *e)
{
    e->n_strips = strips_of(e, e->pass.n_tokens);
    if (!e->n_strips) return false;
    begin_strips(e);
    nm_work_run(&e->work, NM_PHASE_GEMM, advance_strips, e, nm_work_threads(&e->work), 1);
    return true;
}
