/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul run: continue a text.  Options and the order of events: everything that can fail is opened
 * and checked before the first token, the session file to be written too, because generating may
 * take hours.  The turns of -i are turns.c's.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/os.h"
#include "cli/commands.h"
#include "cli/run/turns.h"

#define F(field) offsetof(nm_run_args, field)
static const nm_option table[] = {
    NM_GROUP("The text"),
    NM_MODEL_OPTION(F, open),
    NM_PROMPT_OPTIONS(F(prompt), F(file)),
    NM_ESCAPE_OPTION(F(escapes), "-p and in the lines of -i"),
    NM_TEXT_OPTIONS,

    NM_GROUP("Interactive"),
    NM_FLAG('i', "interactive", F(interactive),
            "interactive mode: each line of stdin is a prompt; /help lists commands"),
    NM_STRING(0, "in-prefix", F(prefix), "TEXT", "insert TEXT before each line"),
    NM_STRING(0, "in-suffix", F(suffix), "TEXT", "append TEXT to each line"),
    NM_FLAG(0, "no-history", F(no_history), "do not read or write the history file"),

    NM_GROUP("Sessions"),
    NM_FILE(0, "save-session", F(save), NULL,
            "save the session to FILE at the end; its size is the same for any text", NM_OUTPUT),
    NM_FILE(
        0, "load-session", F(load), NULL,
        "continue a saved session; -p and -f append to it; sampling defaults to the saved options",
        NM_INPUT),
    NM_FILE(0, "prompt-cache", F(cache), NULL,
            "load the session FILE if it exists; save to it at the end", NM_IN_PLACE),

    NM_SAMPLING_OPTIONS,

    NM_GROUP("Output"),
    NM_FLAG(0, "no-display-prompt", F(no_display_prompt), "print only the generated text"),
    NM_CHOICE(0, "color", F(color), "auto", "auto|always|never|on|off",
              "color the prompt and typed text; auto: on a terminal, unless NO_COLOR is set"),
    NM_FLAG('q', "quiet", F(quiet), "no statistics or notes"),
    NM_FLAG(0, "json", F(json), "print one JSON object instead of the text"),
    NM_INT(0, "logprobs", F(n_logprobs), "0", 0, 1000,
           "with --json: log-probabilities of the N most likely ids for each token"),

    NM_MACHINE_OPTIONS(F, open),
    NM_CTX_OPTION(F(n_ctx)),
    NM_END,
};

/* What is open while the command runs: it begins as zeros and is freed at the end of run. */
typedef struct text_run {
    const nm_run_args *args;
    nm_opened          opened;
    const char        *load, *save; /* paths, or NULL */
    nomul_mark        *saved;       /* if load */
    nm_turns           turns;  /* the text and all that it needs; without -i there is one turn */
    nm_answer          answer; /* without -i */
} text_run;

/* What the command line alone can get wrong: the exit code, and the last of several mistakes. */
static int check_args(const nm_run_args *args)
{
    const char *wrong = NULL;

    if (nm_text_args_check(&args->text) != NM_EXIT_DONE) return NM_EXIT_MISUSED;
    if (args->cache && args->load)
        wrong = "--prompt-cache loads and saves: it excludes --load-session";
    if (args->cache && args->save)
        wrong = "--prompt-cache loads and saves: it excludes --save-session";
    if (args->n_logprobs > 0 && !args->json) wrong = "--logprobs needs --json";
    if (!args->interactive && args->prefix) wrong = "--in-prefix needs -i";
    if (!args->interactive && args->suffix) wrong = "--in-suffix needs -i";
    if (!args->interactive && args->no_history) wrong = "--no-history needs -i";
    if (args->interactive && args->json) wrong = "-i excludes --json";
    if (args->interactive && args->file && strcmp(args->file, "-") == 0)
        wrong = "-i reads its lines from stdin: it excludes -f -";
    return wrong ? nm_output_misused("%s", wrong) : NM_EXIT_DONE;
}

/* ---- Order of events ------------------------------------------------------------------------- */

/*
 * Everything up to the text that will be continued.  A session file that cannot be written is
 * reported before the prompt is read.  A saved text brings its sampler options, in place of those
 * not given, and its generator, unless there is a seed.
 */
