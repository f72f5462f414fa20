/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session files: a saved text resumes bit for bit with any threads, batch, packing and kernels; the
 * bytes of the file are canonical; version 1 is still read; whatever is wrong is refused.  Marks in
 * memory are test_rewind.c's.
 */
#include "alloc.h"
#include "checkpoints.h"
#include "test.h"

#include "base/bytes.h"
#include "base/xxh64.h"
#include "format/session_file.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define T4 "golden/small.gguf"
#define T5 "golden/small-t5.gguf"
#define OTHER "../models/tiny.gguf"
#define VOCAB 300
#define STATE 64
#define FILE_BYTES (NM_SESSION_FILE_HEADER + STATE + NM_SESSION_FILE_END)
#define FILE_BYTES_1 (NM_SESSION_FILE_HEADER_1 + STATE + NM_SESSION_FILE_END)
#define PROMPT "Once upon a time there was a little fox"
#define FIRST 12 /* tokens generated before the text is saved */
#define REST 40  /* and after it */

static nomul_error err;

static nomul_model *open_as(const char *name, const char *kernels)
{
    nomul_model_options options;

    nomul_model_options_init(&options);
    options.kernels = kernels;
    nomul_model *model = nomul_model_open(test_path(name), &options, &err);
    if (!model && err.code == NOMUL_E_UNSUPPORTED)
        test_skip("%s", err.text);
    else
        CHECK_OK(model != NULL, err);
    return model;
}

/* A text with a session of its own, whose engine it keeps. */
static nomul_text *new_text(const nomul_model *model, const nomul_sampler_options *sampler,
                            size_t n_threads, size_t n_batch)
{
    nomul_text_options o;
    nomul_session     *session = test_session(model, n_threads, n_batch);

    nomul_text_options_init(&o);
    o.sampler = sampler;
    o.n_logprobs = VOCAB;
    o.ignore_eos = true; /* so that it does not end before REST tokens */
    nomul_text *text = nomul_text_new(session, &o, &err);
    CHECK_OK(text != NULL, err);
    nomul_session_free(session);
    return text;
}

static nomul_sampler_options sampler_options(void)
{
    nomul_sampler_options o;

    nomul_sampler_options_init(&o);
    o.temp = 1.25f;
    o.repeat_penalty = 1.2f;
    o.seed = 11;
    return o;
}

static void prompt(nomul_text *text, const char *bytes)
{
    CHECK_OK(nomul_text_prompt(text, bytes, strlen(bytes), &err) == NOMUL_OK, err);
}

/* n tokens; the log-probabilities of all ids at each of them into scores, or NULL. */
static void generate(nomul_text *text, size_t n, nomul_logprob (*scores)[VOCAB + 1])
{
    for (size_t i = 0; i < n;) {
        CHECK_OK(nomul_text_step(&text, 1, &err) == NOMUL_OK, err);
        if (nomul_text_finish(text) != NOMUL_FINISH_NONE) {
            test_fail(__FILE__, __LINE__, "finished after %zu tokens", i);
            return;
        }
        if (nomul_text_id(text) < 0) continue; /* the prompt is read */
        if (scores) memcpy(scores[i], nomul_text_logprobs(text), sizeof *scores);
        i++;
    }
}

static nomul_mark *load(const char *path, const nomul_model *model)
{
    nomul_mark *mark = nomul_mark_load(path, model, NULL, &err);

    CHECK_OK(mark != NULL, err);
    return mark;
}

/* A text at the place of a session file, with the options saved there. */
static nomul_text *load_text(const char *path, const nomul_model *model)
{
    nomul_mark *mark = load(path, model);
    nomul_text *text = new_text(model, nomul_mark_get_info(mark)->sampler, 1, 1);

    CHECK_OK(nomul_text_rewind(text, mark, 0, &err) == NOMUL_OK, err);
    nomul_mark_free(mark);
    return text;
}

static void save(nomul_text *text, const char *path)
{
    CHECK_OK(nomul_text_save(text, path, &err) == NOMUL_OK, err);
}

