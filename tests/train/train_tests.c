/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tests of the trainer, a program of its own: `make check-train` runs it from the project's
 * folder.  The golden gradients lie in ../shared/train (NOMUL_SHARED names another folder); without
 * them those cases are skipped, and tests/train/odd.safetensors, a part of one file, is left.
 */
#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "base/rng.h"
#include "convert/hf_config.h"
#include "format/safetensors.h"
#include "train/adamw.h"
#include "train/mix.h"
#include "train/pretrained.h"
#include "train/tape.h"
#include "train/train_test.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int n_skipped;

static void skip(const char *why)
{
    printf("SKIP %s\n", why);
    n_skipped++;
}

static const char *shared(void)
{
    const char *folder = getenv("NOMUL_SHARED");

    return folder ? folder : "../shared";
}

/* ---- Golden files ---------------------------------------------------------------------------- */

/* The values of a tensor, freed by the caller; NULL if it is not there. */
static void *read_tensor(const nm_safetensors *st, const char *name, size_t *n)
{
    for (size_t i = 0; i < st->n_tensors; i++) {
        const nm_safetensor *t = &st->tensors[i];
        if (strcmp(t->name, name) != 0) continue;
        void *values = nm_alloc((size_t)t->n_bytes);
        *n = (size_t)t->n_bytes / 4;
        if (values && nm_file_read(&st->file, t->offset, values, (size_t)t->n_bytes, NULL))
            return values;
        nm_free(values);
    }
    return NULL;
}

static double distance_to(const nm_safetensors *st, const char *name, const float *ours)
{
    size_t n = 0;
    float *golden = read_tensor(st, name, &n);
    double d = golden ? distance(ours, golden, n) : 1;

    nm_free(golden);
    return d;
}

/* ---- A model in training --------------------------------------------------------------------- */

typedef struct setting {
    nm_latent      latent;
    nm_tape        tape;
    nm_adamw       adamw;
    nm_work        work;
    nm_train_batch batch;
    int32_t       *ids, *targets;
    float         *states, *first_states, *nats;
    size_t         n_states;
} setting;

/* The tiny checkpoint of this name and the two streams of 12 tokens of its golden file. */
static bool open_setting(setting *s, const char *name, const nm_safetensors *golden,
                         const char *kernels, size_t n_threads, nomul_error *err)
{
    char      folder[256];
    nm_config config;
    nm_hf_ids ids;
    size_t    n;

    *s = (setting){.n_states = 0};
    snprintf(folder, sizeof folder, "tests/golden/%s", name);
    s->work.pool = nm_pool_new(n_threads, NULL, NULL, err);
    if (!s->work.pool || !nm_kernels_choose(&s->work.kernels, kernels, err) ||
        !nm_hf_config_read(&config, &ids, folder, err) ||
        !nm_latent_open(&s->latent, &config, NM_T4, NM_GGUF_F32, err) ||
        !nm_pretrained_directory(&s->latent, folder, err) ||
        !nm_latent_quantize(&s->latent, s->work.pool, err) ||
        !nm_tape_open(&s->tape, &s->latent, &s->work, 2, 12, err) ||
        !nm_adamw_open(&s->adamw, &s->latent, err))
        return false;
    s->ids = read_tensor(golden, "input_ids", &n);
    s->targets = read_tensor(golden, "targets", &n);
    s->states = read_tensor(golden, "h0", &s->n_states);
    s->first_states = read_tensor(golden, "h0", &s->n_states);
    s->nats = nm_alloc(24 * sizeof *s->nats);
    s->batch = (nm_train_batch){.ids = s->ids,
                                .targets = s->targets,
                                .bos = 1,
                                .states = s->states,
                                .n_streams = 2,
                                .state_streams = 2,
                                .weight = 1.0f / 24,
                                .nats = s->nats};
    return true;
}

static void close_setting(setting *s)
{
    nm_adamw_close(&s->adamw);
    nm_tape_close(&s->tape);
    nm_latent_close(&s->latent);
    nm_pool_free(s->work.pool);
    nm_free(s->ids), nm_free(s->targets), nm_free(s->states), nm_free(s->first_states);
    nm_free(s->nats);
}

