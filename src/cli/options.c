/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parser accepts what getopt_long does, without abbreviations: -n5, -n 5, --temp 1,
 * --temp=1, flags joined as in -qi, "--" before arguments that begin with '-'.  It is written
 * here because getopt keeps global state and knows no types, ranges or help, which would be a
 * second table.
 */
#include "cli/options.h"

#include <assert.h>
#include <errno.h>
#include <float.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

/* How much of an argument goes into a message. */
#define SHOWN "%.120s"

typedef struct parser {
    const nm_option *options;
    unsigned char   *args;
    char           **argv;
    size_t           n_argv, at; /* at: the current argument */
    const nm_option *next_arg;
    const char      *dashes;      /* before a long name in messages */
    char             spelled[64]; /* the current option as the user writes it: -n, --temp */
    nomul_error     *err;
} parser;

/*
 * Levenshtein's dynamic program with a swap of neighbours (optimal string alignment), with three
 * rows of its table: rows[i % 3][j] is the distance of the first i letters of a and the first j of
 * b.
 */
size_t nm_options_distance(const char *a, const char *b)
{
    enum { MAX = 63 };
    size_t rows[3][MAX + 1] = {{0}}, n_a = strlen(a), n_b = strlen(b);

    if (n_a > MAX || n_b > MAX) return MAX;
    for (size_t i = 0; i <= n_a; i++) {
        size_t *row = rows[i % 3], *last = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        for (size_t j = 0; j <= n_b; j++) {
            size_t best = i == 0 ? j : i; /* insert all, delete all */
            if (i > 0 && j > 0) {
                best = last[j - 1] + (a[i - 1] != b[j - 1]);
                if (last[j] + 1 < best) best = last[j] + 1;
                if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
                    before[j - 2] + 1 < best)
                    best = before[j - 2] + 1;
            }
            row[j] = best;
        }
    }
    return rows[n_a % 3][n_b];
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* Decimal digits in all of the text: strtod alone would also take " 1", "0x10", "inf", "1x". */
static bool is_number(const char *text, bool whole)
{
    static const char digits[] = "0123456789";

    text += *text == '+' || *text == '-';
    size_t n = strspn(text, digits);
    text += n;
    if (!whole && *text == '.') {
        size_t n_fraction = strspn(++text, digits);
        text += n_fraction, n += n_fraction;
    }
    if (n > 0 && !whole && (*text == 'e' || *text == 'E')) {
        text++;
        text += *text == '+' || *text == '-';
        n = strspn(text, digits);
        text += n;
    }
    return n > 0 && *text == '\0';
}

/* "0 to 1", "0 and more" */
static void describe_range(const nm_option *o, char *out, size_t size)
{
    if (o->max == NM_NO_MAX)
        snprintf(out, size, "%.16g and more", o->min);
    else
        snprintf(out, size, "%.16g to %.16g", o->min, o->max);
}

/*
 * strtod and strtoll only compute: is_number has checked the spelling, and the range of the row
 * also excludes what does not fit.
 */
bool nm_option_number(const nm_option *o, const char *text, void *args, nomul_error *err)
{
    void *field = (unsigned char *)args + o->field;
    bool  whole = o->kind == NM_OPT_INT;
    char  range[80];

    if (!is_number(text, whole))
        return nm_fail(err, NOMUL_E_ARG, "'" SHOWN "' is not a %snumber", text,
                       whole ? "whole " : "");
    errno = 0;
    long long integer = whole ? strtoll(text, NULL, 10) : 0;
    bool      fits = errno == 0;
    /* strtod's decimal point is a point: setlocale is never called. */
    double number = whole ? (double)integer : strtod(text, NULL);
    if (!fits || number < o->min || number > o->max) {
        describe_range(o, range, sizeof range);
        return nm_fail(err, NOMUL_E_ARG, SHOWN " is out of range (%s)", text, range);
    }
    if (number > (double)FLT_MAX || number < -(double)FLT_MAX) /* settings become floats */
        return nm_fail(err, NOMUL_E_ARG, SHOWN " is too large", text);
    if (whole)
        *(int64_t *)field = integer;
    else
        *(double *)field = number;
    return true;
}