static void check_file(const char *path, const void *want, size_t n_want)
{
    size_t n;
    char  *got = test_read_file(path, &n);

    CHECK_INT(n, n_want);
    if (n == n_want) CHECK_MEM(got, want, n, "the file");
    free(got);
}

/* ---- A text resumes -------------------------------------------------------------------------- */

/* What follows the place where a text was saved, and the file of its end. */
typedef struct sequel {
    nomul_logprob scores[REST][VOCAB + 1];
    char         *file;
    size_t        n_file;
} sequel;

/* Saves a text at its place, then lets it continue without interruption. */
static void save_text(const char *path, sequel *want)
{
    const char           *end = test_scratch("end.nms");
    nomul_model          *model = open_as(T4, NULL);
    nomul_sampler_options o = sampler_options();
    nomul_text           *text = new_text(model, &o, 1, 5);

    prompt(text, PROMPT);
    generate(text, FIRST, NULL);
    save(text, path);
    generate(text, REST, want->scores);
    save(text, end);
    want->file = test_read_file(end, &want->n_file);
    CHECK_INT(want->n_file, FILE_BYTES);
    nomul_text_free(text);
    nomul_model_close(model);
}

static void resume(const char *path, const nomul_model *model, size_t n_threads, size_t n_batch,
                   const sequel *want)
{
    const char *end = test_scratch("end.nms");
    nomul_logprob(*scores)[VOCAB + 1] = malloc(REST * sizeof *scores);
    nomul_mark            *mark = load(path, model);
    const nomul_mark_info *info = nomul_mark_get_info(mark);
    nomul_text            *text = new_text(model, info->sampler, n_threads, n_batch);
    nomul_text_counts      counts = {.size = sizeof counts};

    prompt(text, "what it was used for before");
    generate(text, 3, NULL);
    CHECK_OK(nomul_text_rewind(text, mark, 0, &err) == NOMUL_OK, err);
    CHECK_INT(nomul_text_finish(text), NOMUL_FINISH_LENGTH);
    CHECK_OK(nomul_text_get_counts(text, &counts, &err) == NOMUL_OK, err);
    CHECK_INT(counts.n_tokens, info->n_tokens);
    CHECK(info->n_tokens > FIRST && info->n_ids == info->n_tokens);
    CHECK_INT(info->last_id, info->ids[info->n_ids - 1]);
    CHECK(info->sampler->temp == 1.25f && info->sampler->seed == 11);
    nomul_mark_free(mark);
    prompt(text, "");
    generate(text, REST, scores);
    CHECK_MEM(scores, want->scores, sizeof want->scores, "a log-probability");
    save(text, end);
    check_file(end, want->file, want->n_file);
    nomul_text_free(text);
    free(scores);
}

static void test_resumed(void)
{
    static const char *const files[] = {T4, T5};
    static const struct {
        size_t n_threads, n_batch;
    } shapes[] = {{1, 1}, {2, 48}, {3, 7}};
    static sequel want;
    char          path[1024];
    const char   *kernels;

    snprintf(path, sizeof path, "%s", test_scratch("resumed.nms"));
    test_case("a text is saved");
    save_text(path, &want);
    for (size_t f = 0; f < 2; f++)
        for (size_t k = 0; (kernels = nomul_kernels_name(k)) != NULL; k++) {
            test_case("%s resumes it with %s", files[f], kernels);
            nomul_model *model = open_as(files[f], kernels);
            for (size_t s = 0; model && s < 3; s++)
                resume(path, model, shapes[s].n_threads, shapes[s].n_batch, &want);
            nomul_model_close(model);
        }
    free(want.file);
}

/* ---- Files that are refused ------------------------------------------------------------------ */

