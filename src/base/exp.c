/* SPDX-License-Identifier: Apache-2.0 */
/*
 * e^x = 2^n e^r with n = round(x / ln 2), |r| <= ln 2 / 2.  The polynomial is the one of Cephes'
 * expf (Moshier); the order of operations is ours and is what every vector kernel repeats.
 */
#include "base/exp.h"

#include "base/bytes.h"

/* Adding 1.5 * 2^23 leaves a float's nearest integer, ties to even, in its low bits. */
#define ROUNDER 12582912.0f

static float power_of_two(uint32_t n)
{
    return nm_float_of_bits((n + 127) << 23);
}

float nm_exp(float x)
{
    /* Beyond these the result is 0 or infinity anyway, and n stays small; a NaN passes. */
    x = -150.0f > x ? -150.0f : x;
    x = 128.0f < x ? 128.0f : x;

    float rounded = x * 0x1.715476p+0f + ROUNDER;
    float n = rounded - ROUNDER;
    /* ln 2 in two parts: 355/512 has 9 bits, so n * 355/512 is exact. */
    float r = (x - n * 0.693359375f) - n * -2.12194440e-4f;

    float p = 1.9875691500e-4f;
    p = p * r + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    p = (p * (r * r) + r) + 1.0f;

    /* 2^n in two halves: |n| goes to 217, and a result below 2^-126 is rounded once only. */
    uint32_t whole = nm_bits_of_float(rounded) - nm_bits_of_float(ROUNDER);
    uint32_t half = (uint32_t)((int32_t)whole >> 1);
    return p * power_of_two(half) * power_of_two(whole - half);
}
