/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a text leaves behind, in memory and in files: a text taken up again goes on bit for bit,
 * whatever threads, batch, packing or kernels; whatever is wrong is refused and changes nothing.
 */
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
#define PREFIX 37 /* ids read before the text is put away, the last one not fed */
#define REST 40

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

static int32_t prefix_id(size_t i)
{
    return (int32_t)(i * 83 + 1) % VOCAB;
}

static nomul_sampler *new_sampler(void)
{
    nomul_sampler_options o;

    nomul_sampler_options_init(&o);
    o.temp = 1.25f;
    o.repeat_penalty = 1.2f;
    o.seed = 11;
    nomul_sampler *sampler = nomul_sampler_new(VOCAB, &o, &err);
    CHECK_OK(sampler != NULL, err);
    return sampler;
}

/* A session and a sampler that stand behind the first PREFIX - 1 ids, the last one accepted. */
static void begin_text(const nomul_model *model, nomul_session **session, nomul_sampler **sampler)
{
    *session = test_session(model, 1, 5);
    *sampler = new_sampler();
    for (size_t i = 0; i < PREFIX; i++) {
        int32_t id = prefix_id(i);
        nomul_sampler_accept(*sampler, id);
        if (i + 1 < PREFIX)
            CHECK_OK(nomul_session_feed(*session, &id, 1, NOMUL_LOGITS_NONE, NULL, &err) ==
                         NOMUL_OK,
                     err);
    }
}

/* The text goes on: REST ids drawn from `id` on, their logits into logits[REST][VOCAB]. */
static void go_on(nomul_session *session, nomul_sampler *sampler, int32_t id, float *logits)
{
    for (size_t i = 0; i < REST; i++, logits += VOCAB) {
        CHECK_OK(nomul_session_feed(session, &id, 1, NOMUL_LOGITS_LAST, logits, &err) == NOMUL_OK,
                 err);
        id = nomul_sampler_sample(sampler, logits);
        nomul_sampler_accept(sampler, id);
    }
}

/* ---- A text goes on -------------------------------------------------------------------------- */

/* Saves the text at its prefix; what follows it, without interruption, is the result. */
static float *save_text(const char *path)
{
    float         *logits = malloc(REST * VOCAB * sizeof *logits);
    nomul_model   *model = open_as(T4, NULL);
    nomul_session *session;
    nomul_sampler *sampler;

    begin_text(model, &session, &sampler);
    CHECK_OK(nomul_session_save(session, prefix_id(PREFIX - 1), sampler, path, &err) == NOMUL_OK,
             err);
    go_on(session, sampler, prefix_id(PREFIX - 1), logits);
    nomul_sampler_free(sampler);
    nomul_session_free(session);
    nomul_model_close(model);
    return logits;
}

static void resume(const char *path, const nomul_model *model, size_t n_threads, size_t n_batch,
                   const float *want)
{
    float         *logits = malloc(REST * VOCAB * sizeof *logits);
    nomul_session *session = test_session(model, n_threads, n_batch);
    nomul_saved    saved;
    const int32_t  used[] = {5, 6, 7};

    CHECK(nomul_session_feed(session, used, 3, NOMUL_LOGITS_NONE, NULL, NULL) == NOMUL_OK);
    CHECK_OK(nomul_session_load(session, path, &saved, &err) == NOMUL_OK, err);
    CHECK_INT(nomul_session_n_tokens(session), PREFIX - 1);
    CHECK_INT(saved.n_tokens, PREFIX);
    CHECK_INT(saved.last_id, prefix_id(PREFIX - 1));
    CHECK_INT(saved.sampler_state.n_last, PREFIX);
    CHECK(saved.sampler.temp == 1.25f && saved.sampler.seed == 11);
    nomul_sampler *sampler = nomul_sampler_new(VOCAB, &saved.sampler, &err);
    CHECK_OK(nomul_sampler_set_state(sampler, &saved.sampler_state, &err) == NOMUL_OK, err);
    go_on(session, sampler, saved.last_id, logits);
    CHECK_MEM(logits, want, REST * VOCAB * sizeof *logits, "a logit");
    nomul_sampler_free(sampler);
    nomul_session_free(session);
    free(logits);
}

