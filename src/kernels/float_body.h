/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations of float_scalar.c in vectors, written once: each float_<isa>.c defines the names
 * below and includes this.  Every lane does what scalar does, in its order, so the bits are equal.
 *
 *     FLOATS                      the table's name: nm_<isa>_floats
 *     TARGET                      what a function of this instruction set is declared with
 *     WIDTH                       lanes of a vector: 4, 8 or 16
 *     v_max(a, b)  v_min(a, b)    a > b ? a : b,  a < b ? a : b: so b if one is a NaN
 *     i_store_bytes(p, i)         the low byte of each lane
 *     wide                        a vector of WIDTH / 2 doubles
 *     v_low(v)  v_high(v)         the lower and the upper half of the lanes as doubles
 *
 * The rest is done by operators on vector types, which gcc and clang compile to one instruction
 * each; with -ffp-contract=off none are fused.
 */
#include "base/bytes.h"
#include "base/exp.h"
#include "kernels/floats.h"

#include <float.h>

#define PARTS (NM_LANES / WIDTH) /* vectors that hold the lanes of a sum */
#define CHAINS 4                 /* vectors for exponentials(): a multiple of PARTS */

/* The statement for k = 0, 1, ... below n, unrolled. */
#define SIDE_BY_SIDE(n, ...)                                                                       \
    do {                                                                                           \
        _Pragma("GCC unroll 4") for (size_t k = 0; k < (n); k++)                                   \
        {                                                                                          \
            __VA_ARGS__;                                                                           \
        }                                                                                          \
    } while (0)

typedef float    vec __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
typedef int32_t  ints __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
typedef uint32_t words __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));

/* All lanes a.  Minus 0, because -0 + 0 is 0. */
TARGET static inline vec all(float a)
{
    return a - (vec){0};
}

/*
 * ---- Elements i, i+1, ... of n: past the end `none` is loaded and nothing is stored ----
 * What is left there is less than WIDTH; the remainder says so to gcc, which warns otherwise.
 */

TARGET static inline vec load_or(const float *x, size_t i, size_t n, float none)
{
    if (i + WIDTH <= n) return *(const vec *)(x + i);
    vec rest = all(none);
    if (i < n) memcpy(&rest, x + i, (n - i) % WIDTH * sizeof *x);
    return rest;
}

/*
 * The statement for i = 0, step, 2 step, ... below n.  It is compiled twice: while step elements
 * are left, `end` is i + step and load and store have nothing to check, which halves the
 * instructions of a short body; for the rest it is n.
 */
#define EACH(i, step, n, ...)                                                                      \
    do {                                                                                           \
        size_t i = 0;                                                                              \
        for (; i + (step) <= (n); i += (step)) {                                                   \
            const size_t end = i + (step);                                                         \
            __VA_ARGS__;                                                                           \
        }                                                                                          \
        if (i < (n)) {                                                                             \
            const size_t end = (n);                                                                \
            __VA_ARGS__;                                                                           \
        }                                                                                          \
    } while (0)

TARGET static inline vec load(const float *x, size_t i, size_t n)
{
    return load_or(x, i, n, 0.0f);
}

TARGET static inline void store(float *y, size_t i, size_t n, vec v)
{
    if (i + WIDTH <= n)
        *(vec *)(y + i) = v;
    else
        memcpy(y + i, &v, (n - i) % WIDTH * sizeof *y);
}

/* Rounded to nearest, ties to even; of at most 127 in size. */
TARGET static inline void store_rounded(int8_t *q, size_t i, size_t n, vec v)
{
    ints   rounded = (ints)(v + NM_ROUNDER);
    int8_t rest[WIDTH];

    if (i + WIDTH <= n) {
        i_store_bytes(q + i, rounded);
    } else {
        i_store_bytes(rest, rounded);
        memcpy(q + i, rest, n - i);
    }
}

/* ---- nm_exp and what is made of it ---- */

