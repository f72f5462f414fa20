/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The float operations in WebAssembly's SIMD: float_body.h in 128-bit vectors, 4 floats each.  Here
 * are only the vector primitives that the body is written in.  A module has SIMD or not; there is
 * no choice at run time.
 */
#include "kernels/kernels.h"

#if defined(__wasm_simd128__)

#include <string.h>
#include <wasm_simd128.h>

#define FLOATS nm_wasm_floats
#define TARGET /* nothing: a module has SIMD or not */
#define WIDTH 4
/* pmax(a, b) is a < b ? b : a. */
#define v_max(a, b) ((vec)wasm_f32x4_pmax((v128_t)(b), (v128_t)(a)))
#define v_min(a, b) ((vec)wasm_f32x4_pmin((v128_t)(b), (v128_t)(a)))
#define wide doubles
#define v_low(v) ((doubles)wasm_f64x2_promote_low_f32x4((v128_t)(v)))
#define v_high(v) v_low(wasm_i32x4_shuffle((v128_t)(v), (v128_t)(v), 2, 3, 2, 3))
#define i_store_bytes(p, i) wasm_v128_store32_lane((p), low_bytes((v128_t)(i)), 0)

typedef double doubles __attribute__((vector_size(16), aligned(8), may_alias));

static inline v128_t low_bytes(v128_t i)
{
    return wasm_i8x16_shuffle(i, i, 0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
}

#include "kernels/float_body.h"

#endif
