/* SPDX-License-Identifier: Apache-2.0 */
/*
 * BitLinear (Zhu et al., arXiv 2406.02528): normalize with its own gain, quantize to 8 bits, add
 * and subtract, scale back:
 *
 *     n = RMSNorm(x, gain, 1e-6);  a = 127 / max(max|n|, 1e-5);  q = round(n a);  y = (C q) (s / a)
 */
#ifndef NM_BITLINEAR_H
#define NM_BITLINEAR_H

#include "base/alloc.h"
#include "base/arena.h"
#include "kernels/ternary.h"
#include "model/work.h"

#include <stdatomic.h>

#define NM_BITLINEAR_EPS 1e-6f /* always, whatever the model's rms_norm_eps */
#define NM_MAX_JOBS 3          /* BitLinears computed side by side: i, f, g of the token mixer */

typedef struct nm_bitlinear {
    nm_ternary   w;
    const float *gain; /* [cols] */

    /* For prefetching: the next matrix that a token goes through, NULL after the last. */
    const struct nm_bitlinear *next;
    size_t n_together;     /* in the first of those computed side by side: how many, it included */
    size_t n_runs;         /* in it: runs of rows of which the i-th ones belong together; 0: none */
    bool   each_quantizes; /* where it is cut: each thread for itself, so that none waits */
} nm_bitlinear;

/* y[n_tokens][rows] = BitLinear(x[n_tokens][cols]); both arrays are dense. */
typedef struct nm_bitlinear_job {
    const nm_bitlinear *layer;
    float              *y;
    const float        *x;
} nm_bitlinear_job;

/*
 * Look-ahead.  Generating a token is limited by memory bandwidth, so memory must not rest between
 * two products, where there is too little to compute for all threads: an idle thread prefetches the
 * start of its share of the next matrix into its cache, and a busy one the first KB of it while it
 * ends the present one.  This is how far the idle one got; zeros at first.
 */
typedef struct nm_ahead {
    const nm_bitlinear *first; /* of the matrices computed side by side */
    const nm_ternary   *w;     /* the one in which the thread's share begins */
    size_t              tile, n_tiles;
    size_t              group;   /* first of the current K block of these tiles */
    size_t              at, end; /* bytes of it: prefetched, in all */
    size_t              left;    /* bytes still to prefetch */
} nm_ahead;

/*
 * Prefetches a little of what the thread will read first of the matrices computed side by side that
 * begin with `first`; takes about 0.1 microseconds, at the start of a large matrix 0.4.  `extra` is
 * that of their cut's lesson.  False when there is no more to prefetch.
 */
bool nm_ahead_fetch(nm_ahead *ahead, const nm_bitlinear *first, size_t thread, size_t n_threads,
                    int64_t extra);

/* What the thread reads first of them where up to 64 tokens go through them together. */
const uint8_t *nm_ahead_first(const nm_bitlinear *first, size_t thread, size_t n_threads);

/* A thread's look-up tables, and how far it has prefetched the next matrix. */
typedef struct nm_tables {
    _Alignas(NM_ALIGN) uint8_t *bytes;
    uint64_t made;             /* number of the token and job that they are of */
    uint64_t prepared;         /* the product whose input the thread has quantized itself */
    size_t   block, block_end; /* K blocks that there are tables of */
    nm_ahead ahead;
} nm_tables;

/*
 * Of a part of a product: what nm_product_gemv_steps says of the panel where the part begins and of
 * the one where it ends.  The sums themselves are in `sums`.
 */
typedef struct nm_gemv_part {
    _Alignas(NM_ALIGN) uint16_t n_added[2][NM_PANEL_TILES];
} nm_gemv_part;

/* The parts that a panel of a product has. */
typedef struct nm_cut_panel {
    size_t part, n_parts;
    size_t area; /* of its first part: 1 where that began in another panel; of all others 0 */
} nm_cut_panel;

/* What the rounds of a cut have shown.  Thread 0 writes it each round, so no other reads it. */
typedef struct nm_lesson {
    int64_t  extra;    /* what thread 0's part is to be larger by, as bitlinear.c measures work */
    unsigned n_rounds; /* since `extra` changed */
    int      waited;   /* in these: +1 where thread 0 waited, 1 - n_threads where all others did */
} nm_lesson;

