/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line becomes lists of strings, its fields; the task's template makes an item of them.
 *
 *   {"question":{"stem":"Why?","choices":[{"text":"So","label":"A"},..]},"answerKey":"A"}
 *   {"question":"Why?","choices":{"text":["So",..],"label":["A",..]},"answerKey":"A"}
 *
 * A value is found by its path: the keys that lead to it, without the arrays.  "choices.text" in
 * both lines is a list of strings, so original data sets and rows of the hub need no code of
 * their own, only rows of the table of paths.
 */
#include "cli/eval/eval_item.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/json.h"

#define MAX_PATH 64

/* ---- Fields ---------------------------------------------------------------------------------- */

typedef enum slot {
    TEXT,    /* question, sentence, goal */
    CHOICES, /* a list; so are LABELS and CONTEXTS */
    LABELS,
    CONTEXTS,
    FIRST, /* of two choices */
    SECOND,
    CONTINUATION,
    ACTIVITY,
    CTX_A,
    CTX_B,
    ANSWER, /* a string or a number */
    N_SLOTS,
} slot;

static const struct {
    const char  *path;
    nm_eval_task task;
    slot         slot;
} paths[] = {
    {"query", NM_EVAL_LINES, TEXT},
    {"choices", NM_EVAL_LINES, CHOICES},
    {"gold", NM_EVAL_LINES, ANSWER},
    {"context_options", NM_EVAL_LINES, CONTEXTS},
    {"continuation", NM_EVAL_LINES, CONTINUATION},
    {"question", NM_EVAL_ARC, TEXT},
    {"question.stem", NM_EVAL_ARC, TEXT},
    {"question.choices.text", NM_EVAL_ARC, CHOICES},
    {"question.choices.label", NM_EVAL_ARC, LABELS},
    {"choices.text", NM_EVAL_ARC, CHOICES},
    {"choices.label", NM_EVAL_ARC, LABELS},
    {"answerKey", NM_EVAL_ARC, ANSWER},
    {"question.stem", NM_EVAL_OPENBOOKQA, TEXT},
    {"question_stem", NM_EVAL_OPENBOOKQA, TEXT},
    {"question.choices.text", NM_EVAL_OPENBOOKQA, CHOICES},
    {"question.choices.label", NM_EVAL_OPENBOOKQA, LABELS},
    {"choices.text", NM_EVAL_OPENBOOKQA, CHOICES},
    {"choices.label", NM_EVAL_OPENBOOKQA, LABELS},
    {"answerKey", NM_EVAL_OPENBOOKQA, ANSWER},
    {"activity_label", NM_EVAL_HELLASWAG, ACTIVITY},
    {"ctx_a", NM_EVAL_HELLASWAG, CTX_A},
    {"ctx_b", NM_EVAL_HELLASWAG, CTX_B},
    {"endings", NM_EVAL_HELLASWAG, CHOICES},
    {"label", NM_EVAL_HELLASWAG, ANSWER},
    {"goal", NM_EVAL_PIQA, TEXT},
    {"sol1", NM_EVAL_PIQA, FIRST},
    {"sol2", NM_EVAL_PIQA, SECOND},
    {"label", NM_EVAL_PIQA, ANSWER},
    {"sentence", NM_EVAL_WINOGRANDE, TEXT},
    {"option1", NM_EVAL_WINOGRANDE, FIRST},
    {"option2", NM_EVAL_WINOGRANDE, SECOND},
    {"answer", NM_EVAL_WINOGRANDE, ANSWER},
};
#define N_PATHS (sizeof paths / sizeof *paths)

/* Strings of one slot, in the reader's own memory. */
typedef struct field {
    nm_span at[NM_EVAL_MAX_CHOICES];
    size_t  n;
} field;

typedef struct reader {
    nm_eval_task  task;
    nm_eval_item *item;
    nm_json       json;
    char          path[MAX_PATH]; /* too long for any of the table: cut */
    char         *strings;        /* n_bytes of the line hold all that are unescaped */
    size_t        n_strings;
    field         fields[N_SLOTS];
} reader;

/* For messages: the first key of this task that fills the slot. */
static const char *key_of(const reader *r, slot s)
{
    for (size_t i = 0; i < N_PATHS; i++)
        if (paths[i].task == r->task && paths[i].slot == s) return paths[i].path;
    return "?";
}

