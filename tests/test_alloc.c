/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory: whatever is begun, the k-th allocation fails, for every k until none is left to fail.
 * Each time: an error that says so, nothing leaked.  And the pass allocates nothing.
 */
#include "test.h"

#include "hf_directory.h"
#include "vocabulary.h"

#include "alloc.h"
#include "base/alloc.h"
#include "base/arena.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define MODEL "golden/small.gguf"
#define CHECKPOINT "golden/small"

/* Does something from the beginning to the end and gives back all it took. */
typedef bool (*attempt)(const void *context, nomul_error *err);

static void fail_each(const char *name, attempt run, const void *context)
{
    test_case("%s: every allocation may fail", name);
    size_t live = alloc_live(), k = 1;

    for (bool reached = true; reached; k++) {
        nomul_error err = {.code = NOMUL_OK};
        alloc_fail_at(k);
        bool ok = run(context, &err);
        reached = alloc_failed();
        alloc_fail_at(0);
        CHECK_THAT(alloc_live() == live, "allocation %zu failed: %zu blocks leaked", k,
                   alloc_live() - live);
        if (reached)
            CHECK_THAT(
                !ok && err.code == NOMUL_E_MEMORY && strstr(err.text, "out of memory: ") != NULL,
                "allocation %zu failed: ok %d, code %d, \"%s\"", k, ok, (int)err.code, err.text);
        else
            CHECK_OK(ok, err);
        if (alloc_live() != live) return;
    }
    CHECK_THAT(k > 2, "nothing was allocated: the test tests nothing");
}

static bool open_model(const void *context, nomul_error *err)
{
    nomul_model_options options;

    nomul_model_options_init(&options);
    options.check_tensors = true;
    options.in_memory = context != NULL;
    nomul_model *model = nomul_model_open(test_path(MODEL), &options, err);
    nomul_model_close(model);
    return model != NULL;
}

static bool new_session(const void *model, nomul_error *err)
{
    nomul_session_options options;

    nomul_session_options_init(&options);
    options.n_threads = 3;
    nomul_session *session = nomul_session_new(model, &options, err);
    nomul_session_free(session);
    return session != NULL;
}

/* Both kinds of clone: with an engine of its own, and beside one that shares. */
static bool copy_sessions(const void *model, nomul_error *err)
{
    nomul_session_options options;

    nomul_session_options_init(&options);
    options.n_threads = 2;
    nomul_session *host = nomul_session_new(model, &options, err);
    nomul_session *shared = host ? nomul_session_share(host, err) : NULL;
    nomul_session *beside = shared ? nomul_session_clone(shared, err) : NULL;
    nomul_session *own = beside ? nomul_session_clone(host, err) : NULL;
    bool           ok = own != NULL;

    nomul_session_free(own);
    nomul_session_free(beside);
    nomul_session_free(shared);
    nomul_session_free(host);
    return ok;
}

static bool tokenize(const void *tokenizer, nomul_error *err)
{
    static const char text[] = "Once upon a time the \xC3\xA9\xFF fox said to the moon";
    int32_t           ids[128];
    size_t            n_ids;

    return nomul_tokenize(tokenizer, text, sizeof text - 1, NOMUL_TOKENIZE_ADD_SPECIAL, ids, 128,
                          &n_ids, err) == NOMUL_OK;
}

static bool new_decoder(const void *tokenizer, nomul_error *err)
{
    nomul_decoder *decoder = nomul_decoder_new(tokenizer, 0, err);
    nomul_decoder_free(decoder);
    return decoder != NULL;
}

static bool new_sampler(const void *context, nomul_error *err)
{
    static const nomul_logit_bias bias[2] = {{3, 1.0f}, {4, -1.0f}};
    nomul_sampler_options         options;

    (void)context;
    nomul_sampler_options_init(&options);
    options.logit_bias = bias;
    options.n_logit_bias = 2;
    options.repeat_penalty = 1.1f;
    nomul_sampler *sampler = nomul_sampler_new(300, &options, err);
    nomul_sampler_free(sampler);
    return sampler != NULL;
}

typedef struct conversion {
    const char *source; /* a checkpoint */
    const char *folder; /* made and removed each time: nothing may be left in it */
} conversion;

