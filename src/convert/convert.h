/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Converts a Hugging Face checkpoint directory to a model file.  Names and formats of the training
 * framework are known in this folder, and in the second columns of model/tensors.c and config.def.
 */
#ifndef NM_CONVERT_H
#define NM_CONVERT_H

#include "nomul.h"

/* nomul_convert, once its arguments are checked. */
bool nm_convert(const char *directory, const char *output, const nomul_convert_options *options,
                nomul_error *err);

#endif
