/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints that convert refuses: one wound each, and the words.  Those of an index and of
 * tokenizer files are in test_checkpoint.c, test_tokenizer_json.c and test_hf_tokenizer.c.
 */
#include "hf_directory.h"
#include "test.h"

#include "convert/convert.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A sound directory and one wound: a and b are the wound's. */
typedef struct wound {
    void (*cut)(hf_directory *d, const char *a, const char *b);
    const char *a, *b;
    const char *says; /* '@' stands for the directory */
} wound;

static void config(hf_directory *d, const char *key, const char *value)
{
    hf_directory_config(d, key, value);
}

static void config_is(hf_directory *d, const char *text, const char *unused)
{
    (void)unused;
    hf_directory_write(d, "config.json", text);
}

static void without(hf_directory *d, const char *name, const char *unused)
{
    (void)unused;
    hf_directory_remove(d, name);
}

static void drop(hf_directory *d, const char *name, const char *unused)
{
    (void)unused;
    hf_directory_drop(d, name);
    hf_directory_save_single(d, "F32");
}

static void extra(hf_directory *d, const char *name, const char *unused)
{
    (void)unused;
    hf_directory_add(d, name, 0, 0);
    hf_directory_save_single(d, "F32");
}

/* b: rows and columns, or columns alone */
static void shape(hf_directory *d, const char *name, const char *b)
{
    hf_tensor    *t = hf_directory_find(d, name);
    char         *end;
    unsigned long rows = strtoul(b, &end, 10), cols = strtoul(end, NULL, 10);

    t->n_dims = cols ? 2 : 1;
    t->shape[0] = rows, t->shape[1] = cols;
    t->n_values = rows * (cols ? cols : 1);
    free(t->values);
    t->values = calloc(t->n_values, sizeof *t->values);
    hf_directory_save_single(d, "F32");
}

static void dtype(hf_directory *d, const char *name, const char *b)
{
    hf_directory_find(d, name)->dtype = b;
    hf_directory_save_single(d, "F32");
}

/* b: a place and what is there */
static void value(hf_directory *d, const char *name, const char *b)
{
    char  *end;
    size_t at = strtoul(b, &end, 10);

    hf_directory_find(d, name)->values[at] = strtof(end, NULL);
    hf_directory_save_single(d, "F32");
}

static void fill(hf_directory *d, const char *name, const char *b)
{
    hf_tensor *t = hf_directory_find(d, name);

    for (size_t i = 0; i < t->n_values; i++) t->values[i] = strtof(b, NULL);
    hf_directory_save_single(d, "F32");
}

static void cut_file(hf_directory *d, const char *name, const char *unused)
{
    const char *path = hf_directory_path(d, name);
    struct stat status;

    (void)unused;
    CHECK(stat(path, &status) == 0 && truncate(path, status.st_size - 1) == 0);
}

#define UNSUPPORTED ": not supported"
#define I_PROJ "model.layers.1.attn.i_proj.weight"
#define NORM "model.layers.0.mlp.down_proj.norm.weight"