static bool open_text(text_run *r, nomul_error *err)
{
    const nm_run_args  *args = r->args;
    nm_turns           *t = &r->turns;
    const nomul_model  *model = r->opened.model;
    const nm_text_args *text = &args->text;
    const char         *file = args->file || args->prompt ? args->file : "-";
    bool                asked = args->prompt || args->file || (!args->interactive && !r->load);
    bool     seeded = nm_option_given(table, &text->given, offsetof(nm_run_args, text.seed));
    unsigned reading = NM_PROMPT_DROP_NEWLINE | (args->escapes ? NM_PROMPT_UNESCAPE : 0);

    if (args->n_ctx > 0 && !args->quiet)
        fprintf(stderr, "nomul: -c is ignored: there is no context window\n");
    if (r->save && !nm_outfile_try(r->save, (nm_watch){nm_interrupt_doom, NULL}, err)) return false;
    if (!nm_open_session(&r->opened, &args->open, err)) return false;
    double began = nm_clock();
    if (r->load && !(r->saved = nomul_mark_load(r->load, model, NULL, err))) return false;
    r->opened.load_seconds += nm_clock() - began;
    if (asked) nm_prompt_waits(file, "the prompt", args->quiet);
    if (asked && !nm_prompt_read(&t->prompt, args->prompt, args->file, reading, err)) return false;

    if (!nm_sampling_init(&t->sampling, text, table, r->saved, model, err)) return false;
    nomul_text_options options = nm_text_args_options(text, &t->sampling, &t->bar);
    options.n_logprobs = (size_t)args->n_logprobs;
    t->text = nomul_text_new(r->opened.session, &options, err);
    if (!t->text) return false;
    if (args->interactive && !(t->empty = nomul_text_mark(t->text, err))) return false;
    if (r->saved && nomul_text_rewind(t->text, r->saved, seeded ? NOMUL_REWIND_KEEP_GENERATOR : 0,
                                      err) != NOMUL_OK)
        return false;
    if (!args->quiet) nm_text_note_missing(t->text, &t->noted, &t->bar);
    return true;
}

/* Without -i: the prompt, echoed, and its continuation; with --json nothing is streamed. */
static bool generate(text_run *r, nomul_error *err)
{
    const nm_run_args *args = r->args;
    nm_answer         *a = &r->answer;
    size_t             n_vocab = nomul_model_get_info(r->opened.model)->n_vocab;

    a->keep = args->json;
    a->n_logprobs = (size_t)args->n_logprobs < n_vocab ? (size_t)args->n_logprobs : n_vocab;
    a->began = nm_clock();
    if (!nm_turns_read(&r->turns, !args->json && !args->no_display_prompt, err) &&
        err->code != NOMUL_E_CANCELLED) /* that also ends the text, with statistics */
        return false;
    if (r->turns.lost) {
        a->finish = NOMUL_FINISH_CANCELLED;
        return true;
    }
    a->closed = !nm_output_flush();
    bool ok = nm_answer_run(a, r->turns.text, !args->json, err);
    nm_effort_add(&r->turns.effort, &a->effort);
    return ok;
}

/* The result is out; what is left is the newline of a terminal, statistics and the session file. */
static bool finish(text_run *r, nomul_error *err)
{
    const nm_run_args *args = r->args;
    nm_report          json = {
                 .answer = &r->answer,
                 .tokenizer = r->opened.tokenizer,
                 .id = "\"0\"",
                 .n_id = 3,
                 .n_prompt = r->answer.n_prompt,
                 .load_seconds = r->opened.load_seconds,
                 .seed = r->turns.sampling.options.seed,
    };
    bool ok = !args->json || nm_report_json(&json, err);

    if (!args->json && !args->interactive && nm_os_is_terminal(NM_OS_STDOUT)) nm_output_print("\n");
    bool open = ok && nm_output_flush();
    if (open && !args->quiet && !args->json && !args->interactive && nm_output_joins_stderr())
        fprintf(stderr, "\n");
    if (open && !args->quiet) nm_effort_print(&r->turns.effort, &r->opened, json.seed);
    if (!r->save) return ok;
    if (r->turns.lost && !args->interactive) { /* what would be saved is not what was asked for */
        fprintf(stderr, "nomul: %s: not saved: the prompt was not read to its end\n", r->save);
        return ok;
    }
    /* A signal ends the command without a message; that nothing is saved needs one. */
    nomul_error why;
    if (nomul_text_save(r->turns.text, r->save, &why) != NOMUL_OK) {
        if (why.code == NOMUL_E_CANCELLED) fprintf(stderr, "nomul: %s\n", why.text);
        if (ok) *err = why;
        return false;
    }
    if (!args->quiet) nm_text_note_unsaved(r->turns.text);
    return ok;
}

