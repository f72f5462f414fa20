/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of counts as llama-bench takes them: "512", "1,2,4", "2-8", "2-8+2", "2-16*2". */
#ifndef NM_COUNTS_H
#define NM_COUNTS_H

#include "nomul.h"

#define NM_MOST_COUNTS 64

/* Zeros are an empty one. */
typedef struct nm_counts {
    int64_t at[NM_MOST_COUNTS];
    size_t  n;
} nm_counts;

/* Adds what the text lists; each must be least to most. */
bool nm_counts_add(nm_counts *counts, const char *text, int64_t least, int64_t most,
                   nomul_error *err);

#endif