static void test_resumed(void)
{
    static const char *const files[] = {T4, T5};
    static const struct {
        size_t n_threads, n_batch;
    } shapes[] = {{1, 1}, {2, 48}, {3, 7}};
    char        path[1024];
    const char *kernels;

    snprintf(path, sizeof path, "%s", test_scratch("resumed.nms"));
    test_case("a text is put away");
    float *want = save_text(path);
    for (size_t f = 0; f < 2; f++)
        for (size_t k = 0; (kernels = nomul_kernels_name(k)) != NULL; k++) {
            test_case("%s goes on with it on %s", files[f], kernels);
            nomul_model *model = open_as(files[f], kernels);
            for (size_t s = 0; model && s < 3; s++)
                resume(path, model, shapes[s].n_threads, shapes[s].n_batch, want);
            nomul_model_close(model);
        }
    free(want);
}

/* ---- In memory ------------------------------------------------------------------------------- */

static void test_snapshot(const nomul_model *model)
{
    size_t              n_logits = REST * VOCAB * sizeof(float), n = nomul_snapshot_bytes(model);
    float              *want = malloc(n_logits), *got = malloc(n_logits);
    unsigned char      *bytes = malloc(n + 1), *at = bytes + 1; /* of any alignment */
    nomul_model        *t5 = open_as(T5, NULL);
    nomul_session      *session, *other = test_session(t5, 2, 9);
    nomul_sampler      *sampler, *second = new_sampler();
    nomul_sampler_state state;

    test_case("a snapshot, and back: the same text, in another session too");
    CHECK_INT(n, 16 + STATE);
    CHECK_INT(nomul_snapshot_bytes(t5), n);
    CHECK_INT(nomul_snapshot_bytes(NULL), 0);
    begin_text(model, &session, &sampler);
    nomul_sampler_get_state(sampler, &state);
    CHECK_OK(nomul_session_snapshot(session, at, n, &err) == NOMUL_OK, err);
    go_on(session, sampler, 3, want);
    nomul_session *sessions[] = {session, other};
    for (size_t i = 0; i < 2; i++) {
        CHECK_OK(nomul_session_restore(sessions[i], at, n, &err) == NOMUL_OK, err);
        CHECK_OK(nomul_sampler_set_state(second, &state, &err) == NOMUL_OK, err);
        CHECK_INT(nomul_session_n_tokens(sessions[i]), PREFIX - 1);
        go_on(sessions[i], second, 3, got);
        CHECK_MEM(got, want, n_logits, "a logit");
    }
    nomul_sampler_free(sampler), nomul_sampler_free(second);
    nomul_session_free(session), nomul_session_free(other);
    nomul_model_close(t5);
    free(want), free(got), free(bytes);
}

static void check_not_restored(nomul_session *session, const void *snapshot, size_t n,
                               const char *words)
{
    unsigned char before[16 + STATE], after[16 + STATE];

    CHECK(nomul_session_snapshot(session, before, sizeof before, NULL) == NOMUL_OK);
    CHECK_FAILS(nomul_session_restore(session, snapshot, n, &err) == NOMUL_OK, err, words);
    CHECK_INT(err.code, NOMUL_E_ARG);
    CHECK_INT(nomul_session_restore(session, snapshot, n, NULL), NOMUL_E_ARG);
    CHECK(nomul_session_snapshot(session, after, sizeof after, NULL) == NOMUL_OK);
    CHECK_MEM(before, after, sizeof before, "the session");
}

