/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CUDA back end against the CPU's, on random models of odd sizes: loss, states, every gradient,
 * a step of the optimizer, and that two runs give the same bits.  `make check-cuda` builds and runs
 * it; without a GPU it is one skipped case.
 */
#include "base/alloc.h"
#include "base/rng.h"
#include "train/adamw.h"
#include "train/cuda_model.h"
#include "train/tape.h"
#include "train/train_test.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* In cuda_grads.cu. */
bool cuda_fetch_grads(nm_cuda *cuda, float *grads, nomul_error *err);

/* A model and a batch; streams of the batch are the first of more. */
typedef struct setting {
    const char *name;
    uint32_t    n_layers, dim, ffn, vocab, expand_ratio, use_lower_bound;
    size_t      n_streams, n_tokens, more_streams;

    nm_gguf_type embedding; /* as it will be stored */
} setting;

/*
 * A rounding that makes one q differ changes what follows, and layers add up such differences: wide
 * models have one layer.
 */
static const setting settings[] = {
    {"small", 2, 64, 96, 300, 1, 1, 2, 16, 0, NM_GGUF_F16},
    {"odd", 3, 51, 77, 259, 1, 1, 3, 37, 2, NM_GGUF_F16},
    {"wide", 2, 80, 112, 301, 2, 0, 2, 50, 1, NM_GGUF_F16},
    {"q8_0", 1, 96, 128, 300, 1, 1, 2, 16, 0, NM_GGUF_Q8_0},
    {"f32", 1, 36, 48, 300, 1, 1, 2, 16, 0, NM_GGUF_F32},
    {"wide ffn", 1, 64, 5632, 300, 1, 1, 2, 19, 0, NM_GGUF_F16},
    {"wider ffn", 1, 64, 7004, 300, 1, 1, 2, 11, 0, NM_GGUF_F16},
    {"wide rows", 1, 1600, 64, 300, 1, 1, 2, 19, 0, NM_GGUF_F16},
    {"one token", 1, 33, 40, 70, 1, 1, 1, 1, 0, NM_GGUF_F16},
    {"large", 1, 512, 1536, 8192, 1, 1, 4, 256, 0, NM_GGUF_F16},
    {"many rows", 1, 128, 256, 512, 1, 1, 8, 700, 0, NM_GGUF_F16},
};

typedef struct arrays {
    int32_t *ids, *targets;
    float   *states, *gpu_states, *grads, *grads2, *values, *m, *v;
} arrays;

static void fill(const setting *s, nm_latent *l, arrays *a, size_t n_states, uint64_t seed)
{
    nm_rng rng;

    nm_latent_randomize(l, seed);
    nm_rng_init(&rng, seed);
    for (size_t i = 0; i < l->n_values; i++)
        l->values[i] += (float)(nm_rng_double(&rng) - 0.5) * 0.2f;
    for (size_t i = 0; i < s->n_streams * s->n_tokens; i++) {
        a->ids[i] = nm_rng_below(&rng, 20) ? (int32_t)nm_rng_below(&rng, s->vocab) : 1;
        a->targets[i] = (int32_t)nm_rng_below(&rng, s->vocab);
    }
    for (size_t i = 0; i < n_states; i++)
        a->states[i] = a->gpu_states[i] = (float)(nm_rng_double(&rng) - 0.5);
}