TARGET static inline vec power_of_two(words n)
{
    return (vec)((n + 127) << 23);
}

/*
 * Of the n vectors x, side by side: most steps wait for the one before, and a processor that looks
 * at some 100 instructions ahead finds others to do only if they stand between them.
 */
__attribute__((always_inline)) TARGET static inline void exponentials(vec *x, const size_t n)
{
    vec rounded[CHAINS], r[CHAINS], p[CHAINS];

    SIDE_BY_SIDE(n, x[k] = v_min(all(NM_EXP_MOST), v_max(all(NM_EXP_LEAST), x[k])));
    SIDE_BY_SIDE(n, rounded[k] = x[k] * NM_LOG2_E + NM_ROUNDER);
    SIDE_BY_SIDE(n, p[k] = rounded[k] - NM_ROUNDER);
    SIDE_BY_SIDE(n, r[k] = (x[k] - p[k] * NM_LN2_HIGH) - p[k] * NM_LN2_LOW);

    SIDE_BY_SIDE(n, p[k] = all(NM_EXP_R7) * r[k] + NM_EXP_R6);
    SIDE_BY_SIDE(n, p[k] = p[k] * r[k] + NM_EXP_R5);
    SIDE_BY_SIDE(n, p[k] = p[k] * r[k] + NM_EXP_R4);
    SIDE_BY_SIDE(n, p[k] = p[k] * r[k] + NM_EXP_R3);
    SIDE_BY_SIDE(n, p[k] = p[k] * r[k] + NM_EXP_R2);
    SIDE_BY_SIDE(n, p[k] = (p[k] * (r[k] * r[k]) + r[k]) + 1.0f);

    SIDE_BY_SIDE(n, {
        words whole = (words)rounded[k] - (words)all(NM_ROUNDER);
        words half = (words)((ints)whole >> 1);
        x[k] = p[k] * power_of_two(half) * power_of_two(whole - half);
    });
}

__attribute__((always_inline)) TARGET static inline vec exponential(vec x)
{
    exponentials(&x, 1);
    return x;
}

TARGET static inline vec sigmoid(vec x)
{
    return 1.0f / (1.0f + exponential(-x));
}

TARGET static inline vec silu(vec x)
{
    return x * sigmoid(x);
}

/* ---- RMSNorm, quantization ---- */

TARGET static inline void add_squares(vec sum[PARTS], const float *x, size_t i, size_t n)
{
#pragma GCC unroll 4 /* so that the sums stay in registers at -O2, too */
    for (size_t part = 0; part < PARTS; part++) {
        vec v = load(x, i + WIDTH * part, n);
        sum[part] += v * v;
    }
}

/* What rmsnorm multiplies by. */
TARGET static float norm_scale(const float *x, size_t n, float eps)
{
    vec   sum[PARTS];
    float lane[NM_LANES];

    for (size_t part = 0; part < PARTS; part++) sum[part] = (vec){0};
    EACH(i, NM_LANES, n, add_squares(sum, x, i, end));
    for (size_t part = 0; part < PARTS; part++) *(vec *)(lane + WIDTH * part) = sum[part];
    return nm_norm_scale(nm_lanes_sum(lane), n, eps);
}

TARGET static void rmsnorm(float *y, const float *x, const float *gain, size_t n, float eps)
{
    float scale = norm_scale(x, n, eps);

    EACH(i, WIDTH, n, store(y, i, end, load(x, i, end) * scale * load(gain, i, end)));
}

TARGET static inline vec larger_magnitude(vec so_far, vec v)
{
    return v_max((vec)((ints)v & INT32_MAX), so_far);
}

/* The factor a of quantize, of the largest magnitudes in each lane. */
TARGET static float factor(vec absmax)
{
    float largest = absmax[0];

    for (size_t i = 1; i < WIDTH; i++) largest = absmax[i] > largest ? absmax[i] : largest;
    return 127.0f / largest;
}

