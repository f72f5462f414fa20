/* SPDX-License-Identifier: Apache-2.0 */
/* A model file written anew with its matrices in another packing, and nothing else changed. */
#ifndef NM_REPACK_H
#define NM_REPACK_H

#include "model/weights.h"

/*
 * What nomul_repack does, once the input is open: `input` names it in messages.  Every tensor is
 * verified as it is read, so that no damage gets a checksum of its own.
 */
bool nm_repack(const nm_weights *weights, const nm_gguf *gguf, const char *input,
               const char *output, const nomul_repack_options *options, nomul_error *err);

#endif
