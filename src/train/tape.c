/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Forward as model/layer.c computes it, with the same kernels and so the same bits; backward in
 * the opposite order.  Threads share rows where rows are independent, and columns where a sum runs
 * over rows, so no sum is ever split: the bits are the same for any number of threads.
 */
#include "train/tape.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "model/weights.h"

#include <math.h>
#include <string.h>

#define COLUMNS 64    /* of an item of work that runs over all rows */
#define HEAD_ROWS 512 /* rows whose logits are in memory at once, at most */
#define ROW_GRAIN 4

/* ---- Memory ---------------------------------------------------------------------------------- */

/* All arrays, in one block.  While measuring there are no layers to fill, so `none` is filled. */
static void place(nm_tape *t, nm_arena *arena)
{
    const nm_config *c = &t->latent->config;
    size_t           n = t->n_rows, state = nm_config_state_dim(c);
    size_t           width = t->latent->max_cols, wide = nm_larger((size_t)2 * c->ffn, state);
    float          **narrow[] = {&t->u, &t->y, &t->d_a, &t->d_b, &t->d_c, &t->d_normal};

    t->layers = nm_arena_take(arena, c->n_layers, sizeof *t->layers);
    for (size_t l = 0; l < c->n_layers; l++) {
        nm_taped_layer none, *layer = t->layers ? &t->layers[l] : &none;
        layer->x = nm_arena_take(arena, n * c->dim, sizeof(float));
        layer->f = nm_arena_take(arena, n * state, sizeof(float));
        layer->i = nm_arena_take(arena, n * state, sizeof(float));
        layer->g = nm_arena_take(arena, n * state, sizeof(float));
        layer->h = nm_arena_take(arena, n * state, sizeof(float));
        layer->middle = nm_arena_take(arena, n * c->dim, sizeof(float));
        layer->gate_up = nm_arena_take(arena, n * 2 * c->ffn, sizeof(float));
        layer->before = nm_arena_take(arena, t->n_streams * state, sizeof(float));
    }
    t->x = nm_arena_take(arena, n * c->dim, sizeof(float));
    t->d_x = nm_arena_take(arena, n * c->dim, sizeof(float));
    t->d_bounds = nm_arena_take(arena, (size_t)c->n_layers * state, sizeof(float));
    for (size_t i = 0; i < sizeof narrow / sizeof *narrow; i++)
        *narrow[i] = nm_arena_take(arena, n * width, sizeof(float));
    t->d_wide = nm_arena_take(arena, n * wide, sizeof(float));
    t->scales = nm_arena_take(arena, n, sizeof(float));
    t->q_scales = nm_arena_take(arena, n, sizeof(float));
    t->logits = nm_arena_take(arena, t->head_rows * c->vocab, sizeof(float));
    t->losses = nm_arena_take(arena, t->head_rows, sizeof *t->losses);
    t->bitlinear = (nm_bitlinear_scratch){.work = &t->work, .n_batch = n};
    nm_bitlinear_place(&t->bitlinear, arena, t->latent->weights.packing, nm_plan_max_rows(c), width,
                       nm_pool_threads(t->work.pool));
    t->matmul = nm_arena_take(arena, nm_pool_threads(t->work.pool), NM_MATMUL_SCRATCH);
}

bool nm_tape_open(nm_tape *t, nm_latent *latent, const nm_work *work, size_t n_streams,
                  size_t n_tokens, nomul_error *err)
{
    nm_arena arena = {0};

    *t = (nm_tape){.latent = latent, .work = *work, .n_streams = n_streams, .n_tokens = n_tokens};
    t->ops = nm_gradients_choose(work->kernels);
    t->n_rows = n_streams * n_tokens;
    t->head_rows = nm_smaller(t->n_rows, HEAD_ROWS);
    place(t, &arena);
    if (!nm_arena_back(&arena, err)) return *t = (nm_tape){.latent = NULL}, false;
    place(t, &arena);
    t->arena = arena;
    return true;
}

void nm_tape_close(nm_tape *t)
{
    nm_arena_free(&t->arena);
    *t = (nm_tape){.latent = NULL};
}

/* ---- Steps that both directions take --------------------------------------------------------- */

