/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One pass over the line.  Of the arrays only the number of open ones is kept: a list is in one
 * array, a text in none.  In {"text", "label"} objects both have to be there, or the labels would
 * be those of other choices; that is so if the lists are equally long where such an object ends.
 */
#include "cli/eval/eval_fields.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"

#define MAX_PATH 64

typedef struct path_row {
    const char  *path;
    nm_eval_task task;
    nm_eval_slot slot;
    size_t       place; /* in the list, from 1, of a choice that has a key of its own; else 0 */
} path_row;

static const path_row rows[] = {
    {"query", NM_EVAL_LINES, NM_EVAL_TEXT, 0},
    {"choices", NM_EVAL_LINES, NM_EVAL_CHOICES, 0},
    {"gold", NM_EVAL_LINES, NM_EVAL_ANSWER, 0},
    {"context_options", NM_EVAL_LINES, NM_EVAL_CONTEXTS, 0},
    {"continuation", NM_EVAL_LINES, NM_EVAL_CONTINUATION, 0},
    {"question", NM_EVAL_ARC, NM_EVAL_TEXT, 0},
    {"question.stem", NM_EVAL_ARC, NM_EVAL_TEXT, 0},
    {"question.choices.text", NM_EVAL_ARC, NM_EVAL_CHOICES, 0},
    {"question.choices.label", NM_EVAL_ARC, NM_EVAL_LABELS, 0},
    {"choices.text", NM_EVAL_ARC, NM_EVAL_CHOICES, 0},
    {"choices.label", NM_EVAL_ARC, NM_EVAL_LABELS, 0},
    {"answerKey", NM_EVAL_ARC, NM_EVAL_ANSWER, 0},
    {"question.stem", NM_EVAL_OPENBOOKQA, NM_EVAL_TEXT, 0},
    {"question_stem", NM_EVAL_OPENBOOKQA, NM_EVAL_TEXT, 0},
    {"question.choices.text", NM_EVAL_OPENBOOKQA, NM_EVAL_CHOICES, 0},
    {"question.choices.label", NM_EVAL_OPENBOOKQA, NM_EVAL_LABELS, 0},
    {"choices.text", NM_EVAL_OPENBOOKQA, NM_EVAL_CHOICES, 0},
    {"choices.label", NM_EVAL_OPENBOOKQA, NM_EVAL_LABELS, 0},
    {"answerKey", NM_EVAL_OPENBOOKQA, NM_EVAL_ANSWER, 0},
    {"activity_label", NM_EVAL_HELLASWAG, NM_EVAL_ACTIVITY, 0},
    {"ctx_a", NM_EVAL_HELLASWAG, NM_EVAL_CTX_A, 0},
    {"ctx_b", NM_EVAL_HELLASWAG, NM_EVAL_CTX_B, 0},
    {"endings", NM_EVAL_HELLASWAG, NM_EVAL_CHOICES, 0},
    {"label", NM_EVAL_HELLASWAG, NM_EVAL_ANSWER, 0},
    {"goal", NM_EVAL_PIQA, NM_EVAL_TEXT, 0},
    {"sol1", NM_EVAL_PIQA, NM_EVAL_CHOICES, 1},
    {"sol2", NM_EVAL_PIQA, NM_EVAL_CHOICES, 2},
    {"label", NM_EVAL_PIQA, NM_EVAL_ANSWER, 0},
    {"sentence", NM_EVAL_WINOGRANDE, NM_EVAL_TEXT, 0},
    {"option1", NM_EVAL_WINOGRANDE, NM_EVAL_CONTEXTS, 1},
    {"option2", NM_EVAL_WINOGRANDE, NM_EVAL_CONTEXTS, 2},
    {"answer", NM_EVAL_WINOGRANDE, NM_EVAL_ANSWER, 0},
};
#define N_ROWS (sizeof rows / sizeof *rows)

/*
 * A task has few rows, and a line few values: a search from the beginning costs nothing beside the
 * tokens of the line.
 */

