/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys and tensors go over in the order of the file they come from, byte for byte, but for the
 * packing's name, the checksums, the matrices and what the packing has beside them: so the way
 * there and back ends where it began.  Memory: the largest matrix packed, one row of it unpacked.
 */
#include "model/repack.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/xxh64.h"
#include "format/gguf_write.h"

#include <stdio.h>
#include <string.h>

/* What becomes of a stored tensor. */
typedef enum part_kind {
    PART_COPIED = 0,
    PART_CODES, /* a matrix */
    PART_GAIN,  /* copied; the matrix's .neg comes behind it, if there is to be one */
    PART_NEG,   /* of the old packing */
} part_kind;

typedef struct part {
    part_kind kind;
    size_t    planned; /* whose, but for those copied: an index into the plan */
} part;

typedef struct repacker {
    const nm_weights           *weights;
    const nm_gguf              *gguf;
    const nomul_repack_options *options;
    const nm_packing           *packing; /* the new one */
    nm_packing_id               id;
    nm_gguf_writer              header;
    nm_outfile                  out;
    nomul_error                *err;

    size_t   code_bytes, cols, tiles; /* the most of any matrix */
    size_t   hashes_at;               /* where in the header they go */
    size_t   n_stored, n_written;     /* tensors of the new file */
    uint64_t total, done;             /* bytes of the old one's */

    nm_arena arena;
    part    *parts; /* [gguf->n_tensors] */
    uint8_t *codes;
    int32_t *neg;
    int8_t  *trits;

    nm_ternary        packed; /* the matrix in codes */
    const nm_ternary *source; /* which one it is; NULL: none yet */
} repacker;

static bool report(repacker *r)
{
    const nomul_repack_options *o = r->options;

    if (!o->progress || o->progress(o->progress_context, r->done, r->total)) return true;
    return nm_fail(r->err, NOMUL_E_CANCELLED, "cancelled");
}

/* ---- What is to be done ---------------------------------------------------------------------- */

static const nm_ternary *matrix_of(const repacker *r, const nm_planned *p)
{
    return &nm_weights_bitlinear(r->weights, p)->w;
}

static nm_ternary packed_form(const repacker *r, const nm_ternary *w)
{
    nm_ternary packed;

    nm_ternary_init(&packed, r->id, w->rows, w->cols);
    return packed;
}

static void raise(size_t *most, size_t n)
{
    if (n > *most) *most = n;
}

static void measure(repacker *r)
{
    for (size_t i = 0; i < nm_plan_count(&r->weights->config); i++) {
        nm_planned p;
        nm_plan_get(&r->weights->config, i, &p);
        if (p.kind != NM_KIND_BITLINEAR) continue;
        nm_ternary packed = packed_form(r, matrix_of(r, &p));
        raise(&r->code_bytes, nm_ternary_bytes(&packed));
        raise(&r->cols, packed.cols);
        raise(&r->tiles, packed.n_tiles);
    }
    for (size_t i = 0; i < r->gguf->n_tensors; i++) r->total += r->gguf->tensors[i].n_bytes;
}

static void layout(repacker *r)
{
    r->parts = nm_arena_take(&r->arena, r->gguf->n_tensors, sizeof *r->parts);
    r->codes = nm_arena_take(&r->arena, r->code_bytes, 1);
    r->neg = nm_arena_take(&r->arena, r->tiles, NM_TILE_ROWS * sizeof *r->neg);
    r->trits = nm_arena_take(&r->arena, r->cols, sizeof *r->trits);
}

static bool take_memory(repacker *r)
{
    layout(r);
    if (!nm_arena_back(&r->arena, r->err)) return false;
    layout(r);
    return true;
}

/* It is there: the weights were opened. */
static void mark(repacker *r, size_t planned, const char *name, const char *suffix, part_kind kind)
{
    char full[NM_TENSOR_NAME];

    nm_tensor_name(full, name, suffix);
    size_t index = (size_t)(nm_gguf_find_tensor(r->gguf, full) - r->gguf->tensors);
    r->parts[index] = (part){kind, planned};
}