/* Mean loss and gradients, from the first states. */
static double run(setting *s)
{
    memcpy(s->states, s->first_states, s->n_states * sizeof *s->states);
    return nm_tape_run(&s->tape, &s->batch) / 24;
}

/* ---- Cases ----------------------------------------------------------------------------------- */

static void check_gradients(setting *s, const char *name, const nm_safetensors *golden, double most)
{
    char   grad[128];
    double worst = 0;

    for (const nm_latent_tensor *t = s->latent.tensors; t < s->latent.tensors + s->latent.n_tensors;
         t++) {
        size_t n = 0;
        snprintf(grad, sizeof grad, "grad.%s", t->name);
        float *expected = read_tensor(golden, grad, &n);
        if (!expected) continue;
        double d = distance(s->latent.grads + t->at, expected, n);
        CHECK(n == t->rows * t->cols && d <= most, "%s: %s is off by %g", name, grad, d);
        if (d > worst) worst = d;
        nm_free(expected);
    }
    CHECK(worst > 0, "%s: no gradient was compared", name);
}

/* Loss, states, gradients and six steps of the optimizer against PyTorch's in binary64. */
static void test_golden(const char *name, const char *path)
{
    const nm_adamw_options options = {0.9f, 0.95f, 0.1f, 1.0f};
    nm_safetensors         golden = {.file = NM_FILE_CLOSED};
    nomul_error            err = {.code = NOMUL_OK};
    setting                s;
    float                  loss, norm, losses[6];

    if (!nm_file_exists(path)) {
        skip(path);
        return;
    }
    bool ok =
        nm_safetensors_open(&golden, path, &err) && open_setting(&s, name, &golden, NULL, 2, &err);
    CHECK(ok, "%s: %s", name, err.text);
    if (!ok) return;
    loss = (float)run(&s);
    CHECK(distance_to(&golden, "loss", &loss) <= 1e-5, "%s: loss is %g", name, (double)loss);
    CHECK(distance_to(&golden, "nats", s.nats) <= 1e-5, "%s: the tokens' losses differ", name);
    CHECK(distance_to(&golden, "h", s.states) <= 1e-5, "%s: the states after it differ", name);
    norm = (float)nm_adamw_norm(&s.adamw, &s.latent, s.tape.ops, s.work.pool);
    CHECK(distance_to(&golden, "grad_norm", &norm) <= 1e-5, "%s: norm is %g", name, (double)norm);
    check_gradients(&s, name, &golden, 1e-5);
    memset(s.latent.grads, 0, s.latent.n_values * sizeof(float));
    s.tape.in_16_bits = true;
    run(&s);
    check_gradients(&s, name, &golden, 5e-4);
    s.tape.in_16_bits = false;
    memset(s.latent.grads, 0, s.latent.n_values * sizeof(float));
    run(&s);

    for (int i = 0; i < 6; i++) {
        losses[i] = i ? (float)run(&s) : loss;
        double length = nm_adamw_norm(&s.adamw, &s.latent, s.tape.ops, s.work.pool);
        nm_adamw_step(&s.adamw, &s.latent, s.tape.ops, s.work.pool, &options, 1e-3f, length);
        CHECK(nm_latent_quantize(&s.latent, s.work.pool, &err), "%s: %s", name, err.text);
    }
    double d = distance_to(&golden, "losses", losses);
    CHECK(d <= 1e-4, "%s: the losses of six steps are off by %g", name, d);
    close_setting(&s);
    nm_safetensors_close(&golden);
}

/* The same bits for any number of threads; almost the same for every kernel set. */
static void test_threads_and_kernels(void)
{
    nm_safetensors golden = {.file = NM_FILE_CLOSED};
    nomul_error    err = {.code = NOMUL_OK};
    setting        first, other;
    char           missing[256];

    if (!nm_safetensors_open(&golden, "tests/train/odd.safetensors", &err)) return;
    bool ok = open_setting(&first, "odd", &golden, "scalar", 1, &err);
    CHECK(ok, "%s", err.text);
    double loss = run(&first);
    size_t n = first.latent.n_values;
    for (size_t threads = 2; threads <= 5; threads += 3) {
        CHECK(open_setting(&other, "odd", &golden, "scalar", threads, &err), "%s", err.text);
        CHECK(run(&other) == loss, "%zu threads: another loss", threads);
        CHECK(memcmp(first.latent.grads, other.latent.grads, n * sizeof(float)) == 0,
              "%zu threads: other gradients", threads);
        close_setting(&other);
    }
    const nm_kernels *kernels;
    for (size_t i = 1; (kernels = nm_kernels_row(i)) != NULL; i++) {
        if (!nm_kernels_runs(kernels, missing, sizeof missing)) continue;
        CHECK(open_setting(&other, "odd", &golden, kernels->name, 2, &err), "%s", err.text);
        CHECK(run(&other) == loss, "%s: another loss", kernels->name);
        double d = distance(other.latent.grads, first.latent.grads, n);
        CHECK(d <= 1e-5, "%s: gradients are off by %g", kernels->name, d);
        close_setting(&other);
    }
    close_setting(&first);
    nm_safetensors_close(&golden);
}

