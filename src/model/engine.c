/* SPDX-License-Identifier: Apache-2.0 */
#include "model/engine.h"

#include "base/error.h"

#include <string.h>

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Every size here is a product of checked hyper-parameters; the arena refuses what would wrap. */
static void place_scratch(nm_engine *e, nm_arena *arena, size_t n_threads)
{
    const nm_config *c = &e->weights->config;
    size_t           n = e->n_batch, state_dim = nm_config_state_dim(c);

    e->batch.segments = nm_arena_take(arena, n, sizeof(nm_segment));
    e->wanted = nm_arena_take(arena, n, sizeof *e->wanted);
    e->x = nm_arena_take(arena, n * c->dim, sizeof(float));
    e->u = nm_arena_take(arena, n * c->dim, sizeof(float));
    e->y = nm_arena_take(arena, n * c->dim, sizeof(float));
    e->mlgru.f = nm_arena_take(arena, n * state_dim, sizeof(float));
    e->mlgru.i = nm_arena_take(arena, n * state_dim, sizeof(float));
    e->mlgru.g = nm_arena_take(arena, n * state_dim, sizeof(float));
    e->glu.gate_up = nm_arena_take(arena, n * 2 * c->ffn, sizeof(float));
    e->glu.product = nm_arena_take(arena, n * c->ffn, sizeof(float));

    e->work.n_batch = n;
    nm_bitlinear_place(&e->work, arena, e->weights->packing,
                       larger(larger(c->dim, state_dim), c->ffn), n_threads);
}

/* The engine and its scratch memory are one block; NULL while measuring. */
static nm_engine *place(const nm_engine *plan, nm_arena *arena, size_t n_threads)
{
    nm_engine  measured = *plan;
    nm_engine *e = nm_arena_take(arena, 1, sizeof *e);

    if (e) *e = *plan;
    place_scratch(e ? e : &measured, arena, n_threads);
    return e;
}

size_t nm_engine_bytes(const nm_weights *weights, const nm_kernels *kernels, size_t n_threads,
                       size_t n_batch)
{
    nm_engine plan = {.weights = weights, .n_batch = n_batch, .work.kernels = kernels};
    nm_arena  arena = {0};

    place(&plan, &arena, n_threads);
    return arena.overflow ? SIZE_MAX : arena.used;
}

/* Long batches read the weights less often; longer ones than this gain nothing more. */
size_t nm_engine_default_batch(const nm_weights *weights, const nm_kernels *kernels)
{
    size_t n_batch = 8 * NM_BATCH_STEP;

    while (n_batch > NM_BATCH_STEP && nm_engine_bytes(weights, kernels, 1, n_batch) > (size_t)32
                                                                                          << 20)
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
    nm_arena  arena = {0};

    place(&plan, &arena, n_threads);
    if (!nm_arena_back(&arena, err)) return NULL;
    nm_engine *e = place(&plan, &arena, n_threads);
    e->arena = arena;
    nm_refs_init(&e->refs, e, free_engine);
    e->work.pool = nm_pool_new(n_threads, nm_bitlinear_idle, &e->work, err);
    if (e->work.pool) return e;
    nm_refs_drop(&e->refs);
    return NULL;
}

/* ---- The pass -------------------------------------------------------------------------------- */

typedef struct token_job {
    const nm_float_ops *floats;
    float              *y;
    const float        *x, *gain;
    size_t              dim;
    float               eps;
} token_job;

static void normalize_tokens(void *context, size_t begin, size_t end, size_t thread)
{
    const token_job *job = context;

    (void)thread;
    for (size_t t = begin; t < end; t++)
        job->floats->rmsnorm(job->y + t * job->dim, job->x + t * job->dim, job->gain, job->dim,
                             job->eps);
}

static void rmsnorm(nm_engine *e, float *y, const float *x, const float *gain, size_t n_tokens)
{
    const nm_config *c = &e->weights->config;
    token_job        job = {.floats = e->work.kernels->floats,
                            .y = y,
                            .x = x,
                            .gain = gain,
                            .dim = c->dim,
                            .eps = c->rms_norm_eps};

    nm_pool_run(e->work.pool, normalize_tokens, &job, n_tokens, 1);
    nm_work_done(&e->work, NM_PHASE_NORM);
}

void nm_engine_layer(nm_engine *e, size_t index, float *x, const nm_batch *batch)
{
    const nm_config *c = &e->weights->config;
    const nm_layer  *layer = &e->weights->layers[index];
    size_t           n_tokens = batch->n_tokens, at = index * nm_config_state_dim(c);

    rmsnorm(e, e->u, x, layer->attn_gain, n_tokens);
    nm_mlgru_forward(&e->work, &layer->mlgru, &e->mlgru, e->y, e->u, batch, at);
    e->work.kernels->floats->add(x, e->y, n_tokens * c->dim);
    nm_work_done(&e->work, NM_PHASE_ADD);

    rmsnorm(e, e->u, x, layer->ffn_gain, n_tokens);
    nm_glu_forward(&e->work, &layer->glu, &e->glu, e->y, e->u, n_tokens);
    e->work.kernels->floats->add(x, e->y, n_tokens * c->dim);
    nm_work_done(&e->work, NM_PHASE_ADD);
}

/* The tokens whose logits are wanted move to the front of x: wanted[i] >= i, none is lost. */
static void gather_wanted(nm_engine *e)
{
    size_t dim = e->weights->config.dim;

    for (size_t i = 0; i < e->n_wanted; i++)
        if (e->wanted[i] != i)
            memcpy(e->x + i * dim, e->x + e->wanted[i] * dim, dim * sizeof *e->x);
}

static void head(nm_engine *e, float **logits)
{
    nm_product output = {.layer = &e->weights->output, .y = *logits, .x = e->u};

    gather_wanted(e);
    rmsnorm(e, e->u, e->x, e->weights->output_gain, e->n_wanted);
    nm_bitlinear_forward(&e->work, &output, 1, e->n_wanted);
    *logits += e->n_wanted * e->weights->config.vocab;
}

size_t nm_engine_room(const nm_engine *engine)
{
    return engine->n_batch - engine->batch.n_tokens;
}

void nm_engine_put(nm_engine *e, float *state, const int32_t *ids, size_t n_ids, size_t n_logits)
{
    size_t    dim = e->weights->config.dim;
    nm_batch *b = &e->batch;

    for (size_t i = 0; i < n_ids; i++) {
        size_t t = b->n_tokens + i;
        nm_weights_embedding(e->weights, e->x + t * dim, ids[i]);
        if (i + n_logits >= n_ids) e->wanted[e->n_wanted++] = t;
    }
    b->segments[b->n_segments++] = (nm_segment){.state = state, .n_tokens = n_ids};
    b->n_tokens += n_ids;
    nm_work_done(&e->work, NM_PHASE_EMBEDDING);
}

void nm_engine_run(nm_engine *e, float **logits)
{
    if (!e->batch.n_tokens) return;
    for (size_t l = 0; l < e->weights->config.n_layers; l++) nm_engine_layer(e, l, e->x, &e->batch);
    if (e->n_wanted) head(e, logits);
    e->batch.n_segments = e->batch.n_tokens = e->n_wanted = 0;
}
