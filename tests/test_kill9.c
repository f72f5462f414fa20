/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thousand processes that save two texts to one file in turn, each killed at a random moment: the
 * file is one of the two, whole.  A killed process may leave its temporary file, nothing else.
 */
#define _XOPEN_SOURCE 700

#include "checkpoints.h"
#include "test.h"

#include "base/rng.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROUNDS 1000
#define TEMPORARY ".text.nms.nomul-"

/* One of the two texts, and the file that saving it makes. */
typedef struct text {
    nomul_text *text;
    uint64_t    n_tokens;
    char       *file;
    size_t      n_bytes, n_found;
} text;

static nomul_error err;
static char        folder[512], path[600];

static void begin(text *t, nomul_session *session, const char *prompt)
{
    nomul_text_counts counts = {.size = sizeof counts};

    *t = (text){.text = nomul_text_new(session, NULL, &err)};
    CHECK_OK(t->text != NULL, err);
    CHECK_OK(nomul_text_prompt(t->text, prompt, strlen(prompt), &err) == NOMUL_OK, err);
    CHECK_OK(nomul_text_save(t->text, path, &err) == NOMUL_OK, err);
    CHECK_OK(nomul_text_get_counts(t->text, &counts, &err) == NOMUL_OK, err);
    t->n_tokens = counts.n_tokens;
    t->file = test_read_file(path, &t->n_bytes);
}

static void end(text *t)
{
    nomul_text_free(t->text);
    free(t->file);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds that a save takes, at most 20 ms: what is longer would make a thousand too long. */
static double measure_save(const text *t)
{
    double begin = now();

    for (int i = 0; i < 10; i++) CHECK(nomul_text_save(t->text, path, NULL) == NOMUL_OK);
    double seconds = (now() - begin) / 10;
    return seconds < 0.02 ? seconds : 0.02;
}

static void sleep_for(double seconds)
{
    struct timespec t = {.tv_sec = 0, .tv_nsec = (long)(1e9 * seconds)};
    while (nanosleep(&t, &t) != 0 && errno == EINTR) {
    }
}

static void save_for_ever(const text *texts)
{
    for (size_t i = 0;; i = !i)
        if (nomul_text_save(texts[i].text, path, NULL) != NOMUL_OK) _exit(1);
}

/* Starts a saver and kills it after the time; true if that is what ended it. */
static bool kill_one(const text *texts, double seconds)
{
    int   status = 0;
    pid_t child = fork();

    if (child == 0) save_for_ever(texts);
    if (child < 0) return false;
    sleep_for(seconds);
    kill(child, SIGKILL);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* Removes the temporary files, and says how many; anything else but the file fails. */
static size_t sweep(void)
{
    size_t         n = 0;
    struct dirent *entry;
    char           name[1024];
    DIR           *dir = opendir(folder);

    while (dir && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (strcmp(entry->d_name, "text.nms") == 0) continue;
        CHECK_THAT(strncmp(entry->d_name, TEMPORARY, sizeof TEMPORARY - 1) == 0, "%s",
                   entry->d_name);
        snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
        CHECK_INT(unlink(name), 0);
        n++;
    }
    if (dir) closedir(dir);
    return n;
}

/* Which of the texts the file is; it loads, too. */
static void check_file(text *texts, const nomul_model *model)
{
    size_t n_bytes;
    char  *file = test_read_file(path, &n_bytes);

    for (size_t i = 0; i < 2; i++)
        if (n_bytes == texts[i].n_bytes && memcmp(file, texts[i].file, n_bytes) == 0) {
            texts[i].n_found++;
            free(file);
            nomul_mark *mark = nomul_mark_load(path, model, NULL, &err);
            CHECK_OK(mark != NULL, err);
            if (mark) CHECK_INT(nomul_mark_get_info(mark)->n_tokens, texts[i].n_tokens);
            nomul_mark_free(mark);
            return;
        }
    test_fail(__FILE__, __LINE__, "the file is neither text: %zu bytes", n_bytes);
    free(file);
}

void test_kill9(void)
{
    text   texts[2];
    nm_rng rng;
    size_t n_left = 0;

    test_case("%d savers killed: the file is always whole", ROUNDS);
    nomul_model *model = nomul_model_open(test_path("../models/tiny.gguf"), NULL, &err);
    CHECK_OK(model != NULL, err);
    if (!model) return;
    snprintf(folder, sizeof folder, "%s", test_scratch("kill9"));
    snprintf(path, sizeof path, "%s/text.nms", folder);
    CHECK_INT(mkdir(folder, 0755), 0);
    nomul_session *session = test_session(model, 1, 1);
    begin(&texts[0], session, "Once upon a time");
    begin(&texts[1], session, "The moon");

    double range = 4 * measure_save(&texts[0]) + 0.001;
    nm_rng_init(&rng, 9);
    for (int i = 0; i < ROUNDS; i++) {
        double seconds = range * nm_rng_double(&rng);
        CHECK_THAT(kill_one(texts, seconds), "saver %d ended by itself", i);
        n_left += sweep();
        check_file(texts, model);
    }
    printf("kill9: the file was one text %zu times, the other %zu times; %zu were killed while "
           "they wrote\n",
           texts[0].n_found, texts[1].n_found, n_left);
    CHECK_THAT(texts[0].n_found && texts[1].n_found && n_left, "no moment was random");
    nomul_session_free(session);
    end(&texts[0]), end(&texts[1]);
    nomul_model_close(model);
}
