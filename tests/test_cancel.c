/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cancelling: a request that is set before a long call stops it, its objects are in the documented
 * state, and whoever continues gets what an uninterrupted call gives.  The same with requests from
 * another thread at any moment.
 */
#define _XOPEN_SOURCE 700

#include "alloc.h"
#include "base/cancel.h"
#include "checkpoints.h"
#include "test.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define VOCAB 300
#define N_IDS 400 /* of a sequence; a call looks for a request after 16 ids at first */
#define N_STEPS 60

static nomul_error    err;
static nomul_cancel   request; /* of the model, and so of everything made from it */
static nomul_model   *model;
static nomul_session *session;
static char           large[400000]; /* a text that takes a while to tokenize */
static char           prompt[1200];

/* ---- The parts ------------------------------------------------------------------------------- */

static void test_pace(void)
{
    nomul_cancel flag = {0};

    test_case("the first piece is short only where there is something to look at");
    CHECK_INT(nm_pace_start(NULL, 40, 384).step, 384);
    CHECK_INT(nm_pace_start(&flag, 40, 384).step, 40);
    CHECK_INT(nm_pace_start(&flag, 1, 384).step, NM_PACE_FIRST);
    CHECK_INT(nm_pace_start(&flag, 40, 5).step, 5);

    static const struct {
        size_t step, n;
        double seconds;
        size_t want;
    } rows[] = {
        {384, 384, 1.5, 192}, {384, 100, 1.5, 50}, {1, 1, 100, 1},
        {1, 1, 0.1, 4},       {90, 90, 0.1, 360},  {97, 97, 0.1, 384},
        {384, 384, 0.1, 384}, {48, 48, 0.5, 48},   {48, 7, 0.1, 48},
    };
    test_case("a slow piece is halved; a quick one grows, unless it was quick for being short");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        nm_pace pace = {.step = rows[i].step, .most = 384};
        nm_pace_update(&pace, rows[i].n, rows[i].seconds);
        CHECK_INT(pace.step, rows[i].want);
    }
}

static void test_flag(void)
{
    nomul_cancel flag = {0};

    test_case("a request stays until it is cleared");
    CHECK(!nomul_cancel_requested(&flag));
    nomul_cancel_request(&flag);
    CHECK(nomul_cancel_requested(&flag) && nomul_cancel_requested(&flag));
    nomul_cancel_clear(&flag);
    CHECK(!nomul_cancel_requested(&flag));
    nomul_cancel_request(NULL);
    nomul_cancel_clear(NULL);
    CHECK(!nomul_cancel_requested(NULL));
}

/* A call with the request set; it must be seen. */
#define CHECK_CANCELLED(call)                                                                      \
    do {                                                                                           \
        nomul_cancel_request(&request);                                                            \
        CHECK_INT(call, NOMUL_E_CANCELLED);                                                        \
        CHECK_INT(err.code, NOMUL_E_CANCELLED);                                                    \
        nomul_cancel_clear(&request);                                                              \
    } while (0)

/* ---- Tokens and sessions --------------------------------------------------------------------- */

static void test_tokenize(void)
{
    const nomul_tokenizer *t = nomul_model_tokenizer(model);
    size_t                 bound = nomul_tokenize_bound(sizeof large), n_ids = 77, n_again = 0;
    int32_t *ids = malloc(bound * sizeof *ids), *again = malloc(bound * sizeof *again);

    test_case("tokenizing a large text is cancelled, and repeated");
    CHECK_CANCELLED(nomul_tokenize(t, large, sizeof large, 0, ids, bound, &n_ids, &err));
    CHECK_INT(n_ids, 77);
    alloc_watch_next();
    CHECK_CANCELLED(nomul_tokenize(t, large, sizeof large, 0, ids, bound, &n_ids, &err));
    CHECK(alloc_last_bytes() > 32 * sizeof large); /* scratch memory, most of it untouched */
    CHECK(alloc_written() < alloc_last_bytes() / 4);
    CHECK_OK(nomul_tokenize(t, large, sizeof large, 0, ids, bound, &n_ids, &err) == NOMUL_OK, err);
    CHECK_OK(nomul_tokenize(t, large, sizeof large, 0, again, bound, &n_again, &err) == NOMUL_OK,
             err);
    CHECK_INT(n_again, n_ids);
    CHECK_MEM(again, ids, n_ids * sizeof *ids, "the ids");
    free(ids), free(again);
}

