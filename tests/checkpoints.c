/* SPDX-License-Identifier: Apache-2.0 */
#include "checkpoints.h"
#include "test.h"

#include <stdlib.h>

nomul_model *test_open_tiny_as(const char *name, const char *pack, const char *kernels)
{
    nomul_convert_options options;
    nomul_model_options   opening;
    nomul_error           err;
    char                  from[256], to[256];

    snprintf(from, sizeof from, "golden/%s", name);
    snprintf(to, sizeof to, "%s.gguf", name);
    nomul_convert_options_init(&options);
    options.embedding = NOMUL_EMBEDDING_F32;
    options.no_tokenizer = true;
    options.pack = pack;
    CHECK_OK(nomul_convert(test_path(from), test_scratch(to), &options, &err) == NOMUL_OK, err);
    nomul_model_options_init(&opening);
    opening.check_tensors = true;
    opening.kernels = kernels;
    nomul_model *model = nomul_model_open(test_scratch(to), &opening, &err);
    if (!model && kernels && err.code == NOMUL_E_UNSUPPORTED)
        test_skip("%s", err.text);
    else
        CHECK_OK(model != NULL, err);
    return model;
}

nomul_model *test_open_tiny(const char *name)
{
    return test_open_tiny_as(name, "t4", NULL);
}

nomul_model *test_open_stories(const char *size)
{
    nomul_error err;
    char        path[64];

    snprintf(path, sizeof path, "../models/stories-%s.gguf", size);
    nomul_model *model = nomul_model_open(test_path(path), NULL, &err);
    CHECK_OK(model != NULL, err);
    return model;
}

nomul_session *test_session(const nomul_model *model, size_t n_threads, size_t n_batch)
{
    nomul_session_options options;
    nomul_error           err;

    nomul_session_options_init(&options);
    options.n_threads = n_threads, options.n_batch = n_batch;
    nomul_session *session = nomul_session_new(model, &options, &err);
    CHECK_OK(session != NULL, err);
    return session;
}

const nm_safetensor *test_find_tensor(const nm_safetensors *st, const char *name)
{
    for (size_t i = 0; i < st->n_tensors; i++)
        if (strcmp(st->tensors[i].name, name) == 0) return &st->tensors[i];
    return NULL;
}

void *test_read_tensor(const char *path, const char *name, size_t *n_elements)
{
    nm_safetensors       st = {.file = NM_FILE_CLOSED};
    const nm_safetensor *t = NULL;
    nomul_error          err;
    void                *data = NULL;

    *n_elements = 0;
    CHECK_OK(nm_safetensors_open(&st, path, &err), err);
    if (st.tensors) t = test_find_tensor(&st, name);
    CHECK_THAT(t != NULL, "%s: no tensor %s", path, name);
    if (t) {
        data = malloc((size_t)t->n_bytes);
        *n_elements = (size_t)t->n_bytes / 4;
        CHECK_OK(nm_file_read(&st.file, t->offset, data, (size_t)t->n_bytes, &err), err);
    }
    nm_safetensors_close(&st);
    return data;
}