static void compare(const setting *s, nm_latent *l, nm_tape *tape, nm_cuda *cuda, arrays *a,
                    size_t n_states, nm_adamw *adamw)
{
    const nm_adamw_options options = {0.9f, 0.95f, 0.1f, 1.0f};
    nomul_error            err = {.code = NOMUL_OK};
    size_t                 n = s->n_streams * s->n_tokens, more = s->n_streams + s->more_streams;
    double                 loss, gpu_loss, again, norm;

    nm_train_batch batch = {.ids = a->ids,
                            .targets = a->targets,
                            .bos = 1,
                            .states = a->states,
                            .n_streams = s->n_streams,
                            .state_streams = more,
                            .weight = 1.0f / (float)n};
    nm_train_batch gpu = batch;
    gpu.states = a->gpu_states;
    memcpy(a->values, a->gpu_states, n_states * sizeof(float)); /* for the second run */
    CHECK(nm_cuda_send(cuda, l->values, adamw->m, adamw->v, &err), "%s: %s", s->name, err.text);
    CHECK(nm_cuda_run(cuda, &gpu, &gpu_loss, &err), "%s: %s", s->name, err.text);
    CHECK(cuda_fetch_grads(cuda, a->grads, &err), "%s: %s", s->name, err.text);
    loss = nm_tape_run(tape, &batch);
    CHECK(fabs(loss - gpu_loss) <= 1e-3 * loss, "%s: loss %g, on the CPU %g", s->name, gpu_loss,
          loss);
    double d = distance(a->gpu_states, a->states, n_states);
    CHECK(d <= 2e-3, "%s: states are off by %g", s->name, d);
    for (const nm_latent_tensor *t = l->tensors; t < l->tensors + l->n_tensors; t++) {
        d = distance(a->grads + t->at, l->grads + t->at, t->rows * t->cols);
        CHECK(d <= 2e-2, "%s: the gradient of %s is off by %g", s->name, t->name, d);
    }
    d = distance(a->grads, l->grads, l->n_values);
    printf("%s: loss %.6f and %.6f, gradients are off by %.2g\n", s->name, gpu_loss / (double)n,
           loss / (double)n, d);

    double cpu_norm = nm_adamw_norm(adamw, l, tape->ops, tape->work.pool);
    CHECK(nm_cuda_norm(cuda, &norm, &err), "%s: %s", s->name, err.text);
    CHECK(fabs(norm - cpu_norm) <= 2e-2 * cpu_norm, "%s: norm %g, on the CPU %g", s->name, norm,
          cpu_norm);

    gpu.states = a->values;
    nm_cuda_send(cuda, l->values, adamw->m, adamw->v, &err);
    nm_cuda_run(cuda, &gpu, &again, &err);
    cuda_fetch_grads(cuda, a->grads2, &err);
    CHECK(again == gpu_loss && memcmp(a->grads, a->grads2, l->n_values * sizeof(float)) == 0,
          "%s: a second run gives other bits", s->name);

    /* The optimizer with the same gradients on both sides. */
    memcpy(l->grads, a->grads, l->n_values * sizeof(float));
    nm_adamw         copy = *adamw;
    nm_adamw_factors f = nm_adamw_next(&copy, &options, 1e-2f, cpu_norm);
    CHECK(nm_cuda_step(cuda, &f, &err), "%s: %s", s->name, err.text);
    CHECK(nm_cuda_fetch(cuda, a->values, a->m, a->v, &err), "%s: %s", s->name, err.text);
    nm_adamw_step(adamw, l, tape->ops, tape->work.pool, &options, 1e-2f, cpu_norm);
    d = distance(a->values, l->values, l->n_values);
    CHECK(d <= 1e-5, "%s: the values after a step are off by %g", s->name, d);
    d = distance(a->v, adamw->v, l->n_values);
    CHECK(d <= 1e-5, "%s: v after a step is off by %g", s->name, d);

    /* A pass after a step begins with gradients of zero, as one after sending does. */
    gpu.states = a->gpu_states;
    for (int is_sent = 0; is_sent < 2; is_sent++) {
        memset(a->gpu_states, 0, n_states * sizeof(float));
        if (is_sent) nm_cuda_send(cuda, a->values, a->m, a->v, &err);
        nm_cuda_run(cuda, &gpu, &again, &err);
        cuda_fetch_grads(cuda, is_sent ? a->grads2 : a->grads, &err);
    }
    CHECK(memcmp(a->grads, a->grads2, l->n_values * sizeof(float)) == 0,
          "%s: a pass after a step gives other bits", s->name);

    /* And the next pass adds to them. */
    memset(a->gpu_states, 0, n_states * sizeof(float));
    nm_cuda_run(cuda, &gpu, &again, &err);
    cuda_fetch_grads(cuda, a->grads2, &err);
    for (size_t i = 0; i < l->n_values; i++) a->grads[i] *= 2;
    d = distance(a->grads2, a->grads, l->n_values);
    CHECK(d <= 1e-6, "%s: the gradients of two passes are off by %g", s->name, d);
}

