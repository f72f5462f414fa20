/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The source of the model writer is a checkpoint.  A first walk over the plan finds and checks
 * every tensor; the second, the writer's, reads, quantizes and writes them one at a time:
 *
 *     matrix     file -> raw -> row (binary32), twice: once for the scale, once for the trits
 *     floats     file -> raw -> row (binary32) -> encoded: F32, F16 or Q8_0
 *
 * Memory beside the writer's: the largest tensor as the checkpoint stores it, and a few rows.
 */
#include "convert/convert.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/half.h"
#include "convert/checkpoint.h"
#include "convert/hf_config.h"
#include "convert/hf_json.h"
#include "convert/hf_sampling.h"
#include "convert/hf_tokenizer.h"
#include "convert/model_writer.h"
#include "convert/quantize.h"

#include <inttypes.h>
#include <string.h>

#define READ_BYTES ((size_t)8 << 20) /* between two calls of progress */

typedef struct converter {
    nm_config       config;
    nm_hf_ids       ids; /* config.json's */
    nm_checkpoint   checkpoint;
    nm_hf_tokenizer tokenizer;

    nm_arena arena;
    size_t   max_bytes, max_cols; /* of any tensor of the checkpoint */
    uint64_t total;               /* bytes of all of them */
    uint8_t *raw;                 /* a tensor as the checkpoint stores it */
    float   *row;                 /* in binary32 */
    uint8_t *encoded;             /* a row as the file stores it */
    int8_t  *trits;
    float    scale;                   /* of the matrix quantized last */
    uint64_t n_narrowed, n_embedding; /* values of the embedding that F16 rounds, and all */
} converter;

/* ---- Reading the checkpoint ------------------------------------------------------------------ */

/* The tensor of the checkpoint that a stored tensor is made of; NULL with an error. */
static const nm_source *find(converter *c, const nm_planned *p, const char *suffix,
                             nomul_error *err)
{
    char name[NM_TENSOR_NAME];

    nm_tensor_name(name, p->source_name, suffix);
    return nm_checkpoint_find(&c->checkpoint, name, err);
}

/*
 * Every tensor of the plan must be in the checkpoint with the right shape, and no other.  Counts
 * what reading the largest of them needs.
 */
static bool check_tensors(converter *c, nomul_error *err)
{
    char found[NM_DIMS_TEXT], expected[NM_DIMS_TEXT];

    for (size_t i = 0; i < nm_plan_count(&c->config); i++) {
        nm_planned p;
        nm_stored  s[NM_MAX_STORED];
        nm_plan_get(&c->config, i, &p);
        size_t n_stored = nm_plan_stored(&p, NM_T4, NM_GGUF_F16, s);
        for (size_t k = 0; k < n_stored; k++) {
            if (s[k].derived) continue;
            const nm_source *source = find(c, &p, s[k].suffix, err);
            if (!source) return false;
            const nm_safetensor *t = source->tensor;
            uint32_t             n_dims = s[k].part == NM_PART_GAIN ? 1 : 2; /* [cols]; a matrix */
            const uint64_t       shape[2] = {n_dims == 2 ? p.rows : p.cols, p.cols};
            bool                 ok = true;
            if (t->dtype == NM_DTYPE_OTHER)
                ok = nm_fail(err, NOMUL_E_UNSUPPORTED, "is %s, expected F32, F16 or BF16",
                             t->dtype_name);
            else if (t->n_dims != n_dims || memcmp(t->shape, shape, n_dims * sizeof *shape) != 0)
                ok = nm_fail(err, NOMUL_E_FORMAT, "has shape [%s], expected [%s]",
                             nm_dims_text(found, t->shape, t->n_dims),
                             nm_dims_text(expected, shape, n_dims));
            if (!ok) return nm_checkpoint_fail_in(&c->checkpoint, source, err);
            c->max_bytes = nm_larger(c->max_bytes, (size_t)t->n_bytes); /* of an open file: fits */
            c->max_cols = nm_larger(c->max_cols, p.cols);
            c->total += t->n_bytes;
        }
    }
    return nm_checkpoint_all_wanted(&c->checkpoint, err);
}