/* ---- Operations ------------------------------------------------------------------------------ */

/* Between -1 and 1, from a seed. */
static void fill(nm_rng *rng, float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) x[i] = (float)(2 * nm_rng_double(rng) - 1);
}

/* In binary64; c is what is added to. */
static void multiply_plainly(const nm_matmul *m, const float *c, float *expected)
{
    for (size_t r = 0; r < m->rows; r++)
        for (size_t k = 0; k < m->cols; k++) {
            double sum = m->add ? (double)c[r * m->cols + k] : 0;
            for (size_t p = 0; p < m->depth; p++)
                sum += (double)m->a[r * m->a_row + p * m->a_step] *
                       (double)(m->f ? m->f[p] : m->b_factor) * m->b[p * m->b_stride + k];
            expected[r * m->cols + k] = (float)sum;
        }
}

/*
 * Products of odd sizes in both layouts of a, with and without f, against plain loops; in 16 bits
 * also against the scalar body: the same bits.
 */
static void test_matmul(const nm_gradient_ops *ops, const char *name)
{
    static const size_t    sizes[][3] = {{1, 1, 1},    {3, 5, 7},      {13, 33, 257},
                                         {61, 40, 12}, {130, 70, 300}, {500, 520, 2}};
    const nm_kernels      *scalar = nm_kernels_row(0);
    const nm_gradient_ops *plain = nm_gradients_choose(scalar);
    nm_rng                 rng;
    nm_pool               *pool = nm_pool_new(2, NULL, NULL, NULL);
    void                  *scratch = nm_alloc(2 * NM_MATMUL_SCRATCH);

    nm_rng_init(&rng, 1);
    for (size_t i = 0; i < 4 * sizeof sizes / sizeof *sizes; i++) {
        size_t  rows = sizes[i / 4][0], cols = sizes[i / 4][1], depth = sizes[i / 4][2];
        size_t  n = rows * cols, stride = cols + 3;
        float  *a = nm_alloc(rows * depth * sizeof *a), *f = nm_alloc(depth * sizeof *f);
        float  *c[4];
        int8_t *b = nm_alloc(depth * stride);
        for (size_t k = 0; k < 4; k++) c[k] = nm_alloc(n * sizeof *c[k]);
        fill(&rng, a, rows * depth), fill(&rng, f, depth), fill(&rng, c[0], n);
        for (size_t k = 0; k < depth * stride; k++) b[k] = (int8_t)(nm_rng_below(&rng, 255) - 127);
        nm_matmul m = {.rows = rows, .cols = cols, .depth = depth, .add = i & 1, .a = a, .b = b};
        m.a_row = i & 1 ? depth : 1, m.a_step = i & 1 ? 1 : rows;
        m.b_stride = stride, m.f = i & 2 ? f : NULL, m.b_factor = 0.25f;
        multiply_plainly(&m, c[0], c[3]);
        for (size_t k = 1; k < 3; k++) memcpy(c[k], c[0], n * sizeof *c[k]);
        m.c = c[0];
        nm_matmul_run(ops, pool, scratch, &m);
        double d = distance(c[0], c[3], n);
        CHECK(d <= 1e-6, "%s: product %zu x %zu x %zu is off by %g", name, rows, cols, depth, d);
        m.in_16_bits = true, m.c = c[1];
        nm_matmul_run(ops, pool, scratch, &m);
        d = distance(c[1], c[3], n);
        CHECK(d <= 1e-4, "%s: 16 bits: %zu x %zu x %zu is off by %g", name, rows, cols, depth, d);
        m.c = c[2];
        nm_matmul_run(plain, pool, scratch, &m);
        CHECK(memcmp(c[1], c[2], n * sizeof *c[1]) == 0, "%s: 16 bits: not the scalar bits", name);
        for (size_t k = 0; k < 4; k++) nm_free(c[k]);
        nm_free(a), nm_free(b), nm_free(f);
    }
    nm_free(scratch);
    nm_pool_free(pool);
}

