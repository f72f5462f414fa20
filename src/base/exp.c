/* SPDX-License-Identifier: Apache-2.0 */
/*
 * e^x = 2^n e^r with n = round(x / ln 2), |r| <= ln 2 / 2.  The polynomial is that of expf in
 * Cephes (Moshier); the order of operations is ours, and every vector kernel repeats it.
 *
 *     n     adding and subtracting NM_ROUNDER rounds to an integer without a conversion
 *     r     x - n ln 2, with ln 2 in two parts: n times the high part is exact, and so is the
 *           first subtraction, in which most bits cancel
 *     e^r   1 + r + r^2 p(r), p of degree 5
 *     2^n   n + 127 put where a binary32 has its exponent
 */
#include "base/exp.h"

#include "base/bytes.h"

static float power_of_two(uint32_t n)
{
    return nm_float_of_bits((n + 127) << 23);
}

float nm_exp(float x)
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
    return p * power_of_two(half) * power_of_two(whole - half);
}
