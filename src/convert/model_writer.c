/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout and hashes of a model file (models/FORMAT.md), whatever its source.  The header is
 * written first with zeros for the checksums, then the tensors, then the header again with the
 * checksums: so a file of any size is written with one matrix in memory.
 *
 *     header (keys, directory) | tensor | padding to 64 | tensor | padding | ...
 *       ^ tensor_xxh64[i], model_id: known at the end
 */
#include "convert/model_writer.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/os.h"

#include <assert.h>
#include <string.h>

#define LAYOUT_VERSION 1
#define KEY_PACKING "hgrn_bit.ternary.packing"
#define KEY_HASHES "hgrn_bit.tensor_xxh64"

typedef struct nm_stored_ref stored_ref;

/* ---- The order of the file ------------------------------------------------------------------- */

/* The index-th tensor of the plan, and what it is stored as in this packing; returns how many. */
static size_t get_stored(const nm_model_writer *w, size_t index, nm_packing_id packing,
                         nm_planned *p, nm_stored stored[NM_MAX_STORED])
{
    nm_plan_get(w->spec->config, index, p);
    return nm_plan_stored(p, packing, w->spec->embedding, stored);
}

/*
 * Counts what is to be stored, allocates memory for it, and puts it in order: that of the plan, or
 * that of spec.like.  A tensor that only the old packing has is left out; one that only the new
 * packing has follows the last one that both have:
 *
 *     t5     x.weight  x.scale  x.norm.weight  x.neg  y.weight ...
 *     t4     x.weight  x.scale  x.norm.weight         y.weight ...     and back the same
 */
static bool plan_file(nm_model_writer *w)
{
    const nm_gguf *like = w->spec->like;
    nm_packing_id  packing = w->spec->packing, old = like ? w->spec->like_packing : packing;
    size_t         n_planned = nm_plan_count(w->spec->config), n_old = 0, n = 0;
    stored_ref    *old_order = NULL;
    nm_planned     p;
    nm_stored      stored[NM_MAX_STORED];

    for (size_t i = 0; i < n_planned; i++) {
        n_old += get_stored(w, i, old, &p, stored);
        w->n_stored += get_stored(w, i, packing, &p, stored);
        if (stored[0].part == NM_PART_CODES && stored[0].dims[0] > w->code_bytes)
            w->code_bytes = stored[0].dims[0];
    }
    do {
        w->order = nm_arena_take(&w->arena, w->n_stored, sizeof *w->order);
        old_order = nm_arena_take(&w->arena, n_old, sizeof *old_order);
    } while (!w->order && nm_arena_back(&w->arena, w->err));
    if (!w->order) return false;
    for (size_t i = 0, at = 0; i < n_planned; i++) {
        size_t n_parts = get_stored(w, i, old, &p, stored);
        for (size_t k = 0; k < n_parts; k++, at++) {
            /* The like file is open as a model, so it has exactly these tensors. */
            size_t index =
                like ? (size_t)(nm_gguf_find_tensor(like, stored[k].name) - like->tensors) : at;
            old_order[index] = (stored_ref){(uint32_t)i, (uint32_t)k};
        }
    }
    for (size_t i = 0; i < n_old; i++) {
        stored_ref ref = old_order[i];
        size_t     parts_old = get_stored(w, ref.planned, old, &p, stored);
        size_t     parts_new = get_stored(w, ref.planned, packing, &p, stored);
        if (ref.stored < parts_new) w->order[n++] = ref;
        if (ref.stored + 1 == parts_old)
            for (size_t k = parts_old; k < parts_new; k++)
                w->order[n++] = (stored_ref){ref.planned, (uint32_t)k};
    }
    assert(n == w->n_stored);
    return true;
}

/* ---- The header ------------------------------------------------------------------------------ */

static void put_text(nm_model_writer *w, const char *key, const char *value)
{
    nm_gguf_put_string(&w->header, key, value, strlen(value));
}

/* Room for the hash of each stored tensor: zeros, until all tensors are written. */
static void put_hashes(nm_model_writer *w)
{
    static const uint8_t zeros[8] = {0};

    nm_gguf_put_array(&w->header, KEY_HASHES, NOMUL_VALUE_U64, w->n_stored);
    w->hashes_at = w->header.n_bytes;
    for (size_t i = 0; i < w->n_stored; i++) nm_gguf_put_bytes(&w->header, zeros, sizeof zeros);
}

/*
 * With spec.like its keys in its order, but for those that speak of the tensors' bytes; else those
 * of models/FORMAT.md.
 */
