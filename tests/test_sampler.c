/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logits to an id: against a slow sampler that sorts everything, known draws, a distribution, each
 * option out of range; log-probabilities.
 */
#include "test.h"

#include "alloc.h"
#include "base/exp.h"
#include "base/rng.h"
#include "tokens/sampler.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

/* Options with every step off and temperature 1. */
static nomul_sampler_options plain(void)
{
    nomul_sampler_options o;

    nomul_sampler_options_init(&o);
    o.temp = 1;
    o.top_k = 0;
    o.top_p = 1;
    o.min_p = 0;
    return o;
}

static nomul_sampler *new_sampler(size_t n_vocab, const nomul_sampler_options *o)
{
    nomul_error    err;
    nomul_sampler *sampler = nomul_sampler_new(n_vocab, o, &err);

    CHECK_THAT(sampler != NULL, "%s", err.text);
    return sampler;
}

/* One id of a new sampler. */
static int32_t sample_once(const nomul_sampler_options *o, const float *logits, size_t n_vocab)
{
    nomul_sampler *sampler = new_sampler(n_vocab, o);
    int32_t        id = nomul_sampler_sample(sampler, logits);

    nomul_sampler_free(sampler);
    return id;
}

/* ---- A slow sampler -------------------------------------------------------------------------- */

#define MAX_VOCAB 50
#define MAX_HISTORY 400

typedef struct slow {
    nomul_sampler_options o;
    size_t                n_vocab;
    int32_t               history[MAX_HISTORY];
    size_t                n_history;
    nm_rng                rng;
} slow;

static size_t count_seen(const slow *s, int32_t id)
{
    size_t n_back = s->o.repeat_last_n < 0 ? s->n_history : (size_t)s->o.repeat_last_n;
    size_t n = 0;

    for (size_t i = 0; i < s->n_history && i < n_back; i++)
        n += s->history[s->n_history - 1 - i] == id;
    return n;
}

static float slow_logit(const slow *s, const float *logits, int32_t id)
{
    float  logit = logits[id];
    size_t n = count_seen(s, id);

    for (size_t i = 0; i < s->o.n_logit_bias; i++)
        if (s->o.logit_bias[i].id == id) logit += s->o.logit_bias[i].bias;
    if (n > 0) {
        if (logit > 0)
            logit /= s->o.repeat_penalty;
        else
            logit *= s->o.repeat_penalty;
        logit -= (float)n * s->o.frequency_penalty + s->o.presence_penalty;
    }
    if (logit != logit) return -INFINITY;
    return logit == INFINITY ? FLT_MAX : logit;
}

/* All ids, the best first. */
static void slow_sort(const float *logits, size_t n, int32_t *ids)
{
    for (size_t i = 0; i < n; i++) {
        size_t at = i;
        for (; at > 0 && logits[i] > logits[ids[at - 1]]; at--) ids[at] = ids[at - 1];
        ids[at] = (int32_t)i;
    }
}

static double slow_sum(const float *logits, const int32_t *ids, size_t n, float temp)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += (double)nm_exp((logits[ids[i]] - logits[ids[0]]) / temp);
    return sum;
}

static int32_t slow_sample(slow *s, const float *raw)
{
    float   logits[MAX_VOCAB];
    int32_t ids[MAX_VOCAB];
    size_t  n = s->n_vocab, keep = 0;

    for (size_t i = 0; i < n; i++) logits[i] = slow_logit(s, raw, (int32_t)i);
    slow_sort(logits, n, ids);
    if (s->o.temp == 0) return ids[0];
    double uniform = nm_rng_double(&s->rng);
    if (logits[ids[0]] == -INFINITY) return 0;
    if (s->o.top_k && (size_t)s->o.top_k < n) n = (size_t)s->o.top_k;
    if (s->o.top_p < 1) {
        double sum = slow_sum(logits, ids, n, 1);
        for (keep = 1; keep < n && slow_sum(logits, ids, keep, 1) < (double)s->o.top_p * sum;)
            keep++;
        n = keep;
    }
    for (keep = 1; keep < n && nm_exp(logits[ids[keep]] - logits[ids[0]]) >= s->o.min_p;) keep++;
    n = keep;
    double share = uniform * slow_sum(logits, ids, n, s->o.temp);
    size_t i = 0;
    while (i + 1 < n && slow_sum(logits, ids, i + 1, s->o.temp) <= share) i++;
    return ids[i];
}

