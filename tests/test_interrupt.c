/* SPDX-License-Identifier: Apache-2.0 */
/* Which signal counts, and how much is taken between two looks at it. */
#include "test.h"

#include "cli/interrupt.h"

#include <signal.h>

static void test_pace(void)
{
    test_case("a step that was slow is halved, and grows again to what it was");
    CHECK_INT(nm_interrupt_pace(384, 384, 1.5, 384), 192);
    CHECK_INT(nm_interrupt_pace(384, 100, 1.5, 384), 50);
    CHECK_INT(nm_interrupt_pace(1, 1, 100, 384), 1);
    CHECK_INT(nm_interrupt_pace(1, 1, 0.1, 384), 2);
    CHECK_INT(nm_interrupt_pace(150, 150, 0.1, 384), 300);
    CHECK_INT(nm_interrupt_pace(300, 300, 0.1, 384), 384);
    CHECK_INT(nm_interrupt_pace(384, 384, 0.1, 384), 384);
    test_case("neither slow nor quick, or quick for having been short: it stays");
    CHECK_INT(nm_interrupt_pace(48, 48, 0.5, 384), 48);
    CHECK_INT(nm_interrupt_pace(48, 7, 0.1, 384), 48);
}

static void test_signals(void)
{
    static const int which[] = {SIGINT, SIGTERM, SIGHUP};
    struct sigaction before[3];

    for (int i = 0; i < 3; i++) sigaction(which[i], NULL, &before[i]);
    nm_interrupt_catch();
    test_case("a Ctrl-C gives way to SIGTERM, but not the other way round");
    CHECK_INT(nm_interrupted(), 0);
    raise(SIGINT);
    CHECK_INT(nm_interrupted(), SIGINT);
    raise(SIGTERM);
    raise(SIGINT);
    CHECK_INT(nm_interrupted(), SIGTERM);
    CHECK_INT(nm_interrupt_exit_code(), 128 + SIGTERM);
    nm_interrupt_clear();
    CHECK_INT(nm_interrupted(), 0);
    for (int i = 0; i < 3; i++) sigaction(which[i], &before[i], NULL);
}

void test_interrupt(void)
{
    test_pace();
    test_signals();
}
