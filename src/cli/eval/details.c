/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Figures of an evaluation and the file of its details.  Numbers are printed so that they can be
 * compared with those of the harness; what a resumed run needs are the verdicts alone, and that
 * item and hash of each line are those of the input.
 */
#include "cli/eval/details.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/os.h"
#include "cli/record.h"

/* ---- Figures --------------------------------------------------------------------------------- */

void nm_eval_tally_add(nm_eval_tally *t, size_t n_metrics, const bool right[NM_EVAL_METRICS])
{
    t->n_items++;
    for (size_t m = 0; m < n_metrics; m++) t->n_judged[m]++, t->n_right[m] += right[m];
}

/*
 * A metric is the mean of zeros and ones.  Its standard error is the harness's: that of the mean,
 * with the deviation of a sample (n - 1), which for zeros and ones is sqrt(p (1 - p) / (n - 1)).
 */
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
        fprintf(stderr, "%-*s%s, %s in %s, %.1f tokens/s\n", NM_RECORD_MARGIN, "scored",
                nm_show_amount(t->n_scored, "item").text, nm_show_amount(t->n_tokens, "token").text,
                nm_show_seconds(t->seconds).text, nm_rate(t->n_tokens, t->seconds));
}

/* ---- Writing --------------------------------------------------------------------------------- */

#define SAVE_SECONDS 5

/* How a line begins: the item's number and its hash. */
#define ITEM "{\"item\":%" PRIu64 ",\"hash\":\"%016" PRIx64 "\","

/* At most 127 bytes. */
__attribute__((format(printf, 3, 4))) static bool add(nm_buffer *text, nomul_error *err,
                                                      const char *format, ...)
{
    char    part[128];
    va_list args;

    va_start(args, format);
    vsnprintf(part, sizeof part, format, args);
    va_end(args);
    return nm_buffer_add(text, part, strlen(part), err);
}

bool nm_details_add(nm_details *d, uint64_t item, uint64_t hash, const nm_eval_result *r,
                    nomul_error *err)
{
    static const char *const lists[] = {"logprobs", "tokens", "chars", "bytes"};
    nm_buffer               *text = &d->text;

    bool ok = add(text, err, ITEM "\"gold\":%zu", item, hash, r->gold);
    for (size_t list = 0; ok && list < 4; list++) {
        ok = add(text, err, ",\"%s\":[", lists[list]);
        for (size_t i = 0; ok && i < r->n_choices; i++) {
            const size_t counts[] = {0, r->choices[i].n_tokens, r->choices[i].n_chars,
                                     r->choices[i].n_bytes};
            const char  *comma = i > 0 ? "," : "";

            ok = list == 0 ? add(text, err, "%s%.9g", comma, r->choices[i].logprob)
                           : add(text, err, "%s%zu", comma, counts[list]);
        }
        ok = ok && add(text, err, "]");
    }
    for (size_t m = 0; ok && m < r->n_metrics; m++)
        ok = add(text, err, ",\"%s\":%d", nm_eval_metric_names[m], r->right[m]);
    return ok && add(text, err, "}\n");
}

bool nm_details_save(nm_details *d, bool now, nomul_error *err)
{
    nm_outfile out = {0};

    if (!d->path || (!now && nm_clock() - d->saved < SAVE_SECONDS)) return true;
    bool ok = nm_outfile_open(&out, d->path, (nm_watch){nm_interrupt_doom, NULL}, err) &&
              nm_outfile_write(&out, d->text.data, d->text.n_bytes, err) &&
              nm_outfile_commit(&out, err);
    nm_outfile_abort(&out);
    d->saved = nm_clock();
    return ok;
}

/* ---- Reading --------------------------------------------------------------------------------- */

bool nm_details_open(nm_details *d, const char *path, const char *head, nomul_error *err)
{
    size_t       n = strlen(head);
    nm_os_status status;

    if (nm_os_stat(path, &status) == 0 && status.kind != NM_OS_REGULAR)
        return nm_fail(err, NOMUL_E_ARG, "%s: is not a regular file, which --details needs", path);
    d->path = path;
    d->saved = nm_clock();
    bool exists = nm_file_exists(path);
    if (!nm_outfile_try(path, (nm_watch){nm_interrupt_doom, NULL}, err) ||
        (exists && !nm_buffer_add_file(&d->text, path, err)))
        return false;
    if (d->text.n_bytes == 0)
        return nm_buffer_add(&d->text, head, n, err) && nm_buffer_add(&d->text, "\n", 1, err);
    if (d->text.n_bytes > n && memcmp(d->text.data, head, n) == 0 && d->text.data[n] == '\n')
        return true;
    return nm_fail(err, NOMUL_E_FORMAT,
                   "%s: line 1: is of another task, --bos, model or version, or of no evaluation; "
                   "name another file, or remove it",
                   path);
}

bool nm_details_resume(const nm_details *d, const uint64_t *hashes, size_t n_items,
                       nm_eval_tally *tally, nomul_error *err)
{
    const char *line = d->text.data, *text_end = line + d->text.n_bytes, *end;

    /* The head ends where nm_details_open has found its newline. */
    line = (const char *)memchr(line, '\n', d->text.n_bytes) + 1;
    for (; line < text_end && tally->n_items < n_items; line = end + 1) {
        bool     right[NM_EVAL_METRICS];
        size_t   n_metrics = 0, n;
        uint64_t value;
        char     begin[64], words[128] = "";
        nm_json  json;

        end = memchr(line, '\n', (size_t)(text_end - line));
        /* The verdicts, in the order of the metrics; all other keys are for readers. */
        nm_json_init(&json, line, end ? (size_t)(end - line) : 0);
        nm_json_next(&json);
        while (json.type != NM_JSON_ERROR && nm_json_next(&json) == NM_JSON_KEY) {
            bool metric =
                n_metrics < NM_EVAL_METRICS && nm_json_is(&json, nm_eval_metric_names[n_metrics]);
            nm_json_next(&json);
            if (metric && json.type == NM_JSON_NUMBER && nm_json_u64(&json, &value))
                right[n_metrics++] = value == 1;
            nm_json_skip(&json);
        }
        /* The item's number and hash are spelled as nm_details_add spells them. */
        n = (size_t)snprintf(begin, sizeof begin, ITEM, tally->n_items, hashes[tally->n_items]);
        if (!end)
            snprintf(words, sizeof words, "has no end; remove it");
        else if (json.type != NM_JSON_OBJECT_END || nm_json_next(&json) != NM_JSON_END ||
                 !n_metrics)
            snprintf(words, sizeof words, "is damaged; remove it and those after it");
        else if ((size_t)(end - line) < n || memcmp(line, begin, n) != 0)
            snprintf(words, sizeof words,
                     "is not of item %" PRIu64 " of this input; name another file, or remove it",
                     tally->n_items);
        if (!end || *words)
            return nm_fail(err, NOMUL_E_FORMAT, "%s: line %zu: %s", d->path,
                           (size_t)tally->n_items + 2, words);
        nm_eval_tally_add(tally, n_metrics, right);
    }
    return true;
}

void nm_details_free(nm_details *d)
{
    nm_buffer_free(&d->text);
}
