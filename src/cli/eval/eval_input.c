/* SPDX-License-Identifier: Apache-2.0 */
/* Lines are spans of the whole file: nothing is copied. */
#include "cli/eval/eval_input.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/xxh64.h"

/* The next line that is not empty, without newline and CR; a byte order mark is no part of it. */
static bool next_line(const nm_buffer *text, size_t *at, size_t *number, nm_span *line)
{
    if (*at == 0) *at = nm_buffer_mark(text->data, text->n_bytes);
    while (*at < text->n_bytes) {
        const char *from = text->data + *at, *end = memchr(from, '\n', text->n_bytes - *at);
        size_t      n = end ? (size_t)(end - from) + 1 : text->n_bytes - *at;

        *at += n;
        ++*number;
        *line = (nm_span){from, nm_buffer_without_newline(from, n)};
        if (line->n_bytes > 0) return true;
    }
    return false;
}

bool nm_eval_input_read(nm_eval_input *in, const char *path, const char *labels, size_t limit,
                        nomul_error *err)
{
    size_t        n_lines = 1, at = 0, label_at = 0, label_number = 0;
    nm_eval_entry e = {.number = 0};

    in->path = path;
    in->has_labels = labels != NULL;
    if (!nm_buffer_add_file(&in->text, path, err) ||
        (labels && !nm_buffer_add_file(&in->labels, labels, err)))
        return false;
    for (size_t i = 0; i < in->text.n_bytes; i++) n_lines += in->text.data[i] == '\n';
    in->entries = nm_alloc(n_lines * sizeof *in->entries);
    in->hashes = nm_alloc(n_lines * sizeof *in->hashes);
    if (!in->entries || !in->hashes) return nm_fail_memory(err, n_lines * sizeof *in->entries);
    while ((limit == 0 || in->n < limit) && next_line(&in->text, &at, &e.number, &e.line)) {
        nm_xxh64 hash;

        e.label = (nm_span){"", 0};
        if (labels && !next_line(&in->labels, &label_at, &label_number, &e.label))
            return nm_fail(err, NOMUL_E_FORMAT, "%s: ends after line %zu, before the items do",
                           nm_buffer_name(labels), label_number);
        nm_xxh64_init(&hash);
        nm_xxh64_add(&hash, e.line.text, e.line.n_bytes);
        nm_xxh64_add(&hash, e.label.text, e.label.n_bytes);
        in->hashes[in->n] = nm_xxh64_value(&hash);
        in->entries[in->n++] = e;
    }
    if (labels && limit == 0 && next_line(&in->labels, &label_at, &label_number, &e.label))
        return nm_fail(err, NOMUL_E_FORMAT, "%s: line %zu: is after the last item's",
                       nm_buffer_name(labels), label_number);
    return in->n > 0 ||
           nm_fail(err, NOMUL_E_ARG, "%s: is empty: there is no item", nm_buffer_name(path));
}

void nm_eval_input_free(nm_eval_input *in)
{
    nm_free(in->entries);
    nm_free(in->hashes);
    nm_buffer_free(&in->text);
    nm_buffer_free(&in->labels);
}

bool nm_eval_input_fail(const nm_eval_input *in, size_t index, nomul_error *err)
{
    return nm_fail_in(err, "%s: line %zu", nm_buffer_name(in->path), in->entries[index].number);
}

bool nm_eval_input_item(const nm_eval_input *in, size_t index, nm_eval_item *item, nomul_error *err)
{
    const nm_eval_entry *e = &in->entries[index];

    return nm_eval_item_read(item, in->task, e->line, in->has_labels ? &e->label : NULL, err) ||
           nm_eval_input_fail(in, index, err);
}
