/* SPDX-License-Identifier: Apache-2.0 */
/* gradients_body.h in 256-bit registers of x86: 12 of 16 hold sums. */
#include "train/gradients.h"

#if defined(__x86_64__)

#include "kernels/target.h"

#include <immintrin.h>

#define OPS nm_gradients_avx2
#define TARGET NM_TARGET("avx2,fma")
#define WIDTH 8
#define ROWS 6
#define v_fma(a, b, c) ((vec)_mm256_fmadd_ps(a, b, c))

#include "train/gradients_body.h"

#endif
