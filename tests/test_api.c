/* SPDX-License-Identifier: Apache-2.0 */
/* nomul.h as a stranger uses it, rightly and wrongly. */
#include "checkpoints.h"
#include "test.h"

#include <math.h>
#include <stddef.h>
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
    while (nomul_model_tensor(model, n, &tensor, NULL)) n++;
    CHECK_INT(n, 2 + 3 * (6 * 3 + 3) + 4);
    for (n = 0; nomul_model_metadata(model, n, &key, NULL); n++)
        if (key.n_key == 20 && memcmp(key.key, "general.architecture", 20) == 0) break;
    CHECK_INT(key.type, NOMUL_VALUE_STRING);
    CHECK(key.n_string == 8 && memcmp(key.string, "hgrn_bit", 8) == 0);
    CHECK(!nomul_model_metadata(model, 100000, &key, NULL));
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
    CHECK_FAILS(nomul_model_open(NULL, NULL, &err), err, "nomul_model_open: an argument is NULL");
    CHECK_FAILS(nomul_model_open_memory(NULL, 64, NULL, &err), err,
                "nomul_model_open_memory: an argument is NULL");
    CHECK_FAILS(nomul_model_open_memory((const char *)logits + 1, 64, NULL, &err), err,
                "nomul_model_open_memory: data is not aligned to 64 bytes");
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
                "nomul_convert: an argument is NULL");
    nomul_convert_options_init(&convert);
    convert.name = "a\xFF";
    CHECK_FAILS(nomul_convert("x", "x", &convert, &err) == NOMUL_OK, err,
                "name: is not valid UTF-8");
    nomul_convert_options_init(&convert);
    convert.pack = "3bit";
    CHECK_FAILS(nomul_convert("a", "b", &convert, &err) == NOMUL_OK, err,
                "pack: is '3bit', expected 2bit or 1.6bit");
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
    for (int which = NOMUL_LOGITS_LAST; which <= NOMUL_LOGITS_ALL; which++) {
        CHECK_FAILS(nomul_session_feed(session, ids, 0, (nomul_logits)which, logits, &err) ==
                        NOMUL_OK,
                    err, "n_ids: is 0, expected at least 1 where logits are asked for");
        CHECK_INT(err.code, NOMUL_E_ARG);
    }
    nomul_session_free(session);
    free(logits);
}

/* A struct that an older caller made, of its first n bytes: the rest is not touched. */
static void test_filled(const nomul_model *model)
{
    nomul_metadata    key;
    nomul_tensor      tensor;
    nomul_text_counts counts, all = {.size = sizeof all};
    nomul_error       err;
    nomul_session    *session = test_session(model, 1, 1);
    nomul_text       *text = nomul_text_new(session, NULL, &err);
    size_t            n;

    CHECK_OK(text && nomul_text_prompt(text, "Once", 4, &err) == NOMUL_OK, err);
    CHECK_OK(nomul_text_get_counts(text, &all, &err) == NOMUL_OK, err);
    CHECK(all.n_tokens > 1 && all.n_prompt == all.n_tokens);
#define FILLED(call, value, member)                                                                \
    do {                                                                                           \
        test_case("%s: its first bytes alone, no more, no fewer", #value);                         \
        for (n = 0; n <= sizeof value + 1; n++) {                                                  \
            memset(&value, 0x5A, sizeof value);                                                    \
            value.size = n;                                                                        \
            bool ok = call;                                                                        \
            CHECK_THAT(ok == (n >= sizeof n && n <= sizeof value), "size %zu: %d", n, ok);         \
            CHECK_INT(value.size, n);                                                              \
            size_t from = !ok ? sizeof n : n;                                                      \
            for (size_t i = from; i < sizeof value; i++)                                           \
                CHECK_THAT(((char *)&value)[i] == 0x5A, "size %zu: byte %zu was written", n, i);   \
        }                                                                                          \
        value.size = sizeof value - sizeof value.member;                                           \
        CHECK(call);                                                                               \
        value.size = SIZE_MAX;                                                                     \
        CHECK(!(call));                                                                            \
    } while (0)
    FILLED(nomul_model_metadata(model, 0, &key, &err), key, n_elements);
    CHECK_FAILS(nomul_model_metadata(model, 0, &key, &err), err,
                "metadata: size is 18446744073709551615, expected 8 to 88: was it set?");
    FILLED(nomul_model_tensor(model, 0, &tensor, &err), tensor, xxh64);
    tensor.size = 0;
    CHECK_FAILS(nomul_model_tensor(model, 0, &tensor, &err), err,
                "tensor: size is 0, expected 8 to 96: was it set?");
    CHECK_INT(err.code, NOMUL_E_ARG);
    err.code = NOMUL_OK; /* past the last is no error */
    key.size = sizeof key, tensor.size = sizeof tensor;
    CHECK(!nomul_model_metadata(model, 100000, &key, &err) && err.code == NOMUL_OK);
    CHECK(!nomul_model_tensor(model, 100000, &tensor, &err) && err.code == NOMUL_OK);
    FILLED(nomul_text_get_counts(text, &counts, &err) == NOMUL_OK, counts, n_generated);
    CHECK_FAILS(nomul_text_get_counts(text, &counts, &err) == NOMUL_OK, err,
                "counts: size is 18446744073709551615, expected 8 to 40: was it set?");
    CHECK_INT(err.code, NOMUL_E_ARG);
    counts.size = offsetof(nomul_text_counts, n_read);
    CHECK_OK(nomul_text_get_counts(text, &counts, &err) == NOMUL_OK, err);
    CHECK(counts.n_tokens == all.n_tokens && counts.n_prompt == all.n_prompt);
#undef FILLED
    nomul_text_free(text);
    nomul_session_free(session);
}

/* Options of an older caller: what lies after the first n bytes has its default. */
static void test_options(const nomul_model *model)
{
    nomul_session_options o;
    nomul_text_options    t;
    nomul_error           err;

    test_case("options of another size");
    nomul_session_options_init(&o);
    o.n_threads = 1, o.n_batch = 5000; /* out of range, but after the size */
    o.size = offsetof(nomul_session_options, n_batch);
    nomul_session *session = nomul_session_new(model, &o, &err);
    CHECK_OK(session != NULL, err);
    CHECK_INT(nomul_session_n_threads(session), 1);
    nomul_text_options_init(&t);
    t.n_predict = -7;
    t.size = offsetof(nomul_text_options, n_predict);
    nomul_text *text = nomul_text_new(session, &t, &err);
    CHECK_OK(text != NULL, err);
    nomul_text_free(text);
    static const size_t sizes[] = {0, 7, sizeof t + 1, SIZE_MAX};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        t.size = o.size = sizes[i];
        CHECK(!nomul_text_new(session, &t, &err) && err.code == NOMUL_E_ARG);
        CHECK(!nomul_session_new(model, &o, &err) && err.code == NOMUL_E_ARG);
        CHECK_INT(nomul_session_memory(model, &o), 0);
    }
    nomul_text_options_init(&t);
    t.n_predict = -2;
    CHECK_FAILS(nomul_text_new(session, &t, &err), err, "n_predict: is -2, expected at least -1");
    nomul_session_free(session);
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
    test_filled(model);
    test_options(model);
    test_best_packing();
    CHECK_STR(nomul_version(), NOMUL_VERSION);
    nomul_model_close(model);
}
