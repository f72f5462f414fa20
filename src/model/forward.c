/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forward pass (Zhu et al., arXiv 2406.02528, and the authors' code, with which the published
 * checkpoints were trained), in the order of src/README.md, "The network".
 *
 * All tokens of a pass take each step together.  Threads share the tokens of a step, and in the
 * recurrence, which needs tokens in order, the elements of the state.  No float sum is ever split
 * between threads: the bits are the same for any number of them and any batch.
 */
#include "model/engine.h"

#include "base/bytes.h"
#include "base/clock.h"

#include <string.h>

#define SCAN_WORK 4096 /* elements times tokens that are worth waking a thread for; GLU too */
#define NORM_WORK 8192 /* the same for norms */
#define MANY_THREADS 4 /* which share the element-wise steps of one token: fewer lose by a round */
#define SCAN_GRAIN NM_AFTER_ROWS /* state elements at least: whole cache lines, whole vectors */

void nm_engine_append(nm_engine *e, float *state, const int32_t *ids, size_t n_ids, size_t n_logits)
{
    nm_pass *pass = &e->pass;
    size_t   dim = e->weights->config.dim;

    for (size_t i = 0; i < n_ids; i++, pass->n_tokens++) {
        /* x = embedding[id] */
        nm_weights_embedding(e->weights, e->activations.x + pass->n_tokens * dim, ids[i]);
        if (i + n_logits >= n_ids) pass->wanted[pass->n_wanted++] = pass->n_tokens;
    }
    pass->segments[pass->n_segments++] = (nm_segment){.state = state, .n_tokens = n_ids};
    nm_work_done(&e->work, NM_PHASE_EMBEDDING);
}

/* ---- Steps of a layer, for a range of tokens or of state elements ---------------------------- */

typedef struct step {
    const nm_engine      *e;
    nm_bitlinear_scratch *bitlinear; /* the engine's */
    const nm_layer       *layer;
    size_t                layer_state; /* where its elements begin in the state of a text */
    const float          *gain;
} step;

/* The token of which u has row t.  One token alone has a copy for each thread. */
static size_t token_of(const step *s, size_t t)
{
    return s->e->pass.n_tokens == 1 ? 0 : t;
}

static void rmsnorm_x(void *context, size_t begin, size_t end, size_t thread)
{
    const step           *s = context;
    const nm_activations *a = &s->e->activations;
    const nm_config      *c = &s->e->weights->config;

    (void)thread;
    for (size_t t = begin; t < end; t++)
        s->e->work.kernels->floats->rmsnorm(a->u + t * c->dim, a->x + token_of(s, t) * c->dim,
                                            s->gain, c->dim, c->rms_norm_eps);
}

static size_t blocks_of(size_t n)
{
    return (n + SCAN_GRAIN - 1) / SCAN_GRAIN;
}

/* Blocks [begin, end) of SCAN_GRAIN state elements, through the tokens of each text in turn. */
static void scan(void *context, size_t begin, size_t end, size_t thread)
{
    const step           *s = context;
    const nm_activations *a = &s->e->activations;
    const nm_pass        *pass = &s->e->pass;
    size_t                dim = nm_config_state_dim(&s->e->weights->config), t = 0;

    (void)thread;
    begin *= SCAN_GRAIN, end *= SCAN_GRAIN;
    if (end > dim) end = dim;
    for (size_t j = 0; j < 3; j++) nm_bitlinear_collect(s->bitlinear, j, begin, end);
    const float *bound = s->layer->mlgru.bound ? s->layer->mlgru.bound + begin : NULL;
    for (const nm_segment *text = pass->segments; t < pass->n_tokens; text++) {
        float *h = text->state + s->layer_state + begin;
        for (size_t text_end = t + text->n_tokens; t < text_end; t++) {
            float *f = a->f + t * dim + begin, *i = a->i + t * dim + begin;
            s->e->work.kernels->floats->mlgru_step(i, h, f, i, bound, end - begin);
        }
    }
}

