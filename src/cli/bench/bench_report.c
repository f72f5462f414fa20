/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Markdown is a table with columns of its own widths and number formats; CSV, JSON and JSON lines
 * are one list of fields.  Medians are used where one slow repetition would spoil a mean; t/s is a
 * mean because llama-bench's is.
 */
#include "cli/bench/bench_report.h"

#include <inttypes.h>
#include <math.h>

#include "base/os.h"

/* Spaces and digits as llama-bench prints them: whole nanoseconds, six digits of tokens/s. */
static void record_samples(nm_record *f, const char *name, bool whole, const double *x, size_t n)
{
    if (f->format == NM_RECORD_CSV || f->format == NM_RECORD_CSV_NAMES) return;
    nm_record_open(f, name, '[');
    for (size_t i = 0; i < n; i++)
        nm_output_print("%s %.*g", i ? "," : "", whole ? 17 : 6, whole ? round(x[i]) : x[i]);
    nm_output_print(" ");
    nm_record_close(f, ']');
}

/* JSON has the samples too.  New fields come last. */
static void add_fields(nm_record *f, const void *result)
{
    const nm_bench_summary *s = result;
    const nm_bench_result  *r = s->result;
    const nomul_model_info *info = nomul_model_get_info(r->model);
    char                    cpu[200];

    nm_os_processor_name(cpu, sizeof cpu);
    nm_record_text(f, "build_commit", nm_bench_commit);
    nm_record_text(f, "cpu_info", cpu);
    nm_record_text(f, "backends", "CPU");
    nm_record_text(f, "model_filename", r->path);
    nm_record_text(f, "model_type", s->model_type);
    nm_record_count(f, "model_size", s->model_size);
    nm_record_count(f, "model_n_params", info->n_params);
    nm_record_count(f, "n_batch", r->n_batch);
    nm_record_count(f, "n_threads", r->n_threads);
    nm_record_count(f, "n_prompt", r->n_prompt);
    nm_record_count(f, "n_gen", r->n_gen);
    nm_record_count(f, "n_parallel", r->n_parallel);
    nm_record_text(f, "test_time", r->test_time);
    nm_bench_number(f, "avg_ns", true, 0, nm_mean(s->ns, r->n));
    nm_bench_number(f, "stddev_ns", true, 0, nm_deviation(s->ns, r->n));
    nm_bench_number(f, "avg_ts", true, 6, nm_mean(s->ts, r->n));
    nm_bench_number(f, "stddev_ts", true, 6, nm_deviation(s->ts, r->n));
    nm_record_text(f, "kernels", nomul_model_kernels(r->model));
    nm_record_text(f, "packing", info->packing);
    nm_record_count(f, "weight_bytes_per_token", r->weight_bytes);
    nm_bench_number(f, "read_bandwidth_gbs", true, 3, s->read_gbs);
    nm_bench_number(f, "bandwidth_percent", r->n_gen > 0, 2, s->percent);
    record_samples(f, "samples_ns", true, s->ns, r->n);
    record_samples(f, "samples_ts", false, s->ts, r->n);
    nm_bench_number(f, "signal_ns", r->n_signals > 0, 1, 1e9 * nm_median(r->signal, r->n_signals));
    nm_bench_number(f, "ttft_ns", true, 0, 1e9 * nm_median(r->first, r->n));
    nm_record_count(f, "state_bytes", info->state_bytes);
    nm_record_hash(f, "logits_hash", r->logits_hash);
}

/* In a table a row; before the first one the header and its rule.  Units are llama-bench's. */
void nm_bench_write(nm_bench_writer *w, const nm_bench_result *r)
{
    nm_bench_summary s;

    nm_bench_summarize(&s, r);
    double   mib = (double)s.model_size / 1024 / 1024, mean = nm_mean(s.ts, r->n);
    double   millions = (double)nomul_model_get_info(r->model)->n_params / 1e6;
    bool     n = w->narrow, md = w->format == NM_BENCH_MD;
    int      digits = n && mean >= 10000 ? 0 : 2;
    int      model = !n ? 30 : w->show_batch ? 14 : 24, speed = n ? 17 : 20;
    unsigned line = w->n_written == 0 ? NM_MD_HEADER : NM_MD_VALUES;

    if (!md) nm_bench_record(w, add_fields, &s);
    for (w->n_written += md; md && line <= NM_MD_VALUES; line++) {
        nm_output_print("|");
        nm_bench_cell(line, "model", -model, "%.*s", n ? model : 80, s.model_type + (n ? 9 : 0));
        nm_bench_cell(line, "size", 10, mib < 1024 ? "%.2f MiB" : "%.2f GiB",
                      mib < 1024 ? mib : mib / 1024);
        nm_bench_cell(line, "params", n ? 0 : 10, millions < 1000 ? "%.2f M" : "%.2f B",
                      millions < 1000 ? millions : millions / 1000);
        nm_bench_cell(line, "backend", n ? 0 : -10, "CPU");
        nm_bench_cell(line, n ? "t" : "threads", n ? 3 : 7, "%zu", r->n_threads);
        nm_bench_cell(line, "n_batch", w->show_batch ? 7 : 0, "%zu", r->n_batch);
        nm_bench_cell(line, "test", n ? 11 : 15, "%s", s.test);
        nm_bench_cell(line, "t/s", line == NM_MD_VALUES ? speed + 1 : speed, "%.*f ± %.*f", digits,
                      mean, digits, nm_deviation(s.ts, r->n)); /* "±" is two bytes */
        nm_bench_cell(line, "kernels", n ? 0 : -10, "%s", nomul_model_kernels(r->model));
        nm_bench_cell(line, "weight_bytes_per_token", n ? 0 : 22, "%" PRIu64, r->weight_bytes);
        nm_bench_cell(line, n ? "GB/s" : "read_bandwidth_gbs", n ? 6 : 18, "%.2f", s.read_gbs);
        nm_bench_cell(line, n ? "percent" : "bandwidth_percent", n ? 7 : 17,
                      r->n_gen ? "%.1f" : "-", s.percent);
        nm_output_print("\n");
    }
    nm_output_flush();
}
