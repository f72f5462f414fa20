/* SPDX-License-Identifier: Apache-2.0 */
/* nomul run: continue a text.  Options and the order of events; -i is turns.c's. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/os.h"
#include "cli/commands.h"
#include "cli/run/turns.h"
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
    NM_TEXT_OPTIONS,

    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "Interactive", 0, 0},
    {'i', "interactive", NM_OPT_FLAG, F(interactive), NULL, NULL,
     "interactive mode: each line of stdin is a prompt; /help lists commands", 0, 0},
    {0, "in-prefix", NM_OPT_STRING, F(prefix), NULL, "TEXT", "insert TEXT before each line", 0, 0},
    {0, "in-suffix", NM_OPT_STRING, F(suffix), NULL, "TEXT", "append TEXT to each line", 0, 0},

    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "Sessions", 0, 0},
    {0, "save-session", NM_OPT_STRING, F(save), NULL, "FILE",
     "save the text's state to FILE at the end: a few hundred kilobytes for any length", 0, 0},
    {0, "load-session", NM_OPT_STRING, F(load), NULL, "FILE",
     "continue a saved text; -p and -f append to it; options default to the saved ones", 0, 0},
    {0, "prompt-cache", NM_OPT_STRING, F(cache), NULL, "FILE",
     "load FILE if it exists, and save to it at the end", 0, 0},

    NM_SAMPLING_OPTIONS

    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "Output", 0, 0},
    {0, "no-display-prompt", NM_OPT_FLAG, F(no_display_prompt), NULL, NULL,
     "print only what is generated", 0, 0},
    {'q', "quiet", NM_OPT_FLAG, F(quiet), NULL, NULL, "no statistics and notes", 0, 0},
    {0, "json", NM_OPT_FLAG, F(json), NULL, NULL, "one JSON object instead of the text", 0, 0},
    {0, "logprobs", NM_OPT_INT, F(n_logprobs), "0", "N",
     "with --json: log-probabilities of the N most likely ids for each token", 0, 1000},

    NM_MACHINE_OPTIONS(F, open),
    NM_CTX_OPTION(F(n_ctx)),
    {0, NULL, NM_OPT_END, 0, NULL, NULL, NULL, 0, 0},
};
#undef F

typedef struct running {
    const run_args *args;
    nm_opened       opened;
    const char     *load, *save;   /* paths, or NULL */
    nomul_mark     *saved, *empty; /* if load; if interactive */
    nm_sampling     sampling;
    nomul_text     *text;
    nm_text         prompt;
    nm_answer       answer;
    nm_statistics   statistics;
    bool            failed; /* a turn of -i did, and it was reported */
} running;

/* What the command line alone can get wrong. */
static bool check_args(const run_args *args)
{
    const char *wrong = NULL;

    if (!nm_text_args_check("run", &args->text)) return false;
    if (args->cache && args->load)
        wrong = "--prompt-cache loads and saves: it excludes --load-session";
    if (args->cache && args->save)
        wrong = "--prompt-cache loads and saves: it excludes --save-session";
    if (args->n_logprobs > 0 && !args->json) wrong = "--logprobs needs --json";
    if (!args->interactive && args->prefix) wrong = "--in-prefix needs -i";
    if (!args->interactive && args->suffix) wrong = "--in-suffix needs -i";
    if (args->interactive && args->json) wrong = "-i excludes --json";
    if (args->interactive && args->file && strcmp(args->file, "-") == 0)
        wrong = "-i reads its lines from stdin: it excludes -f -";
    if (wrong) nm_output_misused("run", "%s", wrong);
    return !wrong;
}

/* ---- Order of events ------------------------------------------------------------------------- */

/* A save that cannot succeed is reported now: generating may take hours. */
static bool check_save(const running *r, nomul_error *err)
{
    return !r->save || (nm_open_may_write(r->save, r->opened.path, r->args->file, err) &&
                        nm_outfile_try(r->save, err));
}

