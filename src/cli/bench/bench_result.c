/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Markdown is a table with columns of its own widths and number formats; CSV, JSON and JSON lines
 * are one list of fields in three formats of record.h.  Medians are used where one slow repetition
 * would spoil a mean; t/s is a mean because llama-bench's is.
 */
#include "cli/bench/bench_result.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "base/visible.h"
#include "cli/bench/figures.h"
#include "cli/output.h"
#include "cli/record.h"

#ifndef NOMUL_COMMIT
#define NOMUL_COMMIT "unknown"
#endif

/* What is printed, computed once. */
typedef struct summary {
    char     model_type[64], test[64]; /* "hgrn_bit 370M t4", "tg128 x8" */
    uint64_t model_size;               /* of all tensors, as llama-bench counts it */
    size_t   n;                        /* samples */
    double   ns[NM_MOST_REPETITIONS], ts[NM_MOST_REPETITIONS];
    double   read_gbs, percent; /* medians; percent is of generation only */
    double   signal_ns;         /* median; 0 if there is none */
} summary;

/*
 * A step of generation reads all weights once for up to n_batch texts, so n_gen steps of n_parallel
 * texts read them n_gen * ceil(n_parallel / n_batch) times.  percent: those bytes by time and read
 * rate.
 */
static void summarize(summary *s, const nm_bench_result *r)
{
    double                  rates[NM_MOST_REPETITIONS], shares[NM_MOST_REPETITIONS];
    double                  signals[NM_MOST_REPETITIONS];
    nomul_tensor            t = {.size = sizeof t};
    size_t                  n_passes = r->n_gen * ((r->n_parallel + r->n_batch - 1) / r->n_batch);
    const nomul_model_info *info = nomul_model_get_info(r->model);
    double                  millions = (double)info->n_params / 1e6;
    char                    name[40], parallel[24] = "";

    if (info->name[0] != '\0')
        snprintf(name, sizeof name, "%.32s", info->name);
    else if (millions < 1000)
        snprintf(name, sizeof name, "%.0fM", millions);
    else
        snprintf(name, sizeof name, "%.1fB", millions / 1000);
    snprintf(s->model_type, sizeof s->model_type, "hgrn_bit %s %s", name, info->packing);
    if (r->n_parallel > 1) snprintf(parallel, sizeof parallel, " x%zu", r->n_parallel);
    snprintf(s->test, sizeof s->test, "%s%zu%s", r->n_gen ? "tg" : "pp", r->n_prompt + r->n_gen,
             parallel);

    s->model_size = 0;
    for (size_t i = 0; nomul_model_tensor(r->model, i, &t); i++) s->model_size += t.n_bytes;
    s->n = r->n;
    for (size_t i = 0; i < r->n; i++) {
        s->ns[i] = 1e9 * r->seconds[i];
        s->ts[i] = (double)(r->n_prompt + r->n_gen * r->n_parallel) / r->seconds[i];
        rates[i] = r->read_rate[i], signals[i] = r->signal[i];
        shares[i] = (double)r->weight_bytes * (double)n_passes / r->seconds[i] / r->read_rate[i];
    }
    s->read_gbs = nm_median(rates, r->n) / 1e9;
    s->percent = 100 * nm_median(shares, r->n);
    s->signal_ns = 1e9 * nm_median(signals, r->n);
}

/* ---- Markdown -------------------------------------------------------------------------------- */

typedef enum md_line { MD_HEADER, MD_RULE, MD_VALUES } md_line;

/*
 * One cell of a line, whichever it is, and the bar after it: so the columns are named where their
 * values are, and header, rule and values agree.  A negative width aligns left, as in printf.
 *
 *   | model                          |       size |     MD_HEADER
 *   | ------------------------------ | ---------: |     MD_RULE, ':' where a column aligns right
 *   | hgrn_bit 49M t4                |  16.30 MiB |     MD_VALUES
 */
