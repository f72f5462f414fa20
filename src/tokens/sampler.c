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

#include <inttypes.h>
#include <string.h>

/* ---- Options --------------------------------------------------------------------------------- */

void nomul_sampler_options_init(nomul_sampler_options *options)
{
    if (!options) return;
    *options = (nomul_sampler_options){.size = sizeof *options};
#define ROW(TYPE, name, preset, ...) options->name = (NOMUL_SAMPLER_##TYPE)preset;
    NOMUL_SAMPLER_FIELDS(ROW)
#undef ROW
}

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

/* What one call of sample works in.  Samplers that share it sample one after the other. */
typedef struct sampler_work {
    float         *logits;  /* [n_vocab]: biased and penalized */
    nomul_logprob *best;    /* [n_best]: the candidates; what is called logprob is their logit */
    nomul_logprob *spare;   /* [n_vocab]: for sort_all; NULL if top_k keeps fewer */
    double        *weights; /* [n_best]: of the candidates, relative to the first */
} sampler_work;

struct nomul_sampler {
    nm_arena              arena; /* holds the sampler and all its arrays */
    nomul_sampler_options options;
    const nm_float_ops   *floats;
    nm_rng                rng;
    size_t                n_vocab, n_best;
    sampler_work          work;
    nomul_logit_bias     *bias;
    uint32_t             *counts; /* [n_vocab]: of what the penalties see; NULL without penalties */
    int32_t              *recent; /* [room]: a ring of the last ids */
    size_t                room, n_recent, recent_at;
};

/* Run twice: measures the arena, then fills a sampler that lies in it. */
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
        s.work.best = nm_arena_take(a, s.n_best, sizeof *s.work.best);
        if (s.n_best == n_vocab) s.work.spare = nm_arena_take(a, n_vocab, sizeof *s.work.spare);
        s.work.weights = nm_arena_take(a, s.n_best, sizeof *s.work.weights);
    }
    if (o->repeat_last_n != 0 &&
        (o->repeat_penalty != 1 || o->presence_penalty != 0 || o->frequency_penalty != 0))
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
static double weigh(sampler_work *w, size_t n, float temp)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) {
        w->weights[i] = (double)nm_exp((w->best[i].logprob - w->best[0].logprob) / temp);
        sum += w->weights[i];
    }
    return sum;
}

/* The shortest list whose probability reaches top_p, at least one. */
static size_t cut_top_p(sampler_work *w, size_t n, double top_p)
{
    double sum = 0;

    if (top_p >= 1) return n;
    double enough = top_p * weigh(w, n, 1);
    for (size_t i = 0; i < n; i++) {
        sum += w->weights[i];
        if (sum >= enough) return i + 1;
    }
    return n;
}

/*
 * The first candidate whose running sum is above the share drawn.  Rounding may lift the share to
 * the whole sum; then it is the last candidate with any weight.
 */
static int32_t choose(sampler_work *w, size_t n, float temp, double uniform)
{
    double  share = uniform * weigh(w, n, temp), sum = 0;
    int32_t id = w->best[0].id;

    for (size_t i = 0; i < n; i++) {
        if (w->weights[i] > 0) id = w->best[i].id;
        sum += w->weights[i];
        if (sum > share) break;
    }
    return id;
}

/* Temperature 0 takes no number from the generator; any other takes one, whatever is left. */
int32_t nomul_sampler_sample(nomul_sampler *s, const float *logits)
{
    if (!s || !logits) return -1;
    const nomul_sampler_options *o = &s->options;
    sampler_work                *w = &s->work;
    size_t                       n = s->n_best;

    memcpy(w->logits, logits, s->n_vocab * sizeof *logits);
    for (size_t i = 0; i < o->n_logit_bias; i++) w->logits[s->bias[i].id] += s->bias[i].bias;
    for (size_t i = 0; s->counts && i < s->n_vocab; i++) {
        float logit = w->logits[i], count = (float)s->counts[i];
        if (count == 0) continue;
        logit = logit > 0 ? logit / o->repeat_penalty : logit * o->repeat_penalty;
        w->logits[i] = logit - (count * o->frequency_penalty + o->presence_penalty);
    }

    if (o->temp == 0) return (int32_t)s->floats->argmax(w->logits, s->n_vocab); /* greedy */

    double uniform = nm_rng_double(&s->rng);
    if (n == s->n_vocab && w->spare) {
        nm_candidates_all(w->logits, n, w->best);
        nm_candidates_sort(w->best, w->spare, n);
    } else {
        nm_candidates_best(s->floats, w->logits, s->n_vocab, w->best, n);
    }
    if (w->best[0].logprob < -FLT_MAX) return w->best[0].id; /* no token is possible */

    n = cut_top_p(w, n, (double)o->top_p);
    while (n > 1 && nm_exp(w->best[n - 1].logprob - w->best[0].logprob) < o->min_p) n--;
    return choose(w, n, o->temp, uniform);
}

int32_t nomul_sampler_next(nomul_sampler *sampler, const float *logits)
{
    int32_t id = nomul_sampler_sample(sampler, logits);

    nomul_sampler_accept(sampler, id);
    return id;
}