/* How n_jobs products of this shape are cut.  Zero jobs: none. */
typedef struct nm_cut {
    size_t        n_jobs, rows, cols;
    size_t       *begins; /* [n_threads + 1]: the step where each part begins, of all jobs */
    nm_cut_panel *panels; /* of each job in turn */
    nm_lesson    *lesson; /* a cache line of its own */
} nm_cut;
#define NM_CUTS 5 /* a model's: four products a layer and the logits */

/* Memory of the products, made once for all layers. */
typedef struct nm_bitlinear_scratch {
    const nm_work *work;
    size_t         n_batch; /* tokens that there is room for */
    size_t         n_rows;  /* the same, at least n_threads */
    int8_t        *q;       /* [NM_MAX_JOBS][n_rows][q_stride] */
    size_t         q_stride;
    float         *q_scale;     /* [NM_MAX_JOBS][n_rows], a cache line each: the a of each q */
    nm_tables     *tables;      /* [n_threads] */
    uint64_t       n_forwarded; /* tokens that went one by one, so far */
    int32_t       *sums;        /* [n_threads][sums_stride] */
    size_t         sums_stride;
    nm_gemv_part  *parts;         /* [n_threads] */
    nm_cut         cuts[NM_CUTS]; /* as far as they have been needed */
    uint8_t       *scratch;       /* [n_threads][scratch_stride]: of the kernels */
    size_t         scratch_stride;

    /* The products that were computed in parts, to be collected; n_cut is 0 if there are none. */
    nm_bitlinear_job cut[NM_MAX_JOBS];
    size_t           n_cut;
    const nm_cut    *now; /* how: one of the cuts */

    /* The next matrix to compute; NULL: nothing to prefetch.  Idle threads read it. */
    _Atomic(const struct nm_bitlinear *) next;
    atomic_int_fast64_t                  next_extra; /* of its cut's lesson */
} nm_bitlinear_scratch;

/* Computes up to NM_MAX_JOBS of one shape side by side, for n_tokens <= n_batch. */
void nm_bitlinear_forward(nm_bitlinear_scratch *scratch, const nm_bitlinear_job *jobs,
                          size_t n_jobs, size_t n_tokens);

/*
 * The same in two steps.  After the first, rows of y may be missing: nm_bitlinear_collect completes
 * rows [begin, end) of the j-th job, from any thread, until the next call.  So what is computed of
 * y row by row can be done by the threads that collect the rows.
 */
void nm_bitlinear_products(nm_bitlinear_scratch *scratch, const nm_bitlinear_job *jobs,
                           size_t n_jobs, size_t n_tokens);
void nm_bitlinear_collect(nm_bitlinear_scratch *scratch, size_t j, size_t begin, size_t end);

/*
 * Steps before and after the BitLinears of one token, for a round that has all of it: no thread
 * waits for the norm of another, and rows stay in the cache of the thread that computed them.
 */
typedef struct nm_around {
    nm_pool_job before; /* computes row [begin, end) of the input: each thread its own */
    nm_pool_job after;  /* for blocks of NM_AFTER_ROWS rows of each run */
    void       *context;
} nm_around;
#define NM_AFTER_ROWS 64

/* False, and nothing is done, where that does not suit the matrices or the threads. */
bool nm_bitlinear_in_one_round(nm_bitlinear_scratch *scratch, const nm_bitlinear_job *jobs,
                               size_t n_jobs, size_t n_tokens, const nm_around *around);

/*
 * What `thread` needs to compute tokens from `token` on alone, at least nm_many_ops.least_tokens,
 * while others compute others.
 */
nm_bitlinear_scratch nm_bitlinear_alone(const nm_bitlinear_scratch *all, const nm_work *alone,
                                        size_t token, size_t thread);

/* nm_pool_idle: prefetches the next matrix.  The context is a nm_bitlinear_scratch. */
bool nm_bitlinear_idle(void *scratch, size_t thread);

/* Takes the scratch memory, for matrices of at most that size; n_batch and work are set. */
void nm_bitlinear_place(nm_bitlinear_scratch *scratch, nm_arena *arena, nm_packing_id packing,
                        size_t max_rows, size_t max_cols, size_t n_threads);

#endif
