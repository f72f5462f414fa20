/* SPDX-License-Identifier: Apache-2.0 */
/*
 * e^x, its inverse and powers of 2, of our own: those of libm differ from machine to machine, and a
 * seed must give one text.  The constants and the order of operations are shared with the vector
 * kernels, which compute the same polynomial in the same steps, without fused multiply-adds.
 */
#ifndef NM_EXP_H
#define NM_EXP_H

#include "base/bytes.h"

/* Results are exact to the bit only if each operation is done as written, in the order written. */
#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) ||     \
    (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0)
#error "nomul cannot be built with -ffast-math or a part of it: they change results"
#endif

/*
 * The same bits on every machine, less than 1 ulp off for every x.  0 far below and infinity far
 * above the range of binary32; NaN for NaN.
 */
float nm_exp(float x);

/* Natural logarithm of a normal number above 0: the same bits, less than 1 ulp off. */
double nm_log(double x);

/* Adding 1.5 * 2^23 leaves a float's nearest integer, ties to even, in its low bits. */
#define NM_ROUNDER 12582912.0f

/* The constants of exp.c. */
/* clang-format off */
#define NM_EXP_LEAST (-150.0f)
#define NM_EXP_MOST  128.0f
#define NM_LOG2_E    0x1.715476p+0f
#define NM_LN2_HIGH  0.693359375f /* 355/512, 9 bits: exact times an integer below 2^15 */
#define NM_LN2_LOW   (-2.12194440e-4f)
#define NM_EXP_R7    1.9875691500e-4f /* the coefficient of r^7 */
#define NM_EXP_R6    1.3981999507e-3f
#define NM_EXP_R5    8.3334519073e-3f
#define NM_EXP_R4    4.1665795894e-2f
#define NM_EXP_R3    1.6666665459e-1f
#define NM_EXP_R2    5.0000001201e-1f
/* clang-format on */

/* nm_exp for loops that the compiler is to make vectors of. */
static inline float nm_exp_power_of_two(uint32_t n)
{
    return nm_float_of_bits((n + 127) << 23);
}

static inline float nm_exp_inline(float x)
{
    /* Beyond these limits the result is 0 or infinity anyway, and n stays small.  A NaN passes. */
    x = NM_EXP_LEAST > x ? NM_EXP_LEAST : x;
    x = NM_EXP_MOST < x ? NM_EXP_MOST : x;

    float rounded = x * NM_LOG2_E + NM_ROUNDER;
    float n = rounded - NM_ROUNDER;
    float r = (x - n * NM_LN2_HIGH) - n * NM_LN2_LOW;

    float p = NM_EXP_R7;
    p = p * r + NM_EXP_R6;
    p = p * r + NM_EXP_R5;
    p = p * r + NM_EXP_R4;
    p = p * r + NM_EXP_R3;
    p = p * r + NM_EXP_R2;
    p = (p * (r * r) + r) + 1.0f;

    /* 2^n in two factors: |n| goes up to 217, and a result below 2^-126 is rounded only once. */
    uint32_t whole = nm_bits_of_float(rounded) - nm_bits_of_float(NM_ROUNDER);
    uint32_t half = (uint32_t)((int32_t)whole >> 1);
    return p * nm_exp_power_of_two(half) * nm_exp_power_of_two(whole - half);
}

#endif