/* The first row of the task with this path, or if that is NULL with this slot. */
static const path_row *find_row(nm_eval_task task, const char *path, nm_eval_slot slot)
{
    /* Lists of choices that have keys of their own are complete from the beginning, with gaps. */
    for (size_t i = 0; i < N_ROWS; i++)
        if (rows[i].task == task && (path ? strcmp(rows[i].path, path) == 0 : rows[i].slot == slot))
            return &rows[i];
    return NULL;
}

/* A string, number or literal whose path has a row goes to its slot. */
static bool take_value(nm_eval_fields *f, const nm_json *json, const char *path, size_t n_arrays,
                       nomul_error *err)
{
    const path_row *row = find_row(f->task, path, NM_EVAL_SLOTS);

    if (!row) return true;
    bool   answer = row->slot == NM_EVAL_ANSWER, has_place = row->place > 0;
    bool   list = row->slot <= NM_EVAL_CONTEXTS && !has_place;
    size_t at = has_place ? row->place - 1 : f->of[row->slot].n;
    char  *to = f->strings + f->n_strings; /* the line's length is enough for all */

    if (n_arrays != list)
        return nm_fail(err, NOMUL_E_FORMAT, "%s: expected %s", path,
                       list ? "one array of strings" : "a value, no array");
    if (json->type != NM_JSON_STRING && !(answer && json->type == NM_JSON_NUMBER))
        return nm_fail(err, NOMUL_E_FORMAT, "%s: is %s, expected a string%s", path,
                       nm_json_type_words(json->type), answer ? " or a number" : "");
    if (list && at == NM_EVAL_MAX_CHOICES)
        return nm_fail(err, NOMUL_E_FORMAT, "%s: more than %d", path, NM_EVAL_MAX_CHOICES);
    if (list && at == 0) f->of[row->slot].array = f->n_arrays;
    if (list ? f->of[row->slot].array != f->n_arrays
             : f->of[row->slot].at[has_place ? at : 0].text != NULL)
        return nm_fail(err, NOMUL_E_FORMAT, "%s: occurs twice", path);
    size_t n = json->n_text;
    if (json->type == NM_JSON_STRING)
        n = nm_json_string(json, to);
    else
        memcpy(to, json->text, n);
    f->of[row->slot].at[at] = (nm_span){to, n};
    f->of[row->slot].n += !has_place;
    f->n_strings += n;
    return true;
}

bool nm_eval_fields_read(nm_eval_fields *f, nm_eval_task task, nm_span line, nomul_error *err)
{
    char    path[MAX_PATH] = "", key[MAX_PATH];
    size_t  n_path[NM_JSON_DEPTH + 2] = {0}, n_arrays = 0; /* n_path: of each open level */
    bool    labels = find_row(task, NULL, NM_EVAL_LABELS) != NULL;
    nm_json json;

    *f = (nm_eval_fields){.task = task, .strings = nm_alloc(line.n_bytes + 1)};
    if (!f->strings) return nm_fail_memory(err, line.n_bytes + 1);
    for (size_t i = 0; i < N_ROWS; i++)
        if (rows[i].task == task && rows[i].place > f->of[rows[i].slot].n)
            f->of[rows[i].slot].n = rows[i].place;
    nm_json_init(&json, line.text, line.n_bytes);
    if (nm_json_next(&json) != NM_JSON_OBJECT && json.type != NM_JSON_ERROR)
        return nm_fail(err, NOMUL_E_FORMAT, "is %s, expected an object",
                       nm_json_type_words(json.type));
    while (json.type != NM_JSON_ERROR && nm_json_next(&json) != NM_JSON_END) {
        size_t n = n_path[json.depth];

        if (json.type == NM_JSON_KEY) { /* one that no row can have becomes "?" */
            size_t n_key = json.n_text < MAX_PATH ? nm_json_string(&json, key) : 0;
            bool   odd = !n_key || memchr(key, '.', n_key) || memchr(key, '\0', n_key);

            snprintf(path + n, MAX_PATH - n, "%s%.*s", n > 0 ? "." : "", odd ? 1 : (int)n_key,
                     odd ? "?" : key);
        } else if (json.type == NM_JSON_OBJECT || json.type == NM_JSON_ARRAY) {
            n_path[json.depth] = strlen(path);
            if (json.type == NM_JSON_ARRAY && n_arrays++ == 0) f->n_arrays++;
        } else if (json.type == NM_JSON_OBJECT_END || json.type == NM_JSON_ARRAY_END) {
            path[n_path[json.depth + 1]] = '\0'; /* of what ends here; then of what it is in */
            n_arrays -= json.type == NM_JSON_ARRAY_END;
            if (labels && json.type == NM_JSON_OBJECT_END && strstr(path, "choices") &&
                f->of[NM_EVAL_CHOICES].n != f->of[NM_EVAL_LABELS].n)
                return nm_fail(err, NOMUL_E_FORMAT, "%s: %zu labels for %zu texts", path,
                               f->of[NM_EVAL_LABELS].n, f->of[NM_EVAL_CHOICES].n);
            path[n] = '\0';
        } else if (json.type != NM_JSON_ERROR && !take_value(f, &json, path, n_arrays, err)) {
            return false;
        }
    }
    return json.type == NM_JSON_END ||
           nm_fail(err, NOMUL_E_FORMAT, "byte %zu: %s", json.at + 1, json.problem);
}

