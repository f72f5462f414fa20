/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The walk: every row of the plan is looked up in the checkpoint, described in the header and then
 * read, quantized and written, one tensor at a time.  Memory: the largest tensor as the checkpoint
 * stores it; the largest packed matrix, an eighth of that or less but for its padding (127 rows and
 * 14 columns at most); a few rows.
 */
#include "convert/convert.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/xxh64.h"
#include "convert/checkpoint.h"
#include "convert/hf_config.h"
#include "convert/hf_tokenizer.h"
#include "convert/quantize.h"
#include "format/gguf_write.h"
#include "kernels/ternary.h"
#include "model/tensors.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define LAYOUT_VERSION 1
#define READ_BYTES ((size_t)8 << 20) /* between two calls of progress */

typedef struct converter {
    const nomul_convert_options *options;
    const char                  *directory;
    nm_gguf_type                 embedding;
    nm_packing_id                packing;
    nm_config                    config;
    nm_hf_ids                    ids; /* config.json's */
    nm_checkpoint                checkpoint;
    nm_hf_tokenizer              tokenizer;
    nm_gguf_writer               header;
    nm_outfile                   out;
    nomul_error                 *err;

    /* What the plan needs, measured first. */
    size_t   raw_bytes, code_bytes, cols; /* the most of any tensor */
    size_t   n_stored;                    /* tensors of the file */
    uint64_t total, done;                 /* bytes of the checkpoint's tensors */

    nm_arena arena;
    uint8_t *raw;     /* a tensor as the checkpoint stores it */
    uint8_t *codes;   /* a ternary matrix, packed */
    float   *row;     /* in binary32 */
    uint8_t *encoded; /* a row as the file stores it */
    int8_t  *trits;

    nm_xxh64 model_id;               /* of all so far */
    size_t   model_id_at, hashes_at; /* where in the header they go */
    size_t   n_written;              /* tensors of the file */
} converter;

/* ---- The checkpoint's side ------------------------------------------------------------------- */

/* A tensor of the checkpoint by the plan's name: the same in the measuring and the writing walk. */
static const nm_source *find(converter *c, const nm_planned *p, const char *suffix)
{
    char name[NM_TENSOR_NAME];

    nm_tensor_name(name, p->source_name, suffix);
    return nm_checkpoint_find(&c->checkpoint, name, c->err);
}

static bool fail_shape(converter *c, const nm_source *source, const char *expected)
{
    const nm_safetensor *t = source->tensor;
    char                 found[24 * NM_SAFETENSORS_MAX_DIMS] = "";

    for (uint32_t i = 0; i < t->n_dims; i++) {
        size_t at = strlen(found);
        snprintf(found + at, sizeof found - at, "%s%" PRIu64, i ? ", " : "", t->shape[i]);
    }
    nm_fail(c->err, NOMUL_E_FORMAT, "has shape [%s], expected [%s]", found, expected);
    return nm_checkpoint_fail_in(&c->checkpoint, source, c->err);
}

/* rows = 0 asks for one dimension. */
static bool check_source(converter *c, const nm_source *source, size_t rows, size_t cols)
{
    const nm_safetensor *t = source->tensor;
    uint32_t             n_dims = rows ? 2 : 1;
    char                 expected[48];

    if (t->dtype == NM_DTYPE_OTHER) {
        nm_fail(c->err, NOMUL_E_UNSUPPORTED, "is %s, expected F32, F16 or BF16", t->dtype_name);
        return nm_checkpoint_fail_in(&c->checkpoint, source, c->err);
    }
    if (t->n_dims == n_dims && t->shape[n_dims - 1] == cols && (n_dims == 1 || t->shape[0] == rows))
        return true;
    if (rows)
        snprintf(expected, sizeof expected, "%zu, %zu", rows, cols);
    else
        snprintf(expected, sizeof expected, "%zu", cols);
    return fail_shape(c, source, expected);
}