static void put_keys(nm_model_writer *w)
{
    const nm_model_spec   *spec = w->spec;
    const nm_model_source *source = w->source;
    const nm_gguf         *like = spec->like;
    const char            *packing = nm_packings[spec->packing].name;

    if (like) {
        const nm_gguf_key *hashes_key = nm_gguf_find_key(like, KEY_HASHES);
        const nm_gguf_key *packing_key = nm_gguf_find_key(like, KEY_PACKING);
        nm_gguf_writer_begin(&w->header, like->alignment);
        for (const nm_gguf_key *key = like->keys; key < like->keys + like->n_keys; key++)
            if (key == hashes_key)
                put_hashes(w);
            else if (key == packing_key)
                put_text(w, KEY_PACKING, packing);
            else if (!nm_sampling_is_key(key, spec->sampling_rows)) /* written anew below */
                nm_gguf_put_key(&w->header, key);
        nm_sampling_write(&w->header, &spec->sampling, spec->sampling_rows);
        return;
    }
    nm_gguf_writer_init(&w->header, NM_ALIGNMENT);
    put_text(w, "general.architecture", NM_ARCHITECTURE);
    if (spec->name) put_text(w, "general.name", spec->name);
    nm_sampling_write(&w->header, &spec->sampling, spec->sampling_rows);
    nm_config_write(spec->config, &w->header);
    put_text(w, KEY_PACKING, packing);
    nm_gguf_put_bits(&w->header, "hgrn_bit.ternary.layout_version", NOMUL_VALUE_U32,
                     LAYOUT_VERSION);
    put_hashes(w);
    nm_gguf_put_bits(&w->header, "hgrn_bit.model_id", NOMUL_VALUE_U64, 0);
    w->model_id_at = w->header.n_bytes - 8;
    if (source->put_tokenizer)
        source->put_tokenizer(source->context, &w->header);
    else
        put_text(w, "tokenizer.ggml.model", "no_vocab");
}

/* ---- The tensors ----------------------------------------------------------------------------- */

/*
 * Bytes of the current tensor that are no part of the model's identity by themselves.  model_id is
 * a hash of what the weights mean, not of how they are packed: of each tensor the name, then its
 * floats or, of a matrix, its trits row by row; at the end the hyper-parameters.
 */
static bool emit(nm_model_writer *w, const void *bytes, size_t n_bytes)
{
    nm_xxh64_add(&w->hash, bytes, n_bytes);
    w->n_put += n_bytes;
    if (!w->memory) return nm_outfile_write(&w->out, bytes, n_bytes, w->err);
    memcpy(w->memory + w->at, bytes, n_bytes);
    w->at += n_bytes;
    return true;
}

bool nm_model_writer_put(nm_model_writer *w, const void *bytes, size_t n_bytes)
{
    if (w->spec->identified) nm_xxh64_add(&w->model_id, bytes, n_bytes);
    return emit(w, bytes, n_bytes);
}

void nm_model_writer_pack(nm_model_writer *w, size_t row, const int8_t *trits)
{
    if (w->spec->identified) nm_xxh64_add(&w->model_id, trits, w->matrix.cols);
    nm_ternary_pack_row(&w->matrix, w->codes, row, trits);
}

bool nm_model_writer_progress(nm_model_writer *w, uint64_t n_bytes)
{
    const nm_model_spec *s = w->spec;

    w->done += n_bytes;
    if (w->done > s->total) w->done = s->total; /* a matrix may be packed twice: pack_matrix */
    if (!nomul_cancel_requested(s->cancel) &&
        (!s->progress || s->progress(s->progress_context, w->done, s->total)))
        return true;
    return nm_fail(w->err, NOMUL_E_CANCELLED, "cancelled");
}

/*
 * Packs a matrix into w->codes, unless it is there.  In the order of spec.like its counts may come
 * before its codes, even with another matrix between them, which is then packed twice.
 */
static bool pack_matrix(nm_model_writer *w, size_t index, const nm_planned *p)
{
    if (w->matrix_index == index) return true;
    w->matrix_index = index;
    nm_ternary_init(&w->matrix, w->spec->packing, p->rows, p->cols);
    w->matrix.codes = w->codes;
    memset(w->codes, 0, nm_ternary_bytes(&w->matrix));
    return w->source->fill_codes(w->source->context, w, p);
}

/* Writes the index-th tensor of the file and the padding after it, and keeps its hash. */
static bool write_tensor(nm_model_writer *w, size_t index)
{
    static const uint8_t zeros[NM_ALIGNMENT] = {0};
    size_t               planned = w->order[index].planned;
    nm_planned           p;
    nm_stored            stored[NM_MAX_STORED], *s = &stored[w->order[index].stored];
    int32_t              neg[NM_TILE_ROWS]; /* the host's byte order is the file's */
    uint64_t             n_bytes;
    bool                 ok = true;

    get_stored(w, planned, w->spec->packing, &p, stored);
    nm_xxh64_init(&w->hash);
    w->n_put = 0;
    /* The counts follow from the codes, so they are no part of the identity. */
    if (s->part != NM_PART_NEG) nm_xxh64_add(&w->model_id, s->name, strlen(s->name));
    switch (s->part) {
    case NM_PART_CODES:
        ok = pack_matrix(w, planned, &p) && emit(w, w->codes, nm_ternary_bytes(&w->matrix));
        break;
    case NM_PART_NEG:
        ok = pack_matrix(w, planned, &p);
        for (size_t tile = 0; ok && tile < w->matrix.n_tiles; tile++) {
            nm_ternary_neg(&w->matrix, tile, neg);
            ok = emit(w, neg, sizeof neg);
        }
        break;
    default: ok = w->source->put_floats(w->source->context, w, &p, s);
    }
    if (!ok) return false;
    ok = nm_gguf_tensor_bytes(s->type, s->n_dims, s->dims, &n_bytes) && n_bytes == w->n_put;
    assert(ok); /* the source has put a whole tensor */
    nm_store_u64(w->header.bytes + w->hashes_at + 8 * index, nm_xxh64_value(&w->hash));
    return emit(w, zeros, (size_t)(-w->n_put % NM_ALIGNMENT));
}

