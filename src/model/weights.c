/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One walk over the plan (tensors.c): each tensor is found in the file, checked, and put into the
 * field that its row names.  There is no list of tensors here.  Values are not read, but for scales
 * and lower bounds; verify.c reads the others.
 */
#include "model/weights.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/exp.h"
#include "base/half.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

typedef struct opening {
    nm_weights    *weights;
    const nm_gguf *gguf;
    bool          *found;   /* [n_tensors] of the gguf */
    nm_bitlinear   nowhere; /* the field of a tensor that no operation reads */
    nomul_error   *err;
} opening;

/* The tensor of the file, of the planned type and dimensions; NULL with an error. */
static const nm_gguf_tensor *find(const opening *o, const nm_stored *s)
{
    const nm_gguf_tensor *t = nm_gguf_find_tensor(o->gguf, s->name);
    bool                  any_float = s->part == NM_PART_EMBEDDING;
    char                  found[NM_DIMS_TEXT], expected[NM_DIMS_TEXT];

    if (!t) return nm_fail(o->err, NOMUL_E_FORMAT, "tensor %s: missing", s->name), NULL;
    o->found[t - o->gguf->tensors] = true;
    if (any_float ? t->type != NM_GGUF_F16 && t->type != NM_GGUF_F32 && t->type != NM_GGUF_Q8_0
                  : t->type != s->type)
        return nm_fail(o->err, NOMUL_E_FORMAT, "tensor %s: is %s, expected %s", s->name,
                       nm_gguf_type_name(t->type),
                       any_float ? "F16, F32 or Q8_0" : nm_gguf_type_name(s->type)),
               NULL;
    if (t->n_dims == s->n_dims && memcmp(t->dims, s->dims, s->n_dims * sizeof *s->dims) == 0)
        return t;
    nm_fail(o->err, NOMUL_E_FORMAT, "tensor %s: has dimensions [%s], expected [%s]", s->name,
            nm_dims_text(found, t->dims, t->n_dims), nm_dims_text(expected, s->dims, s->n_dims));
    return NULL;
}

/* Checks one stored tensor, points the field of the planned one at it, and counts it. */
static bool open_stored(opening *o, const nm_planned *p, const nm_stored *s)
{
    nm_weights           *w = o->weights;
    const nm_gguf_tensor *t = find(o, s);
    char                 *field = (char *)&o->nowhere;

    if (p->home == NM_IN_MODEL) field = (char *)w + p->offset;
    if (p->home == NM_IN_LAYER) field = (char *)&w->layers[p->layer] + p->offset;
    nm_bitlinear *bitlinear = (nm_bitlinear *)(void *)field;
    if (!t) return false;
    /* The file's alignment and byte order are the host's: a float tensor is an array in place. */
    const float *floats = (const float *)(const void *)t->data;
    switch (s->part) {
    case NM_PART_EMBEDDING: *(const nm_gguf_tensor **)(void *)field = t; break;
    case NM_PART_TABLE: *(const float **)(void *)field = floats; break;
    case NM_PART_GAIN:
        *(p->kind == NM_KIND_BITLINEAR ? &bitlinear->gain : (const float **)(void *)field) = floats;
        w->gain_bytes += t->n_bytes;
        break;
    case NM_PART_CODES:
        nm_ternary_init(&bitlinear->w, w->packing, p->rows, p->cols);
        bitlinear->w.codes = t->data;
        w->n_ternary_params += (uint64_t)p->rows * p->cols;
        w->n_params += (uint64_t)p->rows * p->cols;
        break;
    case NM_PART_SCALE:
        if (!(*floats > 0 && isfinite(*floats)))
            return nm_fail(o->err, NOMUL_E_FORMAT,
                           "tensor %s: is %g, expected a finite number above 0", s->name,
                           (double)*floats);
        bitlinear->w.scale = *floats;
        break;
    case NM_PART_NEG: break; /* for other engines: nm_verify_matrix checks it */
    }
    if (s->part == NM_PART_CODES || s->derived)
        w->ternary_bytes += t->n_bytes;
    else
        w->n_params += s->dims[0] * (s->n_dims == 2 ? s->dims[1] : 1);
    return true;
}

