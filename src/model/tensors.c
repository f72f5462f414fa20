/* SPDX-License-Identifier: Apache-2.0 */
#include "model/tensors.h"

#include <stdio.h>

/* A size that a row of the plan names instead of a number. */
typedef enum size_name { ONE, VOCAB, LAYERS, DIM, STATE, FFN, FFN_TWICE } size_name;

typedef struct plan_row {
    const char    *gguf_name, *source_name; /* with %u for the layer */
    nm_tensor_kind kind;
    size_name      rows, cols;
} plan_row;

/* In nm_tensor_id's order, which is the order of the file. */
static const plan_row plan[NM_TENSOR_IDS] = {
    {"token_embd", "model.embeddings", NM_KIND_EMBEDDING, VOCAB, DIM},
    {"lower_bounds", "model.lower_bounds", NM_KIND_FLOAT, LAYERS, DIM},
    {"blk.%u.attn_norm", "model.layers.%u.attn_norm", NM_KIND_GAIN, ONE, DIM},
    {"blk.%u.attn_i", "model.layers.%u.attn.i_proj", NM_KIND_BITLINEAR, STATE, DIM},
    {"blk.%u.attn_f", "model.layers.%u.attn.f_proj", NM_KIND_BITLINEAR, STATE, DIM},
    {"blk.%u.attn_g", "model.layers.%u.attn.g_proj", NM_KIND_BITLINEAR, STATE, DIM},
    {"blk.%u.attn_g_norm", "model.layers.%u.attn.g_norm", NM_KIND_GAIN, ONE, STATE},
    {"blk.%u.attn_output", "model.layers.%u.attn.o_proj", NM_KIND_BITLINEAR, DIM, STATE},
    {"blk.%u.ffn_norm", "model.layers.%u.mlp_norm", NM_KIND_GAIN, ONE, DIM},
    {"blk.%u.ffn_gate_up", "model.layers.%u.mlp.gate_proj", NM_KIND_BITLINEAR, FFN_TWICE, DIM},
    {"blk.%u.ffn_down", "model.layers.%u.mlp.down_proj", NM_KIND_BITLINEAR, DIM, FFN},
    {"output_norm", "model.norm", NM_KIND_GAIN, ONE, DIM},
    {"output", "lm_head", NM_KIND_BITLINEAR, VOCAB, DIM},
};

#define PER_LAYER (NM_FFN_DOWN - NM_ATTN_NORM + 1)

static size_t size_of(const nm_config *c, size_name name)
{
    switch (name) {
    case VOCAB: return c->vocab;
    case LAYERS: return c->n_layers;
    case DIM: return c->dim;
    case STATE: return nm_config_state_dim(c);
    case FFN: return c->ffn;
    case FFN_TWICE: return (size_t)2 * c->ffn;
    case ONE: break;
    }
    return 1;
}

/* Rows of the plan in front of the first layer: the lower bounds are not in every model. */
static size_t n_before(const nm_config *config)
{
    return config->use_lower_bound ? NM_ATTN_NORM : NM_LOWER_BOUNDS;
}

size_t nm_plan_count(const nm_config *config)
{
    return n_before(config) + (size_t)config->n_layers * PER_LAYER +
           (NM_TENSOR_IDS - NM_OUTPUT_NORM);
}

/* The name patterns are ours, of the table above: no file has a say in them. */
static void fill_name(char out[64], const char *pattern, uint32_t layer)
{
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(out, 64, pattern, layer);
#pragma GCC diagnostic pop
}

void nm_plan_get(const nm_config *config, size_t index, nm_planned *planned)
{
    size_t before = n_before(config), in_layers = (size_t)config->n_layers * PER_LAYER;
    size_t id = index, layer = 0;

    if (index >= before + in_layers) {
        id = NM_OUTPUT_NORM + (index - before - in_layers);
    } else if (index >= before) {
        id = NM_ATTN_NORM + (index - before) % PER_LAYER;
        layer = (index - before) / PER_LAYER;
    }
    *planned = (nm_planned){
        .id = (nm_tensor_id)id,
        .kind = plan[id].kind,
        .layer = (uint32_t)layer,
        .rows = size_of(config, plan[id].rows),
        .cols = size_of(config, plan[id].cols),
    };
    fill_name(planned->gguf_name, plan[id].gguf_name, planned->layer);
    fill_name(planned->source_name, plan[id].source_name, planned->layer);
}

void nm_tensor_name(char out[NM_TENSOR_NAME], const char *name, const char *suffix)
{
    snprintf(out, NM_TENSOR_NAME, "%s%s", name, suffix);
}

const char *nm_plain_suffix(nm_tensor_id id)
{
    return id == NM_LOWER_BOUNDS ? "" : ".weight";
}
