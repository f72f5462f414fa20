/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul-train bench: the speed of a step on random weights and random ids, and how much of the
 * machine's multiply-add peak the backward products reach.  The peak is what the product's own
 * inner loop does on operands in the first-level cache, by all threads at once.
 */
#include "train/trainer.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/rng.h"

#include <inttypes.h>
#include <string.h>

#define PEAK_CALLS 20000
#define PEAK_TRIES 5
#define WARM_STEPS 1     /* not measured: pages are touched, caches filled */
#define MEASURED_STEPS 2 /* in which each launch on a GPU is measured */

typedef struct peak_job {
    const nm_gradient_ops *ops;
    float                 *scratch; /* of each thread: a, b, tile */
} peak_job;

/* Items are calls of the inner loop; nothing is read but a thread's own a and b. */
static void run_peak(void *context, size_t begin, size_t end, size_t thread)
{
    const peak_job *p = context;
    size_t          depth = NM_MATMUL_DEPTH;
    float          *a = p->scratch + thread * (NM_MATMUL_SCRATCH / sizeof(float));
    float          *b = a + NM_MATMUL_MAX_ROWS * depth, *tile = b + NM_MATMUL_MAX_COLS * depth;

    for (size_t i = begin; i < end; i++) p->ops->tile(tile, a, b, depth);
}

/* Floating-point operations a second, the best of some tries. */
static double measure_peak(const nm_trainer *t)
{
    peak_job p = {.ops = t->tape.ops, .scratch = t->tape.matmul};
    double   best = 0;

    for (int i = 0; i < PEAK_TRIES; i++) {
        double began = nm_clock();
        nm_pool_run(t->work.pool, run_peak, &p, PEAK_CALLS, 64);
        double speed = 2.0 * PEAK_CALLS * (double)(p.ops->rows * p.ops->cols * NM_MATMUL_DEPTH) /
                       (nm_clock() - began);
        if (speed > best) best = speed;
    }
    return best;
}

/*
 * Where the time of a step on a GPU goes: steps in which each launch is measured.  Bytes are those
 * that have to be moved, so a speed beyond the memory's is the cache's.
 */
static bool report_works(nm_trainer *t, nomul_error *err)
{
    static const char *const names[NM_CUDA_WORKS] = {
        [NM_CUDA_EMBEDDING] = "embedding, both ways",
        [NM_CUDA_QUANTIZE] = "norms and quantizing",
        [NM_CUDA_PRODUCTS] = "products",
        [NM_CUDA_SCAN] = "recurrence",
        [NM_CUDA_HEAD_PRODUCTS] = "head, all products",
        [NM_CUDA_LOSS] = "loss",
        [NM_CUDA_PRODUCTS_BACK] = "products of gradients",
        [NM_CUDA_INPUT_BACK] = "norms, backwards",
        [NM_CUDA_SCAN_BACK] = "recurrence, backwards",
        [NM_CUDA_PRODUCTS_WEIGHTS] = "products for weights",
        [NM_CUDA_GAINS] = "gradients of gains",
        [NM_CUDA_SUM] = "sums over GPUs",
        [NM_CUDA_GRAD_NORM] = "norm of gradients",
        [NM_CUDA_ADAMW] = "optimizer",
        [NM_CUDA_TRITS] = "quantizing weights",
    };
    nm_cuda         *cuda = t->parts[0].cuda;
    nm_cuda_measured total[NM_CUDA_WORKS];
    double           n = MEASURED_STEPS;

    nm_cuda_measure(cuda);
    for (int i = 0; i < MEASURED_STEPS; i++)
        if (!nm_trainer_step(t, err)) return false;
    nm_cuda_take_measured(cuda, total);
    if (t->ranks.rank) return true;
    printf("%-24s%10s%10s%10s%10s%10s\n", "one after the other", "launches", "ms", "GB", "GB/s",
           "TFLOP/s");
    for (int i = 0; i < NM_CUDA_WORKS; i++) {
        const nm_cuda_measured *x = &total[i];
        if (!x->n) continue;
        printf("%-24s%10.0f%10.2f%10.2f%10.0f%10.0f\n", names[i], (double)x->n / n, x->ms / n,
               x->bytes / n / 1e9, x->bytes / x->ms / 1e6, x->flops / x->ms / 1e9);
    }
    return true;
}

