/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What --check-tensors reads and opening a model does not: opening touches the header only, so a
 * model of gigabytes starts in milliseconds.  No value of a file can make a kernel read or write
 * outside its buffers; these checks find a file that would compute something else.
 */
#include "base/bytes.h"
#include "base/error.h"
#include "base/xxh64.h"
#include "model/weights.h"

#include <inttypes.h>
#include <math.h>

uint64_t nm_weights_checksum(const nm_weights *weights, size_t index)
{
    return nm_load_u64(weights->checksums + 8 * index);
}

bool nm_weights_verify_tensor(const nm_weights *weights, const nm_gguf *gguf, size_t index,
                              nomul_error *err)
{
    const nm_gguf_tensor *t = &gguf->tensors[index];
    uint64_t              expected = nm_weights_checksum(weights, index);
    uint64_t              found = nm_xxh64_of(t->data, (size_t)t->n_bytes);

    if (found != expected)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "tensor %.*s: checksum is %016" PRIx64 ", expected %016" PRIx64,
                       NM_GGUF_SHOW(t->name), found, expected);
    for (uint64_t i = 0; t->type == NM_GGUF_F32 && i < t->n_bytes / 4; i++)
        if (!isfinite(nm_load_f32(t->data + 4 * i)))
            return nm_fail(err, NOMUL_E_FORMAT, "tensor %.*s: element %" PRIu64 " is not finite",
                           NM_GGUF_SHOW(t->name), i);
    return true;
}

bool nm_weights_verify_matrix(const nm_weights *weights, const nm_gguf *gguf, const nm_planned *p,
                              nomul_error *err)
{
    const nm_ternary w = nm_weights_matrix(weights, gguf, p);
    char             name[NM_TENSOR_NAME];
    int32_t          neg[NM_TILE_ROWS];
    size_t           row, col;

    if (!nm_ternary_check(&w, &row, &col))
        return nm_fail(err, NOMUL_E_FORMAT,
                       "tensor %s.weight: row %zu, column %zu: not a valid code", p->gguf_name, row,
                       col);
    if (!nm_packings[w.packing].has_neg) return true;
    nm_tensor_name(name, p->gguf_name, ".neg"); /* type and shape were checked at opening */
    const uint8_t *stored = nm_gguf_find_tensor(gguf, name)->data;
    for (row = 0; row < w.n_tiles * NM_TILE_ROWS; row++, stored += 4) {
        if (row % NM_TILE_ROWS == 0) nm_ternary_neg(&w, row / NM_TILE_ROWS, neg);
        int32_t found = (int32_t)nm_load_u32(stored), expected = neg[row % NM_TILE_ROWS];
        if (found != expected)
            return nm_fail(err, NOMUL_E_FORMAT,
                           "tensor %s: row %zu is %" PRId32 ", expected %" PRId32, name, row, found,
                           expected);
    }
    return true;
}

bool nm_weights_verify(const nm_weights *weights, const nm_gguf *gguf, const nomul_cancel *cancel,
                       nomul_error *err)
{
    for (size_t i = 0; i < gguf->n_tensors; i++) {
        if (nomul_cancel_requested(cancel)) return nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
        if (!nm_weights_verify_tensor(weights, gguf, i, err)) return false;
    }
    for (size_t i = 0; i < nm_plan_count(&weights->config); i++) {
        nm_planned p;
        if (nomul_cancel_requested(cancel)) return nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
        nm_plan_get(&weights->config, i, &p);
        if (p.kind == NM_KIND_BITLINEAR && !nm_weights_verify_matrix(weights, gguf, &p, err))
            return false;
    }
    return true;
}
