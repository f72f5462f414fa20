/* SPDX-License-Identifier: Apache-2.0 */
/* nomul perplexity: how well a model foretells a text.  Options, order of events, figures. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/json_out.h"
#include "cli/kernels_option.h"
#include "cli/model_path.h"
#include "cli/numbers.h"
#include "cli/output.h"
#include "cli/score/documents.h"
#include "cli/score/windows.h"
#include "cli/text/prompt.h"

typedef struct perplexity_args {
    const char *model, *file, *separator, *kernels;
    int64_t     n_ctx, n_threads, n_batch;
    bool        json, per_token, quiet, no_mmap;
} perplexity_args;

#define F(field) offsetof(perplexity_args, field)
static const nm_option table[] = {
    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "The text", 0, 0},
    {'m', "model", NM_OPT_STRING, F(model), NULL, "FILE", "model to run", 0, 0},
    {'f', "file", NM_OPT_STRING, F(file), "-", "FILE", "file with the text, - for stdin", 0, 0},
    {0, "separator", NM_OPT_STRING, F(separator), NULL, "TEXT",
     "a line that is TEXT stands between two documents; the file's last newline is dropped", 0, 0},
    {'c', "ctx-size", NM_OPT_INT, F(n_ctx), "0", "N",
     "windows of N tokens, scored as llama-perplexity does; 0 is the whole past", 0, 1e9},

    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "Output", 0, 0},
    {0, "json", NM_OPT_FLAG, F(json), NULL, NULL, "the figures as one JSON object", 0, 0},
    {0, "per-token", NM_OPT_FLAG, F(per_token), NULL, NULL,
     "a line for each token as the text comes: id, tab, log-probability", 0, 0},
    {'q', "quiet", NM_OPT_FLAG, F(quiet), NULL, NULL, "nothing on stderr but errors", 0, 0},

    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "Machine", 0, 0},
    {'t', "threads", NM_OPT_INT, F(n_threads), "0", "N", "threads; 0 is one for each CPU", 0, 1024},
    {'b', "batch-size", NM_OPT_INT, F(n_batch), "0", "N",
     "tokens taken together, the figures are the same for any; 0 is as many as 32 MiB hold", 0,
     4096},
    NM_KERNELS_OPTION(F(kernels)),
    {0, "no-mmap", NM_OPT_FLAG, F(no_mmap), NULL, NULL,
     "read the model into memory instead of mapping it", 0, 0},
    {0, NULL, NM_OPT_END, 0, NULL, NULL, NULL, 0, 0},
};
#undef F

typedef struct running {
    const perplexity_args *args;
    const char            *kernels, *path;
    nomul_model           *model;
    const nomul_tokenizer *tokenizer;
    nomul_session         *session;
} running;

static int check_args(const perplexity_args *args)
{
    if (args->n_ctx > 0 && args->n_ctx < 3)
        return nm_misused("perplexity", "-c: a window of %" PRId64 " scores no token, 3 does",
                          args->n_ctx);
    if (args->n_ctx > 0 && (args->separator || args->per_token))
        return nm_misused("perplexity", "-c goes without --separator and --per-token");
    if (args->separator && strchr(args->separator, '\n'))
        return nm_misused("perplexity", "--separator: is one line");
    return NM_EXIT_DONE;
}

/* ---- Figures --------------------------------------------------------------------------------- */

static void say_speed(const running *r, const nm_tally *tally)
{
    if (!r->args->quiet)
        fprintf(stderr, "%-9s %s tokens in %s, %.1f tokens/s\n", "scored",
                nm_show_count(tally->n_tokens).text, nm_show_seconds(tally->seconds).text,
                nm_tally_rate(tally));
}

static void print_number(const char *name, double value)
{
    nm_output_print(",\"%s\":", name);
    nm_json_out_number(value);
}

static void print_speed(const nm_tally *tally)
{
    print_number("seconds", tally->seconds);
    print_number("tokens_per_second", nm_tally_rate(tally));
    nm_output_print("}\n");
}