/* A string, number or literal whose path is known goes to its slot. */
static bool take_value(reader *r, nomul_error *err)
{
    nm_json *json = &r->json;
    size_t   i = 0;

    while (i < N_PATHS && (paths[i].task != r->task || strcmp(paths[i].path, r->path) != 0)) i++;
    if (i == N_PATHS) return true;
    field *f = &r->fields[paths[i].slot];
    bool   number = json->type == NM_JSON_NUMBER && paths[i].slot == ANSWER;

    if (json->type != NM_JSON_STRING && !number)
        return nm_fail(err, NOMUL_E_FORMAT, "%s: is %s, expected a string%s", r->path,
                       nm_json_type_words(json->type),
                       paths[i].slot == ANSWER ? " or a number" : "");
    if (f->n == NM_EVAL_MAX_CHOICES)
        return nm_fail(err, NOMUL_E_FORMAT, "%s: more than %d", r->path, NM_EVAL_MAX_CHOICES);
    char  *to = r->strings + r->n_strings;
    size_t n = json->n_text;
    if (number)
        memcpy(to, json->text, n);
    else
        n = nm_json_string(json, to);
    f->at[f->n++] = (nm_span){to, n};
    r->n_strings += n;
    return true;
}

/* The key's name after the first n_path bytes of the path. */
static void add_key(reader *r, size_t n_path)
{
    nm_json *json = &r->json;
    char    *to = r->path + n_path;

    if (n_path + 2 + json->n_text >= MAX_PATH) {
        strcpy(r->path, "...");
        return;
    }
    if (n_path > 0) *to++ = '.';
    to[nm_json_string(json, to)] = '\0';
}

/* All fields of the line.  Every level of the document has the length of its path. */
static bool read_fields(reader *r, nomul_error *err)
{
    nm_json *json = &r->json;
    size_t   n_path[NM_JSON_DEPTH + 1] = {0};

    if (nm_json_next(json) != NM_JSON_OBJECT && json->type != NM_JSON_ERROR)
        return nm_fail(err, NOMUL_E_FORMAT, "is %s, expected an object",
                       nm_json_type_words(json->type));
    while (json->type != NM_JSON_ERROR && nm_json_next(json) != NM_JSON_END) {
        bool begins = json->type == NM_JSON_OBJECT || json->type == NM_JSON_ARRAY;

        if (json->type == NM_JSON_KEY)
            add_key(r, n_path[json->depth]);
        else if (begins)
            n_path[json->depth] = strlen(r->path);
        else if (json->type == NM_JSON_OBJECT_END || json->type == NM_JSON_ARRAY_END)
            r->path[n_path[json->depth]] = '\0';
        else if (json->type != NM_JSON_ERROR && !take_value(r, err))
            return false;
    }
    if (json->type == NM_JSON_ERROR)
        return nm_fail(err, NOMUL_E_FORMAT, "byte %zu: %s", json->at + 1, json->problem);
    return true;
}

/* The one string of a slot. */
static bool one(const reader *r, slot s, nm_span *text, nomul_error *err)
{
    const field *f = &r->fields[s];

    if (f->n != 1)
        return nm_fail(err, NOMUL_E_FORMAT, "%s: %s%s", key_of(r, s),
                       f->n > 0 ? "occurs twice" : "is missing",
                       f->n == 0 && r->task == NM_EVAL_PIQA && s == ANSWER
                           ? "; --labels names a file with the answers"
                           : "");
    *text = f->at[0];
    return true;
}

/* ---- Building an item ------------------------------------------------------------------------ */

/* Appends up to three texts to the item's bytes, as one part. */
static bool put(nm_eval_item *item, nm_eval_part *part, nm_span a, const char *b, nm_span c,
                nomul_error *err)
{
    part->at = item->bytes.n_bytes;
    if (!nm_buffer_add(&item->bytes, a.text, a.n_bytes, err) ||
        !nm_buffer_add(&item->bytes, b, strlen(b), err) ||
        !nm_buffer_add(&item->bytes, c.text, c.n_bytes, err))
        return false;
    part->n_bytes = item->bytes.n_bytes - part->at;
    return true;
}

static const nm_span nothing = {"", 0};

/* A choice that continues the context, after a space; counted are its characters without it. */
static bool put_choice(nm_eval_item *item, nm_eval_part context, nm_span choice, nomul_error *err)
{
    nm_eval_choice *c = &item->choices[item->n_choices++];

    *c = (nm_eval_choice){
        .context = context, .n_chars = nm_pystr_length(choice), .n_bytes = choice.n_bytes};
    return put(item, &c->continuation, nothing, " ", choice, err);
}

static bool put_choices(reader *r, nm_eval_part context, nomul_error *err)
{
    const field *f = &r->fields[CHOICES];

    if (f->n == 0) return nm_fail(err, NOMUL_E_FORMAT, "%s: is missing", key_of(r, CHOICES));
    r->item->one_context = true;
    for (size_t i = 0; i < f->n; i++)
        if (!put_choice(r->item, context, f->at[i], err)) return false;
    return true;
}