static void test_feed(void)
{
    static const nomul_logits which[] = {NOMUL_LOGITS_NONE, NOMUL_LOGITS_LAST, NOMUL_LOGITS_ALL};
    float                    *logits = malloc(N_IDS * VOCAB * sizeof *logits), scores[N_IDS];
    float                     want[VOCAB], got[VOCAB];
    int32_t                   ids[N_IDS];
    nomul_session            *s = nomul_session_share(session, &err);

    for (size_t i = 0; i < N_IDS; i++) ids[i] = (int32_t)(i * 83 % VOCAB);
    CHECK_OK(nomul_session_feed(s, ids, 21, NOMUL_LOGITS_LAST, want, &err) == NOMUL_OK, err);
    nomul_session_reset(s);
    nomul_session_feed(s, ids, 20, NOMUL_LOGITS_NONE, NULL, &err);

    test_case("feed and score are cancelled before the first id");
    for (size_t i = 0; i < 3; i++) {
        CHECK_CANCELLED(nomul_session_feed(s, ids, N_IDS, which[i], logits, &err));
        CHECK_INT(nomul_session_n_tokens(s), 20);
        CHECK_CANCELLED(nomul_session_feed(s, ids, 1, which[i], logits, &err));
    }
    CHECK_CANCELLED(nomul_session_score(s, ids, N_IDS, scores, &err));
    CHECK_CANCELLED(nomul_session_feed_many(&(nomul_feed){s, ids, N_IDS, true}, 1, logits, &err));
    CHECK_INT(nomul_session_n_tokens(s), 20);
    CHECK_OK(nomul_session_feed(s, ids + 20, 1, NOMUL_LOGITS_LAST, got, &err) == NOMUL_OK, err);
    CHECK_MEM(got, want, sizeof got, "the logits");
    nomul_session_free(s);
    free(logits);
}

/* ---- Texts ----------------------------------------------------------------------------------- */

static nomul_text *new_text(const nomul_cancel *cancel)
{
    nomul_sampler_options sampler;
    nomul_text_options    o;

    nomul_sampler_options_init(&sampler);
    sampler.seed = 3;
    sampler.temp = 1.5f;
    nomul_text_options_init(&o);
    o.sampler = &sampler;
    o.ignore_eos = true;
    o.n_predict = N_STEPS;
    o.cancel = cancel;
    nomul_text *text = nomul_text_new(session, &o, &err);
    CHECK_OK(text != NULL, err);
    return text;
}

static void give(nomul_text *text, const char *bytes)
{
    CHECK_OK(nomul_text_prompt(text, bytes, strlen(bytes), &err) == NOMUL_OK, err);
}

static nomul_text_counts counts_of(const nomul_text *text)
{
    nomul_text_counts counts = {.size = sizeof counts};

    CHECK_OK(nomul_text_get_counts(text, &counts, &err) == NOMUL_OK, err);
    return counts;
}

/* Generated bytes and ids. */
typedef struct answer {
    char    bytes[16 * N_STEPS];
    int32_t ids[N_STEPS];
    size_t  n_bytes, n_ids;
} answer;

static void collect(const nomul_text *text, answer *a)
{
    size_t      n = 0;
    const char *bytes = nomul_text_bytes(text, &n);

    if (n > sizeof a->bytes - a->n_bytes || a->n_ids == N_STEPS) return;
    memcpy(a->bytes + a->n_bytes, bytes, n);
    a->n_bytes += n;
    if (nomul_text_id(text) >= 0) a->ids[a->n_ids++] = nomul_text_id(text);
}

static void finish(nomul_text *text, answer *a)
{
    while (nomul_text_finish(text) == NOMUL_FINISH_NONE && a->n_ids < N_STEPS) {
        CHECK_OK(nomul_text_step(&text, 1, &err) == NOMUL_OK, err);
        collect(text, a);
    }
}

static void check_same(const answer *got, const answer *want)
{
    CHECK_INT(got->n_ids, want->n_ids);
    CHECK_MEM(got->ids, want->ids, sizeof want->ids, "the ids");
    CHECK_INT(got->n_bytes, want->n_bytes);
    CHECK_MEM(got->bytes, want->bytes, sizeof want->bytes, "the bytes");
}

