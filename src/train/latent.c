/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walks the plan of tensors to lay out a model in training, and quantizes it after each step: the
 * trits, codes and scales of its nm_weights are then made again.  The plan's order is that of the
 * values: the walk counts them up, here and in pretrained.c.
 */
#include "train/latent.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/rng.h"
#include "convert/quantize.h"
#include "model/weights.h"

#include <math.h>
#include <string.h>

#define INITIAL_DEVIATION 0.02
#define SCALE_FLOOR 1e-5f

/* ---- Layout ---------------------------------------------------------------------------------- */

/* Appends a tensor to the values. */
static void add_tensor(nm_latent *l, const nm_planned *p, const char *suffix, bool is_matrix)
{
    nm_latent_tensor *t = &l->tensors[l->n_tensors++];

    nm_tensor_name(t->name, p->source_name, suffix);
    t->rows = is_matrix ? p->rows : 1, t->cols = p->cols;
    t->is_matrix = is_matrix;
    t->at = l->n_values;
    l->n_values += t->rows * t->cols;
}

/* The field of the network that a planned tensor fills. */
static void *field_of(nm_latent *l, const nm_planned *p)
{
    if (p->home == NM_IN_LAYER) return (char *)&l->weights.layers[p->layer] + p->offset;
    return (char *)&l->weights + p->offset;
}

/* The next tensors of values: one, or the weight and the gain of a BitLinear. */
static void add_planned(nm_latent *l, const nm_planned *p, nm_packing_id packing)
{
    nm_latent_matrix *m;

    switch (p->kind) {
    case NM_KIND_EMBEDDING:
        l->embedding_at = l->n_values;
        add_tensor(l, p, ".weight", true);
        break;
    case NM_KIND_TABLE:
        l->bounds_at = l->n_values;
        add_tensor(l, p, "", true);
        break;
    case NM_KIND_GAIN: add_tensor(l, p, ".weight", false); break;
    case NM_KIND_BITLINEAR:
        m = &l->matrices[l->n_matrices++];
        *m = (nm_latent_matrix){.layer = field_of(l, p), .rows = p->rows, .cols = p->cols};
        m->weight_at = l->n_values;
        add_tensor(l, p, ".weight", true);
        m->gain_at = l->n_values;
        add_tensor(l, p, ".norm.weight", false);
        nm_ternary_init(&m->layer->w, packing, p->rows, p->cols);
        l->max_cols = nm_larger(l->max_cols, p->cols);
        break;
    }
}

/* The row of the table that owns this BitLinear of the network. */
static const nm_latent_matrix *matrix_of(const nm_latent *l, const nm_bitlinear *layer)
{
    const nm_latent_matrix *m = l->matrices;

    while (m->layer != layer) m++;
    return m;
}

/* Points the network at the values, once these have an address. */
static void connect(nm_latent *l)
{
    const nm_config *c = &l->config;

    for (size_t i = 0, at = 0; i < nm_plan_count(c); i++) {
        nm_planned p;
        nm_plan_get(c, i, &p);
        if (p.kind == NM_KIND_GAIN) *(const float **)field_of(l, &p) = l->values + at;
        at += p.rows * p.cols + (p.kind == NM_KIND_BITLINEAR ? p.cols : 0);
    }
    for (nm_latent_matrix *m = l->matrices; m < l->matrices + l->n_matrices; m++) {
        m->layer->w.codes = m->codes;
        m->layer->gain = l->values + m->gain_at;
    }
    for (size_t i = 0; i < c->n_layers; i++) {
        nm_layer *layer = &l->weights.layers[i];
        layer->mlgru.eps = c->rms_norm_eps;
        /* beta of the first layer is 0, which is no bound. */
        if (c->use_lower_bound && i > 0) layer->mlgru.bound = l->weights.bounds + i * c->dim;
        l->layers[i] = (nm_latent_layer){
            .i = matrix_of(l, &layer->mlgru.i_proj),
            .f = matrix_of(l, &layer->mlgru.f_proj),
            .g = matrix_of(l, &layer->mlgru.g_proj),
            .o = matrix_of(l, &layer->mlgru.o_proj),
            .gate_up = matrix_of(l, &layer->glu.gate_up_proj),
            .down = matrix_of(l, &layer->glu.down_proj),
        };
    }
    l->head = l->matrices + (matrix_of(l, &l->weights.output) - l->matrices);
    l->weights.embedding = &l->embedding;
    l->embedding.data = l->stored;
}

/* The tables, whose sizes follow from the config; they say how many values there are. */
static bool make_tables(nm_latent *l, nm_packing_id packing, nomul_error *err)
{
    nm_arena *arena = &l->tables;
    size_t    n_planned = nm_plan_count(&l->config);

    for (int placing = 0; placing < 2; placing++) {
        if (placing && !nm_arena_back(arena, err)) return false;
        l->tensors = nm_arena_take(arena, 2 * n_planned, sizeof *l->tensors);
        l->matrices = nm_arena_take(arena, n_planned, sizeof *l->matrices);
        l->layers = nm_arena_take(arena, l->config.n_layers, sizeof *l->layers);
        l->weights.layers = nm_arena_take(arena, l->config.n_layers, sizeof *l->weights.layers);
        l->weights.bounds =
            nm_arena_take(arena, (size_t)l->config.n_layers * l->config.dim, sizeof(float));
    }
    for (size_t i = 0; i < n_planned; i++) {
        nm_planned p;
        nm_plan_get(&l->config, i, &p);
        add_planned(l, &p, packing);
    }
    return true;
}

