/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of float_ops.def as functions with the same parameters, and the table of them.  Macros
 * make a wrapper of each row from the kinds of its arguments, so that a new operation is compared,
 * timed and tested without another line.
 */
#include "kernels/float_cases.h"

#define A o->x[0]
#define B o->x[1]
#define C o->x[2]
#define D o->x[3]
#define E o->x[4]
#define q o->q
#define sums o->sums

#define KEEP_void(call) call
#define KEEP_float(call) o->value = (double)(call)
#define KEEP_double(call) o->value = call
#define KEEP_size_t(call) o->value = (double)(call)
#define RUN(result, name, function, arguments)                                                     \
    static void function(const nm_float_ops *ops, nm_float_operands *o, size_t n)                  \
    {                                                                                              \
        KEEP_##result(ops->name arguments);                                                        \
    }

#define NM_FLOAT_OP(result, name, parameters, arguments) RUN(result, name, run_##name, arguments)
#define NM_FLOAT_CASE(result, name, which, arguments)                                              \
    RUN(result, name, run_##name##_##which, arguments)
#include "kernels/float_ops.def"

static const nm_float_case rows[] = {
#define NM_FLOAT_OP(result, name, parameters, arguments) {#name, true, run_##name},
#define NM_FLOAT_CASE(result, name, which, arguments)                                              \
    {#name "_" #which, false, run_##name##_##which},
#include "kernels/float_ops.def"
};

const nm_float_case *nm_float_cases_row(size_t index)
{
    return index < sizeof rows / sizeof *rows ? &rows[index] : NULL;
}