/* The file that a text is saved as; freed by the caller. */
static char *saved(nomul_text *text, size_t *n)
{
    const char *path = test_scratch("cancelled.nms");

    CHECK_OK(nomul_text_save(text, path, &err) == NOMUL_OK, err);
    return test_read_file(path, n);
}

static void check_same_file(nomul_text *a, nomul_text *b)
{
    size_t n_a, n_b;
    char  *of_a = saved(a, &n_a), *of_b = saved(b, &n_b);

    CHECK_INT(n_a, n_b);
    if (n_a == n_b) CHECK_MEM(of_a, of_b, n_a, "the session file");
    free(of_a), free(of_b);
}

static void test_prompt(void)
{
    answer      want = {.n_ids = 0}, got = want;
    nomul_text *text = new_text(NULL), *other = new_text(NULL);

    test_case("a prompt is cancelled: nothing was appended");
    give(text, "Once"), give(other, "Once");
    nomul_text_counts before = counts_of(text);
    CHECK_CANCELLED(nomul_text_prompt(text, large, sizeof large, &err));
    nomul_text_counts after = counts_of(text);
    CHECK_MEM(&after, &before, sizeof after, "the counts");
    give(text, prompt), give(other, prompt);
    finish(text, &got), finish(other, &want);
    CHECK_INT(want.n_ids, N_STEPS);
    check_same(&got, &want);
    check_same_file(text, other);

    test_case("the first prompt is cancelled: the text is still at its beginning");
    nomul_text *fresh = new_text(NULL), *same = new_text(NULL);
    CHECK_CANCELLED(nomul_text_prompt(fresh, large, sizeof large, &err));
    CHECK_INT(counts_of(fresh).n_tokens, 0);
    CHECK_INT(nomul_text_finish(fresh), NOMUL_FINISH_LENGTH);
    give(fresh, "the fox"), give(same, "the fox");
    check_same_file(fresh, same);
    nomul_text_free(text), nomul_text_free(other);
    nomul_text_free(fresh), nomul_text_free(same);
}

static void test_read(void)
{
    answer      want = {.n_ids = 0}, got = want;
    nomul_text *text = new_text(NULL), *other = new_text(NULL);
    const char *path = test_scratch("none.nms");
    struct stat status;

    test_case("reading a prompt, and saving before it is read, are cancelled");
    give(text, prompt), give(other, prompt);
    uint64_t n_tokens = counts_of(text).n_tokens;
    CHECK(n_tokens > 100);
    CHECK_CANCELLED(nomul_text_read(text, &err));
    CHECK_CANCELLED(nomul_text_save(text, path, &err));
    CHECK(stat(path, &status) != 0);
    CHECK_INT(nomul_text_finish(text), NOMUL_FINISH_NONE);
    CHECK_INT(counts_of(text).n_tokens, n_tokens);
    CHECK(counts_of(text).n_read < n_tokens);

    test_case("then steps read the rest, and generate the same");
    finish(text, &got), finish(other, &want);
    CHECK_INT(want.n_ids, N_STEPS);
    check_same(&got, &want);
    check_same_file(text, other);

    test_case("or another call reads the rest");
    give(text, prompt), give(other, prompt);
    CHECK_CANCELLED(nomul_text_read(text, &err));
    CHECK_OK(nomul_text_read(text, &err) == NOMUL_OK, err);
    check_same_file(text, other);
    nomul_text_free(text), nomul_text_free(other);
}

