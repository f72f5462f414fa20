/* SPDX-License-Identifier: Apache-2.0 */
/* nm_weights_verify: what --check-tensors reads and an ordinary start does not. */
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

static bool check_sum(const nm_weights *weights, const nm_gguf_tensor *t, size_t index,
                      nomul_error *err)
{
    uint64_t expected = nm_weights_checksum(weights, index);
    uint64_t found = nm_xxh64_of(t->data, (size_t)t->n_bytes);

    if (found == expected) return true;
    return nm_fail(err, NOMUL_E_FORMAT,
                   "tensor %.*s: checksum is %016" PRIx64 ", expected %016" PRIx64,
                   NM_GGUF_SHOW(t->name), found, expected);
}

static bool check_finite(const nm_gguf_tensor *t, nomul_error *err)
{
    for (uint64_t i = 0; i < t->n_bytes / 4; i++)
        if (!isfinite(nm_load_f32(t->data + 4 * i)))
            return nm_fail(err, NOMUL_E_FORMAT, "tensor %.*s: element %" PRIu64 " is not finite",
                           NM_GGUF_SHOW(t->name), i);
    return true;
}

static bool check_codes(const nm_bitlinear *layer, const char *name, nomul_error *err)
{
    size_t row, col;

    if (nm_ternary_check(&layer->w, &row, &col)) return true;
    return nm_fail(err, NOMUL_E_FORMAT,
                   "tensor %s.weight: row %zu, column %zu: not a code that is ever written", name,
                   row, col);
}

static const nm_bitlinear *planned_bitlinear(const nm_weights *w, const nm_planned *p)
{
    const nm_layer *layer = &w->layers[p->layer];

    switch (p->id) {
    case NM_ATTN_I: return &layer->mlgru.i_proj;
    case NM_ATTN_F: return &layer->mlgru.f_proj;
    case NM_ATTN_G: return &layer->mlgru.g_proj;
    case NM_ATTN_OUTPUT: return &layer->mlgru.o_proj;
    case NM_FFN_GATE_UP: return &layer->glu.gate_up_proj;
    case NM_FFN_DOWN: return &layer->glu.down_proj;
    default: return &w->output;
    }
}

bool nm_weights_verify(const nm_weights *weights, const nm_gguf *gguf, nomul_error *err)
{
    for (size_t i = 0; i < gguf->n_tensors; i++) {
        const nm_gguf_tensor *t = &gguf->tensors[i];
        if (!check_sum(weights, t, i, err)) return false;
        if (t->type == NM_GGUF_F32 && !check_finite(t, err)) return false;
    }
    for (size_t i = 0; i < nm_plan_count(&weights->config); i++) {
        nm_planned p;
        nm_plan_get(&weights->config, i, &p);
        if (p.kind != NM_KIND_BITLINEAR) continue;
        if (!check_codes(planned_bitlinear(weights, &p), p.gguf_name, err)) return false;
    }
    return true;
}
