/* SPDX-License-Identifier: Apache-2.0 */
/*
 * binary16 and bfloat16: exact to binary32, rounded to nearest even from it.
 *
 *     binary32   s eeeeeeee fffffffffffffffffffffff     value: 1.f * 2^(e - 127)
 *     bfloat16   s eeeeeeee fffffff                     its upper half
 *     binary16   s eeeee ffffffffff                     value: 1.f * 2^(e - 15)
 *
 * So the exponent of a binary16 is 112 less.  Exponent 0 has no leading 1 (0.f * 2^-14), the
 * highest one is that of infinity (f = 0) and NaN.
 */
#ifndef NM_HALF_H
#define NM_HALF_H

#include "base/bytes.h"

static inline float nm_float_of_bf16(uint16_t bits)
{
    return nm_float_of_bits((uint32_t)bits << 16);
}

static inline float nm_float_of_f16(uint16_t half)
{
    uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    uint32_t exponent = half >> 10 & 31, fraction = half & 0x3FFu;

    if (exponent == 31) return nm_float_of_bits(sign | 0x7F800000u | fraction << 13);
    if (exponent == 0) { /* fraction * 2^-24, exact in binary32 */
        float value = (float)fraction * 0x1p-24f;
        return nm_float_of_bits(sign | nm_bits_of_float(value));
    }
    return nm_float_of_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

/* Infinity above 65504, after rounding; NaN for NaN. */
static inline uint16_t nm_f16_of_float(float value)
{
    uint32_t bits = nm_bits_of_float(value);
    uint16_t sign = (uint16_t)(bits >> 16 & 0x8000u);
    uint32_t magnitude = bits & 0x7FFFFFFFu;

    if (magnitude > 0x7F800000u) return (uint16_t)(sign | 0x7E00u);
    if (magnitude >= 0x477FF000u) return (uint16_t)(sign | 0x7C00u); /* 65520: rounds up */
    if (magnitude < 0x38800000u) {
        /* Below 2^-14: adding 2^-1 leaves a multiple of 2^-24, rounded to even by the adder. */
        float shifted = nm_float_of_bits(magnitude) + 0.5f;
        return (uint16_t)(sign | (nm_bits_of_float(shifted) - 0x3F000000u));
    }
    uint32_t odd = magnitude >> 13 & 1;
    return (uint16_t)(sign | (magnitude - 0x38000000u + 0xFFFu + odd) >> 13);
}

#endif
