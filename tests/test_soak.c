/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A million tokens in one text, generated one by one as run does: memory does not grow, speed does
 * not drift, the state stays finite, and the text can be saved and resumed at its end.
 */
#define _XOPEN_SOURCE 700
#define _DARWIN_C_SOURCE /* ru_maxrss */

#include "checkpoints.h"
#include "test.h"

#include "alloc.h"
#include "format/session_file.h"

#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define VOCAB 512
#define STATE 1152
#define WINDOW 10000
#define N_WINDOWS 100
#define PART 10 /* windows at either end whose speeds are compared */
#ifdef __APPLE__
#define RSS_PER_KB 1024 /* ru_maxrss is in bytes there */
#else
#define RSS_PER_KB 1
#endif
#define GROWTH_KB 1024 /* a page here or there of the C library's */

typedef struct walk {
    nomul_session *session;
    nomul_text    *text;
    uint64_t       n_eos;
} walk;

static nomul_error err;

static void begin(walk *w, const nomul_model *model)
{
    nomul_sampler_options choice;
    nomul_text_options    options;

    nomul_sampler_options_init(&choice);
    choice.seed = 11;
    choice.repeat_penalty = 1.1f;
    nomul_text_options_init(&options);
    options.sampler = &choice;
    *w = (walk){.session = test_session(model, 1, 1)};
    w->text = nomul_text_new(w->session, &options, &err);
    CHECK_OK(w->text != NULL, err);
    CHECK_OK(nomul_text_prompt(w->text, NULL, 0, &err) == NOMUL_OK, err);
}

static void end(walk *w)
{
    nomul_text_free(w->text);
    nomul_session_free(w->session);
}

/* A text that has ended continues after its EOS. */
static void step(walk *w)
{
    if (nomul_text_finish(w->text) == NOMUL_FINISH_EOS) {
        w->n_eos++;
        nomul_text_prompt(w->text, NULL, 0, NULL);
    }
    if (nomul_text_step(&w->text, 1, &err) != NOMUL_OK)
        test_fail(__FILE__, __LINE__, "%s", err.text);
}

static uint64_t n_tokens(const walk *w)
{
    nomul_text_counts counts = {.size = sizeof counts};

    CHECK(nomul_text_get_counts(w->text, &counts, NULL) == NOMUL_OK);
    return counts.n_tokens;
}

/* Processor time: the machine may be shared. */
static double walk_window(walk *w)
{
    struct timespec from, to;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
    for (int i = 0; i < WINDOW; i++) step(w);
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
    return (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
}

static long peak_kb(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / RSS_PER_KB;
}

/* The state as a session file has it. */
static void check_finite(const walk *w)
{
    const char *path = test_scratch("soak.nms");
    size_t      n;
    float       state[STATE / sizeof(float)];

    CHECK_OK(nomul_text_save(w->text, path, &err) == NOMUL_OK, err);
    char *file = test_read_file(path, &n);
    CHECK_INT(n, NM_SESSION_FILE_HEADER + STATE + NM_SESSION_FILE_END);
    if (n > NM_SESSION_FILE_HEADER + STATE) memcpy(state, file + NM_SESSION_FILE_HEADER, STATE);
    for (size_t i = 0; i < STATE / sizeof *state; i++)
        CHECK_THAT(isfinite(state[i]), "state[%zu] is %g", i, (double)state[i]);
    free(file);
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Of PART windows; puts them in order. */
static double median(double *seconds)
{
    qsort(seconds, PART, sizeof *seconds, compare);
    return seconds[PART / 2];
}

static void soak(walk *w)
{
    static double seconds[N_WINDOWS];
    long          peak = 0;
    size_t        calls, n_allocated = 0, live = 0;

    test_case("%d tokens, one by one", WINDOW * N_WINDOWS);
    for (int i = 0; i < N_WINDOWS; i++) {
        calls = alloc_calls();
        seconds[i] = walk_window(w);
        n_allocated += i > 0 ? alloc_calls() - calls : 0;
        check_finite(w);
        if (i == 0) peak = peak_kb(), live = alloc_live();
    }
    CHECK_INT(n_tokens(w), WINDOW * N_WINDOWS + 1);

    test_case("no memory grows after the first %d tokens", WINDOW);
    CHECK_INT(n_allocated, 0);
    CHECK_INT(alloc_live() - live, 0);
    CHECK_THAT(peak_kb() - peak <= GROWTH_KB, "%ld kB at first, %ld in the end", peak, peak_kb());

    test_case("no speed drifts");
    double early = median(seconds), late = median(seconds + N_WINDOWS - PART);
    printf("soak: %.0f tokens/s early, %.0f late; %ld kB early, %ld late; %llu ends of a text\n",
           WINDOW / early, WINDOW / late, peak, peak_kb(), (unsigned long long)w->n_eos);
    CHECK_THAT(late < 2 * early, "%g s early, %g s late", early, late);
}

/* A text of this length is saved and resumed as any other. */
static void check_saved(walk *w, const nomul_model *model)
{
    const char *path = test_scratch("soak.nms");
    walk        other;

    test_case("a text of a million tokens is saved and resumed");
    begin(&other, model);
    CHECK_OK(nomul_text_save(w->text, path, &err) == NOMUL_OK, err);
    nomul_mark *mark = nomul_mark_load(path, model, NULL, &err);
    CHECK_OK(mark && nomul_text_rewind(other.text, mark, 0, &err) == NOMUL_OK, err);
    CHECK_OK(nomul_text_prompt(other.text, NULL, 0, &err) == NOMUL_OK, err);
    CHECK_INT(n_tokens(&other), WINDOW * N_WINDOWS + 1);
    nomul_mark_free(mark);
    for (int i = 0; i < 200; i++) {
        step(w), step(&other);
        CHECK_INT(nomul_text_id(w->text), nomul_text_id(other.text));
    }
    end(&other);
}

void test_soak(void)
{
    walk w;

    test_case("a model to soak");
    nomul_model *model = nomul_model_open(test_path("../models/tiny.gguf"), NULL, &err);
    CHECK_OK(model != NULL, err);
    if (!model) return;
    CHECK_INT(nomul_model_get_info(model)->n_vocab, VOCAB);
    CHECK_INT(nomul_model_get_info(model)->state_bytes, STATE);
    begin(&w, model);
    soak(&w);
    check_saved(&w, model);
    end(&w);
    nomul_model_close(model);
}