static float random_logit(nm_rng *rng, int kind)
{
    static const float odd[] = {NAN, -INFINITY, INFINITY, 0, -0.0f, FLT_MAX, -FLT_MAX, 1e-40f};

    if (kind == 0 && nm_rng_below(rng, 4) == 0) return odd[nm_rng_below(rng, 8)];
    if (kind == 1) return (float)nm_rng_below(rng, 5) - 2; /* many equal ones */
    if (kind == 2 && nm_rng_below(rng, 10)) return -INFINITY;
    return (float)(nm_rng_double(rng) * 16 - 8);
}

static float one_of(nm_rng *rng, float a, float b, float c)
{
    uint64_t which = nm_rng_below(rng, 3);
    return which == 0 ? a : which == 1 ? b : c;
}

static void random_options(nomul_sampler_options *o, nm_rng *rng, size_t n_vocab,
                           nomul_logit_bias bias[4])
{
    nomul_sampler_options_init(o);
    o->temp = one_of(rng, 1, 0.8f, nm_rng_below(rng, 3) ? 3 : 0);
    o->top_k = (int32_t)nm_rng_below(rng, 2) * (int32_t)nm_rng_below(rng, n_vocab + 5);
    o->top_p = one_of(rng, 1, 0.95f, 0.3f);
    o->min_p = one_of(rng, 0, 0.05f, 0.5f);
    o->repeat_penalty = one_of(rng, 1, 1.3f, 0.5f);
    o->repeat_last_n = (int32_t)one_of(rng, -1, 0, (float)nm_rng_below(rng, 10));
    o->presence_penalty = one_of(rng, 0, 0.7f, -0.3f);
    o->frequency_penalty = one_of(rng, 0, 0.2f, 0.1f);
    o->seed = nm_rng_next(rng);
    o->n_logit_bias = nm_rng_below(rng, 5);
    o->logit_bias = bias;
    for (size_t i = 0; i < 4; i++)
        bias[i] = (nomul_logit_bias){(int32_t)nm_rng_below(rng, n_vocab),
                                     one_of(rng, 2, -1.5f, -INFINITY)};
}

static void test_against_slow(void)
{
    static slow      s;
    nm_rng           rng;
    nomul_logit_bias bias[4];
    float            logits[MAX_VOCAB];

    test_case("random options, logits and texts, against the slow sampler");
    nm_rng_init(&rng, 1);
    for (int round = 0; round < 1000; round++) {
        s = (slow){.n_vocab = 1 + nm_rng_below(&rng, MAX_VOCAB)};
        random_options(&s.o, &rng, s.n_vocab, bias);
        nm_rng_init(&s.rng, s.o.seed);
        nomul_sampler *sampler = new_sampler(s.n_vocab, &s.o);
        for (int i = 0; i < 20; i++) {
            int kind = (int)nm_rng_below(&rng, 5);
            for (size_t k = 0; k < s.n_vocab; k++) logits[k] = random_logit(&rng, kind);
            int32_t want = slow_sample(&s, logits), got = nomul_sampler_sample(sampler, logits);
            CHECK_THAT(got == want, "round %d, token %d: %d, not %d", round, i, (int)got,
                       (int)want);
            nomul_sampler_accept(sampler, want);
            s.history[s.n_history++] = want;
        }
        nomul_sampler_free(sampler);
    }
}

/* With one id that can't come there are two ways to find the others: both give the same. */
static void test_sorted_or_selected(void)
{
    enum { N = 3000 };
    static float          logits[N];
    nomul_sampler_options o = plain();
    nm_rng                rng;

    test_case("many ids, sorted or selected: the same draws");
    nm_rng_init(&rng, 8);
    nomul_sampler *sorted = new_sampler(N, &o);
    o.top_k = N - 1;
    nomul_sampler *selected = new_sampler(N, &o);
    for (int i = 0; i < 50; i++) {
        for (size_t k = 0; k < N; k++) logits[k] = random_logit(&rng, i % 2 ? 1 : 3);
        logits[N - 1] = -INFINITY;
        CHECK_INT(nomul_sampler_sample(sorted, logits), nomul_sampler_sample(selected, logits));
    }
    nomul_sampler_free(sorted);
    nomul_sampler_free(selected);
}

/* ---- Draws ----------------------------------------------------------------------------------- */