/* A file that is in this packing already is copied. */
static void mark_parts(repacker *r)
{
    bool had_neg = nm_packings[r->weights->packing].has_neg, same = r->id == r->weights->packing;

    for (size_t i = 0; !same && i < nm_plan_count(&r->weights->config); i++) {
        nm_planned p;
        nm_plan_get(&r->weights->config, i, &p);
        if (p.kind != NM_KIND_BITLINEAR) continue;
        mark(r, i, p.gguf_name, ".weight", PART_CODES);
        mark(r, i, p.gguf_name, ".norm.weight", PART_GAIN);
        if (had_neg) mark(r, i, p.gguf_name, ".neg", PART_NEG);
    }
}

/* ---- The header ------------------------------------------------------------------------------ */

/* Zeros, until all tensors are written. */
static bool put_hashes(repacker *r)
{
    static const uint8_t zeros[8] = {0};

    if (!nm_gguf_put_array(&r->header, "hgrn_bit.tensor_xxh64", NOMUL_VALUE_U64, r->n_stored,
                           r->err))
        return false;
    r->hashes_at = r->header.n_bytes;
    for (size_t i = 0; i < r->n_stored; i++)
        if (!nm_gguf_put_bytes(&r->header, zeros, sizeof zeros, r->err)) return false;
    return true;
}

static bool put_packing(repacker *r)
{
    const char *name = r->packing->name;

    return nm_gguf_put_string(&r->header, "hgrn_bit.ternary.packing", name, strlen(name), r->err);
}

static bool put_keys(repacker *r)
{
    const nm_gguf_key *hashes = nm_gguf_find_key(r->gguf, "hgrn_bit.tensor_xxh64");
    const nm_gguf_key *packing = nm_gguf_find_key(r->gguf, "hgrn_bit.ternary.packing");

    for (size_t i = 0; i < r->gguf->n_keys; i++) {
        const nm_gguf_key *key = &r->gguf->keys[i];
        bool               ok = key == hashes    ? put_hashes(r)
                                : key == packing ? put_packing(r)
                                                 : nm_gguf_put_key(&r->header, key, r->err);
        if (!ok) return false;
    }
    return true;
}

static bool put_same(repacker *r, const nm_gguf_tensor *t)
{
    char name[NM_TENSOR_NAME]; /* all are the plan's, so it fits */

    snprintf(name, sizeof name, "%.*s", NM_GGUF_SHOW(t->name));
    return nm_gguf_put_tensor(&r->header, name, t->type, t->n_dims, t->dims, r->err);
}

static bool put_made(repacker *r, const nm_planned *p, const char *suffix, nm_gguf_type type,
                     uint64_t n_values)
{
    char name[NM_TENSOR_NAME];

    nm_tensor_name(name, p->gguf_name, suffix);
    return nm_gguf_put_tensor(&r->header, name, type, 1, &n_values, r->err);
}

static bool put_part(repacker *r, size_t index)
{
    const nm_gguf_tensor *t = &r->gguf->tensors[index];
    const part           *todo = &r->parts[index];
    nm_planned            p;

    if (todo->kind == PART_COPIED) return put_same(r, t);
    nm_plan_get(&r->weights->config, todo->planned, &p);
    nm_ternary packed = packed_form(r, matrix_of(r, &p));
    switch (todo->kind) {
    case PART_CODES: return put_made(r, &p, ".weight", NM_GGUF_I8, nm_ternary_bytes(&packed));
    case PART_GAIN:
        return put_same(r, t) && (!r->packing->has_neg || put_made(r, &p, ".neg", NM_GGUF_I32,
                                                                   packed.n_tiles * NM_TILE_ROWS));
    default: return true;
    }
}

static bool make_header(repacker *r)
{
    for (size_t i = 0; i < r->gguf->n_tensors; i++) {
        part_kind kind = r->parts[i].kind;
        if (kind != PART_NEG) r->n_stored++;
        if (kind == PART_GAIN && r->packing->has_neg) r->n_stored++;
    }
    if (!nm_gguf_writer_begin(&r->header, r->gguf->alignment, r->err) || !put_keys(r)) return false;
    for (size_t i = 0; i < r->gguf->n_tensors; i++)
        if (!put_part(r, i)) return false;
    return nm_gguf_writer_finish(&r->header, r->err);
}

/* ---- The tensors ----------------------------------------------------------------------------- */

