/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Markdown is a table with columns of its own widths and number formats; CSV, JSON and JSON lines
 * are one list of fields.  Medians are used where one slow repetition would spoil a mean; t/s is a
 * mean because llama-bench's is.
 */
#include "cli/bench/bench_result.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "base/visible.h"

#ifndef NOMUL_COMMIT
#define NOMUL_COMMIT "unknown"
#endif

/* ---- Statistics ------------------------------------------------------------------------------ */

double nm_mean(const double *x, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) sum += x[i];
    return n ? sum / (double)n : 0;
}

/* Two passes: the sum of squares less the squared sum would cancel for times that hardly vary. */
double nm_deviation(const double *x, size_t n)
{
    double mean = nm_mean(x, n), sum = 0;

    if (n < 2) return 0;
    for (size_t i = 0; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
    return sqrt(sum / (double)(n - 1));
}

double nm_median(const double *x, size_t n)
{
    double sorted[NM_MOST_REPETITIONS] = {0};

    if (n == 0) return 0;
    for (size_t i = 0; i < n; i++) { /* larger ones move up, to make room for the next */
        size_t to = i;
        for (; to > 0 && sorted[to - 1] > x[i]; to--) sorted[to] = sorted[to - 1];
        sorted[to] = x[i];
    }
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

/* ---- Formats --------------------------------------------------------------------------------- */

void nm_bench_cell(nm_md_line line, const char *name, int width, const char *format, ...)
{
    char    text[80] = "", visible[NM_VISIBLE_BYTES * sizeof text];
    va_list args;

    if (width == 0) return;
    if (line == NM_MD_HEADER)
        snprintf(text, sizeof text, "%s", name);
    else if (line == NM_MD_RULE) {
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

void nm_bench_record(nm_bench_writer *w, nm_bench_fields fields, const void *result)
{
    static const struct {
        nm_record_format record;
        const char      *first, *begin, *end;
    } formats[] = {
        /* clang-format off */
        [NM_BENCH_CSV] = {NM_RECORD_CSV, "", "", "\n"},
        [NM_BENCH_JSON] = {NM_RECORD_JSON_LINES, "[\n", "  {\n", "\n  }"},
        [NM_BENCH_JSONL] = {NM_RECORD_JSON_WIDE, "", "{", "}\n"},
        /* clang-format on */
    };
    nm_record record = {.format = formats[w->format].record};
    nm_record names = {.format = NM_RECORD_CSV_NAMES};
    bool      first = w->n_written++ == 0;

    nm_output_print("%s", first                        ? formats[w->format].first
                          : w->format == NM_BENCH_JSON ? ",\n"
                                                       : "");
    if (first && w->format == NM_BENCH_CSV) {
        fields(&names, result);
        nm_output_print("\n");
    }
    nm_output_print("%s", formats[w->format].begin);
    fields(&record, result);
    nm_output_print("%s", formats[w->format].end);
}

void nm_bench_number(nm_record *record, const char *name, bool known, int decimals, double value)
{
    char text[40] = "";

    if (known) snprintf(text, sizeof text, "%.*f", decimals, value);
    nm_record_number(record, name, "%s", text);
}

void nm_bench_end(const nm_bench_writer *w)
{
    if (w->format == NM_BENCH_JSON) nm_output_print(w->n_written > 0 ? "\n]\n" : "[]\n");
    if (w->format == NM_BENCH_MD && w->n_written > 0)
        nm_output_print("\nbuild: %s (%s)%s\n", NOMUL_COMMIT, nomul_version(),
                        w->narrow ? "; in a file or a pipe the table has more columns" : "");
}

/* ---- A result -------------------------------------------------------------------------------- */

/* What the formats print beside these fields, computed once. */
typedef struct summary {
    const nm_bench_result *result;
    char                   model_type[64], test[64]; /* "hgrn_bit 370M t4", "tg128 x8" */
    uint64_t               model_size;               /* of all tensors, as llama-bench counts it */
    double                 ns[NM_MOST_REPETITIONS], ts[NM_MOST_REPETITIONS];
    double                 read_gbs, percent; /* medians; percent is of generation only */
} summary;

/*
 * A step of generation reads all weights once for up to n_batch texts, so n_gen steps of n_parallel
 * texts read them n_gen * ceil(n_parallel / n_batch) times.  percent: those bytes by time and read
 * rate.
 */
static void summarize(summary *s)
{
    const nm_bench_result  *r = s->result;
    double                  shares[NM_MOST_REPETITIONS] = {0};
    nomul_tensor            t = {.size = sizeof t};
    size_t                  n_passes = r->n_gen * ((r->n_parallel + r->n_batch - 1) / r->n_batch);
    const nomul_model_info *info = nomul_model_get_info(r->model);
    double                  millions = (double)info->n_params / 1e6;
    char                    name[40], parallel[24] = "";

    if (info->name[0] != '\0')
        snprintf(name, sizeof name, "%.32s", info->name);
    else if (millions < 1000)
        snprintf(name, sizeof name, "%.*fM", millions < 10 ? 1 : 0, millions);
    else
        snprintf(name, sizeof name, "%.1fB", millions / 1000);
    snprintf(s->model_type, sizeof s->model_type, "hgrn_bit %s %s", name, info->packing);
    if (r->n_parallel > 1) snprintf(parallel, sizeof parallel, " x%zu", r->n_parallel);
    snprintf(s->test, sizeof s->test, "%s%zu%s", r->n_gen ? "tg" : "pp", r->n_prompt + r->n_gen,
             parallel);

    for (size_t i = 0; nomul_model_tensor(r->model, i, &t, NULL); i++) s->model_size += t.n_bytes;
    for (size_t i = 0; i < r->n; i++) {
        s->ns[i] = 1e9 * r->seconds[i];
        s->ts[i] = (double)(r->n_prompt + r->n_gen * r->n_parallel) / r->seconds[i];
        shares[i] = (double)r->weight_bytes * (double)n_passes / r->seconds[i] / r->read_rate[i];
    }
    s->read_gbs = nm_median(r->read_rate, r->n) / 1e9;
    s->percent = 100 * nm_median(shares, r->n);
}

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
    const summary          *s = result;
    const nm_bench_result  *r = s->result;
    const nomul_model_info *info = nomul_model_get_info(r->model);
    char                    cpu[200];

    nm_os_processor_name(cpu, sizeof cpu);
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
    summary s = {.result = r};

    summarize(&s);
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