/* Reads a whole tensor into c->raw; NULL with an error. */
static const nm_source *read_source(converter *c, nm_model_writer *writer, const nm_planned *p,
                                    const char *suffix, nm_matrix *matrix)
{
    const nm_source *source = find(c, p, suffix, writer->err);

    if (!source) return NULL;
    for (size_t at = 0, n_bytes = (size_t)source->tensor->n_bytes, n; at < n_bytes; at += n) {
        n = nm_smaller(n_bytes - at, READ_BYTES);
        if (!nm_checkpoint_read(&c->checkpoint, source, at, c->raw + at, n, writer->err) ||
            !nm_model_writer_progress(writer, n))
            return NULL;
    }
    *matrix = (nm_matrix){c->raw, source->tensor->dtype, p->rows, p->cols};
    return source;
}

/* ---- The source ------------------------------------------------------------------------------ */

/* A gain, bounds or the embedding, row by row; or the scale that fill_codes has just computed. */
static bool put_floats(void *context, nm_model_writer *writer, const nm_planned *p,
                       const nm_stored *s)
{
    converter *c = context;
    nm_matrix  m;
    uint64_t   row_bytes;
    uint8_t    bytes[4];

    if (s->part == NM_PART_SCALE) {
        nm_store_f32(bytes, c->scale);
        return nm_model_writer_put(writer, bytes, sizeof bytes);
    }
    const nm_source *source = read_source(c, writer, p, s->suffix, &m);
    if (!source || !nm_gguf_tensor_bytes(s->type, 1, s->dims, &row_bytes)) return false;
    for (size_t r = 0; r < (s->n_dims == 2 ? p->rows : 1); r++) {
        if (!nm_quantize_load_row(&m, r, c->row, writer->err) ||
            !nm_quantize_encode_row(c->encoded, s->type, c->row, r, p->cols, writer->err))
            return nm_checkpoint_fail_in(&c->checkpoint, source, writer->err);
        if (!nm_model_writer_put(writer, c->encoded, (size_t)row_bytes)) return false;
        for (size_t col = 0; s->type == NM_GGUF_F16 && col < p->cols; col++, c->n_embedding++)
            c->n_narrowed += nm_float_of_f16(nm_load_u16(c->encoded + 2 * col)) != c->row[col];
    }
    return true;
}

/* Quantizes a matrix, whose scale put_floats is asked for next. */
static bool fill_codes(void *context, nm_model_writer *writer, const nm_planned *p)
{
    converter       *c = context;
    nm_matrix        m;
    const nm_source *source = read_source(c, writer, p, ".weight", &m);

    if (!source) return false;
    if (!nm_quantize_scale(&m, c->row, &c->scale, writer->err))
        return nm_checkpoint_fail_in(&c->checkpoint, source, writer->err);
    for (size_t r = 0; r < p->rows; r++) {
        if (!nm_quantize_load_row(&m, r, c->row, writer->err)) return false;
        nm_quantize_trits(c->trits, c->row, p->cols, c->scale);
        nm_model_writer_pack(writer, r, c->trits);
    }
    return true;
}

/* The keys tokenizer.ggml.* (models/FORMAT.md), of what was read and checked before. */
static void put_tokenizer(void *context, nm_gguf_writer *header)
{
    nm_hf_tokenizer_write(&((converter *)context)->tokenizer, header);
}

/* ---- What may be replaced -------------------------------------------------------------------- */

/*
 * A checkpoint is not written: the output must be no file that the conversion reads, in whatever
 * folder that is; and of what is in the checkpoint's folder only a model file, or an empty file,
 * may be replaced.
 */
static bool check_output(const char *directory, const char *output, nomul_error *err)
{
    static const char *const inputs[] = {
        "config.json",       "generation_config.json", "model.safetensors.index.json",
        "model.safetensors", "tokenizer.model",        "tokenizer.json",
        "added_tokens.json", "tokenizer_config.json",  "special_tokens_map.json",
        "vocab.json",        "chat_template.jinja",    "merges.txt",
    };
    char    path[NM_HF_PATH], magic[4] = "";
    bool    kept = false;
    nm_file file;

    for (size_t i = 0; i < sizeof inputs / sizeof *inputs && !kept; i++)
        kept = nm_hf_path(path, directory, inputs[i], NULL) && nm_file_same(output, path);
    if (!kept && nm_file_same(output, output) && nm_file_in_folder(output, directory)) {
        kept = true;
        if (nm_file_open(&file, output, NULL)) {
            kept = file.size > 0 && !(nm_file_read(&file, 0, magic, sizeof magic, NULL) &&
                                      memcmp(magic, "GGUF", sizeof magic) == 0);
            nm_file_close(&file);
        }
    }
    return !kept || nm_fail(err, NOMUL_E_ARG, "%s: is a part of the checkpoint", output);
}

