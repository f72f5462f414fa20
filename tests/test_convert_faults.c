/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Convert and repack on a system that refuses: each system call fails in turn, with every errno;
 * reads and writes do little at a time.  There is an error that names a file, or the same bytes as
 * ever; the output is the old one or the new one; nothing lies beside it; no block, no descriptor
 * is lost.  The allocations are test_alloc.c's.
 */
#define _XOPEN_SOURCE 700

#include "hf_directory.h"
#include "test.h"

#include "alloc.h"
#include "faults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* The errno of calls that fail, and whether the output replaces a file; the last in test-long. */
static const struct {
    int  number;
    bool replaces;
} faults[] = {{ENOSPC, true},  {EINTR, true}, {EIO, false},
              {ENOSPC, false}, {EIO, true},   {EINTR, false}};
#define N_FAULTS (sizeof faults / sizeof faults[0])

static const char old_file[] = "what was there before";

typedef struct job {
    const char *name;
    bool (*run)(const char *input, const char *output, nomul_error *err);
    char   input[600], folder[512], output[600];
    char  *want; /* the bytes that come of it, freed by tear_down */
    size_t n_want;
} job;

static nomul_error err;

static bool convert(const char *input, const char *output, nomul_error *e)
{
    return nomul_convert(input, output, NULL, e) == NOMUL_OK;
}

static bool repack_as(const char *input, const char *output, const char *pack, nomul_error *e)
{
    nomul_repack_options options;

    nomul_repack_options_init(&options);
    options.pack = pack;
    return nomul_repack(input, output, &options, e) == NOMUL_OK;
}

static bool repack_t4(const char *input, const char *output, nomul_error *e)
{
    return repack_as(input, output, "t4", e);
}

static bool repack_t5(const char *input, const char *output, nomul_error *e)
{
    return repack_as(input, output, "1.6bit", e);
}

/* The lowest descriptor that is free. */
static int next_descriptor(void)
{
    int fd = open("/", O_RDONLY);
    close(fd);
    return fd;
}

/* Once, with whatever was told to fail; true if it went well. */
static bool run(const job *j, bool replaces)
{
    int    fd = next_descriptor();
    size_t live = alloc_live();

    if (replaces)
        test_write_file(j->output, old_file, sizeof old_file);
    else
        unlink(j->output);
    err = (nomul_error){.code = NOMUL_OK};
    bool ok = j->run(j->input, j->output, &err);
    CHECK_INT(ok, err.code == NOMUL_OK);
    CHECK_INT(next_descriptor(), fd);
    CHECK_INT(alloc_live() - live, 0);
    return ok;
}

/* Afterwards: the new file, or what was there before; nothing else. */
static void check_folder(const job *j, bool replaces, bool ok, const char *call)
{
    const void *want = ok ? j->want : old_file;
    size_t      n_want = ok ? j->n_want : sizeof old_file, n_now;

    CHECK_THAT(hf_count_files(j->folder) == (ok || replaces), "%s: %zu files", call,
               hf_count_files(j->folder));
    if (!ok && !replaces) return;
    char *now = test_read_file(j->output, &n_now);
    CHECK_THAT(n_now == n_want && memcmp(now, want, n_want) == 0, "%s: done %d, other bytes", call,
               ok);
    free(now);
}

/* Interrupted, these are done again; others say so. */
static bool is_repeated(const char *call)
{
    return strcmp(call, "pread") == 0 || strcmp(call, "pwrite") == 0 ||
           strcmp(call, "fsync") == 0 || strcmp(call, "close") == 0;
}

/*
 * The input's files are named by its own path, or in it; the reason is the system's.  A file that
 * stat could not tell is missing is opened: that call, which is not made to fail, says it is.
 */
static void check_words(const job *j, const char *call, int number)
{
    bool missing = strcmp(call, "stat") == 0 && strstr(err.text, strerror(ENOENT)) != NULL;

    CHECK_THAT(err.code == NOMUL_E_IO, "%s: code %d", call, (int)err.code);
    CHECK_THAT((strncmp(err.text, j->input, strlen(j->input)) == 0 ||
                strncmp(err.text, j->output, strlen(j->output)) == 0) &&
                   (strstr(err.text, strerror(number)) || missing),
               "%s: %s", call, err.text);
    CHECK_THAT(number != EINTR || !is_repeated(call), "%s is not tried again", call);
}

static void run_with_faults(const job *j, bool replaces, int number)
{
    const char *call = "";

    test_case("%s, %s: every call says %s", j->name, replaces ? "over a file" : "a new file",
              strerror(number));
    for (size_t k = 1; call; k++) {
        faults_at(k, number);
        bool ok = run(j, replaces), renamed = faults_renamed();
        call = faults_failed();
        faults_at(0, 0);
        check_folder(j, replaces, ok, call ? call : "none");
        CHECK_THAT(ok == renamed, "%s: renamed %d, said %d", call ? call : "none", renamed, ok);
        if (!call)
            CHECK_THAT(ok && k > 12, "only %zu calls, ok %d", k, ok);
        else if (!ok)
            check_words(j, call, number);
    }
}

static void run_slowly(const job *j)
{
    for (size_t n = (size_t)test_trials(11, 1); n < 600; n += 333) {
        test_case("%s: no read and no write moves more than %zu bytes", j->name, n);
        faults_trickle(n);
        CHECK_OK(run(j, true), err);
        faults_trickle(0);
        check_folder(j, true, true, "pread, pwrite");
    }
}

/* With the first n_faults of them: more where the calls are new. */
static void run_each(job *j, const char *input, size_t n_faults)
{
    test_case("%s: what comes of it", j->name);
    snprintf(j->input, sizeof j->input, "%s", input);
    snprintf(j->folder, sizeof j->folder, "%s", test_scratch(j->name));
    snprintf(j->output, sizeof j->output, "%s/out.gguf", j->folder);
    CHECK_INT(mkdir(j->folder, 0755), 0);
    CHECK_OK(run(j, false), err);
    j->want = test_read_file(j->output, &j->n_want);
    n_faults = (size_t)test_trials((int)n_faults, N_FAULTS);
    for (size_t i = 0; i < n_faults; i++) run_with_faults(j, faults[i].replaces, faults[i].number);
    run_slowly(j);
    free(j->want);
}

/* Two shards and their index, with tokenizer.json alone: other files than golden/small has. */
static void convert_shards(void)
{
    hf_directory d;

    hf_directory_init(&d, "faults-shards");
    hf_directory_save_shards(&d, "BF16");
    hf_directory_copy(&d, test_path("golden/small/tokenizer.json"), "tokenizer.json");
    run_each(&(job){.name = "convert-shards", .run = convert}, d.path, 1);
    hf_directory_free(&d);
}

void test_convert_faults(void)
{
    run_each(&(job){.name = "convert", .run = convert}, test_path("golden/small"), 3);
    convert_shards();
    run_each(&(job){.name = "repack-t5", .run = repack_t5}, test_path("golden/small.gguf"), 2);
    run_each(&(job){.name = "repack-t4", .run = repack_t4}, test_path("golden/small-t5.gguf"), 1);
}