static bool convert(const void *context, nomul_error *err)
{
    const conversion *c = context;
    char              output[PATH_MAX];

    snprintf(output, sizeof output, "%s/out.gguf", c->folder);
    CHECK(mkdir(c->folder, 0777) == 0);
    bool ok = nomul_convert(c->source, output, NULL, err) == NOMUL_OK;
    CHECK_THAT(remove(output) == (ok ? 0 : -1), "%s: there, or not there", output);
    CHECK_THAT(rmdir(c->folder) == 0, "%s: something is left in it", c->folder);
    return ok;
}

/* The checkpoint again, with tokenizer.json alone. */
static void copy_checkpoint(const char *to)
{
    static const char *const files[] = {"config.json", "model.safetensors", "tokenizer.json"};
    char                     path[PATH_MAX];

    CHECK(mkdir(to, 0777) == 0);
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        size_t size;
        snprintf(path, sizeof path, CHECKPOINT "/%s", files[i]);
        char *data = test_read_file(test_path(path), &size);
        snprintf(path, sizeof path, "%s/%s", to, files[i]);
        test_write_file(path, data, size);
        free(data);
    }
}

static void convert_each(void)
{
    static const char config[] = "{\"eos_token\": \"</s>\", \"chat_template\": \"x\", "
                                 "\"add_eos_token\": true}";
    char              source[1024], folder[1024];

    snprintf(source, sizeof source, "%s", test_path(CHECKPOINT));
    snprintf(folder, sizeof folder, "%s", test_scratch("alloc"));
    fail_each("convert", convert, &(conversion){source, folder});

    snprintf(source, sizeof source, "%s", test_scratch("alloc-json"));
    copy_checkpoint(source);
    fail_each("convert, tokenizer.json", convert, &(conversion){source, folder});

    char path[2048];
    snprintf(path, sizeof path, "%s/tokenizer_config.json", source);
    test_write_file(path, config, sizeof config - 1);
    fail_each("convert, tokenizer_config.json", convert, &(conversion){source, folder});
}

/* A tokenizer with all that a model file may say of it, from the checkpoint to a vocabulary. */
static bool open_tokenizer(const void *context, nomul_error *err)
{
    vocabulary v;
    bool       ok = vocabulary_open_directory(&v, context, HF_N_VOCAB, &hf_no_ids, err);

    if (ok) CHECK(v.tokenizer.vocab.has_merges && v.tokenizer.vocab.has_tokens);
    if (ok) vocabulary_close(&v);
    return ok;
}

static void tokenizer_each(void)
{
    hf_directory d;

    hf_directory_init(&d, "alloc-tokenizer");
    hf_directory_write_tokenizer(
        &d, &(hf_tokenizer_parts){
                .added = "[{\"id\": 265, \"content\": \"<|x|>\", \"normalized\": true},"
                         " {\"id\": 266, \"content\": \"<|y|>\", \"lstrip\": true}]",
                .merges = "[\"a b\", \"" NM_BLANK " ab\"]"});
    fail_each("a tokenizer", open_tokenizer, d.path);
    hf_directory_free(&d);
}

typedef struct repacking {
    const char *input, *folder;
    const char *pack;
} repacking;

static bool repack(const void *context, nomul_error *err)
{
    const repacking     *r = context;
    nomul_repack_options options;
    char                 output[PATH_MAX];

    nomul_repack_options_init(&options);
    options.pack = r->pack;
    snprintf(output, sizeof output, "%s/out.gguf", r->folder);
    CHECK(mkdir(r->folder, 0777) == 0);
    bool ok = nomul_repack(r->input, output, &options, err) == NOMUL_OK;
    CHECK_THAT(remove(output) == (ok ? 0 : -1), "%s: there, or not there", output);
    CHECK_THAT(rmdir(r->folder) == 0, "%s: something is left in it", r->folder);
    return ok;
}

static void repack_each(void)
{
    char input[1024], folder[1024];

    snprintf(folder, sizeof folder, "%s", test_scratch("alloc"));
    snprintf(input, sizeof input, "%s", test_path(MODEL));
    fail_each("repack to t5", repack, &(repacking){input, folder, "1.6bit"});
    snprintf(input, sizeof input, "%s", test_path("golden/small-t5.gguf"));
    fail_each("repack to t4", repack, &(repacking){input, folder, "t4"});
}

