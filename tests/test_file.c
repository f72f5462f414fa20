/* SPDX-License-Identifier: Apache-2.0 */
/* Files opened, read, mapped; files that appear whole or not at all. */
#define _XOPEN_SOURCE 700

#include "test.h"

#include "base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static nomul_error err;

/* "PATH: words", or "words" of an empty path, in a static buffer. */
static const char *at(const char *path, const char *words)
{
    static char text[2048];
    snprintf(text, sizeof text, "%s%s%s", path, *path ? ": " : "", words);
    return text;
}

static const char *new_folder(const char *name)
{
    const char *path = test_scratch(name);
    CHECK_INT(mkdir(path, 0755), 0);
    return path;
}

static const char *join(const char *folder, const char *name)
{
    static char ring[4][2048];
    static int  turn;
    char       *path = ring[turn++ % 4];
    snprintf(path, sizeof ring[0], "%s/%s", folder, name);
    return path;
}

static void check_content(const char *path, const char *want, size_t n_bytes)
{
    size_t size;
    char  *data = test_read_file(path, &size);
    CHECK_INT(size, n_bytes);
    if (size == n_bytes) CHECK_MEM(data, want, n_bytes, path);
    free(data);
}

static int count_entries(const char *folder)
{
    int  n = -2; /* "." and ".." */
    DIR *dir = opendir(folder);
    while (dir && readdir(dir)) n++;
    if (dir) closedir(dir);
    return n;
}