static void raise(size_t *most, size_t n)
{
    if (n > *most) *most = n;
}

static bool measure_source(converter *c, const nm_planned *p, const char *suffix, size_t rows,
                           size_t cols)
{
    const nm_source *source = find(c, p, suffix);

    if (!source || !check_source(c, source, rows, cols)) return false;
    raise(&c->raw_bytes, (size_t)source->tensor->n_bytes); /* of a file that was opened: it fits */
    raise(&c->cols, cols);
    c->total += source->tensor->n_bytes;
    c->n_stored++;
    return true;
}

static bool measure_planned(converter *c, const nm_planned *p)
{
    if (p->kind == NM_KIND_GAIN) return measure_source(c, p, nm_plain_suffix(p->id), 0, p->cols);
    if (p->kind != NM_KIND_BITLINEAR)
        return measure_source(c, p, nm_plain_suffix(p->id), p->rows, p->cols);

    nm_ternary w;
    nm_ternary_init(&w, c->packing, p->rows, p->cols);
    raise(&c->code_bytes, nm_ternary_bytes(&w));
    c->n_stored += nm_packings[c->packing].has_neg ? 2 : 1; /* the scale; the counts */
    return measure_source(c, p, ".weight", p->rows, p->cols) &&
           measure_source(c, p, ".norm.weight", 0, p->cols);
}

/* Every tensor of the plan is there as it should be, and no other. */
static bool measure(converter *c)
{
    for (size_t i = 0; i < nm_plan_count(&c->config); i++) {
        nm_planned p;
        nm_plan_get(&c->config, i, &p);
        if (!measure_planned(c, &p)) return false;
    }
    return nm_checkpoint_all_wanted(&c->checkpoint, c->err);
}

static bool report(converter *c)
{
    const nomul_convert_options *o = c->options;

    if (!o->progress || o->progress(o->progress_context, c->done, c->total)) return true;
    return nm_fail(c->err, NOMUL_E_CANCELLED, "cancelled");
}

/* All of a tensor into c->raw. */
static bool read_source(converter *c, const nm_source *source, size_t rows, size_t cols,
                        nm_matrix *matrix)
{
    size_t n_bytes = (size_t)source->tensor->n_bytes;

    for (size_t at = 0; at < n_bytes;) {
        size_t n = n_bytes - at < READ_BYTES ? n_bytes - at : READ_BYTES;
        if (!nm_checkpoint_read(&c->checkpoint, source, at, c->raw + at, n, c->err)) return false;
        at += n, c->done += n;
        if (!report(c)) return false;
    }
    *matrix = (nm_matrix){c->raw, source->tensor->dtype, rows, cols};
    return true;
}

/* ---- The header ------------------------------------------------------------------------------ */

static bool put_config(nm_gguf_writer *w, const nm_config *config, nomul_error *err)
{
    for (size_t i = 0; i < nm_config_n_fields; i++) {
        const nm_config_field *field = &nm_config_fields[i];
        uint32_t               value;
        memcpy(&value, (const char *)config + field->offset, sizeof value);
        bool ok = field->type == NOMUL_VALUE_F32
                      ? nm_gguf_put_f32(w, field->key, nm_float_of_bits(value), err)
                  : field->type == NOMUL_VALUE_BOOL
                      ? nm_gguf_put_bool(w, field->key, value != 0, err)
                      : nm_gguf_put_u32(w, field->key, value, err);
        if (!ok) return false;
    }
    return true;
}

/* Zeros, until all tensors are written. */
static bool put_hashes(converter *c)
{
    static const uint8_t zeros[8] = {0};

    if (!nm_gguf_put_array(&c->header, "hgrn_bit.tensor_xxh64", NOMUL_VALUE_U64, c->n_stored,
                           c->err))
        return false;
    c->hashes_at = c->header.n_bytes;
    for (size_t i = 0; i < c->n_stored; i++)
        if (!nm_gguf_put_bytes(&c->header, zeros, sizeof zeros, c->err)) return false;
    if (!nm_gguf_put_u64(&c->header, "hgrn_bit.model_id", 0, c->err)) return false;
    c->model_id_at = c->header.n_bytes - sizeof zeros;
    return true;
}