static void test_no_snapshot(const nomul_model *model)
{
    unsigned char  bytes[16 + STATE + 1] = {0};
    nomul_session *session;
    nomul_sampler *sampler;

    test_case("what is no snapshot of this model changes nothing");
    begin_text(model, &session, &sampler);
    CHECK(nomul_session_snapshot(session, bytes, 16 + STATE, NULL) == NOMUL_OK);
    check_not_restored(session, bytes, 16 + STATE + 1, "snapshot: has 81 bytes, expected 80");
    check_not_restored(session, bytes, 0, "snapshot: has 0 bytes, expected 80");
    check_not_restored(session, NULL, 16 + STATE, "nomul_session_restore: an argument is NULL");
    bytes[0] ^= 1;
    check_not_restored(session, bytes, 16 + STATE,
                       "snapshot: is of model ba89c1472870a26e, this is model ba89c1472870a26f");
    bytes[0] ^= 1;
    nm_store_u64(bytes + 8, INT64_MAX);
    check_not_restored(session, bytes, 16 + STATE,
                       "snapshot: is of 9223372036854775807 tokens, expected fewer");
    CHECK_FAILS(nomul_session_restore(NULL, bytes, 80, &err) == NOMUL_OK, err,
                "nomul_session_restore: an argument is NULL");
    CHECK_FAILS(nomul_session_snapshot(session, bytes, 79, &err) == NOMUL_OK, err,
                "snapshot: has 79 bytes, expected 80");
    CHECK_FAILS(nomul_session_snapshot(session, NULL, 80, &err) == NOMUL_OK, err,
                "nomul_session_snapshot: an argument is NULL");
    CHECK_FAILS(nomul_session_snapshot(NULL, bytes, 80, &err) == NOMUL_OK, err,
                "nomul_session_snapshot: an argument is NULL");
    nomul_sampler_free(sampler);
    nomul_session_free(session);
}

/* ---- Files that are refused ------------------------------------------------------------------ */

/* A session to load into, what must not change of it, and a file's name. */
typedef struct victim {
    nomul_session *session;
    unsigned char  before[16 + STATE];
    char           path[1024];
} victim;

static void victim_open(victim *v, const nomul_model *model)
{
    const int32_t ids[] = {1, 2, 3, 4, 5};

    v->session = test_session(model, 1, 4);
    CHECK(nomul_session_feed(v->session, ids, 5, NOMUL_LOGITS_NONE, NULL, NULL) == NOMUL_OK);
    CHECK(nomul_session_snapshot(v->session, v->before, sizeof v->before, NULL) == NOMUL_OK);
    snprintf(v->path, sizeof v->path, "%s", test_scratch("victim.nms"));
}

/* Neither load nor read takes what is in the file, and nothing has changed; the words, or NULL. */
static void check_refused(victim *v, const void *bytes, size_t n, const char *words)
{
    nomul_saved   saved, untouched;
    unsigned char after[16 + STATE];
    char          line[2048];

    memset(&saved, 0x77, sizeof saved);
    untouched = saved;
    if (bytes) test_write_file(v->path, bytes, n);
    CHECK(nomul_session_load(v->session, v->path, &saved, &err) == err.code && err.code);
    CHECK_MEM(&saved, &untouched, sizeof saved, "*saved");
    CHECK(nomul_session_snapshot(v->session, after, sizeof after, NULL) == NOMUL_OK);
    CHECK_MEM(after, v->before, sizeof after, "the session");
    snprintf(line, sizeof line, "%s: %s", v->path, words ? words : "");
    if (words)
        CHECK_STR(err.text, line);
    else
        CHECK_THAT(strncmp(err.text, line, strlen(v->path) + 2) == 0, "%s", err.text);
    CHECK(nomul_session_load(v->session, v->path, NULL, NULL) != NOMUL_OK);
}

static unsigned char *golden_file(size_t *n)
{
    char *file = test_read_file(test_path("golden/small.nms"), n);

    CHECK_INT(*n, FILE_BYTES);
    if (*n != FILE_BYTES) exit(1);
    return (unsigned char *)file;
}

static void sign(unsigned char *file)
{
    nm_store_u64(file + FILE_BYTES - 8, nm_xxh64_of(file, FILE_BYTES - 8));
}

