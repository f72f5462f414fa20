/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What gradients_avx512.c and gradients_vnni.c share: registers of 512 bits, of which 24 of 32 hold
 * sums.  They differ in one instruction, the sum of products of 16-bit integers, which the file
 * that includes this one defines.
 */
#include "kernels/target.h"

#include <immintrin.h>

/* gcc would make vectors of 256 bits of the loops. */
#if defined(__clang__)
#define WIDE
#else
#define WIDE ",prefer-vector-width=512"
#endif

#define WIDTH 16
#define ROWS 12
#define v_fma(a, b, c) ((vec)_mm512_fmadd_ps(a, b, c))
