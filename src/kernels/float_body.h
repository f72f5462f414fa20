/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations of float_scalar.c in vectors, written once: each float_<isa>.c defines the words
 * below and includes this.  Every lane does what scalar does, in its order, so the bits are equal.
 *
 *     FLOATS                      the table's name: nm_<isa>_floats
 *     TARGET                      what a function of this instruction set is declared with
 *     WIDTH                       lanes of a vector: 4, 8 or 16
 *     vec, ints                   WIDTH floats; WIDTH 32-bit integers
 *     v_set(a)  v_load(p)  v_store(p, v)          of any alignment
 *     v_add  v_sub  v_mul  v_div                  rounded to nearest, never fused
 *     v_max(a, b)  v_min(a, b)    a > b ? a : b,  a < b ? a : b: so b if one is a NaN
 *     v_abs(v)  v_neg(v)
 *     v_of_bits(i)  i_of_bits(v)  the same bits seen the other way
 *     v_of_ints(i)                the values, rounded to nearest
 *     i_set(a)  i_load(p)  i_add  i_sub  i_halve(i)  i_to_exponent(i)     i >> 1, signed; i << 23
 *     i_store_bytes(p, i)         the low byte of each lane
 */
#include "base/bytes.h"
#include "base/exp.h"
#include "kernels/floats.h"

#define PARTS (NM_LANES / WIDTH) /* vectors that hold the lanes of a sum */

/* ---- Elements i, i+1, ... of n; past the end zeros are taken and nothing is put. ---- */

TARGET static inline vec take(const float *x, size_t i, size_t n)
{
    float rest[WIDTH] = {0};

    if (i + WIDTH <= n) return v_load(x + i);
    if (i < n) memcpy(rest, x + i, (n - i) * sizeof *x);
    return v_load(rest);
}

TARGET static inline ints take_ints(const int32_t *x, size_t i, size_t n)
{
    int32_t rest[WIDTH] = {0};

    if (i + WIDTH <= n) return i_load(x + i);
    if (i < n) memcpy(rest, x + i, (n - i) * sizeof *x);
    return i_load(rest);
}

TARGET static inline void put(float *y, size_t i, size_t n, vec v)
{
    float rest[WIDTH];

    if (i + WIDTH <= n) {
        v_store(y + i, v);
    } else {
        v_store(rest, v);
        memcpy(y + i, rest, (n - i) * sizeof *y);
    }
}

TARGET static inline void put_bytes(int8_t *y, size_t i, size_t n, ints v)
{
    int8_t rest[WIDTH];

    if (i + WIDTH <= n) {
        i_store_bytes(y + i, v);
    } else {
        i_store_bytes(rest, v);
        memcpy(y + i, rest, n - i);
    }
}

/* ---- nm_exp and what is made of it ---- */

TARGET static inline vec power_of_two(ints n)
{
    return v_of_bits(i_to_exponent(i_add(n, i_set(127))));
}

TARGET static inline vec exp_of(vec x)
{
    x = v_max(v_set(NM_EXP_LEAST), x);
    x = v_min(v_set(NM_EXP_MOST), x);

    vec rounded = v_add(v_mul(x, v_set(NM_LOG2_E)), v_set(NM_ROUNDER));
    vec n = v_sub(rounded, v_set(NM_ROUNDER));
    vec r = v_sub(x, v_mul(n, v_set(NM_LN2_HIGH)));
    r = v_sub(r, v_mul(n, v_set(NM_LN2_LOW)));

    vec p = v_set(NM_EXP_R7);
    p = v_add(v_mul(p, r), v_set(NM_EXP_R6));
    p = v_add(v_mul(p, r), v_set(NM_EXP_R5));
    p = v_add(v_mul(p, r), v_set(NM_EXP_R4));
    p = v_add(v_mul(p, r), v_set(NM_EXP_R3));
    p = v_add(v_mul(p, r), v_set(NM_EXP_R2));
    p = v_add(v_add(v_mul(p, v_mul(r, r)), r), v_set(1.0f));

    ints whole = i_sub(i_of_bits(rounded), i_of_bits(v_set(NM_ROUNDER)));
    ints half = i_halve(whole);
    return v_mul(v_mul(p, power_of_two(half)), power_of_two(i_sub(whole, half)));
}

TARGET static inline vec sigmoid(vec x)
{
    return v_div(v_set(1.0f), v_add(v_set(1.0f), exp_of(v_neg(x))));
}

TARGET static inline vec silu(vec x)
{
    return v_mul(x, sigmoid(x));
}

/* ---- RMSNorm, quantization ---- */