/* A text that was cancelled continues with an empty prompt. */
static void test_step(void)
{
    answer      want = {.n_ids = 0}, got = want;
    nomul_text *text = new_text(NULL), *other = new_text(NULL);

    test_case("a step is cancelled: the call succeeds, the text has finished");
    give(other, prompt);
    finish(other, &want);
    give(text, prompt);
    for (size_t i = 0; got.n_ids < N_STEPS && i < 4 * N_STEPS; i++) {
        if (i % 3 == 0) { /* while the prompt is read and between tokens */
            uint64_t n = counts_of(text).n_tokens;
            nomul_cancel_request(&request);
            CHECK_OK(nomul_text_step(&text, 1, &err) == NOMUL_OK, err);
            nomul_cancel_clear(&request);
            CHECK_INT(nomul_text_finish(text), NOMUL_FINISH_CANCELLED);
            CHECK_INT(nomul_text_id(text), -1);
            CHECK_INT(counts_of(text).n_tokens, n);
            collect(text, &got); /* bytes that were held back */
            give(text, "");
        }
        CHECK_OK(nomul_text_step(&text, 1, &err) == NOMUL_OK, err);
        collect(text, &got);
    }
    check_same(&got, &want);
    check_same_file(text, other);
    nomul_text_free(text), nomul_text_free(other);
}

/* Of several texts all finish whose own flag or another's is set; those that had finished stay. */
static void test_many(void)
{
    nomul_cancel own = {0};
    nomul_text  *texts[3] = {new_text(&own)};

    test_case("a step of many is cancelled by a flag of their own");
    give(texts[0], "Once");
    texts[1] = nomul_text_fork(texts[0], NULL, &err);
    texts[2] = nomul_text_fork(texts[0], NULL, &err);
    CHECK_OK(texts[1] && texts[2], err);
    answer rest = {.n_ids = 0};
    finish(texts[1], &rest);
    CHECK_INT(nomul_text_finish(texts[1]), NOMUL_FINISH_LENGTH);
    nomul_cancel_request(&request);
    CHECK_OK(nomul_text_step(texts, 3, &err) == NOMUL_OK, err);
    CHECK(nomul_text_finish(texts[0]) == NOMUL_FINISH_NONE); /* theirs was not requested */
    nomul_cancel_request(&own);
    CHECK_OK(nomul_text_step(texts, 3, &err) == NOMUL_OK, err);
    CHECK_INT(nomul_text_finish(texts[0]), NOMUL_FINISH_CANCELLED);
    CHECK_INT(nomul_text_finish(texts[1]), NOMUL_FINISH_LENGTH);
    CHECK_INT(nomul_text_finish(texts[2]), NOMUL_FINISH_CANCELLED);
    nomul_cancel_clear(&request);
    for (size_t i = 0; i < 3; i++) nomul_text_free(texts[i]);
}

/* ---- At any moment --------------------------------------------------------------------------- */

static atomic_bool stop;

static void *request_often(void *context)
{
    struct timespec t = {.tv_nsec = 50000};

    (void)context;
    while (!stop) {
        nanosleep(&t, NULL);
        nomul_cancel_request(&request);
        t.tv_nsec = t.tv_nsec * 7 % 1000003;
    }
    return NULL;
}

/* Feeds ids until all are fed, however often it is cancelled. */
static void feed_through(nomul_session *s, const int32_t *ids, float *logits)
{
    nomul_status status = NOMUL_E_CANCELLED;

    while (status == NOMUL_E_CANCELLED) {
        size_t at = (size_t)nomul_session_n_tokens(s);
        if (at == N_IDS) nomul_session_reset(s), at = 0; /* fed, but the logits are undefined */
        status = nomul_session_feed(s, ids + at, N_IDS - at, NOMUL_LOGITS_LAST, logits, &err);
        nomul_cancel_clear(&request);
    }
    CHECK_OK(status == NOMUL_OK, err);
}

/* The same of several that are fed together; a text of 1 to 3 times as many ids ends each round. */
static void feed_many_through(nomul_session *const sessions[3], const int32_t *ids, float *logits)
{
    nomul_status status = NOMUL_E_CANCELLED;
    nomul_feed   feeds[3];

    while (status == NOMUL_E_CANCELLED) {
        for (size_t i = 0; i < 3; i++) {
            size_t n_ids = N_IDS / 3 * (i + 1), at = (size_t)nomul_session_n_tokens(sessions[i]);
            if (at == n_ids) nomul_session_reset(sessions[i]), at = 0;
            feeds[i] = (nomul_feed){sessions[i], ids + at, n_ids - at, i != 1};
        }
        status = nomul_session_feed_many(feeds, 3, logits, &err);
        nomul_cancel_clear(&request);
    }
    CHECK_OK(status == NOMUL_OK, err);
}