/* One column at a time, in binary32, layers in order. */
bool nm_weights_bounds(float *bounds, const float *raw_bounds, size_t n_layers, size_t dim,
                       nomul_error *err)
{
    for (size_t col = 0; col < dim; col++) {
        const float *raw = raw_bounds + col;
        float        highest = raw[0], total = 0, beta = 0;
        for (size_t l = 0; l < n_layers; l++) {
            if (!isfinite(raw[l * dim]))
                return nm_fail(err, NOMUL_E_FORMAT,
                               "tensor lower_bounds: layer %zu, column %zu is not finite", l, col);
            if (raw[l * dim] > highest) highest = raw[l * dim];
        }
        for (size_t l = 0; l < n_layers; l++) total += nm_exp(raw[l * dim] - highest);
        for (size_t l = 1; l < n_layers; l++) {
            beta += nm_exp(raw[l * dim] - highest) / total;
            bounds[l * dim + col] = beta;
        }
    }
    return true;
}

/* The keys other than the hyper-parameters. */
static bool read_keys(nm_weights *w, const nm_gguf *gguf, nomul_error *err)
{
    uint32_t           version = 0;
    nm_gguf_text       name = {NULL, 0};
    const nm_gguf_key *hashes = NULL;
    char               names[NM_PACKING_LIST];

    if (gguf->alignment != NM_ALIGNMENT)
        return nm_fail(err, NOMUL_E_FORMAT, "key general.alignment: is %" PRIu32 ", expected %d",
                       gguf->alignment, NM_ALIGNMENT);
    if (!nm_gguf_get_u32(gguf, "hgrn_bit.ternary.layout_version", true, &version, err) ||
        !nm_gguf_get_string(gguf, "hgrn_bit.ternary.packing", true, &name, err) ||
        !nm_gguf_get_u64(gguf, "hgrn_bit.model_id", true, &w->model_id, err) ||
        !nm_gguf_get_array(gguf, "hgrn_bit.tensor_xxh64", true, NOMUL_VALUE_U64, &hashes, err))
        return false;
    if (version != 1)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "key hgrn_bit.ternary.layout_version: is %" PRIu32 ", expected 1", version);
    if (!nm_packing_find(name.data, name.size, &w->packing))
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "key hgrn_bit.ternary.packing: is \"%.*s\", expected \"%s\"",
                       (int)(name.size < 32 ? name.size : 32), name.data,
                       nm_packing_list(names, false, "\" or \""));
    if (hashes->n_elements != gguf->n_tensors)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "key hgrn_bit.tensor_xxh64: has %" PRIu64 " elements, expected %zu",
                       hashes->n_elements, gguf->n_tensors);
    w->checksums = hashes->value;
    return true;
}

/* In the order in which layer.c takes a token through them, which is that in the file. */
static void link_products(nm_weights *w)
{
    nm_bitlinear *last = NULL;

    for (size_t l = 0; l < w->config.n_layers; l++) {
        nm_mlgru *m = &w->layers[l].mlgru;
        nm_glu   *g = &w->layers[l].glu;
        struct {
            nm_bitlinear *product;
            size_t        n_together, n_runs;
        } order[] = {{&m->i_proj, 3, 3}, {&m->f_proj, 0, 0},       {&m->g_proj, 0, 0},
                     {&m->o_proj, 1, 1}, {&g->gate_up_proj, 1, 2}, {&g->down_proj, 1, 0}};

        for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
            order[i].product->n_together = order[i].n_together;
            if (w->ternary_bytes < NM_SMALL_BYTES) {
                order[i].product->n_runs = order[i].n_runs;
                order[i].product->each_quantizes = true;
            }
            if (last) last->next = order[i].product;
            last = order[i].product;
        }
        m->eps = w->config.rms_norm_eps;
    }
    if (last) last->next = &w->output;
    w->output.n_together = 1;
}