/* First ids of 10 equal ones: xoshiro256** seeded by splitmix64, the upper 53 bits times 10. */
static void test_known_draws(void)
{
    static const struct {
        uint64_t seed;
        int32_t  ids[10];
    } known[] = {
        {0, {6, 7, 1, 4, 7, 9, 4, 5, 8, 9}},
        {42, {0, 3, 6, 9, 9, 7, 7, 8, 7, 5}},
        {UINT64_MAX, {5, 7, 5, 7, 5, 7, 3, 7, 6, 6}},
    };
    float                 logits[10] = {0};
    nomul_sampler_options o = plain();

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        test_case("seed %llu draws what it draws everywhere", (unsigned long long)known[i].seed);
        o.seed = known[i].seed;
        nomul_sampler *sampler = new_sampler(10, &o);
        for (size_t k = 0; k < 10; k++)
            CHECK_INT(nomul_sampler_sample(sampler, logits), known[i].ids[k]);
        nomul_sampler_free(sampler);
    }
}

static double chi_square(nomul_sampler *sampler, const float *logits, const double *share, size_t n)
{
    enum { DRAWS = 20000 };
    size_t counts[8] = {0};
    double sum = 0;

    for (int i = 0; i < DRAWS; i++) counts[nomul_sampler_sample(sampler, logits)]++;
    for (size_t i = 0; i < n; i++) {
        double want = share[i] * (double)DRAWS, off = (double)counts[i] - want;
        if (want == 0)
            CHECK_INT(counts[i], 0);
        else
            sum += off * off / want;
    }
    return sum;
}