/* ---- All of it ------------------------------------------------------------------------------- */

/* Fails before any of the weights is read, so before the output is touched. */
static bool open_checkpoint(converter *c, const char *directory, nm_gguf_type embedding,
                            const char *output, nomul_error *err)
{
    if (!nm_hf_config_read(&c->config, &c->ids, directory, err)) return false;
    if (embedding == NM_GGUF_Q8_0 && c->config.dim % 32 != 0)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "%s/config.json: hidden_size is %" PRIu32
                       ", expected a multiple of 32 for an embedding in Q8_0",
                       directory, c->config.dim);
    if (!nm_checkpoint_open(&c->checkpoint, directory, err)) return false;
    for (size_t i = 0; i < c->checkpoint.n_shards; i++)
        if (nm_file_is(&c->checkpoint.shards[i].file.file, output))
            return nm_fail(err, NOMUL_E_ARG, "%s: is a part of the checkpoint", output);
    if (!check_tensors(c, err)) return false;
    do {
        c->raw = nm_arena_take(&c->arena, c->max_bytes, 1);
        c->row = nm_arena_take(&c->arena, c->max_cols, sizeof *c->row);
        c->encoded = nm_arena_take(&c->arena, c->max_cols, sizeof(float)); /* no type takes more */
        c->trits = nm_arena_take(&c->arena, c->max_cols, sizeof *c->trits);
    } while (!c->raw && nm_arena_back(&c->arena, err));
    return c->raw;
}

static const nm_gguf_type embedding_types[] = {
    [NOMUL_EMBEDDING_F16] = NM_GGUF_F16,
    [NOMUL_EMBEDDING_F32] = NM_GGUF_F32,
    [NOMUL_EMBEDDING_Q8_0] = NM_GGUF_Q8_0,
};

bool nm_convert(const char *directory, const char *output, const nomul_convert_options *options,
                nomul_error *err)
{
    char                  path[NM_HF_PATH];
    converter             c = {.total = 0};
    const nm_model_source source = {
        .context = &c,
        .put_tokenizer = options->no_tokenizer ? NULL : put_tokenizer,
        .put_floats = put_floats,
        .fill_codes = fill_codes,
    };
    nm_model_spec spec = {
        .config = &c.config,
        .embedding = embedding_types[options->embedding],
        .name = options->name,
        .identified = true,
        .watch = {options->temporary, options->temporary_context},
        .cancel = options->cancel,
        .progress = options->progress,
        .progress_context = options->progress_context,
    };

    nm_packing_named(options->pack, &spec.packing); /* checked by the API */
    if (!(directory = nm_hf_directory(path, directory, err))) return false;
    bool ok = check_output(directory, output, err) &&
              open_checkpoint(&c, directory, spec.embedding, output, err) &&
              nm_hf_sampling_read(directory, &spec.sampling, &spec.sampling_rows, err) &&
              (options->no_tokenizer ||
               nm_hf_tokenizer_open(&c.tokenizer, directory, c.config.vocab, &c.ids,
                                    (nm_hf_warn){options->warning, options->warning_context}, err));
    spec.total = c.total;
    ok = ok && nm_model_write_file(&spec, &source, output, err);
    if (ok && c.n_narrowed)
        nm_warn(options->warning, options->warning_context,
                "%s: %" PRIu64 " of %" PRIu64 " values of the embedding were rounded to F16 "
                "(--embedding f32 keeps them as they are)",
                output, c.n_narrowed, c.n_embedding);
    nm_arena_free(&c.arena);
    nm_hf_tokenizer_close(&c.tokenizer);
    nm_checkpoint_close(&c.checkpoint);
    return ok;
}
