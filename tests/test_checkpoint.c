/* SPDX-License-Identifier: Apache-2.0 */
#include "hf_directory.h"
#include "test.h"

#include "base/bytes.h"
#include "convert/checkpoint.h"

#define INDEX "model.safetensors.index.json"

static void check_tensor(nm_checkpoint *c, hf_directory *d, const char *name, const char *file)
{
    const hf_tensor *want = hf_directory_find(d, name);
    nomul_error      err;
    uint8_t          bytes[4];

    const nm_source *source = nm_checkpoint_find(c, name, &err);
    CHECK_OK(source != NULL, err);
    if (!source) return;
    CHECK_STR(source->shard->name, file);
    CHECK_INT(source->tensor->n_bytes, 4 * want->n_values);
    CHECK_OK(nm_checkpoint_read(c, source, 4 * (want->n_values - 1), bytes, 4, &err), err);
    CHECK(nm_load_f32(bytes) == want->values[want->n_values - 1]);
}

static void test_found(void)
{
    nm_checkpoint c;
    hf_directory  d;
    nomul_error   err;

    test_case("tensors of two shards, each where the index says");
    hf_directory_init(&d, "shards");
    hf_directory_save_shards(&d, "F32");
    CHECK_OK(nm_checkpoint_open(&c, d.path, &err), err);
    check_tensor(&c, &d, "model.embeddings.weight", "a.safetensors");
    check_tensor(&c, &d, "lm_head.weight", "b.safetensors");
    CHECK_FAILS(nm_checkpoint_find(&c, "x", &err), err,
                hf_with_path(&d, "@/" INDEX ": tensor x: missing"));
    CHECK_FAILS(nm_checkpoint_all_wanted(&c, &err), err,
                hf_with_path(&d, "@/a.safetensors: tensor model.lower_bounds: not part of the "
                                 "model that config.json describes"));
    nm_checkpoint_close(&c);

    test_case("a single file is read in place of the index");
    hf_directory_save_single(&d, "F32");
    CHECK_OK(nm_checkpoint_open(&c, d.path, &err), err);
    check_tensor(&c, &d, "model.embeddings.weight", "model.safetensors");
    nm_checkpoint_close(&c);
    hf_directory_free(&d);
}

static void check_refused(const hf_directory *d, const char *says)
{
    nm_checkpoint c;
    nomul_error   err;

    test_case("must fail: %s", says);
    CHECK_FAILS(nm_checkpoint_open(&c, d->path, &err), err, hf_with_path(d, says));
    nm_checkpoint_close(&c);
}

static void test_pickle(void)
{
    hf_directory d;

    hf_directory_init(&d, "pickle");
    check_refused(&d, "@: has neither model.safetensors nor " INDEX);
    hf_directory_write(&d, "pytorch_model.bin.index.json", "{}");
    check_refused(
        &d, "@/pytorch_model.bin.index.json: not read, as loading a pickle runs code from it; "
            "to get safetensors, load the model with transformers where you trust "
            "it and call save_pretrained(DIR, safe_serialization=True)");
    hf_directory_write(&d, "pytorch_model.bin", "PK");
    check_refused(&d,
                  "@/pytorch_model.bin: not read, as loading a pickle runs code from it; to get "
                  "safetensors, load the model with transformers where you trust it and call "
                  "save_pretrained(DIR, safe_serialization=True)");
    hf_directory_free(&d);
}

static void test_index(void)
{
    static const struct {
        const char *index, *says;
    } cases[] = {
        {"{", "line 1: ends in the middle"},
        {"[]", "the whole is an array, expected an object"},
        {"{}", "weight_map is missing, expected an object"},
        {"{\"weight_map\": []}", "weight_map is an array, expected an object"},
        {"{\"weight_map\": {}, \"weight_map\": {}}", "line 1: weight_map occurs twice"},
        {"{\"weight_map\": {\"t\": 3}}", "weight_map: t is 3, expected a string"},
        {"{\"weight_map\": {\"t\": \"a.safetensors\", \"\\u0074\": \"a.safetensors\"}}",
         "weight_map: t occurs twice"},
        {"{\"weight_map\": {\"t\": \"../a.safetensors\"}}",
         "weight_map: t is in \"../a.safetensors\", expected a plain file name"},
        {"{\"weight_map\": {\"t\": \"/etc/passwd\"}}",
         "weight_map: t is in \"/etc/passwd\", expected a plain file name"},
        {"{\"weight_map\": {\"t\": \"..\"}}",
         "weight_map: t is in \"..\", expected a plain file name"},
        {"{\"weight_map\": {\"t\": \"\"}}", "weight_map: t is in \"\", expected a plain file name"},
        {"{\"weight_map\": {\"t\": \"a\\u0000b\"}}",
         "weight_map: t is in \"a\", expected a plain file name"},
    };
    hf_directory d;
    char         says[512];

    hf_directory_init(&d, "index");
    hf_directory_save_shards(&d, "F32");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hf_directory_write(&d, INDEX, cases[i].index);
        snprintf(says, sizeof says, "@/" INDEX ": %s", cases[i].says);
        check_refused(&d, says);
    }
    hf_directory_free(&d);
}

/* An index that says other than its shards have. */
static void test_disagreement(void)
{
    hf_directory d;
    size_t       n;

    hf_directory_init(&d, "disagreement");
    n = d.n_tensors;
    hf_directory_save_shards(&d, "F32");
    hf_directory_save(&d, "b.safetensors", "F32", n / 2, n - 1);
    check_refused(&d, "@/" INDEX ": weight_map: lm_head.norm.weight is not in b.safetensors");
    hf_directory_save(&d, "b.safetensors", "F32", n / 2 - 1, n);
    check_refused(&d, "@/b.safetensors: tensor model.layers.0.mlp.down_proj.norm.weight: expected "
                      "in a.safetensors by weight_map of " INDEX);
    hf_directory_add(&d, "more", 0, 0);
    hf_directory_save(&d, "b.safetensors", "F32", n / 2, n + 1);
    check_refused(&d, "@/b.safetensors: tensor more: not in weight_map of " INDEX);
    hf_directory_remove(&d, "b.safetensors");
    check_refused(&d, "@/b.safetensors: No such file or directory");
    hf_directory_write(&d, "b.safetensors", "");
    check_refused(&d, "@/b.safetensors: not a safetensors file: has 0 bytes");
    hf_directory_free(&d);
}

void test_checkpoint(void)
{
    test_found();
    test_pickle();
    test_index();
    test_disagreement();
}
