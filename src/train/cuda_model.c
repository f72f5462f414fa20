/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Describes a latent in the numbers of cuda.h, which C++ can include: pointers into the values
 * become offsets, and the layers' matrices are listed in the order of the enum there.  It is C, so
 * that the .cu file needs no header of the engine.
 */
#include "train/cuda_model.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"

#define LEAST_BUDGET ((size_t)8 << 30)

static nm_cuda_matrix matrix_of(const nm_latent_matrix *m)
{
    return (nm_cuda_matrix){m->weight_at, m->gain_at, m->rows, m->cols};
}

/* Gains that no matrix owns are found by their addresses: the network points into the values. */
static void fill_layer(nm_cuda_layer *to, const nm_latent *l, size_t index)
{
    const nm_latent_layer *from = &l->layers[index];
    const nm_layer        *layer = &l->weights.layers[index];

    to->matrices[NM_CUDA_F] = matrix_of(from->f);
    to->matrices[NM_CUDA_I] = matrix_of(from->i);
    to->matrices[NM_CUDA_G] = matrix_of(from->g);
    to->matrices[NM_CUDA_O] = matrix_of(from->o);
    to->matrices[NM_CUDA_GATE_UP] = matrix_of(from->gate_up);
    to->matrices[NM_CUDA_DOWN] = matrix_of(from->down);
    to->attn_gain = (size_t)(layer->attn_gain - l->values);
    to->g_gain = (size_t)(layer->mlgru.g_gain - l->values);
    to->ffn_gain = (size_t)(layer->ffn_gain - l->values);
}

/*
 * Of a token: x, sums, states and gate_up in 16 bits for each layer, and the arrays that layers
 * share.  What is kept may take LEAST_BUDGET, or half of what values, gradients and means take.
 */
size_t nm_cuda_model_streams(const nm_latent *l, size_t n_streams, size_t n_tokens)
{
    const nm_config *c = &l->config;
    size_t           dim = c->dim, state = nm_config_state_dim(c), ffn = c->ffn;
    size_t           layer = 4 * dim + 8 * state + 4 * ffn;
    size_t           shared = 10 * dim + 2 * nm_larger(3 * nm_larger(dim, state), ffn) +
                    2 * (6 * dim + 5 * state + 3 * ffn);
    size_t budget = nm_larger(LEAST_BUDGET, 8 * l->n_values);
    size_t n = nm_larger(budget / (n_tokens * (c->n_layers * layer + shared)), 1);
    size_t n_passes = (n_streams + n - 1) / n;

    return (n_streams + n_passes - 1) / n_passes;
}

nm_cuda *nm_cuda_model_open(const nm_latent *l, int device, size_t n_streams, size_t n_tokens,
                            bool is_full, nomul_error *err)
{
    const nm_config *c = &l->config;
    nm_cuda_tensor  *tensors = NULL;
    nm_cuda_layer   *layers = NULL;
    nm_arena         arena = {0};

    /* The tables live until nm_cuda_open has copied them. */
    for (int placing = 0; placing < 2; placing++) {
        if (placing && !nm_arena_back(&arena, err)) return NULL;
        tensors = nm_arena_take(&arena, l->n_tensors, sizeof *tensors);
        layers = nm_arena_take(&arena, c->n_layers, sizeof *layers);
    }
    for (size_t i = 0; i < l->n_tensors; i++) {
        const nm_latent_tensor *t = &l->tensors[i];
        tensors[i] = (nm_cuda_tensor){t->at, t->rows * t->cols, t->is_matrix};
    }
    for (size_t i = 0; i < c->n_layers; i++) fill_layer(&layers[i], l, i);
    const nm_cuda_model model = {
        .n_layers = c->n_layers,
        .dim = c->dim,
        .state = nm_config_state_dim(c),
        .ffn = c->ffn,
        .vocab = c->vocab,
        .n_values = l->n_values,
        .n_tensors = l->n_tensors,
        .eps = c->rms_norm_eps,
        .use_lower_bound = c->use_lower_bound,
        .is_full = is_full,
        .stored = l->embedding.type == NM_GGUF_Q8_0  ? NM_CUDA_Q8_0
                  : l->embedding.type == NM_GGUF_F16 ? NM_CUDA_F16
                                                     : NM_CUDA_F32,
        .embedding = l->embedding_at,
        .bounds = l->bounds_at,
        .output_gain = (size_t)(l->weights.output_gain - l->values),
        .tensors = tensors,
        .layers = layers,
        .head = matrix_of(l->head),
    };
    nm_cuda *cuda = nm_cuda_open(&model, device, n_streams, n_tokens, err);
    nm_arena_free(&arena);
    return cuda;
}