/* Stores a value as its row says; a flag has none. */
static bool set_value(const parser *p, const nm_option *o, const char *value)
{
    void       *field = p->args + o->field;
    nm_strings *list = field;
    const char *word = o->value;
    int64_t     index = 0;

    switch (o->kind) {
    case NM_OPT_FLAG: *(bool *)field = true; return true;
    case NM_OPT_ARG:
    case NM_OPT_STRING: *(const char **)field = value; return true;
    case NM_OPT_INT:
    case NM_OPT_FLOAT:
        return nm_option_number(o, value, p->args, p->err) || nm_fail_in(p->err, "%s", p->spelled);
    case NM_OPT_CHOICE: /* the index of `value` in "a|b|c" */
        for (size_t n;; index++, word += n + 1) {
            n = strcspn(word, "|");
            if (n == strlen(value) && memcmp(word, value, n) == 0) break;
            if (word[n] == '\0')
                return nm_fail(p->err, NOMUL_E_ARG, "%s: '" SHOWN "' is not one of %s", p->spelled,
                               value, o->value);
        }
        *(int64_t *)field = index;
        return true;
    case NM_OPT_LIST: /* n_argv values are more than a list can ever get */
        if (!list->at) list->at = nm_alloc(p->n_argv * sizeof *list->at);
        if (!list->at) return nm_fail_memory(p->err, p->n_argv * sizeof *list->at);
        list->at[list->n++] = value;
        return true;
    case NM_OPT_GIVEN:
    case NM_OPT_GROUP:
    case NM_OPT_END: break;
    }
    return false; /* no row that can be given */
}

/* A value that the user gave, as opposed to a preset. */
static bool set(const parser *p, const nm_option *given, const char *value)
{
    size_t      row = (size_t)(given - p->options);
    const char *no_name = given->role == NM_INPUT_AT ? "@" : "";

    assert(row < 64);
    if (given->role != NM_NO_FILE && strcmp(value, no_name) == 0)
        return nm_fail(p->err, NOMUL_E_ARG, "%s: the file name is empty",
                       given->kind == NM_OPT_ARG ? given->value : p->spelled);
    for (const nm_option *o = p->options; o->kind != NM_OPT_END; o++)
        if (o->kind == NM_OPT_GIVEN)
            *(nm_given *)(void *)(p->args + o->field) |= UINT64_C(1) << row;
    return set_value(p, given, value);
}

/* Any of the rows that fill the field counts: an option may have a second name. */
bool nm_option_given(const nm_option *options, const nm_given *given, size_t field)
{
    for (size_t row = 0; options[row].kind != NM_OPT_END; row++)
        if (options[row].field == field && (*given >> row & 1)) return true;
    return false;
}

/* ---- The command line ------------------------------------------------------------------------ */

/* By its long name or, with n_name 0, by its letter. */
static const nm_option *find(const parser *p, const char *name, size_t n_name)
{
    for (const nm_option *o = p->options; o->kind != NM_OPT_END; o++) {
        if (n_name == 0 && *name && o->letter == *name) return o;
        if (n_name > 0 && o->name && strlen(o->name) == n_name &&
            memcmp(o->name, name, n_name) == 0)
            return o;
    }
    return NULL;
}

/* Suggests the option whose name is nearest, if it is a typing error away. */
static bool unknown(const parser *p, const char *word, const char *name)
{
    const char *nearest = NULL, *hint = nm_hint(word);
    size_t      least = strlen(name) > 4 ? 3 : 2; /* one less is near enough */

    for (const nm_option *o = p->options; o->kind != NM_OPT_END; o++) {
        size_t distance = o->name ? nm_options_distance(name, o->name) : least;
        if (distance < least) least = distance, nearest = o->name;
    }
    if (hint) return nm_fail(p->err, NOMUL_E_ARG, "no option " SHOWN " (%s)", word, hint);
    if (!nearest) return nm_fail(p->err, NOMUL_E_ARG, "no option " SHOWN, word);
    return nm_fail(p->err, NOMUL_E_ARG, "no option " SHOWN " (is it %s%s?)", word, p->dashes,
                   nearest);
}

