/* SPDX-License-Identifier: Apache-2.0 */
/* gradients_body.h for any processor: the compiler's own vectors, products and sums apart. */
#define OPS nm_gradients_scalar
#define TARGET
#define WIDTH 4
#define ROWS 4
/* The halves of each element, sign and all. */
#define i_dot(c, a, b) ((c) + ((a) << 16 >> 16) * ((b) << 16 >> 16) + ((a) >> 16) * ((b) >> 16))
#define v_fma(a, b, c) ((a) * (b) + (c))

#include "train/gradients_body.h"
