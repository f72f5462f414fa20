/* SPDX-License-Identifier: Apache-2.0 */
/* nomul run: continue a text.  Options and their order of events; the loop itself is generate.c. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "cli/commands.h"
#include "cli/generate.h"
#include "cli/interrupt.h"
#include "cli/kernels_option.h"
#include "cli/model_path.h"
#include "cli/numbers.h"
#include "cli/output.h"
#include "cli/prompt.h"
#include "cli/report.h"

typedef struct run_args {
    const char *model, *prompt, *file, *kernels;
    int64_t     n_predict, top_k, repeat_last_n, seed, n_threads, n_batch, n_ctx, n_logprobs;
    double      temp, top_p, min_p, repeat_penalty, presence_penalty, frequency_penalty;
    nm_strings  stops, biases;
    bool        quiet, no_display_prompt, ignore_eos, escapes, special, json, no_mmap;
} run_args;

#define F(field) offsetof(run_args, field)
static const nm_option table[] = {
    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "The text", 0, 0},
    {'m', "model", NM_OPT_STRING, F(model), NULL, "FILE", "model to run", 0, 0},
    {'p', "prompt", NM_OPT_STRING, F(prompt), NULL, "TEXT", "text to continue", 0, 0},
    {'f', "file", NM_OPT_STRING, F(file), NULL, "FILE",
     "file with the text to continue, - for stdin; after the text of -p if both are given", 0, 0},
    {'n', "predict", NM_OPT_INT, F(n_predict), "256", "N",
     "tokens to make, -1 for as many as it takes to the end of the text", -1, 1e9},
    {0, "n-predict", NM_OPT_INT, F(n_predict), "256", "N", NULL, -1, 1e9},
    {'r', "reverse-prompt", NM_OPT_LIST, F(stops), NULL, "TEXT",
     "stop when the text ends with this; may be given again", 0, 0},
    {'e', "escape", NM_OPT_FLAG, F(escapes), NULL, NULL,
     "in -p, \\n \\r \\t \\' \\\" \\\\ and \\xHH stand for the byte", 0, 0},
    {0, "special", NM_OPT_FLAG, F(special), NULL, NULL,
     "control tokens may be spelled in the prompt, and are printed", 0, 0},
    {0, "ignore-eos", NM_OPT_FLAG, F(ignore_eos), NULL, NULL, "never draw the end of the text", 0,
     0},

    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "Drawing a token, in this order", 0, 0},
    {'l', "logit-bias", NM_OPT_LIST, F(biases), NULL, "ID+X|ID-X",
     "add to the logit of token ID; ID-inf forbids it; may be given again", 0, 0},
    {0, "repeat-penalty", NM_OPT_FLOAT, F(repeat_penalty), "1.0", "X",
     "logits of tokens seen are divided by it, negative ones multiplied; 1 is off", 1e-3,
     NM_NO_MAX},
    {0, "presence-penalty", NM_OPT_FLOAT, F(presence_penalty), "0.0", "X",
     "subtracted once from the logit of a token seen", -1e3, 1e3},
    {0, "frequency-penalty", NM_OPT_FLOAT, F(frequency_penalty), "0.0", "X",
     "subtracted for each time a token was seen", -1e3, 1e3},
    {0, "repeat-last-n", NM_OPT_INT, F(repeat_last_n), "64", "N",
     "how many tokens back the penalties look, prompt included; -1 all, 0 none", -1, 1048576},
    {0, "top-k", NM_OPT_INT, F(top_k), "40", "N", "keep the N likeliest; 0 is off", 0, 1e9},
    {0, "top-p", NM_OPT_FLOAT, F(top_p), "0.95", "P",
     "keep the likeliest that are P together; 1 is off", 0, 1},
    {0, "min-p", NM_OPT_FLOAT, F(min_p), "0.05", "P",
     "keep what has P times the chance of the likeliest; 0 is off", 0, 1},
    {0, "temp", NM_OPT_FLOAT, F(temp), "0.8", "T", "how daring; 0 takes the likeliest", 0,
     NM_NO_MAX},
    {0, "temperature", NM_OPT_FLOAT, F(temp), "0.8", "T", NULL, 0, NM_NO_MAX},
    {'s', "seed", NM_OPT_INT, F(seed), "-1", "N",
     "the same seed makes the same text, on any machine; -1 is a random one", -1, NM_INT_MAX_EXACT},

    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "Output", 0, 0},
    {0, "no-display-prompt", NM_OPT_FLAG, F(no_display_prompt), NULL, NULL,
     "print only what is made", 0, 0},
    {'q', "quiet", NM_OPT_FLAG, F(quiet), NULL, NULL, "no statistics, no notes", 0, 0},
    {0, "json", NM_OPT_FLAG, F(json), NULL, NULL, "one JSON object instead of the text", 0, 0},
    {0, "logprobs", NM_OPT_INT, F(n_logprobs), "0", "N",
     "with --json: log-probabilities of the N likeliest for each token", 0, 1000},

    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "Machine", 0, 0},
    {'t', "threads", NM_OPT_INT, F(n_threads), "0", "N", "threads; 0 is one for each CPU", 0, 1024},
    {'b', "batch-size", NM_OPT_INT, F(n_batch), "0", "N",
     "tokens of the prompt read together; 0 is as many as 32 MiB hold", 0, 4096},
    {'c', "ctx-size", NM_OPT_INT, F(n_ctx), "0", "N", "does nothing: there is no context window", 0,
     1e9},
    NM_KERNELS_OPTION(F(kernels)),
    {0, "no-mmap", NM_OPT_FLAG, F(no_mmap), NULL, NULL,
     "read the model into memory instead of mapping it", 0, 0},
    {0, NULL, NM_OPT_END, 0, NULL, NULL, NULL, 0, 0},
};
#undef F

typedef struct running {
    const run_args        *args;
    const char            *argv0, *kernels;
    nomul_logit_bias      *biases;
    size_t                 n_biases;
    nomul_model           *model;
    const char            *path;
    const nomul_tokenizer *tokenizer;
    nm_ids                 prompt;
    nm_generation          generation;
    nm_report              report;
} running;

/* ---- What the command line alone can get wrong ----------------------------------------------- */