bool nm_weights_open(nm_weights *weights, const nm_gguf *gguf, nomul_error *err)
{
    opening o = {.weights = weights, .gguf = gguf, .err = err};
    bool    ok = true;

    *weights = (nm_weights){0};
    if (!nm_config_read(&weights->config, gguf, err) || !read_keys(weights, gguf, err))
        return false;
    weights->layers = nm_zeros(0, weights->config.n_layers, sizeof(nm_layer), err);
    if (!weights->layers) return false;
    o.found = nm_zeros(0, gguf->n_tensors, sizeof *o.found, err);
    if (!o.found) return false;

    /* Every tensor of the plan is in the file ... */
    for (size_t i = 0; ok && i < nm_plan_count(&weights->config); i++) {
        nm_planned p;
        nm_stored  s[NM_MAX_STORED];
        nm_plan_get(&weights->config, i, &p);
        size_t n_stored = nm_plan_stored(&p, weights->packing, NM_GGUF_F16, s);
        for (size_t k = 0; ok && k < n_stored; k++) ok = open_stored(&o, &p, &s[k]);
    }
    /* ... and the file has no other. */
    for (size_t i = 0; ok && i < gguf->n_tensors; i++)
        if (!o.found[i])
            ok = nm_fail(err, NOMUL_E_FORMAT, "tensor %.*s: not part of this model",
                         NM_GGUF_SHOW(gguf->tensors[i].name));
    nm_free(o.found);
    if (!ok) return false;
    /* The shapes are checked by now, so the block is no larger than the file. */
    const nm_config *c = &weights->config;
    if (weights->raw_bounds) {
        weights->bounds = nm_zeros(0, (size_t)c->n_layers * c->dim, sizeof(float), err);
        if (!weights->bounds ||
            !nm_weights_bounds(weights->bounds, weights->raw_bounds, c->n_layers, c->dim, err))
            return false;
        for (size_t l = 1; l < c->n_layers; l++)
            weights->layers[l].mlgru.bound = weights->bounds + l * c->dim;
    }
    link_products(weights);
    return true;
}

void nm_weights_close(nm_weights *weights)
{
    nm_free(weights->layers);
    nm_free(weights->bounds);
    *weights = (nm_weights){0};
}

nm_ternary nm_weights_matrix(const nm_weights *weights, const nm_gguf *gguf, const nm_planned *p)
{
    char       name[NM_TENSOR_NAME];
    nm_ternary w;

    nm_ternary_init(&w, weights->packing, p->rows, p->cols);
    nm_tensor_name(name, p->gguf_name, ".weight");
    w.codes = nm_gguf_find_tensor(gguf, name)->data; /* it is there: the weights were opened */
    return w;
}

void nm_weights_embedding(const nm_weights *weights, float *x, int32_t id)
{
    const nm_gguf_tensor *t = weights->embedding;
    size_t                dim = weights->config.dim;
    const uint8_t        *row = t->data + (size_t)id * (t->n_bytes / weights->config.vocab);

    switch (t->type) {
    case NM_GGUF_Q8_0:
        for (size_t i = 0; i < dim; i++) {
            const uint8_t *block = row + i / NM_Q8_0_BLOCK * NM_Q8_0_BYTES;
            x[i] =
                nm_float_of_f16(nm_load_u16(block)) * (float)(int8_t)block[2 + i % NM_Q8_0_BLOCK];
        }
        break;
    case NM_GGUF_F16:
        for (size_t i = 0; i < dim; i++) x[i] = nm_float_of_f16(nm_load_u16(row + 2 * i));
        break;
    default:
        for (size_t i = 0; i < dim; i++) x[i] = nm_load_f32(row + 4 * i);
    }
}

uint64_t nm_weights_checksum(const nm_weights *weights, size_t index)
{
    return nm_load_u64(weights->checksums + 8 * index);
}
