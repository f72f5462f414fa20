/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns, keys, order and number formats are llama-bench's, so that tables can be laid side by
 * side and read by the same scripts; what is ours comes behind.
 */
#include "cli/bench/bench_result.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "cli/bench/statistics.h"
#include "cli/json_out.h"
#include "cli/output.h"

#ifndef NOMUL_COMMIT
#define NOMUL_COMMIT "unknown"
#endif

/* What is printed is worked out once. */
typedef struct summary {
    char     model_type[64], test[64];
    uint64_t model_size;
    size_t   n; /* samples */
    double   ns[NM_MOST_REPETITIONS], ts[NM_MOST_REPETITIONS];
    double   read_gbs, percent; /* medians; percent is of generation only */
} summary;

static void describe_model(const nomul_model *model, char *out, size_t size)
{
    const nomul_model_info *info = nomul_model_get_info(model);
    double                  millions = (double)info->n_params / 1e6;

    if (info->name[0] != '\0')
        snprintf(out, size, "hgrn_bit %.32s %s", info->name, info->packing);
    else if (millions < 1000)
        snprintf(out, size, "hgrn_bit %.0fM %s", millions, info->packing);
    else
        snprintf(out, size, "hgrn_bit %.1fB %s", millions / 1000, info->packing);
}

/* Of all tensors, as llama-bench counts it. */
static uint64_t model_size(const nomul_model *model)
{
    nomul_tensor t = {.size = sizeof t};
    uint64_t     sum = 0;

    for (size_t i = 0; nomul_model_tensor(model, i, &t); i++) sum += t.n_bytes;
    return sum;
}

static void describe_test(const nm_bench_result *r, char *out, size_t size)
{
    int n = snprintf(out, size, "%s%zu", r->n_gen ? "tg" : "pp", r->n_prompt + r->n_gen);

    if (r->n_parallel > 1) snprintf(out + n, size - (size_t)n, " x%zu", r->n_parallel);
}

/* How often generating reads the weights: once for n_batch texts. */
static size_t n_passes(const nm_bench_result *r)
{
    return r->n_gen * ((r->n_parallel + r->n_batch - 1) / r->n_batch);
}

static void summarize(summary *s, const nm_bench_result *r)
{
    double rates[NM_MOST_REPETITIONS], shares[NM_MOST_REPETITIONS];

    describe_model(r->model, s->model_type, sizeof s->model_type);
    s->model_size = model_size(r->model);
    describe_test(r, s->test, sizeof s->test);
    s->n = r->n;
    for (size_t i = 0; i < r->n; i++) {
        s->ns[i] = 1e9 * r->seconds[i];
        s->ts[i] = (double)(r->n_prompt + r->n_gen * r->n_parallel) / r->seconds[i];
        rates[i] = r->read_rate[i];
        shares[i] = (double)r->weight_bytes * (double)n_passes(r) / r->seconds[i] / r->read_rate[i];
    }
    s->read_gbs = nm_median(rates, r->n) / 1e9;
    s->percent = 100 * nm_median(shares, r->n);
}

/* ---- Markdown -------------------------------------------------------------------------------- */

typedef enum column {
    MODEL,
    SIZE,
    PARAMS,
    BACKEND,
    THREADS,
    BATCH,
    TEST,
    SPEED,
    KERNELS,
    WEIGHT_BYTES,
    READ_BANDWIDTH,
    BANDWIDTH_PERCENT,
    N_COLUMNS
} column;

/* Widths below 0 are of words, aligned left. */
static const struct {
    const char *name;
    int         width;
} columns[N_COLUMNS] = {
    [MODEL] = {"model", -30},
    [SIZE] = {"size", 10},
    [PARAMS] = {"params", 10},
    [BACKEND] = {"backend", -10},
    [THREADS] = {"threads", 7},
    [BATCH] = {"n_batch", 7},
    [TEST] = {"test", 15},
    [SPEED] = {"t/s", 20},
    [KERNELS] = {"kernels", -10},
    [WEIGHT_BYTES] = {"weight_bytes_per_token", 22},
    [READ_BANDWIDTH] = {"read_bandwidth_gbs", 18},
    [BANDWIDTH_PERCENT] = {"bandwidth_percent", 17},
};

typedef struct cell {
    char text[80];
} cell;

static cell make_cell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static cell make_cell(const char *format, ...)
{
    cell    c;
    va_list args;

    va_start(args, format);
    vsnprintf(c.text, sizeof c.text, format, args);
    va_end(args);
    return c;
}

