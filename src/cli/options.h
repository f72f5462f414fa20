/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command's options are one const table of rows.  The table drives everything: parsing argv,
 * checking ranges, setting defaults and printing --help.  A default is spelled and parsed as a user
 * would type it, so the help text cannot disagree with what happens.  Nothing here opens a file.
 *
 *   typedef struct args { const char *file; int64_t n; } args;
 *   static const nm_option table[] = {
 *       NM_STRING('f', "file", offsetof(args, file), "FILE", "where to read from"),
 *       NM_INT('n', "number", offsetof(args, n), "5", 1, 9, "how many"),     -n 7, -n7, --number=7
 *       NM_END,
 *   };
 *
 * Strings are not copied: values point into argv.
 */
#ifndef NM_OPTIONS_H
#define NM_OPTIONS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/output.h"

typedef enum nm_option_kind {
    NM_OPT_END = 0,
    NM_OPT_GROUP,  /* not an option: `help` is a heading */
    NM_OPT_FLAG,   /* bool */
    NM_OPT_STRING, /* const char *; NULL without a preset */
    NM_OPT_INT,    /* int64_t, min to max */
    NM_OPT_FLOAT,  /* double, min to max */
    NM_OPT_CHOICE, /* int64_t: index of the choice in `value`, "a|b|c"; -1 without a preset */
    NM_OPT_LIST,   /* nm_strings: all values, of an option that may be repeated */
    NM_OPT_ARG,    /* const char *: an argument that is not an option; required if min is 1 */
    NM_OPT_GIVEN,  /* not an option: nm_given, which rows the user gave */
} nm_option_kind;

/* One bit for each row of a table, at most 64.  A preset does not set it. */
typedef uint64_t nm_given;

#define NM_NO_MAX HUGE_VAL                  /* the upper end of an unlimited range */
#define NM_INT_MAX_EXACT 9007199254740991.0 /* 2^53 - 1: doubles hold all integers up to here */

/* A value that names a file is not empty; open.h sees to it that no output is an input. */
typedef enum nm_option_role {
    NM_NO_FILE,
    NM_NAME,     /* an output may replace it, or its command sees to that itself */
    NM_INPUT,    /* "-" is stdin */
    NM_INPUT_AT, /* if it begins with '@' */
    NM_OUTPUT,
    NM_IN_PLACE, /* an output that is read first */
} nm_option_role;

typedef struct nm_option {
    char           letter; /* 0: none */
    const char    *name;   /* without the dashes */
    nm_option_kind kind;
    size_t         field; /* offset in the command's arguments */
    const char    *preset;
    const char    *value; /* what help calls the value */
    const char    *help;  /* NULL: another name of the row before, not shown */
    double         min, max;
    nm_option_role role;
} nm_option;

/* A row of each kind that tables write out; `field` is an offset. */
/* clang-format off */
#define NM_GROUP(help)                                                                             \
    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, help, 0, 0, NM_NO_FILE}
#define NM_ARG(field, value, least, help, role)                                                    \
    {0, NULL, NM_OPT_ARG, field, NULL, value, help, least, 1, role}
#define NM_FLAG(letter, name, field, help)                                                         \
    {letter, name, NM_OPT_FLAG, field, NULL, NULL, help, 0, 0, NM_NO_FILE}
#define NM_STRING(letter, name, field, value, help)                                                \
    {letter, name, NM_OPT_STRING, field, NULL, value, help, 0, 0, NM_NO_FILE}
#define NM_FILE(letter, name, field, preset, help, role)                                           \
    {letter, name, NM_OPT_STRING, field, preset, "FILE", help, 0, 0, role}
#define NM_LIST(letter, name, field, value, help)                                                  \
    {letter, name, NM_OPT_LIST, field, NULL, value, help, 0, 0, NM_NO_FILE}
#define NM_CHOICE(letter, name, field, preset, choices, help)                                      \
    {letter, name, NM_OPT_CHOICE, field, preset, choices, help, 0, 0, NM_NO_FILE}
#define NM_INT(letter, name, field, preset, min, max, help)                                        \
    {letter, name, NM_OPT_INT, field, preset, "N", help, min, max, NM_NO_FILE}
#define NM_END                                                                                     \
    {0, NULL, NM_OPT_END, 0, NULL, NULL, NULL, 0, 0, NM_NO_FILE}
/* clang-format on */

/* The values of an NM_OPT_LIST in the order given; the array belongs to the arguments. */
typedef struct nm_strings {
    const char **at;
    size_t       n;
} nm_strings;

/*
 * Fills args, which begin as zeros, with the presets, then with argv[0..argc).  Returns an exit
 * code (output.h), and if it is not NM_EXIT_DONE, one line on stderr has said what is wrong; or
 * NM_OPTIONS_HELP.  In all cases nm_options_free frees the lists.
 */
enum { NM_OPTIONS_HELP = -1 };
int  nm_options_parse(const nm_option *options, void *args, int argc, char **argv);
void nm_options_free(const nm_option *options, void *args);

/*
 * Sets one option of a table without lists, by its long name or its letter, as "--NAME VALUE"
 * would; a NULL value is a missing one.  On an error args keep their values.
 */
bool nm_options_set(const nm_option *options, void *args, const char *name, const char *value,
                    nomul_error *err);

/* Did the user give an option that fills this field? */
bool nm_option_given(const nm_option *options, const nm_given *given, size_t field);

/* Sets the number of a row to what a text spells, if that is a number in its range. */
bool nm_option_number(const nm_option *option, const char *text, void *args, nomul_error *err);

/* The whole table as help has it, on stdout in 79 columns. */
void nm_options_help(const nm_option *options);

/*
 * Prose in as many columns.  The first line begins at column `indent`, where the caller has put the
 * cursor; later ones are indented.  '\n' ends a line, '\t' is a space at which no line ends.
 */
void nm_options_prose(const char *text, size_t indent);

/*
 * The same for programs, which make manual pages and completions of it: a line for each row, KIND
 * tab LETTER tab NAME tab VALUE tab RANGE AND DEFAULT tab HELP, where KIND is group, argument,
 * flag, choice, list or value and "-" stands for what a row lacks.
 */
void nm_options_table(const nm_option *options);

/*
 * Edit distance: how many letters to insert, delete, change or swap with the next to turn a into b
 * (optimal string alignment).
 */
size_t nm_options_distance(const char *a, const char *b);

/*
 * What to type instead of a command or an option of another program, as it was typed, without
 * "=VALUE"; NULL if there is no such hint.
 */
const char *nm_hint(const char *word);

#endif
