/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul eval: multiple-choice tasks as lm-evaluation-harness scores them.  Reads all items first,
 * so that a mistake in the last one does not come up after an hour; then scores group by group.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "base/xxh64.h"
#include "cli/commands.h"
#include "cli/eval/details.h"
#include "cli/record.h"

typedef struct eval_args {
    const char  *file, *labels, *details;
    nm_open_args open;
    int64_t      task, limit, bos;
    bool         json, quiet;
} eval_args;

#define F(field) offsetof(eval_args, field)
static const nm_option table[] = {
    NM_GROUP("The task"),
    NM_MODEL_OPTION(F, open),
    NM_FILE('f', "file", F(file), "-", "file with the items, - for stdin", NM_INPUT),
    NM_CHOICE(
        0, "task", F(task), NULL, NM_EVAL_TASKS,
        "the data set whose original JSON lines the items are; without it lines have "
        "\"query\" and \"choices\", or \"context_options\" and \"continuation\", and \"gold\""),
    NM_FILE(0, "labels", F(labels), NULL,
            "file with the answers, a line for each item, where the items have none (PIQA)",
            NM_INPUT),
    NM_INT(0, "limit", F(limit), "0", 0, 1e9, "score the first N items only; 0 = all"),
    NM_CHOICE(0, "bos", F(bos), "model", "model|yes|no",
              "begin each context with BOS; model: if its tokenizer does so, as the harness"),

    NM_GROUP("Output"),
    NM_FLAG(0, "json", F(json), "print the figures as one JSON object"),
    NM_FILE(0, "details", F(details), NULL,
            "write a JSON line for each item; items that the file has already are not scored again",
            NM_IN_PLACE),
    NM_FLAG('q', "quiet", F(quiet), "no progress, no statistics"),

    NM_MACHINE_OPTIONS(F, open),
    NM_END,
};

/* A line of the input, and its answer if that is in another file. */
typedef struct entry {
    nm_span  line, label;
    size_t   number; /* of the line, from 1 */
    uint64_t hash;   /* of both */
} entry;

typedef struct running {
    const eval_args *args;
    nm_opened        opened;
    nm_buffer        text, labels;
    entry           *entries;
    uint64_t        *hashes;
    size_t           n_items;
    nm_eval_item     item;
    nm_eval_group   *group;
    nm_details       details;
    nm_eval_tally    tally;
    uint64_t         n_tokens; /* computed */
    size_t           n_scored; /* items, in this run */
    double           seconds;
    bool             show;
} running;

/* ---- Input ----------------------------------------------------------------------------------- */

/* The next line that is not empty; its newline and a CR before that are not part of it. */
static bool next_line(const nm_buffer *text, size_t *at, size_t *number, nm_span *line)
{
    while (*at < text->n_bytes) {
        const char *from = text->data + *at, *end = memchr(from, '\n', text->n_bytes - *at);

        *line = (nm_span){from, end ? (size_t)(end - from) : text->n_bytes - *at};
        *at += line->n_bytes + 1;
        ++*number;
        if (line->n_bytes > 0 && from[line->n_bytes - 1] == '\r') line->n_bytes--;
        if (line->n_bytes > 0) return true;
    }
    return false;
}

static const nm_span *label_of(const running *r, const entry *e)
{
    return r->args->labels ? &e->label : NULL;
}

/* Lines become entries. */
static bool find_entries(running *r, nomul_error *err)
{
    const eval_args *args = r->args;
    size_t           most = args->limit > 0 ? (size_t)args->limit : SIZE_MAX, n_lines = 1;
    size_t           at = 0, label_at = 0, number = 0, label_number = 0;

    for (size_t i = 0; i < r->text.n_bytes; i++) n_lines += r->text.data[i] == '\n';
    r->entries = nm_alloc(n_lines * sizeof *r->entries);
    r->hashes = nm_alloc(n_lines * sizeof *r->hashes);
    if (!r->entries || !r->hashes) return nm_fail_memory(err, n_lines * sizeof *r->entries);
    for (entry e; r->n_items < most && next_line(&r->text, &at, &number, &e.line);) {
        nm_xxh64 hash;

        e.number = number;
        e.label = (nm_span){"", 0};
        if (args->labels && !next_line(&r->labels, &label_at, &label_number, &e.label))
            return nm_fail(err, NOMUL_E_FORMAT, "%s: ends after line %zu, before the items do",
                           nm_buffer_name(args->labels), label_number);
        nm_xxh64_init(&hash);
        nm_xxh64_add(&hash, e.line.text, e.line.n_bytes);
        nm_xxh64_add(&hash, e.label.text, e.label.n_bytes);
        r->hashes[r->n_items] = nm_xxh64_value(&hash);
        r->entries[r->n_items++] = e;
    }
    return r->n_items > 0 ||
           nm_fail(err, NOMUL_E_ARG, "%s: is empty: there is no item", nm_buffer_name(args->file));
}

