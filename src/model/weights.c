/* SPDX-License-Identifier: Apache-2.0 */
#include "model/weights.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/exp.h"
#include "base/half.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define Q8_0_BLOCK 32
#define Q8_0_BYTES 34 /* a binary16 scale, then 32 int8 */

/* What is being opened, passed down the walk. */
typedef struct opening {
    nm_weights    *weights;
    const nm_gguf *gguf;
    bool          *found;      /* [n_tensors] of the gguf */
    const float   *raw_bounds; /* as stored */
    nomul_error   *err;
} opening;

static const nm_gguf_tensor *find(const opening *o, const char *name, const char *suffix)
{
    char full[NM_TENSOR_NAME];

    nm_tensor_name(full, name, suffix);
    const nm_gguf_tensor *t = nm_gguf_find_tensor(o->gguf, full);
    if (t)
        o->found[t - o->gguf->tensors] = true;
    else
        nm_fail(o->err, NOMUL_E_FORMAT, "tensor %s: missing", full);
    return t;
}

/* dims innermost first; n_dims 1 or 2. */
static bool check_shape(const opening *o, const nm_gguf_tensor *t, uint64_t inner, uint64_t outer,
                        uint32_t n_dims)
{
    if (t->n_dims == n_dims && t->dims[0] == inner && (n_dims == 1 || t->dims[1] == outer))
        return true;
    char found[96], expected[48];
    snprintf(found, sizeof found, "%" PRIu64, t->dims[0]);
    for (uint32_t i = 1; i < t->n_dims && i < NM_GGUF_MAX_DIMS; i++) {
        size_t at = strlen(found);
        snprintf(found + at, sizeof found - at, ", %" PRIu64, t->dims[i]);
    }
    if (n_dims == 1)
        snprintf(expected, sizeof expected, "%" PRIu64, inner);
    else
        snprintf(expected, sizeof expected, "%" PRIu64 ", %" PRIu64, inner, outer);
    return nm_fail(o->err, NOMUL_E_FORMAT, "tensor %.*s: has dimensions [%s], expected [%s]",
                   NM_GGUF_SHOW(t->name), found, expected);
}

static bool check_type(const opening *o, const nm_gguf_tensor *t, nm_gguf_type type)
{
    if (t->type == type) return true;
    return nm_fail(o->err, NOMUL_E_FORMAT, "tensor %.*s: is %s, expected %s", NM_GGUF_SHOW(t->name),
                   nm_gguf_type_name(t->type), nm_gguf_type_name(type));
}

/* The file's alignment and byte order are the host's: a float tensor is an array as it lies. */
static const float *float_tensor(const opening *o, const char *name, const char *suffix,
                                 uint64_t inner, uint64_t outer, uint32_t n_dims)
{
    const nm_gguf_tensor *t = find(o, name, suffix);

    if (!t || !check_type(o, t, NM_GGUF_F32) || !check_shape(o, t, inner, outer, n_dims))
        return NULL;
    return (const float *)(const void *)t->data;
}

static bool open_embedding(opening *o, const nm_planned *p)
{
    const nm_gguf_tensor *t = find(o, p->gguf_name, ".weight");

    if (!t) return false;
    if (t->type != NM_GGUF_F16 && t->type != NM_GGUF_F32 && t->type != NM_GGUF_Q8_0)
        return nm_fail(o->err, NOMUL_E_FORMAT, "tensor %s.weight: is %s, expected F16, F32 or Q8_0",
                       p->gguf_name, nm_gguf_type_name(t->type));
    if (!check_shape(o, t, p->cols, p->rows, 2)) return false;
    o->weights->embedding = t;
    o->weights->n_params += (uint64_t)p->rows * p->cols;
    return true;
}