static cell size_cell(uint64_t n_bytes)
{
    double mib = (double)n_bytes / 1024 / 1024;

    return mib < 1024 ? make_cell("%.2f MiB", mib) : make_cell("%.2f GiB", mib / 1024);
}

static cell params_cell(uint64_t n_params)
{
    double millions = (double)n_params / 1e6;

    return millions < 1000 ? make_cell("%.2f M", millions) : make_cell("%.2f B", millions / 1e3);
}

static cell md_cell(const nm_bench_result *r, const summary *s, column c)
{
    switch (c) {
    case MODEL: return make_cell("%s", s->model_type);
    case SIZE: return size_cell(s->model_size);
    case PARAMS: return params_cell(nomul_model_get_info(r->model)->n_params);
    case BACKEND: return make_cell("CPU");
    case THREADS: return make_cell("%zu", r->n_threads);
    case BATCH: return make_cell("%zu", r->n_batch);
    case TEST: return make_cell("%s", s->test);
    case SPEED: return make_cell("%.2f ± %.2f", nm_mean(s->ts, s->n), nm_deviation(s->ts, s->n));
    case KERNELS: return make_cell("%s", nomul_model_kernels(r->model));
    case WEIGHT_BYTES: return make_cell("%" PRIu64, r->weight_bytes);
    case READ_BANDWIDTH: return make_cell("%.2f", s->read_gbs);
    case BANDWIDTH_PERCENT: return r->n_gen ? make_cell("%.1f", s->percent) : make_cell("-");
    case N_COLUMNS: break;
    }
    return make_cell("?");
}

static bool shown(const nm_bench_writer *w, column c)
{
    return c != BATCH || w->show_batch;
}

static void md_header(const nm_bench_writer *w)
{
    nm_output_print("|");
    for (column c = 0; c < N_COLUMNS; c++)
        if (shown(w, c)) nm_output_print(" %*s |", columns[c].width, columns[c].name);
    nm_output_print("\n|");
    for (column c = 0; c < N_COLUMNS; c++) {
        int width = columns[c].width;
        if (!shown(w, c)) continue;
        nm_output_print(" ");
        for (int i = 1; i < (width < 0 ? -width : width); i++) nm_output_print("-");
        nm_output_print("%s |", width < 0 ? "-" : ":");
    }
    nm_output_print("\n");
}

static void md_row(const nm_bench_writer *w, const nm_bench_result *r, const summary *s)
{
    nm_output_print("|");
    for (column c = 0; c < N_COLUMNS; c++) {
        int width = columns[c].width + (c == SPEED); /* "±" is two bytes */
        if (shown(w, c)) nm_output_print(" %*s |", width, md_cell(r, s, c).text);
    }
    nm_output_print("\n");
}

/* ---- CSV, JSON ------------------------------------------------------------------------------- */

#define MOST_FIELDS 32

typedef struct field {
    const char *name;
    bool        is_text;
    char        value[256]; /* empty: there is none */
} field;

typedef struct fields {
    field  at[MOST_FIELDS];
    size_t n;
} fields;

