/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The products of the trainer with NEON: gradients_body.h in 128-bit registers of aarch64, of which
 * 24 of 32 hold sums.  Here are only the sizes of a tile and the instructions of its inner loop;
 * products of 16-bit integers are left to the compiler.
 */
#include "train/gradients.h"

#if defined(__aarch64__)

#include <arm_neon.h>

#define OPS nm_gradients_neon
#define TARGET
#define WIDTH 4
#define ROWS 12
/* The halves of each element, sign and all. */
#define i_dot(c, a, b) ((c) + ((a) << 16 >> 16) * ((b) << 16 >> 16) + ((a) >> 16) * ((b) >> 16))
#define v_fma(a, b, c) ((vec)vfmaq_f32(c, a, b))

#include "train/gradients_body.h"

#endif
