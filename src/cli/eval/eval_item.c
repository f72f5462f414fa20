/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The templates, as rows of a table.  Texts are put one after the other into the item's bytes: a
 * context, then the continuations that have it.
 */
#include "cli/eval/eval_item.h"

#include <string.h>

#include "base/error.h"

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
    bool           cleans = templates[task + 1].cleans;

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
            context = part_from(item, at, cleans);
        }
        if (n_contexts > 0)
            text = rest;
        else
            ok = ok && nm_eval_fields_get(&f, NM_EVAL_CHOICES, i, &text, err);
        if (ok && templates[task + 1].strips_space && text.n_bytes > 0 && text.text[0] == ' ')
            text.text++, text.n_bytes--;
        at = item->bytes.n_bytes;
        if (!ok || !put(item, " ", 1, err) || !put(item, text.text, text.n_bytes, err)) {
            ok = false;
            break;
        }
        nm_eval_part choice = part_from(item, at + 1, cleans);
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
