/* SPDX-License-Identifier: Apache-2.0 */
/* nomul.h as a stranger uses it, rightly and wrongly. */
#include "checkpoints.h"
#include "test.h"

#include <math.h>
#include <stdlib.h>

static void test_info(const nomul_model *model)
{
    const nomul_model_info *info = nomul_model_get_info(model);
    nomul_metadata          key = {.size = sizeof key};
    nomul_tensor            tensor = {.size = sizeof tensor};
    size_t                  n = 0;

    test_case("what a model says of itself");
    CHECK_INT(info->n_layers, 3);
    CHECK_INT(info->dim, 96);
    CHECK_INT(info->state_dim, 96);
    CHECK_INT(info->ffn_dim, 160);
    CHECK_INT(info->n_vocab, 512);
    CHECK_STR(info->packing, "t4");
    CHECK_INT(info->state_bytes, 3 * 96 * 4);
    CHECK_INT(info->n_ternary_params, 3 * (4 * 96 * 96 + 3 * 160 * 96) + 512 * 96);
    CHECK(info->n_params > info->n_ternary_params + 512 * 96);
    while (nomul_model_tensor(model, n, &tensor)) n++;
    CHECK_INT(n, 2 + 3 * (6 * 3 + 3) + 4);
    for (n = 0; nomul_model_metadata(model, n, &key); n++)
        if (key.n_key == 20 && memcmp(key.key, "general.architecture", 20) == 0) break;
    CHECK_INT(key.type, NOMUL_VALUE_STRING);
    CHECK(key.n_string == 8 && memcmp(key.string, "hgrn_bit", 8) == 0);
    CHECK(!nomul_model_metadata(model, 100000, &key));
    n = 0;
    CHECK(nomul_session_memory(model, NULL) > info->state_bytes);
}

static void test_misuse(const nomul_model *model)
{
    nomul_session_options options;
    nomul_convert_options convert;
    nomul_error           err;
    const int32_t         ids[] = {1, 2, 512, -1};
    float                *logits = malloc(512 * sizeof *logits);

    test_case("misuse is an error, not a crash");
    CHECK_FAILS(nomul_session_new(NULL, NULL, &err), err, "nomul_session_new: an argument is NULL");
    CHECK_INT(err.code, NOMUL_E_ARG);
    CHECK_FAILS(nomul_model_open(NULL, NULL, &err), err, "nomul_model_open: path is NULL");
    CHECK_FAILS(nomul_model_open("/nowhere/at.all", NULL, &err), err,
                "/nowhere/at.all: No such file or directory");
    CHECK_INT(err.code, NOMUL_E_IO);
    CHECK(nomul_model_open("/nowhere/at.all", NULL, NULL) == NULL);
    nomul_session_options_init(&options);
    options.n_batch = 5000;
    CHECK_FAILS(nomul_session_new(model, &options, &err), err,
                "n_batch: is 5000, expected up to 4096");
    options.size = 3;
    CHECK_FAILS(nomul_session_new(model, &options, &err), err,
                "options: size is 3, expected 8 to 32: was init called?");
    CHECK_FAILS(nomul_convert(NULL, "x", NULL, &err) == NOMUL_OK, err,
                "nomul_convert: a path is NULL");
    nomul_convert_options_init(&convert);
    convert.name = "a\xFF";
    CHECK_FAILS(nomul_convert("x", "x", &convert, &err) == NOMUL_OK, err,
                "name: is not valid UTF-8");
    nomul_convert_options_init(&convert);
    convert.pack = (nomul_packing)2;
    CHECK_FAILS(nomul_convert("a", "b", &convert, &err) == NOMUL_OK, err,
                "pack: is 2, expected 0 to 1");
    CHECK_INT(err.code, NOMUL_E_ARG);

    test_case("an id outside the vocabulary changes nothing");
    nomul_session *session = test_session(model, 1, 4);
    CHECK_FAILS(nomul_session_feed(session, ids, 3, NOMUL_LOGITS_NONE, NULL, &err) == NOMUL_OK, err,
                "id 512 at position 2: outside the vocabulary of 512");
    CHECK_FAILS(nomul_session_feed(session, ids + 3, 1, NOMUL_LOGITS_NONE, NULL, &err) == NOMUL_OK,
                err, "id -1 at position 0: outside the vocabulary of 512");
    CHECK_FAILS(nomul_session_feed(session, ids, 1, NOMUL_LOGITS_LAST, NULL, &err) == NOMUL_OK, err,
                "nomul_session_feed: an argument is NULL");
    CHECK_FAILS(nomul_session_feed(session, ids, 1, (nomul_logits)3, logits, &err) == NOMUL_OK, err,
                "logits: is 3, expected 0 to 2");
    CHECK_INT(nomul_session_n_tokens(session), 0);
    CHECK(nomul_session_feed(session, NULL, 0, NOMUL_LOGITS_NONE, NULL, &err) == NOMUL_OK);
    nomul_session_free(session);
    free(logits);
}

