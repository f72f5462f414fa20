/* SPDX-License-Identifier: Apache-2.0 */
#include "model/session.h"

#include "base/error.h"

#include <string.h>

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* Every size here is a product of checked hyper-parameters; the arena refuses what would wrap. */
static void place(nomul_session *s, nm_arena *arena, size_t n_threads)
{
    const nm_config *c = &s->weights->config;
    size_t           n = s->n_batch, state_dim = nm_config_state_dim(c);

    s->state = nm_arena_take(arena, c->n_layers * state_dim, sizeof(float));
    s->x = nm_arena_take(arena, n * c->dim, sizeof(float));
    s->u = nm_arena_take(arena, n * c->dim, sizeof(float));
    s->y = nm_arena_take(arena, n * c->dim, sizeof(float));
    s->mlgru.f = nm_arena_take(arena, n * state_dim, sizeof(float));
    s->mlgru.i = nm_arena_take(arena, n * state_dim, sizeof(float));
    s->mlgru.g = nm_arena_take(arena, n * state_dim, sizeof(float));
    s->glu.gate_up = nm_arena_take(arena, n * 2 * c->ffn, sizeof(float));
    s->glu.product = nm_arena_take(arena, n * c->ffn, sizeof(float));

    s->work.n_batch = n;
    nm_bitlinear_place(&s->work, arena, s->weights->packing,
                       larger(larger(c->dim, state_dim), c->ffn), n_threads);
}

size_t nm_session_bytes(const nm_weights *weights, const nm_kernels *kernels, size_t n_threads,
                        size_t n_batch)
{
    nomul_session s = {.weights = weights, .n_batch = n_batch, .work.kernels = kernels};
    nm_arena      arena = {0};

    place(&s, &arena, n_threads);
    return arena.overflow ? SIZE_MAX : arena.used;
}

/* Long batches read the weights less often; longer ones than this gain nothing more. */
size_t nm_session_default_batch(const nm_weights *weights, const nm_kernels *kernels)
{
    size_t n_batch = 8 * NM_BATCH_STEP;

    while (n_batch > NM_BATCH_STEP && nm_session_bytes(weights, kernels, 1, n_batch) > (size_t)32
                                                                                           << 20)
        n_batch -= NM_BATCH_STEP;
    return n_batch;
}

bool nm_session_init(nomul_session *s, const nm_weights *weights, const nm_kernels *kernels,
                     size_t n_threads, size_t n_batch, nomul_error *err)
{
    *s = (nomul_session){.weights = weights, .n_batch = n_batch, .work.kernels = kernels};
    place(s, &s->arena, n_threads);
    if (!nm_arena_back(&s->arena, err)) return false;
    place(s, &s->arena, n_threads);
    s->work.pool = nm_pool_new(n_threads, nm_bitlinear_idle, &s->work, err);
    return s->work.pool != NULL;
}

void nm_session_close(nomul_session *s)
{
    nm_pool_free(s->work.pool);
    nm_arena_free(&s->arena);
}

void nm_session_reset(nomul_session *s)
{
    const nm_config *c = &s->weights->config;

    memset(s->state, 0, (size_t)c->n_layers * nm_config_state_dim(c) * sizeof(float));
    s->n_tokens = 0;
}

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

static void rmsnorm(nomul_session *s, float *y, const float *x, const float *gain, size_t n_tokens)
{
    const nm_config *c = &s->weights->config;
    token_job        job = {.floats = s->work.kernels->floats,
                            .y = y,
                            .x = x,
                            .gain = gain,
                            .dim = c->dim,
                            .eps = c->rms_norm_eps};

    nm_pool_run(s->work.pool, normalize_tokens, &job, n_tokens, 1);
    nm_work_done(&s->work, NM_PHASE_NORM);
}

void nm_session_layer(nomul_session *s, size_t index, float *x, size_t n_tokens)
{
    const nm_config *c = &s->weights->config;
    const nm_layer  *layer = &s->weights->layers[index];
    float           *h = s->state + index * nm_config_state_dim(c);

    rmsnorm(s, s->u, x, layer->attn_gain, n_tokens);
    nm_mlgru_forward(&s->work, &layer->mlgru, &s->mlgru, s->y, s->u, h, n_tokens);
    s->work.kernels->floats->add(x, s->y, n_tokens * c->dim);
    nm_work_done(&s->work, NM_PHASE_ADD);

    rmsnorm(s, s->u, x, layer->ffn_gain, n_tokens);
    nm_glu_forward(&s->work, &layer->glu, &s->glu, s->y, s->u, n_tokens);
    s->work.kernels->floats->add(x, s->y, n_tokens * c->dim);
    nm_work_done(&s->work, NM_PHASE_ADD);
}

/* Logits of the last n_tokens of the batch that is in x[batch][dim]. */
static void head(nomul_session *s, float *logits, size_t batch, size_t n_tokens)
{
    const float *x = s->x + (batch - n_tokens) * s->weights->config.dim;
    nm_product   output = {.layer = &s->weights->output, .y = logits, .x = s->u};

    rmsnorm(s, s->u, x, s->weights->output_gain, n_tokens);
    nm_bitlinear_forward(&s->work, &output, 1, n_tokens);
}

void nm_session_feed(nomul_session *s, const int32_t *ids, size_t n_ids, nomul_logits which,
                     float *logits)
{
    const nm_config *c = &s->weights->config;

    while (n_ids) {
        size_t n = n_ids < s->n_batch ? n_ids : s->n_batch;

        for (size_t t = 0; t < n; t++) nm_weights_embedding(s->weights, s->x + t * c->dim, ids[t]);
        nm_work_done(&s->work, NM_PHASE_EMBEDDING);
        for (size_t l = 0; l < c->n_layers; l++) nm_session_layer(s, l, s->x, n);
        ids += n, n_ids -= n, s->n_tokens += n;

        if (which == NOMUL_LOGITS_ALL) {
            head(s, logits, n, n);
            logits += n * c->vocab;
        } else if (which == NOMUL_LOGITS_LAST && n_ids == 0) {
            head(s, logits, n, 1);
        }
    }
}
