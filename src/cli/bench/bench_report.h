/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A result of nomul bench in one of llama-bench's formats.  Columns, keys, their order and the
 * format of numbers are llama-bench's, so that tables can be compared and read by the same scripts;
 * nomul's own columns follow them.
 */
#ifndef NM_BENCH_REPORT_H
#define NM_BENCH_REPORT_H

#include "cli/bench/bench_result.h"
#include "cli/bench/bench_writer.h"

/* Writes a result to stdout and flushes it, since the next one may take minutes. */
void nm_bench_write(nm_bench_writer *writer, const nm_bench_result *result);

#endif