/* Feeding and sampling take nothing, whatever the batch. */
static void test_steady(const nomul_model *model)
{
    enum { VOCAB = 300, IDS = 40 };
    static float          logits[IDS * VOCAB];
    int32_t               ids[IDS];
    nomul_session_options options;
    nomul_error           err;

    nomul_session_options_init(&options);
    options.n_threads = 2;
    options.n_batch = 16;
    nomul_sampler_options choice;
    nomul_sampler_options_init(&choice);
    choice.repeat_penalty = 1.2f;
    choice.repeat_last_n = -1;
    nomul_session *session = nomul_session_new(model, &options, &err);
    nomul_sampler *sampler = nomul_sampler_new(VOCAB, &choice, &err);
    CHECK_OK(session && sampler, err);
    for (int32_t i = 0; i < IDS; i++) ids[i] = i * 7 % VOCAB;

    test_case("feeding and sampling allocate nothing");
    size_t calls = alloc_calls();
    for (size_t n = 0; n <= IDS; n++)
        CHECK(nomul_session_feed(session, ids, n, n ? NOMUL_LOGITS_ALL : NOMUL_LOGITS_NONE, logits,
                                 &err) == NOMUL_OK);
    for (int i = 0; i < 200; i++) {
        int32_t id = nomul_sampler_sample(sampler, logits);
        nomul_sampler_accept(sampler, id);
        CHECK(nomul_session_feed(session, &id, 1, NOMUL_LOGITS_LAST, logits, &err) == NOMUL_OK);
    }
    nomul_session_reset(session);
    CHECK_INT(alloc_calls() - calls, 0);

    test_case("feeding many texts allocates nothing");
    nomul_session *other = nomul_session_share(session, &err);
    CHECK_OK(other != NULL, err);
    calls = alloc_calls();
    nomul_feed feeds[] = {{session, ids, 1, true}, {other, ids, IDS, true}};
    CHECK(nomul_session_feed_many(feeds, 2, logits, &err) == NOMUL_OK);
    CHECK_INT(alloc_calls() - calls, 0);
    nomul_session_free(other);
    nomul_sampler_free(sampler);
    nomul_session_free(session);
}

static void test_untouched(const nomul_model *model)
{
    nomul_session_options options;
    nomul_error           err;
    int32_t               id = 1;

    test_case("a session whose batches are small leaves most of its memory untouched");
    nomul_session_options_init(&options);
    options.n_threads = 1;
    options.n_batch = 512;
    alloc_watch_next(); /* the engine's block */
    nomul_session *session = nomul_session_new(model, &options, &err);
    CHECK_OK(session != NULL, err);
    CHECK(nomul_session_feed(session, &id, 1, NOMUL_LOGITS_NONE, NULL, &err) == NOMUL_OK);
    nomul_session_free(session);
    CHECK(alloc_written() > 0 && alloc_written() < nomul_session_memory(model, &options) / 8);
}

static void test_counter(void)
{
    test_case("the counting allocator counts and fails as told");
    size_t live = alloc_live(), calls = alloc_calls();
    void  *a = nm_alloc(10), *b = nm_alloc(0);
    CHECK(a && b && (uintptr_t)a % NM_ALIGN == 0 && (uintptr_t)b % NM_ALIGN == 0);
    CHECK_INT(alloc_live() - live, 2);
    alloc_fail_at(2);
    void *c = nm_alloc(1), *d = nm_alloc(1), *e = nm_alloc(1);
    CHECK(c && !d && e && alloc_failed());
    alloc_fail_at(0);
    CHECK_INT(alloc_calls() - calls, 5);
    nm_free(a), nm_free(b), nm_free(c), nm_free(d), nm_free(e);
    CHECK_INT(alloc_live() - live, 0);
}

void test_alloc(void)
{
    nomul_error err;

    test_counter();
    fail_each("model, mapped", open_model, NULL);
    fail_each("model, read into memory", open_model, "in memory");
    fail_each("sampler", new_sampler, NULL);
    convert_each();
    tokenizer_each();
    repack_each();

    test_case("model");
    nomul_model *model = nomul_model_open(test_path(MODEL), NULL, &err);
    CHECK_OK(model != NULL, err);
    if (!model) return;
    fail_each("session", new_session, model);
    fail_each("sessions shared and cloned", copy_sessions, model);
    fail_each("tokenize", tokenize, nomul_model_tokenizer(model));
    fail_each("decoder", new_decoder, nomul_model_tokenizer(model));
    test_steady(model);
    test_untouched(model);
    nomul_model_close(model);

    test_case("nothing is left");
    CHECK_INT(alloc_live(), 0);
}
