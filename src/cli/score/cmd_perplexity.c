/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul perplexity: how well a model predicts a text.  This file has the options and prints the
 * figures, for people or as JSON; score.c computes them, either with the whole past of each token
 * or in windows as llama-perplexity does.
 */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/os.h"
#include "cli/commands.h"
#include "cli/record.h"
#include "cli/score/score.h"

typedef struct perplexity_args {
    const char  *file, *separator;
    nm_open_args open;
    int64_t      n_ctx;
    bool         json, per_token, quiet;
} perplexity_args;

#define F(field) offsetof(perplexity_args, field)
static const nm_option table[] = {
    NM_GROUP("The text"),
    NM_MODEL_OPTION(F, open),
    NM_FILE('f', "file", F(file), "-", "file with the text, - for stdin", NM_INPUT),
    NM_STRING(
        0, "separator", F(separator), "TEXT",
        "a line that is TEXT, the first and the last too, separates documents; empty documents "
        "are dropped, and so is a newline at the end of the text"),
    NM_INT('c', "ctx-size", F(n_ctx), "0", 0, 1e9,
           "score windows of N tokens as llama-perplexity does; 0 = the whole context"),

    NM_GROUP("Output"),
    NM_FLAG(0, "json", F(json), "print the figures as one JSON object"),
    NM_FLAG(0, "per-token", F(per_token),
            "print a line for each token as the text arrives: id, tab, log-probability"),
    NM_FLAG('q', "quiet", F(quiet), "print only errors to stderr"),

    NM_MACHINE_OPTIONS(F, open),
    NM_END,
};

static void record_speed(nm_record *f, const nm_tally *tally)
{
    nm_record_real(f, "seconds", tally->seconds);
    nm_record_real(f, "tokens_per_second", nm_rate(tally->n_tokens, tally->seconds));
}

/* The end of the figures, unless they are not printed (NULL), and the message of the speed. */
static void print_end(const perplexity_args *args, nm_record *f, const nm_tally *tally)
{
    if (f) nm_record_close(f, '}');
    if (f && f->format == NM_RECORD_JSON) nm_output_print("\n");
    if (nm_output_flush() && !args->quiet)
        nm_output_speed("scored", tally->n_tokens, tally->n_tokens, tally->seconds);
}

/*
 * A signal or a closed stdout is no failure here: the figures so far are printed.  They are
 * messages if stdout has the lines of --per-token.
 */
static bool score_documents(const perplexity_args *args, const nm_opened *opened, nomul_error *err)
{
    nm_documents d = {.tokenizer = opened->tokenizer,
                      .separator = args->separator,
                      .tally.session = opened->session,
                      .tally.per_token = args->per_token};
    nm_tally    *t = &d.tally;
    nm_record    f = {.format = args->json ? NM_RECORD_JSON : NM_RECORD_LINES,
                      .to_stderr = !args->json && args->per_token};
    int          fd = nm_buffer_open(args->file, err);

    if (fd < 0) return false;
    t->bar.quiet = args->quiet || (args->per_token && nm_os_is_terminal(NM_OS_STDOUT));
    d.n_input = nm_buffer_size(fd);
    bool ok = nm_score_documents(&d, fd, err);
    nm_progress_erase(&t->bar);
    nm_buffer_close(fd);
    if ((ok || err->code == NOMUL_E_CANCELLED) && t->n_tokens > 0) {
        double nats = t->nats / (double)t->n_tokens;
        bool   shown = args->json || !args->per_token || !args->quiet;

        if (shown) {
            nm_record_open(&f, NULL, '{');
            nm_record_real(&f, "nats_per_token", nats);
            nm_record_real(&f, "perplexity", exp(nats));
            if (args->json || d.n_bytes > 0)
                nm_record_real(&f, "bits_per_byte", d.bytes_nats / log(2) / (double)d.n_bytes);
            nm_record_count(&f, "tokens", t->n_tokens);
            nm_record_count(&f, "bytes", d.n_bytes);
            nm_record_count(&f, "documents", d.n_documents);
            if (args->json) record_speed(&f, t);
            if (args->json || d.n_bytes > 0) { /* as lm-evaluation-harness, which scores no EOS */
                double n_words = (double)(d.n_gaps + d.n_documents);
                nats = d.bytes_nats - d.eos_nats;
                nm_record_real(&f, "word_perplexity", exp(nats / n_words));
                nm_record_real(&f, "byte_perplexity", exp(nats / (double)d.n_bytes));
            }
        }
        print_end(args, shown ? &f : NULL, t);
    }
    nm_score_documents_free(&d);
    return ok || nm_fail_in(err, "%s", nm_buffer_name(args->file));
}

