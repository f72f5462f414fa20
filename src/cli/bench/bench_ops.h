/* SPDX-License-Identifier: Apache-2.0 */
/* nomul bench --ops: each operation alone, and a step of generating split by phase. */
#ifndef NM_BENCH_OPS_H
#define NM_BENCH_OPS_H

#include "nomul.h"

/* A table of every kernels that this CPU runs, or of those of this name. */
bool nm_bench_ops(const char *kernels, bool quick, nomul_error *err);

/* A table of where the time of generating n_ids tokens goes; logits[n_vocab] is scratch. */
bool nm_bench_phases(nomul_session *session, const int32_t *ids, size_t n_ids, float *logits,
                     nomul_error *err);

#endif
