/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a checkpoint directory: the input is a series of files, each a byte that chooses its
 * name, three of its length, and its content.  What converts is a sound model that runs; what does
 * not is refused in one line, and nothing is left of it.
 */
#define _XOPEN_SOURCE 700

#include "fuzz/fuzz.h"

#include "nomul.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* make_seeds.py has the same list. */
static const char *const names[] = {
    "config.json",
    "model.safetensors",
    "model.safetensors.index.json",
    "a.safetensors",
    "b.safetensors",
    "tokenizer.model",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "generation_config.json",
    "added_tokens.json",
    "chat_template.jinja",
};

enum { N_NAMES = sizeof names / sizeof *names };

static char folder[600], path[700], output[700];

static const char *path_of(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void remove_folder(void)
{
    for (size_t i = 0; i < N_NAMES; i++) unlink(path_of(names[i]));
    unlink(output);
    rmdir(folder);
}

static void set_up(void)
{
    const char *root = getenv("TMPDIR");

    snprintf(folder, sizeof folder, "%s/nomul-fuzz-%ld", root ? root : "/tmp", (long)getpid());
    snprintf(output, sizeof output, "%s.gguf", folder);
    MUST(mkdir(folder, 0700) == 0);
    atexit(remove_folder);
}

/* Of a file that occurs twice the later one, and none of the input before. */
static void write_files(const uint8_t *data, size_t size)
{
    bool is_written[N_NAMES] = {false};

    while (size >= 4) {
        size_t n = (size_t)data[1] | (size_t)data[2] << 8 | (size_t)data[3] << 16;
        size_t name = data[0] % N_NAMES;

        data += 4, size -= 4;
        if (n > size) n = size;
        fuzz_write_file(path_of(names[name]), data, n);
        is_written[name] = true;
        data += n, size -= n;
    }
    for (size_t i = 0; i < N_NAMES; i++)
        if (!is_written[i]) unlink(path_of(names[i]));
}

/* Every tensor is what it says, and the model runs. */
static void check_model(void)
{
    nomul_model_options   options;
    nomul_session_options one;
    nomul_error           err = {.code = NOMUL_OK};
    int32_t               id = 0, ids[16];
    size_t                n_ids = 0;

    nomul_model_options_init(&options);
    nomul_session_options_init(&one);
    options.check_tensors = true;
    one.n_threads = one.n_batch = 1;
    nomul_model *model = nomul_model_open(output, &options, &err);
    MUST(model);
    const nomul_tokenizer *tokenizer = nomul_model_tokenizer(model);
    if (tokenizer) nomul_tokenize(tokenizer, "a <s> b", 7, 3, ids, 16, &n_ids, NULL);
    nomul_session *session = nomul_session_new(model, &one, NULL);
    MUST(session && nomul_session_feed(session, &id, 1, NOMUL_LOGITS_NONE, NULL, NULL) == NOMUL_OK);
    nomul_session_free(session);
    nomul_model_close(model);
}

/* With the tokenizer or, by the first byte's highest bit, without it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nomul_convert_options options;
    nomul_error           err = {.code = NOMUL_OK};

    if (!*folder) set_up();
    nomul_convert_options_init(&options);
    options.no_tokenizer = size > 0 && data[0] & 0x80;
    write_files(data, size);
    if (nomul_convert(folder, output, &options, &err) == NOMUL_OK) {
        check_model();
        MUST(unlink(output) == 0);
    } else {
        MUST(err.code != NOMUL_OK && err.text[0] && !strchr(err.text, '\n'));
        MUST(access(output, F_OK) != 0);
    }
    return 0;
}
