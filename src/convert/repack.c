/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source of the model writer is an open model.  Keys and tensors keep their order and bytes,
 * except for the packing's name, the checksums, the matrices and their counts: repacking there and
 * back gives the first file again.  Memory beside the writer's: one row of trits.
 */
#include "convert/convert.h"

#include "base/alloc.h"
#include "base/error.h"
#include "convert/model_writer.h"
#include "model/verify.h"

#include <string.h>

typedef struct repacker {
    const nm_weights *weights;
    const nm_gguf    *gguf;
    const char       *input;
    int8_t           *trits; /* one row of any matrix */
} repacker;

/* The tensor NAME.SUFFIX, whose hash is compared with the file's own; NULL with an error. */
static const nm_gguf_tensor *read_tensor(const repacker *r, const nm_planned *p, const char *suffix,
                                         nomul_error *err)
{
    char name[NM_TENSOR_NAME];

    nm_tensor_name(name, p->gguf_name, suffix);
    const nm_gguf_tensor *t = nm_gguf_find_tensor(r->gguf, name); /* the weights were opened */
    if (nm_verify_tensor(r->weights, r->gguf, (size_t)(t - r->gguf->tensors), err)) return t;
    nm_fail_in(err, "%s", r->input);
    return NULL;
}

/* Gains, bounds, scales and the embedding: the same bytes in every packing. */
static bool copy_floats(void *context, nm_model_writer *writer, const nm_planned *p,
                        const nm_stored *stored)
{
    const nm_gguf_tensor *t = read_tensor(context, p, stored->suffix, writer->err);

    return t && nm_model_writer_put(writer, t->data, (size_t)t->n_bytes) &&
           nm_model_writer_progress(writer, t->n_bytes);
}

/*
 * A matrix that is in the packing already is copied, 25 times as fast as through its trits.  Of
 * another one the codes, padding and counts are verified first: what is no code of its packing must
 * not become one of the new packing.
 */
static bool repack_matrix(void *context, nm_model_writer *writer, const nm_planned *p)
{
    const repacker       *r = context;
    const nm_ternary      w = nm_weights_matrix(r->weights, r->gguf, p);
    const nm_gguf_tensor *codes = read_tensor(r, p, ".weight", writer->err), *neg = NULL;
    bool                  same = w.packing == writer->matrix.packing;

    if (!codes) return false;
    if (!same && !nm_verify_matrix(r->weights, r->gguf, p, writer->err))
        return nm_fail_in(writer->err, "%s", r->input);
    if (nm_packings[w.packing].has_neg && !(neg = read_tensor(r, p, ".neg", writer->err)))
        return false;
    if (same) memcpy(writer->codes, w.codes, (size_t)codes->n_bytes);
    for (size_t row = 0; !same && row < w.rows; row++) {
        nm_ternary_unpack_row(&w, row, r->trits);
        nm_model_writer_pack(writer, row, r->trits);
        if (row % NM_TILE_ROWS == 0 && !nm_model_writer_progress(writer, 0)) return false;
    }
    return nm_model_writer_progress(writer, codes->n_bytes + (neg ? neg->n_bytes : 0));
}

bool nm_repack(const nm_weights *weights, const nm_gguf *gguf, const char *input,
               const char *output, const nomul_repack_options *options, nomul_error *err)
{
    const nm_config      *config = &weights->config;
    size_t                max_cols = nm_plan_max_cols(config);
    repacker              r = {.weights = weights, .gguf = gguf, .input = input};
    const nm_model_source source = {
        .context = &r, .put_floats = copy_floats, .fill_codes = repack_matrix};
    nm_model_spec spec = {
        .config = config,
        .embedding = weights->embedding->type,
        .like = gguf,
        .like_packing = weights->packing,
        .watch = {options->temporary, options->temporary_context},
        .cancel = options->cancel,
        .progress = options->progress,
        .progress_context = options->progress_context,
    };

    spec.packing = weights->packing;
    if (options->pack) nm_packing_named(options->pack, &spec.packing); /* checked by the API */
    if (options->sampling) {
        spec.sampling = *options->sampling;
        spec.sampling_rows = options->sampling_rows;
    }
    for (size_t i = 0; i < gguf->n_tensors; i++) spec.total += gguf->tensors[i].n_bytes;
    r.trits = nm_alloc(max_cols);
    if (!r.trits) return nm_fail_memory(err, max_cols);
    bool ok = nm_model_write_file(&spec, &source, output, err);
    nm_free(r.trits);
    return ok;
}
