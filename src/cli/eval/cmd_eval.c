/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul eval: multiple-choice tasks as lm-evaluation-harness scores them.  Reads all items first,
 * so that a mistake in the last one does not come up after an hour; then scores group by group,
 * saves details as it goes, and prints the figures, also after Ctrl-C.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/os.h"
#include "cli/commands.h"
#include "cli/eval/details.h"

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
    NM_CHOICE(0, "task", F(task), NULL, NM_EVAL_TASKS,
              "data set that the lines come from; default: lines as above"),
    NM_FILE(0, "labels", F(labels), NULL,
            "file with the answers, one line per item, for items without (PIQA)", NM_INPUT),
    NM_INT(0, "limit", F(limit), "0", 0, 1e9, "score the first N items only; 0 = all"),
    NM_CHOICE(0, "bos", F(bos), "model", "model|yes|no",
              "begin each context with BOS; model: if its tokenizer does, as in the harness"),

    NM_GROUP("Output"),
    NM_FLAG(0, "json", F(json), "print the figures as one JSON object"),
    NM_FILE(0, "details", F(details), NULL,
            "write a JSON line for each item; items already in the file are not scored again",
            NM_IN_PLACE),
    NM_FLAG('q', "quiet", F(quiet), "no progress or statistics"),

    NM_MACHINE_OPTIONS(F, open),
    NM_END,
};

typedef struct eval_run {
    const eval_args *args;
    nm_opened        opened;
    nm_eval_input    input;
    nm_eval_item     item;
    nm_eval_group   *group;
    nm_details       details;
    nm_eval_tally    tally;
    nm_progress_bar  bar;
} eval_run;

/*
 * Tokenizes every item, so that all that is wrong comes up now; then opens the details, whose items
 * are done.
 */
static bool prepare(eval_run *r, nomul_error *err)
{
    static const char *const bos[] = {"model", "yes", "no"};
    const eval_args         *args = r->args;
    char                     head[256];
    bool                     full;

    nm_prompt_waits(args->file, "items", args->quiet);
    r->input.task = (nm_eval_task)args->task;
    if (!nm_open_session(&r->opened, &args->open, err) ||
        !nm_eval_input_read(&r->input, args->file, args->labels, (size_t)args->limit, err) ||
        !(r->group = nm_eval_group_new(r->opened.session, (nm_eval_bos)args->bos, err)))
        return false;
    for (size_t i = 0; i < r->input.n; i++) {
        if (!nm_eval_input_item(&r->input, i, &r->item, err)) return false;
        if (!nm_eval_group_add(r->group, &r->item, &full, err))
            return nm_eval_input_fail(&r->input, i, err);
        nm_eval_group_clear(r->group);
        if (nm_interrupted()) return nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
    }
    if (!args->details) return true;
    /* All that an item's figures depend on, beside the item: whoever resumes must have the same. */
    snprintf(head, sizeof head,
             "{\"command\":\"nomul eval\",\"harness\":\"" NM_EVAL_HARNESS "\",\"task\":\"%s\","
             "\"bos\":\"%s\",\"model_id\":\"%016" PRIx64 "\"}",
             nm_eval_task_name(r->input.task), bos[args->bos],
             nomul_model_get_info(r->opened.model)->model_id);
    return nm_details_open(&r->details, args->details, head, err) &&
           nm_details_resume(&r->details, r->input.hashes, r->input.n, &r->tally, err);
}

