/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The steps of nomul_sampler_sample, in order: bias, penalties, [greedy], top-k, top-p, min-p,
 * temperature, one random number.  Candidates are kept sorted, best first, so every filter is a
 * shorter list.  What a step means is in sampler.h, ranges and defaults in NOMUL_SAMPLER_FIELDS.
 */
#include "tokens/sampler.h"

#include "base/arena.h"
#include "base/args.h"
#include "base/error.h"
#include "base/exp.h"
#include "base/rng.h"
#include "tokens/candidates.h"
#include "tokens/draw.h"

#include <inttypes.h>
#include <string.h>

/* ---- Options --------------------------------------------------------------------------------- */

static bool check_options(const nomul_sampler_options *o, size_t n_vocab, nomul_error *err)
{
    if (n_vocab == 0 || n_vocab > INT32_MAX)
        return nm_fail(err, NOMUL_E_ARG, "n_vocab: is %zu, expected 1 to %d", n_vocab, INT32_MAX);
    if (!nm_sampler_check_fields(o, err)) return false;
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

/* ---- The sampler ----------------------------------------------------------------------------- */

#define MANY 1024 /* candidates: sorting them all costs more than finding the few that matter */

/* What one call of sample works in.  Samplers that share it sample one after the other. */
typedef struct sampler_work {
    float       *logits; /* [n_vocab]: biased and penalized */
    nm_draw_work draw;   /* its list has the candidates, `plain` their weights in that order */
} sampler_work;

struct nomul_sampler {
    nm_arena              arena; /* holds the sampler and all its arrays */
    nomul_sampler_options options;
    const nm_float_ops   *floats;
    nm_rng                rng;
    size_t                n_vocab, n_best;
    bool                  penalizes;
    sampler_work          work;
    nomul_logit_bias     *bias;
    uint32_t             *counts; /* [n_vocab]: of what the penalties see; NULL: see layout */
    int32_t              *recent; /* [room]: a ring of the last ids */
    size_t                room, n_recent, recent_at;
};

bool nm_sampler_penalizes(const nomul_sampler_options *o)
{
    return o->repeat_last_n != 0 &&
           (o->repeat_penalty != 1 || o->presence_penalty != 0 || o->frequency_penalty != 0);
}

/*
 * Run twice: measures the arena, then fills a sampler that lies in it.  Where penalties look back
 * on all ids these are counted without any penalty, too: the ring does not hold them, and another
 * sampler, to which this history goes, may have one.
 */
static nomul_sampler *layout(nm_arena *a, const nomul_sampler_options *o, size_t n_vocab,
                             const nomul_sampler *host, const nm_float_ops *floats)
{
    nomul_sampler  s = {.options = *o, .floats = floats, .n_vocab = n_vocab};
    nomul_sampler *at = nm_arena_take(a, 1, sizeof *at);

    s.n_best = o->top_k && (size_t)o->top_k < n_vocab ? (size_t)o->top_k : n_vocab;
    s.bias = nm_arena_take(a, o->n_logit_bias, sizeof *s.bias);
    if (host) {
        s.work = host->work;
    } else {
        s.work.logits = nm_arena_take(a, n_vocab, sizeof *s.work.logits);
        nm_draw_place(&s.work.draw, a, s.n_best, n_vocab);
    }
    s.penalizes = nm_sampler_penalizes(o);
    if (s.penalizes || o->repeat_last_n == -1)
        s.counts = nm_arena_take(a, n_vocab, sizeof *s.counts);
    s.room = o->repeat_last_n > NOMUL_SAVED_IDS ? (size_t)o->repeat_last_n : NOMUL_SAVED_IDS;
    s.recent = nm_arena_take(a, s.room, sizeof *s.recent);
    if (at) *at = s;
    return at;
}

nomul_sampler *nm_sampler_new(size_t n_vocab, const nomul_sampler_options *options,
                              const nomul_sampler *host, const nm_float_ops *floats,
                              nomul_error *err)
{
    nm_arena              arena = {0};
    nomul_sampler_options ours;

    nomul_sampler_options_init(&ours);
    if (!nm_args_options(&ours, options, sizeof ours, err) || !check_options(&ours, n_vocab, err))
        return NULL;
    layout(&arena, &ours, n_vocab, host, floats);
    if (!nm_arena_back(&arena, err)) return NULL;
    nomul_sampler *sampler = layout(&arena, &ours, n_vocab, host, floats);
    sampler->arena = arena;
    if (ours.n_logit_bias)
        memcpy(sampler->bias, ours.logit_bias, ours.n_logit_bias * sizeof *sampler->bias);
    sampler->options.logit_bias = sampler->bias; /* the caller's may be gone later */
    nm_rng_init(&sampler->rng, ours.seed);
    return sampler;
}

nomul_sampler *nomul_sampler_new(size_t n_vocab, const nomul_sampler_options *options,
                                 nomul_error *err)
{
    const nm_kernels *kernels;

    nm_kernels_choose(&kernels, NULL, err);
    return nm_sampler_new(n_vocab, options, NULL, kernels->floats, err);
}

void nomul_sampler_free(nomul_sampler *sampler)
{
    if (!sampler) return;
    nm_arena arena = sampler->arena; /* the sampler lies in it */
    nm_arena_free(&arena);
}

/*
 * The ring keeps at least the last NOMUL_SAVED_IDS ids; penalties see the window, the last
 * repeat_last_n of them, or with -1 all since the beginning.  window <= room, so the id that leaves
 * the window is still in the ring.
 */
void nomul_sampler_accept(nomul_sampler *s, int32_t id)
{
    if (!s || id < 0 || (size_t)id >= s->n_vocab) return;
    size_t window = s->options.repeat_last_n > 0 ? (size_t)s->options.repeat_last_n : 0;

    if (s->counts && window && s->n_recent >= window)
        s->counts[s->recent[(s->recent_at + s->room - window) % s->room]]--;
    if (s->counts && s->counts[id] < UINT32_MAX) s->counts[id]++;
    s->recent[s->recent_at] = id;
    s->recent_at = (s->recent_at + 1) % s->room;
    if (s->n_recent < s->room) s->n_recent++;
}

/* ---- History --------------------------------------------------------------------------------- */

const nomul_sampler_options *nm_sampler_options(const nomul_sampler *sampler)
{
    return &sampler->options;
}

nm_sampler_history nm_sampler_get_history(const nomul_sampler *s, int32_t *ids)
{
    size_t             from = s->recent_at + s->room - s->n_recent;
    nm_sampler_history h = {.ids = ids, .n_ids = s->n_recent};

    memcpy(h.rng, s->rng.s, sizeof h.rng);
    if (s->options.repeat_last_n == -1) h.counts = s->counts;
    for (size_t i = 0; ids && i < s->n_recent; i++) ids[i] = s->recent[(from + i) % s->room];
    return h;
}

void nm_sampler_set_history(nomul_sampler *s, const nm_sampler_history *h, bool keep_generator)
{
    if (!keep_generator) memcpy(s->rng.s, h->rng, sizeof h->rng);
    if (s->counts) memset(s->counts, 0, s->n_vocab * sizeof *s->counts);
    s->n_recent = s->recent_at = 0;
    for (size_t i = 0; i < h->n_ids; i++) nomul_sampler_accept(s, h->ids[i]);
    if (s->counts && h->counts && s->options.repeat_last_n == -1)
        memcpy(s->counts, h->counts, s->n_vocab * sizeof *s->counts);
}

/* ---- Sampling, step by step ------------------------------------------------------------------ */

/* Weights of the first n candidates at a temperature; returns their sum. */
static double weigh(const nomul_sampler *s, size_t n, float temp)
{
    const nm_draw_work *w = &s->work.draw;
    double              sum = 0;

    for (size_t i = 0; i < n; i++) w->plain[i] = w->list[i].logprob;
    s->floats->softmax(w->plain, w->plain, n, w->list[0].logprob, temp);
    for (size_t i = 0; i < n; i++) sum += (double)w->plain[i];
    return sum;
}

/*
 * Cuts the sorted list of n candidates by top-p and min-p.  sum_of_all: the list is the beginning
 * of all candidates, whose weights were added in another order; returns 0 if rounding decides where
 * to cut.  sum_of_all 0: the list has all there are.
 */
static size_t cut(const nomul_sampler *s, size_t n, double sum_of_all)
{
    const nomul_sampler_options *o = &s->options;
    const nm_draw_work          *w = &s->work.draw;

    if (o->top_p < 1) { /* the shortest list whose probability reaches it, at least one */
        double sum = weigh(s, n, 1), before = 0, after = 0;
        double margin = nm_draw_margin(s->n_vocab, sum_of_all);
        double enough = (double)o->top_p * (sum_of_all > 0 ? sum_of_all : sum);
        size_t kept = 0;
        while (kept < n && (kept == 0 || after < enough))
            before = after, after += (double)w->plain[kept++];
        if (sum_of_all > 0 && fmin(fabs(before - enough), fabs(after - enough)) <= margin) return 0;
        n = kept;
    }
    while (n > 1 && nm_exp(w->list[n - 1].logprob - w->list[0].logprob) < o->min_p) n--;
    return n;
}

/*
 * The first candidate whose running sum is above the share drawn.  Rounding may lift the share to
 * the whole sum; then it is the last candidate with any weight.
 */
static int32_t choose(const nomul_sampler *s, size_t n, double uniform)
{
    const nm_draw_work *w = &s->work.draw;
    double              share = uniform * weigh(s, n, s->options.temp), sum = 0;
    int32_t             id = w->list[0].id;

    for (size_t i = 0; i < n; i++) {
        if (w->plain[i] > 0) id = w->list[i].id;
        sum += (double)w->plain[i];
        if (sum > share) break;
    }
    return id;
}

/*
 * A draw from all ids.  min_p cuts off those with less than its weight, whatever top_p does: only
 * the others are sorted, and a few whose weight is rounded to it.
 */
static int32_t draw_from_all(const nomul_sampler *s, const float *logits, float max, double uniform)
{
    const nomul_sampler_options *o = &s->options;
    const nm_draw                draw = {.floats = s->floats,
                                         .work = &s->work.draw,
                                         .logits = logits,
                                         .n = s->n_vocab,
                                         .max = max,
                                         .temp = o->temp,
                                         .top_p = (double)o->top_p,
                                         .uniform = uniform};
    size_t                       n = 0;
    int32_t                      id = -1;

    if (s->n_vocab >= MANY && o->min_p == 0) id = nm_draw_id(&draw);
    if (id >= 0) return id;
    if (s->n_vocab >= MANY && o->min_p > 1e-30f) { /* smaller weights have fewer digits */
        double sum;
        n = nm_draw_above(&draw, 0.999f * o->min_p, &sum);
        n = cut(s, n, sum);
    }
    if (n == 0) {
        nm_candidates_all(draw.logits, draw.n, draw.work->list);
        nm_candidates_sort(draw.work->list, draw.work->spare, draw.n);
        n = cut(s, draw.n, 0);
    }
    return choose(s, n, uniform);
}

/* Temperature 0 takes no number from the generator; any other takes one, whatever is left. */
int32_t nomul_sampler_sample(nomul_sampler *s, const float *logits)
{
    if (!s || !logits) return -1;
    const nomul_sampler_options *o = &s->options;
    sampler_work                *w = &s->work;

    if (o->n_logit_bias || s->penalizes)
        logits = memcpy(w->logits, logits, s->n_vocab * sizeof *logits);
    for (size_t i = 0; i < o->n_logit_bias; i++) w->logits[s->bias[i].id] += s->bias[i].bias;
    for (size_t i = 0; s->penalizes && i < s->n_vocab; i++) {
        float logit = w->logits[i], count = (float)s->counts[i];
        if (count == 0) continue;
        logit = logit > 0 ? logit / o->repeat_penalty : logit * o->repeat_penalty;
        w->logits[i] = logit - (count * o->frequency_penalty + o->presence_penalty);
    }

    if (o->temp == 0) return (int32_t)s->floats->argmax(logits, s->n_vocab); /* greedy */

    double uniform = nm_rng_double(&s->rng);
    float  max = s->floats->largest(logits, s->n_vocab);
    if (max < -FLT_MAX) return 0; /* no id is possible */
    if (s->n_best == s->n_vocab) return draw_from_all(s, logits, max, uniform);
    nm_candidates_best(s->floats, logits, s->n_vocab, w->draw.list, s->n_best);
    return choose(s, cut(s, s->n_best, 0), uniform);
}

int32_t nomul_sampler_next(nomul_sampler *sampler, const float *logits)
{
    int32_t id = nomul_sampler_sample(sampler, logits);

    nomul_sampler_accept(sampler, id);
    return id;
}
