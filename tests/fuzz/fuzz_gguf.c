/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a model file: the container walked from end to end; then opened as a model, without
 * and with the check of its tensors, and run for a few tokens: whatever the codes and numbers are,
 * nothing outside the buffers is touched.
 */
#include "fuzz/fuzz.h"

#include "base/alloc.h"
#include "format/gguf.h"

#include <string.h>

#define MAX_MEMORY ((size_t)64 << 20)

/* As a file's mapping is: aligned. */
static void *aligned_copy(const uint8_t *data, size_t size)
{
    void *copy = nm_alloc(size);

    MUST(copy);
    memcpy(copy, data, size);
    return copy;
}

static void walk_key(const nm_gguf_key *key)
{
    fuzz_touch(key->name.data, key->name.size);
    fuzz_touch(key->value, key->n_bytes);
    if (key->type != NOMUL_VALUE_ARRAY || key->element_type != NOMUL_VALUE_STRING) return;
    const uint8_t *at = key->value;
    for (uint64_t i = 0; i < key->n_elements; i++) {
        nm_gguf_text text = nm_gguf_next_string(&at);
        fuzz_touch(text.data, text.size);
    }
    MUST(at == key->value + key->n_bytes);
}

static void walk_container(const void *data, size_t size)
{
    nm_gguf     gguf = {0};
    nomul_error err = {.code = NOMUL_OK};

    if (!nm_gguf_open(&gguf, data, size, NULL, &err)) {
        MUST(err.code != NOMUL_OK && err.text[0]);
        nm_gguf_close(&gguf);
        return;
    }
    for (size_t i = 0; i < gguf.n_keys; i++) walk_key(&gguf.keys[i]);
    uint64_t end = 0;
    for (size_t i = 0; i < gguf.n_tensors; i++) {
        const nm_gguf_tensor *t = &gguf.tensors[i];
        MUST(t->offset >= end && t->offset <= size && t->n_bytes <= size - t->offset);
        MUST(t->data == (const uint8_t *)data + t->offset && t->offset % gguf.alignment == 0);
        end = t->offset + t->n_bytes;
        fuzz_touch(t->name.data, t->name.size);
        fuzz_touch(t->data, t->n_bytes);
    }
    nm_gguf_close(&gguf);
}

/* The same ids together and one by one: the same bits, NaNs included. */
static void feed(const nomul_model *model)
{
    const nomul_model_info *info = nomul_model_get_info(model);
    nomul_session_options   options;
    int32_t                 ids[3] = {0, (int32_t)info->n_vocab - 1, 0};
    size_t                  row = info->n_vocab;

    nomul_session_options_init(&options);
    options.n_threads = 1;
    options.n_batch = 2;
    size_t memory = nomul_session_memory(model, &options);
    if (memory == 0 || memory > MAX_MEMORY || row > MAX_MEMORY / 32) return;

    nomul_session *session = nomul_session_new(model, &options, NULL);
    float         *logits = nm_alloc(4 * row * sizeof *logits);
    MUST(session && logits);
    MUST(nomul_session_feed(session, ids, 3, NOMUL_LOGITS_ALL, logits, NULL) == NOMUL_OK);
    nomul_session_reset(session);
    for (size_t t = 0; t < 3; t++) {
        MUST(nomul_session_feed(session, ids + t, 1, NOMUL_LOGITS_LAST, logits + 3 * row, NULL) ==
             NOMUL_OK);
        MUST(memcmp(logits + t * row, logits + 3 * row, row * sizeof *logits) == 0);
    }
    ids[0] = (int32_t)info->n_vocab;
    MUST(nomul_session_feed(session, ids, 1, NOMUL_LOGITS_NONE, NULL, NULL) == NOMUL_E_ARG);
    nm_free(logits);
    nomul_session_free(session);
}

static void walk_model(const nomul_model *model)
{
    nomul_metadata          pair = {.size = sizeof pair};
    nomul_tensor            tensor = {.size = sizeof tensor};
    const nomul_tokenizer  *tokenizer = nomul_model_tokenizer(model);
    const nomul_model_info *info = nomul_model_get_info(model);

    MUST(info->n_layers && info->dim && info->ffn_dim && info->n_vocab);
    for (size_t i = 0; nomul_model_metadata(model, i, &pair, NULL); i++) {
        fuzz_touch(pair.key, pair.n_key);
        if (pair.type == NOMUL_VALUE_STRING) fuzz_touch(pair.string, pair.n_string);
    }
    for (size_t i = 0; nomul_model_tensor(model, i, &tensor, NULL); i++)
        fuzz_touch(tensor.name, tensor.n_name);
    if (tokenizer) {
        int32_t ids[64];
        size_t  n_ids;
        MUST(nomul_token_count(tokenizer) == info->n_vocab);
        nomul_tokenize(tokenizer, "a the\xff<s>", 9, 3, ids, 64, &n_ids, NULL);
    }
    feed(model);
}

static void open_model(const void *data, size_t size, bool check_tensors)
{
    nomul_model_options options;
    nomul_error         err = {.code = NOMUL_OK};

    nomul_model_options_init(&options);
    options.check_tensors = check_tensors;
    nomul_model *model = nomul_model_open_memory(data, size, &options, &err);
    if (model)
        walk_model(model);
    else
        MUST(err.code != NOMUL_OK && err.text[0]);
    nomul_model_close(model);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    void *copy = aligned_copy(data, size);

    walk_container(copy, size);
    open_model(copy, size, false);
    open_model(copy, size, true);
    nm_free(copy);
    return 0;
}
