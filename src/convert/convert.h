/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A Hugging Face checkpoint directory to a GGUF file: what the training framework calls things and
 * how it stores them is known here and nowhere else.
 */
#ifndef NM_CONVERT_H
#define NM_CONVERT_H

#include "nomul.h"

/* What nomul_convert does, once its arguments are checked. */
bool nm_convert(const char *directory, const char *output, const nomul_convert_options *options,
                nomul_error *err);

#endif