/* Reads an item and adds it to the group; errors name the line. */
static bool add_item(running *r, size_t index, bool *full, nomul_error *err)
{
    const entry *e = &r->entries[index];

    return (nm_eval_item_read(&r->item, (nm_eval_task)r->args->task, e->line, label_of(r, e),
                              err) &&
            nm_eval_group_add(r->group, &r->item, full, err)) ||
           nm_fail_in(err, "%s: line %zu", nm_buffer_name(r->args->file), e->number);
}

/* Reads everything, and checks that every item can be scored. */
static bool read_input(running *r, nomul_error *err)
{
    const eval_args *args = r->args;
    bool             full;

    nm_prompt_waits(args->file, "items", args->quiet);
    if (!nm_buffer_add_file(&r->text, args->file, err) ||
        (args->labels && !nm_buffer_add_file(&r->labels, args->labels, err)) ||
        !find_entries(r, err))
        return false;
    r->group = nm_eval_group_new(r->opened.session, (nm_eval_bos)args->bos, err);
    for (size_t i = 0; r->group && i < r->n_items; i++) {
        if (!add_item(r, i, &full, err)) return false;
        nm_eval_group_clear(r->group);
        if (nm_interrupted()) return nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
    }
    return r->group != NULL;
}

static bool open_details(running *r, nomul_error *err)
{
    const eval_args         *args = r->args;
    const nomul_model_info  *info = nomul_model_get_info(r->opened.model);
    static const char *const bos[] = {"model", "yes", "no"};
    char                     head[256];

    if (!args->details) return true;
    snprintf(head, sizeof head,
             "{\"command\":\"nomul eval\",\"harness\":\"" NM_EVAL_HARNESS "\",\"task\":\"%s\","
             "\"bos\":\"%s\",\"model_id\":\"%016" PRIx64 "\"}",
             nm_eval_task_name((nm_eval_task)args->task), bos[args->bos], info->model_id);
    return nm_details_open(&r->details, args->details, head, r->hashes, r->n_items, &r->tally, err);
}

/* ---- Scoring --------------------------------------------------------------------------------- */

/* A line of progress on a terminal; the time left is that of the mean item so far. */
static void show(const running *r)
{
    double left = r->seconds / (double)(r->n_scored > 0 ? r->n_scored : 1) *
                  (double)(r->n_items - r->tally.n_items);
    char line[128];

    if (!r->show) return;
    snprintf(line, sizeof line,
             "%" PRIu64 " of %zu items, acc %.4f, %.0f tokens/s, %.0f:%02.0f left",
             r->tally.n_items, r->n_items,
             (double)r->tally.n_right[NM_EVAL_ACC] / (double)r->tally.n_items,
             nm_rate(r->n_tokens, r->seconds), floor(left / 60), floor(fmod(left, 60)));
    fprintf(stderr, "\r%-78.78s", line);
}

/* The items from `from` on that go together; *n of them. */
static bool score_group(running *r, size_t from, size_t *n, nomul_error *err)
{
    double began = nm_clock();
    bool   full = false;

    nm_eval_group_clear(r->group);
    for (*n = 0; from + *n < r->n_items && !full; ++*n)
        if (!add_item(r, from + *n, &full, err)) return false;
    if (!nm_eval_group_run(r->group, &r->n_tokens, err)) return false;
    for (size_t i = 0; i < *n; i++) {
        const nm_eval_result *result = nm_eval_group_result(r->group, i);

        nm_eval_count(&r->tally, result->n_metrics, result->right);
        if (r->args->details &&
            !nm_details_add(&r->details, from + i, r->hashes[from + i], result, err))
            return false;
    }
    r->n_scored += *n;
    r->seconds += nm_clock() - began;
    return true;
}

/* What is done is saved whatever ends it. */
static bool score_items(running *r, nomul_error *err)
{
    nomul_error problem;
    bool        ok = true;

    for (size_t at = (size_t)r->tally.n_items, n = 0; ok && at < r->n_items; at += n) {
        if (nm_interrupted()) ok = nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
        ok = ok && score_group(r, at, &n, err) && nm_details_save(&r->details, false, err);
        if (ok) show(r);
    }
    if (r->show && r->n_scored > 0) fprintf(stderr, "\r%78s\r", "");
    if (r->n_scored > 0 && !nm_details_save(&r->details, true, &problem)) {
        if (ok) *err = problem;
        ok = false;
    }
    return ok;
}

/* ---- Output ---------------------------------------------------------------------------------- */

/* The standard error of a mean of n zeros and ones, with the sample's deviation (n - 1). */
static double standard_error(double mean, uint64_t n)
{
    return n > 1 ? sqrt(mean * (1 - mean) / (double)(n - 1)) : NAN;
}

