/* SPDX-License-Identifier: Apache-2.0 */
#include "model/mlgru.h"

#define SCAN_GRAIN 256 /* state elements a thread takes through all tokens at a time */

typedef struct mlgru_job {
    nm_work                *work;
    const nm_mlgru         *layer;
    const nm_mlgru_scratch *scratch;
    float                  *h;
    size_t                  n_tokens, n_state;
} mlgru_job;

/* The recurrence is element-wise, so a range of the state goes through time on its own. */
static void scan(void *context, size_t begin, size_t end, size_t thread)
{
    const mlgru_job *job = context;
    const float     *bound = job->layer->bound;

    (void)thread;
    for (size_t t = 0; t < job->n_tokens; t++) {
        float *f = job->scratch->f + t * job->n_state + begin;
        float *i = job->scratch->i + t * job->n_state + begin;
        job->work->kernels->mlgru_step(i, job->h + begin, f, i, bound ? bound + begin : NULL,
                                       end - begin);
    }
}

/*
 * g is normalized and gates silu(h), which the scan left in i.  The paper's figure has the two the
 * other way round; the authors' code and checkpoints don't.
 */
static void gate(void *context, size_t begin, size_t end, size_t thread)
{
    const mlgru_job  *job = context;
    const nm_kernels *kernels = job->work->kernels;

    (void)thread;
    for (size_t t = begin; t < end; t++) {
        float *g = job->scratch->g + t * job->n_state;
        kernels->rmsnorm(g, g, job->layer->g_gain, job->n_state, job->layer->eps);
        kernels->multiply(g, job->scratch->i + t * job->n_state, job->n_state);
    }
}

void nm_mlgru_forward(nm_work *work, const nm_mlgru *layer, const nm_mlgru_scratch *scratch,
                      float *y, const float *u, float *h, size_t n_tokens)
{
    mlgru_job job = {.work = work,
                     .layer = layer,
                     .scratch = scratch,
                     .h = h,
                     .n_tokens = n_tokens,
                     .n_state = layer->i_proj.w.rows};

    nm_bitlinear_forward(work, &layer->f_proj, scratch->f, u, n_tokens);
    nm_bitlinear_forward(work, &layer->i_proj, scratch->i, u, n_tokens);
    nm_bitlinear_forward(work, &layer->g_proj, scratch->g, u, n_tokens);
    nm_pool_run(work->pool, scan, &job, job.n_state, SCAN_GRAIN);
    nm_pool_run(work->pool, gate, &job, n_tokens, 1);
    nm_bitlinear_forward(work, &layer->o_proj, y, scratch->g, n_tokens);
}
