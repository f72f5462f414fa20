/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One table, made from train_options.def, for parsing, limits, help and the saved copy.
 *
 *     --name VALUE   --name=VALUE   -x VALUE     a row; x is in `letters`
 *     -q, --quiet, -h, --help, --version         no rows: they have no value
 *     WORD                                       the operand, one at most
 *
 * The table keeps the offset of a field in nm_train_options, whose type follows from the kind.
 */
#include "train/train_options.h"

#include "base/error.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef enum kind { COUNT, REAL, TEXT, LIST } kind; /* the C types are in train_options.def */
typedef enum kept { NO, FIRST, YES, FIXED } kept;   /* in a saved state */

static const struct option {
    kind        kind;
    kept        kept;
    size_t      offset;
    const char *name;
    double      min, max;
    const char *argument, *help, *by_default;
} rows[] = {
#define TRAIN_OPTION(TYPE, field, option, value, min, max, kept, argument, help)                   \
    {TYPE, kept, offsetof(nm_train_options, field), option, min, max, argument, help, #value},
#include "train/train_options.def"
};

#define N_ROWS (sizeof rows / sizeof *rows)

static const struct letter {
    char        letter;
    const char *name;
} letters[] = {{'m', "model"}, {'o', "out"}, {'t', "threads"}, {'s', "seed"}};

void nm_train_options_init(nm_train_options *o)
{
#define COUNT_VALUE(value) value
#define REAL_VALUE(value) value
#define TEXT_VALUE(value) value
#define LIST_VALUE(value) {.n = 0}
#define TRAIN_OPTION(TYPE, field, option, value, ...) .field = TYPE##_VALUE(value),
    *o = (nm_train_options){
#include "train/train_options.def"
    };
}

static const struct option *find(const char *name)
{
    for (size_t i = 0; i < N_ROWS; i++)
        if (strcmp(rows[i].name, name) == 0) return &rows[i];
    return NULL;
}

static bool fail_value(const struct option *row, const char *value, nomul_error *err)
{
    return nm_fail(err, NOMUL_E_ARG, "--%s %.100s: expected %s from %.10g to %.10g", row->name,
                   value, row->kind == COUNT ? "a whole number" : "a number", row->min, row->max);
}

/* Stores a value in the row's field.  Texts are pointed to, so they must outlive the options. */
static bool set(nm_train_options *o, const struct option *row, const char *value, nomul_error *err)
{
    char  *field = (char *)o + row->offset, *end;
    double number;

    if (row->kind == LIST && *value == '=') /* FILE[=W] */
        return nm_fail(err, NOMUL_E_ARG, "--%s: the file name is empty", row->name);
    switch (row->kind) {
    case TEXT: memcpy(field, &value, sizeof value); return true;
    case LIST: {
        nm_train_list *list = (nm_train_list *)(void *)field;
        if (list->n == NM_TRAIN_LIST)
            return nm_fail(err, NOMUL_E_ARG, "--%s: more than %d of them", row->name,
                           NM_TRAIN_LIST);
        list->items[list->n++] = value;
        return true;
    }
    default: break;
    }
    /* A whole number is read twice: as a double for the limits, which are exact in one. */
    number = strtod(value, &end);
    if (end == value || *end || !(number >= row->min && number <= row->max))
        return fail_value(row, value, err);
    if (row->kind == REAL) return memcpy(field, &number, sizeof number), true;
    if (strspn(value, "0123456789") != strlen(value)) return fail_value(row, value, err);
    uint64_t count = strtoull(value, NULL, 10);
    memcpy(field, &count, sizeof count);
    return true;
}

bool nm_train_options_parse(nm_train_options *o, int argc, char **argv, bool saved, bool *help,
                            nomul_error *err)
{
    *help = false;
    for (int i = 0; i < argc; i++) {
        char *word = argv[i], *equals = NULL, *value = i + 1 < argc ? argv[i + 1] : NULL;
        char  copy[64];

        if (strcmp(word, "-h") == 0 || strcmp(word, "--help") == 0) {
            *help = true;
            continue;
        }
        if (strcmp(word, "-q") == 0 || strcmp(word, "--quiet") == 0) {
            o->quiet = true;
            continue;
        }
        if (word[0] != '-' || !word[1]) {
            if (o->operand) return nm_fail(err, NOMUL_E_ARG, "%.100s: one folder is enough", word);
            if (!*word) return nm_fail(err, NOMUL_E_ARG, "the name of the folder is empty");
            o->operand = word;
            continue;
        }
        const char *name = word[1] == '-' ? word + 2 : "";
        for (size_t k = 0; k < sizeof letters / sizeof *letters; k++)
            if (letters[k].letter == word[1] && !word[2]) name = letters[k].name;
        if (word[1] == '-') equals = strchr(word, '=');
        if (equals) { /* "--name=value": the name is cut off */
            snprintf(copy, sizeof copy, "%.*s", (int)(equals - word - 2), word + 2);
            name = copy, value = equals + 1;
        }
        const struct option *row = find(name);
        if (!row)
            return nm_fail(err, NOMUL_E_ARG,
                           "%.100s: no such option; nomul-train --help lists them", word);
        if (saved && row->kept == FIXED)
            return nm_fail(err, NOMUL_E_ARG, "--%s: cannot be changed after the first step", name);
        if (saved && row->kept == FIRST)
            return nm_fail(err, NOMUL_E_ARG, "--%s: the folder to resume has its own", name);
        if (!value || (!*value && strcmp(row->by_default, "NULL") == 0))
            return nm_fail(err, NOMUL_E_ARG, "--%s: needs a value, %s", name, row->argument);
        if (!set(o, row, value, err)) return false;
        i += !equals;
    }
    return true;
}

/* ---- The saved copy -------------------------------------------------------------------------- */

/* Appends a text as a part of one line, in which a newline is "\n" and a backslash "\\". */
static size_t put_escaped(char *text, size_t size, size_t at, const char *string)
{
    for (; *string; string++) {
        if ((*string == '\n' || *string == '\\') && at++ < size) text[at - 1] = '\\';
        if (at++ < size) text[at - 1] = *string == '\n' ? 'n' : *string;
    }
    return at;
}

static void unescape(char *string)
{
    char *to = string;

    for (; *string; string++) {
        bool is_escape = *string == '\\' && (string[1] == 'n' || string[1] == '\\');
        if (is_escape) string++;
        *to++ = is_escape && *string == 'n' ? '\n' : *string;
    }
    *to = '\0';
}

/* "learning-rate 0.001\n": 17 digits give the same double back.  A text of NULL is left out. */
size_t nm_train_options_write(const nm_train_options *o, char *text, size_t size)
{
    size_t at = 0;

    for (const struct option *row = rows; row < rows + N_ROWS; row++) {
        const char *field = (const char *)o + row->offset, *string;
        char        value[32];
        uint64_t    count;
        double      number;
        if (row->kept < YES) continue;
        switch (row->kind) {
        case COUNT:
            memcpy(&count, field, sizeof count);
            snprintf(value, sizeof value, "%" PRIu64, count);
            string = value;
            break;
        case REAL:
            memcpy(&number, field, sizeof number);
            snprintf(value, sizeof value, "%.17g", number);
            string = value;
            break;
        default: memcpy(&string, field, sizeof string);
        }
        if (!string) continue;
        at += (size_t)snprintf(at < size ? text + at : NULL, at < size ? size - at : 0, "%s ",
                               row->name);
        at = put_escaped(text, size, at, string);
        at += (size_t)snprintf(at < size ? text + at : NULL, at < size ? size - at : 0, "\n");
    }
    return at;
}

/* Cuts the lines in place: values of texts are pointers into them. */
bool nm_train_options_read(nm_train_options *o, char *text, nomul_error *err)
{
    for (char *line = text, *end; *line; line = end + 1) {
        char *space = strchr(line, ' ');
        end = strchr(line, '\n');
        if (!end || !space || space > end)
            return nm_fail(err, NOMUL_E_FORMAT, "options: a line without a value");
        *end = *space = '\0';
        const struct option *row = find(line);
        if (!row || row->kept == NO)
            return nm_fail(err, NOMUL_E_FORMAT, "options: no option %.100s", line);
        unescape(space + 1);
        if (!set(o, row, space + 1, err)) return false;
    }
    return true;
}

/* "  -m, --model FILE|DIR         model file or checkpoint folder to tune [default]" */
void nm_train_options_help(void)
{
    for (const struct option *row = rows; row < rows + N_ROWS; row++) {
        char        names[64];
        const char *letter = "";
        char        prefix[8] = "    ";
        for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
            if (strcmp(letters[i].name, row->name) == 0) letter = &letters[i].letter;
        if (*letter) snprintf(prefix, sizeof prefix, "-%c, ", *letter);
        snprintf(names, sizeof names, "%s--%s %s", prefix, row->name, row->argument);
        printf("  %-28s %s", names, row->help);
        if (strcmp(row->by_default, "NULL") != 0 && strcmp(row->by_default, "\"\"") != 0)
            printf(" [%s]", row->by_default);
        printf("\n");
    }
    printf("  %-28s %s\n  %-28s %s\n  %-28s %s\n", "-q, --quiet", "no progress and no samples",
           "-h, --help", "this text", "    --version", "the version");
}