static bool put_text(converter *c, const char *key, const char *value)
{
    return nm_gguf_put_string(&c->header, key, value, strlen(value), c->err);
}

static bool put_pieces(nm_gguf_writer *w, const nm_hf_tokenizer *t, nomul_error *err)
{
    uint8_t bytes[4];

    if (!nm_gguf_put_array(w, "tokenizer.ggml.tokens", NOMUL_VALUE_STRING, t->n_pieces, err))
        return false;
    for (size_t i = 0; i < t->n_pieces; i++)
        if (!nm_gguf_put_element_string(w, t->pieces[i].text, t->pieces[i].n_text, err))
            return false;
    if (!nm_gguf_put_array(w, "tokenizer.ggml.scores", NOMUL_VALUE_F32, t->n_pieces, err))
        return false;
    for (size_t i = 0; i < t->n_pieces; i++) {
        nm_store_f32(bytes, t->pieces[i].score);
        if (!nm_gguf_put_bytes(w, bytes, sizeof bytes, err)) return false;
    }
    if (!nm_gguf_put_array(w, "tokenizer.ggml.token_type", NOMUL_VALUE_I32, t->n_pieces, err))
        return false;
    for (size_t i = 0; i < t->n_pieces; i++) {
        nm_store_u32(bytes, (uint32_t)t->pieces[i].type);
        if (!nm_gguf_put_bytes(w, bytes, sizeof bytes, err)) return false;
    }
    return true;
}

static bool put_id(nm_gguf_writer *w, const char *key, int32_t id, nomul_error *err)
{
    return id < 0 || nm_gguf_put_u32(w, key, (uint32_t)id, err);
}

static bool put_tokenizer(converter *c)
{
    const nm_hf_tokenizer *t = &c->tokenizer;
    nm_gguf_writer        *w = &c->header;

    if (c->options->no_tokenizer) return put_text(c, "tokenizer.ggml.model", "no_vocab");
    return put_text(c, "tokenizer.ggml.model", "llama") && put_pieces(w, t, c->err) &&
           put_id(w, "tokenizer.ggml.bos_token_id", t->bos_id, c->err) &&
           put_id(w, "tokenizer.ggml.eos_token_id", t->eos_id, c->err) &&
           put_id(w, "tokenizer.ggml.unknown_token_id", t->unk_id, c->err) &&
           nm_gguf_put_bool(w, "tokenizer.ggml.add_bos_token", t->add_bos, c->err) &&
           nm_gguf_put_bool(w, "tokenizer.ggml.add_eos_token", t->add_eos, c->err) &&
           nm_gguf_put_bool(w, "tokenizer.ggml.add_space_prefix", t->add_space_prefix, c->err);
}

/* dims outermost first, as the plan has them; rows = 0 for one dimension. */
static bool put_tensor(converter *c, const nm_planned *p, const char *suffix, nm_gguf_type type,
                       size_t rows, size_t cols)
{
    char     name[NM_TENSOR_NAME];
    uint64_t dims[2] = {cols, rows};

    nm_tensor_name(name, p->gguf_name, suffix);
    return nm_gguf_put_tensor(&c->header, name, type, rows ? 2 : 1, dims, c->err);
}