#define N 37 /* of an operation: no multiple of a vector */

/* Operands of an operation, and f, a scalar function of them: the sum of weights times results. */
typedef struct operands {
    float x[5][N], weights[N];
} operands;

static double sigmoid(double x)
{
    return 1 / (1 + exp(-x));
}

static double f_glu(const operands *o)
{
    double sum = 0;

    for (size_t i = 0; i < N; i++) {
        double a = (double)o->x[0][i];
        sum += (double)o->weights[i] * a * sigmoid(a) * (double)o->x[1][i];
    }
    return sum;
}

static double f_rmsnorm(const operands *o)
{
    double square = 0, sum = 0;

    for (size_t i = 0; i < N; i++) square += (double)o->x[0][i] * (double)o->x[0][i];
    for (size_t i = 0; i < N; i++)
        sum += (double)o->weights[i] * (double)o->x[0][i] * (double)o->x[1][i];
    return sum / sqrt(square / N + 1e-6);
}

/* h = f before + silu(i) (1 - f) */
static double f_scan(const operands *o)
{
    double sum = 0;

    for (size_t k = 0; k < N; k++) {
        double i = (double)o->x[1][k], beta = (double)o->x[3][k];
        double f = beta + (1 - beta) * sigmoid((double)o->x[0][k]);
        sum += (double)o->weights[k] * (f * (double)o->x[2][k] + i * sigmoid(i) * (1 - f));
    }
    return sum;
}

#define TARGET 5

static double f_loss(const operands *o)
{
    double sum = 0;

    for (size_t i = 0; i < N; i++) sum += exp((double)o->x[0][i]);
    return (double)o->weights[0] * (log(sum) - (double)o->x[0][TARGET]);
}

#define BOUND_LAYERS 4

/* beta_l = p_1 + ... + p_l, p = softmax over the layers; those of layer 0 are 0. */
static double beta_of(const operands *o, size_t layer, size_t col)
{
    double all = 0, some = 0;

    for (size_t l = 0; l < BOUND_LAYERS; l++) {
        double e = exp((double)o->x[l][col]);
        all += e, some += l > 0 && l <= layer ? e : 0;
    }
    return some / all;
}

static double f_bounds(const operands *o)
{
    double sum = 0;

    for (size_t l = 0; l < BOUND_LAYERS; l++)
        for (size_t i = 0; i < N; i++)
            sum += (double)(o->weights[i] * o->x[4][l]) * beta_of(o, l, i);
    return sum;
}

/* The derivative of f by each element of operand `which`, by central differences, against ours. */
static void check_slope(const char *name, double (*f)(const operands *), operands *o, size_t which,
                        const float *ours)
{
    float slope[N];

    for (size_t i = 0; i < N; i++) {
        float x = o->x[which][i], above = x + 0x1p-10f, below = x - 0x1p-10f;
        o->x[which][i] = above;
        double high = f(o);
        o->x[which][i] = below;
        double low = f(o);
        o->x[which][i] = x;
        slope[i] = (float)((high - low) / ((double)above - (double)below));
    }
    double d = distance(ours, slope, N);
    CHECK(d <= 1e-5, "%s: the derivative by operand %zu is off by %g", name, which, d);
}

