/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The products of the trainer for any processor: gradients_body.h with the compiler's own vectors.
 * A product and its sum are rounded apart, so the bits differ from those of the variants that fuse
 * them.
 */
#define OPS nm_gradients_scalar
#define TARGET
#define WIDTH 4
#define ROWS 4
/* The halves of each element, sign and all. */
#define i_dot(c, a, b) ((c) + ((a) << 16 >> 16) * ((b) << 16 >> 16) + ((a) >> 16) * ((b) >> 16))
#define v_fma(a, b, c) ((a) * (b) + (c))

#include "train/gradients_body.h"