static void add(fields *f, const char *name, bool is_text, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void add(fields *f, const char *name, bool is_text, const char *format, ...)
{
    field  *to = &f->at[f->n++];
    va_list args;

    to->name = name;
    to->is_text = is_text;
    va_start(args, format);
    vsnprintf(to->value, sizeof to->value, format, args);
    va_end(args);
}

/* Linux's name of the CPU, or else the architecture. */
static void cpu_info(char *out, size_t size)
{
    struct utsname machine;
    char           line[256];
    FILE          *file = fopen("/proc/cpuinfo", "r");

    snprintf(out, size, "%s", uname(&machine) < 0 ? "" : machine.machine);
    while (file && fgets(line, sizeof line, file)) {
        const char *value = strchr(line, ':');
        if (strncmp(line, "model name", 10) != 0 || !value) continue;
        value += 1 + strspn(value + 1, " \t");
        snprintf(out, size, "%.*s", (int)strcspn(value, "\n"), value);
        break;
    }
    if (file) fclose(file);
}

static void make_fields(fields *f, const nm_bench_result *r, const summary *s)
{
    const nomul_model_info *info = nomul_model_get_info(r->model);
    char                    cpu[200];

    f->n = 0;
    cpu_info(cpu, sizeof cpu);
    add(f, "build_commit", true, "%s", NOMUL_COMMIT);
    add(f, "cpu_info", true, "%s", cpu);
    add(f, "backends", true, "CPU");
    add(f, "model_filename", true, "%s", r->path);
    add(f, "model_type", true, "%s", s->model_type);
    add(f, "model_size", false, "%" PRIu64, s->model_size);
    add(f, "model_n_params", false, "%" PRIu64, info->n_params);
    add(f, "n_batch", false, "%zu", r->n_batch);
    add(f, "n_threads", false, "%zu", r->n_threads);
    add(f, "n_prompt", false, "%zu", r->n_prompt);
    add(f, "n_gen", false, "%zu", r->n_gen);
    add(f, "n_parallel", false, "%zu", r->n_parallel);
    add(f, "test_time", true, "%s", r->test_time);
    add(f, "avg_ns", false, "%.0f", nm_mean(s->ns, s->n));
    add(f, "stddev_ns", false, "%.0f", nm_deviation(s->ns, s->n));
    add(f, "avg_ts", false, "%f", nm_mean(s->ts, s->n));
    add(f, "stddev_ts", false, "%f", nm_deviation(s->ts, s->n));
    add(f, "kernels", true, "%s", nomul_model_kernels(r->model));
    add(f, "packing", true, "%s", info->packing);
    add(f, "weight_bytes_per_token", false, "%" PRIu64, r->weight_bytes);
    add(f, "read_bandwidth_gbs", false, "%.3f", s->read_gbs);
    if (r->n_gen)
        add(f, "bandwidth_percent", false, "%.2f", s->percent);
    else
        add(f, "bandwidth_percent", false, "%s", "");
}

static void print_value(const field *f)
{
    if (f->is_text)
        nm_json_out_string(f->value, strlen(f->value));
    else
        nm_output_print("%s", f->value[0] != '\0' ? f->value : "null");
}

static void print_samples(const char *format, const double *x, size_t n)
{
    nm_output_print("[ ");
    for (size_t i = 0; i < n; i++) {
        char value[32];
        snprintf(value, sizeof value, format[0] == 'n' ? "%.0f" : "%g", x[i]);
        nm_output_print("%s%s", i ? ", " : "", value);
    }
    nm_output_print(" ]");
}

/* One object: its members one a line, or all in one. */
static void print_object(const fields *f, const summary *s, bool one_line)
{
    const char *indent = one_line ? "" : "    ", *end = one_line ? ", " : ",\n";

    for (size_t i = 0; i < f->n; i++) {
        nm_output_print("%s\"%s\": ", indent, f->at[i].name);
        print_value(&f->at[i]);
        nm_output_print("%s", end);
    }
    nm_output_print("%s\"samples_ns\": ", indent);
    print_samples("ns", s->ns, s->n);
    nm_output_print("%s%s\"samples_ts\": ", end, indent);
    print_samples("ts", s->ts, s->n);
}

static void csv_row(const fields *f)
{
    for (size_t i = 0; i < f->n; i++) {
        nm_output_print("%s\"", i ? "," : "");
        for (const char *c = f->at[i].value; *c; c++)
            nm_output_print(*c == '"' ? "\"\"" : "%c", *c);
        nm_output_print("\"");
    }
    nm_output_print("\n");
}

static void csv_names(const fields *f)
{
    for (size_t i = 0; i < f->n; i++) nm_output_print("%s%s", i ? "," : "", f->at[i].name);
    nm_output_print("\n");
}

/* ---- All ------------------------------------------------------------------------------------- */

void nm_bench_write(nm_bench_writer *w, const nm_bench_result *r)
{
    bool    first = w->n_written++ == 0;
    summary s;
    fields  f;

    summarize(&s, r);
    make_fields(&f, r, &s);
    switch (w->format) {
    case NM_BENCH_MD:
        if (first) md_header(w);
        md_row(w, r, &s);
        break;
    case NM_BENCH_CSV:
        if (first) csv_names(&f);
        csv_row(&f);
        break;
    case NM_BENCH_JSON:
        nm_output_print("%s  {\n", first ? "[\n" : ",\n");
        print_object(&f, &s, false);
        nm_output_print("\n  }");
        break;
    case NM_BENCH_JSONL:
        nm_output_print("{");
        print_object(&f, &s, true);
        nm_output_print("}\n");
        break;
    }
    nm_output_flush();
}

void nm_bench_end(const nm_bench_writer *w)
{
    if (w->n_written == 0) return;
    if (w->format == NM_BENCH_MD)
        nm_output_print("\nbuild: %s (%s)\n", NOMUL_COMMIT, nomul_version());
    if (w->format == NM_BENCH_JSON) nm_output_print("\n]\n");
}
