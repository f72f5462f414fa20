/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A command's options are one const table: what parses them, checks their ranges, sets the presets
 * and prints --help (help.h).  Presets are parsed like the user's own words, so help can't disagree
 * with what happens.  Nothing here opens a file.
 */
#ifndef NM_OPTIONS_H
#define NM_OPTIONS_H

#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum nm_option_kind {
    NM_OPT_END = 0,
    NM_OPT_GROUP,  /* no option: `help` is a heading */
    NM_OPT_FLAG,   /* bool */
    NM_OPT_STRING, /* const char *; NULL without a preset */
    NM_OPT_INT,    /* int64_t, min to max */
    NM_OPT_FLOAT,  /* double, min to max */
    NM_OPT_CHOICE, /* int64_t: which word of `value`, "a|b|c"; -1 without a preset */
    NM_OPT_LIST,   /* nm_strings: once for each time it is given */
    NM_OPT_ARG,    /* const char *: a word that is no option; min 1 if it must be there */
    NM_OPT_GIVEN,  /* no option: nm_given, which rows the user gave */
} nm_option_kind;

/* A bit for each row of a table, at most 64. */
typedef uint64_t nm_given;

/* The end of a range that has none; the end of the whole numbers that doubles hold, 2^53 - 1. */
#define NM_NO_MAX HUGE_VAL
#define NM_INT_MAX_EXACT 9007199254740991.0

typedef struct nm_option {
    char           letter; /* 0: none */
    const char    *name;   /* without the dashes */
    nm_option_kind kind;
    size_t         field; /* where in the command's arguments */
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
 * Fills args with the presets, then with argv[0..argc).  What is wrong has then been said on stderr
 * in one line.  The lists, whatever came of it, are freed by nm_options_free.
 */
nm_parse nm_options_parse(const char *command, const nm_option *options, void *args, int argc,
                          char **argv);
void     nm_options_free(const nm_option *options, void *args);

/*
 * Sets one option of a table without lists, by its long name or its letter, as "--NAME VALUE"
 * would; a NULL value is missing.  What is wrong has been said likewise, and args are as before.
 */
bool nm_options_set(const char *command, const nm_option *options, void *args, const char *name,
                    const char *value);

/* Did the user give an option that fills this field? */
bool nm_option_given(const nm_option *options, const nm_given *given, size_t field);

/* Says "nomul COMMAND: ...; see nomul help COMMAND" on stderr, returns 2; COMMAND may be NULL. */
int nm_misused(const char *command, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* How many letters to put in, take out or change to make a of b. */
size_t nm_edit_distance(const char *a, const char *b);

#endif
