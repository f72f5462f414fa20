/* SPDX-License-Identifier: Apache-2.0 */
/* nomul repack: a model file in the other packing. */
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/progress.h"

typedef struct repack_args {
    const char *input, *output;
    int64_t     pack;
    bool        quiet;
} repack_args;

#define F(field) offsetof(repack_args, field)
static const nm_option table[] = {
    {0, NULL, NM_OPT_ARG, F(input), NULL, "FILE", "the model file to read", 1, 1},
    {'o', "output", NM_OPT_STRING, F(output), NULL, "FILE",
     "the model file to write; it may be the same", 0, 0},
    {0, "pack", NM_OPT_CHOICE, F(pack), NULL, NM_PACK_WORDS, "how ternary weights are stored", 0,
     0},
    {'q', "quiet", NM_OPT_FLAG, F(quiet), NULL, NULL, "no progress, no last line", 0, 0},
    {0, NULL, NM_OPT_END, 0, NULL, NULL, NULL, 0, 0},
};
#undef F

static int run(const void *arguments, const char *argv0)
{
    const repack_args   *args = arguments;
    nm_progress_bar      bar;
    nomul_repack_options o;
    nomul_error          err;

    (void)argv0;
    if (!args->output) return nm_misused("repack", "-o FILE is missing");
    if (args->pack < 0) return nm_misused("repack", "--pack " NM_PACK_WORDS " is missing");
    nm_progress_begin(&bar, args->quiet);
    nomul_repack_options_init(&o);
    o.pack = (nomul_packing)args->pack;
    o.progress = nm_progress_show;
    o.progress_context = &bar;

    nm_interrupt_guard(args->input);
    nm_interrupt_catch_patiently(); /* syncing may take a while: no half file is left behind */
    nomul_status status = nomul_repack(args->input, args->output, &o, &err);
    return nm_progress_end(&bar, status, &err, args->output);
}

const nm_command nm_cmd_repack = {
    "repack",
    "store a model's ternary weights in 2 or in 1.6 bits",
    "Writes a model file with its ternary weights packed in another way and all else as it is: the "
    "same model, the same results to the last bit, and packed back the same file. Which one is "
    "faster depends on the machine: nomul info says what this one would prefer. The file appears "
    "when it is complete; if anything fails, or on Ctrl-C, nothing is left behind.",
    table,
    sizeof(repack_args),
    run};