/*
 * An operation on independent rows.  A row of any array has n columns, of a pair a | b twice as
 * many.  Names are those of README.md in this folder; d is the gradient of what was computed:
 *
 *     EMBED           y = embedding[id]
 *     RMSNORM         y = RMSNorm(x, gain); y may be x
 *     GLU             y = silu(a) b, a | b = x
 *     GATE            y = x silu(x2)
 *     ADD             y += x
 *     NORM_SCALE      y[row] = r of RMSNorm(x)
 *     RMSNORM_BACK    y = (or +=) dx of RMSNorm(x, gain), whose r is x2[row]
 *     QUANTIZE        q of the tape, y[row] = 1 / a: their product is what BitLinear multiplies
 *     GLU_BACK        y = da | db of silu(a) b, a | b = x
 *     GATE_BACK       y, y2 = dx, dx2 of x silu(x2)
 *     LOSS            losses of the tape from the logits y, which become their own gradient
 */
typedef enum row_op {
    EMBED,
    RMSNORM,
    GLU,
    GATE,
    ADD,
    NORM_SCALE,
    RMSNORM_BACK,
    QUANTIZE,
    GLU_BACK,
    GATE_BACK,
    LOSS
} row_op;

/* One operation on rows, or on columns: such a job says which fields it reads. */
typedef struct tape_step {
    nm_tape              *t;
    const nm_train_batch *b;
    const nm_layer       *layer;
    row_op                op;
    size_t                index;   /* of the layer */
    size_t                n, rows; /* columns; rows of a column, or the first row of these logits */
    float                *y, *y2;
    const float          *x, *x2, *d, *gain;
    float                 eps;
    bool                  add;
} tape_step;

double nm_tape_loss(const nm_gradient_ops *ops, float *logits, size_t n, int32_t target,
                    float weight)
{
    float max = logits[0];

    for (size_t i = 1; i < n; i++)
        if (logits[i] > max) max = logits[i];
    float  of_target = logits[target] - max;
    float  sum = ops->exponents(logits, max, n);
    double loss = log((double)sum) - (double)of_target;
    float  factor = weight / sum;
    for (size_t i = 0; i < n; i++) logits[i] *= factor;
    logits[target] -= weight;
    return loss;
}

static void do_rows(void *context, size_t begin, size_t end, size_t thread)
{
    const tape_step       *s = context;
    nm_tape               *t = s->t;
    const nm_float_ops    *forward = t->work.kernels->floats;
    const nm_gradient_ops *back = t->ops;
    float                 *y = s->y;
    const float           *x = s->x;

    (void)thread;
    for (size_t r = begin, n = s->n; r < end; r++) {
        size_t at = r * n, a = 2 * at, b = a + n; /* of row r; of a pair's halves */
        switch (s->op) {
        case EMBED: nm_weights_embedding(&t->latent->weights, y + at, s->b->ids[r]); break;
        case RMSNORM: forward->rmsnorm(y + at, x + at, s->gain, n, s->eps); break;
        case GLU: forward->glu(y + at, x + a, x + b, n); break;
        case GATE: forward->glu(y + at, s->x2 + at, x + at, n); break;
        case ADD: forward->add(y + at, x + at, n); break;
        case NORM_SCALE: y[r] = back->norm_scale(x + at, n, s->eps); break;
        case RMSNORM_BACK:
            if (!s->add) memset(y + at, 0, n * sizeof *y);
            back->rmsnorm(y + at, s->d + at, x + at, s->gain, s->x2[r], n);
            break;
        case QUANTIZE: {
            float scale = forward->norm_scale(x + at, n, NM_BITLINEAR_EPS);
            y[r] = 1.0f / forward->rmsnorm_quantize(t->bitlinear.q + r * t->bitlinear.q_stride,
                                                    x + at, s->gain, n, scale);
            break;
        }
        case GLU_BACK: back->glu(y + a, y + b, s->d + at, x + a, x + b, n); break;
        case GATE_BACK: back->gate(y + at, s->y2 + at, s->d + at, x + at, s->x2 + at, n); break;
        case LOSS:
            t->losses[r] = nm_tape_loss(back, y + at, n, s->b->targets[s->rows + r], s->b->weight);
            break;
        }
    }
}

static void run_rows(const nm_tape *t, row_op op, tape_step s, size_t n_rows)
{
    s.op = op;
    nm_pool_run(t->work.pool, do_rows, &s, n_rows, ROW_GRAIN);
}

