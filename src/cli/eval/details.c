/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers are printed so that they can be compared; what a resumed run needs are the verdicts. */
#include "cli/eval/details.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/os.h"
#include "cli/interrupt.h"
#include "cli/output.h"

#define SAVE_SECONDS 5

void nm_eval_count(nm_eval_tally *t, size_t n_metrics, const bool right[NM_EVAL_METRICS])
{
    t->n_items++;
    for (size_t m = 0; m < n_metrics; m++) t->n_judged[m]++, t->n_right[m] += right[m];
}

/* ---- Writing --------------------------------------------------------------------------------- */

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

    bool ok = add(text, err, "{\"item\":%" PRIu64 ",\"hash\":\"%016" PRIx64 "\",\"gold\":%zu", item,
                  hash, r->gold);
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

typedef struct done {
    uint64_t item;
    char     hash[17];
    size_t   n_metrics;
    bool     right[NM_EVAL_METRICS];
} done;

/* False if it is not a line that nm_details_add has written. */
static bool read_line(done *line, const char *text, size_t n_bytes)
{
    nm_json  json;
    bool     has_item = false, has_hash = false;
    uint64_t value;

    *line = (done){0};
    nm_json_init(&json, text, n_bytes);
    if (nm_json_next(&json) != NM_JSON_OBJECT) return false;
    while (nm_json_next(&json) == NM_JSON_KEY) {
        bool   item = nm_json_is(&json, "item"), hash = nm_json_is(&json, "hash");
        size_t m = 0;

        while (m < NM_EVAL_METRICS && !nm_json_is(&json, nm_eval_metric_names[m])) m++;
        nm_json_next(&json);
        if (hash && json.type == NM_JSON_STRING && json.n_text == 16)
            line->hash[nm_json_string(&json, line->hash)] = '\0', has_hash = true;
        if (item) has_item = json.type == NM_JSON_NUMBER && nm_json_u64(&json, &line->item);
        if (m == line->n_metrics && m < NM_EVAL_METRICS && json.type == NM_JSON_NUMBER &&
            nm_json_u64(&json, &value))
            line->right[line->n_metrics++] = value == 1;
        if (!nm_json_skip(&json)) return false;
    }
    return json.type == NM_JSON_OBJECT_END && nm_json_next(&json) == NM_JSON_END && has_item &&
           has_hash && line->n_metrics > 0;
}

/* Line `number` of the file, from 1; the items begin with the second. */
static bool take_line(nm_details *d, size_t number, nm_span line, const char *head,
                      const uint64_t *hashes, nm_eval_tally *tally, nomul_error *err)
{
    done item;
    char hash[17];

    if (number == 1) {
        if (line.n_bytes == strlen(head) && memcmp(line.text, head, line.n_bytes) == 0) return true;
        return nm_fail(
            err, NOMUL_E_FORMAT,
            "%s: line 1: is of another task, model or version, or of no evaluation; name "
            "another file, or remove it",
            d->path);
    }
    if (!read_line(&item, line.text, line.n_bytes))
        return nm_fail(err, NOMUL_E_FORMAT,
                       "%s: line %zu: is damaged; remove it and those after it", d->path, number);
    snprintf(hash, sizeof hash, "%016" PRIx64, hashes[tally->n_items]);
    if (item.item != tally->n_items || strcmp(item.hash, hash) != 0)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "%s: line %zu: is not of item %" PRIu64 " of this input; name another file, "
                       "or remove it",
                       d->path, number, tally->n_items);
    nm_eval_count(tally, item.n_metrics, item.right);
    return true;
}

bool nm_details_open(nm_details *d, const char *path, const char *head, const uint64_t *hashes,
                     size_t n_items, nm_eval_tally *tally, nomul_error *err)
{
    size_t       number = 0, at = 0;
    nm_os_status status;

    if (nm_os_stat(path, &status) == 0 && status.kind != NM_OS_REGULAR)
        return nm_fail(err, NOMUL_E_ARG, "%s: is no regular file; it is replaced again and again",
                       path);
    d->path = path;
    d->saved = nm_clock();
    if (!nm_file_exists(path))
        return nm_outfile_try(path, err) && nm_buffer_add(&d->text, head, strlen(head), err) &&
               nm_buffer_add(&d->text, "\n", 1, err);
    if (!nm_outfile_try(path, err) || !nm_buffer_add_file(&d->text, path, err)) return false;
    while (at < d->text.n_bytes && tally->n_items < n_items) {
        const char *line = d->text.data + at, *end = memchr(line, '\n', d->text.n_bytes - at);

        if (!end)
            return nm_fail(err, NOMUL_E_FORMAT, "%s: line %zu: has no end; remove it", path,
                           number + 1);
        nm_span span = {line, (size_t)(end - line)};
        if (!take_line(d, ++number, span, head, hashes, tally, err)) return false;
        at += span.n_bytes + 1;
    }
    if (number == 0)
        return nm_buffer_add(&d->text, head, strlen(head), err) &&
               nm_buffer_add(&d->text, "\n", 1, err);
    return true;
}

void nm_details_free(nm_details *d)
{
    nm_buffer_free(&d->text);
}
