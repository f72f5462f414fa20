/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul batch: continue many texts together.  This file has the options, what all texts share (the
 * model, a session to resume, the lines that an earlier run has done) and the statistics at the
 * end; the loop is batch.c's, the answers are answer.c's.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/os.h"
#include "cli/batch/batch.h"
#include "cli/commands.h"

#define F(field) offsetof(nm_batch_args, field)
static const nm_option table[] = {
    NM_GROUP("The texts"),
    NM_MODEL_OPTION(F, open),
    NM_FILE('f', "file", F(file), "-", "file with the prompts, - for stdin", NM_INPUT),
    NM_ESCAPE_OPTION(F(escapes), "lines that are not JSON"),
    NM_INT(0, "parallel", F(n_parallel), "16", 1, NM_BATCH_MAX_PARALLEL,
           "number of texts processed together"),
    {0, "n-best", NM_OPT_INT, F(n_best), "0", "K",
     "read each prompt once and continue it K times, with seeds s, s+1 ..; 0 = once, without "
     "\"index\"",
     0, 1000, NM_NO_FILE},
    NM_INT(0, "max-predict", F(max_predict), "-1", -1, 1e9,
           "upper limit of the tokens generated for a line; -1 = none"),
    NM_FILE(0, "skip-done", F(done), NULL,
            "skip lines whose id has an answer in FILE, the output of an earlier run, which may be "
            "missing",
            NM_INPUT),
    NM_FLAG(0, "stable-ids", F(stable_ids),
            "the default id is a hash of the line, not its number; equal lines have equal ids"),
    NM_FILE(0, "load-session", F(load), NULL,
            "every prompt continues this session; sampling defaults to its options", NM_INPUT),
    NM_TEXT_OPTIONS,

    NM_SAMPLING_OPTIONS,

    NM_GROUP("Output"),
    NM_FLAG(0, "as-ready", F(as_ready),
            "print answers as they finish, not in the order of the lines"),
    NM_FLAG(0, "no-timings", F(no_timings),
            "omit \"timings\", so that with a seed answers are the same bytes each time"),
    NM_INT(0, "logprobs", F(n_logprobs), "0", 0, 1000,
           "log-probabilities of the N most likely ids for each token"),
    NM_FLAG('q', "quiet", F(quiet), "no progress or statistics"),

    NM_MACHINE_OPTIONS(F, open),
    NM_CTX_OPTION(F(n_ctx)),
    NM_END,
};

typedef struct batch_run {
    const nm_batch_args *args;
    nm_opened            opened;
    nomul_mark          *saved;
    nm_text_args         defaults;
    nm_batch_options     options;
    nm_batch_done        done;
    nm_batch             batch;
} batch_run;

/*
 * Opens what all texts share: a session, the lines, and the text that all others are forks of; and
 * finds the defaults of lines: the options given, else those of the saved text.  An error in them
 * ends the batch, not a line.  Without a seed a saved generator continues.
 */
static bool open_batch(batch_run *r, nomul_error *err)
{
    const nm_batch_args *args = r->args;
    size_t               n_vocab = nomul_model_get_info(r->opened.model)->n_vocab;
    nm_batch            *b = &r->batch;
    nm_sampling          sampling;

    nm_open_args open = args->open;
    open.n_texts = args->n_parallel;
    if (!nm_open_session(&r->opened, &open, err)) return false;
    if (args->done && !nm_batch_done_read(&r->done, args->done, err)) return false;
    if (args->load && !(r->saved = nomul_mark_load(args->load, r->opened.model, NULL, err)))
        return false;
    bool ok = nm_sampling_init(&sampling, &args->text, table, r->saved, r->opened.model, err);
    r->defaults = args->text;
    if (ok) nm_text_args_follow(&r->defaults, &sampling.options);
    bool seeded = nm_option_given(table, &args->text.given, offsetof(nm_batch_args, text.seed));
    r->defaults.seed = r->saved && !seeded ? NM_SEED_SAVED : args->text.seed;
    nm_sampling_free(&sampling);
    if (!ok) return false;
    r->options = (nm_batch_options){
        .args = args,
        .model = r->opened.model,
        .saved = r->saved,
        .defaults = &r->defaults,
        .n_parallel = (size_t)args->n_parallel,
        .n_best = args->n_best > 0 ? (size_t)args->n_best : 1,
        .n_logprobs = (size_t)args->n_logprobs < n_vocab ? (size_t)args->n_logprobs : n_vocab,
        .done = args->done ? &r->done : NULL,
    };
    b->bar.quiet = args->quiet || nm_os_is_terminal(NM_OS_STDOUT);
    b->options = &r->options;
    b->base = nomul_text_new(r->opened.session, NULL, err); /* empty, or the saved text */
    if (!b->base || (r->saved && nomul_text_rewind(b->base, r->saved, 0, err) != NOMUL_OK))
        return false;
    b->lines.fd = nm_buffer_open(args->file, err);
    if (b->lines.fd >= 0) r->options.n_input = nm_buffer_size(b->lines.fd);
    nm_prompt_waits(args->file, "prompts", args->quiet);
    return b->lines.fd >= 0;
}

