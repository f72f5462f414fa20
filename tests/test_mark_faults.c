/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session files on a failing system: each allocation and each system call of a save or a load fails
 * in turn, with every errno; reads and writes move few bytes at a time.  Either there is an error
 * or the call has done its work; the file is the old one or the new one; no other file is left; no
 * block and no descriptor leaks; the text is unchanged.
 */
#define _XOPEN_SOURCE 700

#include "checkpoints.h"
#include "test.h"

#include "alloc.h"
#include "faults.h"
#include "format/session_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE 64
#define FILE_BYTES (NM_SESSION_FILE_HEADER + STATE + NM_SESSION_FILE_END)

static const int numbers[] = {ENOSPC, EIO, EINTR};
#define N_NUMBERS (sizeof numbers / sizeof numbers[0])

/* A folder for one file, a text whose file that is, and what was there before. */
typedef struct stage {
    char               folder[512], path[600];
    const nomul_model *model;
    nomul_text        *text;
    unsigned char      old_file[FILE_BYTES], new_file[FILE_BYTES];
} stage;

static nomul_error err;

static void take_file(const char *path, unsigned char *to)
{
    size_t size;
    char  *data = test_read_file(path, &size);

    CHECK_INT(size, FILE_BYTES);
    if (size == FILE_BYTES) memcpy(to, data, size);
    free(data);
}

static void set_up(stage *s, const nomul_model *model, nomul_session *session, const char *name)
{
    s->model = model;
    snprintf(s->folder, sizeof s->folder, "%s", test_scratch(name));
    snprintf(s->path, sizeof s->path, "%s/text.nms", s->folder);
    CHECK_INT(mkdir(s->folder, 0755), 0);
    s->text = nomul_text_new(session, NULL, &err);
    CHECK_OK(s->text != NULL, err);
    CHECK_OK(nomul_text_save(s->text, s->path, &err) == NOMUL_OK, err);
    take_file(s->path, s->old_file);
    CHECK_OK(nomul_text_prompt(s->text, "the fox", 7, &err) == NOMUL_OK, err);
    CHECK_OK(nomul_text_save(s->text, s->path, &err) == NOMUL_OK, err);
    take_file(s->path, s->new_file);
    CHECK(memcmp(s->old_file, s->new_file, FILE_BYTES) != 0);
}

static int count_entries(const char *folder)
{
    int  n = -2; /* "." and ".." */
    DIR *dir = opendir(folder);

    while (dir && readdir(dir)) n++;
    if (dir) closedir(dir);
    return n;
}

/* The lowest descriptor that is free. */
static int next_descriptor(void)
{
    int fd = open("/", O_RDONLY);
    close(fd);
    return fd;
}

/* ---- Saving ---------------------------------------------------------------------------------- */

/* One save, with whatever was told to fail; true if it went well. */
static bool save(const stage *s, bool replaces)
{
    int    fd = next_descriptor();
    size_t live = alloc_live();

    unlink(s->path);
    if (replaces) {
        test_write_file(s->path, s->old_file, FILE_BYTES);
        CHECK_INT(chmod(s->path, 0666), 0); /* more than the umask gives: to be set */
    }
    err = (nomul_error){.code = NOMUL_OK};
    bool ok = nomul_text_save(s->text, s->path, &err) == NOMUL_OK;
    CHECK_INT(ok, err.code == NOMUL_OK);
    CHECK_INT(next_descriptor(), fd);
    CHECK_INT(alloc_live() - live, 0);
    return ok;
}

/* Afterwards: the new file, or what was there before; nothing else. */
static void check_folder(const stage *s, bool replaces, bool saved, const char *call)
{
    unsigned char now[FILE_BYTES];
    bool          there = saved || replaces;

    CHECK_THAT(count_entries(s->folder) == there, "%s: %d files", call, count_entries(s->folder));
    if (!there) return;
    take_file(s->path, now);
    CHECK_THAT(memcmp(now, saved ? s->new_file : s->old_file, FILE_BYTES) == 0,
               "%s: saved %d, but it is not that file", call, saved);
}

static bool is_one_of(const char *call, const char *const *calls, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(call, calls[i]) == 0) return true;
    return false;
}

/*
 * Can the file be written all the same?  What comes after the renaming can't undo it; what was only
 * interrupted is tried again; fstat and lstat look for a mode and a link that are not there.
 */
static bool is_harmless(const char *call, int number)
{
    static const char *const again[] = {"open", "pwrite", "fsync", "close"};
    static const char *const looks[] = {"fstat", "lstat"};

    return faults_failed_late() || is_one_of(call, looks, 2) ||
           (number == EINTR && is_one_of(call, again, 4));
}

static void save_with_faults(const stage *s, bool replaces, int number)
{
    const char *call = "";

    test_case("save, %s: every call says %s", replaces ? "over a file" : "a new file",
              strerror(number));
    for (size_t k = 1; call; k++) {
        faults_at(k, number);
        bool ok = save(s, replaces);
        bool renamed = faults_renamed();
        call = faults_failed();
        bool harmless = !call || is_harmless(call, number);
        faults_at(0, 0);
        const char *name = call ? call : "none";
        check_folder(s, replaces, ok, name);
        CHECK_THAT(ok == renamed, "%s: renamed %d, said %d", name, renamed, ok);
        CHECK_THAT(ok == harmless, "%s: ok %d, %s", name, ok, err.text);
        if (!call) CHECK_THAT(k > 8, "only %zu calls", k);
        if (ok) continue;
        CHECK_INT(err.code, NOMUL_E_IO);
        CHECK_THAT(strstr(err.text, s->path) == err.text && strstr(err.text, strerror(number)),
                   "%s: %s", name, err.text);
    }
}

