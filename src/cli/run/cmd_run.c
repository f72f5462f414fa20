/* SPDX-License-Identifier: Apache-2.0 */
/* nomul run: continue a text.  Options and their order of events; the loop itself is generate.c. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/file.h"
#include "cli/commands.h"
#include "cli/run/interactive.h"
#include "cli/text/generate.h"
#include "cli/text/prompt.h"
#include "cli/text/report.h"
#include "cli/text/text_options.h"

typedef struct run_args {
    const char  *prompt, *file;
    const char  *load, *save, *cache, *prefix, *suffix;
    nm_open_args open;
    nm_text_args text;
    int64_t      n_ctx, n_logprobs;
    bool         interactive, quiet, no_display_prompt, escapes, json;
} run_args;

#define F(field) offsetof(run_args, field)
static const nm_option table[] = {
    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "The text", 0, 0},
    NM_MODEL_OPTION(F, open),
    NM_PROMPT_OPTIONS(F(prompt), F(file)),
    NM_ESCAPE_OPTION(F(escapes)),
    NM_TEXT_OPTIONS(F, text),

    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "In turns", 0, 0},
    {'i', "interactive", NM_OPT_FLAG, F(interactive), NULL, NULL,
     "go on with each line of stdin in turn; /help lists the commands", 0, 0},
    {0, "in-prefix", NM_OPT_STRING, F(prefix), NULL, "TEXT", "in front of each line", 0, 0},
    {0, "in-suffix", NM_OPT_STRING, F(suffix), NULL, "TEXT", "behind each line", 0, 0},

    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "A text's memory", 0, 0},
    {0, "save-session", NM_OPT_STRING, F(save), NULL, "FILE",
     "at the end, write what the text leaves behind: a few hundred kilobytes, however long it is",
     0, 0},
    {0, "load-session", NM_OPT_STRING, F(load), NULL, "FILE",
     "go on with a saved text; -p and -f add to it, options not given are those it was saved with",
     0, 0},
    {0, "prompt-cache", NM_OPT_STRING, F(cache), NULL, "FILE",
     "load it if it is there, save it at the end", 0, 0},

    NM_DRAWING_OPTIONS(F, text),

    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "Output", 0, 0},
    {0, "no-display-prompt", NM_OPT_FLAG, F(no_display_prompt), NULL, NULL,
     "print only what is made", 0, 0},
    {'q', "quiet", NM_OPT_FLAG, F(quiet), NULL, NULL, "no statistics, no notes", 0, 0},
    {0, "json", NM_OPT_FLAG, F(json), NULL, NULL, "one JSON object instead of the text", 0, 0},
    {0, "logprobs", NM_OPT_INT, F(n_logprobs), "0", "N",
     "with --json: log-probabilities of the N likeliest for each token", 0, 1000},

    NM_MACHINE_OPTIONS(F, open),
    NM_CTX_OPTION(F(n_ctx)),
    {0, NULL, NM_OPT_END, 0, NULL, NULL, NULL, 0, 0},
};
#undef F

typedef struct running {
    const run_args        *args;
    const char            *argv0;
    const char            *load, *save; /* paths, or NULL */
    nm_opened              opened;
    nomul_saved            saved; /* if load */
    nm_drawing             drawing;
    nm_generation          generation;
    nm_report              report;
    bool                   failed; /* something did on the way, and was said */
} running;

/* ---- What the command line alone can get wrong ----------------------------------------------- */

static bool check_turns(const run_args *args)
{
    const char *wrong = NULL;

    if (!args->interactive && (args->prefix || args->suffix))
        wrong = args->prefix ? "--in-prefix needs -i" : "--in-suffix needs -i";
    if (args->interactive && args->json) wrong = "-i has no --json";
    if (args->interactive && args->file && strcmp(args->file, "-") == 0)
        wrong = "-i takes its lines from stdin: with it there is no -f -";
    if (wrong) nm_output_misused("run", "%s", wrong);
    return !wrong;
}

static bool check_args(const run_args *args)
{
    if (!nm_text_args_check("run", &args->text) || !check_turns(args)) return false;
    if (args->cache && (args->load || args->save)) {
        nm_output_misused("run", "--prompt-cache loads and saves: with it there is no %s",
                   args->load ? "--load-session" : "--save-session");
        return false;
    }
    if (args->n_logprobs > 0 && !args->json) {
        nm_output_misused("run", "--logprobs needs --json");
        return false;
    }
    return true;
}

/* ---- Order of events ------------------------------------------------------------------------- */

static bool open_session(running *r, nomul_error *err)
{
    nm_generation *g = &r->generation;

    if (!nm_open_session(&r->opened, &r->args->open, err)) return false;
    g->session = r->opened.session;
    double began = nm_clock();
    if (r->load && nomul_session_load(g->session, r->load, &r->saved, err) != NOMUL_OK)
        return false;
    r->report.load_seconds = r->opened.load_seconds + nm_clock() - began;
    r->report.session_bytes = r->opened.session_bytes;
    return true;
}