/* Other engines want it; ours only checks that it is right. */
static bool open_neg(opening *o, const nm_planned *p, const nm_ternary *w)
{
    if (!nm_packings[w->packing].has_neg) return true;
    const nm_gguf_tensor *t = find(o, p->gguf_name, ".neg");
    if (!t || !check_type(o, t, NM_GGUF_I32) || !check_shape(o, t, w->n_tiles * NM_TILE_ROWS, 0, 1))
        return false;
    o->weights->ternary_bytes += t->n_bytes;
    return true;
}

static bool open_bitlinear(opening *o, const nm_planned *p, nm_bitlinear *layer)
{
    nm_ternary           *w = &layer->w;
    const nm_gguf_tensor *t = find(o, p->gguf_name, ".weight");

    if (!t || !check_type(o, t, NM_GGUF_I8)) return false;
    nm_ternary_init(w, o->weights->packing, p->rows, p->cols);
    if (!check_shape(o, t, nm_ternary_bytes(w), 0, 1)) return false;
    w->codes = t->data;

    const float *scale = float_tensor(o, p->gguf_name, ".scale", 1, 0, 1);
    if (!scale) return false;
    if (!(*scale > 0 && isfinite(*scale)))
        return nm_fail(o->err, NOMUL_E_FORMAT,
                       "tensor %s.scale: is %g, expected a finite number above 0", p->gguf_name,
                       (double)*scale);
    w->scale = *scale;
    layer->gain = float_tensor(o, p->gguf_name, ".norm.weight", p->cols, 0, 1);
    o->weights->n_ternary_params += (uint64_t)p->rows * p->cols;
    o->weights->n_params += (uint64_t)p->rows * p->cols + p->cols;
    o->weights->ternary_bytes += nm_ternary_bytes(w) + sizeof *scale;
    return layer->gain && open_neg(o, p, w);
}

static bool open_gain(opening *o, const nm_planned *p, const float **gain)
{
    *gain = float_tensor(o, p->gguf_name, ".weight", p->cols, 0, 1);
    o->weights->n_params += p->cols;
    return *gain != NULL;
}

static bool open_bounds(opening *o, const nm_planned *p)
{
    o->raw_bounds = float_tensor(o, p->gguf_name, "", p->cols, p->rows, 2);
    o->weights->n_params += (uint64_t)p->rows * p->cols;
    return o->raw_bounds != NULL;
}

static bool open_planned(opening *o, const nm_planned *p)
{
    nm_weights *w = o->weights;
    nm_layer   *layer = &w->layers[p->layer];

    switch (p->id) {
    case NM_TOKEN_EMBD: return open_embedding(o, p);
    case NM_LOWER_BOUNDS: return open_bounds(o, p);
    case NM_ATTN_NORM: return open_gain(o, p, &layer->attn_gain);
    case NM_ATTN_I: return open_bitlinear(o, p, &layer->mlgru.i_proj);
    case NM_ATTN_F: return open_bitlinear(o, p, &layer->mlgru.f_proj);
    case NM_ATTN_G: return open_bitlinear(o, p, &layer->mlgru.g_proj);
    case NM_ATTN_G_NORM:
        layer->mlgru.eps = w->config.rms_norm_eps;
        return open_gain(o, p, &layer->mlgru.g_gain);
    case NM_ATTN_OUTPUT: return open_bitlinear(o, p, &layer->mlgru.o_proj);
    case NM_FFN_NORM: return open_gain(o, p, &layer->ffn_gain);
    case NM_FFN_GATE_UP: return open_bitlinear(o, p, &layer->glu.gate_up_proj);
    case NM_FFN_DOWN: return open_bitlinear(o, p, &layer->glu.down_proj);
    case NM_OUTPUT_NORM: return open_gain(o, p, &w->output_gain);
    case NM_OUTPUT: return open_bitlinear(o, p, &w->output);
    case NM_TENSOR_IDS: break;
    }
    return false;
}