/* The answer as a number from `first` on. */
static bool gold_number(reader *r, size_t first, nomul_error *err)
{
    nm_eval_item *item = r->item;
    nm_span       answer;
    size_t        value = 0;

    if (!one(r, ANSWER, &answer, err)) return false;
    bool ok = answer.n_bytes > 0 && answer.n_bytes < 4;
    for (size_t i = 0; ok && i < answer.n_bytes; i++) {
        ok = answer.text[i] >= '0' && answer.text[i] <= '9';
        value = 10 * value + (size_t)(answer.text[i] - '0');
    }
    if (!ok || value < first || value - first >= item->n_choices)
        return nm_fail(err, NOMUL_E_FORMAT, "%s: is \"%.*s\", expected %zu to %zu",
                       key_of(r, ANSWER), answer.n_bytes < 40 ? (int)answer.n_bytes : 40,
                       answer.text, first, first + item->n_choices - 1);
    item->gold = value - first;
    return true;
}

/* The answer as the label of a choice; spaces before it do not count. */
static bool gold_label(reader *r, nomul_error *err)
{
    const field *labels = &r->fields[LABELS];
    nm_span      answer;

    if (!one(r, ANSWER, &answer, err)) return false;
    if (labels->n != r->item->n_choices)
        return nm_fail(err, NOMUL_E_FORMAT, "%s: are %zu for %zu choices", key_of(r, LABELS),
                       labels->n, r->item->n_choices);
    answer = nm_pystr_strip(answer);
    for (size_t i = 0; i < labels->n; i++) {
        nm_span label = labels->at[i];

        if (label.n_bytes != answer.n_bytes || memcmp(label.text, answer.text, label.n_bytes) != 0)
            continue;
        r->item->gold = i;
        return true;
    }
    return nm_fail(err, NOMUL_E_FORMAT, "%s: is \"%.*s\", which is no label of a choice",
                   key_of(r, ANSWER), answer.n_bytes < 40 ? (int)answer.n_bytes : 40, answer.text);
}

/* ---- Templates ------------------------------------------------------------------------------- */

/* A choice or continuation that has its space already keeps it; it is not counted. */
static nm_span without_space(nm_span s)
{
    bool space = s.n_bytes > 0 && s.text[0] == ' ';

    return (nm_span){s.text + space, s.n_bytes - space};
}

static bool build_schema(reader *r, nomul_error *err)
{
    nm_eval_item *item = r->item;
    const field  *contexts = &r->fields[CONTEXTS];
    nm_span       continuation;

    if (!one(r, CONTINUATION, &continuation, err)) return false;
    for (size_t i = 0; i < contexts->n; i++) {
        nm_eval_part context;

        if (!put(item, &context, contexts->at[i], "", nothing, err) ||
            !put_choice(item, context, without_space(continuation), err))
            return false;
    }
    return gold_number(r, 0, err);
}

static bool build_lines(reader *r, nomul_error *err)
{
    nm_eval_part context;
    nm_span      query;
    field       *choices = &r->fields[CHOICES];

    if (r->fields[CONTEXTS].n > 0) return build_schema(r, err);
    for (size_t i = 0; i < choices->n; i++) choices->at[i] = without_space(choices->at[i]);
    return one(r, TEXT, &query, err) && put(r->item, &context, query, "", nothing, err) &&
           put_choices(r, context, err) && gold_number(r, 0, err);
}

static bool build_question(reader *r, nm_eval_part *context, nomul_error *err)
{
    nm_span text;

    if (!one(r, TEXT, &text, err) || !put(r->item, context, nothing, "Question: ", text, err) ||
        !nm_buffer_add(&r->item->bytes, "\nAnswer:", 8, err))
        return false;
    context->n_bytes += 8;
    return true;
}

static bool build_arc(reader *r, nomul_error *err)
{
    nm_eval_part context;

    return build_question(r, &context, err) && put_choices(r, context, err) && gold_label(r, err);
}

static bool build_openbookqa(reader *r, nomul_error *err)
{
    nm_eval_part context;
    nm_span      text;

    return one(r, TEXT, &text, err) && put(r->item, &context, text, "", nothing, err) &&
           put_choices(r, context, err) && gold_label(r, err);
}

static bool build_piqa(reader *r, nomul_error *err)
{
    nm_eval_part context;
    nm_span      first, second;

    r->item->one_context = true;
    return build_question(r, &context, err) && one(r, FIRST, &first, err) &&
           one(r, SECOND, &second, err) && put_choice(r->item, context, first, err) &&
           put_choice(r->item, context, second, err) && gold_number(r, 0, err);
}