/* Group by group; what is done is saved whatever ends it. */
static bool score_items(eval_run *r, nomul_error *err)
{
    nm_eval_tally *t = &r->tally;
    nomul_error    problem;
    char           line[128];
    double         left; /* seconds, if all items take as long as those so far */
    bool           ok = true;

    for (size_t at = (size_t)t->n_items; ok && at < r->input.n; at = (size_t)t->n_items) {
        double began = nm_clock();
        bool   full = false;

        /* As many items as are worth computing together; they were all read once, in prepare. */
        nm_eval_group_clear(r->group);
        for (size_t i = at; ok && i < r->input.n && !full; i++)
            ok = nm_eval_input_item(&r->input, i, &r->item, err) &&
                 nm_eval_group_add(r->group, &r->item, &full, err);
        ok = ok && nm_eval_group_run(r->group, &t->n_tokens, err);
        for (size_t i = 0; ok && i < nm_eval_group_size(r->group); i++) {
            const nm_eval_result *result = nm_eval_group_result(r->group, i);

            ok = !r->args->details ||
                 nm_details_add(&r->details, at + i, r->input.hashes[at + i], result, err);
            if (ok) nm_eval_tally_add(t, result->n_metrics, result->right), t->n_scored++;
        }
        t->seconds += nm_clock() - began;
        ok = ok && nm_details_save(&r->details, false, err);
        if (!ok || !nm_progress_due(&r->bar)) continue;
        left = t->seconds / (double)t->n_scored * (double)(r->input.n - t->n_items);
        snprintf(line, sizeof line, "%" PRIu64 " of %zu item%s, acc %.4f, %.0f tokens/s, %s left",
                 t->n_items, r->input.n, r->input.n == 1 ? "" : "s",
                 (double)t->n_right[NM_EVAL_ACC] / (double)t->n_items,
                 nm_rate(t->n_tokens, t->seconds), nm_show_duration(left).text);
        nm_progress_draw(&r->bar, line);
    }
    nm_progress_erase(&r->bar);
    if (t->n_scored > 0 && !nm_details_save(&r->details, true, &problem)) {
        if (ok) *err = problem;
        ok = false;
    }
    return ok;
}

static int run(const void *arguments)
{
    const eval_args *args = arguments;
    eval_run         r = {.args = args, .bar.quiet = args->quiet};
    nomul_error      err;

    if (args->labels && strcmp(args->labels, "-") == 0 && strcmp(args->file, "-") == 0)
        return nm_output_misused("-f and --labels: both are stdin");
    nm_interrupt_catch();
    int code = nm_open_model(&r.opened, &args->open, NM_OPEN_TOKENIZER);
    if (code == NM_EXIT_DONE) {
        bool ready = prepare(&r, &err), ok = ready && score_items(&r, &err);
        if (ready && r.tally.n_items > 0) /* whatever ended it, these items are scored */
            nm_eval_tally_print(&r.tally, r.input.task, args->json, args->quiet);
        if (!ok && nm_output_flush()) code = nm_output_failed(&err);
    }
    nm_eval_group_free(r.group);
    nm_eval_item_free(&r.item);
    nm_details_free(&r.details);
    nm_eval_input_free(&r.input);
    nm_open_close(&r.opened);
    return code;
}

const nm_command nm_cmd_eval = {
    "eval",
    "score multiple-choice tasks as lm-evaluation-harness does",
    "Scores every choice of an item by the sum of the log-probabilities of its tokens after the "
    "context, and prints how often the correct choice is the best: acc by this sum, acc_norm by "
    "the sum divided by the number of characters, acc_bytes by the number of bytes, each with its "
    "standard error. Templates, tokens and metrics are those of " NM_EVAL_HARNESS ", zero-shot.\n\n"
    "An item is a line of JSON: {\"query\": \"..\", \"choices\": [\"..\", ..], \"gold\": i}, or "
    "{\"context_options\": [\"..\", ..], \"continuation\": \"..\", \"gold\": i}, of which only "
    "acc is computed. --task reads the lines of a data set as published or exported from the hub: "
    "ARC (Easy and Challenge), HellaSwag, OpenBookQA, PIQA, WinoGrande.\n\n"
    "Ctrl-C prints the figures so far. With --details the same command continues where it "
    "stopped.\n\n"
    "--json prints {\"task\": .., \"harness\": .., \"items\": N, \"acc\": .., \"acc_stderr\": .., "
    "\"acc_norm\": .., \"acc_norm_stderr\": .., \"acc_bytes\": .., \"acc_bytes_stderr\": .., "
    "\"tokens\": N, \"seconds\": .., \"tokens_per_second\": ..}; tokens are those computed in "
    "this run.",
    table,
    sizeof(eval_args),
    run};
