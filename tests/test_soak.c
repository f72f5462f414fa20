/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A million tokens in one text, drawn and fed one by one as run does: no memory grows, no speed
 * drifts, the state stays finite, and whatever is at the end is what a copy from the middle gets.
 */
#define _XOPEN_SOURCE 700

#include "checkpoints.h"
#include "test.h"

#include "alloc.h"

#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#define VOCAB 512
#define STATE 1152
#define SNAPSHOT (16 + STATE)
#define WINDOW 10000
#define N_WINDOWS 100
#define PART 10        /* windows at either end whose speeds are compared */
#define GROWTH_KB 1024 /* a page here or there of the C library's */

typedef struct walk {
    nomul_session *session;
    nomul_sampler *sampler;
    int32_t        id; /* not fed yet */
    uint64_t       n_eos;
} walk;

static nomul_error err;

static void begin(walk *w, const nomul_model *model)
{
    nomul_sampler_options choice;

    nomul_sampler_options_init(&choice);
    choice.seed = 11;
    choice.repeat_penalty = 1.1f;
    *w = (walk){.session = test_session(model, 1, 1), .id = 1};
    w->sampler = nomul_sampler_new(VOCAB, &choice, &err);
    CHECK_OK(w->sampler != NULL, err);
    nomul_sampler_accept(w->sampler, w->id);
}

static void end(walk *w)
{
    nomul_session_free(w->session);
    nomul_sampler_free(w->sampler);
}

static void step(walk *w)
{
    static float logits[VOCAB];

    if (nomul_session_feed(w->session, &w->id, 1, NOMUL_LOGITS_LAST, logits, &err) != NOMUL_OK)
        test_fail(__FILE__, __LINE__, "%s", err.text);
    w->id = nomul_sampler_sample(w->sampler, logits);
    nomul_sampler_accept(w->sampler, w->id);
    w->n_eos += w->id == 2;
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
    return usage.ru_maxrss;
}

static void check_finite(const walk *w)
{
    unsigned char snapshot[SNAPSHOT];
    float         state[STATE / sizeof(float)];

    CHECK_OK(nomul_session_snapshot(w->session, snapshot, SNAPSHOT, &err) == NOMUL_OK, err);
    memcpy(state, snapshot + 16, STATE);
    for (size_t i = 0; i < STATE / sizeof *state; i++)
        CHECK_THAT(isfinite(state[i]), "state[%zu] is %g", i, (double)state[i]);
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
    size_t        calls = 0;

    test_case("%d tokens, one by one", WINDOW * N_WINDOWS);
    for (int i = 0; i < N_WINDOWS; i++) {
        seconds[i] = walk_window(w);
        if (i == 0) peak = peak_kb(), calls = alloc_calls();
        check_finite(w);
    }
    CHECK_INT(nomul_session_n_tokens(w->session), WINDOW * N_WINDOWS);

    test_case("no memory grows behind the first %d", WINDOW);
    CHECK_INT(alloc_calls() - calls, 0);
    CHECK_THAT(peak_kb() - peak <= GROWTH_KB, "%ld kB at first, %ld in the end", peak, peak_kb());

    test_case("no speed drifts");
    double early = median(seconds), late = median(seconds + N_WINDOWS - PART);
    printf("soak: %.0f tokens/s early, %.0f late; %ld kB early, %ld late; %llu ends of a text\n",
           WINDOW / early, WINDOW / late, peak, peak_kb(), (unsigned long long)w->n_eos);
    CHECK_THAT(late < 2 * early, "%g s early, %g s late", early, late);
}

/* A text as old as this one is saved and goes on as any other does. */
static void check_saved(walk *w, const nomul_model *model)
{
    const char *path = test_scratch("soak.nms");
    nomul_saved saved;
    walk        other;

    test_case("so old a text is saved and goes on");
    begin(&other, model);
    CHECK_OK(nomul_session_save(w->session, w->id, w->sampler, path, &err) == NOMUL_OK, err);
    CHECK_OK(nomul_session_load(other.session, path, &saved, &err) == NOMUL_OK, err);
    CHECK_OK(nomul_sampler_set_state(other.sampler, &saved.sampler_state, &err) == NOMUL_OK, err);
    CHECK_INT(saved.n_tokens, WINDOW * N_WINDOWS + 1);
    other.id = saved.last_id;
    for (int i = 0; i < 200; i++) {
        step(w), step(&other);
        CHECK_INT(w->id, other.id);
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