static void cell(md_line line, const char *name, int width, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void cell(md_line line, const char *name, int width, const char *format, ...)
{
    char    text[80] = "", visible[NM_VISIBLE_BYTES * sizeof text];
    va_list args;

    if (width == 0) return;
    if (line == MD_HEADER)
        snprintf(text, sizeof text, "%s", name);
    else if (line == MD_RULE) {
        memset(text, '-', (size_t)(width < 0 ? -width : width));
        if (width > 0) text[width - 1] = ':';
    } else {
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
    }
    nm_visible(visible, sizeof visible, text, strlen(text), false); /* the model's name */
    nm_output_print(" %*s |", width, visible);
}

/* A row; before the first one the header and its rule.  Units are llama-bench's. */
static void write_md(const nm_bench_writer *w, const nm_bench_result *r, const summary *s)
{
    double mib = (double)s->model_size / 1024 / 1024;
    double millions = (double)nomul_model_get_info(r->model)->n_params / 1e6;
    double mean = nm_mean(s->ts, s->n);
    bool   n = w->narrow;
    int    digits = n && mean >= 10000 ? 0 : 2;
    int    model = !n ? 30 : w->show_batch ? 14 : 24, speed = n ? 17 : 20;

    for (md_line line = w->n_written == 1 ? MD_HEADER : MD_VALUES; line <= MD_VALUES; line++) {
        nm_output_print("|");
        cell(line, "model", -model, "%.*s", n ? model : 80, s->model_type + (n ? 9 : 0));
        cell(line, "size", 10, mib < 1024 ? "%.2f MiB" : "%.2f GiB", mib < 1024 ? mib : mib / 1024);
        cell(line, "params", n ? 0 : 10, millions < 1000 ? "%.2f M" : "%.2f B",
             millions < 1000 ? millions : millions / 1000);
        cell(line, "backend", n ? 0 : -10, "CPU");
        cell(line, n ? "t" : "threads", n ? 3 : 7, "%zu", r->n_threads);
        cell(line, "n_batch", w->show_batch ? 7 : 0, "%zu", r->n_batch);
        cell(line, "test", n ? 11 : 15, "%s", s->test);
        cell(line, "t/s", line == MD_VALUES ? speed + 1 : speed, "%.*f ± %.*f", digits, mean,
             digits, nm_deviation(s->ts, s->n)); /* "±" is two bytes */
        cell(line, "kernels", n ? 0 : -10, "%s", nomul_model_kernels(r->model));
        cell(line, "weight_bytes_per_token", n ? 0 : 22, "%" PRIu64, r->weight_bytes);
        cell(line, n ? "GB/s" : "read_bandwidth_gbs", n ? 6 : 18, "%.2f", s->read_gbs);
        cell(line, n ? "percent" : "bandwidth_percent", n ? 7 : 17, r->n_gen ? "%.1f" : "-",
             s->percent);
        nm_output_print("\n");
    }
}

/* ---- CSV, JSON ------------------------------------------------------------------------------- */

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

/* The fields of CSV and JSON; JSON has the samples too.  New ones come last. */
static void print_record(nm_record_format format, const nm_bench_result *r, const summary *s)
{
    nm_record               record = {.format = format}, *f = &record;
    const nomul_model_info *info = nomul_model_get_info(r->model);
    char                    cpu[200], percent[32], signal[32];

    nm_os_processor_name(cpu, sizeof cpu);
    snprintf(percent, sizeof percent, "%.2f", s->percent);
    snprintf(signal, sizeof signal, "%.1f", s->signal_ns);
    nm_record_text(f, "build_commit", NOMUL_COMMIT);
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
    nm_record_number(f, "avg_ns", "%.0f", nm_mean(s->ns, s->n));
    nm_record_number(f, "stddev_ns", "%.0f", nm_deviation(s->ns, s->n));
    nm_record_number(f, "avg_ts", "%f", nm_mean(s->ts, s->n));
    nm_record_number(f, "stddev_ts", "%f", nm_deviation(s->ts, s->n));
    nm_record_text(f, "kernels", nomul_model_kernels(r->model));
    nm_record_text(f, "packing", info->packing);
    nm_record_count(f, "weight_bytes_per_token", r->weight_bytes);
    nm_record_number(f, "read_bandwidth_gbs", "%.3f", s->read_gbs);
    nm_record_number(f, "bandwidth_percent", "%s", r->n_gen ? percent : "");
    record_samples(f, "samples_ns", true, s->ns, s->n);
    record_samples(f, "samples_ts", false, s->ts, s->n);
    nm_record_number(f, "signal_ns", "%s", s->signal_ns > 0 ? signal : "");
}

/* ---- All formats ----------------------------------------------------------------------------- */

/* JSON is one array, opened by the first result; JSON lines are an object for each. */
void nm_bench_write(nm_bench_writer *w, const nm_bench_result *r)
{
    bool    first = w->n_written++ == 0;
    summary s;

    summarize(&s, r);
    switch (w->format) {
    case NM_BENCH_MD: write_md(w, r, &s); break;
    case NM_BENCH_CSV:
        if (first) {
            print_record(NM_RECORD_CSV_NAMES, r, &s);
            nm_output_print("\n");
        }
        print_record(NM_RECORD_CSV, r, &s);
        nm_output_print("\n");
        break;
    case NM_BENCH_JSON:
        nm_output_print("%s  {\n", first ? "[\n" : ",\n");
        print_record(NM_RECORD_JSON_LINES, r, &s);
        nm_output_print("\n  }");
        break;
    case NM_BENCH_JSONL:
        nm_output_print("{");
        print_record(NM_RECORD_JSON_WIDE, r, &s);
        nm_output_print("}\n");
        break;
    }
    nm_output_flush();
}

void nm_bench_end(const nm_bench_writer *w)
{
    if (w->n_written == 0 && w->format == NM_BENCH_JSON) nm_output_print("[]\n");
    if (w->n_written == 0) return;
    if (w->format == NM_BENCH_MD)
        nm_output_print("\nbuild: %s (%s)%s\n", NOMUL_COMMIT, nomul_version(),
                        w->narrow ? "; in a file or a pipe the table has more columns" : "");
    if (w->format == NM_BENCH_JSON) nm_output_print("\n]\n");
}