static bool score_windows(const perplexity_args *args, const nm_opened *opened, nomul_error *err)
{
    bool       on_terminal = nm_os_is_terminal(NM_OS_STDOUT);
    nm_windows w = {.tally = {.session = opened->session,
                              .bar.quiet = args->quiet || (!args->json && on_terminal)},
                    .n_ctx = (size_t)args->n_ctx,
                    .running = !args->json,
                    .quiet = args->quiet};
    nm_buffer  text = {0};
    nm_ids     ids = {0};
    nm_record  f = {.format = NM_RECORD_JSON};
    bool       ok = nm_prompt_read(&text, NULL, args->file, NM_PROMPT_DROP_NEWLINE, err);
    double     began = nm_clock();

    if (ok && !args->quiet) fprintf(stderr, "perplexity: tokenizing the input ..\n");
    ok = ok && nm_prompt_ids(&ids, opened->tokenizer, &text, err);
    if (ok && !args->quiet)
        fprintf(stderr, "perplexity: tokenization took %g ms\n", 1000 * (nm_clock() - began));
    if (ok && !nm_score_windows(&w, opened->tokenizer, &ids, err))
        ok = nm_fail_in(err, "%s", nm_buffer_name(args->file));
    nm_progress_erase(&w.tally.bar);
    nm_buffer_free(&text);
    nm_ids_free(&ids);
    if (w.tally.n_tokens == 0 || (!ok && err->code != NOMUL_E_CANCELLED)) return ok;

    double mean = w.tally.nats / (double)w.tally.n_tokens, perplexity = exp(mean), uncertainty;
    if (!nm_tally_uncertainty(&w.tally, &uncertainty, ok ? err : NULL)) return false;
    if (args->json) {
        nm_record_open(&f, NULL, '{');
        nm_record_real(&f, "nats_per_token", mean);
        nm_record_real(&f, "perplexity", perplexity);
        nm_record_real(&f, "uncertainty", uncertainty);
        nm_record_count(&f, "tokens", w.tally.n_tokens);
        nm_record_count(&f, "windows", w.n_done);
        nm_record_count(&f, "ctx_size", w.n_ctx);
        record_speed(&f, &w.tally);
    } else
        nm_output_print("Final estimate: PPL = %.4f +/- %.5f\n", perplexity, uncertainty);
    print_end(args, args->json ? &f : NULL, &w.tally);
    return ok;
}

static int run(const void *arguments)
{
    const perplexity_args *args = arguments;
    nm_opened              opened = {0};
    nomul_error            err;

    if (args->n_ctx > 0 && args->n_ctx < 3)
        return nm_output_misused("-c: a window of %s scores none, 3 is the least",
                                 nm_show_amount((uint64_t)args->n_ctx, "token").text);
    if (args->n_ctx > 0 && (args->separator || args->per_token))
        return nm_output_misused("-c excludes --separator and --per-token");
    if (args->separator && strchr(args->separator, '\n'))
        return nm_output_misused("--separator cannot contain a newline");

    nm_interrupt_catch();
    int code =
        nm_open_model(&opened, &args->open, NM_OPEN_TOKENIZER | (args->quiet ? NM_OPEN_QUIET : 0));
    if (code == NM_EXIT_DONE) {
        bool ok = nm_open_session(&opened, &args->open, &err);
        if (ok) nm_prompt_waits(args->file, "the text", args->quiet);
        ok = ok && (args->n_ctx > 0 ? score_windows(args, &opened, &err)
                                    : score_documents(args, &opened, &err));
        if (!ok && nm_output_flush()) code = nm_output_failed(&err);
    }
    nm_open_close(&opened);
    return code;
}

const nm_command nm_cmd_perplexity = {
    "perplexity",
    "measure how well a model predicts a text",
    "Scores every token of a text given all tokens before it, in constant memory. The text "
    "follows one BOS; with --separator each document is BOS, its text and EOS, from an empty "
    "state. Prints nats per token, perplexity and bits per byte. The text is scored as it is "
    "read, so it may be an endless pipe; Ctrl-C ends it and prints the figures so far. Without "
    "--separator and -c a newline at the end of the text counts.\n\n"
    "-c N scores as llama-perplexity does: windows of N tokens without overlap, the first token "
    "of each replaced by BOS, the second half scored; one newline at the end of the text is "
    "dropped.\n\n"
    "--json prints {\"nats_per_token\": .., \"perplexity\": .., \"bits_per_byte\": .., "
    "\"tokens\": N, \"bytes\": N, \"documents\": N, \"seconds\": .., \"tokens_per_second\": .., "
    "\"word_perplexity\": .., \"byte_perplexity\": ..}. The last two leave EOS out, as "
    "lm-evaluation-harness does; white space separates words. BOS is never scored. With -c, "
    "\"uncertainty\", \"windows\" and \"ctx_size\" replace the figures of bytes, words and "
    "documents. With --per-token the figures go to stderr, or with --json to stdout after its "
    "lines.",
    table,
    sizeof(perplexity_args),
    run};
