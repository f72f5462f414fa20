/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signal handlers have no context, so what they need is static: `taken` is set when the rest is
 * complete, and cleared last.
 */
#include "cli/keys.h"

#include <signal.h>

#include "base/os.h"

static nm_os_keys keys;
static const char *volatile mode_on, *volatile mode_off;
static volatile sig_atomic_t taken, resumed;

static void give_back(void)
{
    if (taken && nm_os_keys_set(&keys, false)) nm_os_say(mode_off);
}

static void on_leave(int signal)
{
    give_back();
    nm_os_leave(signal);
}

/* Also after SIGSTOP, and when the program comes back from the background. */
static void on_back(int signal)
{
    (void)signal;
    if (!taken || !nm_os_keys_set(&keys, true)) return;
    nm_os_say(mode_on);
    resumed = 1;
}

bool nm_keys_begin(const char *on, const char *off)
{
    if (nm_os_keys_save(&keys) != 0) return false;
    nm_os_on_leave(on_leave, on_back);
    mode_on = on, mode_off = off;
    resumed = 0, taken = 1;
    if (nm_os_keys_set(&keys, true)) nm_os_say(on);
    return true;
}

void nm_keys_end(void)
{
    give_back();
    taken = 0;
}

bool nm_keys_resumed(void)
{
    bool was = resumed;

    resumed = 0;
    return was;
}