/* A text that goes on has its id at rest in front, and neither BOS nor a blank in the middle. */
static bool take_ids(running *r, nomul_error *err)
{
    nm_generation *g = &r->generation;
    bool           special = r->args->text.special;

    if (!r->load) return nm_prompt_ids(&g->pending, r->opened.tokenizer, &g->text, special, err);
    g->n_carried = 1;
    return nm_prompt_more_ids(&g->pending, r->opened.tokenizer, r->saved.last_id, &g->text, special,
                              err);
}

/* What can be known of the end is said before the beginning: a text may take hours. */
static bool check_save(const running *r, nomul_error *err)
{
    return !r->save || (nm_open_may_write(r->save, r->opened.path, r->args->file, err) &&
                        nm_outfile_try(r->save, err));
}

static bool read_prompt(running *r, nomul_error *err)
{
    const run_args *args = r->args;
    bool            given = args->prompt || args->file;
    bool            from_stdin = args->file ? strcmp(args->file, "-") == 0 : !args->prompt;
    unsigned        flags = NM_PROMPT_DROP_NEWLINE | (args->escapes ? NM_PROMPT_UNESCAPE : 0);

    if (args->interactive && !given) return true;
    if (r->load && !given) return take_ids(r, err);
    if (from_stdin && !args->quiet && isatty(STDIN_FILENO))
        fprintf(stderr, "nomul: reading the prompt from the terminal, up to Ctrl-D\n");
    if (!nm_prompt_read(&r->generation.text, args->prompt, args->file, flags, err)) return false;
    return args->interactive || take_ids(r, err); /* in turns, it is the first turn's words */
}

/* A seed given begins its generator anew; else the generator goes on where it stood. */
static bool resume_sampler(running *r, nomul_error *err)
{
    nomul_sampler      *sampler = r->generation.sampler;
    nomul_sampler_state state;

    nomul_sampler_get_state(sampler, &state);
    if (nm_option_given(table, &r->args->text.given, offsetof(run_args, text.seed)))
        memcpy(r->saved.sampler_state.rng, state.rng, sizeof state.rng);
    return nomul_sampler_set_state(sampler, &r->saved.sampler_state, err) == NOMUL_OK;
}

static bool open_sampler(running *r, nomul_error *err)
{
    nm_generation *g = &r->generation;
    size_t         n_vocab = nomul_model_get_info(r->opened.model)->n_vocab;

    if (!nm_drawing_init(&r->drawing, &r->args->text, table, r->args,
                         r->load ? &r->saved.sampler : NULL, r->opened.model, err))
        return false;
    r->report.seed = r->drawing.options.seed;
    g->sampler = nomul_sampler_new(n_vocab, &r->drawing.options, err);
    if (!g->sampler || (r->load && !resume_sampler(r, err))) return false;
    nm_generation_accept(g);
    return true;
}

static bool generate(running *r, nomul_error *err)
{
    const run_args *args = r->args;
    nm_generation  *g = &r->generation;

    g->tokenizer = r->opened.tokenizer;
    g->n_vocab = nomul_model_get_info(r->opened.model)->n_vocab;
    g->n_predict = args->text.n_predict;
    g->n_logprobs = (size_t)args->n_logprobs;
    if (g->n_logprobs > g->n_vocab) g->n_logprobs = g->n_vocab;
    g->stops = &args->text.stops;
    g->decode_flags = args->text.special ? NOMUL_DECODE_SPECIAL : 0;
    if (!r->load && g->text.n_bytes == 0) g->decode_flags |= NOMUL_DECODE_STRIP_BLANK;
    g->stream = !args->json;
    g->show_prompt = !args->no_display_prompt;
    bool ok = nm_generate(g, nomul_session_n_batch(g->session), err);
    nm_effort_add(&r->report.effort, g);
    return ok;
}

/* In turns; then all is as if the text had been generated at once. */
static bool take_turns(running *r, nomul_error *err)
{
    const run_args *args = r->args;
    nm_generation  *g = &r->generation;
    nm_interactive  it = {
         .model = r->opened.model,
         .model_path = r->opened.path,
         .prompt_path = args->file,
         .tokenizer = r->opened.tokenizer,
         .place = {g->session, g->sampler, r->load != NULL, r->saved.last_id, 0, ""},
         .drawing = &r->drawing,
         .text = args->text,
         .prefix = args->prefix,
         .suffix = args->suffix,
         .escapes = args->escapes,
         .show_words = !args->no_display_prompt,
         .quiet = args->quiet,
    };

    bool ok = nm_interactive_run(&it, args->prompt || args->file ? &g->text : NULL, err);
    g->sampler = it.place.sampler;
    if (ok && it.place.begun) ok = nm_ids_add(&g->pending, it.place.last_id, err);
    if (nm_interrupted()) g->finish = NM_FINISH_CANCELLED;
    r->report.effort = it.effort;
    r->report.seed = r->drawing.options.seed;
    r->report.session_bytes += nm_history_bytes(r->opened.model);
    r->failed = it.failed && !isatty(STDIN_FILENO);
    nm_interactive_free(&it);
    return ok;
}