/* Tables, then arrays, then pointers from the network into both. */
bool nm_latent_open(nm_latent *l, const nm_config *config, nm_packing_id packing,
                    nm_gguf_type embedding, nomul_error *err)
{
    *l = (nm_latent){.config = *config, .weights = {.config = *config, .packing = packing}};
    l->embedding = (nm_gguf_tensor){
        .type = embedding, .n_dims = 2, .dims = {config->dim, config->vocab, 1, 1}};
    bool ok = nm_gguf_tensor_bytes(embedding, 2, l->embedding.dims, &l->embedding.n_bytes) ||
              nm_fail(err, NOMUL_E_UNSUPPORTED, "embedding: its type does not fit hidden_size");
    ok = ok && make_tables(l, packing, err);
    /* The values, and all that is made of them after each step. */
    for (int placing = 0; ok && placing < 2; placing++) {
        if (placing) ok = nm_arena_back(&l->arena, err);
        l->values = nm_arena_take(&l->arena, l->n_values, sizeof(float));
        l->grads = nm_arena_take(&l->arena, l->n_values, sizeof(float));
        l->stored = nm_arena_take(&l->arena, (size_t)l->embedding.n_bytes, 1);
        for (nm_latent_matrix *m = l->matrices; m < l->matrices + l->n_matrices; m++) {
            m->trits = nm_arena_take(&l->arena, m->rows * m->cols, 1);
            m->codes = nm_arena_take(&l->arena, nm_ternary_bytes(&m->layer->w), 1);
        }
    }
    if (ok) connect(l);
    if (!ok) nm_latent_close(l);
    return ok;
}

void nm_latent_close(nm_latent *l)
{
    nm_arena_free(&l->tables);
    nm_arena_free(&l->arena);
    *l = (nm_latent){.n_values = 0};
}

/* ---- Random values --------------------------------------------------------------------------- */

void nm_latent_randomize(nm_latent *l, uint64_t seed)
{
    nm_rng rng;

    nm_rng_init(&rng, seed);
    for (const nm_latent_tensor *t = l->tensors; t < l->tensors + l->n_tensors; t++) {
        bool is_bound = l->config.use_lower_bound && t->at == l->bounds_at;
        for (size_t i = t->at; i < t->at + t->rows * t->cols; i++) {
            l->values[i] = is_bound ? 0.0f : 1.0f;
            if (!t->is_matrix || is_bound) continue;
            /* The sum of twelve uniform numbers is close to normal and needs no logarithm. */
            double sum = -6;
            for (int k = 0; k < 12; k++) sum += nm_rng_double(&rng);
            l->values[i] = (float)(sum * INITIAL_DEVIATION);
        }
    }
}

/* ---- Quantizing ------------------------------------------------------------------------------ */

/* The context of both jobs; m is the matrix whose tiles are packed. */
typedef struct quantizing {
    nm_latent              *l;
    const nm_latent_matrix *m;
} quantizing;

/*
 * The scales of matrices [begin, end).  The sum runs from the first weight to the last, as convert
 * takes it, so that both give the same scale to the last bit.
 */
static void find_scales(void *context, size_t begin, size_t end, size_t thread)
{
    const quantizing *x = context;

    (void)thread;
    for (size_t i = begin; i < end; i++) {
        const nm_latent_matrix *m = &x->l->matrices[i];
        const float            *w = x->l->values + m->weight_at;
        double                  sum = 0;
        for (size_t k = 0; k < m->rows * m->cols; k++) sum += (double)fabsf(w[k]);
        float mean = (float)(sum / ((double)m->rows * (double)m->cols));
        m->layer->w.scale = !(mean <= SCALE_FLOOR) ? mean : SCALE_FLOOR; /* a NaN stays */
    }
}

/* Tiles [begin, end): a row of a tile has bytes of its own. */
static void pack_tiles(void *context, size_t begin, size_t end, size_t thread)
{
    const quantizing       *x = context;
    const nm_latent_matrix *m = x->m;

    (void)thread;
    for (size_t r = begin * NM_TILE_ROWS; r < nm_smaller(end * NM_TILE_ROWS, m->rows); r++) {
        int8_t *trits = m->trits + r * m->cols;
        nm_quantize_trits(trits, x->l->values + m->weight_at + r * m->cols, m->cols,
                          m->layer->w.scale);
        nm_ternary_pack_row(&m->layer->w, m->codes, r, trits);
    }
}

/*
 * Scales of all matrices at once, a matrix to a thread, since a sum is never split; then matrix by
 * matrix, tiles to threads.  The embedding and the bounds follow.
 */
bool nm_latent_quantize(nm_latent *l, nm_pool *pool, nomul_error *err)
{
    const nm_config *c = &l->config;
    size_t           row_bytes = (size_t)l->embedding.n_bytes / c->vocab;
    quantizing       x = {.l = l};

    nm_pool_run(pool, find_scales, &x, l->n_matrices, 1);
    for (x.m = l->matrices; x.m < l->matrices + l->n_matrices; x.m++) {
        if (!isfinite(x.m->layer->w.scale)) {
            const nm_latent_tensor *t = l->tensors;
            while (t->at != x.m->weight_at) t++;
            return nm_fail(err, NOMUL_E_FORMAT, "tensor %s: a weight is not finite", t->name);
        }
        nm_pool_run(pool, pack_tiles, &x, x.m->layer->w.n_tiles, 1);
    }
    for (size_t id = 0; id < c->vocab; id++)
        if (!nm_quantize_encode_row(l->stored + id * row_bytes, l->embedding.type,
                                    l->values + l->embedding_at + id * c->dim, id, c->dim, err))
            return nm_fail_in(err, "tensor %s", l->tensors[0].name);
    if (!c->use_lower_bound) return true;
    return nm_weights_bounds(l->weights.bounds, l->values + l->bounds_at, c->n_layers, c->dim, err);
}
