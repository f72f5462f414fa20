/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A layer (Zhu et al., arXiv 2406.02528, and the authors' code, with which the published
 * checkpoints were trained), in the order of src/README.md, "The network".
 *
 * All tokens of a slice take each step together.  Threads share the tokens of a step, and in the
 * recurrence, which needs tokens in order, the elements of the state.  No float sum is ever split
 * between threads: the bits are the same for any number of them, any batch and any slices.
 */
#include "model/layer.h"

#include "base/bytes.h"

#define SCAN_WORK 4096 /* elements times tokens that are worth waking a thread for; GLU too */
#define NORM_WORK 8192 /* the same for norms */
#define SCAN_GRAIN NM_AFTER_ROWS /* state elements at least: whole cache lines, whole vectors */

/* ---- Steps of a layer, for a range of tokens or of state elements ---------------------------- */

typedef struct step {
    const nm_slice *slice;
    const nm_layer *layer;
    size_t          layer_state; /* where its elements begin in the state of a text */
    const float    *gain;
} step;

/* The token of which u has row t.  One token alone has a copy for each thread. */
static size_t token_of(const step *s, size_t t)
{
    return s->slice->n_tokens == 1 ? 0 : t;
}

static void embed(void *context, size_t begin, size_t end, size_t thread)
{
    const nm_slice *s = ((const step *)context)->slice;

    (void)thread;
    for (size_t t = begin; t < end; t++)
        nm_weights_embedding(s->weights, s->activations.x + t * s->weights->config.dim, s->ids[t]);
}