static bool open_session(running *r, nomul_error *err)
{
    double began = nm_clock();

    if (!nm_open_session(&r->opened, &r->args->open, err)) return false;
    if (r->load && !(r->saved = nomul_mark_load(r->load, r->opened.model, err))) return false;
    r->statistics.load_seconds = nm_clock() - began;
    return true;
}

static bool read_prompt(running *r, nomul_error *err)
{
    const run_args *args = r->args;
    bool            given = args->prompt || args->file;
    bool            from_stdin = args->file ? strcmp(args->file, "-") == 0 : !args->prompt;
    unsigned        flags = NM_PROMPT_DROP_NEWLINE | (args->escapes ? NM_PROMPT_UNESCAPE : 0);

    if (!given && (args->interactive || r->load)) return true;
    if (from_stdin && !args->quiet && nm_os_is_terminal(NM_OS_STDIN))
        fprintf(stderr, "nomul: reading the prompt from the terminal, up to Ctrl-D\n");
    return nm_prompt_read(&r->prompt, args->prompt, args->file, flags, err);
}

/*
 * A saved text brings its sampler options, in place of those not given, and its generator, unless
 * there is a seed.
 */
static bool open_text(running *r, nomul_error *err)
{
    const run_args *args = r->args;
    bool     seeded = nm_option_given(table, &args->text.given, offsetof(run_args, text.seed));
    unsigned flags = seeded ? NOMUL_REWIND_KEEP_GENERATOR : 0;

    if (!nm_sampling_init(&r->sampling, &args->text, table, args,
                          r->saved ? nomul_mark_get_info(r->saved)->sampler : NULL, r->opened.model,
                          err))
        return false;
    nomul_text_options options = nm_text_args_options(&args->text, &r->sampling);
    options.n_logprobs = (size_t)args->n_logprobs;
    r->text = nomul_text_new(r->opened.session, &options, err);
    if (!r->text) return false;
    if (args->interactive && !(r->empty = nomul_text_mark(r->text, err))) return false;
    return !r->saved || nomul_text_rewind(r->text, r->saved, flags, err) == NOMUL_OK;
}

static bool generate(running *r, nomul_error *err)
{
    const run_args *args = r->args;
    nm_answer      *a = &r->answer;
    size_t          n_vocab = nomul_model_get_info(r->opened.model)->n_vocab;

    a->keep = args->json;
    a->n_logprobs = (size_t)args->n_logprobs < n_vocab ? (size_t)args->n_logprobs : n_vocab;
    if (nomul_text_prompt(r->text, r->prompt.data, r->prompt.n_bytes, err) != NOMUL_OK)
        return false;
    if (!args->json && !args->no_display_prompt) nm_output_write(r->prompt.data, r->prompt.n_bytes);
    a->closed = !nm_output_flush();
    bool ok = nm_answer_run(a, r->text, !args->json, err);
    nm_effort_add(&r->statistics.effort, a);
    return ok;
}

static bool take_turns(running *r, nomul_error *err)
{
    const run_args        *args = r->args;
    const nm_turns_options options = {
        .model = r->opened.model,
        .model_path = r->opened.path,
        .prompt_path = args->file,
        .prefix = args->prefix,
        .suffix = args->suffix,
        .escapes = args->escapes,
        .show_prompts = !args->no_display_prompt,
        .quiet = args->quiet,
    };
    nm_turns turns = {
        .options = &options,
        .text = r->text,
        .args = args->text,
        .sampling = &r->sampling,
        .empty = r->empty,
    };

    bool ok = nm_turns_run(&turns, args->prompt || args->file ? &r->prompt : NULL, err);
    r->text = turns.text, r->empty = NULL;
    if (nm_interrupted()) r->answer.finish = NOMUL_FINISH_CANCELLED;
    r->statistics.effort = turns.effort;
    r->statistics.session_bytes += nm_turns_bytes(r->opened.model);
    r->failed = turns.failed && !nm_os_is_terminal(NM_OS_STDIN);
    nm_turns_free(&turns);
    return ok;
}

