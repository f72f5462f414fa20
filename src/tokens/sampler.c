/* SPDX-License-Identifier: Apache-2.0 */
#include "tokens/sampler.h"

#include "base/arena.h"
#include "base/args.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/exp.h"
#include "base/rng.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

static float tame(float logit)
{
    if (isnan(logit)) return -INFINITY;
    return logit > FLT_MAX ? FLT_MAX : logit;
}

/* ---- The best of many ------------------------------------------------------------------------ */

static bool is_better(nomul_logprob a, nomul_logprob b)
{
    return a.logprob > b.logprob || (a.logprob == b.logprob && a.id < b.id);
}

/* Puts c where the worst of a heap was: parents are worse than their children. */
static void replace_worst(nomul_logprob *heap, size_t n, nomul_logprob c)
{
    size_t at = 0;

    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && is_better(heap[child], heap[child + 1])) child++;
        if (is_better(heap[child], c)) break;
        heap[at] = heap[child];
    }
    heap[at] = c;
}

static void push(nomul_logprob *heap, size_t n, nomul_logprob c)
{
    size_t at = n;

    for (; at > 0 && is_better(heap[(at - 1) / 2], c); at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = c;
}

/*
 * The k best of n tamed logits, in falling order, their logits where the logprob goes; k <= n.
 * n compares for the many that are worse than the k best so far, k log k for the order.
 */
static void select_best(const float *logits, size_t n, nomul_logprob *best, size_t k)
{
    if (k == 0) return;
    for (size_t i = 0; i < n; i++) {
        nomul_logprob c = {(int32_t)i, tame(logits[i])};
        if (i < k)
            push(best, i, c);
        else if (is_better(c, best[0]))
            replace_worst(best, k, c);
    }
    for (size_t i = k - 1; i > 0; i--) {
        nomul_logprob worst = best[0];
        replace_worst(best, i, best[i]);
        best[i] = worst;
    }
}

/* Numbers that rise as floats fall.  Bits of negative floats do; -0 + 0 is +0. */
static uint32_t falling_bits(float logit)
{
    uint32_t bits = nm_bits_of_float(logit + 0.0f);
    return bits < 0x80000000u ? 0x7FFFFFFFu - bits : bits;
}

/* One stable pass of a radix sort: by byte `shift` / 8 of the falling bits. */
static void sort_by_byte(const nomul_logprob *from, nomul_logprob *to, size_t n, unsigned shift)
{
    size_t starts[257] = {0};

    for (size_t i = 0; i < n; i++) starts[(falling_bits(from[i].logprob) >> shift & 255) + 1]++;
    for (size_t byte = 0; byte < 256; byte++) starts[byte + 1] += starts[byte];
    for (size_t i = 0; i < n; i++)
        to[starts[falling_bits(from[i].logprob) >> shift & 255]++] = from[i];
}

/* select_best of all n: ten times as fast with another n candidates to work in. */
static void sort_all(const float *logits, size_t n, nomul_logprob *best, nomul_logprob *spare)
{
    for (size_t i = 0; i < n; i++) best[i] = (nomul_logprob){(int32_t)i, tame(logits[i])};
    sort_by_byte(best, spare, n, 0);
    sort_by_byte(spare, best, n, 8);
    sort_by_byte(best, spare, n, 16);
    sort_by_byte(spare, best, n, 24);
}

/* ---- Log-probabilities ----------------------------------------------------------------------- */

/* Natural logarithm of the softmax; where all logits are minus infinity, it is that of 1 / n. */
static float logprob_of(float logit, float max, double log_sum)
{
    return (float)((logit == max ? 0.0 : (double)logit - max) - log_sum);
}

void nomul_logprobs(const float *logits, size_t n_vocab, nomul_logprob *best, size_t n_best,
                    nomul_logprob *of)
{
    float  max = -INFINITY;
    double sum = 0;

    if (!logits || n_vocab == 0) return;
    for (size_t i = 0; i < n_vocab; i++)
        if (tame(logits[i]) > max) max = tame(logits[i]);
    for (size_t i = 0; i < n_vocab; i++) {
        float logit = tame(logits[i]);
        sum += logit == max ? 1.0 : (double)nm_exp(logit - max);
    }
    double log_sum = log(sum);

    if (best) {
        if (n_best > n_vocab) n_best = n_vocab;
        select_best(logits, n_vocab, best, n_best);
        for (size_t i = 0; i < n_best; i++)
            best[i].logprob = logprob_of(best[i].logprob, max, log_sum);
    }
    if (of && of->id >= 0 && (size_t)of->id < n_vocab)
        of->logprob = logprob_of(tame(logits[of->id]), max, log_sum);
}

/* ---- Options --------------------------------------------------------------------------------- */

void nomul_sampler_options_init(nomul_sampler_options *options)
{
    if (!options) return;
    *options = (nomul_sampler_options){
        .size = sizeof *options,
        .temp = 0.8f,
        .top_k = 40,
        .top_p = 0.95f,
        .min_p = 0.05f,
        .repeat_penalty = 1,
        .repeat_last_n = 64,
    };
}

static bool check_finite(float value, const char *name, nomul_error *err)
{
    return isfinite(value) ||
           nm_fail(err, NOMUL_E_ARG, "%s: is %g, expected a finite number", name, (double)value);
}

/* Written so that a NaN fails. */
static bool check_share(float value, const char *name, nomul_error *err)
{
    return (value >= 0 && value <= 1) ||
           nm_fail(err, NOMUL_E_ARG, "%s: is %g, expected 0 to 1", name, (double)value);
}

static bool check_penalties(const nomul_sampler_options *o, nomul_error *err)
{
    if (!(o->repeat_penalty > 0 && isfinite(o->repeat_penalty)))
        return nm_fail(err, NOMUL_E_ARG, "repeat_penalty: is %g, expected more than 0",
                       (double)o->repeat_penalty);
    if (o->repeat_last_n < -1 || o->repeat_last_n > NM_SAMPLER_MAX_LAST_N)
        return nm_fail(err, NOMUL_E_ARG, "repeat_last_n: is %" PRId32 ", expected -1 to %d",
                       o->repeat_last_n, NM_SAMPLER_MAX_LAST_N);
    return check_finite(o->presence_penalty, "presence_penalty", err) &&
           check_finite(o->frequency_penalty, "frequency_penalty", err);
}

static bool check_bias(const nomul_sampler_options *o, size_t n_vocab, nomul_error *err)
{
    if (o->n_logit_bias && !o->logit_bias) return nm_fail(err, NOMUL_E_ARG, "logit_bias: is NULL");
    for (size_t i = 0; i < o->n_logit_bias; i++) {
        nomul_logit_bias b = o->logit_bias[i];
        if (b.id < 0 || (size_t)b.id >= n_vocab)
            return nm_fail(err, NOMUL_E_ARG,
                           "logit_bias[%zu].id: is %" PRId32 ", expected 0 to %zu", i, b.id,
                           n_vocab - 1);
        if (isnan(b.bias) || b.bias > FLT_MAX)
            return nm_fail(err, NOMUL_E_ARG,
                           "logit_bias[%zu].bias: is %g, expected a finite number or -inf", i,
                           (double)b.bias);
    }
    return true;
}

bool nm_sampler_check_settings(const nomul_sampler_options *o, nomul_error *err)
{
    if (!(o->temp >= 0 && isfinite(o->temp)))
        return nm_fail(err, NOMUL_E_ARG, "temp: is %g, expected at least 0", (double)o->temp);
    if (o->top_k < 0)
        return nm_fail(err, NOMUL_E_ARG, "top_k: is %" PRId32 ", expected at least 0", o->top_k);
    return check_share(o->top_p, "top_p", err) && check_share(o->min_p, "min_p", err) &&
           check_penalties(o, err);
}

static bool check_options(const nomul_sampler_options *o, size_t n_vocab, nomul_error *err)
{
    if (n_vocab == 0 || n_vocab > INT32_MAX)
        return nm_fail(err, NOMUL_E_ARG, "n_vocab: is %zu, expected 1 to %d", n_vocab, INT32_MAX);
    return nm_sampler_check_settings(o, err) && check_bias(o, n_vocab, err);
}

/* ---- The sampler ----------------------------------------------------------------------------- */

struct nomul_sampler {
    nm_arena              arena; /* holds all below, the sampler too */
    nomul_sampler_options options;
    nm_rng                rng;
    size_t                n_vocab;
    nomul_logit_bias     *bias;
    float                *logits; /* biased and penalized */
    nomul_logprob        *best;   /* the candidates; what is called logprob is their logit */
    nomul_logprob        *spare;  /* NULL unless all ids are candidates */
    size_t                n_best;
    double               *weights; /* of the candidates, relative to the first */
    uint32_t             *counts;  /* by id, of what the penalties see */
    int32_t              *recent;  /* a ring of the last ids */
    size_t                room, n_recent, recent_at;
};

static size_t count_best(const nomul_sampler_options *o, size_t n_vocab)
{
    return o->top_k && (size_t)o->top_k < n_vocab ? (size_t)o->top_k : n_vocab;
}

/* What a draw works in and leaves behind without meaning: the host's, if there is one. */
static void layout_work(nm_arena *a, nomul_sampler *s, const nomul_sampler *host)
{
    bool sorts = s->n_best == s->n_vocab;

    if (host) {
        s->logits = host->logits, s->best = host->best, s->weights = host->weights;
        s->spare = sorts ? host->spare : NULL;
        return;
    }
    s->logits = nm_arena_take(a, s->n_vocab, sizeof *s->logits);
    s->best = nm_arena_take(a, s->n_best, sizeof *s->best);
    if (sorts) s->spare = nm_arena_take(a, s->n_best, sizeof *s->spare);
    s->weights = nm_arena_take(a, s->n_best, sizeof *s->weights);
}

static nomul_sampler *layout(nm_arena *a, const nomul_sampler_options *o, size_t n_vocab,
                             const nomul_sampler *host)
{
    nomul_sampler s = {.options = *o, .n_vocab = n_vocab, .n_best = count_best(o, n_vocab)};

    nomul_sampler *at = nm_arena_take(a, 1, sizeof *at);
    s.bias = nm_arena_take(a, o->n_logit_bias, sizeof *s.bias);
    layout_work(a, &s, host);
    s.counts = nm_arena_take(a, n_vocab, sizeof *s.counts);
    s.room = o->repeat_last_n > NOMUL_SAMPLER_LAST ? (size_t)o->repeat_last_n : NOMUL_SAMPLER_LAST;
    s.recent = nm_arena_take(a, s.room, sizeof *s.recent);
    if (at) *at = s;
    return at;
}

static bool take_options(nomul_sampler_options *ours, const nomul_sampler_options *theirs,
                         size_t n_vocab, nomul_error *err)
{
    nomul_sampler_options_init(ours);
    return nm_args_options(ours, theirs, sizeof *ours, err) && check_options(ours, n_vocab, err);
}

static nomul_sampler *make(const nomul_sampler_options *o, size_t n_vocab,
                           const nomul_sampler *host, nomul_error *err)
{
    nm_arena arena = {0};

    layout(&arena, o, n_vocab, host);
    if (!nm_arena_back(&arena, err)) return NULL;
    nomul_sampler *sampler = layout(&arena, o, n_vocab, host);
    sampler->arena = arena;
    if (o->n_logit_bias)
        memcpy(sampler->bias, o->logit_bias, o->n_logit_bias * sizeof *sampler->bias);
    sampler->options.logit_bias = sampler->bias; /* the caller's may be gone later */
    nm_rng_init(&sampler->rng, o->seed);
    return sampler;
}

nomul_sampler *nomul_sampler_new(size_t n_vocab, const nomul_sampler_options *options,
                                 nomul_error *err)
{
    nomul_sampler_options ours;

    return take_options(&ours, options, n_vocab, err) ? make(&ours, n_vocab, NULL, err) : NULL;
}

nomul_sampler *nomul_sampler_share(nomul_sampler *host, const nomul_sampler_options *options,
                                   nomul_error *err)
{
    nomul_sampler_options ours;

    if (!host) {
        nm_fail(err, NOMUL_E_ARG, "nomul_sampler_share: host is NULL");
        return NULL;
    }
    if (!take_options(&ours, options, host->n_vocab, err)) return NULL;
    size_t n_best = count_best(&ours, host->n_vocab);
    if (n_best > host->n_best) {
        nm_fail(err, NOMUL_E_ARG, "top_k: keeps %zu ids, the host of this sampler %zu", n_best,
                host->n_best);
        return NULL;
    }
    return make(&ours, host->n_vocab, host, err);
}

void nomul_sampler_free(nomul_sampler *sampler)
{
    if (!sampler) return;
    nm_arena arena = sampler->arena; /* the sampler lies in it */
    nm_arena_free(&arena);
}

/*
 * All remember the last ids, for nomul_sampler_get_state; the penalties see the window, the last
 * repeat_last_n of them, or -1 for all since the beginning.  window <= room, so the id that leaves
 * it is still in the ring.
 */
void nomul_sampler_accept(nomul_sampler *s, int32_t id)
{
    if (!s || id < 0 || (size_t)id >= s->n_vocab) return;
    int32_t last_n = s->options.repeat_last_n;
    size_t  window = last_n > 0 ? (size_t)last_n : 0;

    if (window && s->n_recent >= window)
        s->counts[s->recent[(s->recent_at + s->room - window) % s->room]]--;
    if (last_n != 0 && s->counts[id] < UINT32_MAX) s->counts[id]++;
    s->recent[s->recent_at] = id;
    s->recent_at = (s->recent_at + 1) % s->room;
    if (s->n_recent < s->room) s->n_recent++;
}

/* ---- Where a sampler stands ------------------------------------------------------------------ */

const nomul_sampler_options *nm_sampler_settings(const nomul_sampler *sampler)
{
    return &sampler->options;
}

void nomul_sampler_get_state(const nomul_sampler *sampler, nomul_sampler_state *state)
{
    if (!state) return;
    *state = (nomul_sampler_state){.n_last = 0};
    if (!sampler) return;
    size_t n = sampler->n_recent < NOMUL_SAMPLER_LAST ? sampler->n_recent : NOMUL_SAMPLER_LAST;
    size_t from = sampler->recent_at + sampler->room - n;

    memcpy(state->rng, sampler->rng.s, sizeof state->rng);
    state->n_last = (uint32_t)n;
    for (size_t i = 0; i < n; i++) state->last[i] = sampler->recent[(from + i) % sampler->room];
}

bool nm_sampler_check_state(const nomul_sampler_state *state, size_t n_vocab, nomul_error *err)
{
    if (!(state->rng[0] | state->rng[1] | state->rng[2] | state->rng[3]))
        return nm_fail(err, NOMUL_E_ARG, "rng: is all zero, which makes only zeros");
    if (state->n_last > NOMUL_SAMPLER_LAST)
        return nm_fail(err, NOMUL_E_ARG, "n_last: is %" PRIu32 ", expected 0 to %d", state->n_last,
                       NOMUL_SAMPLER_LAST);
    for (uint32_t i = 0; i < state->n_last; i++)
        if (state->last[i] < 0 || (size_t)state->last[i] >= n_vocab)
            return nm_fail(err, NOMUL_E_ARG, "last[%" PRIu32 "]: is %" PRId32 ", expected 0 to %zu",
                           i, state->last[i], n_vocab - 1);
    return true;
}

nomul_status nomul_sampler_set_state(nomul_sampler *sampler, const nomul_sampler_state *state,
                                     nomul_error *err)
{
    nomul_error local;

    if (!err) err = &local;
    if (!sampler || !state) {
        nm_fail(err, NOMUL_E_ARG, "nomul_sampler_set_state: an argument is NULL");
        return err->code;
    }
    if (!nm_sampler_check_state(state, sampler->n_vocab, err)) return err->code;
    memcpy(sampler->rng.s, state->rng, sizeof state->rng);
    memset(sampler->counts, 0, sampler->n_vocab * sizeof *sampler->counts);
    sampler->n_recent = sampler->recent_at = 0;
    for (uint32_t i = 0; i < state->n_last; i++) nomul_sampler_accept(sampler, state->last[i]);
    return NOMUL_OK;
}

/* ---- Sampling, step by step ------------------------------------------------------------------ */

static void add_bias(nomul_sampler *s)
{
    for (size_t i = 0; i < s->options.n_logit_bias; i++)
        s->logits[s->bias[i].id] += s->bias[i].bias;
}

static float penalize(const nomul_sampler_options *o, float logit, uint32_t count)
{
    logit = logit > 0 ? logit / o->repeat_penalty : logit * o->repeat_penalty;
    return logit - ((float)count * o->frequency_penalty + o->presence_penalty);
}

static void penalize_seen(nomul_sampler *s)
{
    for (size_t i = 0; i < s->n_vocab; i++)
        if (s->counts[i]) s->logits[i] = penalize(&s->options, s->logits[i], s->counts[i]);
}

static size_t likeliest(const nomul_sampler *s)
{
    size_t best = 0;

    for (size_t i = 1; i < s->n_vocab; i++)
        if (tame(s->logits[i]) > tame(s->logits[best])) best = i;
    return best;
}

/* Weights of the first n candidates at a temperature; their sum. */
static double weigh(nomul_sampler *s, size_t n, float temp)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        s->weights[i] = (double)nm_exp((s->best[i].logprob - s->best[0].logprob) / temp);
        sum += s->weights[i];
    }
    return sum;
}

