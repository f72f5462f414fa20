/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul convert: reads a checkpoint directory, writes a model file.  Only the options are here:
 * nomul_convert reads, checks, quantizes and writes; output.c shows how far it is.  A command
 * without -o is answered with the name that it could have.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/utf8.h"
#include "cli/commands.h"

enum { NAME_MAX_BYTES = 80 }; /* of a proposed name */

typedef struct convert_args {
    const char *directory, *output, *name;
    int64_t     embedding, pack;
    bool        no_tokenizer, quiet;
} convert_args;

/* By the index of --embedding. */
static const nomul_embedding embeddings[] = {NOMUL_EMBEDDING_F32, NOMUL_EMBEDDING_F16,
                                             NOMUL_EMBEDDING_Q8_0};

#define F(field) offsetof(convert_args, field)
static const nm_option table[] = {
    NM_ARG(F(directory), "DIR", 1, "directory of the checkpoint", NM_NAME),
    NM_FILE('o', "output", F(output), NULL, "the model file to write", NM_OUTPUT),
    NM_CHOICE(0, "embedding", F(embedding), "f16", "f32|f16|q8_0", "type of the stored embedding"),
    NM_CHOICE(0, "pack", F(pack), "2bit", nm_pack_words, "bits for each ternary weight"),
    NM_FLAG(0, "no-tokenizer", F(no_tokenizer),
            "omit the tokenizer; the model then takes token ids only"),
    NM_STRING(0, "name", F(name), "NAME", "name of the model, stored as general.name"),
    NM_FLAG('q', "quiet", F(quiet), "print only errors to stderr"),
    NM_END,
};

static int run(const void *arguments)
{
    const convert_args   *args = arguments;
    nm_progress_bar       bar = {.quiet = args->quiet, .began = nm_clock()};
    nomul_convert_options o;
    nomul_error           err;

    if (nm_file_exists(args->directory) && !nm_file_is_directory(args->directory))
        return nm_output_misused("%s: is a file, not the folder of a checkpoint; nomul repack "
                                 "changes a model file",
                                 args->directory);
    if (!args->output) { /* propose the directory's own name in small letters: dir/Model -> model */
        char   name[NAME_MAX_BYTES];
        size_t end = strlen(args->directory), n = 0;

        while (end > 0 && strchr("/\\.", args->directory[end - 1])) end--;
        size_t begin = end;
        while (begin > 0 && !strchr("/\\", args->directory[begin - 1])) begin--;
        for (; begin < end && n + sizeof ".gguf" < NAME_MAX_BYTES; begin++)
            name[n++] = (char)tolower((unsigned char)args->directory[begin]);
        return nm_output_misused("-o FILE is missing, as in -o %.*s.gguf", (int)(n ? n : 5),
                                 n ? name : "model");
    }
    if (args->name && !nm_utf8_valid(args->name, strlen(args->name)))
        return nm_output_misused("--name: is not valid UTF-8");
    nomul_convert_options_init(&o);
    o.embedding = embeddings[args->embedding];
    o.pack = nomul_packing_name((size_t)args->pack);
    o.no_tokenizer = args->no_tokenizer;
    o.name = args->name;
    o.progress = nm_progress_show;
    o.progress_context = &bar;
    o.warning = nm_progress_warn;
    o.warning_context = &bar;
    o.temporary = nm_interrupt_doom;

    nm_interrupt_guard(args->directory);
    nm_interrupt_catch_patiently(); /* a second Ctrl-C must not leave half a file */
    nomul_status status = nomul_convert(args->directory, args->output, &o, &err);
    return nm_progress_end(&bar, status, &err, args->output);
}

const nm_command nm_cmd_convert = {
    "convert",
    "make a model file from a Hugging Face checkpoint",
    "Reads a checkpoint directory as published on Hugging Face (config.json, one safetensors file "
    "or several shards, tokenizer.model or tokenizer.json) and writes one model file. The file "
    "appears when it is complete; an error or Ctrl-C leaves an older file unchanged and no "
    "temporary file.",
    table,
    sizeof(convert_args),
    run};
