/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The options of generation, for every command that continues texts: how long, stop strings, and
 * how to sample.
 */
#ifndef NM_TEXT_OPTIONS_H
#define NM_TEXT_OPTIONS_H

#include "cli/options.h"
#include "nomul.h"

typedef struct nm_text_args {
    int64_t    n_predict, top_k, repeat_last_n, seed;
    double     temp, top_p, min_p, repeat_penalty, presence_penalty, frequency_penalty;
    nm_strings stops, biases;
    bool       special, ignore_eos;
    nm_given   given;
} nm_text_args;

/* Rows of a command's table; A is where its nm_text_args is, F(A.field) where a field of it is. */
/* clang-format off */
#define NM_PREDICT_OPTIONS(F, A)                                                                   \
    {'n', "predict", NM_OPT_INT, F(A.n_predict), "256", "N",                                       \
     "most tokens to generate; -1 is until the end of the text", -1, 1e9},                         \
    {0, "n-predict", NM_OPT_INT, F(A.n_predict), "256", "N", NULL, -1, 1e9}

#define NM_TEXT_OPTIONS(F, A)                                                                      \
    NM_PREDICT_OPTIONS(F, A),                                                                      \
    {'r', "reverse-prompt", NM_OPT_LIST, F(A.stops), NULL, "TEXT",                                 \
     "stop string: end when the text ends with TEXT; may be repeated", 0, 0},                      \
    {0, "special", NM_OPT_FLAG, F(A.special), NULL, NULL,                                          \
     "recognize control tokens in the prompt, and print them", 0, 0},                              \
    {0, "ignore-eos", NM_OPT_FLAG, F(A.ignore_eos), NULL, NULL,                                    \
     "never sample EOS, the end of the text", 0, 0},                                               \
    {0, NULL, NM_OPT_GIVEN, F(A.given), NULL, NULL, NULL, 0, 0}

#define NM_DRAWING_OPTIONS(F, A)                                                                   \
    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "Sampling, in this order", 0, 0},                       \
    {'l', "logit-bias", NM_OPT_LIST, F(A.biases), NULL, "ID+X|ID-X",                               \
     "add X to the logit of token ID; ID-inf forbids it; may be repeated", 0, 0},                  \
    NM_SAMPLER_OPTIONS(F, A)

#define NM_SAMPLER_OPTIONS(F, A)                                                                   \
    {0, "repeat-penalty", NM_OPT_FLOAT, F(A.repeat_penalty), "1.0", "X",                           \
     "divide the logits of recent tokens by X, multiply negative ones; 1 is off", 1e-3,            \
     NM_NO_MAX},                                                                                   \
    {0, "presence-penalty", NM_OPT_FLOAT, F(A.presence_penalty), "0.0", "X",                       \
     "subtract X from the logits of recent tokens", -1e3, 1e3},                                    \
    {0, "frequency-penalty", NM_OPT_FLOAT, F(A.frequency_penalty), "0.0", "X",                     \
     "subtract X for each time that a recent token occurred", -1e3, 1e3},                          \
    {0, "repeat-last-n", NM_OPT_INT, F(A.repeat_last_n), "64", "N",                                \
     "how many tokens are recent, prompt included; -1 is all, 0 none", -1, 1048576},               \
    {0, "top-k", NM_OPT_INT, F(A.top_k), "40", "N",                                                \
     "keep the N most likely tokens; 0 is off", 0, 1e9},                                           \
    {0, "top-p", NM_OPT_FLOAT, F(A.top_p), "0.95", "P",                                            \
     "keep the most likely tokens, up to probability P together; 1 is off", 0, 1},                 \
    {0, "min-p", NM_OPT_FLOAT, F(A.min_p), "0.05", "P",                                            \
     "keep tokens at least P times as probable as the most likely; 0 is off", 0, 1},               \
    {0, "temp", NM_OPT_FLOAT, F(A.temp), "0.8", "T", "sampling temperature; 0 is greedy", 0,       \
     NM_NO_MAX},                                                                                   \
    {0, "temperature", NM_OPT_FLOAT, F(A.temp), "0.8", "T", NULL, 0, NM_NO_MAX},                   \
    {'s', "seed", NM_OPT_INT, F(A.seed), "-1", "N",                                                \
     "seed of the random generator: one seed gives one text; -1 is random", -1,                    \
     NM_INT_MAX_EXACT}
/* clang-format on */

/* Checks what can be wrong before a model is open; false: the misuse has been printed. */
bool nm_text_args_check(const char *command, const nm_text_args *args);

/* Sampler options, and the memory of their biases. */
typedef struct nm_drawing {
    nomul_sampler_options options;
    nomul_logit_bias     *biases;
} nm_drawing;

/*
 * Sets the sampler options from args; an option that was not given keeps its value in `saved`, if
 * there is one.  table: the command's own, base: its arguments, of which args is a part.  Freed by
 * nm_drawing_free, also after an error.
 */
bool nm_drawing_init(nm_drawing *drawing, const nm_text_args *args, const nm_option *table,
                     const void *base, const nomul_sampler_options *saved, const nomul_model *model,
                     nomul_error *err);
void nm_drawing_free(nm_drawing *drawing);

/* The other direction: args get the values of sampler options. */
void nm_text_args_follow(nm_text_args *args, const nomul_sampler_options *options);

#endif
