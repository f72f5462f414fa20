/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Quantizes a row at a time: the numbers of a checkpoint to ternary codes and their scale, or to
 * one of three float encodings.  A matrix is rows * cols little-endian numbers, row-major.  Errors
 * give row and column; the caller adds the name of the tensor.
 */
#ifndef NM_QUANTIZE_H
#define NM_QUANTIZE_H

#include "format/gguf.h"
#include "format/safetensors.h"

/* A matrix as the checkpoint stores it; dtype is not NM_DTYPE_OTHER. */
typedef struct nm_matrix {
    const uint8_t *data;
    nm_dtype       dtype;
    size_t         rows, cols;
} nm_matrix;

/*
 * Loads a row as binary32, which holds every number of the three dtypes.  Fails for a NaN or
 * infinity.
 */
bool nm_quantize_load_row(const nm_matrix *matrix, size_t row, float *out, nomul_error *err);

/*
 * s = max(mean |w|, 1e-5): the sum in binary64, row by row from left to right, the mean then
 * rounded to binary32.  row_buffer has room for `cols`.  Fails for a matrix whose codes would all
 * be zero.
 */
bool nm_quantize_scale(const nm_matrix *matrix, float *row_buffer, float *scale, nomul_error *err);

/* Codes clip(round(w / s), -1, 1), ties to even. */
void nm_quantize_trits(int8_t *trits, const float *row, size_t cols, float scale);

/*
 * Encodes a row as F32, F16 or Q8_0 (cols is a multiple of 32).  Fails for a number that the type
 * cannot hold.
 */
bool nm_quantize_encode_row(uint8_t *out, nm_gguf_type type, const float *values, size_t row,
                            size_t cols, nomul_error *err);

#endif
