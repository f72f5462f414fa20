/* SPDX-License-Identifier: Apache-2.0 */
#include "model/mlgru.h"

#define SCAN_WORK 4096 /* state elements times tokens that are worth calling a thread for */
#define SCAN_GRAIN 64  /* state elements at least */

typedef struct mlgru_job {
    const nm_float_ops     *floats;
    const nm_mlgru         *layer;
    const nm_mlgru_scratch *scratch;
    const nm_batch         *batch;
    size_t                  at; /* in each state */
    size_t                  n_state;
} mlgru_job;

/* One text: elements [begin, end) of its state through time, from the batch's token `first` on. */
static void scan_segment(const mlgru_job *job, const nm_segment *segment, size_t first,
                         size_t begin, size_t end)
{
    const float *bound = job->layer->bound;
    float       *h = segment->state + job->at + begin;

    for (size_t t = first; t < first + segment->n_tokens; t++) {
        float *f = job->scratch->f + t * job->n_state + begin;
        float *i = job->scratch->i + t * job->n_state + begin;
        job->floats->mlgru_step(i, h, f, i, bound ? bound + begin : NULL, end - begin);
    }
}

/* The recurrence is element-wise, so a range of the state goes through time on its own. */
static void scan(void *context, size_t begin, size_t end, size_t thread)
{
    const mlgru_job *job = context;

    (void)thread;
    begin *= SCAN_GRAIN, end *= SCAN_GRAIN;
    if (end > job->n_state) end = job->n_state;
    for (size_t s = 0, first = 0; s < job->batch->n_segments; s++) {
        scan_segment(job, &job->batch->segments[s], first, begin, end);
        first += job->batch->segments[s].n_tokens;
    }
}

/*
 * g is normalized and gates silu(h), which the scan left in i.  The paper's figure has the two the
 * other way round; the authors' code and checkpoints don't.
 */
static void gate(void *context, size_t begin, size_t end, size_t thread)
{
    const mlgru_job *job = context;

    (void)thread;
    for (size_t t = begin; t < end; t++) {
        float *g = job->scratch->g + t * job->n_state;
        job->floats->rmsnorm(g, g, job->layer->g_gain, job->n_state, job->layer->eps);
        job->floats->multiply(g, job->scratch->i + t * job->n_state, job->n_state);
    }
}

static size_t scan_grain(size_t n_tokens)
{
    size_t grain = SCAN_WORK / n_tokens / SCAN_GRAIN;
    return grain > 1 ? grain : 1;
}

void nm_mlgru_forward(nm_work *work, const nm_mlgru *layer, const nm_mlgru_scratch *scratch,
                      float *y, const float *u, const nm_batch *batch, size_t at)
{
    size_t     n_tokens = batch->n_tokens;
    nm_product inputs[] = {{.layer = &layer->f_proj, .y = scratch->f, .x = u},
                           {.layer = &layer->i_proj, .y = scratch->i, .x = u},
                           {.layer = &layer->g_proj, .y = scratch->g, .x = u}};
    nm_product output = {.layer = &layer->o_proj, .y = y, .x = scratch->g};
    mlgru_job  job = {.floats = work->kernels->floats,
                      .layer = layer,
                      .scratch = scratch,
                      .batch = batch,
                      .at = at,
                      .n_state = layer->i_proj.w.rows};

    nm_bitlinear_forward(work, inputs, 3, n_tokens);
    nm_pool_run(work->pool, scan, &job, (job.n_state + SCAN_GRAIN - 1) / SCAN_GRAIN,
                scan_grain(n_tokens));
    nm_work_done(work, NM_PHASE_SCAN);
    nm_pool_run(work->pool, gate, &job, n_tokens, 1);
    nm_work_done(work, NM_PHASE_GATE);
    nm_bitlinear_forward(work, &output, 1, n_tokens);
}