static void test_every_byte(const nomul_model *model)
{
    victim         v;
    size_t         n;
    unsigned char *file = golden_file(&n);
    nomul_saved    saved;

    victim_open(&v, model);
    test_case("a bit of any byte turned is refused");
    for (size_t i = 0; i < n; i++) {
        file[i] ^= (unsigned char)(1 << i % 8);
        check_refused(&v, file, n, NULL);
        CHECK(nomul_saved_read(v.path, &saved, NULL) != NOMUL_OK);
        file[i] ^= (unsigned char)(1 << i % 8);
    }
    test_case("every truncation is refused");
    for (size_t i = 0; i < n; i++) {
        check_refused(&v, file, i, NULL);
        CHECK(nomul_saved_read(v.path, &saved, NULL) != NOMUL_OK);
    }
    test_case("one byte more is refused");
    unsigned char *longer = calloc(1, n + 1);
    memcpy(longer, file, n);
    check_refused(&v, longer, n + 1, "is too long: has 457 bytes, expected 456");
    free(longer);

    test_case("whole it is taken");
    test_write_file(v.path, file, n);
    CHECK_OK(nomul_session_load(v.session, v.path, &saved, &err) == NOMUL_OK, err);
    CHECK_INT(nomul_session_n_tokens(v.session), 11);
    CHECK_OK(nomul_saved_read(v.path, &saved, &err) == NOMUL_OK, err);
    CHECK_INT(saved.last_id, 265);
    nomul_session_free(v.session);
    free(file);
}

/* Signed anew, so that what is said is about the value. */
static void test_tampered(const nomul_model *model)
{
    static const struct {
        size_t      at;
        uint32_t    put;
        const char *words;
        bool        without_model; /* is it seen without a model too? */
    } rows[] = {
        {8, 3, "is a session file of version 3, expected 1", true},
        {12, 65, "n_last: is 65, expected 0 to 64", true},
        {16, 0, "is a session of model ba89c14700000000, this is model ba89c1472870a26f", false},
        {24, 60, "is too long: has 456 bytes, expected 452", true},
        {40, VOCAB, "last_id: is 300, expected 0 to 299", false},
        {44, 0x7FC00000, "temp: is nan, expected at least 0", true},
        {48, UINT32_MAX, "top_k: is -1, expected at least 0", true},
        {52, 0x7FC00000, "top_p: is nan, expected 0 to 1", true},
        {56, 0x40000000, "min_p: is 2, expected 0 to 1", true},
        {60, 0, "repeat_penalty: is 0, expected more than 0", true},
        {64, 0x7FFFFFFF, "repeat_last_n: is 2147483647, expected -1 to 1048576", true},
        {68, 0x7F800000, "presence_penalty: is inf, expected a finite number", true},
        {72, 0xFF800000, "frequency_penalty: is -inf, expected a finite number", true},
        {76, 7, "bytes that must be zero are not", true},
        {124, VOCAB, "last[1]: is 300, expected 0 to 299", false},
        {128, UINT32_MAX, "last[2]: is -1, expected an id", true},
        {132, 1, "last[3]: is 1, expected 0 behind the last id", true},
    };
    victim      v;
    nomul_saved saved;
    size_t      n;

    victim_open(&v, model);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        test_case("a signed file: %s", rows[i].words);
        unsigned char *file = golden_file(&n);
        nm_store_u32(file + rows[i].at, rows[i].put);
        sign(file);
        check_refused(&v, file, n, rows[i].words);
        CHECK((nomul_saved_read(v.path, &saved, NULL) == NOMUL_OK) == !rows[i].without_model);
        free(file);
    }
    nomul_session_free(v.session);
}

