/* SPDX-License-Identifier: Apache-2.0 */
/* nomul batch: continue many texts together.  Options and their order of events; the work is
 * batch.c. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/batch/batch.h"
#include "cli/batch/batch_show.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/kernels_option.h"
#include "cli/model_path.h"
#include "cli/numbers.h"
#include "cli/output.h"

typedef struct batch_args {
    const char  *model, *file, *load, *kernels;
    nm_text_args text;
    int64_t      n_parallel, n_best, n_threads, n_batch, n_logprobs, n_ctx;
    bool         as_ready, quiet, no_mmap, escapes;
} batch_args;

#define F(field) offsetof(batch_args, field)
static const nm_option table[] = {
    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "The texts", 0, 0},
    {'m', "model", NM_OPT_STRING, F(model), NULL, "FILE", "model to run", 0, 0},
    {'f', "file", NM_OPT_STRING, F(file), "-", "FILE", "file with the prompts, - for stdin", 0, 0},
    {'e', "escape", NM_OPT_FLAG, F(escapes), NULL, NULL,
     "in lines that are the prompt itself, \\n \\r \\t \\' \\\" \\\\ and \\xHH stand for the byte",
     0, 0},
    {0, "parallel", NM_OPT_INT, F(n_parallel), "8", "N", "texts that go on together", 1,
     NM_BATCH_MAX_PARALLEL},
    {0, "n-best", NM_OPT_INT, F(n_best), "0", "K",
     "read each prompt once and continue it K ways, with seeds s, s+1 ..; 0 is one way, without "
     "\"index\"",
     0, 1000},
    {0, "load-session", NM_OPT_STRING, F(load), NULL, "FILE",
     "every prompt goes on with this saved text; options not given are those it was saved with", 0,
     0},
    NM_TEXT_OPTIONS,

    NM_SAMPLING_OPTIONS

    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "Output", 0, 0},
    {0, "as-ready", NM_OPT_FLAG, F(as_ready), NULL, NULL,
     "answers in order of completion, else in the order of the prompts", 0, 0},
    {0, "logprobs", NM_OPT_INT, F(n_logprobs), "0", "N",
     "log-probabilities of the N likeliest for each token", 0, 1000},
    {'q', "quiet", NM_OPT_FLAG, F(quiet), NULL, NULL, "no progress, no statistics", 0, 0},

    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "Machine", 0, 0},
    {'t', "threads", NM_OPT_INT, F(n_threads), "0", "N", "threads; 0 is one for each CPU", 0, 1024},
    {'b', "batch-size", NM_OPT_INT, F(n_batch), "0", "N",
     "tokens of all texts taken together; 0 is as many as 32 MiB hold", 0, 4096},
    {'c', "ctx-size", NM_OPT_INT, F(n_ctx), "0", "N", "does nothing: there is no context window", 0,
     1e9},
    NM_KERNELS_OPTION(F(kernels)),
    {0, "no-mmap", NM_OPT_FLAG, F(no_mmap), NULL, NULL,
     "read the model into memory instead of mapping it", 0, 0},
    {0, NULL, NM_OPT_END, 0, NULL, NULL, NULL, 0, 0},
};
#undef F

typedef struct running {
    const batch_args *args;
    const char       *argv0, *kernels, *path;
    nomul_model      *model;
    nomul_session    *session;
    size_t            session_bytes;
    nomul_mark       *saved;
    nm_text_args      defaults;
    nm_batch_options  options;
    nm_batch          batch;
} running;

static bool open_model(running *r)
{
    nomul_model_options options;

    nomul_model_options_init(&options);
    options.in_memory = r->args->no_mmap;
    options.kernels = r->kernels;
    options.cancel = nm_interrupt_cancel();
    r->model = nm_model_open(r->args->model, r->argv0, &options, &r->path);
    return r->model && nm_model_need_tokenizer(r->model, r->path);
}

static bool open_session(running *r, nomul_error *err)
{
    nomul_session_options options;

    nomul_session_options_init(&options);
    options.n_threads = (size_t)r->args->n_threads;
    options.n_batch = (size_t)r->args->n_batch;
    r->session_bytes = nomul_session_memory(r->model, &options);
    r->session = nomul_session_new(r->model, &options, err);
    if (!r->session || !r->args->load) return r->session != NULL;
    r->saved = nomul_mark_load(r->args->load, r->model, err);
    return r->saved != NULL;
}

/*
 * What lines do not say: the options given, else those of the saved text.  Errors in them are no
 * line's fault.  A seed that is not given stays so.
 */
