/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What training writes for others: a Hugging Face folder (config.json, model.safetensors, the
 * tokenizer), and the model file that `nomul convert` would make of it, byte for byte.  The
 * trainer's own state, which nobody else reads, is saved_state.h's.
 */
#ifndef NM_EXPORT_H
#define NM_EXPORT_H

#include "convert/hf_tokenizer.h"
#include "train/latent.h"

/*
 * folder/model.gguf: the model of a quantized latent, by the one model writer, with a name (NULL:
 * none) and the sampling that folder/generation_config.json recommends.
 */
bool nm_export_model(const nm_latent *latent, const nm_hf_tokenizer *tokenizer, const char *name,
                     const char *folder, nomul_error *err);
/* The same in memory, without name and sampling; freed with nm_free. */
bool nm_export_memory(const nm_latent *latent, const nm_hf_tokenizer *tokenizer, void **bytes,
                      size_t *n_bytes, nomul_error *err);

/* The latent weights, binary32. */
bool nm_export_safetensors(const nm_latent *latent, const char *path, nomul_error *err);

bool nm_export_config(const nm_config *config, int32_t bos, int32_t eos, const char *path,
                      nomul_error *err);

/* The tokenizer's files of one folder, as far as they are there, into another. */
bool nm_export_copy_tokenizer(const char *from, const char *to, nomul_error *err);

/* What these files are called is removed from a folder. */
void nm_export_remove_tokenizer(const char *folder);

/* A model's tokenizer as tokenizer.model and tokenizer_config.json. */
bool nm_export_tokenizer(const nomul_model *model, const char *folder, nomul_error *err);

/* The sampling that a model recommends, if any, as generation_config.json. */
bool nm_export_sampling(const nomul_model *model, const char *folder, nomul_error *err);

#define NM_EXPORT_PATH 4096
/* "folder/name"; fails if it is too long. */
bool nm_export_path(char path[NM_EXPORT_PATH], const char *folder, const char *name,
                    nomul_error *err);

#endif