static bool put_planned(converter *c, const nm_planned *p)
{
    const char *suffix = nm_plain_suffix(p->id);
    nm_ternary  w;

    switch (p->kind) {
    case NM_KIND_EMBEDDING: return put_tensor(c, p, suffix, c->embedding, p->rows, p->cols);
    case NM_KIND_FLOAT: return put_tensor(c, p, suffix, NM_GGUF_F32, p->rows, p->cols);
    case NM_KIND_GAIN: return put_tensor(c, p, suffix, NM_GGUF_F32, 0, p->cols);
    case NM_KIND_BITLINEAR: break;
    }
    nm_ternary_init(&w, c->packing, p->rows, p->cols);
    return put_tensor(c, p, ".weight", NM_GGUF_I8, 0, nm_ternary_bytes(&w)) &&
           put_tensor(c, p, ".scale", NM_GGUF_F32, 0, 1) &&
           put_tensor(c, p, ".norm.weight", NM_GGUF_F32, 0, p->cols) &&
           (!nm_packings[c->packing].has_neg ||
            put_tensor(c, p, ".neg", NM_GGUF_I32, 0, w.n_tiles * NM_TILE_ROWS));
}

static bool make_header(converter *c)
{
    nm_gguf_writer *w = &c->header;

    if (!nm_gguf_writer_init(w, NM_ALIGNMENT, c->err) ||
        !put_text(c, "general.architecture", NM_ARCHITECTURE) ||
        (c->options->name && !put_text(c, "general.name", c->options->name)) ||
        !put_config(w, &c->config, c->err) ||
        !put_text(c, "hgrn_bit.ternary.packing", nm_packings[c->packing].name) ||
        !nm_gguf_put_u32(w, "hgrn_bit.ternary.layout_version", LAYOUT_VERSION, c->err) ||
        !put_hashes(c) || !put_tokenizer(c))
        return false;
    for (size_t i = 0; i < nm_plan_count(&c->config); i++) {
        nm_planned p;
        nm_plan_get(&c->config, i, &p);
        if (!put_planned(c, &p)) return false;
    }
    return nm_gguf_writer_finish(w, c->err);
}

/* ---- The tensors ----------------------------------------------------------------------------- */

/* One tensor of the file on its way out. */
typedef struct stored {
    nm_xxh64 hash;
    size_t   n_bytes;
} stored;

static void begin_stored(converter *c, stored *s, const nm_planned *p, const char *suffix)
{
    char name[NM_TENSOR_NAME];

    nm_tensor_name(name, p->gguf_name, suffix);
    nm_xxh64_add(&c->model_id, name, strlen(name));
    nm_xxh64_init(&s->hash);
    s->n_bytes = 0;
}

/* Bytes of the file; what of them belongs to the model's identity is added by the caller. */
static bool put_stored(converter *c, stored *s, const void *bytes, size_t n_bytes)
{
    nm_xxh64_add(&s->hash, bytes, n_bytes);
    s->n_bytes += n_bytes;
    return nm_outfile_write(&c->out, bytes, n_bytes, c->err);
}

static bool put_values(converter *c, stored *s, const void *bytes, size_t n_bytes)
{
    nm_xxh64_add(&c->model_id, bytes, n_bytes);
    return put_stored(c, s, bytes, n_bytes);
}

static bool end_stored(converter *c, const stored *s)
{
    uint8_t *hash = c->header.bytes + c->hashes_at + 8 * c->n_written++;

    nm_store_u64(hash, nm_xxh64_value(&s->hash));
    return nm_outfile_zeros(&c->out, nm_round_up(s->n_bytes, NM_ALIGNMENT) - s->n_bytes, c->err);
}

/* A tensor that stays one of floats, as `type`. */
static bool write_floats(converter *c, const nm_planned *p, const char *suffix, nm_gguf_type type,
                         size_t rows)
{
    const nm_source *source = find(c, p, suffix);
    uint64_t         row_bytes, cols = p->cols;
    nm_matrix        m;
    stored           s;

    if (!source || !read_source(c, source, rows, p->cols, &m)) return false;
    if (!nm_gguf_tensor_bytes(type, 1, &cols, &row_bytes))
        return nm_fail(c->err, NOMUL_E_UNSUPPORTED, "no row of %zu numbers", p->cols);
    begin_stored(c, &s, p, suffix);
    for (size_t r = 0; r < rows; r++) {
        if (!nm_quantize_load_row(&m, r, c->row, c->err) ||
            !nm_quantize_encode_row(c->encoded, type, c->row, r, p->cols, c->err))
            return nm_checkpoint_fail_in(&c->checkpoint, source, c->err);
        if (!put_values(c, &s, c->encoded, (size_t)row_bytes)) return false;
    }
    return end_stored(c, &s);
}

