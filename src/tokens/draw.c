/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Candidates are put into buckets by their distance from the best, and weights summed by bucket:
 *
 *     logit    max                                                  minus infinity
 *     bucket   0 | 1 | 2 | ... each 1/32 of the temperature wide ... | 2047: all that is left
 *     sum      1.9 3.1 2.7
 *
 * Sums say in which bucket a running sum reaches its target; only that one is sorted, and walked
 * candidate by candidate.
 */
#include "tokens/draw.h"

#include "tokens/candidates.h"

#include <string.h>

#define BUCKETS 2048
#define PER_TEMP 32.0f /* buckets in a distance of the temperature */
#define STEP 16        /* ids whose buckets are compared together */

void nm_draw_place(nm_draw_work *w, nm_arena *arena, size_t n_list, size_t n)
{
    w->list = nm_arena_take(arena, n_list, sizeof *w->list);
    w->plain = nm_arena_take(arena, n_list, sizeof *w->plain);
    if (n_list < n) return;
    w->spare = nm_arena_take(arena, n, sizeof *w->spare);
    w->tempered = nm_arena_take(arena, n, sizeof *w->tempered);
    w->buckets = nm_arena_take(arena, n, sizeof *w->buckets);
    w->sums = nm_arena_take(arena, BUCKETS, sizeof *w->sums);
}

size_t nm_draw_above(const nm_draw *d, float least, double *sum)
{
    const nm_draw_work *w = d->work;
    const float        *logits = d->logits, *weights = w->plain;
    nomul_logprob      *list = w->list;
    size_t              n = 0;

    *sum = d->floats->softmax(w->plain, logits, d->n, d->max, 1.0f);
    for (size_t i = 0; i < d->n; i++) { /* without a branch, which would often be guessed wrong */
        list[n] = (nomul_logprob){(int32_t)i, nm_tame_logit(logits[i])};
        n += weights[i] >= least;
    }
    nm_candidates_sort(list, w->spare, n);
    return n;
}

typedef float    floats __attribute__((vector_size(16)));
typedef int32_t  ints __attribute__((vector_size(16)));
typedef uint16_t shorts __attribute__((vector_size(16), may_alias));
typedef int64_t  longs __attribute__((vector_size(16)));

/* Puts n <= 4 ids from i on into their buckets. */
static inline void fill(const nm_draw *d, const float *plain, float scale, size_t i, size_t n)
{
    nm_draw_sums *sums = d->work->sums;
    floats        logits = {0};

    memcpy(&logits, d->logits + i, n * sizeof *d->logits);
    floats distance = (d->max - logits) * scale, last = (floats){0} + (BUCKETS - 1);
    ints   less = distance < last, some = ((ints)distance & less) | ((ints)last & ~less);
    /* The last of what is not less, such as a NaN; 0 of plus infinity. */
    ints bucket = __builtin_convertvector((floats)(some & ((floats)some > 0)), ints);
    for (size_t k = 0; k < n; k++, i++) {
        d->work->buckets[i] = (uint16_t)bucket[k];
        sums[bucket[k]].plain += (double)plain[i];
        sums[bucket[k]].tempered += (double)d->work->tempered[i];
    }
}

/* Sorts a bucket into the list; returns how many it has. */
static size_t open_bucket(const nm_draw *d, size_t bucket)
{
    const nm_draw_work *w = d->work;
    const shorts        wanted = (shorts){0} + (uint16_t)bucket;
    size_t              n = 0, end;

    for (size_t i = 0; i < d->n; i = end) {
        end = d->n - i < STEP ? d->n : i + STEP;
        if (end == i + STEP) {
            const shorts *at = (const shorts *)(w->buckets + i);
            longs         found = (longs)((at[0] == wanted) | (at[1] == wanted));
            if (!(found[0] | found[1])) continue;
        }
        for (size_t id = i; id < end; id++)
            if (w->buckets[id] == bucket)
                w->list[n++] = (nomul_logprob){(int32_t)id, nm_tame_logit(d->logits[id])};
    }
    nm_candidates_sort(w->list, w->spare, n);
    return n;
}

/*
 * The candidate with which a running sum of weights reaches the target, as an index into the list,
 * which is then its bucket; sums are those of the first bucket.  False if the sum of all weights,
 * and so each part of it, is too inexact to say.
 */
static bool find(const nm_draw *d, const float *weights, const double *sums, double target,
                 double sum, size_t *bucket, size_t *index)
{
    const size_t step = sizeof(nm_draw_sums) / sizeof *sums;
    double       before = 0, after, margin = nm_draw_margin(d->n, sum);

    *bucket = 0;
    for (; *bucket + 1 < BUCKETS && before + *sums < target; ++*bucket, sums += step)
        before += *sums;
    size_t n = open_bucket(d, *bucket);
    for (*index = 0; *index < n; ++*index, before = after) {
        after = before + (double)weights[d->work->list[*index].id];
        if (after >= target) return before < target - margin && after > target + margin;
    }
    return false;
}

int32_t nm_draw_id(const nm_draw *d)
{
    const nm_draw_work *w = d->work;
    const float        *plain = d->top_p < 1 && d->temp != 1 ? w->plain : w->tempered;
    const float         scale = fminf(PER_TEMP / d->temp, FLT_MAX);
    size_t              bucket, index, i = 0;

    double sum = d->floats->softmax(w->tempered, d->logits, d->n, d->max, d->temp);
    double all = sum;
    if (plain == w->plain) all = d->floats->softmax(w->plain, d->logits, d->n, d->max, 1.0f);
    memset(w->sums, 0, BUCKETS * sizeof *w->sums);
    for (; i + 4 <= d->n; i += 4) fill(d, plain, scale, i, 4);
    fill(d, plain, scale, i, d->n - i);
    if (d->top_p < 1) {
        if (!find(d, plain, &w->sums->plain, d->top_p * all, all, &bucket, &index)) return -1;
        sum = 0;
        for (i = 0; i < bucket; i++) sum += w->sums[i].tempered;
        for (i = 0; i <= index; i++) sum += (double)w->tempered[w->list[i].id];
    }
    if (!find(d, w->tempered, &w->sums->tempered, d->uniform * sum, sum, &bucket, &index))
        return -1;
    return w->list[index].id;
}
