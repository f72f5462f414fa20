/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The weights of a model: pointers into the file's bytes.  Opening finds each tensor of the plan
 * and checks its type and dimensions.  It reads no values except the scales, and the lower bounds,
 * which are the only values that are computed.
 */
#ifndef NM_WEIGHTS_H
#define NM_WEIGHTS_H

#include "model/network.h"
#include "model/tensors.h"

/* The gguf and the bytes it reads must outlive the weights. */
bool nm_weights_open(nm_weights *weights, const nm_gguf *gguf, nomul_error *err);
void nm_weights_close(nm_weights *weights);

/* The matrix of an NM_KIND_BITLINEAR in the file, without its scale. */
nm_ternary nm_weights_matrix(const nm_weights *weights, const nm_gguf *gguf, const nm_planned *p);

/*
 * bounds[n_layers][dim] of raw_bounds: beta_l = p_1 + ... + p_l, where p is the softmax over the
 * layers of one column; beta_0 = 0 is not written.  Fails for a NaN or infinity.
 */
bool nm_weights_bounds(float *bounds, const float *raw_bounds, size_t n_layers, size_t dim,
                       nomul_error *err);

/* The checksum that the file has for its index-th tensor. */
uint64_t nm_weights_checksum(const nm_weights *weights, size_t index);

/* x[dim] = embedding of id, 0 <= id < vocab. */
void nm_weights_embedding(const nm_weights *weights, float *x, int32_t id);

#endif
