/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/score/windows.h"

#include <math.h>
#include <stdio.h>

#include "base/error.h"
#include "cli/numbers.h"
#include "cli/output.h"

/* The token that BOS stands for in the model's eyes is never one of those scored. */
static bool score_window(nm_windows *w, int32_t *ids, int32_t bos, nomul_error *err)
{
    size_t n_past = w->n_ctx / 2;

    nomul_session_reset(w->tally.session);
    if (bos >= 0) ids[0] = bos;
    return nm_tally_feed(&w->tally, ids, n_past, err) &&
           nm_tally_score(&w->tally, ids + n_past, w->n_ctx - n_past, err);
}

static void say_time(const nm_windows *w, double seconds)
{
    fprintf(stderr, "perplexity: %.2f seconds per pass - ETA %.2f minutes\n", seconds,
            seconds * (double)w->n_windows / 60);
}

static bool show_running(const nm_windows *w, nomul_error *err)
{
    const nm_tally *t = &w->tally;

    if (!w->running) return true;
    nm_output_print("[%zu]%.4f,", w->n_done, exp(t->nats / (double)t->n_tokens));
    return nm_output_flush() || nm_fail(err, NOMUL_E_CANCELLED, "standard output is closed");
}

static bool score_windows(nm_windows *w, int32_t *ids, int32_t bos, nomul_error *err)
{
    for (; w->n_done < w->n_windows; ids += w->n_ctx) {
        double began = nm_clock();

        if (!score_window(w, ids, bos, err)) return false;
        if (w->n_done == 0 && !w->quiet) say_time(w, nm_clock() - began);
        w->n_done++;
        if (!show_running(w, err)) return false;
    }
    return true;
}

bool nm_windows_score(nm_windows *w, const nomul_tokenizer *tokenizer, nm_ids *ids,
                      nomul_error *err)
{
    int32_t bos = nomul_token_bos(tokenizer);
    bool    wants_bos = ids->n > 0 && ids->at[0] == bos; /* text alone never makes it */

    if (ids->n / 2 < w->n_ctx)
        return nm_fail(err, NOMUL_E_ARG,
                       "you need at least %zu tokens to evaluate perplexity with a context of %zu; "
                       "it tokenizes to only %zu tokens",
                       2 * w->n_ctx, w->n_ctx, ids->n);
    w->n_windows = ids->n / w->n_ctx;
    if (!w->quiet)
        fprintf(stderr, "perplexity: calculating perplexity over %zu chunks, n_ctx=%zu, "
                        "batch_size=%zu, n_seq=1\n",
                w->n_windows, w->n_ctx, nomul_session_n_batch(w->tally.session));
    bool ok = score_windows(w, ids->at, wants_bos ? bos : -1, err);
    if (w->running && w->n_done > 0) nm_output_print("\n");
    return ok;
}

/* The standard error of the mean, through the derivative of exp. */
bool nm_windows_estimate(const nm_windows *w, double *perplexity, double *uncertainty,
                         nomul_error *err)
{
    double n = (double)w->tally.n_tokens;
    double mean = w->tally.nats / n, variance = w->tally.squares / n - mean * mean;

    if (!(variance > 0))
        return nm_fail(err, NOMUL_E_ARG, "unexpected negative standard deviation of log(prob)");
    *perplexity = exp(mean);
    *uncertainty = sqrt(variance / (n - 1)) * *perplexity;
    return true;
}
