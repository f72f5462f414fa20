/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The quantization of BitLinear, as the training framework does it in every forward pass on the
 * weights W that it stores (weight_quant in the code of Zhu et al., arXiv 2406.02528):
 *
 *     s = max(mean |W|, 1e-5)      C = clip(round(W / s), -1, 1)      the layer multiplies by C s
 *
 * Converting does it once.  Sums are taken in a fixed order and in binary64, so a checkpoint gives
 * the same file on every machine.
 */
#include "convert/quantize.h"

#include "base/error.h"
#include "base/half.h"

#include <math.h>

#define SCALE_FLOOR 1e-5f
#define Q8_BLOCK 32
#define Q8_BYTES (2 + Q8_BLOCK) /* a binary16 scale, then int8 each */

/* ---- Reading --------------------------------------------------------------------------------- */

bool nm_quantize_load_row(const nm_matrix *m, size_t row, float *out, nomul_error *err)
{
    size_t         n = m->cols;
    const uint8_t *from = m->data + row * n * (m->dtype == NM_DTYPE_F32 ? 4 : 2);

    if (m->dtype == NM_DTYPE_F32)
        for (size_t i = 0; i < n; i++) out[i] = nm_load_f32(from + 4 * i);
    else if (m->dtype == NM_DTYPE_F16)
        for (size_t i = 0; i < n; i++) out[i] = nm_float_of_f16(nm_load_u16(from + 2 * i));
    else
        for (size_t i = 0; i < n; i++) out[i] = nm_float_of_bf16(nm_load_u16(from + 2 * i));
    for (size_t col = 0; col < n; col++)
        if (!isfinite(out[col]))
            return nm_fail(err, NOMUL_E_FORMAT, "row %zu, column %zu is %s", row, col,
                           isnan(out[col]) ? "not a number" : "infinite");
    return true;
}

/* ---- Ternary --------------------------------------------------------------------------------- */

/*
 * clip(rint(r), -1, 1) without rounding: |r| <= 1/2 rounds to 0 (the tie to even included), and
 * anything else to at least 1 in size, which is clipped to 1.
 */
static int8_t trit(float r)
{
    return (int8_t)((r > 0.5f) - (r < -0.5f));
}

void nm_quantize_trits(int8_t *trits, const float *row, size_t cols, float scale)
{
    for (size_t col = 0; col < cols; col++) trits[col] = trit(row[col] / scale);
}

bool nm_quantize_scale(const nm_matrix *m, float *row_buffer, float *scale, nomul_error *err)
{
    double sum = 0; /* at most 2^44 numbers below 2^128: below 2^172, finite */
    float  largest = 0;

    for (size_t row = 0; row < m->rows; row++) {
        if (!nm_quantize_load_row(m, row, row_buffer, err)) return false;
        for (size_t col = 0; col < m->cols; col++) {
            float size = fabsf(row_buffer[col]);
            sum += (double)size;
            if (size > largest) largest = size;
        }
    }
    float mean = (float)(sum / ((double)m->rows * (double)m->cols));
    *scale = mean > SCALE_FLOOR ? mean : SCALE_FLOOR;
    if (largest == 0) return nm_fail(err, NOMUL_E_FORMAT, "all zero");
    if (trit(largest / *scale) == 0)
        return nm_fail(err, NOMUL_E_FORMAT, "rounds to all zero, its largest number being %g",
                       (double)largest);
    return true;
}

/* ---- Embeddings ------------------------------------------------------------------------------ */

/* What is too large for binary16, itself or as the scale of its block, is refused, not clipped. */
static bool fail_too_large(size_t row, size_t col, float value, const char *type, nomul_error *err)
{
    return nm_fail(err, NOMUL_E_UNSUPPORTED, "row %zu, column %zu is %.9g, too large for %s", row,
                   col, (double)value, type);
}

bool nm_quantize_encode_row(uint8_t *out, nm_gguf_type type, const float *values, size_t row,
                            size_t cols, nomul_error *err)
{
    switch (type) {
    case NM_GGUF_F16:
        for (size_t col = 0; col < cols; col++) {
            uint16_t half = nm_f16_of_float(values[col]);
            if ((half & 0x7FFFu) == 0x7C00u)
                return fail_too_large(row, col, values[col], "F16", err);
            nm_store_u16(out + 2 * col, half);
        }
        return true;
    case NM_GGUF_Q8_0:
        /* As ggml's quantize_row_q8_0_ref: of 32 numbers a binary16 scale d, then int8 x / d. */
        for (size_t col = 0; col < cols; col += Q8_BLOCK, out += Q8_BYTES) {
            const float *x = values + col;
            size_t       largest = 0; /* the first of those of largest size */

            for (size_t i = 1; i < Q8_BLOCK; i++)
                if (fabsf(x[i]) > fabsf(x[largest])) largest = i;
            float    d = fabsf(x[largest]) / 127, inverse = d != 0 ? 1 / d : 0;
            uint16_t half = nm_f16_of_float(d);
            if (half == 0x7C00u) return fail_too_large(row, col + largest, x[largest], "Q8_0", err);
            /* For d < 2^-128 the inverse overflows; d and the whole block are then stored as 0. */
            if (isinf(inverse)) inverse = 0;
            nm_store_u16(out, half);
            for (size_t i = 0; i < Q8_BLOCK; i++)
                out[2 + i] = (uint8_t)(int8_t)roundf(x[i] * inverse);
        }
        return true;
    default:
        for (size_t col = 0; col < cols; col++) nm_store_f32(out + 4 * col, values[col]);
        return true;
    }
}
