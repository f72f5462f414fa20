/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The optimizer on the CPU; on a GPU cuda.cu has the same formulas.  Threads take blocks of
 * values.  The norm is a sum of the blocks' sums, in their order: the same for any number of
 * threads, and with it every value of a training.
 */
#include "train/adamw.h"

#include "base/bytes.h"

#include <math.h>
#include <string.h>

#define BLOCK ((size_t)16384)

/* The context of both jobs; items are blocks of BLOCK values. */
typedef struct work {
    nm_adamw              *a;
    const nm_latent       *l;
    const nm_gradient_ops *ops;
    nm_adamw_factors       factors;
} work;

bool nm_adamw_open(nm_adamw *a, const nm_latent *l, nomul_error *err)
{
    *a = (nm_adamw){.power1 = 1, .power2 = 1};
    a->n_blocks = (l->n_values + BLOCK - 1) / BLOCK;
    for (int placing = 0; placing < 2; placing++) {
        if (placing && !nm_arena_back(&a->arena, err)) return false;
        a->m = nm_arena_take(&a->arena, l->n_values, sizeof *a->m);
        a->v = nm_arena_take(&a->arena, l->n_values, sizeof *a->v);
        a->partial = nm_arena_take(&a->arena, a->n_blocks, sizeof *a->partial);
    }
    return true;
}

void nm_adamw_close(nm_adamw *a)
{
    nm_arena_free(&a->arena);
    *a = (nm_adamw){.n_steps = 0};
}

/* partial[block] = the sum of the squares of its gradients. */
static void sum_blocks(void *context, size_t begin, size_t end, size_t thread)
{
    const work *w = context;

    (void)thread;
    for (size_t i = begin; i < end; i++)
        w->a->partial[i] =
            w->ops->squares(w->l->grads + i * BLOCK, nm_smaller(BLOCK, w->l->n_values - i * BLOCK));
}

double nm_adamw_norm(nm_adamw *a, const nm_latent *l, const nm_gradient_ops *ops, nm_pool *pool)
{
    work   w = {.a = a, .l = l, .ops = ops};
    double sum = 0;

    nm_pool_run(pool, sum_blocks, &w, a->n_blocks, 1);
    for (size_t i = 0; i < a->n_blocks; i++) sum += a->partial[i];
    return sqrt(sum);
}

/* Values [at, end) of one tensor or of several: the tensors decide about decay. */
static void step_blocks(void *context, size_t begin, size_t end, size_t thread)
{
    const work      *w = context;
    const nm_latent *l = w->l;
    size_t           at = begin * BLOCK, stop = nm_smaller(end * BLOCK, l->n_values);

    (void)thread;
    const nm_latent_tensor *t = l->tensors; /* the one that the first value is in */
    while (t->at + t->rows * t->cols <= at) t++;
    for (size_t n; at < stop; at += n, t++) {
        nm_adamw_factors factors = w->factors;
        if (t->is_matrix) factors.keep = factors.decayed;
        n = nm_smaller(stop, t->at + t->rows * t->cols) - at;
        w->ops->adamw(l->values + at, w->a->m + at, w->a->v + at, l->grads + at, &factors, n);
        memset(l->grads + at, 0, n * sizeof *l->grads);
    }
}

/*
 * The means m and v begin with 0, so after n steps they are too small by 1 - beta^n.  Both
 * corrections are folded into factors, which is one multiplication less for each weight:
 *
 *     w -= rate' (m / (1 - beta1^n)) / (sqrt(v / (1 - beta2^n)) + eps)
 *        = (rate' / (1 - beta1^n)) m / (sqrt(v) (1 / sqrt(1 - beta2^n)) + eps)
 */
nm_adamw_factors nm_adamw_next(nm_adamw *a, const nm_adamw_options *o, float rate, double norm)
{
    bool is_clipped = o->grad_clip > 0 && norm > (double)o->grad_clip;

    a->n_steps++;
    a->power1 *= (double)o->beta1, a->power2 *= (double)o->beta2;
    return (nm_adamw_factors){
        .clip = is_clipped ? (float)((double)o->grad_clip / (norm + 1e-6)) : 1.0f,
        .beta1 = o->beta1,
        .beta2 = o->beta2,
        .rate = (float)((double)rate / (1 - a->power1)),
        .root = (float)(1 / sqrt(1 - a->power2)),
        .keep = 1.0f,
        .decayed = 1.0f - rate * o->weight_decay,
    };
}

void nm_adamw_step(nm_adamw *a, nm_latent *l, const nm_gradient_ops *ops, nm_pool *pool,
                   const nm_adamw_options *o, float rate, double norm)
{
    work w = {.a = a, .l = l, .ops = ops, .factors = nm_adamw_next(a, o, rate, norm)};

    nm_pool_run(pool, step_blocks, &w, a->n_blocks, 4);
}
