/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul bench --ops: each operation of the kernels alone, then a generated token phase by phase.
 * In Markdown these are two tables, in the other formats records with the same fields, of which an
 * operation and a phase leave different ones empty.
 */
#ifndef NM_BENCH_OPS_H
#define NM_BENCH_OPS_H

#include "cli/bench/bench_result.h"
#include "cli/open.h"

/* The kernels of this name, NULL: all that this CPU runs. */
bool nm_bench_ops(nm_bench_writer *writer, const char *kernels, bool quick, nomul_error *err);

/*
 * The phases of feeding these ids one by one, each with its logits; the session is warm.  After
 * "all" what it takes to choose an id from the logits, in percent of "all".
 */
bool nm_bench_phases(nm_bench_writer *writer, const nm_opened *opened, const int32_t *ids,
                     size_t n_ids, float *logits, nomul_error *err);

#endif
