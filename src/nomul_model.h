/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An open model, as the public API's files see it.
 *
 *     map      the bytes of the file, or none where the caller has them in memory
 *     gguf     its keys and tensors: names, types, offsets
 *     weights  pointers into the bytes, in the order of the network
 *     vocab    the pieces, also pointers into the bytes
 *
 * Each part points into the ones before it, so they are closed in the opposite order.  After
 * opening nothing changes but the count of references: threads may share a model without a lock.
 *
 * Who holds a reference (->) of whom; the arrow is what keeps the other one open:
 *
 *     nomul_text -> nomul_session -> nm_engine -> nomul_model <- nomul_decoder
 *                                                     ^
 *                                              the program that opened it
 */
#ifndef NM_NOMUL_MODEL_H
#define NM_NOMUL_MODEL_H

#include "base/file.h"
#include "base/refs.h"
#include "format/gguf.h"
#include "format/sampler_fields.h"
#include "model/weights.h"
#include "tokens/tokenizer.h"

struct nomul_model {
    nm_filemap        map; /* zeros if the caller owns the bytes */
    nm_gguf           gguf;
    nm_weights        weights;
    nomul_tokenizer   tokenizer;
    bool              has_tokenizer;
    const nm_kernels *kernels;
    nomul_model_info  info;
    char              name[256];

    nomul_sampler_options sampling; /* recommended by the file, where the rows' bits are set */
    uint64_t              sampling_rows;
    nm_refs               refs;
    const nomul_cancel   *cancel;
};

/* Are all ids inside the vocabulary?  In nomul_session.c. */
bool nm_session_check_ids(const nomul_session *session, const int32_t *ids, size_t n_ids,
                          nomul_error *err);

#endif
