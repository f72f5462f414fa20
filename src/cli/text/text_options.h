/* SPDX-License-Identifier: Apache-2.0 */
/* The options that say how a text goes on, for every command that continues texts. */
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
#define NM_PREDICT_OPTIONS(F, A)                                                                   \
    {'n', "predict", NM_OPT_INT, F(A.n_predict), "256", "N",                                       \
     "tokens to make, -1 for as many as it takes to the end of the text", -1, 1e9},                \
    {0, "n-predict", NM_OPT_INT, F(A.n_predict), "256", "N", NULL, -1, 1e9}

#define NM_TEXT_OPTIONS(F, A)                                                                      \
    NM_PREDICT_OPTIONS(F, A),                                                                      \
    {'r', "reverse-prompt", NM_OPT_LIST, F(A.stops), NULL, "TEXT",                                 \
     "stop when the text ends with this; may be given again", 0, 0},                               \
    {0, "special", NM_OPT_FLAG, F(A.special), NULL, NULL,                                          \
     "control tokens may be spelled in the prompt, and are printed", 0, 0},                        \
    {0, "ignore-eos", NM_OPT_FLAG, F(A.ignore_eos), NULL, NULL,                                    \
     "never draw the end of the text", 0, 0},                                                      \
    {0, NULL, NM_OPT_GIVEN, F(A.given), NULL, NULL, NULL, 0, 0}

#define NM_DRAWING_OPTIONS(F, A)                                                                   \
    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "Drawing a token, in this order", 0, 0},                \
    {'l', "logit-bias", NM_OPT_LIST, F(A.biases), NULL, "ID+X|ID-X",                               \
     "add to the logit of token ID; ID-inf forbids it; may be given again", 0, 0},                 \
    NM_SAMPLER_OPTIONS(F, A)

#define NM_SAMPLER_OPTIONS(F, A)                                                                   \
    {0, "repeat-penalty", NM_OPT_FLOAT, F(A.repeat_penalty), "1.0", "X",                           \
     "logits of tokens seen are divided by it, negative ones multiplied; 1 is off", 1e-3,          \
     NM_NO_MAX},                                                                                   \
    {0, "presence-penalty", NM_OPT_FLOAT, F(A.presence_penalty), "0.0", "X",                       \
     "subtracted once from the logit of a token seen", -1e3, 1e3},                                 \
    {0, "frequency-penalty", NM_OPT_FLOAT, F(A.frequency_penalty), "0.0", "X",                     \
     "subtracted for each time a token was seen", -1e3, 1e3},                                      \
    {0, "repeat-last-n", NM_OPT_INT, F(A.repeat_last_n), "64", "N",                                \
     "how many tokens back the penalties look, prompt included; -1 all, 0 none", -1, 1048576},     \
    {0, "top-k", NM_OPT_INT, F(A.top_k), "40", "N", "keep the N likeliest; 0 is off", 0, 1e9},     \
    {0, "top-p", NM_OPT_FLOAT, F(A.top_p), "0.95", "P",                                            \
     "keep the likeliest that are P together; 1 is off", 0, 1},                                    \
    {0, "min-p", NM_OPT_FLOAT, F(A.min_p), "0.05", "P",                                            \
     "keep what has P times the chance of the likeliest; 0 is off", 0, 1},                         \
    {0, "temp", NM_OPT_FLOAT, F(A.temp), "0.8", "T", "how daring; 0 takes the likeliest", 0,       \
     NM_NO_MAX},                                                                                   \
    {0, "temperature", NM_OPT_FLOAT, F(A.temp), "0.8", "T", NULL, 0, NM_NO_MAX},                   \
    {'s', "seed", NM_OPT_INT, F(A.seed), "-1", "N",                                                \
     "the same seed makes the same text, on any machine; -1 is a random one", -1,                  \
     NM_INT_MAX_EXACT}

/* What the command line alone can get wrong; it has then been said, and is misuse. */
bool nm_text_args_check(const char *command, const nm_text_args *args);

/* Sampler options, and the memory of their biases. */
typedef struct nm_drawing {
    nomul_sampler_options options;
    nomul_logit_bias     *biases;
} nm_drawing;

/*
 * As the options say; what was not given comes from `saved`, if there is one.  table: the command's
 * own, with args at `base`.  Freed by nm_drawing_free, also after an error.
 */
bool nm_drawing_init(nm_drawing *drawing, const nm_text_args *args, const nm_option *table,
                     const void *base, const nomul_sampler_options *saved,
                     const nomul_model *model, nomul_error *err);
void nm_drawing_free(nm_drawing *drawing);

/* The other way round: args become what a sampler's options say. */
void nm_text_args_follow(nm_text_args *args, const nomul_sampler_options *options);

#endif