/* "15043+1.5", "2-inf" */
static bool parse_bias(const char *text, nomul_logit_bias *bias)
{
    size_t n_digits = strspn(text, "0123456789");
    char  *end = NULL;

    if (n_digits == 0 || n_digits > 9 || (text[n_digits] != '+' && text[n_digits] != '-'))
        return false;
    bias->id = (int32_t)strtol(text, NULL, 10);
    if (strcmp(text + n_digits, "-inf") == 0) {
        bias->bias = -INFINITY;
        return true;
    }
    if (strspn(text + n_digits + 1, "0123456789.e+-") != strlen(text + n_digits + 1)) return false;
    bias->bias = strtof(text + n_digits, &end);
    return *end == '\0' && isfinite(bias->bias);
}

static bool parse_biases(running *r)
{
    const nm_strings *list = &r->args->biases;

    for (r->n_biases = 0; r->n_biases < list->n; r->n_biases++) {
        if (parse_bias(list->at[r->n_biases], &r->biases[r->n_biases])) continue;
        nm_misused("run", "--logit-bias: '%.120s' is not like 5+1.5 or 5-1.5 or 5-inf",
                   list->at[r->n_biases]);
        return false;
    }
    return true;
}

static bool check_args(const run_args *args)
{
    for (size_t i = 0; i < args->stops.n; i++) {
        if (args->stops.at[i][0] != '\0') continue;
        nm_misused("run", "-r: every text ends with an empty one");
        return false;
    }
    if (args->n_logprobs > 0 && !args->json) {
        nm_misused("run", "--logprobs needs --json");
        return false;
    }
    return true;
}

/* ---- Order of events ------------------------------------------------------------------------- */

static bool read_prompt(running *r, nomul_error *err)
{
    const run_args *args = r->args;
    bool            from_stdin = args->file ? strcmp(args->file, "-") == 0 : !args->prompt;
    unsigned        flags = NM_PROMPT_DROP_NEWLINE | (args->escapes ? NM_PROMPT_UNESCAPE : 0);

    if (from_stdin && !args->quiet && isatty(STDIN_FILENO))
        fprintf(stderr, "nomul: reading the prompt from the terminal, up to Ctrl-D\n");
    return nm_prompt_read(&r->generation.text, args->prompt, args->file, flags, err) &&
           nm_prompt_ids(&r->prompt, r->tokenizer, &r->generation.text, args->special, err);
}

static nomul_session *new_session(running *r, nomul_error *err)
{
    nomul_session_options options;

    nomul_session_options_init(&options);
    options.n_threads = (size_t)r->args->n_threads;
    options.n_batch = (size_t)r->args->n_batch;
    r->report.session_bytes = nomul_session_memory(r->model, &options);
    return nomul_session_new(r->model, &options, err);
}

static nomul_sampler *new_sampler(running *r, nomul_error *err)
{
    const run_args       *args = r->args;
    size_t                n_vocab = nomul_model_get_info(r->model)->n_vocab;
    nomul_sampler_options options;

    nomul_sampler_options_init(&options);
    options.temp = (float)args->temp;
    options.top_k = (int32_t)args->top_k;
    options.top_p = (float)args->top_p;
    options.min_p = (float)args->min_p;
    options.repeat_penalty = (float)args->repeat_penalty;
    options.repeat_last_n = (int32_t)args->repeat_last_n;
    options.presence_penalty = (float)args->presence_penalty;
    options.frequency_penalty = (float)args->frequency_penalty;
    options.seed = r->report.seed;
    options.logit_bias = r->biases;
    options.n_logit_bias = r->n_biases;
    return nomul_sampler_new(n_vocab, &options, err);
}

