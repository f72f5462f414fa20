/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul repack: rewrites a model file with its ternary weights in the other packing, or with other
 * recommended sampling.  Only the options are here: nomul_repack does the work, output.c shows
 * how far it is.
 */
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/text/text_options.h"

typedef struct repack_args {
    const char *input, *output;
    int64_t     pack;
    nm_strings  sampling;
    bool        quiet;
} repack_args;

#define F(field) offsetof(repack_args, field)
static const nm_option table[] = {
    NM_ARG(F(input), "FILE", 1, "the model file to read", NM_NAME),
    NM_FILE('o', "output", F(output), NULL, "the model file to write; may be the input itself",
            NM_OUTPUT),
    NM_CHOICE(0, "pack", F(pack), NULL, nm_pack_words, "bits for each ternary weight"),
    NM_LIST(0, "sampling", F(sampling), "NAME=X",
            "store a default for a sampling option of nomul run, as in temp=0.6; may be repeated"),
    NM_FLAG('q', "quiet", F(quiet), "print only errors to stderr"),
    NM_END,
};

#undef F
#define F(field) offsetof(nm_text_settings, field)
static const nm_option recommendable[] = {
    NOMUL_SAMPLER_FIELDS(NM_SAMPLER_ROW) /* ends with a comma */
    {0, NULL, NM_OPT_GIVEN, F(text.given), NULL, NULL, NULL, 0, 0, NM_NO_FILE},
    NM_END,
};

/* "temp=0.6", as --temp 0.6 would be taken, into the options and the bits of their rows. */
static int read_sampling(const nm_strings *words, nomul_sampler_options *options, uint64_t *rows)
{
    nm_text_settings settings = {.text = {.seed = 0}};
    nm_text_args    *args = &settings.text;
    uint64_t         bit = 1;
    nomul_error      err;

    for (size_t i = 0; i < words->n; i++) {
        size_t n_name = strcspn(words->at[i], "=");
        char   name[64];

        if (n_name == 0 || n_name >= sizeof name || words->at[i][n_name] == '\0')
            return nm_output_misused("--sampling: '%.120s' is not like temp=0.6", words->at[i]);
        snprintf(name, sizeof name, "%.*s", (int)n_name, words->at[i]);
        if (!nm_options_set(recommendable, &settings, name, words->at[i] + n_name + 1, &err))
            return nm_output_misused("--sampling: %s", err.text);
    }
    if (nm_option_given(recommendable, &args->given, offsetof(nm_text_settings, text.seed)))
        return nm_output_misused("--sampling: a seed cannot be recommended");
#define ROW(TYPE, name, ...)                                                                       \
    if (nm_option_given(recommendable, &args->given, offsetof(nm_text_settings, text.name))) {     \
        options->name = (NOMUL_SAMPLER_##TYPE)args->name;                                          \
        *rows |= bit;                                                                              \
    }                                                                                              \
    bit <<= 1;
    NOMUL_SAMPLER_FIELDS(ROW)
#undef ROW
    return NM_EXIT_DONE;
}

static int run(const void *arguments)
{
    const repack_args    *args = arguments;
    nm_progress_bar       bar = {.quiet = args->quiet, .began = nm_clock()};
    nomul_repack_options  o;
    nomul_sampler_options sampling;
    nomul_error           err;

    if (!args->output) return nm_output_misused("-o FILE is missing");
    if (args->pack < 0 && args->sampling.n == 0)
        return nm_output_misused("one of --pack and --sampling is needed");
    nomul_sampler_options_init(&sampling);
    nomul_repack_options_init(&o);
    int code = read_sampling(&args->sampling, &sampling, &o.sampling_rows);
    if (code != NM_EXIT_DONE) return code;
    o.sampling = o.sampling_rows ? &sampling : NULL;
    if (args->pack >= 0) o.pack = nomul_packing_name((size_t)args->pack);
    o.progress = nm_progress_show;
    o.progress_context = &bar;
    o.temporary = nm_interrupt_doom;

    nm_interrupt_guard(args->input);
    nm_interrupt_catch_patiently(); /* a second Ctrl-C must not leave half a file */
    nomul_status status = nomul_repack(args->input, args->output, &o, &err);
    return nm_progress_end(&bar, status, &err, args->output);
}

const nm_command nm_cmd_repack = {
    "repack",
    "change the packing or the recommended sampling of a model",
    "Rewrites a model file with its ternary weights in another packing, or with other recommended "
    "sampling options; everything else is copied. Results are the same, bit for bit, and "
    "repacking back gives the same file. nomul info says which packing is faster on this machine. "
    "The file appears when it is complete; an error or Ctrl-C leaves an older file unchanged and "
    "no temporary file.",
    table,
    sizeof(repack_args),
    run};