/* The parts of a step by the GPU's own clock, since the steps that are not measured. */
static bool report_gpu(nm_trainer *t, nomul_error *err)
{
    nm_cuda *cuda = t->parts[0].cuda;
    float    ms[NM_CUDA_PARTS] = {0};

    nm_cuda_take_times(cuda, ms);
    for (int i = 0; i < NM_CUDA_PARTS; i++) ms[i] /= (float)t->options.max_iters;
    printf("of that on the GPU: forward %.1f ms, head and loss %.1f ms, backward %.1f ms, "
           "optimizer and quantizing %.1f ms\n",
           ms[NM_CUDA_FORWARD], ms[NM_CUDA_HEAD], ms[NM_CUDA_BACKWARD], ms[NM_CUDA_OPTIMIZER]);
    printf("memory: %.1f GiB, for %zu of the streams at once\n",
           (double)nm_cuda_bytes(cuda) / (1024.0 * 1024 * 1024), t->n_micro);
    return report_works(t, err);
}

/*
 * 6 N T is the usual count of the operations of N weights and T tokens: two for each weight and
 * token forward, which are additions here, and four backward, in two products.
 */
bool nm_bench_run(nm_trainer *t, nomul_error *err)
{
    const nm_train_options *o = &t->options;
    const nm_latent        *l = &t->latent;
    double                  n_tokens = (double)(o->batch_size * o->block_size), seconds = 0;
    nm_cuda                *cuda = t->parts[0].cuda;
    double                  best = 0, peak = cuda ? 0 : measure_peak(t);
    size_t                  n_threads = nm_pool_threads(t->work.pool);
    size_t                  n_gpus = cuda ? t->ranks.n * t->n_parts : 0;

    for (uint64_t i = 0; i < o->max_iters + WARM_STEPS; i++) {
        t->tape.times = (nm_tape_times){.forward = 0};
        t->clock = nm_clock();
        if (t->is_stopped) return true;
        if (!nm_trainer_step(t, err)) return false;
        if (i >= WARM_STEPS) {
            seconds += t->last_step;
            if (best == 0 || t->last_step < best) best = t->last_step;
        } else if (cuda)
            nm_cuda_take_times(cuda, (float[NM_CUDA_PARTS]){0});
    }
    double mean = seconds / (double)o->max_iters;
    if (t->ranks.rank) return !cuda || report_works(t, err);
    if (t->ranks.n * t->n_parts > 1)
        printf("%zu GPU%s in %zu process%s; of the first:\n", n_gpus, n_gpus == 1 ? "" : "s",
               t->ranks.n, t->ranks.n == 1 ? "" : "es");
    printf("%s, kernels %s, %zu thread%s; %u layer%s, width %u, feed-forward %u, vocabulary %u: "
           "%.1f M parameters\n",
           o->device, t->work.kernels->name, n_threads, n_threads == 1 ? "" : "s",
           l->config.n_layers, l->config.n_layers == 1 ? "" : "s", l->config.dim, l->config.ffn,
           l->config.vocab, (double)l->n_values / 1e6);
    printf("%" PRIu64 " x %" PRIu64 " tokens a step: %.0f ms (best %.0f), %.0f tokens/s, %.1f "
           "GFLOP/s of 6 N T\n",
           o->batch_size, o->block_size, 1e3 * mean, 1e3 * best, n_tokens / mean,
           6 * (double)l->n_values * n_tokens / mean / 1e9);
    if (cuda) return report_gpu(t, err);
    const nm_tape_times *times = &t->tape.times;
    double               speed = times->flops / times->products;
    printf("last step: forward %.0f ms, backward products %.0f ms, the rest of the backward pass "
           "%.0f ms, optimizer and quantizing %.0f ms\n",
           1e3 * times->forward, 1e3 * times->products,
           1e3 * (times->all - times->forward - times->products),
           1e3 * (t->last_step - times->all));
    printf("backward products: %.1f GFLOP/s, %.0f %% of the multiply-add peak of %.1f GFLOP/s\n",
           speed / 1e9, 100 * speed / peak, peak / 1e9);
    return true;
}