TARGET static float quantize(int8_t *q, const float *x, size_t n)
{
    vec absmax = all(NM_ABSMAX_LEAST);

    EACH(i, WIDTH, n, absmax = larger_magnitude(absmax, load(x, i, end)));
    float a = factor(absmax);
    EACH(i, WIDTH, n, store_rounded(q, i, end, load(x, i, end) * a));
    return a;
}

TARGET static float rmsnorm_quantize(int8_t *q, const float *x, const float *gain, size_t n,
                                     float scale)
{
    vec absmax = all(NM_ABSMAX_LEAST);

    EACH(i, WIDTH, n,
         absmax = larger_magnitude(absmax, load(x, i, end) * scale * load(gain, i, end)));
    float a = factor(absmax);
    EACH(i, WIDTH, n, store_rounded(q, i, end, load(x, i, end) * scale * load(gain, i, end) * a));
    return a;
}

/* ---- Element by element ---- */

TARGET static inline vec load_integers(const int32_t *x, size_t i, size_t n)
{
    ints part = {0};

    if (i + WIDTH <= n)
        part = *(const ints *)(x + i);
    else
        memcpy(&part, x + i, (n - i) % WIDTH * sizeof *x);
    return __builtin_convertvector(part, vec);
}

TARGET static void dequantize(float *y, const int32_t *sums, float factor, size_t n)
{
    EACH(i, WIDTH, n, store(y, i, end, load_integers(sums, i, end) * factor));
}

/* Two vectors of the state: four exponentials side by side, then two, take a fifth less time. */
#define PAIR (2 * WIDTH)
__attribute__((noinline)) TARGET static void mlgru_pair(float *out, float *h, const float *f,
                                                        const float *i, const float *bound)
{
    vec in[2], state[2], e[4]; /* of e: forget, forget, sigmoid(i), sigmoid(i) */

    SIDE_BY_SIDE(2, in[k] = *(const vec *)(i + WIDTH * k));
    SIDE_BY_SIDE(2, e[k] = -*(const vec *)(f + WIDTH * k), e[2 + k] = -in[k]);
    exponentials(e, 4);
    SIDE_BY_SIDE(4, e[k] = 1.0f / (1.0f + e[k]));
    if (bound)
        SIDE_BY_SIDE(2, {
            vec least = *(const vec *)(bound + WIDTH * k);
            e[k] = least + (1.0f - least) * e[k];
        });
    SIDE_BY_SIDE(2, state[k] = e[k] * *(vec *)(h + WIDTH * k) + in[k] * e[2 + k] * (1.0f - e[k]));
    SIDE_BY_SIDE(2, *(vec *)(h + WIDTH * k) = state[k], e[k] = -state[k]);
    exponentials(e, 2);
    SIDE_BY_SIDE(2, *(vec *)(out + WIDTH * k) = state[k] * (1.0f / (1.0f + e[k])));
}

TARGET static void mlgru_step(float *out, float *h, const float *f, const float *i,
                              const float *bound, size_t n)
{
    const float *from[] = {h, f, i, bound};
    float        rest[4][PAIR] = {{0}};
    size_t       k = 0, left = n % PAIR * sizeof *h;

    for (; k + PAIR <= n; k += PAIR)
        mlgru_pair(out + k, h + k, f + k, i + k, bound ? bound + k : NULL);
    if (!left) return;
    for (size_t j = 0; j < (bound ? 4 : 3); j++) memcpy(rest[j], from[j] + k, left);
    mlgru_pair(rest[1], rest[0], rest[1], rest[2], bound ? rest[3] : NULL);
    memcpy(h + k, rest[0], left), memcpy(out + k, rest[1], left);
}

TARGET static void glu(float *y, const float *a, const float *b, size_t n)
{
    EACH(i, WIDTH, n, store(y, i, end, silu(load(a, i, end)) * load(b, i, end)));
}

