/* SPDX-License-Identifier: Apache-2.0 */
#include "model/glu.h"

typedef struct glu_job {
    const nm_float_ops   *floats;
    const nm_glu_scratch *scratch;
    size_t                n_ffn;
} glu_job;

static void gate(void *context, size_t begin, size_t end, size_t thread)
{
    const glu_job *job = context;

    (void)thread;
    for (size_t t = begin; t < end; t++) {
        const float *a = job->scratch->gate_up + t * 2 * job->n_ffn;
        job->floats->glu(job->scratch->product + t * job->n_ffn, a, a + job->n_ffn, job->n_ffn);
    }
}

void nm_glu_forward(nm_work *work, const nm_glu *layer, const nm_glu_scratch *scratch, float *y,
                    const float *u, size_t n_tokens)
{
    nm_product gate_up = {.layer = &layer->gate_up_proj, .y = scratch->gate_up, .x = u};
    nm_product down = {.layer = &layer->down_proj, .y = y, .x = scratch->product};
    glu_job    job = {
           .floats = work->kernels->floats, .scratch = scratch, .n_ffn = layer->down_proj.w.cols};

    nm_bitlinear_forward(work, &gate_up, 1, n_tokens);
    nm_pool_run(work->pool, gate, &job, n_tokens, 1);
    nm_work_done(work, NM_PHASE_GATE);
    nm_bitlinear_forward(work, &down, 1, n_tokens);
}
