/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A metric is the mean of zeros and ones.  Its standard error is the harness's: that of the mean,
 * with the deviation of a sample (n - 1), which for zeros and ones is sqrt(p (1 - p) / (n - 1)).
 */
#include "cli/eval/eval_tally.h"

#include <math.h>
#include <stdio.h>

#include "cli/record.h"

void nm_eval_tally_add(nm_eval_tally *t, size_t n_metrics, const bool right[NM_EVAL_METRICS])
{
    t->n_items++;
    for (size_t m = 0; m < n_metrics; m++) t->n_judged[m]++, t->n_right[m] += right[m];
}

void nm_eval_tally_print(const nm_eval_tally *t, nm_eval_task task, bool json, bool quiet)
{
    nm_record f = {.format = json ? NM_RECORD_JSON : NM_RECORD_LINES};

    nm_record_open(&f, NULL, '{');
    nm_record_text(&f, "task", nm_eval_task_name(task));
    nm_record_text(&f, "harness", NM_EVAL_HARNESS);
    nm_record_count(&f, "items", t->n_items);
    for (size_t m = 0; m < NM_EVAL_METRICS; m++) {
        double      n = (double)t->n_judged[m], mean = (double)t->n_right[m] / n;
        double      error = n > 1 ? sqrt(mean * (1 - mean) / (n - 1)) : NAN;
        const char *name = nm_eval_metric_names[m];
        char        error_name[32];

        if (!(n > 0)) continue;
        if (!json && n > 1) {
            nm_record_number(&f, name, "%.4f +/- %.4f", mean, error);
            continue;
        }
        nm_record_real(&f, name, mean);
        snprintf(error_name, sizeof error_name, "%s_stderr", name);
        if (json) nm_record_real(&f, error_name, error);
    }
    if (json) {
        nm_record_count(&f, "tokens", t->n_tokens);
        nm_record_real(&f, "seconds", t->seconds);
        nm_record_real(&f, "tokens_per_second", nm_rate(t->n_tokens, t->seconds));
    }
    nm_record_close(&f, '}');
    if (json) nm_output_print("\n");
    if (nm_output_flush() && !quiet)
        fprintf(stderr, "%-*s%s items, %s tokens in %s, %.1f tokens/s\n", NM_RECORD_MARGIN,
                "scored", nm_show_count(t->n_scored).text, nm_show_count(t->n_tokens).text,
                nm_show_seconds(t->seconds).text, nm_rate(t->n_tokens, t->seconds));
}
