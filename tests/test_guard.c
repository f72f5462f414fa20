/* SPDX-License-Identifier: Apache-2.0 */
/* Does the guard bite?  Each touch happens in a child, whose death is the proof. */
#include "test.h"

#include "guard.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* Sanitizers catch the fault and exit in their own way: what counts is that the child dies. */
static bool dies(volatile char *at, bool write)
{
    int   status = 0;
    pid_t child;

    fflush(stdout);
    child = fork();
    if (child == 0) {
        signal(SIGSEGV, SIG_DFL);
        signal(SIGBUS, SIG_DFL);
        if (write)
            *at = 1;
        else
            (void)*at;
        _exit(0);
    }
    CHECK(child > 0 && waitpid(child, &status, 0) == child);
    return !(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

void test_guard(void)
{
    static const size_t sizes[] = {0, 1, 3, 64, 4095, 4096, 4097, 20000};

    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        size_t n = sizes[i];
        test_case("the byte behind %zu bytes faults", n);
        char *block = guard_take(n);
        CHECK(dies(block + n, false));
        CHECK(dies(block + n, true));
        memset(block, 1, n);
        if (n) CHECK(!dies(block, false) && !dies(block + n - 1, true));
        guard_drop(block);

        test_case("the byte before %zu bytes faults", n);
        block = guard_take_front(n);
        CHECK(dies(block - 1, false));
        CHECK(dies(block - 1, true));
        memset(block, 1, n);
        if (n) CHECK(!dies(block, false) && !dies(block + n - 1, true));
        guard_drop(block);
    }

    test_case("a locked block can be read, not written");
    char *block = guard_take(5000);
    guard_lock(block);
    CHECK(!dies(block, false) && dies(block, true) && dies(block + 4999, true));
    guard_drop(block);
    guard_drop(NULL);
}