static void test_other_state(const nomul_model *model)
{
    victim         v;
    size_t         n;
    unsigned char *file = golden_file(&n);
    nomul_saved    saved;

    victim_open(&v, model);
    test_case("of this model, but of another size");
    nm_store_u64(file + 24, STATE - 4);
    nm_store_u64(file + n - 12, nm_xxh64_of(file, n - 12));
    check_refused(&v, file, n - 4, "state_bytes: is 60, expected 64");
    CHECK(nomul_saved_read(v.path, &saved, NULL) == NOMUL_OK && saved.state_bytes == STATE - 4);

    test_case("one that says it is huge, and one that is");
    nm_store_u64(file + 24, UINT64_C(1) << 32);
    check_refused(&v, file, n, "is truncated: has 456 bytes, expected 4294967688");
    nm_store_u64(file + 24, STATE);
    test_write_file(v.path, file, n);
    CHECK_INT(truncate(v.path, (off_t)1 << 30), 0);
    check_refused(&v, NULL, 0, "is too long: has 1073741824 bytes, expected 456");
    nomul_session_free(v.session);
    free(file);
}

static void test_other_model(void)
{
    test_case("a session of another model");
    nomul_model   *small = open_as(T4, NULL), *tiny = open_as(OTHER, NULL);
    nomul_session *ours = test_session(small, 1, 1), *other = test_session(tiny, 1, 1);
    const char    *path = test_scratch("other.nms");
    nomul_saved    saved;
    char           words[2048];

    CHECK_OK(nomul_session_save(other, 7, NULL, path, &err) == NOMUL_OK, err);
    snprintf(words, sizeof words, "%s: is a session of model %016llx, this is model %016llx", path,
             (unsigned long long)nomul_model_get_info(tiny)->model_id,
             (unsigned long long)nomul_model_get_info(small)->model_id);
    CHECK_FAILS(nomul_session_load(ours, path, &saved, &err) == NOMUL_OK, err, words);
    CHECK_INT(err.code, NOMUL_E_ARG);
    CHECK_OK(nomul_saved_read(path, &saved, &err) == NOMUL_OK, err);
    CHECK(saved.model_id == nomul_model_get_info(tiny)->model_id);
    nomul_session_free(ours), nomul_session_free(other);
    nomul_model_close(small), nomul_model_close(tiny);
}

/* ---- What is saved --------------------------------------------------------------------------- */

static void test_canonical(const nomul_model *model)
{
    test_case("saved, loaded and saved again: the same bytes, NaNs and infinities too");
    const char    *path = test_scratch("again.nms"), *first;
    size_t         n, n_again;
    unsigned char *file = golden_file(&n);
    nomul_session *session = test_session(model, 1, 1);
    nomul_saved    saved;

    first = test_scratch("first.nms");
    for (size_t i = 0; i < 4; i++)
        nm_store_u32(file + NM_SESSION_FILE_HEADER + 4 * i, 0x7F7FFFFF + (uint32_t)(i * i) * 77);
    sign(file);
    test_write_file(first, file, n);
    CHECK_OK(nomul_session_load(session, first, &saved, &err) == NOMUL_OK, err);
    nomul_sampler *sampler = nomul_sampler_new(VOCAB, &saved.sampler, &err);
    CHECK_OK(nomul_sampler_set_state(sampler, &saved.sampler_state, &err) == NOMUL_OK, err);
    CHECK_OK(nomul_session_save(session, saved.last_id, sampler, path, &err) == NOMUL_OK, err);
    char *again = test_read_file(path, &n_again);
    CHECK_INT(n_again, n);
    CHECK_MEM(again, file, n_again < n ? n_again : n, "a byte");
    nomul_sampler_free(sampler);
    nomul_session_free(session);
    free(again), free(file);
}