static void test_slopes(const nm_gradient_ops *ops, const char *name)
{
    nm_rng   rng;
    operands o;
    float    d[4][N];

    nm_rng_init(&rng, 2);
    fill(&rng, o.x[0], sizeof o.x / sizeof(float)), fill(&rng, o.weights, N);
    ops->glu(d[0], d[1], o.weights, o.x[0], o.x[1], N);
    check_slope(name, f_glu, &o, 0, d[0]), check_slope(name, f_glu, &o, 1, d[1]);
    /* gate: the same function with its factors exchanged. */
    ops->gate(d[1], d[0], o.weights, o.x[1], o.x[0], N);
    check_slope(name, f_glu, &o, 0, d[0]), check_slope(name, f_glu, &o, 1, d[1]);

    float r = ops->norm_scale(o.x[0], N, 1e-6f);
    memset(d, 0, sizeof d);
    ops->rmsnorm(d[0], o.weights, o.x[0], o.x[1], r, N);
    ops->gain(d[1], o.weights, o.x[0], r, N);
    check_slope(name, f_rmsnorm, &o, 0, d[0]), check_slope(name, f_rmsnorm, &o, 1, d[1]);

    for (size_t i = 0; i < N; i++) o.x[3][i] = fabsf(o.x[3][i]);
    memset(d, 0, sizeof d);
    memcpy(d[2], o.weights, sizeof d[2]);
    ops->scan(d[0], d[1], d[2], d[3], o.x[0], o.x[1], o.x[2], o.x[3], N);
    for (size_t i = 0; i < 4; i++) check_slope(name, f_scan, &o, i, d[i]);
    memcpy(d[2], o.weights, sizeof d[2]);
    memset(o.x[2], 0, sizeof o.x[2]), memset(o.x[3], 0, sizeof o.x[3]);
    ops->scan(d[0], d[1], d[2], NULL, o.x[0], o.x[1], NULL, NULL, N);
    for (size_t i = 0; i < 2; i++) check_slope(name, f_scan, &o, i, d[i]);
}

static void test_loss_and_bounds(const nm_gradient_ops *ops, const char *name)
{
    nm_rng   rng;
    operands o;
    float    d[N], beta[BOUND_LAYERS][N], d_beta[BOUND_LAYERS][N], grad[BOUND_LAYERS][N] = {{0}};

    nm_rng_init(&rng, 3);
    fill(&rng, o.x[0], sizeof o.x / sizeof(float)), fill(&rng, o.weights, N);
    memcpy(d, o.x[0], sizeof d);
    double loss = nm_tape_loss(ops, d, N, TARGET, o.weights[0]);
    CHECK(fabs(loss * (double)o.weights[0] - f_loss(&o)) < 1e-6, "%s: the loss is %g", name, loss);
    check_slope(name, f_loss, &o, 0, d);

    for (size_t l = 0; l < BOUND_LAYERS; l++)
        for (size_t i = 0; i < N; i++) {
            beta[l][i] = (float)beta_of(&o, l, i);
            d_beta[l][i] = o.weights[i] * o.x[4][l];
        }
    nm_tape_bounds_back(grad[0], d_beta[0], beta[0], BOUND_LAYERS, N);
    for (size_t l = 0; l < BOUND_LAYERS; l++) check_slope(name, f_bounds, &o, l, grad[l]);
}

static void test_operations(void)
{
    const nm_kernels *kernels;
    char              missing[256];

    for (size_t i = 0; (kernels = nm_kernels_row(i)) != NULL; i++) {
        if (!nm_kernels_runs(kernels, missing, sizeof missing)) {
            skip(kernels->name);
            continue;
        }
        test_matmul(nm_gradients_choose(kernels), kernels->name);
        test_slopes(nm_gradients_choose(kernels), kernels->name);
        test_loss_and_bounds(nm_gradients_choose(kernels), kernels->name);
    }
}

