/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/bench/bench_ops.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "nomul_bench.h"

static bool print_speed(void *context, const nomul_bench_speed *s)
{
    char size[48];

    (void)context;
    snprintf(size, sizeof size, "%zu x %zu", s->rows, s->cols);
    nm_output_print("| %-8s | %-16s | %-7s | %14s | %6zu | %-6s | %9.2f | %9.2f |", s->kernels,
                    s->op, s->packing, size, s->n_tokens, s->hot ? "cache" : "memory", s->per_cycle,
                    s->best_per_cycle);
    if (s->hot)
        nm_output_print(" %8s | %9s | %7s |\n", "", "", "");
    else
        nm_output_print(" %8.2f | %9.2f | %7.1f |\n", s->gbs, s->read_gbs,
                        100 * s->gbs / s->read_gbs);
    return nm_output_flush() && !nm_interrupted();
}

bool nm_bench_ops(const char *kernels, bool quick, nomul_error *err)
{
    const char *name = NULL;
    char        needed[256], missing[256];

    nm_output_print("One thread; weights times tokens (or elements) per cycle, median and best\n\n"
                    "| %-8s | %-16s | %-7s | %14s | %6s | %-6s | %9s | %9s | %8s | %9s | %7s |\n",
                    "kernels", "op", "packing", "rows x columns", "tokens", "from", "per cycle",
                    "best", "GB/s", "read GB/s", "percent");
    nm_output_print("| -------- | ---------------- | ------- | -------------: | -----: | ------ | "
                    "--------: | --------: | -------: | --------: | ------: |\n");
    for (size_t i = 0; (name = nomul_kernels_name(i)); i++) {
        if (kernels && strcmp(kernels, name) != 0) continue;
        if (!nomul_bench_runs(i, needed, missing, sizeof missing)) continue;
        nomul_status status = nomul_bench_speeds(i, quick, print_speed, NULL, err);
        if (status == NOMUL_E_CANCELLED && !nm_interrupted()) return true; /* nobody reads on */
        if (status != NOMUL_OK) return false;
    }
    nm_output_print("\n");
    return true;
}

bool nm_bench_phases(nomul_session *session, const int32_t *ids, size_t n_ids, float *logits,
                     nomul_error *err)
{
    double seconds[NOMUL_BENCH_PHASES], all = 0;

    if (nomul_bench_profile(session, ids, n_ids, logits, seconds, err) != NOMUL_OK) return false;
    for (size_t i = 0; i < NOMUL_BENCH_PHASES; i++) all += seconds[i];
    nm_output_print("| %-18s | %12s | %7s |\n", "a token generated", "ns", "percent");
    nm_output_print("| ------------------ | -----------: | ------: |\n");
    for (size_t i = 0; i < NOMUL_BENCH_PHASES; i++)
        if (seconds[i] > 0)
            nm_output_print("| %-18s | %12.0f | %7.1f |\n", nomul_bench_phase(i),
                            1e9 * seconds[i] / (double)n_ids, 100 * seconds[i] / all);
    nm_output_print("| %-18s | %12.0f | %7.1f |\n\n", "all", 1e9 * all / (double)n_ids, 100.0);
    return true;
}
