/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul repack: rewrites a model file with its ternary weights in the other packing.  Only the
 * options are here: nomul_repack does the work, progress.c shows how far it is.
 */
#include "cli/commands.h"
#include "cli/progress.h"

typedef struct repack_args {
    const char *input, *output;
    int64_t     pack;
    bool        quiet;
} repack_args;

#define F(field) offsetof(repack_args, field)
static const nm_option table[] = {
    NM_ARG(F(input), "FILE", 1, "the model file to read"),
    NM_STRING('o', "output", F(output), "FILE", "the model file to write; may be the input itself"),
    NM_CHOICE(0, "pack", F(pack), NULL, nm_pack_words, "bits for each ternary weight"),
    NM_FLAG('q', "quiet", F(quiet), "no messages on stderr but errors"),
    NM_END,
};

static int run(const void *arguments)
{
    const repack_args   *args = arguments;
    nm_progress_bar      bar = {.quiet = args->quiet, .began = nm_clock()};
    nomul_repack_options o;
    nomul_error          err;

    if (!args->output) return nm_output_misused("-o FILE is missing");
    if (args->pack < 0) return nm_output_misused("--pack %s is missing", nm_pack_words);
    nomul_repack_options_init(&o);
    o.pack = nomul_packing_name((size_t)args->pack);
    o.progress = nm_progress_show;
    o.progress_context = &bar;

    nm_interrupt_guard(args->input);
    nm_interrupt_catch_patiently(); /* a second Ctrl-C must not leave half a file */
    nomul_status status = nomul_repack(args->input, args->output, &o, &err);
    return nm_progress_end(&bar, status, &err, args->output);
}

const nm_command nm_cmd_repack = {
    "repack",
    "store the ternary weights of a model in 2 or 1.6 bits",
    "Writes a model file whose ternary weights are packed in another way; everything else is "
    "copied. It is the same model: results are the same to the last bit, and repacking it back "
    "gives the same file. Which packing is faster depends on the machine: nomul info prints "
    "which one is preferred here. The file appears under its name when it is complete; after an "
    "error or Ctrl-C an older file is unchanged and no temporary file remains.",
    table,
    sizeof(repack_args),
    run};