static bool find_defaults(running *r, nomul_error *err)
{
    const nm_text_args *args = &r->args->text;
    nm_sampling         sampling;
    bool                ok =
        nm_sampling_init(&sampling, args, table, r->args,
                         r->saved ? nomul_mark_get_info(r->saved)->sampler : NULL, r->model, err);

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
    size_t            n_vocab = nomul_model_get_info(r->model)->n_vocab;

    r->options = (nm_batch_options){
        .model = r->model,
        .saved = r->saved,
        .defaults = &r->defaults,
        .n_parallel = (size_t)args->n_parallel,
        .n_best = args->n_best > 0 ? (size_t)args->n_best : 1,
        .n_logprobs = (size_t)args->n_logprobs < n_vocab ? (size_t)args->n_logprobs : n_vocab,
        .escapes = args->escapes,
        .indexed = args->n_best > 0,
        .as_ready = args->as_ready,
        .show = !args->quiet && isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO),
    };
    r->batch.options = &r->options;
    r->batch.base = nomul_text_new(r->session, NULL, err);
    if (!r->batch.base) return false;
    return !r->saved || nomul_text_rewind(r->batch.base, r->saved, 0, err) == NOMUL_OK;
}

static bool open_lines(running *r, nomul_error *err)
{
    r->batch.lines.fd = nm_text_open(r->args->file, err);
    if (r->batch.lines.fd < 0) return false;
    if (r->batch.lines.fd == STDIN_FILENO && !r->args->quiet && isatty(STDIN_FILENO))
        fprintf(stderr, "nomul: reading prompts from the terminal, up to Ctrl-D\n");
    return true;
}

/* Every answer is out, whatever ended it; what is left are the statistics. */
static int end(running *r, bool ok, nomul_error *err)
{
    const nm_batch_counts *c = &r->batch.counts;

    if (!nm_output_flush()) return NM_EXIT_DONE; /* main reports it */
    if (!r->args->quiet) nm_batch_statistics(&r->batch, r->session, r->path, r->session_bytes);
    if (c->n_wrong > 0)
        fprintf(stderr, "nomul: %" PRIu64 " of %" PRIu64 " lines %s wrong\n", c->n_wrong,
                c->n_lines, c->n_wrong == 1 ? "was" : "were");
    if (ok) return c->n_wrong > 0 ? NM_EXIT_FAILED : NM_EXIT_DONE;
    if (r->batch.end.code != NOMUL_OK) nm_fail_in(err, "%s", nm_text_name(r->args->file));
    return nm_command_failed(err);
}

static int run_all(running *r)
{
    nomul_error err;
    double      began = nm_clock();

    if (!open_model(r)) return NM_EXIT_FAILED;
    if (!open_session(r, &err) || !find_defaults(r, &err) || !open_base(r, &err) ||
        !open_lines(r, &err))
        return nm_command_failed(&err);
    r->options.load_seconds = nm_clock() - began;
    bool ok = nm_batch_run(&r->batch, &err);
    int  code = end(r, ok, &err);
    nm_text_close(r->batch.lines.fd);
    return code;
}

static int run(const void *arguments, const char *argv0)
{
    const batch_args *args = arguments;
    running           r = {.args = args, .argv0 = argv0, .kernels = args->kernels};
    int               code = NM_EXIT_MISUSED;

    if (nm_text_args_check("batch", &args->text) && nm_kernels_option("batch", &r.kernels)) {
        nm_interrupt_catch();
        code = run_all(&r);
    }
    nm_batch_free(&r.batch);
    nomul_text_free(r.batch.base);
    nomul_mark_free(r.saved);
    nomul_session_free(r.session);
    nomul_model_close(r.model);
    return code;
}

const nm_command nm_cmd_batch = {
    "batch",
    "continue many texts together",
    "Continues every prompt of a file, one a line, many of them together: the weights are read "
    "once for all of them. Each answer is the JSON object of nomul run --json, on one line, the "
    "same that run gives with the same seed, whatever runs beside it.\n\n"
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
