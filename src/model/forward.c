/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forward pass: embedding, layers, logits.  The bits are the same whoever computes what.
 */
#include "model/engine.h"

#include "base/bytes.h"
#include "base/clock.h"

#include <string.h>

void nm_engine_append(nm_engine *e, float *state, const int32_t *ids, size_t n_ids, size_t n_logits)
{
    nm_pass *pass = &e->pass;

    memcpy(pass->ids + pass->n_tokens, ids, n_ids * sizeof *ids);
    for (size_t i = n_ids - nm_smaller(n_logits, n_ids); i < n_ids; i++)
        pass->wanted[pass->n_wanted++] = pass->n_tokens + i;
    pass->segments[pass->n_segments++] = (nm_segment){.state = state, .n_tokens = n_ids};
    pass->n_tokens += n_ids;
}

static float *forward(nm_engine *e, float *logits)
{
    const nm_weights *w = e->weights;
    nm_activations   *a = &e->activations;
    nm_pass          *pass = &e->pass;
    size_t            dim = w->config.dim, n = pass->n_wanted;
    nm_slice          all = nm_engine_slice(e, 0, pass->n_tokens);

    if (all.n_tokens && !nm_engine_strips(e)) {
        nm_slice_embed(&all);
        for (size_t l = 0; l < w->config.n_layers; l++) nm_layer_forward(&all, l);
    }

    /* Only the tokens wanted, moved to the front of x: wanted[i] >= i, none is overwritten. */
    for (size_t i = 0; i < n; i++)
        if (pass->wanted[i] != i)
            memcpy(a->x + i * dim, a->x + pass->wanted[i] * dim, dim * sizeof *a->x);

    /* logits = BitLinear(RMSNorm(x)) */
    if (n) {
        const nm_bitlinear_job job = {.layer = &w->output, .y = logits, .x = a->u};
        nm_slice_rmsnorm(&all, w->output_gain, n);
        nm_bitlinear_forward(&e->bitlinear, &job, 1, n);
    }
    pass->n_segments = pass->n_tokens = pass->n_wanted = 0;
    return n ? logits + n * w->config.vocab : logits; /* which may be NULL */
}

float *nm_engine_forward(nm_engine *e, float *logits)
{
    size_t n = e->pass.n_tokens;
    bool   few = n > 0 && n <= NM_TRIAL_TOKENS && e->weights->ternary_bytes < NM_SMALL_BYTES / n;
    /* Prompts, whose logits are not all wanted, are known apart. */
    nm_trial *trial =
        few && nm_pool_threads(e->work.pool) > 1 ? &e->trials[e->pass.n_wanted == n][n - 1] : NULL;
    double began = trial ? nm_clock() : 0;

    e->work.alone = trial && nm_trial_way(trial);
    logits = forward(e, logits);
    if (trial) nm_trial_took(trial, nm_clock() - began);
    e->work.alone = false;
    return logits;
}