static bool write_scale(converter *c, const nm_planned *p, float scale)
{
    uint8_t bytes[4];
    stored  s;

    nm_store_f32(bytes, scale);
    begin_stored(c, &s, p, ".scale");
    return put_values(c, &s, bytes, sizeof bytes) && end_stored(c, &s);
}

static bool write_codes(converter *c, const nm_planned *p, float *scale)
{
    const nm_source *source = find(c, p, ".weight");
    nm_ternary       w;
    nm_matrix        m;
    stored           s;

    if (!source || !read_source(c, source, p->rows, p->cols, &m)) return false;
    if (!nm_quantize_scale(&m, c->row, scale, c->err))
        return nm_checkpoint_fail_in(&c->checkpoint, source, c->err);
    nm_ternary_init(&w, c->packing, p->rows, p->cols);
    memset(c->codes, 0, nm_ternary_bytes(&w));
    begin_stored(c, &s, p, ".weight");
    for (size_t r = 0; r < p->rows; r++) {
        if (!nm_quantize_load_row(&m, r, c->row, c->err)) return false;
        nm_quantize_trits(c->trits, c->row, p->cols, *scale);
        nm_xxh64_add(&c->model_id, c->trits, p->cols);
        nm_ternary_pack_row(&w, c->codes, r, c->trits);
    }
    return put_stored(c, &s, c->codes, nm_ternary_bytes(&w)) && end_stored(c, &s);
}

/* Of the matrix in c->codes.  It follows from the codes, so it is no part of the identity. */
static bool write_neg(converter *c, const nm_planned *p)
{
    int32_t    neg[NM_TILE_ROWS]; /* the host's byte order is the file's */
    nm_ternary w;
    stored     s = {.n_bytes = 0};

    nm_ternary_init(&w, c->packing, p->rows, p->cols);
    w.codes = c->codes;
    nm_xxh64_init(&s.hash);
    for (size_t tile = 0; tile < w.n_tiles; tile++) {
        nm_ternary_neg(&w, tile, neg);
        if (!put_stored(c, &s, neg, sizeof neg)) return false;
    }
    return end_stored(c, &s);
}

static bool write_planned(converter *c, const nm_planned *p)
{
    const char *suffix = nm_plain_suffix(p->id);
    float       scale;

    switch (p->kind) {
    case NM_KIND_EMBEDDING: return write_floats(c, p, suffix, c->embedding, p->rows);
    case NM_KIND_FLOAT: return write_floats(c, p, suffix, NM_GGUF_F32, p->rows);
    case NM_KIND_GAIN: return write_floats(c, p, suffix, NM_GGUF_F32, 1);
    case NM_KIND_BITLINEAR: break;
    }
    return write_codes(c, p, &scale) && write_scale(c, p, scale) &&
           write_floats(c, p, ".norm.weight", NM_GGUF_F32, 1) &&
           (!nm_packings[c->packing].has_neg || write_neg(c, p));
}

/* The hyper-parameters end the model's identity; then the header is complete. */
static void finish_header(converter *c)
{
    uint8_t bytes[4];

    for (size_t i = 0; i < nm_config_n_fields; i++) {
        uint32_t value;
        memcpy(&value, (const char *)&c->config + nm_config_fields[i].offset, sizeof value);
        nm_store_u32(bytes, value);
        nm_xxh64_add(&c->model_id, bytes, sizeof bytes);
    }
    nm_store_u64(c->header.bytes + c->model_id_at, nm_xxh64_value(&c->model_id));
}