/* Items of such a job are COLUMNS columns, which run through all rows. */
static void run_columns(const nm_tape *t, nm_pool_job job, tape_step *s)
{
    nm_pool_run(t->work.pool, job, s, (s->n + COLUMNS - 1) / COLUMNS, 1);
}

/* y[n_rows][n] = RMSNorm(x); y may be x. */
static void rmsnorm(nm_tape *t, float *y, const float *x, const float *gain, size_t n,
                    size_t n_rows)
{
    tape_step s = {.t = t, .y = y, .x = x, .gain = gain, .n = n};

    s.eps = t->latent->config.rms_norm_eps;
    run_rows(t, RMSNORM, s, n_rows);
}

/* Does this row begin a document?  Its h starts from 0, and no gradient goes before it. */
static bool is_reset(const nm_train_batch *b, size_t row)
{
    return b->ids[row] == b->bos;
}

/* ---- Forward --------------------------------------------------------------------------------- */

/* Columns of the state through the tokens of each stream: h, and silu(h) to y. */
static void scan_columns(void *context, size_t begin, size_t end, size_t thread)
{
    const tape_step      *s = context;
    const nm_taped_layer *l = &s->t->layers[s->index];
    size_t                n = s->n, at = begin * COLUMNS, width;

    (void)thread;
    width = nm_smaller(end * COLUMNS, n) - at;
    for (size_t stream = 0; stream < s->b->n_streams; stream++) {
        float *state = s->b->states + (s->index * s->b->state_streams + stream) * n + at;
        float *before = l->before + stream * n + at, *h = before;
        memcpy(before, state, width * sizeof *state);
        for (size_t k = 0; k < s->t->n_tokens; k++) {
            size_t row = stream * s->t->n_tokens + k, i = row * n + at;
            if (is_reset(s->b, row))
                memset(l->h + i, 0, width * sizeof *h);
            else
                memcpy(l->h + i, h, width * sizeof *h);
            h = l->h + i;
            s->t->work.kernels->floats->mlgru_step(
                s->y + i, h, l->f + i, l->i + i,
                s->layer->mlgru.bound ? s->layer->mlgru.bound + at : NULL, width);
        }
        memcpy(state, h, width * sizeof *state);
    }
}

/* y = BitLinear(x) */
static void bitlinear(nm_tape *t, const nm_bitlinear *layer, float *y, const float *x,
                      size_t n_rows)
{
    nm_bitlinear_job job = {.layer = layer, .y = y, .x = x};

    nm_bitlinear_forward(&t->bitlinear, &job, 1, n_rows);
}

/* x = x + BitLinear(input) */
static void add_bitlinear(nm_tape *t, const nm_bitlinear *layer, const float *input, size_t n_rows)
{
    tape_step s = {.t = t, .y = t->x, .x = t->d_a, .n = layer->w.rows};

    bitlinear(t, layer, t->d_a, input, n_rows);
    run_rows(t, ADD, s, n_rows);
}

/* o = RMSNorm(g) silu(h) */
static void gate_state(nm_tape *t, const nm_taped_layer *l, const nm_mlgru *m, float *norm,
                       float *o, size_t n_rows)
{
    size_t    state = nm_config_state_dim(&t->latent->config);
    tape_step s = {.t = t, .y = o, .x = norm, .x2 = l->h, .n = state};

    rmsnorm(t, norm, l->g, m->g_gain, state, n_rows);
    run_rows(t, GATE, s, n_rows);
}