/* Streams in proportion to the weights, at least one a text; each begins at a place of its own. */
static void test_mix(void)
{
    static const uint8_t ids[2 * 60] = {0};
    nm_mix               mix = {.n_texts = 3};
    nomul_error          err = {.code = NOMUL_OK};
    size_t               counts[3] = {0}, n_path;
    double               weight;
    int32_t              first[6], targets[6];
    uint8_t              counting[2 * 60];

    CHECK(nm_mix_weight("a=b.txt=2.5", &weight, &n_path, &err) && weight == 2.5 && n_path == 7,
          "a weight after the path");
    CHECK(nm_mix_weight("a=b.txt", &weight, &n_path, &err) && weight == 1 && n_path == 7,
          "a path with = in it");
    CHECK(nm_mix_weight("a=", &weight, &n_path, &err) && weight == 1 && n_path == 2,
          "a path with = at its end");
    const char *const none[] = {"a=0", "a=-1", "a=1e9", "a=inf", "a=nan"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        CHECK(!nm_mix_weight(none[i], &weight, &n_path, &err), "%s: no weight", none[i]);
    for (size_t i = 0; i < 60; i++) nm_store_u16(counting + 2 * i, (uint16_t)i);
    for (size_t i = 0; i < 3; i++) {
        mix.texts[i] = (nm_token_cache){.ids = i ? ids : counting, .n_ids = 60, .id_bytes = 2};
        mix.weights[i] = (double[]){6, 3, 0.1}[i];
    }
    CHECK(nm_mix_open(&mix, 10, &err), "%s", err.text);
    for (size_t i = 0; i < 10; i++) counts[mix.text_of[i]]++;
    CHECK(counts[0] == 6 && counts[1] == 3 && counts[2] == 1, "%zu, %zu, %zu streams", counts[0],
          counts[1], counts[2]);
    nm_mix_next(&mix, 5, 1, 6, first, targets);
    CHECK(first[0] == 50 && targets[5] == 56, "stream 5 of 6 begins at 50 of 60 ids");
    nm_mix_next(&mix, 5, 1, 6, first, targets);
    CHECK(first[0] == 56 && first[4] == 0 && targets[3] == 0, "and goes round to the beginning");
    nm_mix_close(&mix);
    mix.n_texts = 3;
    CHECK(!nm_mix_open(&mix, 2, &err) && strstr(err.text, "at least 3"), "more texts than streams");
}

/* Documents of 0, 1, .. bytes, one of some pieces, and one without a place to cut it at. */
static size_t make_documents(char *text, size_t capacity)
{
    static const char words[] = "the old house by the sea had a blue door and nobody knew why ";
    size_t            n = 0;

    for (size_t i = 0; i < 300; i++) {
        size_t length = i == 100 ? 700000 : i == 200 ? 300000 : i % 150;
        for (size_t k = 0; k < length && n < capacity; k++)
            text[n++] = i == 200 ? "het"[k % 3] : words[(k * k / 7 + i) % (sizeof words - 1)];
        n += (size_t)snprintf(text + n, capacity - n, "\n--\n");
    }
    return n - 3; /* no separator after the last */
}

/* The next document of the ids is BOS, those of the text as a whole, EOS. */
static bool is_document(const nm_token_cache *c, const nomul_tokenizer *tokenizer, size_t *at,
                        const char *text, size_t n_bytes)
{
    size_t   n = 0, capacity = nomul_tokenize_bound(n_bytes);
    int32_t *ids = nm_alloc(capacity * sizeof *ids), eos = nomul_token_eos(tokenizer);
    bool     same = ids && *at < c->n_ids;

    if (n_bytes > 0) nomul_tokenize(tokenizer, text, n_bytes, 0, ids, capacity, &n, NULL);
    same = same && nm_token_cache_get(c, (*at)++) == nomul_token_bos(tokenizer);
    for (size_t i = 0; same && i < n; i++)
        same = *at < c->n_ids && nm_token_cache_get(c, (*at)++) == ids[i];
    if (same && eos >= 0) same = *at < c->n_ids && nm_token_cache_get(c, (*at)++) == eos;
    nm_free(ids);
    return same;
}

/* A text as ids is each document as a whole, for any number of threads; it can be cancelled. */
static void test_token_cache(void)
{
    static char     text[1100000];
    nomul_error     err = {.code = NOMUL_OK};
    nomul_model    *model = nomul_model_open("models/tiny.gguf", NULL, &err);
    nomul_cancel    cancel = {0};
    nm_token_source by = {nomul_model_tokenizer(model), "--", NULL, &cancel};
    const char     *folder = getenv("TMPDIR");
    char            path[512], ids[520];
    size_t          n_bytes = make_documents(text, sizeof text), n_documents;
    nm_token_cache  cache;

    snprintf(path, sizeof path, "%.480s/nomul-train-%llx", folder ? folder : "/tmp",
             (unsigned long long)nm_os_unlike());
    snprintf(ids, sizeof ids, "%s.ids", path);
    FILE *file = fopen(path, "wb");
    CHECK(model && file && fwrite(text, 1, n_bytes, file) == n_bytes && fclose(file) == 0, "setup");
    for (size_t n_threads = 1; n_threads <= 4; n_threads++) {
        size_t at = 0;
        by.pool = nm_pool_new(n_threads, NULL, NULL, &err);
        bool ok = by.pool && nm_token_cache_make(ids, path, &by, &err) &&
                  nm_token_cache_open(&cache, ids, nomul_token_count(by.tokenizer), &err);
        CHECK(ok, "%s", err.text);
        n_documents = 0;
        for (const char *d = text, *end; ok && d < text + n_bytes; d = end + 4) {
            end = strstr(d, "\n--\n");
            if (end >= text + n_bytes - 1) end = text + n_bytes - 1;
            n_documents += end > d; /* an empty one is dropped */
            ok = end == d || is_document(&cache, by.tokenizer, &at, d, (size_t)(end - d));
        }
        CHECK(ok && at == cache.n_ids && cache.n_documents == n_documents,
              "%zu threads: document %zu", n_threads, n_documents);
        nm_token_cache_close(&cache);
        remove(ids);
        if (n_threads < 4) nm_pool_free(by.pool);
    }
    nomul_cancel_request(&cancel);
    CHECK(!nm_token_cache_make(ids, path, &by, &err) && err.code == NOMUL_E_CANCELLED &&
              !nm_file_exists(ids),
          "cancelled: no file");
    nm_pool_free(by.pool);
    remove(path);
    nomul_model_close(model);
}

/* A model file's weights: quantized again they are the same codes, and scales within an ulp. */
static void test_model_file(const char *path)
{
    nomul_error  err = {.code = NOMUL_OK};
    nomul_model *model = nomul_model_open(path, NULL, &err);
    nm_pool     *pool = nm_pool_new(2, NULL, NULL, &err);
    nm_latent    latent;
    int8_t      *row = nm_alloc(NM_MAX_COLS);

    CHECK(model && nm_latent_open(&latent, &model->weights.config, NM_T4, NM_GGUF_F32, &err), "%s",
          err.text);
    CHECK(nm_pretrained_model(&latent, model, &err), "%s", err.text);
    for (size_t k = 0; k < 3; k++) { /* the trits that were read are not those made below */
        const nm_latent_matrix *m = &latent.matrices[k];
        memset(m->trits, 0, m->rows * m->cols);
    }
    CHECK(nm_latent_quantize(&latent, pool, &err), "%s", err.text);
    const nm_layer     *layer = &model->weights.layers[0];
    const nm_bitlinear *theirs[] = {&layer->mlgru.i_proj, &layer->mlgru.f_proj,
                                    &layer->mlgru.g_proj};
    for (size_t k = 0; k < 3; k++) {
        const nm_latent_matrix *m = &latent.matrices[k];
        float                   a = m->layer->w.scale, b = theirs[k]->w.scale;
        bool                    same = true;
        for (size_t r = 0; r < m->rows; r++) {
            nm_ternary_unpack_row(&theirs[k]->w, r, row);
            same = same && memcmp(row, m->trits + r * m->cols, m->cols) == 0;
        }
        CHECK(same, "%s: matrix %zu: other codes", path, k);
        int32_t ulps = (int32_t)(nm_bits_of_float(a) - nm_bits_of_float(b));
        CHECK(ulps >= -1 && ulps <= 1, "%s: matrix %zu: the scale is %d ulp off", path, k, ulps);
    }
    nm_free(row);
    nm_latent_close(&latent);
    nm_pool_free(pool);
    nomul_model_close(model);
}

int main(void)
{
    static const char *const tiny[] = {"odd", "plain", "wide-no-bound"};
    char                     path[4096];

    test_operations();
    test_mix();
    test_token_cache();
    test_model_file("models/tiny.gguf");
    test_model_file("tests/golden/small-t5.gguf");
    test_threads_and_kernels();
    test_golden("odd", "tests/train/odd.safetensors");
    for (size_t i = 0; i < sizeof tiny / sizeof *tiny; i++) {
        snprintf(path, sizeof path, "%s/train/%s.safetensors", shared(), tiny[i]);
        test_golden(tiny[i], path);
    }
    printf("%d passed, %d failed, %d skipped\n", n_passed, n_failed, n_skipped);
    return n_failed > 0;
}
