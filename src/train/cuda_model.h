/* SPDX-License-Identifier: Apache-2.0 */
/* A latent on the GPU. */
#ifndef NM_CUDA_MODEL_H
#define NM_CUDA_MODEL_H

#include "train/cuda.h"
#include "train/latent.h"

/* Opens the back end for a latent; its values are sent later.  NULL on failure. */
nm_cuda *nm_cuda_model_open(const nm_latent *latent, size_t n_streams, size_t n_tokens,
                            bool is_full, nomul_error *err);
/* How many of a step's streams should pass at once: as many as fit, in passes of about one size. */
size_t nm_cuda_model_streams(const nm_latent *latent, size_t n_streams, size_t n_tokens);

#endif