static bool write_stored(repacker *r, const void *bytes, size_t n_bytes)
{
    uint8_t *hash = r->header.bytes + r->hashes_at + 8 * r->n_written++;

    nm_store_u64(hash, nm_xxh64_of(bytes, n_bytes));
    return nm_outfile_write(&r->out, bytes, n_bytes, r->err) &&
           nm_outfile_zeros(&r->out, nm_round_up(n_bytes, NM_ALIGNMENT) - n_bytes, r->err);
}

/* A matrix into r->codes, unless it is there. */
static bool pack(repacker *r, const nm_ternary *w)
{
    if (r->source == w) return true;
    r->source = w;
    r->packed = packed_form(r, w);
    r->packed.codes = r->codes;
    memset(r->codes, 0, nm_ternary_bytes(&r->packed));
    for (size_t row = 0; row < w->rows; row++) {
        nm_ternary_unpack_row(w, row, r->trits);
        nm_ternary_pack_row(&r->packed, r->codes, row, r->trits);
        if (row % NM_TILE_ROWS == 0 && !report(r)) return false;
    }
    return true;
}

/* The matrix is in r->codes, but where a file has its tensors in an order of its own. */
static bool write_neg(repacker *r, const nm_ternary *w)
{
    if (!pack(r, w)) return false;
    for (size_t tile = 0; tile < w->n_tiles; tile++)
        nm_ternary_neg(&r->packed, tile, r->neg + tile * NM_TILE_ROWS);
    /* The host's byte order is the file's. */
    return write_stored(r, r->neg, w->n_tiles * NM_TILE_ROWS * sizeof *r->neg);
}

static bool write_part(repacker *r, size_t index)
{
    const nm_gguf_tensor *t = &r->gguf->tensors[index];
    const part           *todo = &r->parts[index];
    nm_planned            p;

    if (todo->kind == PART_COPIED) return write_stored(r, t->data, (size_t)t->n_bytes);
    nm_plan_get(&r->weights->config, todo->planned, &p);
    const nm_ternary *w = matrix_of(r, &p);
    switch (todo->kind) {
    case PART_CODES: return pack(r, w) && write_stored(r, r->codes, nm_ternary_bytes(&r->packed));
    case PART_GAIN:
        return write_stored(r, t->data, (size_t)t->n_bytes) &&
               (!r->packing->has_neg || write_neg(r, w));
    default: return true;
    }
}

static bool verify_part(const repacker *r, size_t index)
{
    const part *todo = &r->parts[index];
    nm_planned  p;

    if (!nm_weights_verify_tensor(r->weights, r->gguf, index, r->err)) return false;
    if (todo->kind != PART_CODES) return true;
    nm_plan_get(&r->weights->config, todo->planned, &p);
    return nm_weights_verify_matrix(r->weights, r->gguf, &p, r->err);
}

static bool write_file(repacker *r, const char *input, const char *output)
{
    nm_gguf_writer *h = &r->header;

    if (!nm_outfile_open(&r->out, output, r->err) ||
        !nm_outfile_write(&r->out, h->bytes, h->n_bytes, r->err) || !report(r))
        return false;
    for (size_t i = 0; i < r->gguf->n_tensors; i++) {
        if (!verify_part(r, i)) return nm_fail_in(r->err, "%s", input);
        if (!write_part(r, i)) return false;
        r->done += r->gguf->tensors[i].n_bytes;
        if (!report(r)) return false;
    }
    return nm_outfile_rewrite(&r->out, 0, h->bytes, h->n_bytes, r->err) &&
           nm_outfile_commit(&r->out, r->err);
}

/* ---- All of it ------------------------------------------------------------------------------- */

static bool repack(repacker *r, const char *input, const char *output)
{
    measure(r);
    if (!take_memory(r)) return false;
    mark_parts(r);
    return make_header(r) && write_file(r, input, output);
}

bool nm_repack(const nm_weights *weights, const nm_gguf *gguf, const char *input,
               const char *output, const nomul_repack_options *options, nomul_error *err)
{
    nm_packing_id id = (nm_packing_id)options->pack; /* alike: nomul.c asserts it */
    repacker      r = {
             .weights = weights,
             .gguf = gguf,
             .options = options,
             .packing = &nm_packings[id],
             .id = id,
             .out = {.fd = -1},
             .err = err,
    };

    bool ok = repack(&r, input, output);
    nm_outfile_abort(&r.out); /* nothing is left to abort after a commit */
    nm_arena_free(&r.arena);
    nm_gguf_writer_free(&r.header);
    return ok;
}