void nm_eval_fields_free(nm_eval_fields *f)
{
    nm_free(f->strings);
}

/* Each slot that is asked for has a row, which an analyzer cannot know. */
static const char *path_of(const path_row *row)
{
    return row ? row->path : "";
}

bool nm_eval_fields_get(const nm_eval_fields *f, nm_eval_slot slot, size_t i, nm_span *text,
                        nomul_error *err)
{
    const path_row *row = find_row(f->task, NULL, slot);

    *text = f->of[slot].at[i];
    if (text->text) return true;
    bool placed = row && row->place > 0; /* the rows of a list's places follow each other */
    return nm_fail(err, NOMUL_E_FORMAT, "%s: is missing%s", path_of(placed ? row + i : row),
                   f->task == NM_EVAL_PIQA && slot == NM_EVAL_ANSWER
                       ? "; --labels names a file with the answers"
                   : slot == NM_EVAL_CHOICES && !placed ? " or empty"
                                                        : "");
}

bool nm_eval_fields_gold(const nm_eval_fields *f, size_t n_choices, size_t first, size_t *gold,
                         nomul_error *err)
{
    const char *key = path_of(find_row(f->task, NULL, NM_EVAL_ANSWER));
    bool        labels = find_row(f->task, NULL, NM_EVAL_LABELS) != NULL;
    size_t      value = 0;
    nm_span     answer;

    if (!nm_eval_fields_get(f, NM_EVAL_ANSWER, 0, &answer, err)) return false;
    int n_shown = answer.n_bytes < 40 ? (int)answer.n_bytes : 40;
    if (labels) { /* spaces around the answer do not count */
        answer = nm_pystr_strip(answer);
        for (*gold = 0; *gold < n_choices; ++*gold) {
            nm_span label = f->of[NM_EVAL_LABELS].at[*gold];
            if (label.n_bytes == answer.n_bytes && !memcmp(label.text, answer.text, answer.n_bytes))
                return true;
        }
        return nm_fail(err, NOMUL_E_FORMAT, "%s: is \"%.*s\", which labels no choice", key, n_shown,
                       answer.text);
    }
    /* Up to three digits: more would be no choice. */
    bool ok = answer.n_bytes > 0 && answer.n_bytes < 4;
    for (size_t i = 0; ok && i < answer.n_bytes; i++) {
        ok = answer.text[i] >= '0' && answer.text[i] <= '9';
        value = 10 * value + (size_t)(answer.text[i] - '0');
    }
    *gold = value - first;
    return (ok && value >= first && *gold < n_choices) ||
           nm_fail(err, NOMUL_E_FORMAT, "%s: is \"%.*s\", expected %zu to %zu", key, n_shown,
                   answer.text, first, first + n_choices - 1);
}
