/* SPDX-License-Identifier: Apache-2.0 */
/* nomul batch: continue many texts together.  Options and their order of events; the work is
 * batch.c. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/os.h"
#include "cli/batch/batch.h"
#include "cli/batch/batch_show.h"
#include "cli/commands.h"

typedef struct batch_args {
    const char  *file, *load;
    nm_open_args open;
    nm_text_args text;
    int64_t      n_parallel, n_best, n_logprobs, n_ctx;
    bool         as_ready, quiet, escapes;
} batch_args;

#define F(field) offsetof(batch_args, field)
static const nm_option table[] = {
    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "The texts", 0, 0},
    NM_MODEL_OPTION(F, open),
    {'f', "file", NM_OPT_STRING, F(file), "-", "FILE", "file with the prompts, - = stdin", 0, 0},
    NM_ESCAPE_OPTION(F(escapes)),
    {0, "parallel", NM_OPT_INT, F(n_parallel), "8", "N", "number of texts processed together", 1,
     NM_BATCH_MAX_PARALLEL},
    {0, "n-best", NM_OPT_INT, F(n_best), "0", "K",
     "read each prompt once and continue it K times, with seeds s, s+1 ..; 0 = once, without "
     "\"index\"",
     0, 1000},
    {0, "load-session", NM_OPT_STRING, F(load), NULL, "FILE",
     "every prompt continues this saved text; options default to the saved ones", 0, 0},
    NM_TEXT_OPTIONS,

    NM_SAMPLING_OPTIONS

    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "Output", 0, 0},
    {0, "as-ready", NM_OPT_FLAG, F(as_ready), NULL, NULL,
     "print answers in order of completion, not in the order of the prompts", 0, 0},
    {0, "logprobs", NM_OPT_INT, F(n_logprobs), "0", "N",
     "log-probabilities of the N most likely ids for each token", 0, 1000},
    {'q', "quiet", NM_OPT_FLAG, F(quiet), NULL, NULL, "no progress, no statistics", 0, 0},

    NM_MACHINE_OPTIONS(F, open),
    NM_CTX_OPTION(F(n_ctx)),
    {0, NULL, NM_OPT_END, 0, NULL, NULL, NULL, 0, 0},
};
#undef F

typedef struct running {
    const batch_args *args;
    nm_opened         opened;
    nomul_mark       *saved;
    nm_text_args      defaults;
    nm_batch_options  options;
    nm_batch          batch;
} running;

static bool open_session(running *r, nomul_error *err)
{
    if (!nm_open_session(&r->opened, &r->args->open, err)) return false;
    if (r->args->load) r->saved = nomul_mark_load(r->args->load, r->opened.model, err);
    return !r->args->load || r->saved;
}

/*
 * What lines do not say: the options given, else those of the saved text.  Errors in them are no
 * line's fault.  A seed that is not given stays so.
 */
static bool find_defaults(running *r, nomul_error *err)
{
    const nm_text_args *args = &r->args->text;
    nm_sampling         sampling;
    bool                ok = nm_sampling_init(&sampling, args, table, r->args,
                               r->saved ? nomul_mark_get_info(r->saved)->sampler : NULL,
                                              r->opened.model, err);

    r->defaults = *args;
    if (ok) nm_text_args_follow(&r->defaults, &sampling.options);
    r->defaults.seed = args->seed;
    nm_sampling_free(&sampling);
    return ok;
}

/* The text that all others are forks of: empty, or the saved one. */
static bool open_base(running *r, nomul_error *err)
{
    const batch_args *args = r->args;
    size_t            n_vocab = nomul_model_get_info(r->opened.model)->n_vocab;

    r->options = (nm_batch_options){
        .model = r->opened.model,
        .saved = r->saved,
        .defaults = &r->defaults,
        .n_parallel = (size_t)args->n_parallel,
        .n_best = args->n_best > 0 ? (size_t)args->n_best : 1,
        .n_logprobs = (size_t)args->n_logprobs < n_vocab ? (size_t)args->n_logprobs : n_vocab,
        .escapes = args->escapes,
        .indexed = args->n_best > 0,
        .as_ready = args->as_ready,
        .show = !args->quiet && nm_os_is_terminal(NM_OS_STDERR) && !nm_os_is_terminal(NM_OS_STDOUT),
    };
    r->batch.options = &r->options;
    r->batch.base = nomul_text_new(r->opened.session, NULL, err);
    if (!r->batch.base) return false;
    return !r->saved || nomul_text_rewind(r->batch.base, r->saved, 0, err) == NOMUL_OK;
}

