/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing; the words of help are in help.c. */
#include "cli/options.h"

#include <assert.h>
#include <errno.h>
#include <float.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "cli/help.h"

/* How much of a user's word goes into a message. */
#define SHOWN "%.120s"

typedef struct parser {
    const char      *command;
    const nm_option *options;
    unsigned char   *args;
    char           **argv;
    size_t           n_argv, at; /* at: the word now */
    const nm_option *next_arg;
} parser;

int nm_misused(const char *command, const char *format, ...)
{
    char        text[512];
    nomul_error err; /* takes control bytes out of what the user typed */
    va_list     list;

    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    nm_fail(&err, NOMUL_E_ARG, "%s", text);
    if (command)
        fprintf(stderr, "nomul %s: %s; see nomul help %s\n", command, err.text, command);
    else
        fprintf(stderr, "nomul: %s; see nomul help\n", err.text);
    return 2;
}

size_t nm_edit_distance(const char *a, const char *b)
{
    enum { MAX = 63 };
    size_t row[MAX + 1], n_a = strlen(a), n_b = strlen(b);

    if (n_a > MAX || n_b > MAX) return MAX;
    for (size_t j = 0; j <= n_b; j++) row[j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best) best = row[j] + 1;
            if (row[j - 1] + 1 < best) best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[n_b];
}

/* ---- Values ---------------------------------------------------------------------------------- */

static bool is_number(const char *text, bool whole)
{
    size_t n_digits = 0;

    if (*text == '+' || *text == '-') text++;
    for (; *text >= '0' && *text <= '9'; text++) n_digits++;
    if (!whole && *text == '.')
        for (text++; *text >= '0' && *text <= '9'; text++) n_digits++;
    if (n_digits == 0) return false;
    if (!whole && (*text == 'e' || *text == 'E')) {
        n_digits = 0;
        text++;
        if (*text == '+' || *text == '-') text++;
        for (; *text >= '0' && *text <= '9'; text++) n_digits++;
    }
    return n_digits > 0 && *text == '\0';
}

static bool wrong_range(const nm_option *o, const char *command, const char *spelled,
                        const char *value)
{
    char range[80];

    nm_help_range(o, range, sizeof range);
    nm_misused(command, "%s: " SHOWN " is out of range (%s)", spelled, value, range);
    return false;
}

static bool set_int(const nm_option *o, int64_t *field, const char *value, const char *command,
                    const char *spelled)
{
    if (!is_number(value, true)) {
        nm_misused(command, "%s: '" SHOWN "' is not a whole number", spelled, value);
        return false;
    }
    errno = 0;
    long long number = strtoll(value, NULL, 10);
    if (errno || (double)number < o->min || (double)number > o->max)
        return wrong_range(o, command, spelled, value);
    *field = number;
    return true;
}

/* No call of setlocale anywhere: strtod's decimal point is a point. */
static bool set_float(const nm_option *o, double *field, const char *value, const char *command,
                      const char *spelled)
{
    if (!is_number(value, false)) {
        nm_misused(command, "%s: '" SHOWN "' is not a number", spelled, value);
        return false;
    }
    double number = strtod(value, NULL);
    if (number < o->min || number > o->max) return wrong_range(o, command, spelled, value);
    if (number > (double)FLT_MAX || number < -(double)FLT_MAX) {
        nm_misused(command, "%s: " SHOWN " is too large", spelled, value);
        return false;
    }
    *field = number;
    return true;
}

static bool set_choice(const nm_option *o, int64_t *field, const char *value, const char *command,
                       const char *spelled)
{
    int64_t     index = 0;
    size_t      n = strlen(value);
    const char *word = o->value;

    for (;; index++) {
        size_t n_word = strcspn(word, "|");
        if (n_word == n && memcmp(word, value, n) == 0) break;
        if (word[n_word] == '\0') {
            nm_misused(command, "%s: '" SHOWN "' is not one of %s", spelled, value, o->value);
            return false;
        }
        word += n_word + 1;
    }
    *field = index;
    return true;
}

/* `most` is more than a list can ever need: the number of words given. */
static bool add_to_list(nm_strings *list, const char *value, size_t most)
{
    if (!list->at) list->at = nm_alloc(most * sizeof *list->at);
    if (!list->at) {
        fprintf(stderr, "nomul: out of memory\n");
        return false;
    }
    list->at[list->n++] = value;
    return true;
}