static double bits_per_byte(const nm_documents *d)
{
    return d->bytes_nats / log(2) / (double)d->n_bytes;
}

static void print_documents_json(const nm_documents *d, double nats)
{
    nm_output_print("{\"nats_per_token\":");
    nm_json_out_number(nats);
    print_number("perplexity", exp(nats));
    print_number("bits_per_byte", bits_per_byte(d));
    nm_output_print(",\"tokens\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"documents\":%" PRIu64,
                    d->tally.n_tokens, d->n_bytes, d->n_documents);
    print_speed(&d->tally);
}

/* Behind the lines of --per-token the figures are words around the result. */
static void print_documents(const nm_documents *d, double nats, bool as_result)
{
    char   bits[64] = "", lines[512];
    size_t n;

    if (d->n_bytes > 0) snprintf(bits, sizeof bits, "bits a byte   %.4f\n", bits_per_byte(d));
    n = (size_t)snprintf(lines, sizeof lines,
                         "nats a token  %.4f\nperplexity    %.4f\n%stokens        %s\n"
                         "bytes         %s\ndocuments     %s\n",
                         nats, exp(nats), bits, nm_show_count(d->tally.n_tokens).text,
                         nm_show_count(d->n_bytes).text, nm_show_count(d->n_documents).text);
    if (n >= sizeof lines) n = sizeof lines - 1; /* numbers at their longest: perplexity has 309 */
    if (as_result)
        nm_output_write(lines, n);
    else
        fwrite(lines, 1, n, stderr);
}

static void report_documents(const running *r, const nm_documents *d)
{
    const perplexity_args *args = r->args;
    double                 nats = d->tally.nats / (double)d->tally.n_tokens;

    if (d->tally.n_tokens == 0) return;
    if (args->json)
        print_documents_json(d, nats);
    else if (!args->per_token || !args->quiet)
        print_documents(d, nats, !args->per_token);
    if (nm_output_flush()) say_speed(r, &d->tally);
}

static bool report_windows(const running *r, const nm_windows *w, nomul_error *err)
{
    double perplexity = 0, uncertainty = 0;

    if (w->tally.n_tokens == 0) return true;
    if (!nm_windows_estimate(w, &perplexity, &uncertainty, err)) return false;
    if (r->args->json) {
        nm_output_print("{\"nats_per_token\":");
        nm_json_out_number(w->tally.nats / (double)w->tally.n_tokens);
        print_number("perplexity", perplexity);
        print_number("uncertainty", uncertainty);
        nm_output_print(",\"tokens\":%" PRIu64 ",\"windows\":%zu,\"ctx_size\":%zu",
                        w->tally.n_tokens, w->n_done, w->n_ctx);
        print_speed(&w->tally);
    } else
        nm_output_print("Final estimate: PPL = %.4f +/- %.5f\n", perplexity, uncertainty);
    if (nm_output_flush()) say_speed(r, &w->tally);
    return true;
}

/* ---- Order of events ------------------------------------------------------------------------- */

/* A signal, or a reader that has gone: not a failure, and there are figures up to there. */
static bool is_stopped(const nomul_error *err)
{
    return err->code == NOMUL_E_CANCELLED;
}

static bool score_documents(const running *r, nomul_error *err)
{
    nm_documents d = {.tokenizer = r->tokenizer,
                      .separator = r->args->separator,
                      .tally = {.session = r->session,
                                .per_token = r->args->per_token,
                                .n_step = NM_TALLY_STEP}};
    int          fd = nm_text_open(r->args->file, err);

    if (fd < 0) return false;
    bool ok = nm_documents_score(&d, fd, err);
    nm_text_close(fd);
    if (ok || is_stopped(err)) report_documents(r, &d);
    nm_documents_free(&d);
    return ok || nm_fail_in(err, "%s", nm_text_name(r->args->file));
}