TARGET static void add(float *y, const float *x, size_t n)
{
    EACH(i, WIDTH, n, store(y, i, end, load(y, i, end) + load(x, i, end)));
}

TARGET static void multiply(float *y, const float *x, size_t n)
{
    EACH(i, WIDTH, n, store(y, i, end, load(y, i, end) * load(x, i, end)));
}

/* ---- Logits ---- */

/* No NaN, no plus infinity.  Past the end: minus infinity. */
TARGET static inline vec load_logits(const float *x, size_t i, size_t n)
{
    return v_min(v_max(load_or(x, i, n, -INFINITY), all(-INFINITY)), all(FLT_MAX));
}

TARGET static inline void keep_largest(vec most[PARTS], const float *x, size_t i, size_t n)
{
#pragma GCC unroll 4
    for (size_t part = 0; part < PARTS; part++)
        most[part] = v_max(load_logits(x, i + WIDTH * part, n), most[part]);
}

TARGET static float largest(const float *x, size_t n)
{
    vec   most[PARTS];
    float best = -INFINITY;

    for (size_t part = 0; part < PARTS; part++) most[part] = all(best);
    EACH(i, NM_LANES, n, keep_largest(most, x, i, end));
    for (size_t part = 1; part < PARTS; part++) most[0] = v_max(most[0], most[part]);
    for (size_t i = 0; i < WIDTH; i++) best = most[0][i] > best ? most[0][i] : best;
    return best + 0.0f;
}

/* Block by block: only the one that has the largest is searched for it. */
TARGET static size_t argmax(const float *x, size_t n)
{
    const size_t block = 1024;
    float        most = -INFINITY;
    size_t       at = 0;

    for (size_t i = 0; i < n; i += block) {
        float best = largest(x + i, n - i < block ? n - i : block);
        if (best > most) most = best, at = i;
    }
    if (most < -FLT_MAX) return 0;
    while (!(x[at] >= most)) at++;
    return at;
}

TARGET static double softmax(float *y, const float *x, size_t n, float max, float temp)
{
    enum { TOGETHER = CHAINS * WIDTH };
    wide   sum[2 * PARTS];
    float  rest[TOGETHER];
    double lane[NM_LANES];

    if (max < -FLT_MAX) return nm_softmax_even(y, n);
    for (size_t i = 0; i < 2 * PARTS; i++) sum[i] = (wide){0};
    for (size_t i = 0; i < n; i += TOGETHER) {
        const float *from = x + i;
        float       *to = y ? y + i : rest;
        vec          e[CHAINS];
        if (n - i < TOGETHER) { /* past the end are minus infinities, and zeros come of them */
            for (size_t k = 0; k < TOGETHER; k++) rest[k] = -INFINITY;
            from = to = memcpy(rest, from, (n - i) % TOGETHER * sizeof *x);
        }
        SIDE_BY_SIDE(CHAINS, e[k] = load_logits(from, WIDTH * k, TOGETHER) - max);
        if (temp != 1.0f) SIDE_BY_SIDE(CHAINS, e[k] = e[k] / temp);
        exponentials(e, CHAINS);
        SIDE_BY_SIDE(CHAINS, store(to, WIDTH * k, TOGETHER, e[k]));
        SIDE_BY_SIDE(CHAINS, sum[k % PARTS * 2] += v_low(e[k]));
        SIDE_BY_SIDE(CHAINS, sum[k % PARTS * 2 + 1] += v_high(e[k]));
        if (y && to == rest) memcpy(y + i, rest, (n - i) % TOGETHER * sizeof *y);
    }
    for (size_t i = 0; i < 2 * PARTS; i++) memcpy(lane + WIDTH / 2 * i, &sum[i], sizeof sum[i]);
    return nm_wide_lanes_sum(lane);
}

const nm_float_ops FLOATS = {
#define NM_FLOAT_OP(result, name, parameters, arguments) .name = name,
#include "kernels/float_ops.def"
};
