/* SPDX-License-Identifier: Apache-2.0 */
/* What every system has to do alike; what needs signals or faults is tested with its users. */
#include "test.h"

#include "base/alloc.h"
#include "base/os.h"

#include <errno.h>
#include <stdlib.h>

#define N_BYTES ((size_t)9 << 20)

/* Advice changes nothing that can be seen: not what is in the block, nor what lies around it. */
static void test_large_pages(size_t from, size_t n_bytes)
{
    uint8_t *block = nm_alloc(N_BYTES);

    test_case("%zu bytes from byte %zu of a block", n_bytes, from);
    for (size_t i = 0; i < N_BYTES; i++) block[i] = (uint8_t)(i * 7 + (i >> 12));
    nm_os_large_pages(block + from, n_bytes);
    size_t n_wrong = 0;
    for (size_t i = 0; i < N_BYTES; i++) n_wrong += block[i] != (uint8_t)(i * 7 + (i >> 12));
    CHECK_INT(n_wrong, 0);
    memset(block, 1, N_BYTES);
    nm_free(block);
}

static int make_file(const char *path, const char *text)
{
    size_t n_done = 0;
    int    fd = -1;

    CHECK_INT(nm_os_create(path, 0666, &fd), 0);
    CHECK_INT(nm_os_write_at(fd, 0, text, strlen(text), &n_done), 0);
    CHECK_INT(n_done, strlen(text));
    return fd;
}

/* Files have names that no codepage holds. */
static void test_files(void)
{
    const char *path = test_scratch("\xE6\xBC\xA2\xC3\xA9 \xF0\x9F\x99\x82"),
               *other = test_scratch("b");
    nm_os_status a, b;
    char         text[8] = "", real[NM_OS_PATH];
    size_t       n_done = 0;
    void        *map = NULL;

    test_case("a file is created once, read at any place, and keeps its identity");
    CHECK_INT(nm_os_stat(path, &a), ENOENT);
    int fd = make_file(path, "old text"), again = -1;
    CHECK_INT(nm_os_create(path, 0666, &again), EEXIST);
    CHECK_INT(nm_os_read_at(fd, 4, text, sizeof text, &n_done), 0);
    CHECK_INT(n_done, 4);
    CHECK_MEM(text, "text", 4, "from byte 4");
    CHECK_INT(nm_os_read_at(fd, 8, text, sizeof text, &n_done), 0);
    CHECK_INT(n_done, 0);
    CHECK_INT(nm_os_sync(fd), 0);
    CHECK_INT(nm_os_stat(path, &a), 0);
    CHECK_INT(nm_os_stat_open(fd, &b), 0);
    CHECK(a.kind == NM_OS_REGULAR && a.size == 8 && a.volume == b.volume && a.number == b.number);
    CHECK_INT(nm_os_close(fd), 0);
    CHECK_INT(nm_os_real_path(path, real), 0);
    CHECK_STR(real + nm_os_name_at(real), "\xE6\xBC\xA2\xC3\xA9 \xF0\x9F\x99\x82");

    test_case("a file that is open and mapped is replaced; who has it keeps the old content");
    CHECK_INT(nm_os_open(path, &fd), 0);
    CHECK_INT(nm_os_map(fd, 8, &map), 0);
    CHECK_INT(nm_os_close(make_file(other, "new")), 0);
    CHECK_INT(nm_os_replace(other, path), 0);
    CHECK_INT(nm_os_stat(other, &b), ENOENT);
    CHECK_INT(nm_os_stat(path, &b), 0);
    CHECK(b.size == 3 && b.number != a.number);
    CHECK_INT(nm_os_read_at(fd, 0, text, sizeof text, &n_done), 0);
    CHECK_MEM(text, "old text", 8, "read");
    if (map) CHECK_MEM(map, "old text", 8, "mapped");
    if (map) nm_os_unmap(map, 8);
    nm_os_close(fd);
    CHECK_INT(nm_os_remove(path), 0);
    CHECK_INT(nm_os_remove(path), ENOENT);
}

/* Another process is tested with the trainer: tests/train/cli.sh. */
static void test_folder_and_lock(void)
{
    char         folder[1024], path[1032];
    nm_os_status status;
    int          fd = -1, again = -1;

    test_case("a folder is removed when it is empty; a lock makes its file and can be taken again");
    snprintf(folder, sizeof folder, "%s", test_scratch("folder"));
    snprintf(path, sizeof path, "%s/lock", folder);
    CHECK_INT(nm_os_lock(path, &fd), ENOENT);
    CHECK_INT(nm_os_make_folder(folder, 0777), 0);
    CHECK_INT(nm_os_lock(path, &fd), 0);
    CHECK_INT(nm_os_close(fd), 0);
    CHECK_INT(nm_os_lock(path, &again), 0);
    CHECK(nm_os_remove_folder(folder) != 0);
    CHECK_INT(nm_os_close(again), 0);
    CHECK_INT(nm_os_remove(path), 0);
    CHECK_INT(nm_os_remove_folder(folder), 0);
    CHECK_INT(nm_os_stat(folder, &status), ENOENT);
    CHECK(nm_os_remove_folder(folder) != 0);
}

