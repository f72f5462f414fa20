/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory and threads of an engine.  One block holds the engine and all it ever writes to, so that a
 * pass allocates nothing: place() runs once to measure it and once to hand it out.  The last
 * session that shares an engine frees it.
 */
#include "model/engine.h"

#include "base/bytes.h"
#include "base/error.h"

/*
 * The parts of the block, in order.  While measuring, the engine is NULL and the parts are recorded
 * in a copy that is thrown away.
 */
static nm_engine *place(const nm_engine *plan, nm_arena *arena, size_t n_threads)
{
    nm_engine        measured;
    nm_engine       *placed = nm_arena_take(arena, 1, sizeof *placed);
    nm_engine       *e = placed ? placed : &measured;
    const nm_config *c = &plan->weights->config;
    nm_activations  *a = &e->activations;
    size_t           n = plan->n_batch, state_dim = nm_config_state_dim(c);

    *e = *plan;
    /* Products of hyper-parameters that config.c has checked; the arena refuses what would wrap. */
    e->pass.ids = nm_arena_take(arena, n, sizeof *e->pass.ids);
    e->pass.segments = nm_arena_take(arena, n, sizeof(nm_segment));
    e->pass.wanted = nm_arena_take(arena, n, sizeof *e->pass.wanted);
    e->strips = nm_arena_take(arena, n / NM_STRIP_MOST + n_threads, sizeof *e->strips);
    a->x = nm_arena_take(arena, n * c->dim, sizeof(float));
    a->u =
        nm_arena_take(arena, nm_larger(n, n_threads) * nm_larger(c->dim, state_dim), sizeof(float));
    a->y = nm_arena_take(arena, n * c->dim, sizeof(float));
    a->f = nm_arena_take(arena, n * state_dim, sizeof(float));
    a->i = nm_arena_take(arena, n * state_dim, sizeof(float));
    a->g = nm_arena_take(arena, n * state_dim, sizeof(float));
    a->gate_up = nm_arena_take(arena, n * 2 * c->ffn, sizeof(float));
    a->product = nm_arena_take(arena, n * c->ffn, sizeof(float));

    e->bitlinear = (nm_bitlinear_scratch){.work = &e->work, .n_batch = n};
    nm_bitlinear_place(&e->bitlinear, arena, e->weights->packing, nm_plan_max_rows(c),
                       nm_plan_max_cols(c), n_threads);
    return placed;
}

size_t nm_engine_bytes(const nm_weights *weights, const nm_kernels *kernels, size_t n_threads,
                       size_t n_batch)
{
    nm_engine plan = {.weights = weights, .n_batch = n_batch, .work.kernels = kernels};
    nm_arena  arena = {0};

    place(&plan, &arena, n_threads);
    return arena.overflow ? SIZE_MAX : arena.used;
}

/* Larger batches read the weights less often; beyond 6 steps that gains nothing more. */
size_t nm_engine_default_batch(const nm_weights *weights, const nm_kernels *kernels)
{
    const size_t most_bytes = (size_t)32 << 20;
    size_t       n_batch = 6 * NM_BATCH_STEP;

    while (n_batch > NM_BATCH_STEP && nm_engine_bytes(weights, kernels, 1, n_batch) > most_bytes)
        n_batch -= NM_BATCH_STEP;
    return n_batch;
}

static void free_engine(void *owner)
{
    nm_engine *engine = owner;
    nm_refs   *model_refs = engine->model_refs;
    nm_arena   arena = engine->arena; /* the engine lies in it */

    nm_pool_free(engine->work.pool);
    nm_arena_free(&arena);
    nm_refs_drop(model_refs);
}

nm_engine *nm_engine_new(const nm_weights *weights, const nm_kernels *kernels, size_t n_threads,
                         size_t n_batch, nomul_error *err)
{
    nm_engine plan = {.weights = weights, .n_batch = n_batch, .work.kernels = kernels};
    nm_arena  arena = {.unset = true}; /* most of it belongs to larger batches than come */

    place(&plan, &arena, n_threads);
    if (!nm_arena_back(&arena, err)) return NULL;
    nm_engine *e = place(&plan, &arena, n_threads);
    e->arena = arena;
    nm_refs_init(&e->refs, e, free_engine);
    e->work.pool = nm_pool_new(n_threads, nm_bitlinear_idle, &e->bitlinear, err);
    if (e->work.pool) return e;
    nm_refs_drop(&e->refs);
    return NULL;
}

nm_pace nm_engine_pace(const nm_engine *engine, const nomul_cancel *cancel)
{
    uint64_t first = UINT64_C(16000000000) / (engine->weights->n_ternary_params + 1);

    if (first > engine->n_batch) first = engine->n_batch;
    return nm_pace_start(cancel, (size_t)first, engine->n_batch);
}
