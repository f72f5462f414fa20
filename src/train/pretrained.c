/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads one tensor at a time, as the plan lists them: from a checkpoint its latent weights, from a
 * model file weights that would be quantized to what is in the file.  Types and shapes of a
 * checkpoint are checked on the way, a model file in full before.
 */
#include "train/pretrained.h"

#include "base/alloc.h"
#include "base/error.h"
#include "convert/checkpoint.h"
#include "convert/quantize.h"
#include "model/verify.h"

#include <string.h>

/* As convert reads tensors: F32, F16 or BF16, row by row to binary32. */
bool nm_pretrained_directory(nm_latent *l, const char *directory, nomul_error *err)
{
    nm_checkpoint checkpoint = {.directory = directory};
    bool          ok = nm_checkpoint_open(&checkpoint, directory, err);

    for (const nm_latent_tensor *t = l->tensors; ok && t < l->tensors + l->n_tensors; t++) {
        const nm_source *source = nm_checkpoint_find(&checkpoint, t->name, err);
        nm_matrix        m = {.rows = t->rows, .cols = t->cols};
        ok = source != NULL;
        if (!ok) break;
        m.dtype = source->tensor->dtype;
        size_t n_bytes = t->rows * t->cols * (m.dtype == NM_DTYPE_F32 ? 4 : 2);
        if (m.dtype == NM_DTYPE_OTHER || source->tensor->n_bytes != n_bytes) {
            nm_fail(err, NOMUL_E_FORMAT, "has another type or shape than config.json asks for");
            ok = nm_checkpoint_fail_in(&checkpoint, source, err);
            break;
        }
        uint8_t *bytes = nm_alloc(n_bytes);
        m.data = bytes;
        ok = bytes ? nm_checkpoint_read(&checkpoint, source, 0, bytes, n_bytes, err)
                   : nm_fail_memory(err, n_bytes);
        for (size_t r = 0; ok && r < t->rows; r++)
            if (!nm_quantize_load_row(&m, r, l->values + t->at + r * t->cols, err))
                ok = nm_checkpoint_fail_in(&checkpoint, source, err);
        nm_free(bytes);
    }
    ok = ok && nm_checkpoint_all_wanted(&checkpoint, err);
    nm_checkpoint_close(&checkpoint);
    return ok;
}

/* ---- A model file ---------------------------------------------------------------------------- */

/*
 * v C, with v such that the mean of |v C| is the file's scale: quantizing then gives back the
 * trits of the file, and its scale within an ulp.
 */
static void load_matrix(nm_latent *l, const nm_latent_matrix *m, const nm_ternary *w, float scale)
{
    size_t n_set = 0;

    for (size_t r = 0; r < m->rows; r++) {
        nm_ternary_unpack_row(w, r, m->trits + r * m->cols);
        for (size_t i = 0; i < m->cols; i++) n_set += m->trits[r * m->cols + i] != 0;
    }
    double v = (double)scale * (double)(m->rows * m->cols) / (double)(n_set ? n_set : 1);
    for (size_t i = 0; i < m->rows * m->cols; i++)
        l->values[m->weight_at + i] = (float)v * (float)m->trits[i];
}

/*
 * The plan lists the tensors in the order of l->values, so `at` counts them up; the network of the
 * file has the same fields as ours, so a planned tensor names its field in both.
 */
bool nm_pretrained_model(nm_latent *l, const nomul_model *model, nomul_error *err)
{
    const nm_weights       *w = &model->weights;
    const nm_latent_matrix *m = l->matrices;
    size_t                  at = 0;

    if (!nm_verify_model(w, &model->gguf, NULL, err)) return false;
    for (size_t i = 0; i < nm_plan_count(&l->config); i++) {
        nm_planned p;
        nm_plan_get(&l->config, i, &p);
        const char *home =
            p.home == NM_IN_LAYER ? (const char *)&w->layers[p.layer] : (const char *)w;
        const void         *field = home + p.offset;
        const nm_bitlinear *layer = field; /* of a BitLinear */
        const float        *floats;        /* of all else */
        float              *to = l->values + at;
        switch (p.kind) {
        case NM_KIND_EMBEDDING:
            for (size_t id = 0; id < p.rows; id++)
                nm_weights_embedding(w, to + id * p.cols, (int32_t)id);
            break;
        case NM_KIND_BITLINEAR:
            load_matrix(l, m, &layer->w, layer->w.scale);
            memcpy(l->values + m->gain_at, layer->gain, p.cols * sizeof *to);
            m++, at += p.cols;
            break;
        default:
            memcpy(&floats, field, sizeof floats);
            memcpy(to, floats, p.rows * p.cols * sizeof *to);
            break;
        }
        at += p.rows * p.cols;
    }
    return true;
}