/* The value is the rest of the argument, else the next argument, even if it begins with '-'. */
static bool take_value(parser *p, const nm_option *o, const char *rest)
{
    /* The second text would replace the first without a word. */
    if (o->kind == NM_OPT_STRING && !o->preset && *(const char **)(void *)(p->args + o->field))
        return nm_fail(p->err, NOMUL_E_ARG, "%s is given twice", p->spelled);
    if (!rest) {
        if (p->at + 1 >= p->n_argv)
            return nm_fail(p->err, NOMUL_E_ARG, "%s needs a value: %s", p->spelled, o->value);
        rest = p->argv[++p->at];
    }
    return set(p, o, rest);
}

/* "--temp", "--temp=1", "-q", "-n5", or several flags in one argument: "-qi".  *help: -h is it. */
static bool parse_option(parser *p, const char *word, bool *help)
{
    bool        is_long = word[1] == '-';
    const char *name = word + 1 + is_long, *equals = is_long ? strchr(name, '=') : NULL;
    size_t      n_name = equals ? (size_t)(equals - name) : is_long ? strlen(name) : 1;

    if (!is_long && name[1] && nm_hint(word)) return unknown(p, word, name);
    for (;; name++) {
        const nm_option *o = find(p, name, is_long ? n_name : 0);
        const char      *rest = is_long ? (equals ? equals + 1 : NULL) : name[1] ? name + 1 : NULL;

        snprintf(p->spelled, sizeof p->spelled, "%s%.*s", is_long ? "--" : "-",
                 (int)(n_name < 60 ? n_name : 60), name);
        *help = is_long ? strcmp(name, "help") == 0 : !o && *name == 'h';
        if (*help) return true;
        if (!o && is_long) return unknown(p, word, p->spelled + 2);
        if (!o) return unknown(p, name == word + 1 ? word : p->spelled, word + 1);
        if (o->kind != NM_OPT_FLAG) return take_value(p, o, rest);
        if (equals) return nm_fail(p->err, NOMUL_E_ARG, "%s takes no value", p->spelled);
        if (!set(p, o, "")) return false;
        if (is_long || !rest) return true;
    }
}

/* An argument that is none of an option. */
static bool take_argument(parser *p, const char *word)
{
    while (p->next_arg->kind != NM_OPT_ARG && p->next_arg->kind != NM_OPT_END) p->next_arg++;
    if (p->next_arg->kind == NM_OPT_ARG) return set(p, p->next_arg++, word);

    /* One too many: a prompt or a model without its -p or -m, or the file of lines. */
    const char      *dot = strrchr(word, '.');
    const nm_option *o = find(p, dot && strcmp(dot, ".gguf") == 0 ? "m" : "p", 0);

    if (!o || o->kind != NM_OPT_STRING) o = find(p, "f", 0);
    if (p->options->kind == NM_OPT_ARG || !o || o->kind != NM_OPT_STRING)
        return nm_fail(p->err, NOMUL_E_ARG, "unexpected argument '" SHOWN "'", word);
    return nm_fail(p->err, NOMUL_E_ARG, "unexpected argument '" SHOWN "' (is it -%c %s?)", word,
                   o->letter, o->value);
}