/* Neither with the model nor without: NULL, an error that begins with the path, no block leaks. */
static void check_refused_by(const nomul_model *model, const char *path, const char *words)
{
    char   line[2048];
    size_t live = alloc_live();

    snprintf(line, sizeof line, "%s: %s", path, words ? words : "");
    err = (nomul_error){.code = NOMUL_OK};
    nomul_mark *mark = nomul_mark_load(path, model, NULL, &err);
    CHECK_THAT(!mark && err.code != NOMUL_OK, "was loaded, expected %s", line);
    nomul_mark_free(mark);
    if (words)
        CHECK_STR(err.text, line);
    else
        CHECK_THAT(strncmp(err.text, line, strlen(path) + 2) == 0, "%s", err.text);
    CHECK(!nomul_mark_load(path, model, NULL, NULL));
    CHECK_INT(alloc_live(), live);
}

static void check_refused(const nomul_model *model, const void *bytes, size_t n, const char *words)
{
    const char *path = test_scratch("victim.nms");

    test_rewrite_file(path, bytes, n);
    check_refused_by(model, path, words);
}

/* Can the file that was written last be loaded? */
static bool is_loaded(const nomul_model *model)
{
    nomul_mark *mark = nomul_mark_load(test_scratch("victim.nms"), model, NULL, NULL);

    nomul_mark_free(mark);
    return mark != NULL;
}

static bool is_readable(const nomul_model *model, const void *bytes, size_t n)
{
    test_rewrite_file(test_scratch("victim.nms"), bytes, n);
    return is_loaded(model);
}

static unsigned char *golden_file(const char *name, size_t n_want)
{
    size_t n;
    char  *file = test_read_file(test_path(name), &n);

    CHECK_INT(n, n_want);
    if (n != n_want) exit(1);
    return (unsigned char *)file;
}

static void sign(unsigned char *file, size_t n)
{
    nm_store_u64(file + n - 8, nm_xxh64_of(file, n - 8));
}

static void test_every_byte(const nomul_model *model, const char *name, size_t n)
{
    unsigned char *file = golden_file(name, n);
    char           words[100];

    test_case("%s: a changed bit of any byte is refused", name);
    for (size_t i = 0; i < n; i++) {
        file[i] ^= (unsigned char)(1 << i % 8);
        check_refused(model, file, n, NULL);
        CHECK(!is_loaded(NULL));
        file[i] ^= (unsigned char)(1 << i % 8);
    }
    test_case("%s: every truncation is refused", name);
    for (size_t i = 0; i < n; i++) {
        check_refused(model, file, i, NULL);
        CHECK(!is_loaded(NULL));
    }
    test_case("%s: one more byte is refused", name);
    unsigned char *longer = calloc(1, n + 1);
    memcpy(longer, file, n);
    snprintf(words, sizeof words, "is too long: has %zu bytes, expected %zu", n + 1, n);
    check_refused(model, longer, n + 1, words);
    free(longer);

    test_case("%s: the whole file is loaded", name);
    CHECK(is_readable(model, file, n) && is_loaded(NULL));
    for (int with_model = 0; with_model < 2; with_model++) {
        nomul_mark *mark = load(test_path(name), with_model ? model : NULL);
        CHECK_INT(nomul_mark_get_info(mark)->n_tokens, 12);
        CHECK_INT(nomul_mark_get_info(mark)->last_id, 265);
        nomul_mark_free(mark);
    }
    free(file);
}

/* With a correct checksum, so that the message is about the value. */
typedef struct bad_value {
    size_t      at;
    uint32_t    put;
    const char *words;
    bool        without_model; /* is it seen without a model too? */
} bad_value;

static void check_tampered(const nomul_model *model, const char *name, size_t n,
                           const bad_value *rows, size_t n_rows)
{
    for (size_t i = 0; i < n_rows; i++) {
        test_case("%s with a checksum: %s", name, rows[i].words);
        unsigned char *file = golden_file(name, n);
        nm_store_u32(file + rows[i].at, rows[i].put);
        sign(file, n);
        check_refused(model, file, n, rows[i].words);
        CHECK(is_readable(NULL, file, n) == !rows[i].without_model);
        free(file);
    }
}