static void test_distribution(void)
{
    static const double   odds[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    float                 logits[8];
    double                share[8];
    nomul_sampler_options o = plain();

    for (size_t i = 0; i < 8; i++) logits[i] = (float)log(odds[i]);

    /* 24.3 is exceeded once in a thousand runs with 7 degrees of freedom; seeds are fixed. */
    test_case("ids come as often as their probabilities say");
    for (size_t i = 0; i < 8; i++) share[i] = odds[i] / 36;
    nomul_sampler *sampler = new_sampler(8, &o);
    CHECK(chi_square(sampler, logits, share, 8) < 24.3);
    nomul_sampler_free(sampler);

    test_case("at temperature 0.5 probabilities are squared");
    o.temp = 0.5f;
    for (size_t i = 0; i < 8; i++) share[i] = odds[i] * odds[i] / 204;
    sampler = new_sampler(8, &o);
    CHECK(chi_square(sampler, logits, share, 8) < 24.3);
    nomul_sampler_free(sampler);

    test_case("top-k, then top-p, then min-p, each of what the one before left");
    o.temp = 1;
    o.top_k = 4;     /* 8 7 6 5, together 26 */
    o.top_p = 0.56f; /* of them 8 and 7: 15 / 26 = 0.577; of all 36 it would be one more */
    for (size_t i = 0; i < 8; i++) share[i] = i >= 6 ? odds[i] / 15 : 0;
    sampler = new_sampler(8, &o);
    CHECK(chi_square(sampler, logits, share, 8) < 24.3);
    nomul_sampler_free(sampler);
    o.top_k = 0, o.top_p = 1, o.min_p = 0.7f; /* at least 5.6 */
    for (size_t i = 0; i < 8; i++) share[i] = i >= 5 ? odds[i] / 21 : 0;
    sampler = new_sampler(8, &o);
    CHECK(chi_square(sampler, logits, share, 8) < 24.3);
    nomul_sampler_free(sampler);
}

/* ---- Steps ----------------------------------------------------------------------------------- */

static void test_greedy(void)
{
    nomul_sampler_options o = plain();
    nomul_logit_bias      bias[] = {{1, -INFINITY}};

    test_case("temperature 0 takes the likeliest, the lower id among equals");
    o.temp = 0;
    CHECK_INT(sample_once(&o, (const float[]){1, 3, 3, 2}, 4), 1);
    CHECK_INT(sample_once(&o, (const float[]){-0.0f, 0}, 2), 0);
    CHECK_INT(sample_once(&o, (const float[]){NAN, -5, NAN}, 3), 1);
    CHECK_INT(sample_once(&o, (const float[]){1, INFINITY, 2, INFINITY}, 4), 1);
    CHECK_INT(sample_once(&o, (const float[]){-INFINITY, NAN}, 2), 0);

    test_case("bias and penalties count for it too");
    o.logit_bias = bias, o.n_logit_bias = 1;
    o.repeat_penalty = 2;
    CHECK_INT(sample_once(&o, (const float[]){1, 3, 3, 2}, 4), 2);
    nomul_sampler *sampler = new_sampler(4, &o);
    nomul_sampler_accept(sampler, 2);
    CHECK_INT(nomul_sampler_sample(sampler, (const float[]){1, 3, 3, 2}), 3);
    nomul_sampler_free(sampler);
}

/* Which of two ids is the likelier shows which of them is penalized. */
static void test_window(void)
{
    static const float    logits[3] = {1, 1.5f, 0};
    nomul_sampler_options o = plain();

    test_case("penalties look repeat_last_n ids back");
    o.temp = 0, o.presence_penalty = 1, o.repeat_last_n = 2;
    nomul_sampler *sampler = new_sampler(3, &o);
    CHECK_INT(nomul_sampler_sample(sampler, logits), 1);
    nomul_sampler_accept(sampler, 1);
    CHECK_INT(nomul_sampler_sample(sampler, logits), 0);
    nomul_sampler_accept(sampler, 1);
    nomul_sampler_accept(sampler, 2);
    CHECK_INT(nomul_sampler_sample(sampler, logits), 0);
    nomul_sampler_accept(sampler, 2);
    CHECK_INT(nomul_sampler_sample(sampler, logits), 1);
    nomul_sampler_free(sampler);

    test_case("ids outside the vocabulary are not seen");
    sampler = new_sampler(3, &o);
    nomul_sampler_accept(sampler, -1);
    nomul_sampler_accept(sampler, 3);
    nomul_sampler_accept(sampler, INT32_MIN);
    CHECK_INT(nomul_sampler_sample(sampler, logits), 1);
    nomul_sampler_free(sampler);
}

static void test_extremes(void)
{
    nomul_sampler_options o = plain();

    test_case("minus infinity is drawn only if there is nothing else");
    for (o.seed = 0; o.seed < 100; o.seed++) {
        CHECK_INT(sample_once(&o, (const float[]){-INFINITY, NAN, -1e30f, NAN}, 4), 2);
        CHECK_INT(sample_once(&o, (const float[]){NAN, -INFINITY, NAN}, 3), 0);
    }
    test_case("a tiny temperature is greedy, a huge one even");
    o.temp = 1e-45f;
    CHECK_INT(sample_once(&o, (const float[]){FLT_MAX, -FLT_MAX, 3}, 3), 0);
    CHECK_INT(sample_once(&o, (const float[]){1, 1.0000001f}, 2), 1);
    o.temp = FLT_MAX;
    bool seen[3] = {false, false, false};
    for (o.seed = 0; o.seed < 50; o.seed++) seen[sample_once(&o, (const float[]){5, -5}, 2)] = true;
    CHECK(seen[0] && seen[1]);

    test_case("top-p 0 and min-p 1 leave the likeliest, minus 0 being equal to 0");
    o = plain(), o.top_p = 0;
    for (o.seed = 0; o.seed < 20; o.seed++)
        CHECK_INT(sample_once(&o, (const float[]){1, 1.1f, 1.1f}, 3), 1);
    CHECK_INT(sample_once(&o, (const float[]){-1, -0.0f, 0}, 3), 1);
    o = plain(), o.min_p = 1;
    for (o.seed = 0; o.seed < 20; o.seed++)
        CHECK_INT(sample_once(&o, (const float[]){1, 1.1f, 1}, 3), 1);

    test_case("reaching is enough: top-p 0.5 leaves one of two, min-p 1 leaves equal ones");
    seen[0] = seen[1] = false;
    for (o.seed = 0; o.seed < 20; o.seed++)
        seen[sample_once(&o, (const float[]){2, 2, 1}, 3)] = true;
    CHECK(seen[0] && seen[1]);
    o = plain(), o.top_p = 0.5f;
    for (o.seed = 0; o.seed < 20; o.seed++) CHECK_INT(sample_once(&o, (const float[]){2, 2}, 2), 0);
}

/* ---- Options --------------------------------------------------------------------------------- */

static void test_defaults(void)
{
    nomul_sampler_options o;

    test_case("defaults");
    nomul_sampler_options_init(&o);
    CHECK(o.size == sizeof o && o.temp == 0.8f && o.top_k == 40 && o.top_p == 0.95f);
    CHECK(o.min_p == 0.05f && o.repeat_penalty == 1 && o.repeat_last_n == 64);
    CHECK(o.presence_penalty == 0 && o.frequency_penalty == 0 && o.seed == 0);
    CHECK(o.logit_bias == NULL && o.n_logit_bias == 0);
    nomul_sampler_options_init(NULL);
    nomul_sampler *sampler = new_sampler(5, NULL);
    CHECK_INT(nomul_sampler_sample(sampler, NULL), -1);
    CHECK_INT(nomul_sampler_sample(NULL, (const float[]){0}), -1);
    nomul_sampler_accept(NULL, 0);
    nomul_sampler_free(sampler);
    nomul_sampler_free(NULL);

    test_case("options of an older caller: what is behind its size is not read");
    o.temp = 0;
    o.top_k = -1;
    o.size = offsetof(nomul_sampler_options, top_k);
    CHECK_INT(sample_once(&o, (const float[]){1, 2, 3}, 3), 2);
}

#define REFUSED(words, statement)                                                                  \
    do {                                                                                           \
        test_case("must fail: %s", words);                                                         \
        nomul_sampler_options_init(&o);                                                            \
        statement;                                                                                 \
        CHECK_FAILS(nomul_sampler_new(8, &o, &err), err, words);                                   \
        CHECK_INT(err.code, NOMUL_E_ARG);                                                          \
    } while (0)

static void test_refused(void)
{
    nomul_sampler_options o;
    nomul_logit_bias      bias[2] = {{7, 1}, {0, 1}};
    nomul_error           err;

    REFUSED("temp: is -0.1, expected a number of at least 0", o.temp = -0.1f);
    REFUSED("temp: is inf, expected a number of at least 0", o.temp = INFINITY);
    REFUSED("temp: is nan, expected a number of at least 0", o.temp = NAN);
    REFUSED("top_k: is -1, expected 0 to 1000000000", o.top_k = -1);
    REFUSED("top_k: is 2147483647, expected 0 to 1000000000", o.top_k = INT32_MAX);
    REFUSED("top_p: is 1.01, expected 0 to 1", o.top_p = 1.01f);
    REFUSED("top_p: is nan, expected 0 to 1", o.top_p = NAN);
    REFUSED("min_p: is -1, expected 0 to 1", o.min_p = -1);
    REFUSED("repeat_penalty: is 0, expected a number of at least 0.001", o.repeat_penalty = 0);
    REFUSED("repeat_penalty: is inf, expected a number of at least 0.001",
            o.repeat_penalty = INFINITY);
    REFUSED("repeat_last_n: is -2, expected -1 to 1048576", o.repeat_last_n = -2);
    REFUSED("repeat_last_n: is 1048577, expected -1 to 1048576", o.repeat_last_n = (1 << 20) + 1);
    REFUSED("presence_penalty: is nan, expected -1000 to 1000", o.presence_penalty = NAN);
    REFUSED("frequency_penalty: is -inf, expected -1000 to 1000", o.frequency_penalty = -INFINITY);
    REFUSED("logit_bias: is NULL", o.n_logit_bias = 1);
    REFUSED("logit_bias[1].id: is 8, expected 0 to 7", o.logit_bias = bias; o.n_logit_bias = 2;
            bias[1].id = 8);
    REFUSED("logit_bias[1].id: is -1, expected 0 to 7", o.logit_bias = bias; o.n_logit_bias = 2;
            bias[1].id = -1);
    bias[1].id = 0;
    REFUSED("logit_bias[1].bias: is nan, expected a finite number or -inf", o.logit_bias = bias;
            o.n_logit_bias = 2; bias[1].bias = NAN);
    REFUSED("logit_bias[1].bias: is inf, expected a finite number or -inf", o.logit_bias = bias;
            o.n_logit_bias = 2; bias[1].bias = INFINITY);

    test_case("must fail: a size that isn't known, a vocabulary of none");
    static const size_t sizes[] = {0, 7, sizeof o + 1, SIZE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        char words[200];
        nomul_sampler_options_init(&o);
        o.size = sizes[i];
        snprintf(words, sizeof words, "options: size is %zu, expected %zu to %zu: was init called?",
                 o.size, sizeof o.size, sizeof o);
        CHECK_FAILS(nomul_sampler_new(8, &o, &err), err, words);
        CHECK_INT(err.code, NOMUL_E_ARG);
    }
    CHECK_FAILS(nomul_sampler_new(0, NULL, &err), err, "n_vocab: is 0, expected 1 to 2147483647");
    CHECK(!nomul_sampler_new(0, NULL, NULL));
}

static void test_memory(void)
{
    nomul_sampler_options o;
    nomul_error           err;
    float                 logits[100] = {0};

    test_case("one block, taken by new; a sample takes none");
    nomul_sampler_options_init(&o);
    o.repeat_last_n = (1 << 20);
    size_t         live = alloc_live(), calls = alloc_calls();
    nomul_sampler *sampler = new_sampler(100, &o);
    CHECK_INT(alloc_calls(), calls + 1);
    for (int i = 0; i < 10; i++)
        nomul_sampler_accept(sampler, nomul_sampler_sample(sampler, logits));
    CHECK_INT(alloc_calls(), calls + 1);
    nomul_sampler_free(sampler);
    CHECK_INT(alloc_live(), live);

    test_case("out of memory");
    alloc_fail_at(1);
    CHECK(!nomul_sampler_new(100, &o, &err));
    alloc_fail_at(0);
    CHECK_INT(err.code, NOMUL_E_MEMORY);
}

/* ---- Log-probabilities ----------------------------------------------------------------------- */

static void test_logprobs(void)
{
    static const float logits[5] = {1, 3, 2, 3, -INFINITY};
    nomul_logprob      best[6], of = {2, 0};
    double             sum = exp(-2) + 1 + exp(-1) + 1;

    test_case("the best, ties by id, with their log-probabilities");
    nomul_logprobs(logits, 5, best, 5, &of);
    static const int32_t order[5] = {1, 3, 2, 0, 4};
    for (size_t i = 0; i < 5; i++) CHECK_INT(best[i].id, order[i]);
    CHECK(fabs((double)best[0].logprob + log(sum)) < 1e-6);
    CHECK(fabs((double)best[2].logprob + 1 + log(sum)) < 1e-6);
    CHECK(best[1].logprob == best[0].logprob && best[4].logprob == -INFINITY);
    CHECK(of.logprob == best[2].logprob);

    test_case("fewer, none, an id outside, nothing asked");
    best[1].id = 99;
    nomul_logprobs(logits, 5, best, 1, NULL);
    CHECK(best[0].id == 1 && best[1].id == 99);
    of = (nomul_logprob){5, 7};
    nomul_logprobs(logits, 5, NULL, 0, &of);
    CHECK(of.logprob == 7);
    best[5].id = 99;
    nomul_logprobs(logits, 5, best, 6, NULL);
    CHECK_INT(best[5].id, 99);
    nomul_logprobs(NULL, 5, best, 5, &of);

    test_case("NaN is minus infinity; of nothing but those each has the same");
    nomul_logprobs((const float[]){NAN, 2}, 2, best, 2, NULL);
    CHECK(best[0].id == 1 && best[0].logprob == 0 && best[1].logprob == -INFINITY);
    nomul_logprobs((const float[]){NAN, -INFINITY}, 2, best, 2, NULL);
    CHECK(best[0].id == 0 && fabsf(best[0].logprob + 0.6931472f) < 1e-6f);
    CHECK(best[1].logprob == best[0].logprob);

    test_case("log-probabilities of random logits sum to one; the best are the best");
    static float         many[3000];
    static nomul_logprob all[3000];
    nm_rng               rng;
    nm_rng_init(&rng, 5);
    for (size_t i = 0; i < 3000; i++) many[i] = (float)nm_rng_below(&rng, 500) / 25;
    nomul_logprobs(many, 3000, all, 3000, NULL);
    sum = 0;
    for (size_t i = 0; i < 3000; i++) {
        sum += exp((double)all[i].logprob);
        if (i == 0) continue;
        float a = many[all[i - 1].id], b = many[all[i].id];
        CHECK(a > b || (a == b && all[i - 1].id < all[i].id));
    }
    CHECK(fabs(sum - 1) < 1e-4);
    for (size_t n = 1; n < 40; n += 3) {
        nomul_logprob few[40];
        nomul_logprobs(many, 3000, few, n, NULL);
        CHECK_MEM(few, all, n * sizeof *few, "the best of many");
    }
}

void test_sampler(void)
{
    test_against_slow();
    test_sorted_or_selected();
    test_known_draws();
    test_distribution();
    test_greedy();
    test_window();
    test_extremes();
    test_defaults();
    test_refused();
    test_memory();
    test_logprobs();
}
