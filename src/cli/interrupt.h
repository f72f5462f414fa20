/* SPDX-License-Identifier: Apache-2.0 */
/* Signals: handled by the program, never by the library. */
#ifndef NM_INTERRUPT_H
#define NM_INTERRUPT_H

#include <stddef.h>

/* At the start: a closed pipe and a file that grows too large become errors of write. */
void nm_interrupt_init(void);

/*
 * From now on SIGINT, SIGTERM and SIGHUP only ask to stop.  Another one at least 2 seconds later
 * ends the program at once, in case nothing noticed the first.  A command that has called this
 * checks nm_interrupted often.
 */
void nm_interrupt_catch(void);

/* The same, but no further signal ends the program: the command has something to clean up. */
void nm_interrupt_catch_patiently(void);

/* The signal that asked to stop, or 0. */
int nm_interrupted(void);

/* Forgets it: what it should stop is over. */
void nm_interrupt_clear(void);

/* 128 + the signal, as in shells. */
int nm_interrupt_exit_code(void);

/*
 * How many tokens to process before the next check, at most `most`, if it was `step` now and
 * n_taken of them took this long: fewer if Ctrl-C would have waited more than a second, more again
 * if it was quick (the slow time may have been that of a stopped process).
 */
size_t nm_interrupt_pace(size_t step, size_t n_taken, double seconds, size_t most);

/*
 * If a mapped file shrinks, its last pages are gone and reading them raises SIGBUS: prints one line
 * that names the file, and exits with 1.  The path must live as long as the program.
 */
void nm_interrupt_guard(const char *path);

/* A temporary file to remove before such a sudden exit, by a copy of its path; NULL: none. */
void nm_interrupt_doom(const char *path);

#endif