/* The way out for file systems that replace no file in use leaves nothing either. */
static void test_replace_read_only(void)
{
    const char  *path = test_scratch("read-only"), *other = test_scratch("other");
    char         aside[1024], text[8] = "";
    nm_os_status status;
    size_t       n_done = 0;
    int          fd = make_file(path, "old text");

    test_case("a file that is open and read-only is replaced");
    CHECK_INT(nm_os_set_mode(fd, 0444), 0);
    CHECK_INT(nm_os_close(make_file(other, "new")), 0);
    CHECK_INT(nm_os_replace(other, path), 0);
    CHECK_INT(nm_os_read_at(fd, 0, text, sizeof text, &n_done), 0);
    CHECK_MEM(text, "old text", 8, "read");
    CHECK_INT(nm_os_close(fd), 0);
    CHECK_INT(nm_os_stat(path, &status), 0);
    CHECK_INT(status.size, 3);
    CHECK_INT(nm_os_stat(other, &status), ENOENT);
    snprintf(aside, sizeof aside, "%s.old", other);
    CHECK_INT(nm_os_stat(aside, &status), ENOENT);
    CHECK_INT(nm_os_remove(path), 0);
}

static void test_long_path(void)
{
    char         path[1024], name[101], real[NM_OS_PATH] = "";
    nm_os_status status;

    test_case("a path of more than 260 bytes");
    memset(name, 'n', 100), name[100] = '\0';
    snprintf(path, sizeof path, "%s", test_scratch("long"));
    for (int i = 0; i < 3; i++) {
        CHECK(test_new_folder(path));
        snprintf(path + strlen(path), sizeof path - strlen(path), "/%s", name);
    }
    CHECK(strlen(path) > 300);
    int fd = make_file(path, "deep");
    CHECK_INT(nm_os_close(fd), 0);
    CHECK_INT(nm_os_stat(path, &status), 0);
    CHECK_INT(status.size, 4);
    CHECK_INT(nm_os_real_path(path, real), 0);
    CHECK_STR(real + nm_os_name_at(real), name);
    CHECK_INT(nm_os_remove(path), 0);
}

static void test_names(void)
{
    char real[NM_OS_PATH];

    test_case("names");
    CHECK_INT(nm_os_name_at("name"), 0);
    CHECK_INT(nm_os_name_at("a/b/name"), 4);
    CHECK_INT(nm_os_name_at("/"), 1);
    CHECK_INT(nm_os_real_path(test_scratch("nothing"), real), ENOENT);
    nm_os_program_folder("nomul", real);
    CHECK(*real && nm_os_name_at(real) == strlen(real));
    CHECK(nm_os_environment("NOMUL_NO_SUCH_VARIABLE") == NULL);
}

static void test_streams(void)
{
    const char *path = test_scratch("stream");
    char        text[8];
    size_t      n_done = 9;
    int         fd = -1;

    test_case("a stream is read to its end");
    CHECK_INT(nm_os_open_stream(path, &fd), ENOENT);
    nm_os_close(make_file(path, "line\r\n\x1A"));
    CHECK_INT(nm_os_open_stream(path, &fd), 0);
    CHECK_INT(nm_os_wait_input(fd, 0), 0);
    CHECK_INT(nm_os_read(fd, text, sizeof text, &n_done), 0);
    CHECK_INT(n_done, 7);
    CHECK_INT(nm_os_read(fd, text, sizeof text, &n_done), 0);
    CHECK_INT(n_done, 0);
    CHECK(!nm_os_is_terminal(fd));
    nm_os_close(fd);
}

static void test_clocks(void)
{
    uint64_t begin = nm_os_nanoseconds(), thread = nm_os_thread_nanoseconds(), a = 0, b = 0;

    test_case("clocks move forward, random bytes differ");
    while (nm_os_nanoseconds() - begin < 1000000) {
    }
    CHECK(nm_os_thread_nanoseconds() >= thread);
    CHECK(nm_os_random(&a, sizeof a) && nm_os_random(&b, sizeof b) && a != b);
    CHECK(nm_os_unlike() != 0);
    CHECK(nm_os_process() == nm_os_process());
    CHECK(nm_os_processors() >= 1);
}

static void test_names_of_things(void)
{
    char text[200] = "";

    test_case("texts of errors, the name of the processor");
    nm_os_error_text(ENOENT, text, sizeof text);
    CHECK_STR(text, "No such file or directory");
    nm_os_processor_name(text, sizeof text);
    CHECK(*text);
}

void test_os(void)
{
    test_large_pages(0, N_BYTES);
    test_large_pages(4097, N_BYTES - 4098);
    test_large_pages(1, 4096);
    test_large_pages(0, 0);
    test_files();
    test_folder_and_lock();
    test_replace_read_only();
    test_long_path();
    test_names();
    test_streams();
    test_clocks();
    test_names_of_things();
}
