/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The measuring room: kernels against their specification, kernels against the clock, the pass
 * phase by phase, and what memory could deliver.  nomul_bench.c connects it to nomul_bench.h.
 */
#ifndef NM_BENCH_H
#define NM_BENCH_H

#include "model/session.h"
#include "nomul_bench.h"

/*
 * Compares every operation of one set of kernels with another, the specification.  False at the
 * first difference, which err names; n_compared counts results.
 */
bool nm_selftest(const nm_kernels *tested, const nm_kernels *reference, uint64_t *n_compared,
                 nomul_error *err);

/* Measures every operation of a set of kernels and reports each; false if the report cancels. */
bool nm_speeds(const nm_kernels *kernels, bool quick, nomul_bench_report report, void *context,
               nomul_error *err);

/* Feeds ids one by one, each with its logits; adds up the seconds of each phase. */
void nm_profile_pass(nomul_session *session, const int32_t *ids, size_t n_ids, float *logits,
                     double seconds[NM_PHASES]);

/* Bytes of weights that one token reads. */
uint64_t nm_memory_weight_bytes(const nm_weights *weights);

/* Reads the ternary tensors and the bytes between them once, on the pool; returns how many. */
uint64_t nm_memory_read(const nm_weights *weights, nm_pool *pool);

#endif