static bool open_lines(running *r, nomul_error *err)
{
    r->batch.lines.fd = nm_text_open(r->args->file, err);
    if (r->batch.lines.fd < 0) return false;
    if (r->batch.lines.fd == NM_OS_STDIN && !r->args->quiet && nm_os_is_terminal(NM_OS_STDIN))
        fprintf(stderr, "nomul: reading prompts from the terminal, up to Ctrl-D\n");
    return true;
}

/* Every answer is out, whatever ended it; what is left are the statistics. */
static int end(running *r, bool ok, nomul_error *err)
{
    const nm_batch_counts *c = &r->batch.counts;

    if (!nm_output_flush()) return NM_EXIT_DONE; /* main reports it */
    if (!r->args->quiet)
        nm_batch_statistics(&r->batch, r->opened.session, r->opened.path, r->opened.session_bytes);
    if (c->n_wrong > 0)
        fprintf(stderr, "nomul: %" PRIu64 " of %" PRIu64 " lines %s wrong\n", c->n_wrong,
                c->n_lines, c->n_wrong == 1 ? "was" : "were");
    if (ok) return c->n_wrong > 0 ? NM_EXIT_FAILED : NM_EXIT_DONE;
    if (r->batch.end.code != NOMUL_OK) nm_fail_in(err, "%s", nm_text_name(r->args->file));
    return nm_output_failed(err);
}

static int run(const void *arguments, const char *argv0)
{
    const batch_args *args = arguments;
    running           r = {.args = args};
    nomul_error       err;
    double            began = nm_clock();

    if (!nm_text_args_check("batch", &args->text)) return NM_EXIT_MISUSED;
    nm_interrupt_catch();
    int code = nm_open_model(&r.opened, "batch", &args->open, argv0, NM_OPEN_TOKENIZER);
    if (code == NM_EXIT_DONE && (!open_session(&r, &err) || !find_defaults(&r, &err) ||
                                 !open_base(&r, &err) || !open_lines(&r, &err)))
        code = nm_output_failed(&err);
    if (code == NM_EXIT_DONE) {
        r.options.load_seconds = nm_clock() - began;
        bool ok = nm_batch_run(&r.batch, &err);
        code = end(&r, ok, &err);
        nm_text_close(r.batch.lines.fd);
    }
    nm_batch_free(&r.batch);
    nomul_text_free(r.batch.base);
    nomul_mark_free(r.saved);
    nm_open_close(&r.opened);
    return code;
}

const nm_command nm_cmd_batch = {
    "batch",
    "continue many texts together",
    "Continues every prompt of a file, one per line, many of them together: the weights are read "
    "once for all. Each answer is the JSON object of nomul run --json, on one line, with the text "
    "that run generates with the same seed, whatever runs beside it.\n\n"
    "A line is the prompt as it stands, without its newline and without a CR in front of that; an "
    "empty one is a text from its beginning. A line that begins with { is a JSON object: "
    "\"prompt\", and if wanted \"id\" (a string or a number, given back as it is; otherwise the "
    "number of the line, from 0, as a string), \"n_predict\", \"temperature\", \"top_k\", "
    "\"top_p\", \"min_p\", \"seed\", \"stop\" (a string or an array of strings, in the place of "
    "-r). What it doesn't say the options say. Without a seed each text has a random one, which "
    "is in its answer.\n\n"
    "With --load-session every prompt goes on with the saved text, which is read from the file "
    "once: a long instruction, then many questions.\n\n"
    "A line that is wrong is answered by {\"id\": .., \"error\": \"..\"}; the others go on, and "
    "the exit code is 1. Lines are read as there is room for them, so stdin may be a pipe that "
    "never ends. Answers wait for those before them, unless --as-ready; where very many wait (64 "
    "for each of --parallel), so do the next lines. Ctrl-C ends it: what is "
    "done is written, and what was running as \"cancelled\".",
    table,
    sizeof(batch_args),
    run};