/* All planned tensors were found, each once: one that was not is not planned. */
static bool refuse_unknown(const opening *o)
{
    for (size_t i = 0; i < o->gguf->n_tensors; i++) {
        if (o->found[i]) continue;
        return nm_fail(o->err, NOMUL_E_FORMAT, "tensor %.*s: not one of this model's",
                       NM_GGUF_SHOW(o->gguf->tensors[i].name));
    }
    return true;
}

static bool open_all(opening *o)
{
    const nm_config *config = &o->weights->config;

    for (size_t i = 0; i < nm_plan_count(config); i++) {
        nm_planned p;
        nm_plan_get(config, i, &p);
        if (!open_planned(o, &p)) return false;
    }
    return refuse_unknown(o);
}

/* What is found is marked meanwhile. */
static bool open_tensors(opening *o)
{
    size_t n_bytes = o->gguf->n_tensors * sizeof *o->found;

    o->found = nm_alloc(n_bytes);
    if (!o->found) return nm_fail_memory(o->err, n_bytes);
    memset(o->found, 0, n_bytes);
    bool ok = open_all(o);
    nm_free(o->found);
    return ok;
}

/*
 * beta_l = p_1 + ... + p_l with p the softmax over the layers of each column; beta_0 = 0.  One
 * column at a time, in binary32, layers in order.
 */
static bool compute_bounds(opening *o)
{
    size_t n_layers = o->weights->config.n_layers, dim = o->weights->config.dim;

    for (size_t col = 0; col < dim; col++) {
        const float *raw = o->raw_bounds + col;
        float        highest = raw[0], total = 0, beta = 0;
        for (size_t l = 0; l < n_layers; l++) {
            if (!isfinite(raw[l * dim]))
                return nm_fail(o->err, NOMUL_E_FORMAT,
                               "tensor lower_bounds: layer %zu, column %zu is not finite", l, col);
            if (raw[l * dim] > highest) highest = raw[l * dim];
        }
        for (size_t l = 0; l < n_layers; l++) total += nm_exp(raw[l * dim] - highest);
        for (size_t l = 1; l < n_layers; l++) {
            beta += nm_exp(raw[l * dim] - highest) / total;
            o->weights->bounds[l * dim + col] = beta;
        }
    }
    return true;
}

/* Room for one more part of the weights, cleared; the arena it lies in is theirs. */
static void *take(nm_arena *arena, size_t count, size_t item_bytes, nomul_error *err)
{
    nm_arena_take(arena, count, item_bytes);
    if (!nm_arena_back(arena, err)) return NULL;
    return nm_arena_take(arena, count, item_bytes);
}

/* After the shapes were checked: the room wanted is no more than the file's own. */
static bool open_bounds_of_layers(opening *o)
{
    nm_weights      *w = o->weights;
    const nm_config *c = &w->config;

    if (!c->use_lower_bound) return true;
    w->bounds = take(&w->bounds_arena, (size_t)c->n_layers * c->dim, sizeof(float), o->err);
    if (!w->bounds || !compute_bounds(o)) return false;
    for (size_t l = 1; l < c->n_layers; l++) w->layers[l].mlgru.bound = w->bounds + l * c->dim;
    return true;
}

static bool read_packing(nm_weights *w, const nm_gguf *gguf, nomul_error *err)
{
    uint32_t     version = 0;
    nm_gguf_text name;

    if (!nm_gguf_get_u32(gguf, "hgrn_bit.ternary.layout_version", true, &version, err) ||
        !nm_gguf_get_string(gguf, "hgrn_bit.ternary.packing", true, &name, err))
        return false;
    if (version != 1)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "key hgrn_bit.ternary.layout_version: is %" PRIu32 ", expected 1", version);
    for (int i = 0; i < NM_PACKINGS; i++) {
        const char *known = nm_packings[i].name;
        if (name.size == strlen(known) && memcmp(name.data, known, name.size) == 0) {
            w->packing = (nm_packing_id)i;
            return true;
        }
    }
    return nm_fail(err, NOMUL_E_UNSUPPORTED,
                   "key hgrn_bit.ternary.packing: is \"%.*s\", expected \"t4\" or \"t5\"",
                   (int)(name.size < 32 ? name.size : 32), name.data);
}

