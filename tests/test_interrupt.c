/* SPDX-License-Identifier: Apache-2.0 */
/* Which signal counts, and that it sets the cancel flag. */
#include "test.h"

#include "cli/interrupt.h"

#include <signal.h>

static void test_signals(void)
{
    static const int which[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction before[3];

    for (int i = 0; i < 3; i++) sigaction(which[i], NULL, &before[i]);
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
    for (int i = 0; i < 3; i++) sigaction(which[i], &before[i], NULL);
}

void test_interrupt(void)
{
    test_signals();
}