static void note_given(const parser *p, const nm_option *given)
{
    size_t row = (size_t)(given - p->options);

    assert(row < 64);
    for (const nm_option *o = p->options; o->kind != NM_OPT_END; o++)
        if (o->kind == NM_OPT_GIVEN)
            *(nm_given *)(void *)(p->args + o->field) |= UINT64_C(1) << row;
}

bool nm_option_given(const nm_option *options, const nm_given *given, size_t field)
{
    for (size_t row = 0; options[row].kind != NM_OPT_END; row++)
        if (options[row].field == field && (*given >> row & 1)) return true;
    return false;
}

static bool set_value(const parser *p, const nm_option *o, const char *value, const char *spelled)
{
    void *field = p->args + o->field;

    switch (o->kind) {
    case NM_OPT_FLAG: *(bool *)field = true; return true;
    case NM_OPT_ARG:
    case NM_OPT_STRING: *(const char **)field = value; return true;
    case NM_OPT_INT: return set_int(o, field, value, p->command, spelled);
    case NM_OPT_FLOAT: return set_float(o, field, value, p->command, spelled);
    case NM_OPT_CHOICE: return set_choice(o, field, value, p->command, spelled);
    case NM_OPT_LIST: return add_to_list(field, value, p->n_argv);
    case NM_OPT_GIVEN:
    case NM_OPT_GROUP:
    case NM_OPT_END: break;
    }
    return false;
}

/* What the user gave. */
static bool set(const parser *p, const nm_option *o, const char *value, const char *spelled)
{
    note_given(p, o);
    return set_value(p, o, value, spelled);
}

static void set_presets(const parser *p)
{
    for (const nm_option *o = p->options; o->kind != NM_OPT_END; o++) {
        void *field = p->args + o->field;

        if (o->kind == NM_OPT_GROUP) continue;
        if (o->kind == NM_OPT_GIVEN)
            *(nm_given *)field = 0;
        else if (o->kind == NM_OPT_FLAG)
            *(bool *)field = false;
        else if (o->kind == NM_OPT_LIST)
            *(nm_strings *)field = (nm_strings){0};
        else if (o->preset)
            set_value(p, o, o->preset, o->value);
        else if (o->kind == NM_OPT_CHOICE)
            *(int64_t *)field = -1;
        else
            *(const char **)field = NULL;
        assert(o->preset || (o->kind != NM_OPT_INT && o->kind != NM_OPT_FLOAT));
    }
}

/* ---- Words ----------------------------------------------------------------------------------- */

static const nm_option *find_long(const parser *p, const char *name, size_t n_name)
{
    for (const nm_option *o = p->options; o->kind != NM_OPT_END; o++)
        if (o->name && strlen(o->name) == n_name && memcmp(o->name, name, n_name) == 0) return o;
    return NULL;
}

static const nm_option *find_letter(const parser *p, char letter)
{
    for (const nm_option *o = p->options; o->kind != NM_OPT_END; o++)
        if (o->letter == letter) return o;
    return NULL;
}

static nm_parse unknown(const parser *p, const char *word, const char *name)
{
    const nm_option *nearest = NULL;
    size_t           least = strlen(name) > 4 ? 3 : 2; /* one less is near enough */

    for (const nm_option *o = p->options; o->kind != NM_OPT_END; o++) {
        bool   is_key = o->name && strchr(o->name, '_'); /* of JSON lines: not worth suggesting */
        size_t distance = o->name && !is_key ? nm_edit_distance(name, o->name) : least;
        if (distance < least) {
            least = distance;
            nearest = o;
        }
    }
    if (nearest)
        nm_misused(p->command, "no option " SHOWN " (is it --%s?)", word, nearest->name);
    else
        nm_misused(p->command, "no option " SHOWN, word);
    return NM_PARSE_WRONG;
}

/* The option's value: the rest of its own word, or else the next word, whatever that looks like. */
static nm_parse take_value(parser *p, const nm_option *o, const char *rest, const char *spelled)
{
    if (!rest) {
        if (p->at + 1 >= p->n_argv) {
            nm_misused(p->command, "%s needs a value: %s", spelled, o->value);
            return NM_PARSE_WRONG;
        }
        rest = p->argv[++p->at];
    }
    return set(p, o, rest, spelled) ? NM_PARSE_OK : NM_PARSE_WRONG;
}