static void continue_through(nomul_text *text, answer *a)
{
    nomul_status status;

    while (nomul_text_prompt(text, prompt, strlen(prompt), &err) == NOMUL_E_CANCELLED)
        nomul_cancel_clear(&request);
    while ((status = nomul_text_read(text, &err)) == NOMUL_E_CANCELLED)
        nomul_cancel_clear(&request);
    CHECK_OK(status == NOMUL_OK, err);
    while (a->n_ids < N_STEPS) {
        CHECK_OK(nomul_text_step(&text, 1, &err) == NOMUL_OK, err);
        collect(text, a);
        if (nomul_text_finish(text) != NOMUL_FINISH_CANCELLED) continue;
        nomul_cancel_clear(&request);
        give(text, "");
    }
}

static void test_any_moment(void)
{
    float          want[VOCAB], got[VOCAB], want_many[2 * VOCAB], got_many[2 * VOCAB];
    int32_t        ids[N_IDS];
    nomul_session *many[3];
    answer         want_text = {.n_ids = 0};
    pthread_t      thread;
    nomul_session *s = nomul_session_share(session, &err);
    nomul_text    *text = new_text(NULL);

    test_case("requests at any moment, of another thread");
    for (size_t i = 0; i < N_IDS; i++) ids[i] = (int32_t)(i * 83 % VOCAB);
    CHECK_OK(nomul_session_feed(s, ids, N_IDS, NOMUL_LOGITS_LAST, want, &err) == NOMUL_OK, err);
    give(text, prompt);
    finish(text, &want_text);
    nomul_text_free(text);
    for (size_t i = 0; i < 3; i++) many[i] = nomul_session_share(session, &err);
    feed_many_through(many, ids, want_many);
    stop = false;
    CHECK_INT(pthread_create(&thread, NULL, request_often, NULL), 0);
    for (int round = 0; round < 5; round++) {
        answer got_text = {.n_ids = 0};
        nomul_session_reset(s);
        feed_through(s, ids, got);
        CHECK_MEM(got, want, sizeof got, "the logits");
        for (size_t i = 0; i < 3; i++) nomul_session_reset(many[i]);
        feed_many_through(many, ids, got_many);
        CHECK_MEM(got_many, want_many, sizeof got_many, "the logits of two of three");
        text = new_text(NULL);
        continue_through(text, &got_text);
        check_same(&got_text, &want_text);
        nomul_text_free(text);
    }
    stop = true;
    pthread_join(thread, NULL);
    nomul_cancel_clear(&request);
    nomul_session_free(s);
    for (size_t i = 0; i < 3; i++) nomul_session_free(many[i]);
}

/* ---- Progress -------------------------------------------------------------------------------- */

typedef struct told {
    uint64_t done, total;
    int      n_calls, most; /* then it says stop */
} told;

static bool tell(void *context, uint64_t done, uint64_t total)
{
    told *t = context;

    CHECK(done <= total);
    CHECK(total == t->total || t->total == 0);
    CHECK(done >= t->done);
    t->done = done, t->total = total;
    return ++t->n_calls < t->most;
}

static void test_progress_calls(void)
{
    nomul_model_options model_options;
    nomul_text_options  options;
    told                t = {.most = 1000}, stopped = {.most = 20}, reading = {.most = 2};
    const char         *path = test_path("golden/small.gguf");

    test_case("opening tells how far it is, and stops when it is told to");
    nomul_model_options_init(&model_options);
    model_options.check_tensors = true;
    model_options.progress = tell;
    model_options.progress_context = &t;
    nomul_model *m = nomul_model_open(path, &model_options, &err);
    CHECK_OK(m != NULL, err);
    CHECK(t.n_calls > 40);
    CHECK(t.done > t.total / 2);
    model_options.progress_context = &stopped;
    CHECK(!nomul_model_open(path, &model_options, &err));
    CHECK_INT(err.code, NOMUL_E_CANCELLED);
    CHECK_INT(stopped.n_calls, 20);
    t = (told){.most = 1};
    model_options.progress_context = &t;
    model_options.check_tensors = false;
    model_options.in_memory = true;
    CHECK(!nomul_model_open(path, &model_options, &err));
    CHECK_INT(err.code, NOMUL_E_CANCELLED);

    test_case("so does reading a prompt, which goes on where it stopped");
    nomul_session *s = test_session(m, 1, 16);
    nomul_text_options_init(&options);
    options.n_predict = N_STEPS;
    options.cancel = &request; /* without one a prompt is read in one piece */
    options.progress = tell;
    options.progress_context = &reading;
    nomul_text *text = nomul_text_new(s, &options, &err);
    CHECK_OK(text != NULL, err);
    give(text, prompt);
    CHECK_INT(nomul_text_read(text, &err), NOMUL_E_CANCELLED);
    CHECK_INT(reading.n_calls, 2);
    CHECK(reading.done > 0 && reading.done < reading.total);
    reading.most = 1000;
    CHECK_OK(nomul_text_read(text, &err) == NOMUL_OK, err);
    CHECK(reading.n_calls > 3);
    nomul_text_free(text);
    nomul_session_free(s);
    nomul_model_close(m);
}