/* What model/layer.c does to a layer; what the backward pass needs goes to l. */
static void forward_layer(nm_tape *t, const nm_train_batch *b, size_t index, size_t n_rows)
{
    const nm_config      *c = &t->latent->config;
    const nm_layer       *layer = &t->latent->weights.layers[index];
    const nm_taped_layer *l = &t->layers[index];
    const nm_mlgru       *m = &layer->mlgru;

    /* u = RMSNorm(x);  f, i, g = BitLinear(u) */
    memcpy(l->x, t->x, n_rows * c->dim * sizeof *t->x);
    rmsnorm(t, t->u, t->x, layer->attn_gain, c->dim, n_rows);
    const nm_bitlinear_job gates[] = {{.layer = &m->f_proj, .y = l->f, .x = t->u},
                                      {.layer = &m->i_proj, .y = l->i, .x = t->u},
                                      {.layer = &m->g_proj, .y = l->g, .x = t->u}};
    nm_bitlinear_forward(&t->bitlinear, gates, 3, n_rows);

    /* h = f h + silu(i) (1 - f);  x = x + BitLinear(RMSNorm(g) silu(h)) */
    tape_step s = {.t = t, .b = b, .layer = layer, .index = index, .y = t->y};
    s.n = nm_config_state_dim(c);
    run_columns(t, scan_columns, &s);
    gate_state(t, l, m, t->u, t->y, n_rows);
    add_bitlinear(t, &m->o_proj, t->y, n_rows);

    /* a, b = BitLinear(RMSNorm(x));  x = x + BitLinear(silu(a) b) */
    memcpy(l->middle, t->x, n_rows * c->dim * sizeof *t->x);
    rmsnorm(t, t->u, t->x, layer->ffn_gain, c->dim, n_rows);
    bitlinear(t, &layer->glu.gate_up_proj, l->gate_up, t->u, n_rows);
    tape_step glu = {.t = t, .y = t->y, .x = l->gate_up, .n = c->ffn};
    run_rows(t, GLU, glu, n_rows);
    add_bitlinear(t, &layer->glu.down_proj, t->y, n_rows);
}

/* ---- Backward: norms and BitLinear ----------------------------------------------------------- */

/* The gain's gradient, a sum over rows: y += sum of d x r. */
static void gain_columns(void *context, size_t begin, size_t end, size_t thread)
{
    const tape_step *s = context;
    size_t           at = begin * COLUMNS, width = nm_smaller(end * COLUMNS, s->n) - at;

    (void)thread;
    for (size_t r = 0; r < s->rows; r++)
        s->t->ops->gain(s->y + at, s->d + r * s->n + at, s->x + r * s->n + at, s->x2[r], width);
}

/* d_x = (or +=) the gradient of x, and the gain's, from that of y = RMSNorm(x, gain). */
static void rmsnorm_back(nm_tape *t, float *d_x, bool add, const float *d_y, const float *x,
                         const float *gain, size_t n, size_t n_rows, float eps)
{
    tape_step s = {.t = t, .y = t->scales, .x = x, .d = d_y, .gain = gain, .n = n};

    s.eps = eps, s.add = add, s.rows = n_rows;
    run_rows(t, NORM_SCALE, s, n_rows);
    s.y = d_x, s.x2 = t->scales;
    run_rows(t, RMSNORM_BACK, s, n_rows);
    s.y = t->latent->grads + (gain - t->latent->values);
    run_columns(t, gain_columns, &s);
}

/* A product, with its time and its operations for bench. */
static void multiply(nm_tape *t, const nm_matmul *m)
{
    double began = nm_clock();

    nm_matmul_run(t->ops, t->work.pool, t->matmul, m);
    t->times.products += nm_clock() - began;
    t->times.flops += 2.0 * (double)m->rows * (double)m->cols * (double)m->depth;
}

/*
 * y = n W^T with n = RMSNorm(x, gain) rounded to 8 bits, W = s C; straight through both roundings:
 *
 *     dW += dy^T n      dn = dy W      d_x = (or +=) RMSNorm's derivative of dn
 */
static void bitlinear_back(nm_tape *t, const nm_latent_matrix *m, float *d_x, bool add,
                           const float *d_y, const float *x, size_t n_rows)
{
    const float *gain = m->layer->gain;
    tape_step    s = {.t = t, .y = t->q_scales, .x = x, .gain = gain, .n = m->cols};

    run_rows(t, QUANTIZE, s, n_rows);
    const nm_matmul d_weight = {.rows = m->rows,
                                .cols = m->cols,
                                .depth = n_rows,
                                .c = t->latent->grads + m->weight_at,
                                .add = true,
                                .in_16_bits = t->in_16_bits,
                                .a = d_y,
                                .a_row = 1,
                                .a_step = m->rows,
                                .b = t->bitlinear.q,
                                .b_stride = t->bitlinear.q_stride,
                                .f = t->q_scales};
    multiply(t, &d_weight);
    const nm_matmul d_normal = {.rows = n_rows,
                                .cols = m->cols,
                                .depth = m->rows,
                                .c = t->d_normal,
                                .in_16_bits = t->in_16_bits,
                                .a = d_y,
                                .a_row = m->rows,
                                .a_step = 1,
                                .b = m->trits,
                                .b_stride = m->cols,
                                .b_factor = m->layer->w.scale};
    multiply(t, &d_normal);
    rmsnorm_back(t, d_x, add, t->d_normal, x, gain, m->cols, n_rows, NM_BITLINEAR_EPS);
}

