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
    {'f', "file", NM_OPT_STRING, F(file), "-", "FILE", "file with the prompts, - for stdin", 0, 0},
    NM_ESCAPE_OPTION(F(escapes)),
    {0, "parallel", NM_OPT_INT, F(n_parallel), "8", "N", "texts that go on together", 1,
     NM_BATCH_MAX_PARALLEL},
    {0, "n-best", NM_OPT_INT, F(n_best), "0", "K",
     "read each prompt once and continue it K ways, with seeds s, s+1 ..; 0 is one way, without "
     "\"index\"",
     0, 1000},
    {0, "load-session", NM_OPT_STRING, F(load), NULL, "FILE",
     "every prompt goes on with this saved text; options not given are those it was saved with", 0,
     0},
    NM_TEXT_OPTIONS(F, text),

    NM_DRAWING_OPTIONS(F, text),

    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "Output", 0, 0},
    {0, "as-ready", NM_OPT_FLAG, F(as_ready), NULL, NULL,
     "answers in order of completion, else in the order of the prompts", 0, 0},
    {0, "logprobs", NM_OPT_INT, F(n_logprobs), "0", "N",
     "log-probabilities of the N likeliest for each token", 0, 1000},
    {'q', "quiet", NM_OPT_FLAG, F(quiet), NULL, NULL, "no progress, no statistics", 0, 0},

    NM_MACHINE_OPTIONS(F, open),
    NM_CTX_OPTION(F(n_ctx)),
    {0, NULL, NM_OPT_END, 0, NULL, NULL, NULL, 0, 0},
};
#undef F

typedef struct running {
    const batch_args *args;
    const char       *argv0;
    nm_opened         opened;
    nm_text_args      defaults;
    nomul_saved       saved;
    nm_batch          batch;
} running;

static bool open_session(running *r, nomul_error *err)
{
    if (!nm_open_session(&r->opened, &r->args->open, err)) return false;
    r->batch.host = r->opened.session;
    if (!r->args->load) return true;
    r->batch.saved = &r->saved;
    return nomul_session_load(r->batch.host, r->args->load, &r->saved, err) == NOMUL_OK;
}

/*
 * What lines do not say: the options given, else what the text was saved with.  What is wrong with
 * them is no line's fault.  A seed not given stays so: the saved generator goes on.
 */
static bool find_defaults(running *r, nomul_error *err)
{
    const nm_text_args          *args = &r->args->text;
    const nomul_sampler_options *saved = r->args->load ? &r->saved.sampler : NULL;
    nm_drawing                   drawing;
    bool ok = nm_drawing_init(&drawing, args, table, r->args, saved, r->batch.model, err);

    r->defaults = *args;
    if (ok) nm_text_args_follow(&r->defaults, &drawing.options);
    r->defaults.seed = args->seed;
    nm_drawing_free(&drawing);
    return ok;
}

static void set_up(running *r)
{
    const batch_args *args = r->args;
    nm_batch         *b = &r->batch;

    b->defaults = &r->defaults;
    b->n_parallel = (size_t)args->n_parallel;
    b->n_best = args->n_best > 0 ? (size_t)args->n_best : 1;
    b->indexed = args->n_best > 0;
    b->escapes = args->escapes;
    b->n_logprobs = (size_t)args->n_logprobs;
    b->as_ready = args->as_ready;
    b->show = !args->quiet && isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO);
}

static bool open_lines(running *r, nomul_error *err)
{
    r->batch.lines.fd = nm_text_open(r->args->file, err);
    if (r->batch.lines.fd < 0) return false;
    if (r->batch.lines.fd == STDIN_FILENO && !r->args->quiet && isatty(STDIN_FILENO))
        fprintf(stderr, "nomul: reading prompts from the terminal, up to Ctrl-D\n");
    return true;
}

/* Every answer is out, whatever ended it; what is left are the words around them. */
static int end(running *r, bool ok, nomul_error *err)
{
    const nm_batch *b = &r->batch;

    if (!nm_output_flush()) return NM_EXIT_DONE; /* main says why */
    if (!r->args->quiet) nm_batch_statistics(b, r->opened.path, r->opened.session_bytes);
    if (b->n_wrong > 0)
        fprintf(stderr, "nomul: %" PRIu64 " of %" PRIu64 " lines %s wrong\n", b->n_wrong,
                b->n_lines, b->n_wrong == 1 ? "was" : "were");
    if (ok) return b->n_wrong > 0 ? NM_EXIT_FAILED : NM_EXIT_DONE;
    if (b->end.code != NOMUL_OK) nm_fail_in(err, "%s", nm_text_name(r->args->file));
    return nm_output_failed(err);
}

static int run_all(running *r)
{
    nomul_error err;
    double      began = nm_clock();

    int code = nm_open_model(&r->opened, "batch", &r->args->open, r->argv0, NM_OPEN_TOKENIZER);
    if (code != NM_EXIT_DONE) return code;
    r->batch.model = r->opened.model, r->batch.tokenizer = r->opened.tokenizer;
    if (!open_session(r, &err) || !find_defaults(r, &err) || !open_lines(r, &err))
        return nm_output_failed(&err);
    set_up(r);
    r->batch.load_seconds = nm_clock() - began;
    bool ok = nm_batch_run(&r->batch, &err);
    code = end(r, ok, &err);
    nm_text_close(r->batch.lines.fd);
    return code;
}

static int run(const void *arguments, const char *argv0)
{
    const batch_args *args = arguments;
    running           r = {.args = args, .argv0 = argv0};
    int               code = NM_EXIT_MISUSED;

    if (nm_text_args_check("batch", &args->text)) {
        nm_interrupt_catch();
        code = run_all(&r);
    }
    nm_batch_free(&r.batch);
    nm_open_close(&r.opened);
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
