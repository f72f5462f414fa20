/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks of the values of an open model.  Opening checks the header, types and shapes, so that a
 * model of gigabytes starts in milliseconds; these read every byte: --check-tensors does for a
 * whole file, repack for what it translates.
 */
#ifndef NM_VERIFY_H
#define NM_VERIFY_H

#include "base/cancel.h"
#include "model/weights.h"

/*
 * Checks every byte: the checksums, that floats are finite, that every code is one that the packing
 * writes, padding included, that the counts are those of the codes, and that the model id is that
 * of the values.
 */
bool nm_verify_model(const nm_weights *weights, const nm_gguf *gguf, const nm_watched *watched,
                     nomul_error *err);

/* Its parts: checksum and finiteness of one stored tensor; codes and counts of one matrix. */
bool nm_verify_tensor(const nm_weights *weights, const nm_gguf *gguf, size_t index,
                      nomul_error *err);
bool nm_verify_matrix(const nm_weights *weights, const nm_gguf *gguf, const nm_planned *p,
                      nomul_error *err);

#endif