/* On stderr, as run does; tokens per second are those of all texts together. */
static void print_statistics(const batch_run *r)
{
    const nm_batch_counts  *c = &r->batch.counts;
    const nomul_model_info *info = nomul_model_get_info(r->opened.model);
    uint64_t                row = (uint64_t)info->n_vocab * sizeof(float); /* of logits */

    nm_effort_begin(&r->opened);
    fprintf(stderr, "%-9s %s, up to %zu at once\n", "texts", nm_show_count(c->n_done).text,
            c->most_texts);
    if (c->n_skipped > 0)
        fprintf(stderr, "%-9s %s\n", "skipped", nm_show_amount(c->n_skipped, "line").text);
    fprintf(stderr, "%-9s %s\n", "prompts", nm_show_amount(c->n_prompt_ids, "token").text);
    fprintf(stderr, "%-9s %s\n", "generated", nm_show_amount(c->n_generated, "token").text);
    fprintf(stderr, "%-9s %s, %.1f tokens/s in all\n", "time", nm_show_seconds(c->seconds).text,
            nm_rate(c->n_prompt_ids + c->n_generated, c->seconds));
    nm_effort_end(&r->opened, r->opened.session_bytes + c->most_texts * (info->state_bytes + row),
                  "each text");
}

static char written[1 << 20]; /* stdio's buffer */

static int run(const void *arguments)
{
    const nm_batch_args *args = arguments;
    batch_run            r = {.args = args};
    nomul_error          err;
    double               began = nm_clock();

    if (nm_text_args_check(&args->text) != NM_EXIT_DONE) return NM_EXIT_MISUSED;
    /* An answer of less than this is one write, so a process that is killed leaves whole lines. */
    setvbuf(stdout, written, _IOFBF, sizeof written);
    nm_interrupt_catch();
    int code = nm_open_model(&r.opened, &args->open,
                             NM_OPEN_TOKENIZER | (args->quiet ? NM_OPEN_QUIET : 0));
    if (code == NM_EXIT_DONE && !open_batch(&r, &err)) code = nm_output_failed(&err);
    if (code == NM_EXIT_DONE) {
        const nm_batch_counts *c = &r.batch.counts;

        r.opened.load_seconds = r.options.load_seconds = nm_clock() - began;
        bool ok = nm_batch_run(&r.batch, &err), open = nm_output_flush();
        nm_buffer_close(r.batch.lines.fd);
        if (open && !args->quiet && (ok || c->n_lines > 0)) print_statistics(&r);
        if (open && c->n_wrong > 0) {
            fprintf(stderr, "nomul: %" PRIu64 " of %s %s wrong\n", c->n_wrong,
                    nm_show_amount(c->n_lines, "line").text, c->n_wrong == 1 ? "was" : "were");
            code = NM_EXIT_WRONG;
        }
        if (open && !ok) { /* a closed stdout is reported by main */
            if (r.batch.end.code != NOMUL_OK) nm_fail_in(&err, "%s", nm_buffer_name(args->file));
            code = nm_output_failed(&err);
        }
    }
    nm_batch_free(&r.batch);
    nm_batch_done_free(&r.done);
    nomul_text_free(r.batch.base);
    nomul_mark_free(r.saved);
    nm_open_close(&r.opened);
    return code;
}

const nm_command nm_cmd_batch = {
    "batch",
    "continue many texts together",
    "Continues every prompt of a file, one per line, several together: the weights are read once "
    "for all of them. Each answer is one line, the JSON object of nomul run --json. Its text is "
    "the one that run generates with the same seed, whatever else is in the batch.\n\n"
    "A line is a prompt, without its newline or CR LF; an empty line is an empty prompt. A line "
    "that begins with { is a JSON object: \"prompt\" and, optionally, \"id\" (a string or a "
    "number, returned unchanged; default: the line number, from 0, as a string), \"stop\" (a "
    "string or an array of strings, in place of -r), \"n_predict\" and the sampling options "
    "\"temperature\", \"top_k\", \"seed\" and so on. Missing keys default to the options. Without "
    "a seed each text gets a random one, which is in its answer.\n\n"
    "With --load-session every prompt continues the saved text, such as a long instruction; the "
    "file is read once.\n\n"
    "An invalid line is answered by {\"id\": .., \"error\": \"..\"}; the other lines are answered "
    "as usual, and the exit code is 3. A line is read when its text can start, so stdin may be an "
    "endless pipe. An answer waits for those of earlier lines, unless --as-ready; reading pauses "
    "while 64 answers for each of --parallel wait. After Ctrl-C finished answers are written, and "
    "running ones as \"cancelled\"; with --skip-done, running and waiting ones are left to the "
    "next run.",
    table,
    sizeof(nm_batch_args),
    run};