static void gate_state(void *context, size_t begin, size_t end, size_t thread)
{
    const step           *s = context;
    const nm_float_ops   *floats = s->e->work.kernels->floats;
    const nm_mlgru       *m = &s->layer->mlgru;
    const nm_activations *a = &s->e->activations;
    size_t                dim = nm_config_state_dim(&s->e->weights->config);

    (void)thread;
    for (size_t t = begin; t < end; t++) {
        size_t from = token_of(s, t) * dim;
        floats->rmsnorm(a->u + t * dim, a->g + from, m->g_gain, dim, m->eps);
        floats->multiply(a->u + t * dim, a->i + from, dim);
    }
}

/* x = x + y, for blocks [begin, end) of SCAN_GRAIN elements of one token. */
static void add_rows(void *context, size_t begin, size_t end, size_t thread)
{
    const step           *s = context;
    const nm_activations *a = &s->e->activations;

    (void)thread;
    begin *= SCAN_GRAIN, end *= SCAN_GRAIN;
    s->e->work.kernels->floats->add(a->x + begin, a->y + begin, end - begin);
}

/* Blocks [begin, end) of SCAN_GRAIN elements: those of the first token, then those of the next. */
static void gate_ffn(void *context, size_t begin, size_t end, size_t thread)
{
    const step           *s = context;
    const nm_activations *a = &s->e->activations;
    size_t                ffn = s->e->weights->config.ffn, n_blocks = blocks_of(ffn);

    (void)thread;
    for (size_t next; begin < end; begin = next) {
        size_t       t = begin / n_blocks, i = begin % n_blocks * SCAN_GRAIN;
        const float *gate = a->gate_up + t * 2 * ffn + i, *up = gate + ffn;
        next = nm_smaller(end, (t + 1) * n_blocks);
        size_t n = nm_smaller((next - t * n_blocks) * SCAN_GRAIN, ffn) - i;
        nm_bitlinear_collect(s->bitlinear, 0, i, i + n);
        nm_bitlinear_collect(s->bitlinear, 0, ffn + i, ffn + i + n);
        s->e->work.kernels->floats->glu(a->product + t * ffn + i, gate, up, n);
    }
}

/* ---- The pass -------------------------------------------------------------------------------- */

static void bitlinear(nm_engine *e, const nm_bitlinear *layer, float *y, const float *x,
                      size_t n_tokens)
{
    nm_bitlinear_job job = {.layer = layer, .y = y, .x = x};

    nm_bitlinear_forward(&e->bitlinear, &job, 1, n_tokens);
}

/* x = x + BitLinear(input) */
static void add_bitlinear(nm_engine *e, const nm_bitlinear *layer, const float *input)
{
    nm_activations *a = &e->activations;

    bitlinear(e, layer, a->y, input, e->pass.n_tokens);
    e->work.kernels->floats->add(a->x, a->y, e->pass.n_tokens * e->weights->config.dim);
    nm_work_done(&e->work, NM_PHASE_ADD);
}

/*
 * The token mixer.  One token alone is shared by ranges of its state, where there are threads
 * enough; the grain of other steps is what is worth a signal.
 */
