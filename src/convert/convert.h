/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two operations that make a model file of another file; both are sources of the one model
 * writer (model_writer.h).  Names and formats of the training framework are known in this folder,
 * and in the second columns of model/tensors.c and config.def.
 */
#ifndef NM_CONVERT_H
#define NM_CONVERT_H

#include "model/weights.h"

/*
 * nomul_convert, once its arguments are checked: a checkpoint directory to a model file.  A file at
 * `output` is replaced when the new one is complete; on failure it stays as it is.
 */
bool nm_convert(const char *directory, const char *output, const nomul_convert_options *options,
                nomul_error *err);

/*
 * nomul_repack, once its arguments are checked and the input is open, which `input` names in
 * errors.  Every tensor is verified as it is read, so damage never gets a checksum of its own.
 */
bool nm_repack(const nm_weights *weights, const nm_gguf *gguf, const char *input,
               const char *output, const nomul_repack_options *options, nomul_error *err);

#endif
