/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two tables: the tensors of a model, and what each kind of tensor is stored as.  All that reads or
 * writes a model file walks them by nm_plan_get and nm_plan_stored, in this order, so a tensor is
 * described here and nowhere else.
 */
#include "model/tensors.h"

#include "base/bytes.h"
#include "model/network.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* A size that a row of the plan names; BOUNDS is 0 in a model without lower bounds. */
typedef enum size_name { ONE, VOCAB, BOUNDS, DIM, STATE, FFN, FFN_TWICE } size_name;

typedef struct plan_row {
    const char    *gguf_name, *source_name; /* with %u for the layer */
    nm_tensor_kind kind;
    size_name      rows, cols; /* a tensor with no rows is not in the model */
    nm_tensor_home home;
    size_t         offset;
    int            kinds; /* that fit the field, a bit each */
} plan_row;

/*
 * A row's field is given by its member; the kinds of tensors that the member can take follow from
 * its type.  NOWHERE is for a tensor that no operation reads: it is checked, converted and repacked
 * like any other.
 */
#define FIELD(type, member)                                                                        \
    offsetof(type, member), _Generic(((type *)0)->member, const nm_gguf_tensor * : TENSOR,         \
                                     const float * : FLOATS, nm_bitlinear : BITLINEAR)
enum {
    TENSOR = 1 << NM_KIND_EMBEDDING,
    FLOATS = 1 << NM_KIND_TABLE | 1 << NM_KIND_GAIN,
    BITLINEAR = 1 << NM_KIND_BITLINEAR,
    ANY = TENSOR | FLOATS | BITLINEAR
};
#define MODEL(member) NM_IN_MODEL, FIELD(nm_weights, member)
#define LAYER(member) NM_IN_LAYER, FIELD(nm_layer, member)
#define NOWHERE NM_NOWHERE, 0, ANY

/* In the order of the file.  Rows with a %u are neighbours and repeat together, layer by layer. */
static const plan_row plan[] = {
    {"token_embd", "model.embeddings", NM_KIND_EMBEDDING, VOCAB, DIM, MODEL(embedding)},
    {"lower_bounds", "model.lower_bounds", NM_KIND_TABLE, BOUNDS, DIM, MODEL(raw_bounds)},
    {"blk.%u.attn_norm", "model.layers.%u.attn_norm", NM_KIND_GAIN, ONE, DIM, LAYER(attn_gain)},
    {"blk.%u.attn_i", "model.layers.%u.attn.i_proj", NM_KIND_BITLINEAR, STATE, DIM,
     LAYER(mlgru.i_proj)},
    {"blk.%u.attn_f", "model.layers.%u.attn.f_proj", NM_KIND_BITLINEAR, STATE, DIM,
     LAYER(mlgru.f_proj)},
    {"blk.%u.attn_g", "model.layers.%u.attn.g_proj", NM_KIND_BITLINEAR, STATE, DIM,
     LAYER(mlgru.g_proj)},
    {"blk.%u.attn_g_norm", "model.layers.%u.attn.g_norm", NM_KIND_GAIN, ONE, STATE,
     LAYER(mlgru.g_gain)},
    {"blk.%u.attn_output", "model.layers.%u.attn.o_proj", NM_KIND_BITLINEAR, DIM, STATE,
     LAYER(mlgru.o_proj)},
    {"blk.%u.ffn_norm", "model.layers.%u.mlp_norm", NM_KIND_GAIN, ONE, DIM, LAYER(ffn_gain)},
    {"blk.%u.ffn_gate_up", "model.layers.%u.mlp.gate_proj", NM_KIND_BITLINEAR, FFN_TWICE, DIM,
     LAYER(glu.gate_up_proj)},
    {"blk.%u.ffn_down", "model.layers.%u.mlp.down_proj", NM_KIND_BITLINEAR, DIM, FFN,
     LAYER(glu.down_proj)},
    {"output_norm", "model.norm", NM_KIND_GAIN, ONE, DIM, MODEL(output_gain)},
    {"output", "lm_head", NM_KIND_BITLINEAR, VOCAB, DIM, MODEL(output)},
};

#define N_ROWS (sizeof plan / sizeof *plan)

/* What a tensor of each kind is stored as, in the order of the file. */
static const struct stored_row {
    nm_tensor_kind kind;
    nm_part        part;
    nm_gguf_type   type;
    const char    *suffix;
} stored_rows[] = {
    {NM_KIND_EMBEDDING, NM_PART_EMBEDDING, NM_GGUF_F16, ".weight"},
    {NM_KIND_TABLE, NM_PART_TABLE, NM_GGUF_F32, ""},
    {NM_KIND_GAIN, NM_PART_GAIN, NM_GGUF_F32, ".weight"},
    {NM_KIND_BITLINEAR, NM_PART_CODES, NM_GGUF_I8, ".weight"},
    {NM_KIND_BITLINEAR, NM_PART_SCALE, NM_GGUF_F32, ".scale"},
    {NM_KIND_BITLINEAR, NM_PART_GAIN, NM_GGUF_F32, ".norm.weight"},
    {NM_KIND_BITLINEAR, NM_PART_NEG, NM_GGUF_I32, ".neg"},
};

