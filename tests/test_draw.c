/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Draws from thousands of ids without sorting them: the sampler's ids are those of a plain sampler
 * that sorts; where rounding decides, nm_draw_id does not.
 */
#include "test.h"

#include "base/exp.h"
#include "base/rng.h"
#include "tokens/candidates.h"
#include "tokens/draw.h"
#include "tokens/sampler.h"

#include <stdlib.h>

#define MOST 5000

/* ---- The definition: sorted, every sum in that order ---- */

static nomul_logprob sorted[MOST];

static int in_order(const void *a, const void *b)
{
    const nomul_logprob *x = a, *y = b;

    if (x->logprob != y->logprob) return x->logprob > y->logprob ? -1 : 1;
    return x->id < y->id ? -1 : 1;
}

static double weight(size_t at, float temp)
{
    return (double)nm_exp((sorted[at].logprob - sorted[0].logprob) / temp);
}

static double sum_of(size_t n, float temp)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) sum += weight(i, temp);
    return sum;
}

/* What is left of n sorted candidates after top-p and min-p. */
static size_t plain_cut(const nomul_sampler_options *o, size_t n)
{
    double enough = (double)o->top_p * sum_of(n, 1), sum = 0;
    size_t kept = 0;

    while (o->top_p < 1 && kept < n && (kept == 0 || sum < enough)) sum += weight(kept++, 1);
    if (o->top_p < 1) n = kept;
    while (n > 1 && weight(n - 1, 1) < (double)o->min_p) n--;
    return n;
}

static int32_t plain_draw(const nomul_sampler_options *o, const float *logits, size_t n_vocab,
                          double uniform)
{
    size_t n = o->top_k && (size_t)o->top_k < n_vocab ? (size_t)o->top_k : n_vocab, i = 0;

    nm_candidates_all(logits, n_vocab, sorted);
    qsort(sorted, n_vocab, sizeof *sorted, in_order);
    if (sorted[0].logprob == -INFINITY) return 0;
    n = plain_cut(o, n);
    double share = uniform * sum_of(n, o->temp), sum = weight(0, o->temp);
    while (i + 1 < n && sum <= share) sum += weight(++i, o->temp);
    return sorted[i].id;
}

/* ---- Logits ---- */

static float one_of(nm_rng *rng, const float *values, size_t n)
{
    return values[nm_rng_below(rng, n)];
}

#define ONE_OF(rng, ...)                                                                           \
    one_of(rng, (const float[]){__VA_ARGS__}, sizeof(float[]){__VA_ARGS__} / sizeof(float))

/* Flat, peaked, with few values, few that can come, with what is no number. */
static void fill(float *logits, size_t n, nm_rng *rng)
{
    uint64_t kind = nm_rng_below(rng, 6);

    for (size_t i = 0; i < n; i++) {
        double sum = -6;
        for (int k = 0; k < 12; k++) sum += nm_rng_double(rng);
        logits[i] = (float)(sum * (kind == 0 ? 0.1 : kind == 1 ? 6 : 2));
        if (kind == 3) logits[i] = (float)nm_rng_below(rng, 7);
        if (kind == 4 && nm_rng_below(rng, 50)) logits[i] = -INFINITY;
        if (kind == 5 && nm_rng_below(rng, 9) == 0)
            logits[i] = ONE_OF(rng, NAN, -INFINITY, INFINITY, FLT_MAX, -FLT_MAX, -0.0f);
    }
}

static void random_options(nomul_sampler_options *o, nm_rng *rng)
{
    nomul_sampler_options_init(o);
    o->temp = ONE_OF(rng, 1, 0.8f, 0.8f, 0.01f, 3, 1e-30f, 1e30f);
    o->top_k = (int32_t)ONE_OF(rng, 0, 0, 0, 7, 900);
    o->top_p = ONE_OF(rng, 1, 1, 0.95f, 0.3f, 0);
    o->min_p = ONE_OF(rng, 0, 0, 0.05f, 0.5f, 1, 1e-32f, 1e-45f);
    o->seed = nm_rng_next(rng);
}

static void test_ids(void)
{
    static float          logits[MOST];
    nomul_sampler_options o;
    nm_rng                rng, drawn;
    nomul_error           err;

    test_case("random options, thousands of ids: those of a sampler that sorts");
    nm_rng_init(&rng, 11);
    for (int round = 0, n = test_trials(100, 20000); round < n; round++) {
        size_t n_vocab = 1000 + (size_t)nm_rng_below(&rng, MOST - 1000);
        random_options(&o, &rng);
        nm_rng_init(&drawn, o.seed);
        nomul_sampler *sampler = nomul_sampler_new(n_vocab, &o, &err);
        CHECK_OK(sampler != NULL, err);
        for (int i = 0; sampler && i < 2; i++) {
            fill(logits, n_vocab, &rng);
            int32_t want = plain_draw(&o, logits, n_vocab, nm_rng_double(&drawn));
            int32_t got = nomul_sampler_sample(sampler, logits);
            CHECK_THAT(got == want, "round %d: %d, not %d: temp %g, top_k %d, top_p %g, min_p %g",
                       round, (int)got, (int)want, (double)o.temp, (int)o.top_k, (double)o.top_p,
                       (double)o.min_p);
        }
        nomul_sampler_free(sampler);
    }
}

/* ---- Where rounding decides ---- */

/* Numbers with which a running sum, added in order, just reaches or just misses the share. */
static void test_margin(void)
{
    static float          logits[MOST];
    nm_draw_work          work;
    nm_arena              arena = {0};
    nomul_sampler_options o;
    nomul_error           err;
    nm_rng                rng;
    size_t                n_open = 0, n_other = 0;

    test_case("a sum that rounding could move across its target decides nothing");
    nm_draw_place(&work, &arena, MOST, MOST);
    CHECK_OK(nm_arena_back(&arena, &err), err);
    nm_draw_place(&work, &arena, MOST, MOST);
    nm_rng_init(&rng, 12);
    nomul_sampler_options_init(&o);
    o.top_p = 1, o.min_p = 0, o.top_k = 0;
    for (size_t i = 0; i < MOST; i++) logits[i] = (float)(6 * nm_rng_double(&rng));
    plain_draw(&o, logits, MOST, 0.5);
    nm_draw draw = {.floats = nm_kernels_row(0)->floats,
                    .work = &work,
                    .logits = logits,
                    .n = MOST,
                    .max = sorted[0].logprob,
                    .temp = o.temp,
                    .top_p = 1};
    double  all = sum_of(MOST, o.temp), sum = 0;
    for (size_t i = 0; i + 1 < MOST; i++) {
        sum += weight(i, o.temp);
        if (i % 250) continue;
        draw.uniform = sum / all;
        int32_t id = nm_draw_id(&draw);
        n_open += id == -1, n_other += id != -1;
        draw.uniform += 1e-6;
        CHECK_INT(nm_draw_id(&draw), sorted[i + 1].id);
        draw.uniform -= 2e-6;
        CHECK_INT(nm_draw_id(&draw), sorted[i].id);
    }
    CHECK_INT(n_other, 0);
    CHECK_INT(n_open, MOST / 250);
    nm_arena_free(&arena);
}

void test_draw(void)
{
    test_ids();
    test_margin();
}