static bool read_ids(const running *r, nm_ids *ids, nomul_error *err)
{
    nm_text text = {0};
    bool    ok = nm_prompt_read(&text, NULL, r->args->file, NM_PROMPT_DROP_NEWLINE, err);
    double  began = nm_clock();

    if (ok && !r->args->quiet) fprintf(stderr, "perplexity: tokenizing the input ..\n");
    ok = ok && nm_prompt_ids(ids, r->tokenizer, &text, false, err);
    if (ok && !r->args->quiet)
        fprintf(stderr, "perplexity: tokenization took %g ms\n", 1000 * (nm_clock() - began));
    nm_text_free(&text);
    return ok;
}

static bool score_windows(const running *r, nomul_error *err)
{
    nm_windows w = {.tally = {.session = r->session, .n_step = NM_TALLY_STEP},
                    .n_ctx = (size_t)r->args->n_ctx,
                    .running = !r->args->json,
                    .quiet = r->args->quiet};
    nm_ids     ids = {0};
    bool       ok = read_ids(r, &ids, err);

    if (ok && !nm_windows_score(&w, r->tokenizer, &ids, err))
        ok = nm_fail_in(err, "%s", nm_text_name(r->args->file));
    nm_ids_free(&ids);
    if (!ok && !is_stopped(err)) return false;
    return report_windows(r, &w, ok ? err : NULL) && ok;
}

static bool prepare(running *r, nomul_error *err)
{
    nomul_session_options options;

    nomul_session_options_init(&options);
    options.n_threads = (size_t)r->args->n_threads;
    options.n_batch = (size_t)r->args->n_batch;
    r->session = nomul_session_new(r->model, &options, err);
    if (r->session && !r->args->quiet && strcmp(r->args->file, "-") == 0 && isatty(STDIN_FILENO))
        fprintf(stderr, "nomul: reading the text from the terminal, up to Ctrl-D\n");
    return r->session != NULL;
}

static int run_all(running *r, const char *argv0)
{
    nomul_model_options options;
    nomul_error         err;

    nomul_model_options_init(&options);
    options.in_memory = r->args->no_mmap;
    options.kernels = r->kernels;
    r->model = nm_model_open(r->args->model, argv0, &options, &r->path);
    if (r->model) r->tokenizer = nm_model_need_tokenizer(r->model, r->path);
    if (!r->tokenizer) return NM_EXIT_FAILED;

    if (prepare(r, &err) &&
        (r->args->n_ctx > 0 ? score_windows(r, &err) : score_documents(r, &err)))
        return NM_EXIT_DONE;
    return nm_output_flush() ? nm_command_failed(&err) : NM_EXIT_DONE;
}

static int run(const void *arguments, const char *argv0)
{
    running r = {.args = arguments};
    int     code = check_args(r.args);

    if (code != NM_EXIT_DONE) return code;
    r.kernels = r.args->kernels;
    if (!nm_kernels_option("perplexity", &r.kernels)) return NM_EXIT_MISUSED;
    nm_interrupt_catch();
    code = run_all(&r, argv0);
    nomul_session_free(r.session);
    nomul_model_close(r.model);
    return code;
}

const nm_command nm_cmd_perplexity = {
    "perplexity",
    "how well a model foretells a text",
    "Scores every token of a text with its whole past, in constant memory however long the text: "
    "BOS and the text, or with --separator each document as BOS, its text and EOS from a state of "
    "zeros. It prints nats a token, perplexity and bits a byte. The text is read and scored as it "
    "comes, so it may be a pipe that never ends. Ctrl-C ends it with the figures so far.\n\n"
    "-c N is what llama-perplexity computes: windows of N tokens that don't overlap, BOS in the "
    "place of the first, the second half scored; one newline at the end of the text is dropped.\n\n"
    "--json prints {\"nats_per_token\": .., \"perplexity\": .., \"bits_per_byte\": .., \"tokens\": "
    "N, \"bytes\": N, \"documents\": N, \"seconds\": .., \"tokens_per_second\": ..}; with -c, "
    "\"uncertainty\", \"windows\" and \"ctx_size\" stand in the place of bytes and documents. "
    "--per-token leaves the figures to stderr, or to --json behind its lines.",
    table,
    sizeof(perplexity_args),
    run};