static void test_tampered(const nomul_model *model)
{
    static const bad_value both[] = {
        {8, 3, "is a session file of version 3, expected 1 or 2", true},
        {12, 65, "n_last: is 65, expected 0 to 64", true},
        {16, 0, "is a session of model ba89c14700000000, this is model ba89c1472870a26f", false},
        {40, VOCAB, "last_id: is 300, expected 0 to 299", false},
        {44, 0x7FC00000, "temp: is nan, expected a number of at least 0", true},
        {48, UINT32_MAX, "top_k: is -1, expected 0 to 1000000000", true},
        {52, 0x7FC00000, "top_p: is nan, expected 0 to 1", true},
        {56, 0x40000000, "min_p: is 2, expected 0 to 1", true},
        {60, 0, "repeat_penalty: is 0, expected a number of at least 0.001", true},
        {64, 0x7FFFFFFF, "repeat_last_n: is 2147483647, expected -1 to 1048576", true},
        {68, 0x7F800000, "presence_penalty: is inf, expected -1000 to 1000", true},
        {72, 0xFF800000, "frequency_penalty: is -inf, expected -1000 to 1000", true},
        {124, VOCAB, "last[1]: is 300, expected 0 to 299", false},
        {128, UINT32_MAX, "last[2]: is -1, expected an id", true},
        {132, 1, "last[3]: is 1, expected 0 after the last id", true},
    };
    static const bad_value first[] = {
        {24, 60, "is too long: has 456 bytes, expected 452", true},
        {76, 7, "bytes that must be zero are not", true},
    };
    static const bad_value second[] = {
        {24, 60, "is too long: has 584 bytes, expected 580", true},
        {76, 7, "n_tail: is 7, expected 0 where the text has no bytes", true},
        {76, 0x01000041, "n_tail: is 65, expected 0 to 64", true},
        {76, 0x01000007, "bytes that must be zero are not", true},
        {448, 1, "bytes that must be zero are not", true},
    };

    check_tampered(model, "golden/small.nms", FILE_BYTES_1, both, sizeof both / sizeof *both);
    check_tampered(model, "golden/small-2.nms", FILE_BYTES, both, sizeof both / sizeof *both);
    check_tampered(model, "golden/small.nms", FILE_BYTES_1, first, sizeof first / sizeof *first);
    check_tampered(model, "golden/small-2.nms", FILE_BYTES, second, sizeof second / sizeof *second);
}

static void test_other_state(const nomul_model *model)
{
    const char    *path = test_scratch("huge.nms");
    unsigned char *file = golden_file("golden/small-2.nms", FILE_BYTES);

    test_case("of this model, but with a state of another size");
    nm_store_u64(file + 24, STATE - 4);
    sign(file, FILE_BYTES - 4);
    check_refused(model, file, FILE_BYTES - 4, "state_bytes: is 60, expected 64");
    CHECK(is_readable(NULL, file, FILE_BYTES - 4));

    test_case("a file that says it is huge, and one that is");
    nm_store_u64(file + 24, UINT64_C(1) << 32);
    check_refused(model, file, FILE_BYTES, "is truncated: has 584 bytes, expected 4294967816");
    nm_store_u64(file + 24, STATE);
    test_write_file(path, file, FILE_BYTES);
    CHECK_INT(truncate(path, (off_t)1 << 30), 0);
    check_refused_by(model, path, "is too long: has 1073741824 bytes, expected 584");
    check_refused_by(NULL, path, "is too long: has 1073741824 bytes, expected 584");
    free(file);
}

