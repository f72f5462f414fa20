/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul bench --ops: each operation of the kernels alone, then a token by phase.  The library
 * measures and reports one by one, since all take a minute; here a report becomes a row of a table,
 * a line of CSV or an object.
 */
#include "cli/bench/bench_ops.h"

#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "nomul_bench.h"

/* A row: an operation, or else a phase of a token of this model. */
typedef struct op_row {
    const nomul_bench_speed *speed;
    const nm_opened         *opened;
    const char              *phase;
    double                   ns, percent;
} op_row;

static void add_fields(nm_record *f, const void *row)
{
    static const nomul_bench_speed none = {.packing = ""};
    const op_row                  *r = row;
    const nomul_bench_speed       *s = r->speed ? r->speed : &none;
    bool                           op = r->speed != NULL, cold = op && !s->hot;

    nm_record_text(f, "kernels", op ? s->kernels : nomul_model_kernels(r->opened->model));
    nm_record_text(f, "op", op ? s->op : r->phase);
    nm_record_text(f, "packing", op ? s->packing : nomul_model_get_info(r->opened->model)->packing);
    nm_record_text(f, "model_filename", op ? "" : r->opened->path);
    nm_record_count(f, "n_threads", op ? 1 : nomul_session_n_threads(r->opened->session));
    nm_bench_number(f, "rows", op, 0, (double)s->rows);
    nm_bench_number(f, "cols", op, 0, (double)s->cols);
    nm_bench_number(f, "n_tokens", true, 0, op ? (double)s->n_tokens : 1);
    nm_record_text(f, "from", !op ? "" : cold ? "memory" : "cache");
    nm_bench_number(f, "per_cycle", op, 3, s->per_cycle);
    nm_bench_number(f, "best_per_cycle", op, 3, s->best_per_cycle);
    nm_bench_number(f, "gbs", cold, 3, s->gbs);
    nm_bench_number(f, "read_bandwidth_gbs", cold, 3, s->read_gbs);
    nm_bench_number(f, "bandwidth_percent", cold, 2, cold ? 100 * s->gbs / s->read_gbs : 0);
    nm_bench_number(f, "token_ns", !op, 0, r->ns);
    nm_bench_number(f, "token_percent", !op, 2, r->percent);
}

/*
 * As nomul_bench_speeds calls it.  Weights in the cache have no bandwidth of memory; a terminal
 * gets the columns that fit 100.
 */
static bool write_speed(void *context, const nomul_bench_speed *s)
{
    nm_bench_writer *w = context;
    const op_row     row = {.speed = s};
    bool             n = w->narrow, md = w->format == NM_BENCH_MD;
    unsigned         line = w->n_written == 0 ? NM_MD_HEADER : NM_MD_VALUES;
    char             shape[32];

    if (!md) nm_bench_record(w, add_fields, &row);
    snprintf(shape, sizeof shape, "%zu x %zu", s->rows, s->cols);
    if (md && line == NM_MD_HEADER)
        nm_output_print("One thread; weights times tokens (or elements) per cycle, median and "
                        "best\n\n");
    for (w->n_written += md; md && line <= NM_MD_VALUES; line++) {
        nm_output_print("|");
        nm_bench_cell(line, "kernels", -10, "%s", s->kernels);
        nm_bench_cell(line, "op", -16, "%s", s->op);
        nm_bench_cell(line, "packing", -7, "%s", s->packing);
        nm_bench_cell(line, "rows x cols", 12, "%s", shape);
        nm_bench_cell(line, "tokens", 6, "%zu", s->n_tokens);
        nm_bench_cell(line, "from", -6, "%s", s->hot ? "cache" : "memory");
        nm_bench_cell(line, "per cycle", 9, "%.2f", s->per_cycle);
        nm_bench_cell(line, "best", n ? 0 : 9, "%.2f", s->best_per_cycle);
        nm_bench_cell(line, "GB/s", 8, s->hot ? " " : "%.2f", s->gbs);
        nm_bench_cell(line, "read GB/s", n ? 0 : 9, s->hot ? " " : "%.2f", s->read_gbs);
        nm_bench_cell(line, "percent", n ? 0 : 7, s->hot ? " " : "%.1f",
                      s->hot ? 0 : 100 * s->gbs / s->read_gbs);
        nm_output_print("\n");
    }
    return nm_output_flush() && !nm_interrupted();
}

bool nm_bench_ops(nm_bench_writer *w, const char *kernels, bool quick, nomul_error *err)
{
    const char *name = NULL;
    char        needed[256], missing[256];

    for (size_t i = 0; (name = nomul_kernels_name(i)); i++) {
        if (kernels && strcmp(kernels, name) != 0) continue;
        if (!nomul_bench_runs(i, needed, missing, sizeof missing)) continue;
        nomul_status status = nomul_bench_speeds(i, quick, write_speed, w, err);
        if (status == NOMUL_E_CANCELLED && !nm_interrupted()) return true; /* stdout is closed */
        if (status != NOMUL_OK) return false;
    }
    return true;
}

/* A row of the second table, whose header nm_bench_phases has written. */
static void write_phase(nm_bench_writer *w, const op_row *row)
{
    if (w->format == NM_BENCH_MD)
        nm_output_print("| %-18s | %12.0f | %7.1f |\n", row->phase, row->ns, row->percent);
    else
        nm_bench_record(w, add_fields, row);
}

bool nm_bench_phases(nm_bench_writer *w, const nm_opened *o, const int32_t *ids, size_t n_ids,
                     float *logits, nomul_error *err)
{
    double seconds[NOMUL_BENCH_PHASES] = {0}, token[NOMUL_BENCH_PHASES], all = 0;
    op_row row = {.opened = o};

    for (size_t i = 0; i < n_ids; i++) {
        if (nm_interrupted()) return nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
        if (nomul_bench_profile(o->session, ids + i, 1, logits, token, err) != NOMUL_OK)
            return false;
        for (size_t k = 0; k < NOMUL_BENCH_PHASES; k++) seconds[k] += token[k], all += token[k];
    }
    if (w->format == NM_BENCH_MD) {
        nm_output_print("\n");
        nm_output_visible(o->path, strlen(o->path), false);
        nm_output_print(", kernels %s, %s\n\n", nomul_model_kernels(o->model),
                        nm_show_amount(nomul_session_n_threads(o->session), "thread").text);
        nm_output_print("| %-18s | %12s | %7s |\n", "a token generated", "ns", "percent");
        nm_output_print("| ------------------ | -----------: | ------: |\n");
    }
    for (size_t i = 0; i < NOMUL_BENCH_PHASES; i++) {
        row.phase = nomul_bench_phase(i);
        row.ns = 1e9 * seconds[i] / (double)n_ids, row.percent = 100 * seconds[i] / all;
        if (seconds[i] > 0) write_phase(w, &row);
    }
    row.phase = "all", row.ns = 1e9 * all / (double)n_ids, row.percent = 100;
    write_phase(w, &row);
    for (size_t i = 0; (row.phase = nomul_bench_sampling_name(i)); i++) {
        double choice = nomul_bench_sampling(o->session, i, logits, err);
        if (choice <= 0) return false;
        row.ns = 1e9 * choice, row.percent = 100 * choice * (double)n_ids / all;
        write_phase(w, &row);
    }
    nm_output_flush();
    return true;
}