static bool save(running *r, nomul_error *err)
{
    const nm_generation *g = &r->generation;

    if (!r->save) return true;
    if (r->args->interactive && g->pending.n == 0)
        return nm_fail(err, NOMUL_E_CANCELLED, "%s: not saved: the text has not begun", r->save);
    if (!nm_generation_at_rest(g))
        return nm_fail(err, NOMUL_E_CANCELLED, "%s: not saved: the prompt was not read to its end",
                       r->save);
    if (nomul_session_save(g->session, g->pending.at[g->n_fed], g->sampler, r->save, err) !=
        NOMUL_OK)
        return false;
    if (r->drawing.options.n_logit_bias > 0 && !r->args->quiet)
        fprintf(stderr, "nomul: --logit-bias and --ignore-eos are not saved: give them again\n");
    return true;
}

/* The result is out: what is left is the newline of a terminal, and the words around it. */
static bool report(running *r, nomul_error *err)
{
    const run_args *args = r->args;
    nm_report      *report = &r->report;

    report->id = "\"0\"", report->n_id = 3;
    report->generation = &r->generation;
    report->model = r->opened.model;
    report->path = r->opened.path;
    report->n_threads = nomul_session_n_threads(r->generation.session);
    if (args->json && !nm_report_json(report, err)) return false;
    if (!args->json && !args->interactive && isatty(STDOUT_FILENO)) nm_output_print("\n");
    if (nm_output_flush() && !args->quiet) nm_report_statistics(report);
    return true;
}

static int run_all(running *r)
{
    int code = nm_open_model(&r->opened, "run", &r->args->open, r->argv0, NM_OPEN_TOKENIZER);
    nomul_error err;

    if (code != NM_EXIT_DONE) return code;
    if (r->args->n_ctx > 0 && !r->args->quiet)
        fprintf(stderr, "nomul: -c does nothing: there is no context window, a text may go on "
                        "for ever\n");
    bool ok = check_save(r, &err) && open_session(r, &err) && read_prompt(r, &err) &&
              open_sampler(r, &err) &&
              (r->args->interactive ? take_turns(r, &err) : generate(r, &err));
    if (!ok) return nm_output_failed(&err);
    bool reported = report(r, &err), saved = save(r, reported ? &err : NULL);
    if (!reported || !saved) return nm_output_failed(&err);
    if (r->generation.finish == NM_FINISH_CANCELLED) return nm_interrupt_exit_code();
    return r->failed ? NM_EXIT_FAILED : NM_EXIT_DONE;
}

static int run(const void *arguments, const char *argv0)
{
    const run_args *args = arguments;
    running         r = {.args = args, .argv0 = argv0, .load = args->load, .save = args->save};
    int             code = NM_EXIT_MISUSED;

    if (args->cache) r.save = args->cache;
    if (args->cache && nm_file_exists(args->cache)) r.load = args->cache;
    if (check_args(args)) {
        nm_interrupt_catch();
        code = run_all(&r);
    }
    nomul_sampler_free(r.generation.sampler);
    nm_generation_free(&r.generation);
    nm_drawing_free(&r.drawing);
    nm_open_close(&r.opened);
    return code;
}

const nm_command nm_cmd_run = {
    "run",
    "continue a text",
    "Continues a text: streams the prompt and what follows it to stdout, and statistics to stderr. "
    "Without -p and -f the prompt comes from stdin; one newline at its end is dropped. An empty "
    "prompt is a text from its beginning. Ctrl-C ends it cleanly.\n\n"
    "-i takes a text in turns: a line of stdin goes on with it, up to -n tokens follow, and so on. "
    "The line's newline is not text; an empty line only lets it go on; one that ends with a "
    "backslash has another behind it. Ctrl-C ends what is being made and, when nothing is, the "
    "command. /help tells of /undo, /retry and others.\n\n"
    "--json prints {\"id\": \"0\", \"prompt_tokens\": N, \"text\": .., \"tokens\": [..], "
    "\"finish_reason\": .., \"seed\": N, \"timings\": {..}}. Text and tokens are what was made, "
    "tokens with the end of the text if it came; finish_reason is stop (end of the text, or -r), "
    "length (-n) or cancelled. Bytes that are no UTF-8 become U+FFFD.",
    table,
    sizeof(run_args),
    run};
