/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The float operations with NEON: float_body.h in the 128-bit registers of aarch64, 4 floats each.
 * Here are only the vector primitives that the body is written in.  Maximum and minimum are a
 * comparison and a selection, so that a NaN gives what it gives elsewhere.
 */
#include "kernels/kernels.h"

#if defined(__aarch64__)

#include <arm_neon.h>
#include <string.h>

#define FLOATS nm_neon_floats
#define TARGET /* nothing: NEON is part of aarch64 */
#define WIDTH 4
/* Not vmaxq and vminq: they give a NaN for a NaN. */
#define v_max(a, b) ((vec)vbslq_f32(vcgtq_f32(a, b), a, b))
#define v_min(a, b) ((vec)vbslq_f32(vcltq_f32(a, b), a, b))
#define wide float64x2_t
#define v_low(v) vcvt_f64_f32(vget_low_f32((float32x4_t)(v)))
#define v_high(v) vcvt_high_f64_f32((float32x4_t)(v))
#define i_store_bytes(p, i) store_4(p, (int32x4_t)(i))

static inline void store_4(int8_t *p, int32x4_t i)
{
    int16x4_t words = vmovn_s32(i);
    int8x8_t  bytes = vmovn_s16(vcombine_s16(words, words));
    int32_t   four = vget_lane_s32(vreinterpret_s32_s8(bytes), 0);

    memcpy(p, &four, sizeof four);
}

#include "kernels/float_body.h"

#endif
