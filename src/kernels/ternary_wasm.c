/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ternary products with the vectors of WebAssembly.  Plain SIMD128 alone: the results of relaxed
 * SIMD depend on the machine.  Two vectors of rows at a time (V_PASS) were slower, 30 % of SSSE3's
 * speed instead of 47 %: x86 has 16 registers, and a swizzle there needs another two of them.
 */
#include "kernels/kernels.h"

#if defined(__wasm_simd128__)

#include <wasm_simd128.h>

#define V_BYTES 16
#define V_TARGET "simd128"
#define V_PASS 1
#define V_SHUFFLE(table, index) ((vec)wasm_i8x16_swizzle((v128_t)(table), (v128_t)(index)))
#define V_TABLE(from) (*(const vec *)(from))
#define V_LESS(a, b) ((vec)wasm_i8x16_lt((v128_t)(a), (v128_t)(b)))
#define V_SIGN(v) ((vec)wasm_i8x16_shr((v128_t)(v), 7))
#define V_NEGATE(v, sign) (((v) ^ V_SIGN(sign)) - V_SIGN(sign))
#define V_AHEAD(from) ((void)(from)) /* there is no prefetching */
#define V_AHEAD_ONCE(from) V_AHEAD(from)

#include "kernels/ternary_shuffle.h"

/* ---- Many tokens ----------------------------------------------------------------------------- */

#define V_LEAST_TOKENS 3
#define V_MANY_PASS 1

#include "kernels/ternary_pairs.h"

const nm_ternary_ops nm_wasm_ternary[NM_PACKINGS] = {
    [NM_T4] = {3 * NM_TABLE_BYTES, nm_tables_t4, add_tile_t4, nm_tables_finish_16, &many_T4},
    [NM_T5] = {3 * NM_TABLE_BYTES, nm_tables_t5, add_tile_t5, nm_tables_finish_16, &many_T5},
};

#endif
