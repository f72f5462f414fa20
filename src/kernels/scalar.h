/* SPDX-License-Identifier: Apache-2.0 */
/* The bodies of the scalar kernels, as kernels.h describes them, for the table and for variants. */
#ifndef NM_SCALAR_H
#define NM_SCALAR_H

#include "kernels/kernels.h"

void  nm_scalar_ternary_product(int32_t *y, size_t y_stride, const nm_ternary *w, size_t tile_begin,
                                size_t tile_end, const int8_t *q, size_t q_stride, size_t n_tokens);
void  nm_scalar_rmsnorm(float *y, const float *x, const float *gain, size_t n, float eps);
float nm_scalar_quantize(int8_t *q, const float *x, size_t n);
void  nm_scalar_dequantize(float *y, const int32_t *sums, float factor, size_t n);
void  nm_scalar_mlgru_step(float *out, float *h, const float *f, const float *i, const float *bound,
                           size_t n);
void  nm_scalar_glu(float *y, const float *a, const float *b, size_t n);
void  nm_scalar_add(float *y, const float *x, size_t n);
void  nm_scalar_multiply(float *y, const float *x, size_t n);

#endif