/* The result is out; what is left is the newline of a terminal, and the statistics. */
static bool report(running *r, nomul_error *err)
{
    const run_args *args = r->args;
    nm_statistics  *s = &r->statistics;
    nm_report       json = {
              .answer = &r->answer,
              .tokenizer = r->opened.tokenizer,
              .id = "\"0\"",
              .n_id = 3,
              .n_prompt = r->answer.n_prompt,
              .load_seconds = s->load_seconds,
              .seed = r->sampling.options.seed,
    };

    if (args->json && !nm_report_json(&json, err)) return false;
    if (!args->json && !args->interactive && nm_os_is_terminal(NM_OS_STDOUT)) nm_output_print("\n");
    s->model = r->opened.model;
    s->path = r->opened.path;
    s->n_threads = nomul_session_n_threads(r->opened.session);
    s->seed = r->sampling.options.seed;
    if (nm_output_flush() && !args->quiet) nm_statistics_print(s);
    return true;
}

static bool save(running *r, nomul_error *err)
{
    if (!r->save) return true;
    if (nomul_text_save(r->text, r->save, err) != NOMUL_OK) return false;
    if (!r->args->quiet) nm_turns_note_unsaved(r->text);
    return true;
}

static int run_all(running *r)
{
    nomul_error err;
    double      load_seconds = r->opened.load_seconds;

    if (r->args->n_ctx > 0 && !r->args->quiet)
        fprintf(stderr, "nomul: -c is ignored: there is no context window\n");
    bool ok =
        check_save(r, &err) && open_session(r, &err) && read_prompt(r, &err) && open_text(r, &err);
    r->statistics.load_seconds += load_seconds;
    r->statistics.session_bytes = r->opened.session_bytes;
    ok = ok && (r->args->interactive ? take_turns(r, &err) : generate(r, &err));
    if (!ok) return nm_output_failed(&err);
    bool reported = report(r, &err), saved = save(r, reported ? &err : NULL);
    if (!reported || !saved) return nm_output_failed(&err);
    if (r->answer.finish == NOMUL_FINISH_CANCELLED) return nm_interrupt_exit_code();
    return r->failed ? NM_EXIT_FAILED : NM_EXIT_DONE;
}

static int run(const void *arguments, const char *argv0)
{
    const run_args *args = arguments;
    running         r = {.args = args, .load = args->load, .save = args->save};

    if (!check_args(args)) return NM_EXIT_MISUSED;
    if (args->cache) r.save = args->cache;
    if (args->cache && nm_file_exists(args->cache)) r.load = args->cache;
    nm_interrupt_catch();
    int code = nm_open_model(&r.opened, "run", &args->open, argv0, NM_OPEN_TOKENIZER);
    if (code == NM_EXIT_DONE) code = run_all(&r);
    nomul_text_free(r.text);
    nomul_mark_free(r.saved);
    nomul_mark_free(r.empty);
    nm_answer_free(&r.answer);
    nm_text_free(&r.prompt);
    nm_sampling_free(&r.sampling);
    nm_open_close(&r.opened);
    return code;
}

const nm_command nm_cmd_run = {
    "run",
    "continue a text",
    "Continues a text: streams the prompt and the generated text to stdout, and statistics to "
    "stderr. "
    "Without -p and -f the prompt is read from stdin; one newline at its end is dropped. An empty "
    "prompt generates a text from its beginning. Ctrl-C stops cleanly.\n\n"
    "-i is interactive: you type a line, up to -n tokens follow, you type again. The newline of a "
    "line is not part of the text; an empty line lets the model continue; a line that ends with a "
    "backslash continues on the next line. Ctrl-C stops an answer, at the prompt it leaves. /help "
    "lists /undo, /retry and the other commands.\n\n"
    "--json prints {\"id\": \"0\", \"prompt_tokens\": N, \"text\": .., \"tokens\": [..], "
    "\"finish_reason\": .., \"seed\": N, \"timings\": {..}}. Text and tokens are what was "
    "generated, tokens with EOS; finish_reason is stop (EOS or a stop string), length (-n) or "
    "cancelled. Invalid UTF-8 becomes U+FFFD.",
    table,
    sizeof(run_args),
    run};
