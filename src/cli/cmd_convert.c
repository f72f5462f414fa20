/* SPDX-License-Identifier: Apache-2.0 */
/* nomul convert: a checkpoint directory to a model file.  The library works, this shows how far. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/utf8.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/numbers.h"
#include "nomul.h"

typedef struct convert_args {
    const char *directory, *output, *name;
    int64_t     embedding;
    bool        no_tokenizer, quiet;
} convert_args;

/* The choices of --embedding, in the order of the option's words. */
static const nomul_embedding embeddings[] = {NOMUL_EMBEDDING_F32, NOMUL_EMBEDDING_F16,
                                             NOMUL_EMBEDDING_Q8_0};

#define F(field) offsetof(convert_args, field)
static const nm_option table[] = {
    {0, NULL, NM_OPT_ARG, F(directory), NULL, "DIR", "the checkpoint's directory", 1, 1},
    {'o', "output", NM_OPT_STRING, F(output), NULL, "FILE", "the model file to write", 0, 0},
    {0, "embedding", NM_OPT_CHOICE, F(embedding), "f16", "f32|f16|q8_0",
     "how the embedding is stored", 0, 0},
    {0, "no-tokenizer", NM_OPT_FLAG, F(no_tokenizer), NULL, NULL,
     "leave the tokenizer out: the model takes ids", 0, 0},
    {0, "name", NM_OPT_STRING, F(name), NULL, "NAME", "the model's name, general.name in the file",
     0, 0},
    {'q', "quiet", NM_OPT_FLAG, F(quiet), NULL, NULL, "no progress, no last line", 0, 0},
    {0, NULL, NM_OPT_END, 0, NULL, NULL, NULL, 0, 0},
};
#undef F

typedef struct bar {
    bool     shown;
    unsigned drawn; /* per mille on the screen + 1; 0: nothing yet */
} bar;

static void draw(uint64_t done, uint64_t total, unsigned per_mille)
{
    static const char full[] = "########################################";
    int               n = (int)(per_mille * (sizeof full - 1) / 1000);

    fprintf(stderr, "\r[%.*s%*s] %3u%%  %s of %s ", n, full, (int)(sizeof full - 1) - n, "",
            per_mille / 10, nm_show_bytes(done).text, nm_show_bytes(total).text);
}

static bool on_progress(void *context, uint64_t done, uint64_t total)
{
    bar     *b = context;
    unsigned per_mille = total > 0 ? (unsigned)(1000.0 * ((double)done / (double)total)) : 1000;

    if (b->shown && b->drawn != per_mille + 1) {
        draw(done, total, per_mille);
        b->drawn = per_mille + 1;
    }
    return !nm_interrupted();
}

static void erase(const bar *b)
{
    if (b->drawn > 0) fprintf(stderr, "\r%78s\r", "");
}

static void say_written(const char *output, double seconds)
{
    nm_file  file = NM_FILE_CLOSED;
    uint64_t size = nm_file_open(&file, output, NULL) ? file.size : 0;

    nm_file_close(&file);
    fprintf(stderr, "%s: %s written in %s\n", output, nm_show_bytes(size).text,
            nm_show_seconds(seconds).text);
}

static int run(const void *arguments, const char *argv0)
{
    const convert_args   *args = arguments;
    bar                   b = {.shown = !args->quiet && isatty(STDERR_FILENO)};
    double                began = nm_clock();
    nomul_convert_options o;
    nomul_error           err;

    (void)argv0;
    if (!args->output) return nm_misused("convert", "-o FILE is missing");
    if (args->name && !nm_utf8_valid(args->name, strlen(args->name)))
        return nm_misused("convert", "--name: is not valid UTF-8");
    nomul_convert_options_init(&o);
    o.embedding = embeddings[args->embedding];
    o.no_tokenizer = args->no_tokenizer;
    o.name = args->name;
    o.progress = on_progress;
    o.progress_context = &b;

    nm_interrupt_catch_patiently(); /* syncing may take a while: no half file is left behind */
    nomul_status status = nomul_convert(args->directory, args->output, &o, &err);
    erase(&b);
    if (status != NOMUL_OK) return nm_command_failed(&err);
    if (!args->quiet) say_written(args->output, nm_clock() - began);
    return NM_EXIT_DONE;
}

const nm_command nm_cmd_convert = {
    "convert",
    "make a model file from a Hugging Face checkpoint",
    "Reads a checkpoint directory as it is published (config.json, safetensors in one file or in "
    "shards, tokenizer.model or tokenizer.json) and writes one file that the other commands run. "
    "The file appears when it is complete; if anything fails, or on Ctrl-C, nothing is left "
    "behind.",
    table,
    sizeof(convert_args),
    run};