/* The exit code of -i does not tell of single failed turns where a person types and sees them. */
static int run(const void *arguments)
{
    const nm_run_args *args = arguments;
    text_run           r = {.args = args, .load = args->load, .save = args->save};
    nomul_error        err;

    r.turns = (nm_turns){
        .opened = &r.opened,
        .run = args,
        .inputs = {table, args},
        .bar = {.unit = "token", .quiet = args->quiet},
        /* Yellow and bold green, as in llama.cpp. */
        .prompt_style = nm_output_colors(args->color, NM_OS_STDOUT, "\x1b[33m"),
        .typed_style = nm_output_colors(args->color, NM_OS_STDERR, "\x1b[1;32m"),
        .args = args->text,
    };
    if (check_args(args) != NM_EXIT_DONE) return NM_EXIT_MISUSED;
    if (args->cache) r.save = args->cache;
    if (args->cache && nm_file_exists(args->cache)) r.load = args->cache;
    nm_interrupt_catch();
    int code = nm_open_model(&r.opened, &args->open,
                             NM_OPEN_TOKENIZER | (args->quiet ? NM_OPEN_QUIET : 0));
    if (code == NM_EXIT_DONE) {
        bool ok = open_text(&r, &err);
        if (ok && args->interactive) {
            nm_turns_run(&r.turns, args->prompt || args->file);
            if (nm_interrupted()) r.answer.finish = NOMUL_FINISH_CANCELLED;
        } else if (ok)
            ok = generate(&r, &err);
        if (!ok || !finish(&r, &err))
            code = nm_output_failed(&err);
        else if (r.answer.finish == NOMUL_FINISH_CANCELLED)
            code = nm_interrupt_exit_code();
        else if (r.turns.failed && !nm_os_is_terminal(NM_OS_STDIN))
            code = NM_EXIT_FAILED;
    }
    nomul_mark_free(r.saved);
    nm_answer_free(&r.answer);
    nm_turns_free(&r.turns);
    nm_open_close(&r.opened);
    return code;
}

const nm_command nm_cmd_run = {
    "run",
    "continue a text",
    "Continues a prompt: streams the prompt and the generated text to stdout and prints "
    "statistics to stderr. Without -p and -f the prompt is read from stdin; one newline at the end "
    "of stdin or of a file is dropped. An empty prompt generates a text from its beginning. Ctrl-C "
    "stops "
    "cleanly.\n\n"
    "-i is interactive mode: you type a line, the model generates up to -n tokens, you type "
    "again. The newline of a line is not part of the text; an empty line lets the model continue; "
    "a line that ends with a backslash continues on the next line. Ctrl-C stops an answer; at the "
    "prompt it exits. /help lists /undo, /retry and the other commands.\n\n"
    "On a terminal, edit a line with the arrow keys, Home, End, Delete, Ctrl-A, -E, -K, -U, -W "
    "and -L; Up and Down recall earlier lines; pasted text is one prompt, newlines included. The "
    "last 1000 lines are kept in $NOMUL_HISTORY (empty: nowhere), else in nomul/history in "
    "$XDG_STATE_HOME, %LOCALAPPDATA% or ~/.local/state; only its owner can read the "
    "file.\n\n"
    "--json prints {\"id\": \"0\", \"prompt_tokens\": N, \"text\": .., \"tokens\": [..], "
    "\"finish_reason\": .., \"seed\": N, \"timings\": {..}}. Text and tokens are the generated "
    "ones, tokens with EOS; a token that a stop string cuts is replaced by tokens of the part "
    "shown "
    "(log-probabilities are of the sampled token); finish_reason is stop (EOS or a stop string), "
    "length (-n) or "
    "cancelled. Invalid UTF-8 becomes U+FFFD.",
    table,
    sizeof(nm_run_args),
    run};
