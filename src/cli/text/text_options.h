/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of a text, for every command that generates: how long, where to stop, how to sample.
 * The sampler's options, their ranges, defaults and JSON keys are the rows of NOMUL_SAMPLER_FIELDS
 * in nomul.h: a new row there changes nothing here.
 */
#ifndef NM_TEXT_OPTIONS_H
#define NM_TEXT_OPTIONS_H

#include "cli/options.h"
#include "nomul.h"

/* Values as options have them: doubles and int64_t; a seed of -1 is a random one. */
#define NM_ARG_FLOAT double
#define NM_ARG_INT int64_t
#define NM_ARG_SEED int64_t

#define NM_SEED_SAVED (-2) /* what nobody can type: the generator of the saved text continues */

typedef struct nm_text_args {
    int64_t    n_predict;
    nm_strings stops, biases;
    bool       special, ignore_eos;
    nm_given   given;
#define ROW(TYPE, name, ...) NM_ARG_##TYPE name;
    NOMUL_SAMPLER_FIELDS(ROW)
#undef ROW
} nm_text_args;

/* The arguments of tables that have no others. */
typedef struct nm_text_settings {
    nm_text_args text;
} nm_text_settings;

/* clang-format off */

/* Rows for a table whose arguments have a member `text`; F(member) is the offset of a member. */
#define NM_PREDICT_OPTIONS                                                                         \
    NM_INT('n', "predict", F(text.n_predict), "256", -1, 1e9,                                      \
           "number of tokens to generate; -1 = until the end of the text"),                        \
    NM_INT(0, "n-predict", F(text.n_predict), "256", -1, 1e9, NULL)

#define NM_TEXT_OPTIONS                                                                            \
    NM_PREDICT_OPTIONS,                                                                            \
    NM_LIST('r', "reverse-prompt", F(text.stops), "TEXT",                                          \
            "stop string: end when the text ends with TEXT; may be repeated"),                     \
    NM_FLAG(0, "special", F(text.special),                                                         \
            "parse control tokens in the prompt, print those that are generated"),                 \
    NM_FLAG(0, "ignore-eos", F(text.ignore_eos), "never sample the end of the text")

#define NM_SAMPLING_OPTIONS                                                                        \
    NM_GROUP("Sampling, in this order"),                                                           \
    NM_LIST('l', "logit-bias", F(text.biases), "ID+X|ID-X",                                        \
            "add X to the logit of token ID; ID-inf forbids it; may be repeated"),                 \
    NOMUL_SAMPLER_FIELDS(NM_SAMPLER_ROW)                                                           \
    {0, NULL, NM_OPT_GIVEN, F(text.given), NULL, NULL, NULL, 0, 0, NM_NO_FILE}

/* The option, and its JSON key as a second name that help does not show. */
#define NM_SAMPLER_ROW(TYPE, name, preset, least, most, slot, option, key, gguf, hf, letter,       \
                       value, help)                                                               \
    {letter, option, NM_KIND_##TYPE, F(text.name), NM_PRESET_##TYPE(#preset), value, help,         \
     NM_LEAST_##TYPE(least), NM_MOST_##TYPE(most), NM_NO_FILE},                                    \
    {0, key, NM_KIND_##TYPE, F(text.name), NM_PRESET_##TYPE(#preset), value, NULL,                 \
     NM_LEAST_##TYPE(least), NM_MOST_##TYPE(most), NM_NO_FILE},

/* clang-format on */

#define NM_KIND_FLOAT NM_OPT_FLOAT
#define NM_KIND_INT NM_OPT_INT
#define NM_KIND_SEED NM_OPT_INT
#define NM_PRESET_FLOAT(preset) preset
#define NM_PRESET_INT(preset) preset
#define NM_PRESET_SEED(preset) "-1"
#define NM_LEAST_FLOAT(least) least
#define NM_LEAST_INT(least) least
#define NM_LEAST_SEED(least) -1
#define NM_MOST_FLOAT(most) ((most) >= 3.4e38 ? NM_NO_MAX : (double)(most))
#define NM_MOST_INT(most) most
#define NM_MOST_SEED(most) NM_INT_MAX_EXACT

/*
 * Checks what the command line alone can get wrong: empty stop strings, misspelled biases.  Returns
 * the exit code; a misuse is printed.  nm_sampling_init relies on it.
 */
int nm_text_args_check(const nm_text_args *args);

/* A sampler's options with the memory of their biases. */
typedef struct nm_sampling {
    nomul_sampler_options options;
    nomul_logit_bias     *biases;
} nm_sampling;

/*
 * A sampler's options, each by the first that has it: the command line, the saved text (NULL for
 * none), the model file, the default.  table is the command's own, or NULL if all of args count.  A
 * seed of -1 becomes a random one.  False: no memory, or a bias of no id of the model.
 * nm_sampling_free frees it, also after an error.
 */
bool nm_sampling_init(nm_sampling *sampling, const nm_text_args *args, const nm_option *table,
                      const nomul_mark *saved, const nomul_model *model, nomul_error *err);
void nm_sampling_free(nm_sampling *sampling);

/* The other way round: args become what a sampler's options say. */
void nm_text_args_follow(nm_text_args *args, const nomul_sampler_options *options);

/* The options of a text: all of args, and the sampling; the bar shows the reading (NULL: none). */
nomul_text_options nm_text_args_options(const nm_text_args *args, const nm_sampling *sampling,
                                        nm_progress_bar *bar);

/*
 * Notes on stderr, for commands that are not quiet: what a session file of the text does not hold;
 * what the text lacks that continues from one, or has other options now.  The latter in place of
 * the bar, and not what is in *noted already, to which it is added.
 */
void nm_text_note_unsaved(const nomul_text *text);
void nm_text_note_missing(const nomul_text *text, unsigned *noted, nm_progress_bar *bar);

#endif