TARGET static float sum_of_squares(const float *x, size_t n)
{
    vec   sum[PARTS];
    float lane[NM_LANES];

    for (size_t part = 0; part < PARTS; part++) sum[part] = v_set(0.0f);
    for (size_t i = 0; i < n; i += NM_LANES) {
#pragma GCC unroll 4 /* so that the sums stay in registers at -O2, too */
        for (size_t part = 0; part < PARTS; part++) {
            vec v = take(x, i + WIDTH * part, n);
            sum[part] = v_add(sum[part], v_mul(v, v));
        }
    }
    for (size_t part = 0; part < PARTS; part++) v_store(lane + WIDTH * part, sum[part]);
    return nm_lanes_sum(lane);
}

TARGET static inline vec normalized(const float *x, const float *gain, size_t i, size_t n,
                                    vec scale)
{
    return v_mul(v_mul(take(x, i, n), scale), take(gain, i, n));
}

TARGET static void rmsnorm(float *y, const float *x, const float *gain, size_t n, float eps)
{
    vec scale = v_set(nm_norm_scale(sum_of_squares(x, n), n, eps));

    for (size_t i = 0; i < n; i += WIDTH) put(y, i, n, normalized(x, gain, i, n, scale));
}

TARGET static float largest_lane(vec v)
{
    float lane[WIDTH], largest;

    v_store(lane, v);
    largest = lane[0];
    for (size_t i = 1; i < WIDTH; i++) largest = lane[i] > largest ? lane[i] : largest;
    return largest;
}

TARGET static inline ints round_to_ints(vec v)
{
    return i_of_bits(v_add(v, v_set(NM_ROUNDER)));
}

TARGET static float quantize(int8_t *q, const float *x, size_t n)
{
    vec absmax = v_set(NM_ABSMAX_LEAST);

    for (size_t i = 0; i < n; i += WIDTH) absmax = v_max(v_abs(take(x, i, n)), absmax);
    float a = 127.0f / largest_lane(absmax);
    for (size_t i = 0; i < n; i += WIDTH)
        put_bytes(q, i, n, round_to_ints(v_mul(take(x, i, n), v_set(a))));
    return a;
}

TARGET static float rmsnorm_quantize(int8_t *q, const float *x, const float *gain, size_t n,
                                     float eps)
{
    vec scale = v_set(nm_norm_scale(sum_of_squares(x, n), n, eps));
    vec absmax = v_set(NM_ABSMAX_LEAST);

    for (size_t i = 0; i < n; i += WIDTH)
        absmax = v_max(v_abs(normalized(x, gain, i, n, scale)), absmax);
    float a = 127.0f / largest_lane(absmax);
    for (size_t i = 0; i < n; i += WIDTH)
        put_bytes(q, i, n, round_to_ints(v_mul(normalized(x, gain, i, n, scale), v_set(a))));
    return a;
}

/* ---- Element by element ---- */

TARGET static void dequantize(float *y, const int32_t *sums, float factor, size_t n)
{
    for (size_t i = 0; i < n; i += WIDTH)
        put(y, i, n, v_mul(v_of_ints(take_ints(sums, i, n)), v_set(factor)));
}

TARGET static void mlgru_step(float *out, float *h, const float *f, const float *i,
                              const float *bound, size_t n)
{
    const vec one = v_set(1.0f);

    for (size_t k = 0; k < n; k += WIDTH) {
        vec forget = sigmoid(take(f, k, n));
        if (bound) {
            vec least = take(bound, k, n);
            forget = v_add(least, v_mul(v_sub(one, least), forget));
        }
        vec kept = v_mul(forget, take(h, k, n));
        vec state = v_add(kept, v_mul(silu(take(i, k, n)), v_sub(one, forget)));
        put(h, k, n, state);
        put(out, k, n, silu(state));
    }
}

TARGET static void glu(float *y, const float *a, const float *b, size_t n)
{
    for (size_t i = 0; i < n; i += WIDTH) put(y, i, n, v_mul(silu(take(a, i, n)), take(b, i, n)));
}

TARGET static void add(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += WIDTH) put(y, i, n, v_add(take(y, i, n), take(x, i, n)));
}

TARGET static void multiply(float *y, const float *x, size_t n)
{
    for (size_t i = 0; i < n; i += WIDTH) put(y, i, n, v_mul(take(y, i, n), take(x, i, n)));
}

const nm_float_ops FLOATS = {
#define NM_FLOAT_OP(result, name, parameters, arguments) .name = name,
#include "kernels/float_ops.def"
};