int nm_options_parse(const nm_option *options, void *args, int argc, char **argv)
{
    nomul_error err;
    parser      p = {options, args, argv, (size_t)argc, 0, options, "--", "", &err};
    bool        ok = true, ended = false, help = false; /* ended: by "--" */

    for (const nm_option *o = options; o->kind != NM_OPT_END; o++) {
        assert(o->preset || (o->kind != NM_OPT_INT && o->kind != NM_OPT_FLOAT));
        if (o->preset) set_value(&p, o, o->preset);
        if (o->kind == NM_OPT_CHOICE && !o->preset) *(int64_t *)(void *)(p.args + o->field) = -1;
    }
    for (; ok && p.at < p.n_argv; p.at++) {
        const char *word = argv[p.at];

        if (ended || word[0] != '-' || word[1] == '\0')
            ok = take_argument(&p, word);
        else if (strcmp(word, "--") == 0)
            ended = true;
        else
            ok = parse_option(&p, word, &help);
        if (help) return NM_OPTIONS_HELP;
    }
    for (const nm_option *o = options; ok && o->kind != NM_OPT_END; o++)
        if (o->kind == NM_OPT_ARG && o->min >= 1 && !*(const char **)(void *)(p.args + o->field))
            ok = nm_fail(&err, NOMUL_E_ARG, "%s is missing", o->value);
    if (ok) return NM_EXIT_DONE;
    return err.code == NOMUL_E_MEMORY ? nm_output_failed(&err) : nm_output_misused("%s", err.text);
}

bool nm_options_set(const nm_option *options, void *args, const char *name, const char *value,
                    nomul_error *err)
{
    parser           p = {options, args, NULL, 0, 0, options, "", "", err};
    bool             letter = name[0] != '\0' && name[1] == '\0';
    const nm_option *o = find(&p, name, letter ? 0 : strlen(name));

    if (!o) return unknown(&p, name, name);
    snprintf(p.spelled, sizeof p.spelled, "%s", o->name);
    return take_value(&p, o, value);
}

void nm_options_free(const nm_option *options, void *args)
{
    for (const nm_option *o = options; o->kind != NM_OPT_END; o++)
        if (o->kind == NM_OPT_LIST) nm_free(((nm_strings *)((char *)args + o->field))->at);
}

/* ---- Help ------------------------------------------------------------------------------------ */

#define COLUMNS 79
#define MARGIN 28 /* the column where explanations begin */

void nm_options_prose(const char *text, size_t indent)
{
    size_t column = indent;
    bool   first = true; /* on its line */

    while (*text) {
        size_t n = strcspn(text, " \n");
        if (!first && column + 1 + n > COLUMNS) {
            nm_output_print("\n%*s", (int)indent, "");
            column = indent;
            first = true;
        }
        if (!first) nm_output_print(" ");
        for (size_t i = 0; i < n; i++) nm_output_print("%c", text[i] == '\t' ? ' ' : text[i]);
        column += n + !first;
        first = false;
        text += n;
        if (*text == '\n') {
            nm_output_print("\n%*s", text[1] == '\n' ? 0 : (int)indent, "");
            column = indent;
            first = true;
        }
        if (*text) text++;
    }
    nm_output_print("\n");
}

/* "(-1 to 1000; default 256)"; "" without a range and a default. */
static void describe_value(const nm_option *o, char *out, size_t size)
{
    bool is_number = o->kind == NM_OPT_INT || o->kind == NM_OPT_FLOAT;
    char range[80] = "";

    *out = '\0';
    if (is_number) describe_range(o, range, sizeof range);
    if (is_number || o->preset)
        snprintf(out, size, "(%s%sdefault %s)", range, is_number ? "; " : "", o->preset);
}

/* "  -n, --predict N           tokens to make (-1 to 1000; default 256)" */
static void print_option(const nm_option *o)
{
    const char *value = o->kind == NM_OPT_FLAG ? "" : o->value, *space = *value ? " " : "";
    char        names[80], facts[128], text[512];

    if (o->kind == NM_OPT_ARG)
        snprintf(names, sizeof names, "  %s", value);
    else if (o->letter)
        snprintf(names, sizeof names, "  -%c, --%s%s%s", o->letter, o->name, space, value);
    else
        snprintf(names, sizeof names, "      --%s%s%s", o->name, space, value);

    describe_value(o, facts, sizeof facts);
    for (char *c = facts; *c; c++)
        if (*c == ' ') *c = '\t';
    snprintf(text, sizeof text, "%s%s%s", o->help, *facts ? " " : "", facts);

    int n = (int)strlen(names);
    if (n + 2 > MARGIN)
        nm_output_print("%s\n%*s", names, MARGIN, "");
    else
        nm_output_print("%s%*s", names, MARGIN - n, "");
    nm_options_prose(text, MARGIN);
}