/* The part at the end of the item's bytes, without the marks of the data set's sources. */
static void clean(nm_eval_item *item, nm_eval_part *part)
{
    nm_buffer *bytes = &item->bytes;
    nm_span    s = nm_pystr_strip((nm_span){bytes->data + part->at, part->n_bytes});

    if (s.n_bytes > 0) memmove(bytes->data + part->at, s.text, s.n_bytes);
    bytes->n_bytes = part->at + s.n_bytes;
    nm_pystr_replace(bytes, part->at, " [title]", ". ");
    nm_pystr_drop_brackets(bytes, part->at);
    nm_pystr_replace(bytes, part->at, "  ", " ");
    part->n_bytes = bytes->n_bytes - part->at;
}

static bool build_hellaswag(reader *r, nomul_error *err)
{
    nm_eval_item *item = r->item;
    const field  *endings = &r->fields[CHOICES];
    nm_eval_part  context, ctx;
    nm_span       activity, a, b;

    item->one_context = true;
    if (!one(r, ACTIVITY, &activity, err) || !one(r, CTX_A, &a, err) || !one(r, CTX_B, &b, err))
        return false;
    if (endings->n == 0) return nm_fail(err, NOMUL_E_FORMAT, "endings: is missing");
    if (!put(item, &context, activity, ": ", nothing, err) ||
        !put(item, &ctx, a, " ", nothing, err))
        return false;
    if (!nm_pystr_capitalize(&item->bytes, b, err)) return false;
    context.n_bytes = item->bytes.n_bytes - context.at;
    clean(item, &context);
    for (size_t i = 0; i < endings->n; i++) {
        nm_eval_part ending;

        if (!nm_buffer_add(&item->bytes, " ", 1, err) ||
            !put(item, &ending, endings->at[i], "", nothing, err))
            return false;
        clean(item, &ending);
        nm_span text = {item->bytes.data + ending.at, ending.n_bytes};
        item->choices[item->n_choices++] = (nm_eval_choice){
            .context = context,
            .continuation = {ending.at - 1, ending.n_bytes + 1},
            .n_chars = nm_pystr_length(text),
            .n_bytes = text.n_bytes,
        };
    }
    return gold_number(r, 0, err);
}

/* The sentence up to its blank and an option are a context; what follows the blank is scored. */
static bool build_winogrande(reader *r, nomul_error *err)
{
    nm_span sentence, options[2];

    if (!one(r, TEXT, &sentence, err) || !one(r, FIRST, &options[0], err) ||
        !one(r, SECOND, &options[1], err))
        return false;
    const char *blank = memchr(sentence.text, '_', sentence.n_bytes);
    if (!blank) return nm_fail(err, NOMUL_E_FORMAT, "sentence: has no _ in it");
    nm_span before = {sentence.text, (size_t)(blank - sentence.text)};
    nm_span after = {blank + 1, sentence.n_bytes - before.n_bytes - 1};
    for (size_t i = 0; i < 2; i++) {
        nm_eval_part context;

        if (!put(r->item, &context, before, "", options[i], err) ||
            !put_choice(r->item, context, nm_pystr_strip(after), err))
            return false;
    }
    return gold_number(r, 1, err);
}

static const struct {
    const char *name;
    bool (*build)(reader *r, nomul_error *err);
} tasks[] = {
    /* clang-format off */
    [NM_EVAL_ARC] = {"arc", build_arc},
    [NM_EVAL_HELLASWAG] = {"hellaswag", build_hellaswag},
    [NM_EVAL_OPENBOOKQA] = {"openbookqa", build_openbookqa},
    [NM_EVAL_PIQA] = {"piqa", build_piqa},
    [NM_EVAL_WINOGRANDE] = {"winogrande", build_winogrande},
    /* clang-format on */
};

const char *nm_eval_task_name(nm_eval_task task)
{
    return task == NM_EVAL_LINES ? "lines" : tasks[task].name;
}

bool nm_eval_item_read(nm_eval_item *item, nm_eval_task task, nm_span line, const nm_span *label,
                       nomul_error *err)
{
    reader r = {.task = task, .item = item, .strings = nm_alloc(line.n_bytes + 1)};

    if (!r.strings) return nm_fail_memory(err, line.n_bytes + 1);
    item->bytes.n_bytes = 0;
    item->n_choices = 0;
    item->one_context = false;
    nm_json_init(&r.json, line.text, line.n_bytes);
    bool ok = read_fields(&r, err);
    if (label) {
        r.fields[ANSWER].at[0] = nm_pystr_strip(*label);
        r.fields[ANSWER].n = 1;
    }
    ok = ok && (task == NM_EVAL_LINES ? build_lines(&r, err) : tasks[task].build(&r, err));
    nm_free(r.strings);
    return ok;
}

void nm_eval_item_free(nm_eval_item *item)
{
    nm_buffer_free(&item->bytes);
}