static bool write_file(converter *c, const char *output)
{
    nm_gguf_writer *w = &c->header;

    if (!nm_outfile_open(&c->out, output, c->err) ||
        !nm_outfile_write(&c->out, w->bytes, w->n_bytes, c->err) || !report(c))
        return false;
    nm_xxh64_init(&c->model_id);
    for (size_t i = 0; i < nm_plan_count(&c->config); i++) {
        nm_planned p;
        nm_plan_get(&c->config, i, &p);
        if (!write_planned(c, &p)) return false;
    }
    finish_header(c);
    return nm_outfile_rewrite(&c->out, 0, w->bytes, w->n_bytes, c->err) &&
           nm_outfile_commit(&c->out, c->err);
}

/* ---- All of it ------------------------------------------------------------------------------- */

static void layout(converter *c)
{
    c->raw = nm_arena_take(&c->arena, c->raw_bytes, 1);
    c->codes = nm_arena_take(&c->arena, c->code_bytes, 1);
    c->row = nm_arena_take(&c->arena, c->cols, sizeof *c->row);
    c->encoded = nm_arena_take(&c->arena, c->cols, sizeof(float)); /* no type takes more */
    c->trits = nm_arena_take(&c->arena, c->cols, sizeof *c->trits);
}

static bool take_memory(converter *c)
{
    layout(c);
    if (!nm_arena_back(&c->arena, c->err)) return false;
    layout(c);
    return true;
}

static bool check_embedding(const converter *c)
{
    if (c->embedding != NM_GGUF_Q8_0 || c->config.dim % 32 == 0) return true;
    return nm_fail(c->err, NOMUL_E_UNSUPPORTED,
                   "%s/config.json: hidden_size is %" PRIu32
                   ", expected a multiple of 32 for an embedding in Q8_0",
                   c->directory, c->config.dim);
}

static bool check_output(const converter *c, const char *output)
{
    for (size_t i = 0; i < c->checkpoint.n_shards; i++)
        if (nm_file_is(&c->checkpoint.shards[i].file.file, output))
            return nm_fail(c->err, NOMUL_E_ARG, "%s: is a part of the checkpoint", output);
    return true;
}

static bool convert(converter *c, const char *output)
{
    if (!nm_hf_config_read(&c->config, &c->ids, c->directory, c->err) || !check_embedding(c) ||
        !nm_checkpoint_open(&c->checkpoint, c->directory, c->err) || !check_output(c, output) ||
        !measure(c))
        return false;
    if (!c->options->no_tokenizer &&
        !nm_hf_tokenizer_open(&c->tokenizer, c->directory, c->config.vocab, &c->ids, c->err))
        return false;
    return make_header(c) && take_memory(c) && write_file(c, output);
}

bool nm_convert(const char *directory, const char *output, const nomul_convert_options *options,
                nomul_error *err)
{
    static const nm_gguf_type types[] = {
        [NOMUL_EMBEDDING_F16] = NM_GGUF_F16,
        [NOMUL_EMBEDDING_F32] = NM_GGUF_F32,
        [NOMUL_EMBEDDING_Q8_0] = NM_GGUF_Q8_0,
    };
    converter c = {
        .options = options,
        .directory = directory,
        .embedding = types[options->embedding],
        .packing = (nm_packing_id)options->pack, /* alike: nomul.c asserts it */
        .out = {.fd = -1},
        .err = err,
    };

    bool ok = convert(&c, output);
    nm_outfile_abort(&c.out); /* nothing is left to abort after a commit */
    nm_arena_free(&c.arena);
    nm_gguf_writer_free(&c.header);
    nm_hf_tokenizer_close(&c.tokenizer);
    nm_checkpoint_close(&c.checkpoint);
    return ok;
}
