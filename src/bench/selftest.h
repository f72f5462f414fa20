/* SPDX-License-Identifier: Apache-2.0 */
/* One set of kernels against another, the specification. */
#ifndef NM_SELFTEST_H
#define NM_SELFTEST_H

#include "kernels/kernels.h"

/* False at the first difference, which err names; n_compared counts results. */
bool nm_selftest(const nm_kernels *tested, const nm_kernels *reference, uint64_t *n_compared,
                 nomul_error *err);

#endif