static bool read_identity(nm_weights *w, const nm_gguf *gguf, nomul_error *err)
{
    const nm_gguf_key *hashes = NULL;

    if (!nm_gguf_get_u64(gguf, "hgrn_bit.model_id", true, &w->model_id, err) ||
        !nm_gguf_get_array(gguf, "hgrn_bit.tensor_xxh64", true, NOMUL_VALUE_U64, &hashes, err))
        return false;
    if (hashes->n_elements != gguf->n_tensors)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "key hgrn_bit.tensor_xxh64: has %" PRIu64 " elements, expected %zu",
                       hashes->n_elements, gguf->n_tensors);
    w->checksums = hashes->value;
    return true;
}

/* In the order in which forward.c takes a token through them. */
static void link_products(nm_weights *w)
{
    nm_bitlinear *last = NULL;

    for (size_t l = 0; l < w->config.n_layers; l++) {
        nm_mlgru *m = &w->layers[l].mlgru;
        nm_glu   *g = &w->layers[l].glu;
        struct {
            nm_bitlinear *product;
            size_t        n_together;
        } order[] = {{&m->f_proj, 3}, {&m->i_proj, 0},       {&m->g_proj, 0},
                     {&m->o_proj, 1}, {&g->gate_up_proj, 1}, {&g->down_proj, 1}};

        for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
            order[i].product->n_together = order[i].n_together;
            if (last) last->next = order[i].product;
            last = order[i].product;
        }
    }
    if (last) last->next = &w->output;
    w->output.n_together = 1;
}

bool nm_weights_open(nm_weights *weights, const nm_gguf *gguf, nomul_error *err)
{
    opening o = {.weights = weights, .gguf = gguf, .err = err};

    *weights = (nm_weights){0};
    if (!nm_config_read(&weights->config, gguf, err) || !read_packing(weights, gguf, err) ||
        !read_identity(weights, gguf, err))
        return false;
    if (gguf->alignment != NM_ALIGNMENT)
        return nm_fail(err, NOMUL_E_FORMAT, "key general.alignment: is %" PRIu32 ", expected %d",
                       gguf->alignment, NM_ALIGNMENT);
    weights->layers = take(&weights->layers_arena, weights->config.n_layers, sizeof(nm_layer), err);
    if (!weights->layers || !open_tensors(&o) || !open_bounds_of_layers(&o)) return false;
    link_products(weights);
    return true;
}

void nm_weights_close(nm_weights *weights)
{
    nm_arena_free(&weights->layers_arena);
    nm_arena_free(&weights->bounds_arena);
    *weights = (nm_weights){0};
}

static void q8_0_row(float *x, const uint8_t *blocks, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t *block = blocks + i / Q8_0_BLOCK * Q8_0_BYTES;
        x[i] = nm_float_of_f16(nm_load_u16(block)) * (float)(int8_t)block[2 + i % Q8_0_BLOCK];
    }
}

void nm_weights_embedding(const nm_weights *weights, float *x, int32_t id)
{
    const nm_gguf_tensor *t = weights->embedding;
    size_t                dim = weights->config.dim;
    const uint8_t        *row = t->data + (size_t)id * (t->n_bytes / weights->config.vocab);

    switch (t->type) {
    case NM_GGUF_Q8_0: q8_0_row(x, row, dim); break;
    case NM_GGUF_F16:
        for (size_t i = 0; i < dim; i++) x[i] = nm_float_of_f16(nm_load_u16(row + 2 * i));
        break;
    default:
        for (size_t i = 0; i < dim; i++) x[i] = nm_load_f32(row + 4 * i);
    }
}