/* False if there is no GPU. */
static bool run_setting(const setting *s, const nm_work *work)
{
    nomul_error err = {.code = NOMUL_OK};
    nm_config   config = nm_config_defaults;
    nm_latent   latent;
    nm_tape     tape;
    nm_adamw    adamw;
    nm_arena    arena = {0};
    arrays      a = {.ids = NULL};
    size_t      n = s->n_streams * s->n_tokens;

    config.n_layers = s->n_layers, config.dim = s->dim, config.ffn = s->ffn;
    config.vocab = s->vocab, config.expand_ratio = s->expand_ratio;
    config.use_lower_bound = s->use_lower_bound;
    size_t n_states = s->n_layers * (s->n_streams + s->more_streams) * nm_config_state_dim(&config);
    CHECK(nm_latent_open(&latent, &config, NM_T4, s->embedding, &err), "%s", err.text);
    nm_cuda *cuda = nm_cuda_model_open(&latent, 0, s->n_streams, s->n_tokens, false, &err);
    if (!cuda) {
        printf("SKIP %s\n", err.text);
        nm_latent_close(&latent);
        return false;
    }
    CHECK(nm_tape_open(&tape, &latent, work, s->n_streams, s->n_tokens, &err), "%s", err.text);
    CHECK(nm_adamw_open(&adamw, &latent, &err), "%s", err.text);
    for (int placing = 0; placing < 2; placing++) {
        if (placing && !nm_arena_back(&arena, &err)) return true;
        a.ids = nm_arena_take(&arena, n, sizeof *a.ids);
        a.targets = nm_arena_take(&arena, n, sizeof *a.targets);
        float **all[] = {&a.states, &a.gpu_states, &a.grads, &a.grads2, &a.values, &a.m, &a.v};
        for (size_t i = 0; i < 7; i++)
            *all[i] = nm_arena_take(&arena, latent.n_values + n_states, sizeof(float));
    }
    fill(s, &latent, &a, n_states, 7);
    CHECK(nm_latent_quantize(&latent, work->pool, &err), "%s", err.text);
    compare(s, &latent, &tape, cuda, &a, n_states, &adamw);
    nm_cuda_close(cuda);
    nm_arena_free(&arena);
    nm_adamw_close(&adamw);
    nm_tape_close(&tape);
    nm_latent_close(&latent);
    return true;
}

/* ---- Full weights ---------------------------------------------------------------------------- */

#define WIDEST 256

/* --weights full, which only the GPU has, as README.md defines it: in binary64, a token at once. */
typedef struct network {
    const nm_latent *l;
    const arrays    *a;
    double          *values; /* those of l, one tensor moved */
    double           h[4 * WIDEST];
} network;

static double silu(double x)
{
    return x / (1 + exp(-x));
}

static void norm(double *y, const double *x, const double *gain, size_t n, double eps)
{
    double squares = 0;

    for (size_t i = 0; i < n; i++) squares += x[i] * x[i];
    for (size_t i = 0; i < n; i++) y[i] = x[i] * gain[i] / sqrt(squares / (double)n + eps);
}

/* y = or += W RMSNorm(x) */
static void linear(const network *w, const nm_latent_matrix *m, double *y, bool add,
                   const double *x)
{
    double normal[WIDEST];

    norm(normal, x, w->values + m->gain_at, m->cols, 1e-6);
    for (size_t r = 0; r < m->rows; r++) {
        const double *row = w->values + m->weight_at + r * m->cols;
        y[r] = add ? y[r] : 0;
        for (size_t k = 0; k < m->cols; k++) y[r] += row[k] * normal[k];
    }
}

