/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The templates of the tasks, as rows of a table, and what makes an item of a line with them.
 * Texts are put one after the other into the item's bytes: a context, then the continuations that
 * have it.  eval_fields.c finds the fields, pystr.c does what Python does to them.
 */
#include "cli/eval/eval_item.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/xxh64.h"

static const struct {
    const char *name;
    const char *before, *after; /* the text, in the context */
    bool        cleans;         /* context and choices, of the marks of the data set's sources */
    bool        strips_space;   /* a choice may have its space already */
    size_t      first;          /* number of the first choice, where the answer is a number */
} templates[] = {
    /* clang-format off */
    [NM_EVAL_LINES + 1]      = {"lines", "", "", false, true, 0},
    [NM_EVAL_ARC + 1]        = {"arc", "Question: ", "\nAnswer:", false, false, 0},
    [NM_EVAL_HELLASWAG + 1]  = {"hellaswag", "", "", true, false, 0},
    [NM_EVAL_OPENBOOKQA + 1] = {"openbookqa", "", "", false, false, 0},
    [NM_EVAL_PIQA + 1]       = {"piqa", "Question: ", "\nAnswer:", false, false, 0},
    [NM_EVAL_WINOGRANDE + 1] = {"winogrande", "", "", false, false, 1},
    /* clang-format on */
};

const char *nm_eval_task_name(nm_eval_task task)
{
    return templates[task + 1].name;
}

static bool put(nm_eval_item *item, const char *text, size_t n_bytes, nomul_error *err)
{
    return nm_buffer_add(&item->bytes, text, n_bytes, err);
}

/*
 * The item's bytes from `at` on as a part; if `cleans`, in the harness's words: strip, " [title]"
 * becomes ". ", [..] goes, two spaces become one.
 */
static nm_eval_part part_from(nm_eval_item *item, size_t at, bool cleans)
{
    nm_buffer *bytes = &item->bytes;

    if (cleans) {
        nm_span s = nm_pystr_strip((nm_span){bytes->data + at, bytes->n_bytes - at});

        if (s.n_bytes > 0) memmove(bytes->data + at, s.text, s.n_bytes);
        bytes->n_bytes = at + s.n_bytes;
        nm_pystr_replace(bytes, at, " [title]", ". ");
        nm_pystr_drop_brackets(bytes, at);
        nm_pystr_replace(bytes, at, "  ", " ");
    }
    return (nm_eval_part){at, bytes->n_bytes - at};
}

/* The context of choice i.  WinoGrande's sentence is cut at its first _; what follows is *rest. */
static bool put_context(nm_eval_item *item, const nm_eval_fields *f, size_t i, nm_span *rest,
                        nomul_error *err)
{
    const char *before = templates[f->task + 1].before, *after = templates[f->task + 1].after;
    nm_span     text = {"", 0}, activity, a, b, option = {"", 0};

    /* ctx_a + " " + ctx_b.capitalize(), after the activity */
    if (f->task == NM_EVAL_HELLASWAG)
        return nm_eval_fields_get(f, NM_EVAL_ACTIVITY, 0, &activity, err) &&
               nm_eval_fields_get(f, NM_EVAL_CTX_A, 0, &a, err) &&
               nm_eval_fields_get(f, NM_EVAL_CTX_B, 0, &b, err) &&
               put(item, activity.text, activity.n_bytes, err) && put(item, ": ", 2, err) &&
               put(item, a.text, a.n_bytes, err) && put(item, " ", 1, err) &&
               nm_pystr_capitalize(&item->bytes, b, err);
    bool is_choice = f->of[NM_EVAL_CONTEXTS].n > 0;
    if (is_choice && !nm_eval_fields_get(f, NM_EVAL_CONTEXTS, i, &option, err)) return false;
    if (is_choice && f->task == NM_EVAL_LINES
            ? !nm_eval_fields_get(f, NM_EVAL_CONTINUATION, 0, rest, err)
            : !nm_eval_fields_get(f, NM_EVAL_TEXT, 0, &text, err))
        return false;
    if (f->task == NM_EVAL_WINOGRANDE) {
        const char *blank = memchr(text.text, '_', text.n_bytes);

        if (!blank) return nm_fail(err, NOMUL_E_FORMAT, "sentence: has no _ in it");
        *rest =
            nm_pystr_strip((nm_span){blank + 1, text.n_bytes - 1 - (size_t)(blank - text.text)});
        text.n_bytes = (size_t)(blank - text.text);
    }
    return put(item, before, strlen(before), err) && put(item, text.text, text.n_bytes, err) &&
           put(item, option.text, option.n_bytes, err) && put(item, after, strlen(after), err);
}

bool nm_eval_item_read(nm_eval_item *item, nm_eval_task task, nm_span line, const nm_span *label,
                       nomul_error *err)
{
    nm_eval_fields f;
    nm_eval_part   context = {0, 0};
    nm_span        rest = {"", 0};
    bool           ok = nm_eval_fields_read(&f, task, line, err);
    size_t         n_contexts = f.of[NM_EVAL_CONTEXTS].n;
    size_t         n = n_contexts > 0 ? n_contexts : f.of[NM_EVAL_CHOICES].n;

    item->bytes.n_bytes = item->n_choices = 0;
    item->one_context = n_contexts == 0;
    if (ok && label && f.of[NM_EVAL_ANSWER].n > 0)
        ok = nm_fail(err, NOMUL_E_FORMAT, "has an answer, and --labels has another one");
    if (label) f.of[NM_EVAL_ANSWER].at[0] = nm_pystr_strip(*label);
    for (size_t i = 0; ok && (i == 0 || i < n); i++) { /* i == 0: says that there are none */
        size_t  at = item->bytes.n_bytes;
        nm_span text = {"", 0};

        if (i == 0 || n_contexts > 0) {
            ok = put_context(item, &f, i, &rest, err);
            context = part_from(item, at, templates[task + 1].cleans);
        }
        if (n_contexts > 0)
            text = rest;
        else
            ok = ok && nm_eval_fields_get(&f, NM_EVAL_CHOICES, i, &text, err);
        if (ok && templates[task + 1].strips_space && text.n_bytes > 0 && text.text[0] == ' ')
            text.text++, text.n_bytes--;
        at = item->bytes.n_bytes;
        ok = ok && put(item, " ", 1, err) && put(item, text.text, text.n_bytes, err);
        if (!ok) break;
        nm_eval_part choice = part_from(item, at + 1, templates[task + 1].cleans);
        item->choices[item->n_choices++] = (nm_eval_choice){
            .context = context,
            .continuation = {at, choice.n_bytes + 1},
            .n_chars = nm_pystr_length((nm_span){item->bytes.data + choice.at, choice.n_bytes}),
            .n_bytes = choice.n_bytes,
        };
    }
    ok = ok && nm_eval_fields_gold(&f, n, templates[task + 1].first, &item->gold, err);
    nm_eval_fields_free(&f);
    return ok;
}

void nm_eval_item_free(nm_eval_item *item)
{
    nm_buffer_free(&item->bytes);
}

/* ---- The items of a file --------------------------------------------------------------------- */

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
