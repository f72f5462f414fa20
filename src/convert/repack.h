/* SPDX-License-Identifier: Apache-2.0 */
/* Writes an open model to a new file with its matrices in another packing; all else is copied. */
#ifndef NM_REPACK_H
#define NM_REPACK_H

#include "model/weights.h"

/*
 * nomul_repack, once its arguments are checked and the input is open: `input` names it in messages.
 * Every tensor is verified as it is read, so damage never gets a checksum of its own.
 */
bool nm_repack(const nm_weights *weights, const nm_gguf *gguf, const char *input,
               const char *output, const nomul_repack_options *options, nomul_error *err);

#endif
