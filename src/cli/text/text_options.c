/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From options to a sampler, and back for /set and batch.  Options are int64_t and double, the
 * sampler's values are narrower: the ranges in the table make every conversion exact or a
 * rounding.
 */
#include "cli/text/text_options.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "cli/numbers.h"
#include "cli/output.h"

/* "15043+1.5", "2-inf"; 9 digits fit an int32_t. */
static bool parse_bias(const char *text, nomul_logit_bias *bias)
{
    size_t n_digits = strspn(text, "0123456789");
    char  *end = NULL;

    if (n_digits == 0 || n_digits > 9 || (text[n_digits] != '+' && text[n_digits] != '-'))
        return false;
    bias->id = (int32_t)strtol(text, NULL, 10);
    if (strcmp(text + n_digits, "-inf") == 0) {
        bias->bias = -INFINITY;
        return true;
    }
    if (strspn(text + n_digits + 1, "0123456789.e+-") != strlen(text + n_digits + 1)) return false;
    bias->bias = strtof(text + n_digits, &end);
    return *end == '\0' && isfinite(bias->bias);
}

bool nm_text_args_check(const char *command, const nm_text_args *args)
{
    nomul_logit_bias bias;

    for (size_t i = 0; i < args->stops.n; i++) {
        if (args->stops.at[i][0] != '\0') continue;
        nm_output_misused(command, "-r: a stop string can't be empty");
        return false;
    }
    for (size_t i = 0; i < args->biases.n; i++) {
        if (parse_bias(args->biases.at[i], &bias)) continue;
        nm_output_misused(command, "--logit-bias: '%.120s' is not like 5+1.5 or 5-1.5 or 5-inf",
                          args->biases.at[i]);
        return false;
    }
    return true;
}

static bool take_biases(nm_drawing *d, const nm_text_args *args, const nomul_model *model,
                        nomul_error *err)
{
    size_t  n = args->biases.n, n_vocab = nomul_model_get_info(model)->n_vocab;
    int32_t eos = nomul_token_eos(nomul_model_tokenizer(model));

    d->biases = nm_alloc((n + 1) * sizeof *d->biases); /* and one that forbids EOS */
    if (!d->biases) return nm_fail_memory(err, (n + 1) * sizeof *d->biases);
    for (size_t i = 0; i < n; i++) {
        parse_bias(args->biases.at[i], &d->biases[i]);
        if ((size_t)d->biases[i].id >= n_vocab)
            return nm_fail(err, NOMUL_E_ARG,
                           "--logit-bias: id %" PRId32 " is outside the vocabulary of %zu",
                           d->biases[i].id, n_vocab);
    }
    if (args->ignore_eos && eos >= 0) d->biases[n++] = (nomul_logit_bias){eos, -INFINITY};
    d->options.logit_bias = d->biases, d->options.n_logit_bias = n;
    return true;
}

bool nm_drawing_init(nm_drawing *drawing, const nm_text_args *args, const nm_option *table,
                     const void *base, const nomul_sampler_options *saved, const nomul_model *model,
                     nomul_error *err)
{
    nomul_sampler_options *o = &drawing->options;
    size_t                 at = (size_t)((const char *)args - (const char *)base);

    *drawing = (nm_drawing){0};
    nomul_sampler_options_init(o);
    if (saved) *o = *saved;
#define TAKE(field, type)                                                                          \
    if (!saved || nm_option_given(table, &args->given, at + offsetof(nm_text_args, field)))        \
    o->field = (type)args->field
    TAKE(temp, float);
    TAKE(top_k, int32_t);
    TAKE(top_p, float);
    TAKE(min_p, float);
    TAKE(repeat_penalty, float);
    TAKE(repeat_last_n, int32_t);
    TAKE(presence_penalty, float);
    TAKE(frequency_penalty, float);
    TAKE(seed, uint64_t);
#undef TAKE
    if ((!saved || nm_option_given(table, &args->given, at + offsetof(nm_text_args, seed))) &&
        args->seed < 0)
        o->seed = nm_random_seed();
    return take_biases(drawing, args, model, err);
}

void nm_drawing_free(nm_drawing *drawing)
{
    nm_free(drawing->biases);
    *drawing = (nm_drawing){0};
}

void nm_text_args_follow(nm_text_args *args, const nomul_sampler_options *options)
{
    args->temp = (double)options->temp;
    args->top_k = options->top_k;
    args->top_p = (double)options->top_p;
    args->min_p = (double)options->min_p;
    args->repeat_penalty = (double)options->repeat_penalty;
    args->repeat_last_n = options->repeat_last_n;
    args->presence_penalty = (double)options->presence_penalty;
    args->frequency_penalty = (double)options->frequency_penalty;
    args->seed = (int64_t)options->seed;
}