static int permissions(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? (int)(status.st_mode & 07777) : -1;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void test_open(void)
{
    nm_file     file;
    nm_filemap  map;
    const char *folder = new_folder("open"), *missing = join(folder, "missing");
    const char *fifo = join(folder, "fifo");

    test_case("what is no regular file is refused, by each way to open");
    CHECK_INT(mkfifo(fifo, 0600), 0);
    const struct {
        const char *path, *words;
    } rows[] = {
        {missing, "No such file or directory"}, {folder, "is a directory"},
        {"/dev/null", "is not a regular file"}, {fifo, "is not a regular file"},
        {"", "the file name is empty"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *says = at(rows[i].path, rows[i].words);
        CHECK_FAILS(nm_file_open(&file, rows[i].path, &err), err, says);
        CHECK_INT(err.code, NOMUL_E_IO);
        CHECK_INT(file.fd, -1);
        nm_file_close(&file);
        CHECK_FAILS(nm_filemap_open(&map, rows[i].path, false, NULL, &err), err, says);
        CHECK_FAILS(nm_filemap_open(&map, rows[i].path, true, NULL, &err), err, says);
        CHECK(map.data == NULL);
        nm_filemap_close(&map);
    }
    test_case("what exists");
    CHECK(nm_file_exists(folder) && nm_file_exists("/dev/null") && !nm_file_exists(missing));
    CHECK(!nm_file_exists("/dev/null/below"));
    test_case("what is one file");
    const char *link = join(folder, "link");
    const char *first = join(folder, "first"), *second = join(folder, "second");
    test_write_file(first, "1", 1);
    test_write_file(second, "1", 1);
    CHECK_INT(symlink(first, link), 0);
    CHECK(nm_file_same(first, link) && !nm_file_same(first, second));
    CHECK_INT(unlink(second), 0);
    CHECK_INT(linkat(AT_FDCWD, first, AT_FDCWD, second, 0), 0);
    CHECK(nm_file_same(first, second) && nm_file_same(link, second));
    CHECK(!nm_file_same("/no/file", "/no/file") && !nm_file_same(first, "/no/file"));
    CHECK(!nm_file_same(fifo, fifo) && !nm_file_same(folder, folder)); /* no regular files */
    CHECK(!nm_file_same("/dev/null", "/dev/null"));
    CHECK(nm_file_in_folder(first, folder) && !nm_file_in_folder("/dev/null", folder));
    CHECK(!nm_file_in_folder(folder, folder) && !nm_file_in_folder(first, "/no/file"));
}

static void test_read(void)
{
    nm_file     file;
    char        got[16] = {0};
    const char *path = test_scratch("read");

    test_case("a file is read in parts");
    test_write_file(path, "0123456789", 10);
    CHECK_OK(nm_file_open(&file, path, &err), err);
    CHECK(file.size == 10);
    CHECK_OK(nm_file_read(&file, 3, got, 4, &err), err);
    CHECK_STR(got, "3456");
    CHECK_OK(nm_file_read(&file, 10, got, 0, &err), err);

    test_case("reading past the end is an error");
    CHECK_FAILS(nm_file_read(&file, 8, got, 4, &err), err,
                "ends after 10 bytes, where 2 more were to be read");
    CHECK_FAILS(nm_file_read(&file, UINT64_MAX, got, 4, &err), err,
                "Value too large for defined data type");
    CHECK_INT(err.code, NOMUL_E_IO);
    nm_file_close(&file);
    nm_file_close(&file);
    CHECK_INT(file.fd, -1);
}

static void test_map(void)
{
    const char *path = test_scratch("map"), *empty = test_scratch("empty");

    test_write_file(path, "0123456789", 10);
    test_write_file(empty, "", 0);
    for (int in_memory = 0; in_memory < 2; in_memory++) {
        nm_filemap map;
        test_case("a file's bytes, %s", in_memory ? "read" : "mapped");
        CHECK_OK(nm_filemap_open(&map, path, in_memory, NULL, &err), err);
        CHECK_INT(map.size, 10);
        CHECK_MEM(map.data, "0123456789", 10, "file");
        CHECK(in_memory ? !map.mapped && map.read : map.mapped && !map.read);
        nm_filemap_close(&map);
        CHECK(!map.data && !map.mapped && !map.read);
        nm_filemap_close(&map);

        CHECK_OK(nm_filemap_open(&map, empty, in_memory, NULL, &err), err);
        CHECK(map.data != NULL && map.size == 0);
        nm_filemap_close(&map);
    }
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void write_text(const char *path, const char *text)
{
    nm_outfile out;
    CHECK_OK(nm_outfile_open(&out, path, (nm_watch){0}, &err), err);
    CHECK_OK(nm_outfile_write(&out, text, strlen(text), &err), err);
    CHECK_OK(nm_outfile_commit(&out, &err), err);
    nm_outfile_abort(&out);
}

/* The names a file was known by, and whether it was there when they were told. */
typedef struct told {
    int  n_names, n_gone;
    bool was_there;
} told;

static void note_name(void *context, const char *name)
{
    told *t = context;

    if (name) t->n_names++;
    if (!name) t->n_gone++;
    if (name && nm_file_exists(name)) t->was_there = true;
}

static void test_commit(void)
{
    nm_outfile  out;
    const char *folder = new_folder("commit"), *path = join(folder, "file");

    test_case("a new file appears at commit, alone");
    CHECK_OK(nm_outfile_open(&out, path, (nm_watch){0}, &err), err);
    CHECK_OK(nm_outfile_write(&out, "new", 3, &err), err);
    CHECK(!nm_file_exists(path));
    CHECK_INT(count_entries(folder), 1);
    CHECK(strstr(out.temporary, "/.file.nomul-") != NULL);
    CHECK_OK(nm_outfile_commit(&out, &err), err);
    CHECK(out.temporary == NULL);
    nm_outfile_abort(&out);
    check_content(path, "new", 3);
    CHECK_INT(count_entries(folder), 1);

    test_case("an older file stays until commit");
    CHECK_OK(nm_outfile_open(&out, path, (nm_watch){0}, &err), err);
    CHECK_OK(nm_outfile_write(&out, "newer", 5, &err), err);
    check_content(path, "new", 3);
    CHECK_OK(nm_outfile_commit(&out, &err), err);
    check_content(path, "newer", 5);

    test_case("trying leaves no trace");
    CHECK_OK(nm_outfile_try(path, (nm_watch){0}, &err), err);
    CHECK_OK(nm_outfile_try(join(folder, "other"), (nm_watch){0}, &err), err);
    check_content(path, "newer", 5);
    CHECK_INT(count_entries(folder), 1);

    test_case("a temporary name is told before there is a file");
    told     t = {0};
    nm_watch watch = {note_name, &t};
    CHECK_OK(nm_outfile_try(path, watch, &err), err);
    CHECK(t.n_names == 1 && t.n_gone == 1 && !t.was_there);
    CHECK_OK(nm_outfile_open(&out, path, watch, &err), err);
    CHECK_OK(nm_outfile_write(&out, "newer", 5, &err), err);
    CHECK_INT(t.n_gone, 1);
    CHECK_OK(nm_outfile_commit(&out, &err), err);
    CHECK(t.n_names == 2 && t.n_gone == 2 && !t.was_there);

    test_case("an older file stays after abort, and nothing else");
    CHECK_OK(nm_outfile_open(&out, path, (nm_watch){0}, &err), err);
    CHECK_OK(nm_outfile_write(&out, "newest", 6, &err), err);
    nm_outfile_abort(&out);
    nm_outfile_abort(&out);
    check_content(path, "newer", 5);
    CHECK_INT(count_entries(folder), 1);

    test_case("abort of zeros closes nothing");
    int kept = dup(0);
    out = (nm_outfile){0};
    nm_outfile_abort(&out);
    int still = dup(0);
    CHECK_INT(still >= 0, kept >= 0);
    close(kept);
    close(still);
}

static void test_paths(void)
{
    const char *folder = new_folder("paths"), *link = join(folder, "link");
    char        name[251], home[1024];

    test_case("a symbolic link is followed and stays");
    write_text(join(folder, "target"), "old");
    CHECK_INT(symlink("target", link), 0);
    write_text(link, "through the link");
    check_content(join(folder, "target"), "through the link", 16);
    struct stat status;
    CHECK(lstat(link, &status) == 0 && S_ISLNK(status.st_mode));

    test_case("a link from another folder: the temporary file lies beside the target");
    nm_outfile  out;
    const char *far = test_scratch("far");
    CHECK_INT(symlink(join(folder, "target"), far), 0);
    CHECK_OK(nm_outfile_open(&out, far, (nm_watch){0}, &err), err);
    CHECK(strstr(out.temporary, "/paths/.target.nomul-") != NULL);
    nm_outfile_abort(&out);

    test_case("a path without a folder, and a folder left in between");
    CHECK(getcwd(home, sizeof home) != NULL);
    CHECK_INT(chdir(folder), 0);
    CHECK_OK(nm_outfile_open(&out, "plain", (nm_watch){0}, &err), err);
    CHECK_OK(nm_outfile_write(&out, "x", 1, &err), err);
    CHECK_INT(chdir("/"), 0);
    CHECK_OK(nm_outfile_commit(&out, &err), err);
    CHECK_INT(chdir(home), 0);
    check_content(join(folder, "plain"), "x", 1);

    test_case("a name as long as a name can be");
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    write_text(join(folder, name), "long");
    check_content(join(folder, name), "long", 4);
    CHECK_INT(count_entries(folder), 4);
}

static void test_refused(void)
{
    nm_outfile  out;
    const char *folder = new_folder("refused"), *fifo = join(folder, "fifo");
    const char *dangling = join(folder, "dangling");
    char        missing[1024], slash[1024];

    CHECK_INT(mkfifo(fifo, 0600), 0);
    CHECK_INT(symlink("nowhere", dangling), 0);
    snprintf(missing, sizeof missing, "%s/missing/file", folder);
    snprintf(slash, sizeof slash, "%s/new/", folder);
    const struct {
        const char *path, *words;
    } rows[] = {
        {folder, "is a directory"},
        {".", "is a directory"},
        {"/", "is a directory"},
        {slash, "is a directory"},
        {dangling, "is a symbolic link to nothing"},
        {missing, "No such file or directory"},
        {"", "the file name is empty"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        test_case("no file is written to '%s'", rows[i].path);
        CHECK_FAILS(nm_outfile_open(&out, rows[i].path, (nm_watch){0}, &err), err,
                    at(rows[i].path, rows[i].words));
        CHECK_INT(err.code, NOMUL_E_IO);
        nm_outfile_abort(&out);
        CHECK_FAILS(nm_outfile_try(rows[i].path, (nm_watch){0}, &err), err,
                    at(rows[i].path, rows[i].words));
    }
    CHECK_INT(count_entries(folder), 2);
    test_case("nothing is written to a pipe that nobody reads");
    CHECK_OK(nm_outfile_try(fifo, (nm_watch){0}, &err), err);
    CHECK_FAILS(nm_outfile_open(&out, fifo, (nm_watch){0}, &err), err,
                at(fifo, "nobody reads from it"));
    nm_outfile_abort(&out);

    test_case("a name too long");
    char name[300];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    CHECK_FAILS(nm_outfile_open(&out, name, (nm_watch){0}, &err), err,
                at(name, "File name too long"));
}

/* Of somebody who is not root: root may write anything. */
static void test_not_ours(void)
{
    nm_outfile  out;
    const char *folder = new_folder("not-ours"), *path = join(folder, "file");
    bool        root = geteuid() == 0;

    test_case("a file that the user may not write is kept");
    write_text(path, "old");
    CHECK_INT(chmod(path, 0444), 0);
    CHECK_INT(chmod(folder, 0777), 0);
    if (root && seteuid(65534) != 0)
        test_skip("root cannot be somebody else");
    else if (access(folder, X_OK) != 0)
        test_skip("nobody may not enter the scratch folder");
    else {
        CHECK_FAILS(nm_outfile_try(path, (nm_watch){0}, &err), err, at(path, "Permission denied"));
        CHECK_FAILS(nm_outfile_open(&out, path, (nm_watch){0}, &err), err,
                    at(path, "Permission denied"));
        nm_outfile_abort(&out);
    }
    if (root) CHECK_INT(seteuid(0), 0);
    check_content(path, "old", 3);
    CHECK_INT(count_entries(folder), 1);
}

static void write_through(const char *path, bool rewrites)
{
    nm_outfile out;

    CHECK_OK(nm_outfile_try(path, (nm_watch){0}, &err), err);
    CHECK_OK(nm_outfile_open(&out, path, (nm_watch){0}, &err), err);
    CHECK(nm_outfile_can_rewrite(&out) == rewrites);
    CHECK_OK(nm_outfile_write(&out, "abcdef", 6, &err), err);
    if (rewrites)
        CHECK_OK(nm_outfile_rewrite(&out, 1, "BC", 2, &err), err);
    else
        CHECK_FAILS(nm_outfile_rewrite(&out, 1, "BC", 2, &err), err,
                    at(path, "what is written to it cannot be changed"));
    CHECK_OK(nm_outfile_write(&out, "g", 1, &err), err);
    CHECK_OK(nm_outfile_commit(&out, &err), err);
}

/* What the process has open is written where it stands, and stays the file that it is. */
static void test_through(void)
{
    static const char *const names[] = {"/dev/fd/%d", "/proc/self/fd/%d", "/dev//fd/../fd/%d"};
    const char              *folder = new_folder("through"), *path = join(folder, "file");
    const char              *link_path = join(folder, "link");
    struct stat              before, after;
    char                     name[64], bytes[32] = "";
    int                      ends[2];

    for (size_t i = 0; i < 2 * sizeof names / sizeof *names; i++) {
        bool appends = i % 2;
        int  fd = open(path, O_RDWR | O_CREAT | O_TRUNC | (appends ? O_APPEND : 0), 0600);
        CHECK(fd >= 0 && write(fd, "head ", 5) == 5 && fstat(fd, &before) == 0);
        snprintf(name, sizeof name, names[i / 2], fd);
        if (access(name, F_OK) != 0) { /* no /proc here */
            close(fd);
            continue;
        }
        test_case("%s is written through%s", names[i / 2], appends ? ", appending" : "");
        write_through(name, !appends);
        CHECK(write(fd, " tail", 5) == 5);
        CHECK(stat(path, &after) == 0 && after.st_ino == before.st_ino);
        check_content(path, appends ? "head abcdefg tail" : "head aBCdefg tail", 17);
        CHECK_INT(count_entries(folder), 1);
        close(fd);
    }

    test_case("also by a link to it");
    int fd = open(path, O_RDWR | O_TRUNC);
    snprintf(name, sizeof name, "/dev/fd/%d", fd);
    CHECK_INT(symlink(name, link_path), 0);
    write_through(link_path, true);
    check_content(path, "aBCdefg", 7);
    close(fd);

    test_case("not what is open for reading only, or not at all");
    fd = open(path, O_RDONLY);
    snprintf(name, sizeof name, "/dev/fd/%d", fd);
    CHECK_FAILS(nm_outfile_try(name, (nm_watch){0}, &err), err,
                at(name, "is closed, or opened in another mode"));
    close(fd);
    CHECK_FAILS(nm_outfile_try(name, (nm_watch){0}, &err), err,
                at(name, "is closed, or opened in another mode"));
    check_content(path, "aBCdefg", 7);

    test_case("a pipe and a device");
    CHECK_INT(pipe(ends), 0);
    snprintf(name, sizeof name, "/dev/fd/%d", ends[1]);
    write_through(name, false);
    CHECK_INT(read(ends[0], bytes, sizeof bytes), 7);
    CHECK_STR(bytes, "abcdefg");
    close(ends[0]), close(ends[1]);
    write_through("/dev/null", true);
    CHECK(stat("/dev/null", &after) == 0 && S_ISCHR(after.st_mode));
}

static void test_mode(void)
{
    const char *folder = new_folder("mode"), *path = join(folder, "file");
    mode_t      mask = umask(027);

    test_case("a new file has the mode that the umask wants");
    write_text(path, "x");
    CHECK_INT(permissions(path), 0640);
    umask(0);
    write_text(join(folder, "open"), "x");
    CHECK_INT(permissions(join(folder, "open")), 0666);

    test_case("a replaced file keeps its mode");
    umask(077);
    CHECK_INT(chmod(path, 0664), 0);
    write_text(path, "y");
    CHECK_INT(permissions(path), 0664);
    umask(0);
    CHECK_INT(chmod(path, 0600), 0);
    write_text(path, "z");
    CHECK_INT(permissions(path), 0600);
    umask(mask);
}

/* Sizes around the buffer's, appended in pieces, then rewritten in places flushed and not. */
static void test_content(void)
{
    enum { SIZE = (1 << 20) + 12345 };
    const char *path = test_scratch("content");
    char       *want = malloc(SIZE), *zeros = calloc(1, 300000);

    for (size_t i = 0; i < SIZE; i++) want[i] = (char)(i * 2654435761u >> 13);
    static const size_t pieces[] = {1000, 262143, 262144, 262145, SIZE};
    for (size_t p = 0; p < sizeof pieces / sizeof pieces[0]; p++) {
        nm_outfile out;
        test_case("appended in pieces of %zu, with zeros and rewrites", pieces[p]);
        CHECK_OK(nm_outfile_open(&out, path, (nm_watch){0}, &err), err);
        for (size_t i = 0; i < SIZE; i += pieces[p]) {
            size_t n = pieces[p] < SIZE - i ? pieces[p] : SIZE - i;
            CHECK_OK(nm_outfile_write(&out, want + i, n, &err), err);
            CHECK(out.at == i + n);
        }
        CHECK_OK(nm_outfile_rewrite(&out, 5, "first", 5, &err), err);
        CHECK_OK(nm_outfile_write(&out, zeros, 300000, &err), err);
        CHECK_OK(nm_outfile_rewrite(&out, SIZE + 299995, "zeros", 5, &err), err);
        CHECK_OK(nm_outfile_rewrite(&out, SIZE - 2, "both", 4, &err), err);
        CHECK_OK(nm_outfile_write(&out, "end", 3, &err), err);
        CHECK(out.at == SIZE + 300003);
        CHECK_OK(nm_outfile_commit(&out, &err), err);

        size_t size;
        char  *got = test_read_file(path, &size);
        CHECK_INT(size, SIZE + 300003);
        CHECK_MEM(got, want, 5, "beginning");
        CHECK_MEM(got + 5, "first", 5, "first rewrite");
        CHECK_MEM(got + 10, want + 10, SIZE - 12, "middle");
        CHECK_MEM(got + SIZE - 2, "both", 4, "last rewrite");
        CHECK_MEM(got + SIZE + 2, zeros, 299993, "zeros");
        CHECK_MEM(got + SIZE + 299995, "zerosend", 8, "end");
        free(got);
    }
    free(want);
    free(zeros);
}

static void test_rewrite_range(void)
{
    nm_outfile  out;
    const char *path = test_scratch("range");

    test_case("only what was appended can be rewritten");
    CHECK_OK(nm_outfile_open(&out, path, (nm_watch){0}, &err), err);
    CHECK_OK(nm_outfile_write(&out, "0123456789", 10, &err), err);
    CHECK_FAILS(nm_outfile_rewrite(&out, 8, "abc", 3, &err), err,
                at(path, "3 bytes to rewrite at 8, only 10 are written"));
    CHECK(!nm_outfile_rewrite(&out, UINT64_MAX, "abc", 3, &err));
    CHECK_OK(nm_outfile_rewrite(&out, 7, "abc", 3, &err), err);
    CHECK_OK(nm_outfile_commit(&out, &err), err);
    check_content(path, "0123456abc", 10);
}

/* A full disk, played by a limit on the size of files. */
static void test_full(void)
{
    const char   *folder = new_folder("full"), *path = join(folder, "file");
    char         *data = calloc(1, 1 << 20);
    struct rlimit before, limit;
    nm_outfile    out;

    write_text(path, "old");
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    CHECK_INT(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 600000;
    CHECK_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);

    test_case("no room while writing: the words, and nothing left behind");
    CHECK_OK(nm_outfile_open(&out, path, (nm_watch){0}, &err), err);
    CHECK_FAILS(nm_outfile_write(&out, data, 1 << 20, &err), err, at(path, "File too large"));
    nm_outfile_abort(&out);
    check_content(path, "old", 3);
    CHECK_INT(count_entries(folder), 1);

    test_case("no room while committing");
    CHECK_OK(nm_outfile_open(&out, path, (nm_watch){0}, &err), err);
    CHECK_OK(nm_outfile_write(&out, data, 700000, &err), err);
    CHECK_FAILS(nm_outfile_commit(&out, &err), err, at(path, "File too large"));
    CHECK(out.temporary == NULL);
    check_content(path, "old", 3);
    CHECK_INT(count_entries(folder), 1);

    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, handler);

    test_case("a name that has become a folder cannot be committed to");
    CHECK_INT(unlink(path), 0);
    CHECK_OK(nm_outfile_open(&out, path, (nm_watch){0}, &err), err);
    CHECK_INT(mkdir(path, 0755), 0);
    CHECK_FAILS(nm_outfile_commit(&out, &err), err, at(path, "Is a directory"));
    CHECK_INT(count_entries(folder), 1);
    free(data);
}

void test_file(void)
{
    test_open();
    test_read();
    test_map();
    test_commit();
    test_paths();
    test_refused();
    test_not_ours();
    test_through();
    test_mode();
    test_content();
    test_rewrite_range();
    test_full();
}