static void test_other_model(void)
{
    test_case("a session of another model");
    nomul_model *small = open_as(T4, NULL), *tiny = open_as(OTHER, NULL);
    nomul_text  *ours = new_text(small, NULL, 1, 1), *other = new_text(tiny, NULL, 1, 1);
    const char  *path = test_scratch("other.nms");
    char         words[2048];

    prompt(other, "Once");
    save(other, path);
    snprintf(words, sizeof words, "is a session of model %016llx, this is model %016llx",
             (unsigned long long)nomul_model_get_info(tiny)->model_id,
             (unsigned long long)nomul_model_get_info(small)->model_id);
    check_refused_by(small, path, words);
    CHECK_INT(err.code, NOMUL_E_ARG);
    nomul_mark *mark = load(path, NULL);
    CHECK(nomul_mark_get_info(mark)->model_id == nomul_model_get_info(tiny)->model_id);
    nomul_mark_free(mark);

    test_case("a text is not rewound to a mark of another model, or to one without its state");
    nomul_mark *wrong[] = {load(path, tiny), load(test_path("golden/small-2.nms"), NULL)};
    prompt(ours, "Once");
    CHECK_OK(nomul_text_read(ours, &err) == NOMUL_OK, err);
    save(ours, path);
    for (size_t i = 0; i < 2; i++) {
        size_t n;
        char  *before = test_read_file(path, &n);
        snprintf(words, sizeof words, "the mark is of model %016llx, this is model %016llx",
                 (unsigned long long)nomul_mark_get_info(wrong[i])->model_id,
                 (unsigned long long)nomul_model_get_info(small)->model_id);
        if (i == 1) strcpy(words, "the mark was loaded without a model: it has no state");
        CHECK_FAILS(nomul_text_rewind(ours, wrong[i], 0, &err) == NOMUL_OK, err, words);
        CHECK_INT(err.code, NOMUL_E_ARG);
        CHECK_INT(nomul_text_rewind(ours, wrong[i], 0, NULL), NOMUL_E_ARG);
        save(ours, path);
        check_file(path, before, n);
        free(before);
        nomul_mark_free(wrong[i]);
    }
    nomul_text_free(ours), nomul_text_free(other);
    nomul_model_close(small), nomul_model_close(tiny);
}

/* ---- What is saved --------------------------------------------------------------------------- */

static void test_canonical(const nomul_model *model)
{
    test_case("saved, loaded and saved again: the same bytes, NaNs and infinities too");
    const char    *path = test_scratch("again.nms"), *first = test_scratch("first.nms");
    unsigned char *file = golden_file("golden/small-2.nms", FILE_BYTES);

    for (size_t i = 0; i < 4; i++)
        nm_store_u32(file + NM_SESSION_FILE_HEADER + 4 * i, 0x7F7FFFFF + (uint32_t)(i * i) * 77);
    sign(file, FILE_BYTES);
    test_write_file(first, file, FILE_BYTES);
    nomul_text *text = load_text(first, model);
    save(text, path);
    check_file(path, file, FILE_BYTES);
    nomul_text_free(text);
    free(file);
}

/* A text of 2^63 - 1 tokens, or a few less, is saved as one that loads. */
static void test_full(const nomul_model *model)
{
    static const uint64_t left[] = {0, 1, 9, 500};
    const char           *path = test_scratch("full.nms"), *again = test_scratch("full-again.nms");
    unsigned char        *file = golden_file("golden/small-2.nms", FILE_BYTES);

    for (size_t i = 0; i < sizeof left / sizeof *left; i++) {
        uint64_t n_tokens = (uint64_t)INT64_MAX - left[i];
        char     words[128];
        size_t   n_bytes;

        test_case("%d tokens fewer than a text may have", (int)left[i]);
        nm_store_u64(file + 32, n_tokens);
        sign(file, FILE_BYTES);
        test_write_file(path, file, FILE_BYTES);
        nomul_text *text = load_text(path, model);
        snprintf(words, sizeof words, "the text is full: it has %lld tokens, 2^63 - 1 at most",
                 (long long)n_tokens);
        if (left[i] < 100)
            CHECK_FAILS(nomul_text_prompt(text, "x", 1, &err) == NOMUL_OK, err, words);
        if (left[i] < 100)
            CHECK_FAILS(nomul_text_prompt(text, NULL, 0, &err) == NOMUL_OK, err, words);
        if (left[i] > 100) prompt(text, " the");
        while (nomul_text_next(text, &n_bytes, &err)) continue;
        CHECK_INT(nomul_text_finish(text), NOMUL_FINISH_LENGTH);
        save(text, again);
        nomul_text *loaded = load_text(again, model);
        CHECK(loaded != NULL);
        nomul_text_free(loaded);
        nomul_text_free(text);
    }
    free(file);
}