static void rmsnorm_x(void *context, size_t begin, size_t end, size_t thread)
{
    const step           *s = context;
    const nm_activations *a = &s->slice->activations;
    const nm_config      *c = &s->slice->weights->config;

    (void)thread;
    for (size_t t = begin; t < end; t++)
        s->slice->work->kernels->floats->rmsnorm(a->u + t * c->dim, a->x + token_of(s, t) * c->dim,
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
    const nm_slice       *slice = s->slice;
    const nm_activations *a = &slice->activations;
    const nm_segment     *text = slice->segments;
    size_t dim = nm_config_state_dim(&slice->weights->config), t = 0, skipped = slice->skipped;

    (void)thread;
    begin *= SCAN_GRAIN, end *= SCAN_GRAIN;
    if (end > dim) end = dim;
    for (size_t j = 0; j < 3; j++) nm_bitlinear_collect(slice->bitlinear, j, begin, end);
    const float *bound = s->layer->mlgru.bound ? s->layer->mlgru.bound + begin : NULL;
    for (; t < slice->n_tokens; text++, skipped = 0) {
        float *h = text->state + s->layer_state + begin;
        size_t text_end = nm_smaller(t + text->n_tokens - skipped, slice->n_tokens);
        for (; t < text_end; t++) {
            float *f = a->f + t * dim + begin, *i = a->i + t * dim + begin;
            slice->work->kernels->floats->mlgru_step(i, h, f, i, bound, end - begin);
        }
    }
}

static void gate_state(void *context, size_t begin, size_t end, size_t thread)
{
    const step           *s = context;
    const nm_float_ops   *floats = s->slice->work->kernels->floats;
    const nm_mlgru       *m = &s->layer->mlgru;
    const nm_activations *a = &s->slice->activations;
    size_t                dim = nm_config_state_dim(&s->slice->weights->config);

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
    const nm_activations *a = &s->slice->activations;

    (void)thread;
    begin *= SCAN_GRAIN, end *= SCAN_GRAIN;
    s->slice->work->kernels->floats->add(a->x + begin, a->y + begin, end - begin);
}

/* Blocks [begin, end) of SCAN_GRAIN elements: those of the first token, then those of the next. */
static void gate_ffn(void *context, size_t begin, size_t end, size_t thread)
{
    const step           *s = context;
    const nm_activations *a = &s->slice->activations;
    size_t                ffn = s->slice->weights->config.ffn, n_blocks = blocks_of(ffn);

    (void)thread;
    for (size_t next; begin < end; begin = next) {
        size_t       t = begin / n_blocks, i = begin % n_blocks * SCAN_GRAIN;
        const float *gate = a->gate_up + t * 2 * ffn + i, *up = gate + ffn;
        next = nm_smaller(end, (t + 1) * n_blocks);
        size_t n = nm_smaller((next - t * n_blocks) * SCAN_GRAIN, ffn) - i;
        nm_bitlinear_collect(s->slice->bitlinear, 0, i, i + n);
        nm_bitlinear_collect(s->slice->bitlinear, 0, ffn + i, ffn + i + n);
        s->slice->work->kernels->floats->glu(a->product + t * ffn + i, gate, up, n);
    }
}

/* ---- The layer ------------------------------------------------------------------------------- */

/* Until the tokens before those of the slice have moved the states of the layer. */
static void await_states(const nm_slice *s, size_t layer)
{
    size_t waited = 0;

    while (s->before && atomic_load_explicit(s->before, memory_order_acquire) <= layer)
        nm_pool_pause(&waited);
}

/* Where threads share one token, each one's share of n blocks; else the usual grain. */
static size_t grain_of(const nm_slice *s, size_t n_blocks, size_t usual)
{
    size_t n_threads = nm_work_threads(s->work);

    return s->n_tokens == 1 ? (n_blocks + n_threads - 1) / n_threads : nm_larger(usual, 1);
}

void nm_slice_embed(const nm_slice *slice)
{
    size_t grain = NORM_WORK / slice->weights->config.dim + 1;

    nm_work_run(slice->work, NM_PHASE_EMBEDDING, embed, &(step){.slice = slice}, slice->n_tokens,
                grain);
}

static void run_norm(const nm_slice *s, step *norm, const float *gain, size_t n)
{
    size_t grain = NORM_WORK / s->weights->config.dim + 1;

    norm->gain = gain;
    nm_work_run(s->work, NM_PHASE_NORM, rmsnorm_x, norm, n, grain);
}

void nm_slice_rmsnorm(const nm_slice *slice, const float *gain, size_t n)
{
    run_norm(slice, &(step){.slice = slice}, gain, n);
}

/* x = x + BitLinear(input) */
static void add_bitlinear(const nm_slice *s, const nm_bitlinear *layer, const float *input)
{
    const nm_activations *a = &s->activations;
    nm_bitlinear_job      job = {.layer = layer, .y = a->y, .x = input};

    nm_bitlinear_forward(s->bitlinear, &job, 1, s->n_tokens);
    s->work->kernels->floats->add(a->x, a->y, s->n_tokens * s->weights->config.dim);
    nm_work_done(s->work, NM_PHASE_ADD);
}

/*
 * The token mixer.  One token alone is always shared, by ranges of its state; the grain of other
 * steps is what is worth a signal.
 */
static void mix_tokens(const nm_slice *slice, size_t index)
{
    const nm_layer       *layer = &slice->weights->layers[index];
    const nm_mlgru       *m = &layer->mlgru;
    const nm_activations *a = &slice->activations;
    size_t n = slice->n_tokens, state_dim = nm_config_state_dim(&slice->weights->config);
    size_t n_blocks = blocks_of(state_dim);
    size_t grain = grain_of(slice, n_blocks, SCAN_WORK / SCAN_GRAIN / n);
    step   s = {slice, layer, index * state_dim, layer->attn_gain};

    /* u = RMSNorm(x);  i, f, g = BitLinear(u), each with its own gain and scale */
    const nm_bitlinear_job gates[] = {{.layer = &m->i_proj, .y = a->i, .x = a->u},
                                      {.layer = &m->f_proj, .y = a->f, .x = a->u},
                                      {.layer = &m->g_proj, .y = a->g, .x = a->u}};

    /* f = sigmoid(f), raised to bound + (1 - bound) f;  h = f h + (1 - f) silu(i);  i = silu(h) */
    const nm_around around = {rmsnorm_x, scan, &s};
    if (!nm_bitlinear_in_one_round(slice->bitlinear, gates, 3, n, &around)) {
        run_norm(slice, &s, layer->attn_gain, n);
        nm_bitlinear_products(slice->bitlinear, gates, 3, n);
        await_states(slice, index);
        nm_work_run(slice->work, NM_PHASE_SCAN, scan, &s, n_blocks, grain);
    }
    if (slice->scanned) atomic_store_explicit(slice->scanned, index + 1, memory_order_release);

    /*
     * u = RMSNorm(g) * silu(h);  x = x + BitLinear(u)
     * The paper's figure normalizes h instead of g; the code does not.
     */
    const nm_bitlinear_job o = {.layer = &m->o_proj, .y = a->y, .x = a->u};
    const nm_around        around_o = {gate_state, add_rows, &s};
    if (!nm_bitlinear_in_one_round(slice->bitlinear, &o, 1, n, &around_o)) {
        nm_work_run(slice->work, NM_PHASE_GATE, gate_state, &s, n, NORM_WORK / state_dim + 1);
        add_bitlinear(slice, &m->o_proj, a->u);
    }
}

/* The channel mixer. */
static void mix_channels(const nm_slice *slice, size_t index)
{
    const nm_layer       *layer = &slice->weights->layers[index];
    const nm_activations *a = &slice->activations;
    size_t                n = slice->n_tokens, n_blocks = blocks_of(slice->weights->config.ffn);
    size_t grain = grain_of(slice, n_blocks, nm_larger(n_blocks, SCAN_WORK / SCAN_GRAIN));
    step   s = {.slice = slice, .layer = layer, .gain = layer->ffn_gain};

    /* u = RMSNorm(x);  gate, up = halves of BitLinear(u);  product = silu(gate) * up */
    const nm_bitlinear_job gate_up = {
        .layer = &layer->glu.gate_up_proj, .y = a->gate_up, .x = a->u};
    const nm_around around = {rmsnorm_x, gate_ffn, &s};
    if (!nm_bitlinear_in_one_round(slice->bitlinear, &gate_up, 1, n, &around)) {
        run_norm(slice, &s, layer->ffn_gain, n);
        nm_bitlinear_products(slice->bitlinear, &gate_up, 1, n);
        nm_work_run(slice->work, NM_PHASE_GATE, gate_ffn, &s, n * n_blocks, grain);
    }

    /* x = x + BitLinear(product) */
    add_bitlinear(slice, &layer->glu.down_proj, a->product);
}

void nm_layer_forward(const nm_slice *slice, size_t layer)
{
    mix_tokens(slice, layer);
    mix_channels(slice, layer);
}