/* ---- Backward: the layers -------------------------------------------------------------------- */

/* Columns of the state backwards through the tokens: y, y2 = d_f, d_i of d_c = d_h. */
static void scan_back_columns(void *context, size_t begin, size_t end, size_t thread)
{
    const tape_step      *s = context;
    const nm_taped_layer *l = &s->t->layers[s->index];
    const float          *bound = s->layer->mlgru.bound;
    float                *d_bound = s->t->d_bounds + s->index * s->n;
    size_t                n = s->n, at = begin * COLUMNS;
    size_t                width = nm_smaller(end * COLUMNS, n) - at;

    (void)thread;
    for (size_t stream = 0; stream < s->b->n_streams; stream++)
        for (size_t k = s->t->n_tokens; k-- > 0;) {
            size_t       row = stream * s->t->n_tokens + k, i = row * n + at;
            float       *d_h = s->t->d_c + i;
            const float *before = k ? l->h + i - n : l->before + stream * n + at;
            if (k + 1 < s->t->n_tokens) s->t->work.kernels->floats->add(d_h, d_h + n, width);
            s->t->ops->scan(s->y + i, s->y2 + i, d_h, d_bound + at, l->f + i, l->i + i,
                            is_reset(s->b, row) ? NULL : before, bound ? bound + at : NULL, width);
        }
}

/* From d_x of the layer's output to that of its input, in the opposite order of forward_layer. */
static void backward_layer(nm_tape *t, const nm_train_batch *b, size_t index, size_t n_rows)
{
    const nm_config       *c = &t->latent->config;
    const nm_layer        *layer = &t->latent->weights.layers[index];
    const nm_latent_layer *m = &t->latent->layers[index];
    const nm_taped_layer  *l = &t->layers[index];
    size_t                 n = nm_config_state_dim(c);

    /* The channel mixer: x = middle + BitLinear(silu(a) b), a | b = BitLinear(RMSNorm(middle)) */
    tape_step glu = {.t = t, .y = t->y, .x = l->gate_up, .n = c->ffn};
    run_rows(t, GLU, glu, n_rows);
    bitlinear_back(t, m->down, t->d_a, false, t->d_x, t->y, n_rows);
    glu.y = t->d_wide, glu.d = t->d_a;
    run_rows(t, GLU_BACK, glu, n_rows);
    rmsnorm(t, t->u, l->middle, layer->ffn_gain, c->dim, n_rows);
    bitlinear_back(t, m->gate_up, t->d_a, false, t->d_wide, t->u, n_rows);
    rmsnorm_back(t, t->d_x, true, t->d_a, l->middle, layer->ffn_gain, c->dim, n_rows,
                 c->rms_norm_eps);

    /* The token mixer: middle = x + BitLinear(RMSNorm(g) silu(h)) */
    gate_state(t, l, &layer->mlgru, t->u, t->y, n_rows);
    bitlinear_back(t, m->o, t->d_a, false, t->d_x, t->y, n_rows);
    tape_step gate = {
        .t = t, .y = t->d_b, .y2 = t->d_c, .d = t->d_a, .x = t->u, .x2 = l->h, .n = n};
    run_rows(t, GATE_BACK, gate, n_rows);
    rmsnorm_back(t, t->d_a, false, t->d_b, l->g, layer->mlgru.g_gain, n, n_rows, c->rms_norm_eps);
    tape_step scan = {
        .t = t, .b = b, .layer = layer, .index = index, .y = t->y, .y2 = t->d_b, .n = n};
    run_columns(t, scan_back_columns, &scan);

    /* f, i, g share one input: d_f, d_i, d_g = y, d_b, d_a;  d_c = du */
    rmsnorm(t, t->u, l->x, layer->attn_gain, c->dim, n_rows);
    bitlinear_back(t, m->f, t->d_c, false, t->y, t->u, n_rows);
    bitlinear_back(t, m->i, t->d_c, true, t->d_b, t->u, n_rows);
    bitlinear_back(t, m->g, t->d_c, true, t->d_a, t->u, n_rows);
    rmsnorm_back(t, t->d_x, true, t->d_c, l->x, layer->attn_gain, c->dim, n_rows, c->rms_norm_eps);
}

