/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command's options are one const table of rows.  The table drives everything: parsing argv,
 * checking ranges, setting defaults and printing --help.  Defaults are parsed like the user's own
 * words, so the help text cannot disagree with what happens.  Nothing here opens a file.
 */
#ifndef NM_OPTIONS_H
#define NM_OPTIONS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum nm_option_kind {
    NM_OPT_END = 0,
    NM_OPT_GROUP,  /* not an option: `help` is a heading */
    NM_OPT_FLAG,   /* bool */
    NM_OPT_STRING, /* const char *; NULL without a preset */
    NM_OPT_INT,    /* int64_t, min to max */
    NM_OPT_FLOAT,  /* double, min to max */
    NM_OPT_CHOICE, /* int64_t: index of the word in `value`, "a|b|c"; -1 without a preset */
    NM_OPT_LIST,   /* nm_strings: all values, of an option that may be repeated */
    NM_OPT_ARG,    /* const char *: an argument that is not an option; required if min is 1 */
    NM_OPT_GIVEN,  /* not an option: nm_given, which rows the user gave */
} nm_option_kind;

/* One bit for each row of a table, at most 64. */
typedef uint64_t nm_given;

#define NM_NO_MAX HUGE_VAL                  /* the upper end of an unlimited range */
#define NM_INT_MAX_EXACT 9007199254740991.0 /* 2^53 - 1: doubles hold all integers up to here */

typedef struct nm_option {
    char           letter; /* 0: none */
    const char    *name;   /* without the dashes */
    nm_option_kind kind;
    size_t         field; /* offset in the command's arguments */
    const char    *preset;
    const char    *value; /* what help calls the value */
    const char    *help;  /* NULL: another name of the row before, not shown */
    double         min, max;
} nm_option;

typedef struct nm_strings {
    const char **at;
    size_t       n;
} nm_strings;

typedef enum nm_parse { NM_PARSE_OK, NM_PARSE_HELP, NM_PARSE_WRONG } nm_parse;

/*
 * Fills args with the presets, then with argv[0..argc).  After NM_PARSE_WRONG one line on stderr
 * has said what is wrong.  In all cases nm_options_free frees the lists.
 */
nm_parse nm_options_parse(const char *command, const nm_option *options, void *args, int argc,
                          char **argv);
void     nm_options_free(const nm_option *options, void *args);

/*
 * Sets one option of a table without lists, by its long name or its letter, as "--NAME VALUE"
 * would; a NULL value is a missing one.  On an error, which is printed as above, args keep their
 * values.
 */
bool nm_options_set(const char *command, const nm_option *options, void *args, const char *name,
                    const char *value);

/* Did the user give an option that fills this field? */
bool nm_option_given(const nm_option *options, const nm_given *given, size_t field);

/* The range of a number for a message: "0 to 1", "0 and more". */
void nm_options_range(const nm_option *option, char *out, size_t size);

/* The whole table, or prose in which '\n' ends a line, on stdout in 79 columns. */
void nm_options_help(const nm_option *options);
void nm_options_prose(const char *text);

/*
 * The same for programs, which make manual pages and completions of it: a line for each row, KIND
 * tab LETTER tab NAME tab VALUE tab RANGE AND DEFAULT tab HELP, where KIND is group, argument,
 * flag, choice, list or value and "-" stands for what a row lacks.
 */
void nm_options_table(const nm_option *options);

/* Edit distance: how many letters to insert, delete or change to turn a into b. */
size_t nm_options_distance(const char *a, const char *b);

#endif
