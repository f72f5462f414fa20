/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A batch on a failing system: each call that reads a line or writes an answer fails in turn, with
 * every errno, and each allocation.  Either there is an error that says so, or all answers are the
 * usual ones; no answer is cut or wrong; no block leaks.
 */
#define _XOPEN_SOURCE 700

#include "test.h"

#include "alloc.h"
#include "cli/batch/batch.h"
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static const char lines[] = "a b\n"
                            "{\"prompt\": \"fox\", \"n_predict\": 2, \"id\": [1]}\n"
                            "{\"prompt\": \"fox\", \"n_predict\": 2, \"stop\": \"a\"}\n"
                            "\n"
                            "{\"id\": 7}\n"
                            "moon";

static const nm_text_args defaults = {
    .n_predict = 3,
    .temp = 1,
    .top_k = 40,
    .top_p = 1,
    .seed = 7,
    .repeat_penalty = 1.2,
    .repeat_last_n = 4,
};

typedef struct way {
    const char    *name;
    size_t         n_parallel, n_best;
    bool           as_ready;
    nomul_model   *model;
    nomul_session *session;
    int            number; /* errno of the calls that fail for good */
    const char    *input, *output;
    char          *want;
} way;

static nomul_error err;

/* Into w->output, which stands for stdout meanwhile. */
static bool run(const way *w)
{
    nm_batch_args    args = {.n_best = w->n_best > 1, .as_ready = w->as_ready, .max_predict = -1};
    nm_batch_options o = {
        .args = &args,
        .model = w->model,
        .defaults = &defaults,
        .n_parallel = w->n_parallel,
        .n_best = w->n_best,
        .n_logprobs = 1,
    };
    nm_batch b = {.options = &o, .lines = {.fd = open(w->input, O_RDONLY)}};
    size_t   live = alloc_live();

    /* Opened once, as a new file costs more than the run that writes it. */
    static int file = -1;
    if (file < 0) file = open(w->output, O_WRONLY | O_CREAT, 0666);
    int before = dup(1);
    CHECK(b.lines.fd >= 0 && file >= 0 && before >= 0);
    CHECK(ftruncate(file, 0) == 0 && lseek(file, 0, SEEK_SET) == 0);
    dup2(file, 1);
    err = (nomul_error){.code = NOMUL_OK};
    b.base = nomul_text_new(w->session, NULL, &err);
    bool ok = b.base && nm_batch_run(&b, &err);
    nm_batch_free(&b);
    nomul_text_free(b.base);
    fflush(stdout);
    dup2(before, 1);
    close(before), close(b.lines.fd);
    faults_forget_output();
    CHECK_INT(alloc_live() - live, 0);
    CHECK_INT(b.end.code == NOMUL_OK || !ok, true);
    return ok;
}

/* What was written, without the times; freed by the caller. */
static char *answers(const way *w)
{
    size_t n;
    char  *all = test_read_file(w->output, &n), *at = all;

    while ((at = strstr(at, ",\"timings\":{")) != NULL) {
        char *end = strchr(at, '}');
        if (!end) break;
        memmove(at, end + 1, strlen(end + 1) + 1);
    }
    return all;
}

/* Answers that were given are whole lines, each as it should be. */
static void check_answers(const way *w, bool ok, const char *call)
{
    char *got = answers(w), *line = got, *end;

    if (ok) CHECK_THAT(strcmp(got, w->want) == 0, "%s: other answers: %s", call, got);
    for (; !ok && (end = strchr(line, '\n')) != NULL; line = end + 1) {
        char kept = end[1];
        end[1] = '\0';
        CHECK_THAT(strstr(w->want, line) != NULL, "%s: another answer: %s", call, line);
        end[1] = kept;
    }
    free(got);
}

static bool is_output(const char *call)
{
    return strcmp(call, "fwrite") == 0 || strcmp(call, "vprintf") == 0 ||
           strcmp(call, "fflush") == 0;
}

static void check_failure(const char *call, int number)
{
    if (is_output(call))
        CHECK_INT(err.code, NOMUL_E_CANCELLED);
    else
        CHECK_THAT(err.code == NOMUL_E_IO && strcmp(err.text, strerror(number)) == 0, "%s: %d, %s",
                   call, (int)err.code, err.text);
    CHECK_THAT(number != EINTR || is_output(call), "%s is not tried again", call);
}

/* Of calls that write, which are many and alike, every step-th fails. */
static void run_with_faults(const way *w, int number, size_t step)
{
    const char *call = "";

    test_case("%s: every call says %s", w->name, strerror(number));
    for (size_t k = 1; call; k += call && is_output(call) ? step : 1) {
        faults_at(k, number);
        bool ok = run(w);
        call = faults_failed();
        faults_at(0, 0);
        if (!call || !is_output(call)) check_answers(w, ok, call ? call : "none");
        if (!call)
            CHECK_THAT(ok && k > 30, "only %zu calls, ok %d", k, ok);
        else if (!ok)
            check_failure(call, number);
        else
            CHECK_THAT(number == EINTR || strcmp(call, "poll") == 0, "%s: taken for done", call);
    }
}

static void run_without_memory(const way *w)
{
    bool   reached = true;
    size_t n_well = 0, k = 1;

    test_case("%s: every allocation may fail", w->name);
    for (; reached; k++) {
        alloc_fail_at(k);
        bool ok = run(w);
        reached = alloc_failed();
        alloc_fail_at(0);
        if (ok) /* some memory is only wanted to need less of it: then as ever */
            n_well++;
        else
            CHECK_INT(err.code, NOMUL_E_MEMORY);
        check_answers(w, ok, "nm_alloc");
    }
    CHECK_THAT(n_well < k / 4, "%zu of %zu failures did not matter", n_well, k);
}

static void run_slowly(const way *w)
{
    test_case("%s: a byte at a time", w->name);
    faults_trickle(1);
    CHECK_OK(run(w), err);
    faults_trickle(0);
    check_answers(w, true, "read");
}

static void run_each(way *w)
{
    test_case("%s: what comes of it", w->name);
    CHECK_OK(run(w), err);
    w->want = answers(w);
    size_t step = (size_t)test_trials(11, 1);
    run_with_faults(w, w->number, w->n_parallel == 1 ? 1 : step);
    if (w->n_best == 1 || step == 1) run_with_faults(w, EINTR, step);
    run_without_memory(w);
    run_slowly(w);
    free(w->want);
}

void test_batch_faults(void)
{
    static way ways[] = {
        {.name = "one at a time", .n_parallel = 1, .n_best = 1, .number = ENOSPC},
        {.name = "three together, as ready",
         .n_parallel = 3,
         .n_best = 1,
         .as_ready = true,
         .number = EIO},
        {.name = "five together, two ways each", .n_parallel = 5, .n_best = 2, .number = ENOSPC},
    };
    nomul_session_options options;

    nomul_session_options_init(&options);
    options.n_threads = 1;
    nomul_model   *model = nomul_model_open(test_path("golden/small.gguf"), NULL, &err);
    nomul_session *session = model ? nomul_session_new(model, &options, &err) : NULL;
    test_case("small.gguf opens");
    CHECK_OK(session != NULL, err);
    for (size_t i = 0; session && i < sizeof ways / sizeof ways[0]; i++) {
        ways[i].model = model, ways[i].session = session;
        ways[i].input = test_scratch("lines");
        ways[i].output = test_scratch("answers");
        test_write_file(ways[i].input, lines, sizeof lines - 1);
        run_each(&ways[i]);
    }
    nomul_session_free(session);
    nomul_model_close(model);
}