static bool check_biases(const running *r, size_t n_vocab, nomul_error *err)
{
    for (size_t i = 0; i < r->n_biases; i++) {
        int32_t id = r->biases[i].id;
        if ((size_t)id >= n_vocab)
            return nm_fail(err, NOMUL_E_ARG,
                           "--logit-bias: id %" PRId32 " is outside the vocabulary of %zu", id,
                           n_vocab);
    }
    return true;
}

static bool prepare(running *r, nomul_error *err)
{
    const run_args *args = r->args;
    nm_generation  *g = &r->generation;
    int32_t         eos = nomul_token_eos(r->tokenizer);

    if (args->ignore_eos && eos >= 0) /* there is room for one more than were given */
        r->biases[r->n_biases++] = (nomul_logit_bias){eos, -INFINITY};
    g->tokenizer = r->tokenizer;
    g->n_vocab = nomul_model_get_info(r->model)->n_vocab;
    g->n_predict = args->n_predict;
    g->n_logprobs = (size_t)args->n_logprobs;
    if (g->n_logprobs > g->n_vocab) g->n_logprobs = g->n_vocab;
    g->stops = &args->stops;
    g->decode_flags = args->special ? NOMUL_DECODE_SPECIAL : 0;
    if (g->text.n_bytes == 0) g->decode_flags |= NOMUL_DECODE_STRIP_BLANK;
    g->stream = !args->json;
    g->show_prompt = !args->no_display_prompt;
    g->sampler = check_biases(r, g->n_vocab, err) ? new_sampler(r, err) : NULL;
    if (!g->sampler) return false;

    double began = nm_clock();
    g->session = new_session(r, err);
    r->report.load_seconds += nm_clock() - began;
    if (g->session) g->n_piece = nomul_session_n_batch(g->session);
    return g->session != NULL;
}

/* The result is out: what is left is the newline of a terminal, and the words around it. */
static bool report(running *r, nomul_error *err)
{
    const run_args *args = r->args;
    nm_report      *report = &r->report;

    report->generation = &r->generation;
    report->model = r->model;
    report->path = r->path;
    report->n_threads = nomul_session_n_threads(r->generation.session);
    if (args->json && !nm_report_json(report, err)) return false;
    if (!args->json && isatty(STDOUT_FILENO)) nm_output_print("\n");
    if (nm_output_flush() && !args->quiet) nm_report_statistics(report);
    return true;
}

static bool open_model(running *r)
{
    nomul_model_options options;
    double              began = nm_clock();

    nomul_model_options_init(&options);
    options.in_memory = r->args->no_mmap;
    options.kernels = r->kernels;
    r->model = nm_model_open(r->args->model, r->argv0, &options, &r->path);
    r->report.load_seconds = nm_clock() - began;
    if (r->model) r->tokenizer = nm_model_need_tokenizer(r->model, r->path);
    return r->tokenizer != NULL;
}

static int run_all(running *r)
{
    nomul_error err;

    if (!open_model(r)) return NM_EXIT_FAILED;
    if (r->args->n_ctx > 0 && !r->args->quiet)
        fprintf(stderr, "nomul: -c does nothing: there is no context window, a text may go on "
                        "for ever\n");
    bool ok = read_prompt(r, &err) && prepare(r, &err) &&
              nm_generate(&r->generation, &r->prompt, &err) && report(r, &err);
    if (!ok) return nm_command_failed(&err);
    return r->generation.finish == NM_FINISH_CANCELLED ? nm_interrupt_exit_code() : NM_EXIT_DONE;
}

static int run(const void *arguments, const char *argv0)
{
    const run_args *args = arguments;
    running         r = {.args = args, .argv0 = argv0};
    int             code = NM_EXIT_MISUSED;

    r.biases = nm_alloc((args->biases.n + 1) * sizeof *r.biases);
    if (!r.biases) return nm_command_failed(NULL);
    r.report.seed = args->seed < 0 ? nm_random_seed() : (uint64_t)args->seed;
    r.kernels = args->kernels;
    if (check_args(args) && nm_kernels_option("run", &r.kernels) && parse_biases(&r)) {
        nm_interrupt_catch();
        code = run_all(&r);
    }
    nomul_session_free(r.generation.session);
    nomul_sampler_free(r.generation.sampler);
    nm_generation_free(&r.generation);
    nm_ids_free(&r.prompt);
    nomul_model_close(r.model);
    nm_free(r.biases);
    return code;
}

const nm_command nm_cmd_run = {
    "run",
    "continue a text",
    "Continues a text: streams the prompt and what follows it to stdout, and statistics to stderr. "
    "Without -p and -f the prompt comes from stdin; one newline at its end is dropped. An empty "
    "prompt is a text from its beginning. Ctrl-C ends it cleanly.\n\n"
    "--json prints {\"id\": \"0\", \"prompt_tokens\": N, \"text\": .., \"tokens\": [..], "
    "\"finish_reason\": .., \"seed\": N, \"timings\": {..}}. Text and tokens are what was made, "
    "tokens with the end of the text if it came; finish_reason is stop (end of the text, or -r), "
    "length (-n) or cancelled. Bytes that are no UTF-8 become U+FFFD.",
    table,
    sizeof(run_args),
    run};