/* ---- Files ----------------------------------------------------------------------------------- */

static void test_files(void)
{
    nomul_model_options   open_options;
    nomul_convert_options convert;
    nomul_repack_options  repack;
    char                  input[1024], output[1024];

    test_case("checking tensors, converting and repacking are cancelled; no file is left");
    nomul_model_options_init(&open_options);
    nomul_convert_options_init(&convert);
    nomul_repack_options_init(&repack);
    open_options.cancel = convert.cancel = repack.cancel = &request;
    open_options.check_tensors = true;
    snprintf(input, sizeof input, "%s", test_path("golden/small.gguf"));
    snprintf(output, sizeof output, "%s", test_scratch("cancelled.gguf"));
    CHECK_CANCELLED(nomul_convert(test_path("golden/small"), output, &convert, &err));
    CHECK_CANCELLED(nomul_repack(input, output, &repack, &err));
    CHECK(access(output, F_OK) != 0);
    nomul_cancel_request(&request);
    CHECK(!nomul_model_open(input, &open_options, &err));
    CHECK_INT(err.code, NOMUL_E_CANCELLED);
    nomul_cancel_clear(&request);
    open_options.in_memory = true;
    nomul_cancel_request(&request);
    CHECK(!nomul_model_open(input, &open_options, &err));
    CHECK_INT(err.code, NOMUL_E_CANCELLED);
    nomul_cancel_clear(&request);
    nomul_model *checked = nomul_model_open(input, &open_options, &err);
    CHECK_OK(checked != NULL, err);
    nomul_model_close(checked);
}

static void test_mark_load(void)
{
    const char  *path = test_path("golden/small-2.nms");
    nomul_cancel other = {0};

    test_case("loading a session file: the flag that is given, else the model's");
    CHECK_CANCELLED(nomul_mark_load(path, model, NULL, &err) ? NOMUL_OK : err.code);
    nomul_cancel_request(&request);
    nomul_mark *mark = nomul_mark_load(path, model, &other, &err);
    CHECK_OK(mark != NULL, err);
    nomul_mark_free(mark);
    nomul_cancel_clear(&request);
    nomul_cancel_request(&other);
    for (int with = 0; with < 2; with++) {
        const nomul_model *m = with ? model : NULL;
        CHECK_CANCELLED(nomul_mark_load(path, m, &other, &err) ? NOMUL_OK : err.code);
        mark = nomul_mark_load(path, m, NULL, &err);
        CHECK_OK(mark != NULL, err);
        nomul_mark_free(mark);
    }
}

void test_cancel(void)
{
    nomul_model_options options;

    test_pace();
    test_flag();
    for (size_t i = 0; i < sizeof large; i++) large[i] = "the moon said "[i % 14];
    memcpy(prompt, large, sizeof prompt - 1);
    nomul_model_options_init(&options);
    options.cancel = &request;
    test_case("a model whose calls can be cancelled");
    model = nomul_model_open(test_path("golden/small.gguf"), &options, &err);
    CHECK_OK(model != NULL, err);
    if (!model) return;
    session = test_session(model, 1, 0);
    test_tokenize();
    test_feed();
    test_prompt();
    test_read();
    test_step();
    test_many();
    test_any_moment();
    test_progress_calls();
    test_files();
    test_mark_load();
    nomul_session_free(session);
    nomul_model_close(model);
}
