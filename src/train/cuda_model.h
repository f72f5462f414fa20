/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A latent on the GPU: opens the back end of cuda.h for the model of a training.  It says, too, how
 * many streams fit into the memory of the GPU at once; the rest of a batch is taken in turns.  What
 * a step does with them is cuda.h's.
 */
#ifndef NM_CUDA_MODEL_H
#define NM_CUDA_MODEL_H

#include "train/cuda.h"
#include "train/latent.h"

/* Opens the back end for a latent; its values are sent later.  NULL on failure. */
nm_cuda *nm_cuda_model_open(const nm_latent *latent, int device, size_t n_streams, size_t n_tokens,
                            bool is_full, nomul_error *err);
/* How many of a step's streams should pass at once: as many as fit, in passes of about one size. */
size_t nm_cuda_model_streams(const nm_latent *latent, size_t n_streams, size_t n_tokens);

#endif
