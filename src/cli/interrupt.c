/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handlers do as little as possible: on_stop sets a flag that the commands poll between steps of
 * work.  The two that end the program call only async-signal-safe functions: write, unlink,
 * _exit.
 */
#include "cli/interrupt.h"

#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static volatile sig_atomic_t caught, patient;
static nomul_cancel          cancel;
static struct timespec       caught_at;
static const char *volatile guarded;
static atomic_bool is_doomed;
static char        doomed[4096]; /* a copy: the owner's may be freed just as a signal comes */

/*
 * A signal that reaches the program twice at once, as from timeout(1), is one request: only a
 * second one 2 seconds later is impatience.
 */
static void on_stop(int signal)
{
    struct timespec now = {0, 0};

    clock_gettime(CLOCK_MONOTONIC, &now);
    if (!caught) {
        caught_at = now;
    } else if (!patient && now.tv_sec - caught_at.tv_sec >= 2) {
        if (is_doomed) unlink(doomed);
        _exit(128 + signal);
    }
    nomul_cancel_request(&cancel);
    if (!caught || caught == SIGINT) caught = signal; /* a Ctrl-C does not replace another signal */
}

/* While one of them runs, no other does. */
static void set_handler(int signal, void (*handler)(int), int flags)
{
    struct sigaction action;

    memset(&action, 0, sizeof action);
    action.sa_handler = handler;
    action.sa_flags = flags;
    sigfillset(&action.sa_mask);
    sigaction(signal, &action, NULL);
}

void nm_interrupt_init(void)
{
    set_handler(SIGPIPE, SIG_IGN, 0);
#ifdef SIGXFSZ
    set_handler(SIGXFSZ, SIG_IGN, 0);
#endif
}

void nm_interrupt_catch(void)
{
    struct sigaction hangup;

    set_handler(SIGINT, on_stop, SA_RESTART);
    set_handler(SIGTERM, on_stop, SA_RESTART);
    sigaction(SIGHUP, NULL, &hangup); /* ignored by nohup: let it be */
    if (hangup.sa_handler != SIG_IGN) set_handler(SIGHUP, on_stop, SA_RESTART);
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

int nm_interrupt_exit_code(void)
{
    return 128 + (int)caught;
}

/* Only what a handler may do: write, unlink, _exit. */
static void say(const char *text)
{
    size_t n = 0;

    while (text[n] != '\0') n++;
    ssize_t written = write(STDERR_FILENO, text, n);
    (void)written;
}

static void on_bus_error(int signal)
{
    (void)signal;
    if (is_doomed) unlink(doomed);
    say("nomul: ");
    say(guarded);
    say(": the file shrank, or can't be read, while in use\n");
    _exit(1);
}

void nm_interrupt_guard(const char *path)
{
    guarded = path;
    set_handler(SIGBUS, on_bus_error, 0);
}

void nm_interrupt_doom(const char *path)
{
    is_doomed = false;
    if (!path || strlen(path) >= sizeof doomed) return;
    strcpy(doomed, path);
    is_doomed = true;
}