static nm_parse parse_long(parser *p, const char *word)
{
    const char *name = word + 2, *equals = strchr(name, '=');
    size_t      n_name = equals ? (size_t)(equals - name) : strlen(name);
    char        spelled[64];

    if (strcmp(name, "help") == 0) return NM_PARSE_HELP;
    const nm_option *o = find_long(p, name, n_name);
    if (!o) {
        snprintf(spelled, sizeof spelled, "%.*s", (int)(n_name < 60 ? n_name : 60), name);
        return unknown(p, word, spelled);
    }
    snprintf(spelled, sizeof spelled, "--%s", o->name);
    if (o->kind != NM_OPT_FLAG) return take_value(p, o, equals ? equals + 1 : NULL, spelled);
    if (equals) {
        nm_misused(p->command, "%s takes no value", spelled);
        return NM_PARSE_WRONG;
    }
    return set(p, o, NULL, spelled) ? NM_PARSE_OK : NM_PARSE_WRONG;
}

/* "-q", "-n5", or several flags in one word. */
static nm_parse parse_letters(parser *p, const char *word)
{
    for (const char *letter = word + 1; *letter; letter++) {
        char             spelled[3] = {'-', *letter, '\0'};
        const nm_option *o = find_letter(p, *letter);

        if (!o && *letter == 'h') return NM_PARSE_HELP;
        if (!o) return unknown(p, letter == word + 1 ? word : spelled, word + 1);
        if (o->kind != NM_OPT_FLAG) return take_value(p, o, letter[1] ? letter + 1 : NULL, spelled);
        if (!set(p, o, NULL, spelled)) return NM_PARSE_WRONG;
    }
    return NM_PARSE_OK;
}

static nm_parse parse_arg(parser *p, const char *word)
{
    while (p->next_arg->kind != NM_OPT_ARG && p->next_arg->kind != NM_OPT_END) p->next_arg++;
    if (p->next_arg->kind == NM_OPT_END) {
        nm_misused(p->command, "no place for '" SHOWN "'", word);
        return NM_PARSE_WRONG;
    }
    return set(p, p->next_arg++, word, "") ? NM_PARSE_OK : NM_PARSE_WRONG;
}

static nm_parse check_required(const parser *p)
{
    for (const nm_option *o = p->options; o->kind != NM_OPT_END; o++) {
        if (o->kind != NM_OPT_ARG || o->min < 1) continue;
        if (*(const char **)(p->args + o->field)) continue;
        nm_misused(p->command, "%s is missing", o->value);
        return NM_PARSE_WRONG;
    }
    return NM_PARSE_OK;
}

nm_parse nm_options_parse(const char *command, const nm_option *options, void *args, int argc,
                          char **argv)
{
    parser p = {command, options, args, argv, (size_t)argc, 0, options};
    bool   ended = false; /* by "--" */

    set_presets(&p);
    for (; p.at < p.n_argv; p.at++) {
        const char *word = argv[p.at];
        nm_parse    result = NM_PARSE_OK;

        if (ended || word[0] != '-' || word[1] == '\0')
            result = parse_arg(&p, word);
        else if (strcmp(word, "--") == 0)
            ended = true;
        else if (word[1] == '-')
            result = parse_long(&p, word);
        else
            result = parse_letters(&p, word);
        if (result != NM_PARSE_OK) return result;
    }
    return check_required(&p);
}

bool nm_options_set(const char *command, const nm_option *options, void *args, const char *name,
                    const char *value)
{
    parser           p = {command, options, args, NULL, 0, 0, options};
    bool             letter = name[0] != '\0' && name[1] == '\0';
    char             spelled[64];
    const nm_option *o = letter ? find_letter(&p, name[0]) : find_long(&p, name, strlen(name));

    if (!o) return unknown(&p, name, name) == NM_PARSE_OK;
    snprintf(spelled, sizeof spelled, "--%s", o->name);
    return take_value(&p, o, value, spelled) == NM_PARSE_OK;
}

void nm_options_free(const nm_option *options, void *args)
{
    for (const nm_option *o = options; o->kind != NM_OPT_END; o++)
        if (o->kind == NM_OPT_LIST) nm_free(((nm_strings *)((char *)args + o->field))->at);
}