/* The same values and state in the layout of version 2; only the tail is not known. */
static void test_version_1(const nomul_model *model)
{
    const char    *path = test_scratch("renewed.nms");
    unsigned char *second = golden_file("golden/small-2.nms", FILE_BYTES);
    nomul_logprob(*scores)[VOCAB + 1] = malloc(2 * REST * sizeof *scores);

    test_case("a file of version 1 is loaded, and saved as version 2");
    nomul_text *old = load_text(test_path("golden/small.nms"), model);
    nomul_text *young = load_text(test_path("golden/small-2.nms"), model);
    memset(second + 384, 0, 64);
    nm_store_u32(second + 76, UINT32_C(1) << 24); /* it has bytes, of which none are kept */
    sign(second, FILE_BYTES);
    save(old, path);
    check_file(path, second, FILE_BYTES);

    test_case("both versions continue alike");
    prompt(old, ""), prompt(young, "");
    generate(old, REST, scores), generate(young, REST, scores + REST);
    CHECK_MEM(scores, scores + REST, REST * sizeof *scores, "a log-probability");
    nomul_text_free(old), nomul_text_free(young);
    free(scores), free(second);
}

/* A file of version 1 with a text of one id: of BOS alone, the text is at its beginning. */
static void check_one_id(const nomul_model *model, int32_t id, bool has_bytes)
{
    const char    *path = test_scratch("one.nms");
    unsigned char *file = golden_file("golden/small.nms", FILE_BYTES_1);
    size_t         n;

    nm_store_u32(file + 12, 1);
    nm_store_u64(file + 32, 1);
    nm_store_u32(file + 40, (uint32_t)id);
    memset(file + 120, 0, 256);
    nm_store_u32(file + 120, (uint32_t)id);
    sign(file, FILE_BYTES_1);
    test_write_file(path, file, FILE_BYTES_1);
    nomul_text *text = load_text(path, model);
    save(text, path);
    char *again = test_read_file(path, &n);
    CHECK_INT(n, FILE_BYTES);
    if (n == FILE_BYTES) CHECK_INT((unsigned char)again[79], has_bytes ? 1 : 0);
    nomul_text_free(text);
    free(again), free(file);
}

static void test_no_text(const nomul_model *model)
{
    test_case("version 1, one id: of BOS alone the text is at its beginning");
    int32_t bos = nomul_token_bos(nomul_model_tokenizer(model));
    check_one_id(model, bos, false);
    check_one_id(model, bos + 7, true);

    test_case("a text without ids is saved as BOS alone; its sampler's options are the defaults");
    const char *path = test_scratch("empty.nms");
    nomul_text *text = new_text(model, NULL, 1, 1);
    struct stat status;
    save(text, path);
    CHECK_INT(nomul_text_finish(text), NOMUL_FINISH_LENGTH);
    nomul_mark            *mark = load(path, NULL);
    const nomul_mark_info *info = nomul_mark_get_info(mark);
    CHECK_INT(info->n_tokens, 1);
    CHECK_INT(info->state_bytes, STATE);
    CHECK_INT(info->last_id, bos);
    CHECK_INT(info->n_ids, 1);
    CHECK_INT(info->ids[0], bos);
    CHECK_INT(info->n_tail, 0);
    CHECK(info->sampler->temp == 0.8f && info->sampler->seed == 0 && info->rng[0]);
    CHECK(stat(path, &status) == 0 && status.st_size < STATE + 2048);
    nomul_mark_free(mark);
    nomul_text_free(text);
}

