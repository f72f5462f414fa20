/* SPDX-License-Identifier: Apache-2.0 */
/* gradients_body.h for any processor: the compiler's own vectors, products and sums apart. */
#define OPS nm_gradients_scalar
#define TARGET
#define WIDTH 4
#define ROWS 4
#define v_fma(a, b, c) ((a) * (b) + (c))

#include "train/gradients_body.h"
