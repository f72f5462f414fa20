/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A thousand processes that save two texts to one file in turn, each killed at a random moment: the
 * file is one of the two, whole.  What a killed one may leave beside it is its temporary file.
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
    nomul_session *session;
    int32_t        last_id;
    char          *file;
    size_t         n_bytes, n_found;
} text;

static nomul_error err;
static char        folder[512], path[600];

static void begin(text *t, const nomul_model *model, int32_t id)
{
    *t = (text){.session = test_session(model, 1, 1), .last_id = id};
    CHECK(nomul_session_feed(t->session, &id, 1, NOMUL_LOGITS_NONE, NULL, NULL) == NOMUL_OK);
    CHECK_OK(nomul_session_save(t->session, id, NULL, path, &err) == NOMUL_OK, err);
    t->file = test_read_file(path, &t->n_bytes);
}

static void end(text *t)
{
    nomul_session_free(t->session);
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

    for (int i = 0; i < 10; i++)
        CHECK(nomul_session_save(t->session, t->last_id, NULL, path, NULL) == NOMUL_OK);
    double seconds = (now() - begin) / 10;
    return seconds < 0.02 ? seconds : 0.02;
}

static void sleep_for(double seconds)
{
    struct timespec t = {.tv_sec = 0, .tv_nsec = (long)(1e9 * seconds)};
    while (nanosleep(&t, &t) != 0 && errno == EINTR) {}
}

static void save_for_ever(const text *texts)
{
    for (size_t i = 0;; i = !i)
        if (nomul_session_save(texts[i].session, texts[i].last_id, NULL, path, NULL) != NOMUL_OK)
            _exit(1);
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
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
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
static void check_file(text *texts, nomul_session *session)
{
    size_t      n_bytes;
    nomul_saved saved;
    char       *file = test_read_file(path, &n_bytes);

    for (size_t i = 0; i < 2; i++)
        if (n_bytes == texts[i].n_bytes && memcmp(file, texts[i].file, n_bytes) == 0) {
            texts[i].n_found++;
            free(file);
            CHECK_OK(nomul_session_load(session, path, &saved, &err) == NOMUL_OK, err);
            CHECK_INT(saved.last_id, texts[i].last_id);
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
    begin(&texts[0], model, 3);
    begin(&texts[1], model, 400);
    nomul_session *session = test_session(model, 1, 1);

    double range = 4 * measure_save(&texts[0]) + 0.001;
    nm_rng_init(&rng, 9);
    for (int i = 0; i < ROUNDS; i++) {
        double seconds = range * nm_rng_double(&rng);
        CHECK_THAT(kill_one(texts, seconds), "saver %d ended by itself", i);
        n_left += sweep();
        check_file(texts, session);
    }
    printf("kill9: the file was one text %zu times, the other %zu times; %zu were killed while "
           "they wrote\n",
           texts[0].n_found, texts[1].n_found, n_left);
    CHECK_THAT(texts[0].n_found && texts[1].n_found && n_left, "no moment was random");
    nomul_session_free(session);
    end(&texts[0]), end(&texts[1]);
    nomul_model_close(model);
}
