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
#include "base/os.h"

/* "15043+1.5", "2-inf" */
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

int nm_text_args_check(const nm_text_args *args)
{
    nomul_logit_bias bias;

    for (size_t i = 0; i < args->stops.n; i++)
        if (args->stops.at[i][0] == '\0')
            return nm_output_misused("-r: a stop string cannot be empty");
    for (size_t i = 0; i < args->biases.n; i++)
        if (!parse_bias(args->biases.at[i], &bias))
            return nm_output_misused("--logit-bias: '%.120s' is not like 5+1.5 or 5-1.5 or 5-inf",
                                     args->biases.at[i]);
    return NM_EXIT_DONE;
}

bool nm_sampling_init(nm_sampling *sampling, const nm_text_args *args, const nm_option *table,
                      const nomul_mark *saved, const nomul_model *model, nomul_error *err)
{
    nomul_sampler_options *o = &sampling->options;
    size_t                 at = 0; /* of args in the arguments that the table fills */
    size_t                 n = args->biases.n, n_vocab = nomul_model_get_info(model)->n_vocab;

    *sampling = (nm_sampling){0};
    nomul_sampler_options_init(o);
    nomul_model_sampling(model, o);
    if (saved) *o = *nomul_mark_get_info(saved)->sampler;
    for (const nm_option *row = table; row && row->kind != NM_OPT_END; row++)
        if (row->kind == NM_OPT_GIVEN) at = row->field - offsetof(nm_text_args, given);
#define GIVEN(name)                                                                                \
    (!table || nm_option_given(table, &args->given, at + offsetof(nm_text_args, name)))
#define ROW(TYPE, name, ...)                                                                       \
    if (GIVEN(name)) o->name = (NOMUL_SAMPLER_##TYPE)args->name;
    NOMUL_SAMPLER_FIELDS(ROW)
#undef ROW
    if (args->seed < 0 && (GIVEN(seed) || !saved)) {
        /* 32 bits: enough that seeds do not repeat, few enough to type.  Where the system has no
         * random numbers, time and process id still tell two runs apart. */
        uint32_t seed = 0;
        o->seed = nm_os_random(&seed, sizeof seed) ? seed : (uint32_t)(nm_os_unlike() >> 10);
    }
#undef GIVEN
    if (n == 0) return true;
    sampling->biases = nm_alloc(n * sizeof *sampling->biases);
    if (!sampling->biases) return nm_fail_memory(err, n * sizeof *sampling->biases);
    o->logit_bias = sampling->biases, o->n_logit_bias = n;
    for (size_t i = 0; i < n; i++) {
        nomul_logit_bias *bias = &sampling->biases[i];

        parse_bias(args->biases.at[i], bias);
        if ((size_t)bias->id >= n_vocab)
            return nm_fail(err, NOMUL_E_ARG,
                           "--logit-bias: id %" PRId32 " is outside the vocabulary of %zu",
                           bias->id, n_vocab);
    }
    return true;
}

void nm_sampling_free(nm_sampling *sampling)
{
    nm_free(sampling->biases);
    *sampling = (nm_sampling){0};
}

void nm_text_args_follow(nm_text_args *args, const nomul_sampler_options *options)
{
#define ROW(TYPE, name, ...) args->name = (NM_ARG_##TYPE)options->name;
    NOMUL_SAMPLER_FIELDS(ROW)
#undef ROW
}

nomul_text_options nm_text_args_options(const nm_text_args *args, const nm_sampling *sampling,
                                        nm_progress_bar *bar)
{
    nomul_text_options o;

    nomul_text_options_init(&o);
    o.sampler = &sampling->options;
    o.stops = args->stops.at, o.n_stops = args->stops.n;
    o.n_predict = args->n_predict;
    o.special = args->special;
    o.ignore_eos = args->ignore_eos;
    if (bar) o.progress = nm_progress_show, o.progress_context = bar;
    o.temporary = nm_interrupt_doom;
    return o;
}

/* ---- Notes ----------------------------------------------------------------------------------- */

#define NUMBER_OF(macro) #macro
#define NUMBER(macro) NUMBER_OF(macro)

enum { N_NOTES = 3 }; /* one for each bit NOMUL_UNSAVED_*, from the lowest */

static const char *const unsaved_notes[N_NOTES] = {
    "--logit-bias and --ignore-eos are not saved: give them again",
    "of what penalties look at, the last " NUMBER(NOMUL_SAVED_IDS) " tokens are saved",
    "a stop string that has begun is saved up to " NUMBER(NOMUL_SAVED_BYTES) " bytes",
};

static const char *const missing_notes[N_NOTES] = {
    "",
    "penalties know only the last tokens of the text so far, at least " NUMBER(NOMUL_SAVED_IDS),
    "a stop string that began before the last " NUMBER(NOMUL_SAVED_BYTES) " bytes is not found",
};

static void note(const char *const notes[N_NOTES], unsigned bits)
{
    for (size_t i = 0; i < N_NOTES; i++)
        if (bits >> i & 1) nm_output_say("nomul: %s", notes[i]);
}

void nm_text_note_unsaved(const nomul_text *text)
{
    note(unsaved_notes, nomul_text_unsaved(text));
}

void nm_text_note_missing(const nomul_text *text, unsigned *noted, nm_progress_bar *bar)
{
    unsigned missing = nomul_text_missing(text), fresh = missing & ~*noted;

    *noted |= missing;
    if (fresh) nm_progress_erase(bar);
    note(missing_notes, fresh);
}