static const nm_option help_option = {'h',  "help",      NM_OPT_FLAG, 0, NULL,
                                      NULL, "this text", 0,           0, NM_NO_FILE};

void nm_options_help(const nm_option *options)
{
    for (const nm_option *o = options; o->kind != NM_OPT_END; o++) {
        if (o->kind == NM_OPT_GROUP)
            nm_output_print("%s%s:\n", o == options ? "" : "\n", o->help);
        else if (o->help)
            print_option(o);
    }
    print_option(&help_option);
}

static void print_row(const nm_option *o)
{
    static const char *const kinds[] = {
        [NM_OPT_GROUP] = "group", [NM_OPT_FLAG] = "flag",    [NM_OPT_STRING] = "value",
        [NM_OPT_INT] = "value",   [NM_OPT_FLOAT] = "value",  [NM_OPT_CHOICE] = "choice",
        [NM_OPT_LIST] = "list",   [NM_OPT_ARG] = "argument",
    };
    char facts[128];

    describe_value(o, facts, sizeof facts);
    nm_output_print("%s\t%c\t%s\t%s\t%s\t", kinds[o->kind], o->letter ? o->letter : '-',
                    o->name ? o->name : "-", o->value ? o->value : "-", *facts ? facts : "-");
    for (const char *c = o->help; *c; c++) nm_output_print("%c", *c == '\t' ? ' ' : *c);
    nm_output_print("\n");
}

void nm_options_table(const nm_option *options)
{
    for (const nm_option *o = options; o->kind != NM_OPT_END; o++)
        if (o->help) print_row(o);
    print_row(&help_option);
}

/* ---- Hints ----------------------------------------------------------------------------------- */

/*
 * What is typed for other programs, and what to type instead.  Options of one dash are only those
 * that cannot be a letter of ours with a value behind it.
 */
static const struct {
    const char *words, *hint;
} hints[] = {
    {"version -V", "nomul --version"},
    {"-v", "nomul --version; run prints its statistics unless -q is given"},
    {"chat -cnv --conversation -sys --system-prompt --jinja --chat-template -ins --instruct",
     "there is no chat; nomul run -i writes together with you"},
    {"-no-cnv --no-conversation", "there is no chat: leave it out"},
    {"serve server --host --port",
     "there is no server; nomul batch answers many prompts from a pipe"},
    {"generate complete completion ask cli main simple", "nomul run -p TEXT"},
    {"quantize", "nomul convert makes a model file, nomul repack changes its packing"},
    {"embed embedding", "nomul logits writes logits; there are no embeddings"},
    {"ppl", "nomul perplexity"},
    {"-p --prompt", "run, logits and tokenize have it; batch, perplexity and eval read -f FILE"},
    {"benchmark", "nomul bench"},
    {"detokenize", "nomul tokenize --decode"},
    {"train finetune", "the trainer is nomul-train: make train"},
    {"pull download -hf --hf-repo", "tools/fetch_model.sh fetches a checkpoint"},
    {"-ngl --gpu-layers --n-gpu-layers --device --main-gpu --split-mode --tensor-split",
     "nomul runs on the CPU: leave it out"},
    {"--flash-attn", "there is no attention: leave it out"},
    {"--mlock", "leave it out"},
    {"--cache-type-k --cache-type-v --keep --no-context-shift",
     "there is no cache to configure: leave it out"},
};

const char *nm_hint(const char *word)
{
    size_t n = strcspn(word, "=");

    for (size_t i = 0; n > 0 && i < sizeof hints / sizeof *hints; i++)
        for (const char *at = hints[i].words, *end; *at; at = *end ? end + 1 : end) {
            end = at + strcspn(at, " ");
            if ((size_t)(end - at) == n && memcmp(at, word, n) == 0) return hints[i].hint;
        }
    return NULL;
}