static void test_contents(const nomul_model *model)
{
    const char *path = test_scratch("contents.nms");

    test_case("a bias is not saved, and the text says so");
    const nomul_logit_bias bias = {3, 1.0f};
    nomul_sampler_options  o = sampler_options();
    o.logit_bias = &bias;
    o.n_logit_bias = 1;
    nomul_text *text = new_text(model, &o, 1, 1);
    prompt(text, "fox");
    CHECK_INT(nomul_text_unsaved(text), NOMUL_UNSAVED_BIAS);
    save(text, path);
    nomul_mark *mark = load(path, model);
    CHECK(!nomul_mark_get_info(mark)->sampler->logit_bias);
    CHECK_INT(nomul_mark_get_info(mark)->sampler->n_logit_bias, 0);

    test_case("the last bytes are saved");
    CHECK_INT(nomul_mark_get_info(mark)->n_tail, 3);
    CHECK_MEM(nomul_mark_get_info(mark)->tail, "fox", 3, "the tail");
    nomul_mark_free(mark);
    prompt(text, PROMPT);
    prompt(text, PROMPT);
    save(text, path);
    mark = load(path, NULL);
    CHECK_INT(nomul_mark_get_info(mark)->n_tail, 64);
    CHECK_MEM(nomul_mark_get_info(mark)->tail, &(PROMPT PROMPT)[2 * strlen(PROMPT) - 64], 64,
              "the tail");
    nomul_mark_free(mark);
    nomul_text_free(text);
}

/* What a file would not hold, and what a text lacks that continues from one or has a new window. */
static void test_losses(const nomul_model *model)
{
    static const struct {
        const char *stop;
        size_t      n_bytes; /* of the text, all x */
        unsigned    unsaved, missing;
    } stops[] = {
        {"x", 80, 0, 0},
        {"x{64}.", 80, 0, 0},
        {"x{64}.", 64, 0, 0},
        {"x{65}.", 63, 0, 0},
        {"x{65}.", 64, 0, NOMUL_UNSAVED_STOPS}, /* the file does not say that this is all */
        {"x{65}.", 65, NOMUL_UNSAVED_STOPS, NOMUL_UNSAVED_STOPS},
        {"x{66}", 65, NOMUL_UNSAVED_STOPS, NOMUL_UNSAVED_STOPS},
        {"x{66}", 66, NOMUL_UNSAVED_STOPS, NOMUL_UNSAVED_STOPS}, /* one x more ends it again */
        {"x{64}", 80, 0, 0},
        {"x{64}yz", 80, 0, 0},                    /* what is saved is its beginning */
        {"yx{64}yz", 65, 0, NOMUL_UNSAVED_STOPS}, /* the file does not say that no y was there */
    };
    static const struct {
        int32_t  before, after; /* repeat_last_n, before and after the way */
        bool     file;          /* the way: a file, or a fork with other options */
        unsigned missing;
    } windows[] = {
        {64, 64, true, 0},
        {65, 65, true, NOMUL_UNSAVED_WINDOW},
        {-1, -1, true, NOMUL_UNSAVED_WINDOW},
        {-1, 0, true, 0},
        {100, 100, false, 0},
        {100, 101, false, NOMUL_UNSAVED_WINDOW},
        {-1, -1, false, 0},
        {-1, 65, false, NOMUL_UNSAVED_WINDOW},
        {64, -1, false, NOMUL_UNSAVED_WINDOW},
    };
    const char *path = test_scratch("losses.nms");
    char        bytes[200];

    memset(bytes, 'x', sizeof bytes);
    for (size_t i = 0; i < sizeof stops / sizeof *stops; i++) {
        char               stop[100], *end = stop;
        const char        *list[] = {stop};
        nomul_text_options o;

        test_case("%d bytes, and the stop string %s", (int)stops[i].n_bytes, stops[i].stop);
        for (const char *c = stops[i].stop; *c; c++) {
            int n = c[1] == '{' ? atoi(c + 2) : 1;
            memset(end, *c, (size_t)n), end += n;
            if (n > 1) c = strchr(c, '}');
        }
        *end = '\0';
        nomul_text_options_init(&o);
        o.stops = list, o.n_stops = 1;
        nomul_session *session = test_session(model, 1, 16);
        nomul_text    *text = nomul_text_new(session, &o, &err);
        nomul_text    *again = nomul_text_new(session, &o, &err);
        CHECK_OK(nomul_text_prompt(text, bytes, stops[i].n_bytes, &err) == NOMUL_OK, err);
        CHECK_INT(nomul_text_unsaved(text), stops[i].unsaved);
        CHECK_INT(nomul_text_missing(text), 0);
        save(text, path);
        nomul_mark *mark = load(path, model);
        CHECK_OK(nomul_text_rewind(again, mark, 0, &err) == NOMUL_OK, err);
        CHECK_INT(nomul_text_missing(again), stops[i].missing);
        nomul_mark_free(mark);
        nomul_text_free(text), nomul_text_free(again);
        nomul_session_free(session);
    }

    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        nomul_sampler_options o = sampler_options();
        nomul_text_options    options;
        nomul_mark           *mark = NULL;

        test_case("a window of %d, then of %d: %s", (int)windows[i].before, (int)windows[i].after,
                  windows[i].file ? "file" : "fork");
        o.repeat_penalty = 1.1f;
        o.repeat_last_n = windows[i].before;
        nomul_text *text = new_text(model, &o, 1, 16);
        CHECK_OK(nomul_text_prompt(text, bytes, sizeof bytes, &err) == NOMUL_OK, err);
        bool wide = o.repeat_last_n > 64 || o.repeat_last_n == -1;
        CHECK_INT(nomul_text_unsaved(text) & NOMUL_UNSAVED_WINDOW, wide ? NOMUL_UNSAVED_WINDOW : 0);
        CHECK_INT(nomul_text_missing(text), 0);
        o.repeat_last_n = windows[i].after;
        nomul_text_options_init(&options);
        options.sampler = &o;
        nomul_text *fork = nomul_text_fork(text, &options, &err);
        save(text, path);
        if (windows[i].file) mark = load(path, model);
        if (mark) CHECK_OK(nomul_text_rewind(fork, mark, 0, &err) == NOMUL_OK, err);
        CHECK_INT(nomul_text_missing(fork), windows[i].missing);
        nomul_mark_free(mark);
        nomul_text_free(text), nomul_text_free(fork);
    }
}