/* p_1 + ... + p_layer, p = softmax over the layers. */
static double bound_of(const network *w, size_t layer, size_t col)
{
    const double *raw = w->values + w->l->bounds_at + col;
    double        total = 0, before = 0;

    for (size_t k = 0; k < w->l->config.n_layers; k++) {
        total += exp(raw[k * w->l->config.dim]);
        if (k > 0 && k <= layer) before += exp(raw[k * w->l->config.dim]);
    }
    return before / total;
}

static void layer_of_token(network *w, size_t layer, double *x, double *h)
{
    const nm_latent_layer *m = &w->l->layers[layer];
    const nm_layer        *gains = &w->l->weights.layers[layer];
    const float           *first = w->l->values;
    const nm_config       *c = &w->l->config;
    double                 u[WIDEST], f[WIDEST], i[WIDEST], g[WIDEST];

    norm(u, x, w->values + (gains->attn_gain - first), c->dim, c->rms_norm_eps);
    linear(w, m->f, f, false, u), linear(w, m->i, i, false, u), linear(w, m->g, g, false, u);
    norm(u, g, w->values + (gains->mlgru.g_gain - first), c->dim, c->rms_norm_eps);
    for (size_t k = 0; k < c->dim; k++) {
        double bound = bound_of(w, layer, k), forget = bound + (1 - bound) / (1 + exp(-f[k]));
        h[k] = forget * h[k] + silu(i[k]) * (1 - forget);
        u[k] *= silu(h[k]);
    }
    linear(w, m->o, x, true, u);
    norm(u, x, w->values + (gains->ffn_gain - first), c->dim, c->rms_norm_eps);
    linear(w, m->gate_up, g, false, u);
    for (size_t k = 0; k < c->ffn; k++) u[k] = silu(g[k]) * g[c->ffn + k];
    linear(w, m->down, x, true, u);
}

/* The sum of the losses of all tokens. */
static double full_loss(network *w, const setting *s)
{
    const nm_config *c = &w->l->config;
    double           loss = 0, x[WIDEST], logits[WIDEST];

    for (size_t t = 0; t < s->n_streams * s->n_tokens; t++) {
        if (t % s->n_tokens == 0 || w->a->ids[t] == 1) memset(w->h, 0, sizeof w->h);
        for (size_t k = 0; k < c->dim; k++)
            x[k] = w->values[w->l->embedding_at + (size_t)w->a->ids[t] * c->dim + k];
        for (size_t k = 0; k < c->n_layers; k++) layer_of_token(w, k, x, w->h + k * WIDEST);
        norm(x, x, w->values + (w->l->weights.output_gain - w->l->values), c->dim, c->rms_norm_eps);
        linear(w, w->l->head, logits, false, x);
        double total = 0;
        for (size_t k = 0; k < c->vocab; k++) total += exp(logits[k]);
        loss += log(total) - logits[w->a->targets[t]];
    }
    return loss;
}

/*
 * How much the loss of a token changes with a tensor along the gradient, and along a vector of 1
 * and -1, by differences.  Along itself a gradient has to be as long as it says; whatever is wrong
 * in it is also a part of what it has along the other vector.
 */
static void check_along(network *w, const setting *s, const nm_latent_tensor *t, const float *grads)
{
    size_t n = t->rows * t->cols;
    double length = 0, found[2], expected[2] = {0, 0};
    nm_rng rng;

    for (size_t i = 0; i < n; i++) length += (double)grads[t->at + i] * (double)grads[t->at + i];
    length = sqrt(length);
    for (int is_sign = 0; is_sign < 2; is_sign++) {
        double losses[2], step = 1e-4 / (is_sign ? sqrt((double)n) : length);
        for (int side = 0; side < 2; side++) {
            nm_rng_init(&rng, 11);
            for (size_t i = 0; i < n; i++) {
                double g = (double)grads[t->at + i];
                double d = is_sign ? (nm_rng_below(&rng, 2) ? 1 : -1) : g;
                w->values[t->at + i] = (double)w->l->values[t->at + i] + (side ? step : -step) * d;
                if (side == 0) expected[is_sign] += g * d;
            }
            losses[side] = full_loss(w, s) / (double)(s->n_streams * s->n_tokens);
        }
        found[is_sign] = (losses[1] - losses[0]) / (2 * step);
    }
    for (size_t i = 0; i < n; i++) w->values[t->at + i] = (double)w->l->values[t->at + i];
    CHECK(fabs(found[0] / length - length) <= 1e-2 * length &&
              fabs(found[1] - expected[1]) <= 3e-2 * length,
          "%s: along the gradient of %s, %g, the loss changes by %g; along signs by %g, not %g",
          s->name, t->name, length, found[0] / length, found[1], expected[1]);
}

