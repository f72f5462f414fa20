/* SPDX-License-Identifier: Apache-2.0 */
/* Models and reference results that several tests open.  What can't be opened fails the case. */
#ifndef NM_TEST_CHECKPOINTS_H
#define NM_TEST_CHECKPOINTS_H

#include "format/safetensors.h"

/* tests/golden/NAME, a checkpoint without tokenizer, converted and open. */
nomul_model *test_open_tiny(const char *name);

/* The same in a packing, for certain kernels; the case is skipped where this CPU lacks them. */
nomul_model *test_open_tiny_as(const char *name, const char *pack, const char *kernels);

/* models/stories-SIZE.gguf: "77m" is the included model, "14m" a small trained one. */
nomul_model *test_open_stories(const char *size);

/* A session on it, or NULL with the case failed. */
nomul_session *test_session(const nomul_model *model, size_t n_threads, size_t n_batch);

/* The tensor of this name, or NULL. */
const nm_safetensor *test_find_tensor(const nm_safetensors *st, const char *name);

/* A tensor of a safetensors file, any dtype of 4 bytes, freed by the caller; NULL if missing. */
void *test_read_tensor(const char *path, const char *name, size_t *n_elements);

#endif