static void mix_tokens(nm_engine *e, size_t index)
{
    const nm_layer *layer = &e->weights->layers[index];
    const nm_mlgru *m = &layer->mlgru;
    nm_activations *a = &e->activations;
    size_t          n = e->pass.n_tokens, state_dim = nm_config_state_dim(&e->weights->config);
    size_t          n_blocks = blocks_of(state_dim), n_threads = nm_work_threads(&e->work);
    size_t          grain = SCAN_WORK / SCAN_GRAIN / n;
    step            s = {.e = e, .bitlinear = &e->bitlinear, .layer = layer};

    if (n == 1 && n_threads >= MANY_THREADS) grain = (n_blocks + n_threads - 1) / n_threads;
    s.layer_state = index * state_dim;

    /* u = RMSNorm(x);  f, i, g = BitLinear(u), each with its own gain and scale */
    s.gain = layer->attn_gain;
    const nm_bitlinear_job gates[] = {{.layer = &m->f_proj, .y = a->f, .x = a->u},
                                      {.layer = &m->i_proj, .y = a->i, .x = a->u},
                                      {.layer = &m->g_proj, .y = a->g, .x = a->u}};

    /* f = sigmoid(f), raised to bound + (1 - bound) f;  h = f h + (1 - f) silu(i);  i = silu(h) */
    if (!nm_bitlinear_in_one_round(&e->bitlinear, gates, 3, n, &(nm_around){rmsnorm_x, scan, &s})) {
        nm_work_run(&e->work, NM_PHASE_NORM, rmsnorm_x, &s, n,
                    NORM_WORK / e->weights->config.dim + 1);
        nm_bitlinear_products(&e->bitlinear, gates, 3, n);
        nm_work_run(&e->work, NM_PHASE_SCAN, scan, &s, n_blocks, grain ? grain : 1);
    }

    /*
     * u = RMSNorm(g) * silu(h);  x = x + BitLinear(u)
     * The paper's figure normalizes h instead of g; the code does not.
     */
    const nm_bitlinear_job o = {.layer = &m->o_proj, .y = a->y, .x = a->u};
    if (!nm_bitlinear_in_one_round(&e->bitlinear, &o, 1, n,
                                   &(nm_around){gate_state, add_rows, &s})) {
        nm_work_run(&e->work, NM_PHASE_GATE, gate_state, &s, n, NORM_WORK / state_dim + 1);
        add_bitlinear(e, &m->o_proj, a->u);
    }
}

/* The channel mixer. */
static void mix_channels(nm_engine *e, size_t index)
{
    const nm_layer *layer = &e->weights->layers[index];
    nm_activations *a = &e->activations;
    size_t          n = e->pass.n_tokens, n_blocks = blocks_of(e->weights->config.ffn);
    size_t          n_threads = nm_work_threads(&e->work);
    size_t          grain = nm_larger(n_blocks, SCAN_WORK / SCAN_GRAIN);
    step            s = {.e = e, .bitlinear = &e->bitlinear, .layer = layer};

    if (n == 1 && n_threads >= MANY_THREADS) grain = (n_blocks + n_threads - 1) / n_threads;

    /* u = RMSNorm(x);  gate, up = halves of BitLinear(u);  product = silu(gate) * up */
    s.gain = layer->ffn_gain;
    const nm_bitlinear_job gate_up = {
        .layer = &layer->glu.gate_up_proj, .y = a->gate_up, .x = a->u};
    if (!nm_bitlinear_in_one_round(&e->bitlinear, &gate_up, 1, n,
                                   &(nm_around){rmsnorm_x, gate_ffn, &s})) {
        nm_work_run(&e->work, NM_PHASE_NORM, rmsnorm_x, &s, n,
                    NORM_WORK / e->weights->config.dim + 1);
        nm_bitlinear_products(&e->bitlinear, &gate_up, 1, n);
        nm_work_run(&e->work, NM_PHASE_GATE, gate_ffn, &s, n * n_blocks, grain);
    }

    /* x = x + BitLinear(product) */
    add_bitlinear(e, &layer->glu.down_proj, a->product);
}

static float *forward(nm_engine *e, float *logits)
{
    const nm_weights *w = e->weights;
    nm_activations   *a = &e->activations;
    nm_pass          *pass = &e->pass;
    size_t            dim = w->config.dim, n = pass->n_wanted;
    step              s = {.e = e, .gain = w->output_gain};

    for (size_t l = 0; l < w->config.n_layers && pass->n_tokens; l++)
        mix_tokens(e, l), mix_channels(e, l);

    /* Only the tokens wanted, moved to the front of x: wanted[i] >= i, none is overwritten. */
    for (size_t i = 0; i < n; i++)
        if (pass->wanted[i] != i)
            memcpy(a->x + i * dim, a->x + pass->wanted[i] * dim, dim * sizeof *a->x);

    /* logits = BitLinear(RMSNorm(x)) */
    if (n) {
        nm_work_run(&e->work, NM_PHASE_NORM, rmsnorm_x, &s, n, NORM_WORK / dim + 1);
        bitlinear(e, &w->output, logits, a->u, n);
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