/* States begin at 0.  The embedding is in binary32, so the loss has a derivative. */
static void test_full(void)
{
    enum { TOKENS = 18 };
    static const setting s = {"full weights", 2, 40, 56, 72, 1, 1, 2, 9, 0, NM_GGUF_F32};
    int32_t              ids[TOKENS], targets[TOKENS];
    float                states[2 * 2 * 40] = {0};
    arrays               a = {.ids = ids, .targets = targets};
    nomul_error          err = {.code = NOMUL_OK};
    nm_config            config = nm_config_defaults;
    nm_latent            l;
    network              w = {.l = &l, .a = &a};
    double               loss = 0;

    config.n_layers = s.n_layers, config.dim = s.dim, config.ffn = s.ffn, config.vocab = s.vocab;
    CHECK(nm_latent_open(&l, &config, NM_T4, s.embedding, &err), "%s", err.text);
    fill(&s, &l, &a, 0, 7);
    float   *zeros = nm_zeros(0, l.n_values, sizeof *zeros, &err);
    float   *grads = nm_zeros(0, l.n_values, sizeof *grads, &err);
    nm_cuda *cuda = nm_cuda_model_open(&l, 0, s.n_streams, s.n_tokens, true, &err);
    w.values = nm_zeros(0, l.n_values, sizeof *w.values, &err);
    CHECK(zeros && grads && cuda && w.values, "%s", err.text);
    for (size_t i = 0; i < l.n_values; i++) w.values[i] = (double)l.values[i];
    nm_train_batch batch = {.ids = ids,
                            .targets = targets,
                            .bos = 1,
                            .states = states,
                            .n_streams = s.n_streams,
                            .state_streams = s.n_streams,
                            .weight = 1.0f / TOKENS};
    CHECK(nm_cuda_send(cuda, l.values, zeros, zeros, &err) &&
              nm_cuda_run(cuda, &batch, &loss, &err) && cuda_fetch_grads(cuda, grads, &err),
          "%s: %s", s.name, err.text);
    double expected = full_loss(&w, &s);
    printf("%s: loss %.6f and %.6f\n", s.name, loss / TOKENS, expected / TOKENS);
    CHECK(fabs(loss - expected) <= 1e-4 * expected, "%s: loss %g, by definition %g", s.name, loss,
          expected);
    for (size_t i = 0; i < l.n_tensors; i++) check_along(&w, &s, &l.tensors[i], grads);
    nm_cuda_close(cuda);
    nm_free(w.values), nm_free(grads), nm_free(zeros);
    nm_latent_close(&l);
}

/* Arguments: names of the settings that are run, or full; all by default. */
int main(int argc, char **argv)
{
    nomul_error err = {.code = NOMUL_OK};
    nm_work     work = {.kernels = NULL};
    bool        has_gpu = true;

    work.pool = nm_pool_new(2, NULL, NULL, &err);
    CHECK(work.pool && nm_kernels_choose(&work.kernels, NULL, &err), "%s", err.text);
    for (size_t i = 0; has_gpu && i < sizeof settings / sizeof *settings; i++) {
        bool is_asked = argc < 2;
        for (int k = 1; k < argc; k++)
            is_asked = is_asked || strcmp(argv[k], settings[i].name) == 0;
        if (is_asked) has_gpu = run_setting(&settings[i], &work);
    }
    if (has_gpu && (argc < 2 || strcmp(argv[1], "full") == 0)) test_full();
    nm_pool_free(work.pool);
    printf("%d passed, %d failed, %d skipped\n", n_passed, n_failed, !has_gpu);
    return n_failed > 0;
}
