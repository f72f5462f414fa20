/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals.  They belong to the program: the library only polls a nomul_cancel, which a handler here
 * sets.  SIGINT, SIGTERM and SIGHUP ask a command to stop; SIGBUS tells that a mapped file shrank;
 * SIGPIPE and SIGXFSZ become errors of write.
 */
#ifndef NM_INTERRUPT_H
#define NM_INTERRUPT_H

#include "nomul.h"

/* At the start: a closed pipe or a file that grew too large becomes an error of write. */
void nm_interrupt_init(void);

/*
 * From now on SIGINT, SIGTERM and SIGHUP only ask to stop; another one 2 seconds later or more,
 * when nothing has listened, ends the program on the spot.  A command that has called this looks
 * at nm_interrupted often.
 */
void nm_interrupt_catch(void);

/* The same, but a second one does not end the program: the command removes a file first. */
void nm_interrupt_catch_patiently(void);

/* Requested by those signals; for the options of models, sessions and texts. */
const nomul_cancel *nm_interrupt_cancel(void);

/* The signal that asked to stop, or 0. */
int nm_interrupted(void);

/* Forgets the signal: what it was to stop has ended. */
void nm_interrupt_clear(void);

/* 128 + the signal, as shells have it. */
int nm_interrupt_exit_code(void);

/*
 * A mapped file that shrinks is answered with SIGBUS: say so in one line that names it, and exit 1.
 * The name must live as long as the program.
 */
void nm_interrupt_guard(const char *path);

/* A file to remove on these sudden ways out, by a copy of its path; NULL when there is none. */
void nm_interrupt_doom(const char *path);

#endif