/*
 * p is taken from the betas that the forward pass has: p_l = beta_l - beta_(l-1), and what is left
 * of 1 is p_0, whose own derivative is 0 as no beta contains it.
 */
void nm_tape_bounds_back(float *grad, float *d_beta, const float *beta, size_t n_layers, size_t n)
{
    for (size_t col = 0; col < n; col++) {
        float sum = 0, inner = 0; /* sum: d of p_l, since p_l is in beta_l and all after it */
        float last = beta[(n_layers - 1) * n + col];
        for (size_t l = n_layers; l-- > 1;) {
            float p = beta[l * n + col] - (l > 1 ? beta[(l - 1) * n + col] : 0);
            sum += d_beta[l * n + col];
            d_beta[l * n + col] = sum;
            inner += p * sum;
        }
        grad[col] -= (1.0f - last) * inner;
        for (size_t l = 1; l < n_layers; l++) {
            float p = beta[l * n + col] - (l > 1 ? beta[(l - 1) * n + col] : 0);
            grad[l * n + col] += p * (d_beta[l * n + col] - inner);
        }
    }
}

/* d embedding[id] += d x of each row with that id, in the order of the rows. */
static void embedding_back_columns(void *context, size_t begin, size_t end, size_t thread)
{
    const tape_step *s = context;
    size_t           at = begin * COLUMNS, width = nm_smaller(end * COLUMNS, s->n) - at;

    (void)thread;
    for (size_t r = 0; r < s->rows; r++)
        s->t->work.kernels->floats->add(s->t->latent->grads + s->t->latent->embedding_at +
                                            (size_t)s->b->ids[r] * s->n + at,
                                        s->t->d_x + r * s->n + at, width);
}

/* ---- The head -------------------------------------------------------------------------------- */

/* Loss and gradients of all rows of x, HEAD_ROWS at a time; d_x is filled. */
static double run_head(nm_tape *t, const nm_train_batch *b, size_t n_rows)
{
    const nm_config  *c = &t->latent->config;
    const nm_weights *w = &t->latent->weights;
    double            sum = 0;

    for (size_t at = 0, n; at < n_rows; at += n) {
        n = nm_smaller(t->head_rows, n_rows - at);
        const float *x = t->x + at * c->dim;
        double       began = nm_clock();
        tape_step    s = {.t = t, .b = b, .y = t->logits, .n = c->vocab, .rows = at};
        rmsnorm(t, t->u, x, w->output_gain, c->dim, n);
        bitlinear(t, &w->output, t->logits, t->u, n);
        t->times.forward += nm_clock() - began;
        run_rows(t, LOSS, s, n);
        for (size_t r = 0; r < n; r++) {
            sum += t->losses[r];
            if (b->nats) b->nats[at + r] = (float)t->losses[r];
        }
        bitlinear_back(t, t->latent->head, t->d_a, false, t->logits, t->u, n);
        rmsnorm_back(t, t->d_x + at * c->dim, false, t->d_a, x, w->output_gain, c->dim, n,
                     c->rms_norm_eps);
    }
    return sum;
}

double nm_tape_run(nm_tape *t, const nm_train_batch *b)
{
    const nm_config *c = &t->latent->config;
    size_t           n_rows = b->n_streams * t->n_tokens;
    double           began = nm_clock();
    tape_step        s = {.t = t, .b = b, .y = t->x, .n = c->dim, .rows = n_rows};

    run_rows(t, EMBED, s, n_rows);
    for (size_t l = 0; l < c->n_layers; l++) forward_layer(t, b, l, n_rows);
    t->times.forward += nm_clock() - began;
    double loss = run_head(t, b, n_rows);
    memset(t->d_bounds, 0, c->n_layers * nm_config_state_dim(c) * sizeof *t->d_bounds);
    for (size_t l = c->n_layers; l-- > 0;) backward_layer(t, b, l, n_rows);
    if (c->use_lower_bound)
        nm_tape_bounds_back(t->latent->grads + t->latent->bounds_at, t->d_bounds,
                            t->latent->weights.bounds, c->n_layers, c->dim);
    run_columns(t, embedding_back_columns, &s);
    t->times.all += nm_clock() - began;
    return loss;
}
