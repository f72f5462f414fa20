/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What --check-tensors reads and opening a model does not: opening touches the header only, so a
 * model of gigabytes starts in milliseconds.  No value of a file can make a kernel read or write
 * outside its buffers; these checks find a file that would compute something else.
 */
#include "model/verify.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/half.h"
#include "base/xxh64.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

bool nm_verify_tensor(const nm_weights *weights, const nm_gguf *gguf, size_t index,
                      nomul_error *err)
{
    const nm_gguf_tensor *t = &gguf->tensors[index];
    uint64_t              expected = nm_weights_checksum(weights, index);
    uint64_t              found = nm_xxh64_of(t->data, (size_t)t->n_bytes);
    size_t                n = (size_t)t->n_bytes, step = 0; /* 0: whole numbers */
    size_t                n_values = t->type == NM_GGUF_Q8_0 ? NM_Q8_0_BLOCK : 1; /* in a step */

    if (found != expected)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "tensor %.*s: checksum is %016" PRIx64 ", expected %016" PRIx64,
                       NM_GGUF_SHOW(t->name), found, expected);
    /* A step begins with a number that can be infinite or NaN; in Q8_0 with a block's scale. */
    if (t->type == NM_GGUF_F32) step = 4;
    if (t->type == NM_GGUF_F16) step = 2;
    if (t->type == NM_GGUF_Q8_0) step = NM_Q8_0_BYTES;
    for (size_t at = 0; step > 0 && at < n; at += step) {
        float value =
            step == 4 ? nm_load_f32(t->data + at) : nm_float_of_f16(nm_load_u16(t->data + at));
        if (!isfinite(value))
            return nm_fail(err, NOMUL_E_FORMAT, "tensor %.*s: element %zu is not finite",
                           NM_GGUF_SHOW(t->name), at / step * n_values);
    }
    return true;
}

bool nm_verify_matrix(const nm_weights *weights, const nm_gguf *gguf, const nm_planned *p,
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

/* ---- Identity -------------------------------------------------------------------------------- */

/* Before the i-th of n steps of a pass: three passes read the whole file. */
static bool watch(const nm_watched *watched, const nm_gguf *gguf, size_t pass, size_t i, size_t n,
                  nomul_error *err)
{
    double share = ((double)pass + (double)i / (double)n) / 3;

    return nm_watched_step(watched, (uint64_t)(share * (double)gguf->size), gguf->size, err);
}

/*
 * The hash of models/FORMAT.md: of each planned tensor its stored parts, the codes as trits, row by
 * row; then the hyper-parameters.  So it is the same in every packing.
 */
static bool verify_identity(const nm_weights *weights, const nm_gguf *gguf,
                            const nm_watched *watched, nomul_error *err)
{
    const nm_config *config = &weights->config;
    size_t           n_planned = nm_plan_count(config), max_cols = nm_plan_max_cols(config), i;
    int8_t          *trits = nm_alloc(max_cols);
    nm_xxh64         id;

    if (!trits) return nm_fail_memory(err, max_cols);
    nm_xxh64_init(&id);
    for (i = 0; i < n_planned && watch(watched, gguf, 2, i, n_planned, err); i++) {
        nm_planned p;
        nm_stored  stored[NM_MAX_STORED];
        nm_plan_get(config, i, &p);
        size_t n = nm_plan_stored(&p, weights->packing, weights->embedding->type, stored);
        for (const nm_stored *s = stored; s < stored + n; s++) {
            const nm_gguf_tensor *t = nm_gguf_find_tensor(gguf, s->name); /* there: it was opened */
            if (s->part == NM_PART_NEG) continue; /* follows from the codes */
            nm_xxh64_add(&id, s->name, strlen(s->name));
            if (s->part != NM_PART_CODES) {
                nm_xxh64_add(&id, t->data, (size_t)t->n_bytes);
                continue;
            }
            const nm_ternary w = nm_weights_matrix(weights, gguf, &p);
            for (size_t row = 0; row < p.rows; row++) {
                nm_ternary_unpack_row(&w, row, trits);
                nm_xxh64_add(&id, trits, p.cols);
            }
        }
    }
    nm_free(trits);
    if (i < n_planned) return false;
    nm_config_identify(config, &id);
    uint64_t found = nm_xxh64_value(&id);
    return found == weights->model_id ||
           nm_fail(err, NOMUL_E_FORMAT,
                   "key hgrn_bit.model_id: is %016" PRIx64 ", expected %016" PRIx64,
                   weights->model_id, found);
}

bool nm_verify_model(const nm_weights *weights, const nm_gguf *gguf, const nm_watched *watched,
                     nomul_error *err)
{
    size_t n_planned = nm_plan_count(&weights->config);

    for (size_t i = 0; i < gguf->n_tensors; i++) {
        if (!watch(watched, gguf, 0, i, gguf->n_tensors, err)) return false;
        if (!nm_verify_tensor(weights, gguf, i, err)) return false;
    }
    for (size_t i = 0; i < n_planned; i++) {
        nm_planned p;
        if (!watch(watched, gguf, 1, i, n_planned, err)) return false;
        nm_plan_get(&weights->config, i, &p);
        if (p.kind == NM_KIND_BITLINEAR && !nm_verify_matrix(weights, gguf, &p, err)) return false;
    }
    return verify_identity(weights, gguf, watched, err);
}