static void test_misuse(const nomul_model *model)
{
    const char *path = test_scratch("misuse.nms");
    nomul_text *text = new_text(model, NULL, 1, 1);
    struct stat status;
    char        words[1200];

    test_case("misuse of save and load leaves no file");
    CHECK_FAILS(nomul_text_save(NULL, path, &err) == NOMUL_OK, err,
                "nomul_text_save: an argument is NULL");
    CHECK_INT(err.code, NOMUL_E_ARG);
    CHECK_FAILS(nomul_text_save(text, NULL, &err) == NOMUL_OK, err,
                "nomul_text_save: an argument is NULL");
    CHECK_FAILS(nomul_mark_load(NULL, model, NULL, &err), err,
                "nomul_mark_load: an argument is NULL");
    CHECK_INT(err.code, NOMUL_E_ARG);
    CHECK_INT(nomul_text_save(text, NULL, NULL), NOMUL_E_ARG);
    CHECK(!nomul_mark_load(NULL, NULL, NULL, NULL));
    snprintf(words, sizeof words, "%s: No such file or directory", path);
    CHECK_FAILS(nomul_mark_load(path, model, NULL, &err), err, words);
    CHECK_INT(err.code, NOMUL_E_IO);
    CHECK(stat(path, &status) != 0);
    CHECK_FAILS(nomul_mark_load("/dev/null", model, NULL, &err), err,
                "/dev/null: is not a regular file");
    CHECK_INT(err.code, NOMUL_E_IO);
    nomul_text_free(text);
}

void test_mark(void)
{
    test_case("the model opens");
    nomul_model *model = open_as(T4, NULL);

    if (!model) return;
    test_resumed();
    test_every_byte(model, "golden/small.nms", FILE_BYTES_1);
    test_every_byte(model, "golden/small-2.nms", FILE_BYTES);
    test_tampered(model);
    test_other_state(model);
    test_other_model();
    test_canonical(model);
    test_full(model);
    test_version_1(model);
    test_no_text(model);
    test_contents(model);
    test_losses(model);
    test_misuse(model);
    nomul_model_close(model);
}
