/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of nomul-train: parsed from arguments and from a saved state, and written to one.
 * train_options.def has a row for each; the struct, the help, the manual page that is made of it,
 * and the text in a saved state follow from it.
 */
#ifndef NM_TRAIN_OPTIONS_H
#define NM_TRAIN_OPTIONS_H

#include "nomul.h"

#define NM_TRAIN_LIST 16    /* of --data at most */
#define NM_TRAIN_GPUS 16    /* of one process at most */
#define NM_TRAIN_SAVED 4096 /* bytes of the options in a saved state, with a '\0' */

typedef struct nm_train_list {
    const char *items[NM_TRAIN_LIST];
    size_t      n;
} nm_train_list;

typedef struct nm_train_options {
    const char *operand; /* DIR of resume */
    bool        quiet;
#define NM_TRAIN_LIST_FIELD(field) nm_train_list field;
#define NM_TRAIN_COUNT_FIELD(field) uint64_t field;
#define NM_TRAIN_REAL_FIELD(field) double field;
#define NM_TRAIN_TEXT_FIELD(field) const char *field;
#define TRAIN_OPTION(TYPE, field, ...) NM_TRAIN_##TYPE##_FIELD(field)
#include "train/train_options.def"
} nm_train_options;

void nm_train_options_init(nm_train_options *options);

/*
 * Arguments after the command's name; "-h" and "--help" set *help.  `saved`: arguments come after
 * those of a saved state, so the fixed ones are refused.
 */
bool nm_train_options_parse(nm_train_options *options, int argc, char **argv, bool saved,
                            bool *help, nomul_error *err);

/*
 * The options that a saved state keeps, as lines "option value\n"; writes up to size bytes and
 * returns how many there are.
 */
size_t nm_train_options_write(const nm_train_options *options, char *text, size_t size);

/* Reads them back.  text is changed and must outlive the options. */
bool nm_train_options_read(nm_train_options *options, char *text, nomul_error *err);

/* Prints the table of options. */
void nm_train_options_help(void);

#endif