/* The packing that kernels like belongs to them, not to the file. */
static void test_best_packing(void)
{
    nomul_model_options options;
    nomul_error         err;
    const char         *kernels;

    nomul_model_options_init(&options);
    for (size_t k = 0; (kernels = nomul_kernels_name(k)) != NULL; k++) {
        test_case("the best packing for %s", kernels);
        options.kernels = kernels;
        nomul_model *model = nomul_model_open(test_path("../models/tiny.gguf"), &options, &err);
        if (!model && err.code == NOMUL_E_UNSUPPORTED) {
            test_skip("%s", err.text);
            continue;
        }
        CHECK_OK(model != NULL, err);
        if (!model) continue;
        CHECK_STR(nomul_model_kernels(model), kernels);
        bool vbmi = strcmp(kernels, "avx512") == 0 || strcmp(kernels, "avx512_48k") == 0;
        CHECK_STR(nomul_model_best_packing(model), vbmi ? "t5" : "t4");
        nomul_model_close(model);
    }
}

/* LAST is the last row of ALL, NONE changes the state alike, reset brings back the beginning. */
static void test_feed(const nomul_model *model)
{
    static const int32_t ids[] = {1, 300, 17, 511, 0, 259, 80};
    size_t               n = sizeof ids / sizeof ids[0], row = 512 * sizeof(float);
    float               *all = malloc(n * row), *last = malloc(row);
    nomul_error          err;
    nomul_session       *session = test_session(model, 2, 3);

    test_case("all logits, the last ones, and a reset");
    CHECK_OK(nomul_session_feed(session, ids, n, NOMUL_LOGITS_ALL, all, &err) == NOMUL_OK, err);
    CHECK_INT(nomul_session_n_tokens(session), n);
    for (size_t end = 1; end <= n; end++) {
        nomul_session_reset(session);
        CHECK_INT(nomul_session_n_tokens(session), 0);
        nomul_session_feed(session, ids, end / 2, NOMUL_LOGITS_NONE, NULL, &err);
        nomul_session_feed(session, ids + end / 2, end - end / 2, NOMUL_LOGITS_LAST, last, &err);
        CHECK_MEM(last, all + (end - 1) * 512, row, "the last row");
    }
    CHECK(isfinite(all[0]));
    nomul_session_free(session);
    free(all), free(last);
}

void test_api(void)
{
    nomul_error  err;
    nomul_model *model = nomul_model_open(test_path("../models/tiny.gguf"), NULL, &err);

    test_case("the tiny model opens");
    CHECK_OK(model != NULL, err);
    if (!model) return;
    test_info(model);
    test_misuse(model);
    test_feed(model);
    test_best_packing();
    CHECK_STR(nomul_version(), NOMUL_VERSION);
    nomul_model_close(model);
}
