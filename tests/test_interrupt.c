/* SPDX-License-Identifier: Apache-2.0 */
/* Which signal counts, and that it sets the cancel flag. */
#include "test.h"

#include "base/file.h"
#include "cli/interrupt.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void test_signals(void)
{
    static const int which[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction before[4];

    for (int i = 0; i < 4; i++) sigaction(which[i], NULL, &before[i]);
    nm_interrupt_catch();
    test_case("a Ctrl-C gives way to SIGTERM, but not the other way round");
    CHECK_INT(nm_interrupted(), 0);
    CHECK(!nomul_cancel_requested(nm_interrupt_cancel()));
    raise(SIGINT);
    CHECK_INT(nm_interrupted(), SIGINT);
    CHECK(nomul_cancel_requested(nm_interrupt_cancel()));
    raise(SIGTERM);
    raise(SIGINT);
    CHECK_INT(nm_interrupted(), SIGTERM);
    CHECK_INT(nm_interrupt_exit_code(), 128 + SIGTERM);
    nm_interrupt_clear();
    CHECK_INT(nm_interrupted(), 0);
    CHECK(!nomul_cancel_requested(nm_interrupt_cancel()));
    test_case("SIGQUIT asks to stop, too");
    raise(SIGQUIT);
    CHECK_INT(nm_interrupt_exit_code(), 128 + SIGQUIT);
    CHECK(nomul_cancel_requested(nm_interrupt_cancel()));
    nm_interrupt_clear();
    for (int i = 0; i < 4; i++) sigaction(which[i], &before[i], NULL);
}

/* The child loses a mapped file, or is told to end twice, in the middle of writing another one. */
static void test_doomed(int signal)
{
    const char *path = test_scratch("doomed"), *heard = test_scratch("doomed.heard");
    int         status = 0;

    test_case("signal %d: no temporary file is left", signal);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        nm_outfile  out;
        nomul_error err;
        if (!freopen(heard, "w", stderr)) _exit(1);
        nm_interrupt_guard("a\nmodel");
        bool ok = nm_outfile_open(&out, path, (nm_watch){nm_interrupt_doom, NULL}, &err) &&
                  nm_outfile_write(&out, "x", 1, &err) && nm_file_exists(out.temporary);
        if (ok) raise(signal);
        _exit(99);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 1);
    CHECK(!nm_file_exists(path));
    DIR *folder = opendir(test_scratch(""));
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        CHECK_THAT(strncmp(entry->d_name, ".doomed", 7) != 0, "%s is left", entry->d_name);
    if (folder) closedir(folder);
    char *said = test_read_file(heard, &(size_t){0});
    CHECK_STR(said, "nomul: a\\nmodel: the file shrank, or can't be read, while in use\n");
    free(said);
}

void test_interrupt(void)
{
    test_signals();
    test_doomed(SIGBUS);
}