/* ---- All of it ------------------------------------------------------------------------------- */

/* The header, with zeros for the checksums; fails before the output file is touched. */
static bool prepare(nm_model_writer *w, const nm_model_spec *spec, const nm_model_source *source,
                    nomul_error *err)
{
    *w = (nm_model_writer){
        .spec = spec, .source = source, .err = err, .matrix_index = SIZE_MAX, .out = {.fd = -1}};
    nm_xxh64_init(&w->model_id);
    if (!plan_file(w)) return false;
    put_keys(w);
    for (size_t i = 0; i < w->n_stored; i++) {
        nm_planned p;
        nm_stored  stored[NM_MAX_STORED], *s = &stored[w->order[i].stored];
        get_stored(w, w->order[i].planned, spec->packing, &p, stored);
        if (!nm_gguf_put_tensor(&w->header, s->name, s->type, s->n_dims, s->dims, err))
            return false;
    }
    return nm_gguf_writer_finish(&w->header, err);
}

/* Writes what follows the header, and completes the header in memory. */
static bool write_tensors(nm_model_writer *w)
{
    size_t code_bytes = w->code_bytes < SIZE_MAX ? (size_t)w->code_bytes : SIZE_MAX;

    w->codes = nm_alloc(code_bytes);
    if (!w->codes) return nm_fail_memory(w->err, code_bytes);
    if (!nm_model_writer_progress(w, 0)) return false;
    for (size_t i = 0; i < w->n_stored; i++)
        if (!write_tensor(w, i)) return false;
    if (!w->spec->identified) return true;
    nm_config_identify(w->spec->config, &w->model_id);
    nm_store_u64(w->header.bytes + w->model_id_at, nm_xxh64_value(&w->model_id));
    return true;
}

static void release(nm_model_writer *w)
{
    nm_outfile_abort(&w->out); /* does nothing after a commit */
    nm_free(w->codes);
    nm_arena_free(&w->arena);
    nm_gguf_writer_free(&w->header);
}

bool nm_model_write_sizes(const nm_model_spec *spec, uint64_t *file, uint64_t *working,
                          nomul_error *err)
{
    const nm_model_source none = {0};
    nm_model_writer       w;

    bool ok = prepare(&w, spec, &none, err);
    *file = w.header.n_bytes + w.header.data_bytes;
    *working = w.code_bytes;
    release(&w);
    return ok;
}

bool nm_model_write_file(const nm_model_spec *spec, const nm_model_source *source, const char *path,
                         nomul_error *err)
{
    nm_model_writer       w;
    const nm_gguf_writer *h = &w.header;
    void                 *bytes = NULL;
    size_t                n_bytes = 0;

    bool ok = prepare(&w, spec, source, err) && nm_outfile_open(&w.out, path, spec->watch, err);
    if (ok && nm_outfile_can_rewrite(&w.out))
        ok = nm_outfile_write(&w.out, h->bytes, h->n_bytes, err) && write_tensors(&w) &&
             nm_outfile_rewrite(&w.out, 0, h->bytes, h->n_bytes, err);
    else if (ok) /* a pipe takes nothing twice: the whole model is made in memory */
        ok = nm_model_write_memory(spec, source, &bytes, &n_bytes, err) &&
             nm_outfile_write(&w.out, bytes, n_bytes, err);
    ok = ok && nm_outfile_commit(&w.out, err);
    nm_free(bytes);
    release(&w);
    return ok;
}

bool nm_model_write_memory(const nm_model_spec *spec, const nm_model_source *source, void **bytes,
                           size_t *n_bytes, nomul_error *err)
{
    nm_model_writer w;
    nm_gguf_writer *h = &w.header;

    bool ok = prepare(&w, spec, source, err);
    if (ok && h->data_bytes > SIZE_MAX - h->n_bytes)
        ok = nm_fail(err, NOMUL_E_MEMORY, "out of memory: sizes overflow");
    if (ok) {
        *n_bytes = h->n_bytes + (size_t)h->data_bytes;
        w.at = h->n_bytes;
        w.memory = nm_alloc(*n_bytes);
        ok = w.memory || nm_fail_memory(err, *n_bytes);
    }
    if (ok) nm_os_large_pages(w.memory, *n_bytes);
    ok = ok && write_tensors(&w);
    if (ok)
        memcpy(w.memory, h->bytes, h->n_bytes);
    else
        nm_free(w.memory);
    *bytes = ok ? w.memory : NULL;
    release(&w);
    return ok;
}
