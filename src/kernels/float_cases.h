/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every float operation behind the same signature, made from float_ops.def: for the self-test, the
 * benchmark and the tests, which compare or time them all.  The forward pass calls the operations
 * themselves.
 */
#ifndef NM_FLOAT_CASES_H
#define NM_FLOAT_CASES_H

#include "kernels/kernels.h"

#define NM_FLOAT_ARRAYS 5

/* What an operation reads and writes; all arrays have n elements. */
typedef struct nm_float_operands {
    float   *x[NM_FLOAT_ARRAYS];
    int8_t  *q;
    int32_t *sums;
    double   value; /* what the operation returned */
} nm_float_operands;

typedef struct nm_float_case {
    const char *name;  /* "glu", "glu_into_a" */
    bool        is_op; /* a row NM_FLOAT_OP, else one more way to call it */
    void (*run)(const nm_float_ops *ops, nm_float_operands *operands, size_t n);
} nm_float_case;

/* The index-th row of float_ops.def; NULL past the last. */
const nm_float_case *nm_float_cases_row(size_t index);

#endif
