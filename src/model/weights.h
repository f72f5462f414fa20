/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The weights of a model: pointers into the file's bytes.  Opening finds each tensor of the plan
 * and checks its type and dimensions.  It reads no values except the scales, and the lower bounds,
 * which are the only values that are computed.
 */
#ifndef NM_WEIGHTS_H
#define NM_WEIGHTS_H

#include "base/arena.h"
#include "model/layer.h"
#include "model/tensors.h"

/* A zeroed struct is closed. */
typedef struct nm_weights {
    nm_config             config;
    nm_packing_id         packing;
    uint64_t              model_id;
    const uint8_t        *checksums;  /* n_tensors little-endian u64, in the order of the file */
    const nm_gguf_tensor *embedding;  /* [vocab, dim] */
    const float          *raw_bounds; /* [n_layers][dim], as stored: beta before its softmax */
    nm_layer             *layers;
    const float          *output_gain; /* [dim] */
    nm_bitlinear          output;      /* [vocab, dim] */
    uint64_t              n_params, n_ternary_params;
    uint64_t              ternary_bytes; /* of codes, scales and counts, padding included */
    uint64_t              gain_bytes;
    float                *bounds; /* [n_layers][dim]: beta, if the model has lower bounds */
    nm_arena              layers_arena, bounds_arena;
} nm_weights;

/* The gguf and the bytes it reads must outlive the weights. */
bool nm_weights_open(nm_weights *weights, const nm_gguf *gguf, nomul_error *err);
void nm_weights_close(nm_weights *weights);

/* The matrix of an NM_KIND_BITLINEAR in the file, without its scale. */
nm_ternary nm_weights_matrix(const nm_weights *weights, const nm_gguf *gguf, const nm_planned *p);

/*
 * Checks every byte (--check-tensors): the checksums, that floats are finite, that every code is
 * one that the packing writes, padding included, and that the counts are those of the codes.
 */
bool nm_weights_verify(const nm_weights *weights, const nm_gguf *gguf, const nomul_cancel *cancel,
                       nomul_error *err);

/* Its parts: checksum and finiteness of one stored tensor; codes and counts of one matrix. */
bool nm_weights_verify_tensor(const nm_weights *weights, const nm_gguf *gguf, size_t index,
                              nomul_error *err);
bool nm_weights_verify_matrix(const nm_weights *weights, const nm_gguf *gguf, const nm_planned *p,
                              nomul_error *err);

/* The checksum that the file has for its index-th tensor. */
uint64_t nm_weights_checksum(const nm_weights *weights, size_t index);

/* x[dim] = embedding of id, 0 <= id < vocab. */
void nm_weights_embedding(const nm_weights *weights, float *x, int32_t id);

#endif