/* The shortest list whose probability reaches top_p, but at least one. */
static size_t cut_top_p(nomul_sampler *s, size_t n)
{
    double top_p = (double)s->options.top_p, sum = 0;

    if (top_p >= 1) return n;
    double enough = top_p * weigh(s, n, 1);
    for (size_t i = 0; i < n; i++) {
        sum += s->weights[i];
        if (sum >= enough) return i + 1;
    }
    return n;
}

/* Those with at least min_p of the likeliest's probability. */
static size_t cut_min_p(const nomul_sampler *s, size_t n)
{
    while (n > 1 && nm_exp(s->best[n - 1].logprob - s->best[0].logprob) < s->options.min_p) n--;
    return n;
}

/*
 * The first whose running sum is above the share drawn.  Rounding may lift the share to the whole
 * sum; then it is the last that has any weight.
 */
static int32_t draw(nomul_sampler *s, size_t n, double uniform)
{
    double  share = uniform * weigh(s, n, s->options.temp), sum = 0;
    int32_t id = s->best[0].id;

    for (size_t i = 0; i < n; i++) {
        if (s->weights[i] > 0) id = s->best[i].id;
        sum += s->weights[i];
        if (sum > share) break;
    }
    return id;
}

/* Temperature 0 takes no number from the generator; any other takes one, whatever is left. */
int32_t nomul_sampler_sample(nomul_sampler *s, const float *logits)
{
    if (!s || !logits) return -1;
    memcpy(s->logits, logits, s->n_vocab * sizeof *logits);
    add_bias(s);
    penalize_seen(s);
    if (s->options.temp == 0) return (int32_t)likeliest(s);

    double uniform = nm_rng_double(&s->rng);
    if (s->spare)
        sort_all(s->logits, s->n_vocab, s->best, s->spare);
    else
        select_best(s->logits, s->n_vocab, s->best, s->n_best);
    if (s->best[0].logprob < -FLT_MAX) return s->best[0].id;
    size_t n = cut_top_p(s, s->n_best);
    n = cut_min_p(s, n);
    return draw(s, n, uniform);
}
