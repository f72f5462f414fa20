/* SPDX-License-Identifier: Apache-2.0 */
/* What gradients_avx512.c and gradients_vnni.c share: 512-bit registers, 24 of 32 hold sums. */
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
