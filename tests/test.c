/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>
#ifdef _WIN32
#include <direct.h>
#define mkdir(path, mode) _mkdir(path)
#define REMOVE "rmdir /s /q \"%s\""
#else
#define REMOVE "rm -rf '%s'"
#endif

#include "base/os.h"

#ifndef TESTS_DEF /* of a system that has not all of them */
#define TESTS_DEF "tests.def"
#endif

#define TEST(name) void test_##name(void);
#define TEST_TRIALS(name) void test_##name(void);
#define TEST_LONG(name) void test_##name(void);
#include TESTS_DEF
#undef TEST
#undef TEST_TRIALS
#undef TEST_LONG

static const struct {
    const char *name;
    void (*run)(void);
    bool in_check, in_long;
} files[] = {
#define TEST(name) {#name, test_##name, true, false},
#define TEST_TRIALS(name) {#name, test_##name, true, true},
#define TEST_LONG(name) {#name, test_##name, false, true},
#include TESTS_DEF
#undef TEST
#undef TEST_TRIALS
#undef TEST_LONG
};

#define N_FILES (sizeof files / sizeof files[0])

static struct {
    const char *file;
    char        name[256];
    bool        open, failed, skipped, is_long;
    int         n_passed, n_failed, n_skipped;
    char        scratch[256];
} now;

static void end_case(void)
{
    if (!now.open) return;
    if (now.failed)
        now.n_failed++;
    else if (now.skipped)
        now.n_skipped++;
    else
        now.n_passed++;
    now.open = false;
}

void test_case(const char *format, ...)
{
    end_case();
    va_list args;
    va_start(args, format);
    vsnprintf(now.name, sizeof now.name, format, args);
    va_end(args);
    now.open = true, now.failed = now.skipped = false;
}

void test_skip(const char *format, ...)
{
    va_list args;
    printf("SKIP %s: %s: ", now.file, now.name);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    now.skipped = true;
}

void test_fail(const char *file, int line, const char *format, ...)
{
    va_list args;
    printf("FAIL %s: %s\n  %s:%d: ", now.file, now.name, file, line);
    va_start(args, format);
    vprintf(format, args);
    va_end(args);
    printf("\n");
    now.failed = true;
    if (!now.open) now.n_failed++;
}

static const char *ring_path(const char *root, const char *name)
{
    static char   ring[8][1024];
    static size_t at;
    char         *path = ring[at++ % 8];
    snprintf(path, sizeof ring[0], "%s/%s", root, name);
    return path;
}

const char *test_path(const char *name)
{
    const char *root = getenv("NOMUL_TESTS");
    return ring_path(root ? root : "tests", name);
}

const char *test_shared(const char *name)
{
    struct stat status;
    const char *root = getenv("NOMUL_SHARED");
    const char *path = ring_path(root ? root : "../shared", name);
    return stat(path, &status) == 0 ? path : NULL;
}

const char *test_scratch(const char *name)
{
    if (!now.scratch[0]) {
        const char *root = getenv("TMPDIR");
        snprintf(now.scratch, sizeof now.scratch, "%s/nomul-test-%llx", root ? root : "/tmp",
                 (unsigned long long)nm_os_unlike());
        if (mkdir(now.scratch, 0700) != 0) {
            perror(now.scratch);
            exit(1);
        }
    }
    return ring_path(now.scratch, name);
}

bool test_new_folder(const char *path)
{
    return mkdir(path, 0777) == 0 || errno == EEXIST;
}

static void remove_scratch(void)
{
    char command[300];
    if (!now.scratch[0]) return;
    snprintf(command, sizeof command, REMOVE, now.scratch);
    if (system(command) != 0) printf("%s: not removed\n", now.scratch);
}

char *test_read_file(const char *path, size_t *size)
{
    FILE *file = path ? fopen(path, "rb") : NULL;
    if (!file) {
        test_fail(__FILE__, __LINE__, "%s: %s", path ? path : "(no path)", strerror(errno));
        *size = 0;
        return calloc(1, 1);
    }
    fseek(file, 0, SEEK_END);
    long n = ftell(file);
    rewind(file);
    char *data = malloc((size_t)n + 1);
    if (!data || fread(data, 1, (size_t)n, file) != (size_t)n) {
        perror(path);
        exit(1);
    }
    fclose(file);
    data[n] = '\0';
    *size = (size_t)n;
    return data;
}

void test_write_file(const char *path, const void *data, size_t size)
{
    remove(path); /* ext4 has what replaces a file's bytes go to the disk at once */
    FILE *file = fopen(path, "wb");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
}

void test_rewrite_file(const char *path, const void *data, size_t size)
{
    FILE *file = fopen(path, "r+b");
    bool  is_longer = file && fseek(file, 0, SEEK_END) == 0 && ftell(file) > (long)size;

    if (!file || is_longer) {
        if (file) fclose(file);
        test_write_file(path, data, size);
        return;
    }
    rewind(file);
    CHECK(fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

int test_trials(int few, int many)
{
    return now.is_long ? many : few;
}

/*
 * Without names, those of make check, or with --long first, those of make test-long; names mean
 * themselves, with --long first with many trials.
 */
static bool wanted(size_t file, int n_names, char **names)
{
    if (n_names == 0) return now.is_long ? files[file].in_long : files[file].in_check;
    for (int i = 0; i < n_names; i++)
        if (strcmp(names[i], files[file].name) == 0) return true;
    return false;
}

int main(int argc, char **argv)
{
    setvbuf(stdout, NULL, _IOLBF, 0);
    now.is_long = argc > 1 && strcmp(argv[1], "--long") == 0;
    int n_options = 1 + now.is_long;
    for (size_t i = 0; i < N_FILES; i++) {
        if (!wanted(i, argc - n_options, argv + n_options)) continue;
        now.file = files[i].name;
        files[i].run();
        end_case();
    }
    remove_scratch();
    printf("%d passed, %d failed, %d skipped\n", now.n_passed, now.n_failed, now.n_skipped);
    return now.n_failed ? 1 : 0;
}
