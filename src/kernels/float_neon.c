/* SPDX-License-Identifier: Apache-2.0 */
/* The words of float_body.h in the 128-bit registers of aarch64. */
#include "kernels/kernels.h"

#if defined(__aarch64__)

#include <arm_neon.h>
#include <string.h>

#define FLOATS nm_neon_floats
#define TARGET /* nothing: NEON is part of aarch64 */
#define WIDTH 4

typedef float32x4_t vec;
typedef int32x4_t   ints;

/* clang-format off */
#define v_set(a)         vdupq_n_f32(a)
#define v_load(p)        vld1q_f32(p)
#define v_store(p, v)    vst1q_f32(p, v)
#define v_add(a, b)      vaddq_f32(a, b)
#define v_sub(a, b)      vsubq_f32(a, b)
#define v_mul(a, b)      vmulq_f32(a, b)
#define v_div(a, b)      vdivq_f32(a, b)
#define v_abs(v)         vabsq_f32(v)
#define v_neg(v)         vnegq_f32(v)
#define v_of_bits(i)     vreinterpretq_f32_s32(i)
#define i_of_bits(v)     vreinterpretq_s32_f32(v)
#define v_of_ints(i)     vcvtq_f32_s32(i)
#define i_set(a)         vdupq_n_s32(a)
#define i_load(p)        vld1q_s32(p)
#define i_add(a, b)      vaddq_s32(a, b)
#define i_sub(a, b)      vsubq_s32(a, b)
#define i_halve(i)       vshrq_n_s32(i, 1)
#define i_to_exponent(i) vshlq_n_s32(i, 23)
/* clang-format on */

/* Not vmaxq and vminq: they give a NaN for a NaN. */
static inline vec v_max(vec a, vec b)
{
    return vbslq_f32(vcgtq_f32(a, b), a, b);
}

static inline vec v_min(vec a, vec b)
{
    return vbslq_f32(vcltq_f32(a, b), a, b);
}

static inline void i_store_bytes(int8_t *p, ints i)
{
    int16x4_t words = vmovn_s32(i);
    int8x8_t  bytes = vmovn_s16(vcombine_s16(words, words));
    int32_t   four = vget_lane_s32(vreinterpret_s32_s8(bytes), 0);

    memcpy(p, &four, sizeof four);
}

#include "kernels/float_body.h"

#endif
