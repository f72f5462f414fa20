/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handlers do as little as possible: on_stop sets a flag that the commands poll between steps of
 * work.  The two that end the program call only what base/os.h allows in handlers.
 *
 * All state is in variables of this file, since a handler gets no context.  Flags are sig_atomic_t
 * or atomic, caught_at is the handler's alone, and a name is complete before a handler may use it.
 */
#include "cli/interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/os.h"
#include "base/visible.h"

static volatile sig_atomic_t caught, patient;
static nomul_cancel          cancel;
static volatile uint64_t     caught_at; /* the first signal, in nanoseconds */
static char                  guarded[NM_VISIBLE_BYTES * NM_OS_PATH]; /* the mapped file */
static atomic_bool           is_doomed;
static char doomed[NM_OS_PATH]; /* a copy: the owner's may be freed just as a signal comes */

/* A way out of the handlers. */
static _Noreturn void leave_now(int code)
{
    if (is_doomed) nm_os_remove(doomed);
    nm_keys_end();
    nm_os_exit_now(code);
}

static void on_stop(int signal)
{
    uint64_t now = nm_os_nanoseconds();

    /* What reaches one of our threads twice at once, as from timeout(1), is one wish. */
    if (!caught)
        caught_at = now;
    else if (!patient && now - caught_at >= 2000000000u)
        leave_now(128 + signal);
    nomul_cancel_request(&cancel);
    if (!caught || caught == SIGINT) caught = signal; /* a Ctrl-C is not in place of another */
}

void nm_interrupt_catch(void)
{
    nm_os_on_stop(on_stop);
}

void nm_interrupt_catch_patiently(void)
{
    patient = 1;
    nm_interrupt_catch();
}

int nm_interrupted(void)
{
    return (int)caught;
}

void nm_interrupt_clear(void)
{
    caught = 0;
    nomul_cancel_clear(&cancel);
}

const nomul_cancel *nm_interrupt_cancel(void)
{
    return &cancel;
}

bool nm_interrupted_by_ctrl_c(void)
{
    return caught == SIGINT;
}

int nm_interrupt_exit_code(void)
{
    return 128 + (int)caught;
}

/* The system raises SIGBUS where a page of a mapped file is not there any more. */
static void on_lost_file(int signal)
{
    (void)signal;
    nm_os_say("nomul: ");
    nm_os_say(guarded);
    nm_os_say(": the file shrank, or can't be read, while in use\n");
    leave_now(1);
}

void nm_interrupt_guard(const char *path)
{
    nm_visible(guarded, sizeof guarded, path, strlen(path), false);
    nm_os_on_lost_file(on_lost_file);
}

void nm_interrupt_doom(void *context, const char *path)
{
    (void)context;
    is_doomed = false; /* while the name changes no handler may use it */
    if (!path || strlen(path) >= sizeof doomed) return;
    strcpy(doomed, path);
    is_doomed = true;
}

/* ---- Keys ------------------------------------------------------------------------------------ */

/* `taken` is set when the rest is complete, and cleared last. */
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