static void test_save_misuse(const nomul_model *model)
{
    nomul_session *session = test_session(model, 1, 1);
    const char    *path = test_scratch("misuse.nms");
    nomul_saved    saved;
    struct stat    status;

    test_case("without a sampler: the default one, told of the last id");
    CHECK_OK(nomul_session_save(session, 9, NULL, path, &err) == NOMUL_OK, err);
    CHECK_OK(nomul_saved_read(path, &saved, &err) == NOMUL_OK, err);
    CHECK_INT(saved.n_tokens, 1);
    CHECK_INT(saved.state_bytes, STATE);
    CHECK_INT(saved.sampler_state.n_last, 1);
    CHECK_INT(saved.sampler_state.last[0], 9);
    CHECK(saved.sampler.temp == 0.8f && saved.sampler.seed == 0 && saved.sampler_state.rng[0]);
    CHECK(stat(path, &status) == 0 && status.st_size < STATE + 2048);

    test_case("a bias is not saved");
    const nomul_logit_bias bias = {3, 1.0f};
    nomul_sampler_options  o;
    nomul_sampler_options_init(&o);
    o.logit_bias = &bias;
    o.n_logit_bias = 1;
    nomul_sampler *sampler = nomul_sampler_new(VOCAB, &o, &err);
    CHECK_OK(nomul_session_save(session, 9, sampler, path, &err) == NOMUL_OK, err);
    CHECK_OK(nomul_saved_read(path, &saved, &err) == NOMUL_OK, err);
    CHECK(!saved.sampler.logit_bias && saved.sampler.n_logit_bias == 0);
    CHECK_INT(saved.sampler_state.n_last, 0);
    nomul_sampler_free(sampler);

    test_case("misuse of save and load leaves no file");
    CHECK_INT(unlink(path), 0);
    sampler = nomul_sampler_new(VOCAB + 9, NULL, &err);
    nomul_sampler_accept(sampler, VOCAB + 1);
    CHECK_FAILS(nomul_session_save(session, VOCAB, NULL, path, &err) == NOMUL_OK, err,
                "last_id: is 300, expected 0 to 299");
    CHECK_FAILS(nomul_session_save(session, -1, NULL, path, &err) == NOMUL_OK, err,
                "last_id: is -1, expected 0 to 299");
    CHECK_FAILS(nomul_session_save(session, 1, sampler, path, &err) == NOMUL_OK, err,
                "last[0]: is 301, expected 0 to 299");
    CHECK_INT(err.code, NOMUL_E_ARG);
    CHECK_FAILS(nomul_session_save(NULL, 1, NULL, path, &err) == NOMUL_OK, err,
                "nomul_session_save: an argument is NULL");
    CHECK_FAILS(nomul_session_save(session, 1, NULL, NULL, &err) == NOMUL_OK, err,
                "nomul_session_save: an argument is NULL");
    CHECK_FAILS(nomul_session_load(NULL, path, NULL, &err) == NOMUL_OK, err,
                "nomul_session_load: an argument is NULL");
    CHECK_FAILS(nomul_session_load(session, NULL, NULL, &err) == NOMUL_OK, err,
                "nomul_session_load: an argument is NULL");
    CHECK_FAILS(nomul_saved_read(NULL, &saved, &err) == NOMUL_OK, err,
                "nomul_saved_read: an argument is NULL");
    CHECK_FAILS(nomul_saved_read(path, NULL, &err) == NOMUL_OK, err,
                "nomul_saved_read: an argument is NULL");
    CHECK_INT(nomul_session_save(session, VOCAB, NULL, path, NULL), NOMUL_E_ARG);
    CHECK_INT(nomul_saved_read(path, &saved, NULL), NOMUL_E_IO);
    CHECK(stat(path, &status) != 0);
    CHECK_INT(nomul_session_load(session, "/dev/null", NULL, &err), NOMUL_E_IO);
    CHECK_STR(err.text, "/dev/null: is not a regular file");
    nomul_sampler_free(sampler);
    nomul_session_free(session);
}

void test_saved(void)
{
    test_case("the model opens");
    nomul_model *model = open_as(T4, NULL);

    if (!model) return;
    test_resumed();
    test_snapshot(model);
    test_no_snapshot(model);
    test_every_byte(model);
    test_tampered(model);
    test_other_state(model);
    test_other_model();
    test_canonical(model);
    test_save_misuse(model);
    nomul_model_close(model);
}