static size_t size_of(const nm_config *c, size_name name)
{
    switch (name) {
    case VOCAB: return c->vocab;
    case BOUNDS: return c->use_lower_bound ? c->n_layers : 0;
    case DIM: return c->dim;
    case STATE: return nm_config_state_dim(c);
    case FFN: return c->ffn;
    case FFN_TWICE: return (size_t)2 * c->ffn;
    case ONE: break;
    }
    return 1;
}

static bool in_layers(size_t row)
{
    return strchr(plan[row].gguf_name, '%') != NULL;
}

/*
 * The row and layer of the index-th tensor in the order of the file.  Returns its index or, if
 * there is none, how many there are.
 */
static size_t locate(const nm_config *config, size_t index, size_t *row, size_t *layer)
{
    size_t n_before = 0, end;

    for (size_t begin = 0; begin < N_ROWS; begin = end) {
        size_t n_repeats = in_layers(begin) ? config->n_layers : 1, n_here = 0;
        for (end = begin; end == begin || (end < N_ROWS && in_layers(begin) && in_layers(end));)
            n_here += size_of(config, plan[end++].rows) > 0;
        if (index - n_before < n_here * n_repeats) { /* index >= n_before, from block to block */
            size_t nth = (index - n_before) % n_here;
            *layer = (index - n_before) / n_here;
            for (*row = begin; size_of(config, plan[*row].rows) == 0 || nth-- > 0;) ++*row;
            return index;
        }
        n_before += n_here * n_repeats;
    }
    return n_before;
}

size_t nm_plan_count(const nm_config *config)
{
    size_t row, layer;
    return locate(config, SIZE_MAX, &row, &layer);
}

static size_t largest(const nm_config *config, bool rows)
{
    size_t most = 0;

    for (const plan_row *row = plan; row < plan + N_ROWS; row++)
        if (row->kind == NM_KIND_BITLINEAR)
            most = nm_larger(most, size_of(config, rows ? row->rows : row->cols));
    return most;
}

size_t nm_plan_max_rows(const nm_config *config)
{
    return largest(config, true);
}

size_t nm_plan_max_cols(const nm_config *config)
{
    return largest(config, false);
}

/* The name patterns are the plan's: no file has a say in them. */
static void fill_name(char out[64], const char *pattern, uint32_t layer)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(out, 64, pattern, layer);
#pragma GCC diagnostic pop
}

void nm_plan_get(const nm_config *config, size_t index, nm_planned *planned)
{
    size_t row = 0, layer = 0;

    locate(config, index, &row, &layer);
    assert(plan[row].kinds >> plan[row].kind & 1);
    *planned = (nm_planned){
        .kind = plan[row].kind,
        .home = plan[row].home,
        .offset = plan[row].offset,
        .layer = (uint32_t)layer,
        .rows = size_of(config, plan[row].rows),
        .cols = size_of(config, plan[row].cols),
    };
    fill_name(planned->gguf_name, plan[row].gguf_name, planned->layer);
    fill_name(planned->source_name, plan[row].source_name, planned->layer);
}

void nm_tensor_name(char out[NM_TENSOR_NAME], const char *name, const char *suffix)
{
    snprintf(out, NM_TENSOR_NAME, "%s%s", name, suffix);
}

size_t nm_plan_stored(const nm_planned *p, nm_packing_id packing, nm_gguf_type embedding,
                      nm_stored stored[NM_MAX_STORED])
{
    nm_ternary w;
    size_t     n = 0;

    nm_ternary_init(&w, packing, p->rows, p->cols);
    for (size_t i = 0; i < sizeof stored_rows / sizeof *stored_rows; i++) {
        const struct stored_row *row = &stored_rows[i];
        if (row->kind != p->kind || (row->part == NM_PART_NEG && !nm_packings[packing].has_neg))
            continue;
        nm_stored *s = &stored[n++];
        *s = (nm_stored){
            .part = row->part,
            .type = row->part == NM_PART_EMBEDDING ? embedding : row->type,
            .n_dims = row->part == NM_PART_EMBEDDING || row->part == NM_PART_TABLE ? 2 : 1,
            .dims = {p->cols, p->rows},
            .suffix = row->suffix,
            .derived = row->part == NM_PART_SCALE || row->part == NM_PART_NEG,
        };
        if (row->part == NM_PART_CODES) s->dims[0] = nm_ternary_bytes(&w);
        if (row->part == NM_PART_SCALE) s->dims[0] = 1;
        if (row->part == NM_PART_NEG) s->dims[0] = w.n_tiles * NM_TILE_ROWS;
        nm_tensor_name(s->name, p->gguf_name, s->suffix);
    }
    return n;
}

const char *nm_dims_text(char out[NM_DIMS_TEXT], const uint64_t *dims, uint32_t n_dims)
{
    out[0] = '\0';
    for (uint32_t i = 0, at = 0; i < n_dims && i < 8; i++)
        at += (uint32_t)snprintf(out + at, NM_DIMS_TEXT - at, "%s%" PRIu64, i ? ", " : "", dims[i]);
    return out;
}