static void save_without_memory(const stage *s, bool replaces)
{
    bool reached = true;

    test_case("save, %s: every allocation fails", replaces ? "over a file" : "a new file");
    for (size_t k = 1; reached; k++) {
        alloc_fail_at(k);
        bool ok = save(s, replaces);
        reached = alloc_failed();
        alloc_fail_at(0);
        check_folder(s, replaces, ok, "an allocation");
        CHECK_INT(ok, !reached);
        if (reached) CHECK_INT(err.code, NOMUL_E_MEMORY);
        if (!reached) CHECK_THAT(k > 1, "nothing was allocated: the test tests nothing");
    }
}

static void save_slowly(const stage *s)
{
    for (size_t n = 1; n < 9; n += 3) {
        test_case("save: no write takes more than %zu bytes", n);
        faults_trickle(n);
        CHECK_OK(save(s, true), err);
        faults_trickle(0);
        check_folder(s, true, true, "pwrite");
    }
}

/* ---- Loading --------------------------------------------------------------------------------- */

/* One load; NULL is a failure. */
static nomul_mark *load(const stage *s)
{
    int    fd = next_descriptor();
    size_t live = alloc_live();

    err = (nomul_error){.code = NOMUL_OK};
    nomul_mark *mark = nomul_mark_load(s->path, s->model, NULL, &err);
    CHECK_INT(mark != NULL, err.code == NOMUL_OK);
    CHECK_INT(next_descriptor(), fd);
    CHECK_INT(alloc_live() - live, mark != NULL);
    return mark;
}

/* The mark is the whole text: rewound to it, a text is saved as the file that it came from. */
static void check_mark(const stage *s, nomul_mark *mark)
{
    unsigned char now[FILE_BYTES];

    if (!mark) return;
    CHECK_OK(nomul_text_prompt(s->text, "elsewhere", 9, &err) == NOMUL_OK, err);
    CHECK_OK(nomul_text_rewind(s->text, mark, 0, &err) == NOMUL_OK, err);
    CHECK_OK(nomul_text_save(s->text, s->path, &err) == NOMUL_OK, err);
    take_file(s->path, now);
    CHECK_MEM(now, s->new_file, FILE_BYTES, "the text");
    nomul_mark_free(mark);
}

static void load_with_faults(const stage *s, int number)
{
    const char *call = "";

    test_case("load: every call says %s", strerror(number));
    for (size_t k = 1; call; k++) {
        faults_at(k, number);
        nomul_mark *mark = load(s);
        bool        ok = mark != NULL;
        call = faults_failed();
        faults_at(0, 0);
        check_mark(s, mark);
        if (!call) {
            CHECK_THAT(ok && k > 5, "only %zu calls, ok %d", k, ok);
            continue;
        }
        bool harmless =
            strcmp(call, "close") == 0 ||
            (number == EINTR && (strcmp(call, "open") == 0 || strcmp(call, "pread") == 0));
        CHECK_THAT(ok == harmless, "%s: ok %d, %s", call, ok, err.text);
        if (!ok) CHECK_INT(err.code, NOMUL_E_IO);
    }
}

static void load_without_memory(const stage *s)
{
    bool reached = true;

    test_case("load: every allocation fails");
    for (size_t k = 1; reached; k++) {
        alloc_fail_at(k);
        nomul_mark *mark = load(s);
        reached = alloc_failed();
        alloc_fail_at(0);
        CHECK_INT(mark != NULL, !reached);
        check_mark(s, mark);
        if (reached) CHECK_INT(err.code, NOMUL_E_MEMORY);
        if (!reached) CHECK_THAT(k > 1, "nothing was allocated: the test tests nothing");
    }
}

static void load_slowly(const stage *s)
{
    for (size_t n = 1; n < 9; n += 3) {
        test_case("load: no read gives more than %zu bytes", n);
        faults_trickle(n);
        nomul_mark *mark = load(s);
        faults_trickle(0);
        CHECK_OK(mark != NULL, err);
        check_mark(s, mark);
    }
}

void test_mark_faults(void)
{
    stage        s;
    nomul_model *model;

    test_case("two texts to save");
    model = nomul_model_open(test_path("golden/small.gguf"), NULL, &err);
    CHECK_OK(model != NULL, err);
    if (!model) return;
    nomul_session *session = test_session(model, 1, 1);
    set_up(&s, model, session, "faults");

    for (size_t i = 0; i < N_NUMBERS; i++) {
        save_with_faults(&s, true, numbers[i]);
        save_with_faults(&s, false, numbers[i]);
    }
    save_without_memory(&s, true);
    save_without_memory(&s, false);
    save_slowly(&s);
    for (size_t i = 0; i < N_NUMBERS; i++) load_with_faults(&s, numbers[i]);
    load_without_memory(&s);
    load_slowly(&s);

    nomul_text_free(s.text);
    nomul_session_free(session);
    nomul_model_close(model);
}