static const wound wounds[] = {
    {without, "config.json", "", "@/config.json: No such file or directory"},
    {config_is, "", "", "@/config.json: line 1: empty"},
    {config_is, "[]", "", "@/config.json: the whole is an array, expected an object"},
    {config_is, "{\n\"vocab_size\": 3,}", "", "@/config.json: line 2: a key in quotes expected"},
    {config_is, "{\"vocab_size\": 3,\n \"vocab_size\": 3}", "",
     "@/config.json: line 2: vocab_size occurs twice"},
    {config, "model_type", "\"llama\"",
     "@/config.json: model_type is \"llama\"" UNSUPPORTED " (expected \"hgrn_bit\")"},
    {config, "use_short_conv", "true",
     "@/config.json: use_short_conv is true" UNSUPPORTED " (no published model uses it)"},
    {config, "use_short_conv", "1", "@/config.json: use_short_conv is 1, expected true or false"},
    {config, "hidden_act", "\"gelu\"",
     "@/config.json: hidden_act is \"gelu\"" UNSUPPORTED " (expected \"swish\" or \"silu\")"},
    {config, "tie_word_embeddings", "true",
     "@/config.json: tie_word_embeddings is true" UNSUPPORTED
     " (the head is ternary, the embedding is not)"},
    {config, "expand_ratio", "2",
     "@/config.json: expand_ratio is 2" UNSUPPORTED
     " with use_lower_bound (expected 1, as bounds of hidden_size can't bound a wider state)"},
    {config, "expand_ratio", "0.5",
     "@/config.json: expand_ratio is 0.5, expected a whole number from 0 up"},
    {config, "expand_ratio", "0", "@/config.json: expand_ratio is 0, expected 1 to 64"},
    {config, "hidden_size", "0", "@/config.json: hidden_size is 0, expected 1 to 1048576"},
    {config, "hidden_size", "-32",
     "@/config.json: hidden_size is -32, expected a whole number from 0 up"},
    {config, "hidden_size", "\"32\"",
     "@/config.json: hidden_size is a string, expected a whole number from 0 up"},
    {config, "hidden_size", "null",
     "@/config.json: hidden_size is null, expected a whole number from 0 up"},
    {config, "hidden_size", "4294967328",
     "@/config.json: hidden_size is 4294967328, expected 1 to 1048576"},
    {config, "hidden_size", "18446744073709551648",
     "@/config.json: hidden_size is 18446744073709551648, expected a whole number from 0 up"},
    {config, "vocab_size", "16777217",
     "@/config.json: vocab_size is 16777217, expected 1 to 16777216"},
    {config, "num_hidden_layers", "0", "@/config.json: num_hidden_layers is 0, expected 1 to 4096"},
    {config, "num_heads", "[1]",
     "@/config.json: num_heads is an array, expected a whole number from 0 up"},
    {config, "intermediate_size", "0",
     "@/config.json: intermediate_size is 0, expected 1 to 1048576"},
    {config, "rms_norm_eps", "0",
     "@/config.json: rms_norm_eps is 0, expected more than 0 and less than 1"},
    {config, "rms_norm_eps", "\"x\"", "@/config.json: rms_norm_eps is a string, expected a number"},
    {config, "intermediate_size", "21",
     "@/model.safetensors: tensor model.layers.0.mlp.gate_proj.weight: has shape [40, 32], "
     "expected [42, 32]"},
    {without, "model.safetensors", "",
     "@: has neither model.safetensors nor model.safetensors.index.json"},
    {cut_file, "model.safetensors", "",
     "@/model.safetensors: tensor lm_head.norm.weight: needs 128 bytes, file ends after 127"},
    {drop, I_PROJ, "", "@/model.safetensors: tensor " I_PROJ ": missing"},
    {drop, NORM, "", "@/model.safetensors: tensor " NORM ": missing"},
    {drop, "model.lower_bounds", "", "@/model.safetensors: tensor model.lower_bounds: missing"},
    {config, "use_lower_bound", "false",
     "@/model.safetensors: tensor model.lower_bounds: not part of the model that config.json "
     "describes"},
    {extra, "model.layers.2.attn_norm.weight", "",
     "@/model.safetensors: tensor model.layers.2.attn_norm.weight: not part of the model that "
     "config.json describes"},
    {extra, "model.layers.0.attn.h_conv1d.weight", "",
     "@/model.safetensors: tensor model.layers.0.attn.h_conv1d.weight: a short "
     "convolution" UNSUPPORTED " (no published model uses it)"},
    {shape, I_PROJ, "32 31",
     "@/model.safetensors: tensor " I_PROJ ": has shape [32, 31], expected [32, 32]"},
    {shape, I_PROJ, "1024",
     "@/model.safetensors: tensor " I_PROJ ": has shape [1024], expected [32, 32]"},
    {shape, NORM, "1 20", "@/model.safetensors: tensor " NORM ": has shape [1, 20], expected [20]"},
    {shape, NORM, "0", "@/model.safetensors: tensor " NORM ": has shape [0], expected [20]"},
    {dtype, NORM, "I8", "@/model.safetensors: tensor " NORM ": is I8, expected F32, F16 or BF16"},
    {value, I_PROJ, "70 nan",
     "@/model.safetensors: tensor " I_PROJ ": row 2, column 6 is not a number"},
    {value, I_PROJ, "1023 -inf",
     "@/model.safetensors: tensor " I_PROJ ": row 31, column 31 is infinite"},
    {value, NORM, "3 inf", "@/model.safetensors: tensor " NORM ": row 0, column 3 is infinite"},
    {value, "model.embeddings.weight", "33 nan",
     "@/model.safetensors: tensor model.embeddings.weight: row 1, column 1 is not a number"},
    {value, "model.embeddings.weight", "65 -65520",
     "@/model.safetensors: tensor model.embeddings.weight: row 2, column 1 is -65520, too large "
     "for F16"},
    {value, "model.lower_bounds", "40 nan",
     "@/model.safetensors: tensor model.lower_bounds: row 1, column 8 is not a number"},
    {fill, I_PROJ, "0", "@/model.safetensors: tensor " I_PROJ ": all zero"},
    {fill, "lm_head.weight", "-4e-6",
     "@/model.safetensors: tensor lm_head.weight: rounds to all zero, its largest number being "
     "4e-06"},
};

/* Fails with these words, leaves the older file as it is and nothing beside it. */
static void check_refused(const hf_directory *d, nomul_embedding embedding, const char *says)
{
    nomul_convert_options options = {
        .size = sizeof options, .embedding = embedding, .no_tokenizer = true};
    const char *folder = test_scratch("bad"), *output = test_scratch("bad/out.gguf");
    nomul_error err;
    size_t      n;

    mkdir(folder, 0777);
    test_write_file(output, "older", 5);
    CHECK_FAILS(nm_convert(d->path, output, &options, &err), err, hf_with_path(d, says));
    char *older = test_read_file(output, &n);
    CHECK_STR(older, "older");
    CHECK_INT(hf_count_files(folder), 1);
    free(older);
}

static void test_wounds(void)
{
    for (size_t i = 0; i < sizeof wounds / sizeof wounds[0]; i++) {
        const wound *w = &wounds[i];
        hf_directory d;
        char         name[32];

        test_case("must fail: %s", w->says);
        snprintf(name, sizeof name, "wound-%zu", i);
        hf_directory_init(&d, name);
        hf_directory_save_single(&d, "F32");
        w->cut(&d, w->a, w->b);
        check_refused(&d, NOMUL_EMBEDDING_F16, w->says);
        hf_directory_free(&d);
    }
}

static void test_q8_0_refused(void)
{
    hf_directory d;

    test_case("must fail: Q8_0 of a number beyond its scale");
    hf_directory_init(&d, "wound-q8-0");
    value(&d, "model.embeddings.weight", "33 -8.33e6");
    check_refused(
        &d, NOMUL_EMBEDDING_Q8_0,
        "@/model.safetensors: tensor model.embeddings.weight: row 1, column 1 is -8330000, "
        "too large for Q8_0");

    test_case("must fail: Q8_0 of rows that are no whole blocks");
    config(&d, "hidden_size", "33");
    check_refused(
        &d, NOMUL_EMBEDDING_Q8_0,
        "@/config.json: hidden_size is 33, expected a multiple of 32 for an embedding in Q8_0");
    hf_directory_free(&d);
}

void test_bad_checkpoints(void)
{
    test_wounds();
    test_q8_0_refused();
}