/* A metric; without a standard error if there is only one item. */
static void print_metric(nm_record *f, const char *name, uint64_t n_right, uint64_t n)
{
    double mean = (double)n_right / (double)n, error = standard_error(mean, n);
    char   error_name[32];

    if (f->format == NM_RECORD_LINES && n > 1) {
        nm_record_number(f, name, "%.4f +/- %.4f", mean, error);
        return;
    }
    nm_record_real(f, name, mean);
    if (f->format == NM_RECORD_LINES) return;
    snprintf(error_name, sizeof error_name, "%s_stderr", name);
    nm_record_real(f, error_name, error);
}

static void print_figures(const running *r)
{
    const nm_eval_tally *t = &r->tally;
    nm_record            f = {.format = r->args->json ? NM_RECORD_JSON : NM_RECORD_LINES};

    nm_record_open(&f, NULL, '{');
    nm_record_text(&f, "task", nm_eval_task_name((nm_eval_task)r->args->task));
    nm_record_text(&f, "harness", NM_EVAL_HARNESS);
    nm_record_count(&f, "items", t->n_items);
    for (size_t m = 0; m < NM_EVAL_METRICS; m++)
        if (t->n_judged[m] > 0)
            print_metric(&f, nm_eval_metric_names[m], t->n_right[m], t->n_judged[m]);
    if (r->args->json) {
        nm_record_count(&f, "tokens", r->n_tokens);
        nm_record_real(&f, "seconds", r->seconds);
        nm_record_real(&f, "tokens_per_second", nm_rate(r->n_tokens, r->seconds));
    }
    nm_record_close(&f, '}');
    if (r->args->json) nm_output_print("\n");
    if (nm_output_flush() && !r->args->quiet)
        fprintf(stderr, "%-*s%s items, %s tokens in %s, %.1f tokens/s\n", NM_RECORD_MARGIN,
                "scored", nm_show_count(r->n_scored).text, nm_show_count(r->n_tokens).text,
                nm_show_seconds(r->seconds).text, nm_rate(r->n_tokens, r->seconds));
}

static int run(const void *arguments)
{
    const eval_args *args = arguments;
    running          r = {.args = args};
    nomul_error      err;

    if (args->labels && strcmp(args->labels, "-") == 0 && strcmp(args->file, "-") == 0)
        return nm_output_misused("-f and --labels: both are stdin");
    nm_interrupt_catch();
    r.show = !args->quiet && nm_os_is_terminal(NM_OS_STDERR);
    int code = nm_open_model(&r.opened, &args->open, NM_OPEN_TOKENIZER);
    if (code == NM_EXIT_DONE) {
        bool ok = nm_open_session(&r.opened, &args->open, &err) && read_input(&r, &err) &&
                  open_details(&r, &err) && score_items(&r, &err);
        if (r.tally.n_items > 0 && (ok || err.code == NOMUL_E_CANCELLED)) print_figures(&r);
        if (!ok && nm_output_flush()) code = nm_output_failed(&err);
    }
    nm_eval_group_free(r.group);
    nm_eval_item_free(&r.item);
    nm_details_free(&r.details);
    nm_free(r.entries);
    nm_free(r.hashes);
    nm_buffer_free(&r.text);
    nm_buffer_free(&r.labels);
    nm_open_close(&r.opened);
    return code;
}

const nm_command nm_cmd_eval = {
    "eval",
    "score multiple-choice tasks as lm-evaluation-harness does",
    "Scores every choice of every item by the sum of the log-probabilities of its tokens after the "
    "context, and prints how often the right one is the best: acc by the sum, acc_norm by the sum "
    "over the number of characters, acc_bytes over the number of bytes, each with its standard "
    "error. Templates, tokens and metrics are those of " NM_EVAL_HARNESS ", without examples "
    "(zero-shot).\n\n"
    "An item is a line of JSON: {\"query\": \"..\", \"choices\": [\"..\", ..], \"gold\": i}, or "
    "{\"context_options\": [\"..\", ..], \"continuation\": \"..\", \"gold\": i}, of which only acc "
    "is "
    "computed. --task reads the lines of a data set as published, or exported from the hub: ARC "
    "(Easy and Challenge), HellaSwag, OpenBookQA, PIQA, WinoGrande. The answers of PIQA are in a "
    "file of their own: --labels.\n\n"
    "Items are computed side by side, and the context of an item once for all its choices. Ctrl-C "
    "prints the figures so far. With --details the same command continues where it stopped.\n\n"
    "--json prints {\"task\": .., \"harness\": .., \"items\": N, \"acc\": .., \"acc_stderr\": .., "
    "\"acc_norm\": .., \"acc_norm_stderr\": .., \"acc_bytes\": .., \"acc_bytes_stderr\": .., "
    "\"tokens\": N, \"seconds\": .., \"tokens_per_second\": ..}; tokens are those computed in this "
    "run.",
    table,
    sizeof(eval_args),
    run};
