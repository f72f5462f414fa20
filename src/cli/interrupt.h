/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signals, and what they must not leave behind, a terminal by keys or half a file: the program's
 * business, never the library's.  A handler sets the nomul_cancel that models are opened with; the
 * library sees it in the midst of long calls, commands between their steps.  Both then end as after
 * any other error, with all files closed and freed.
 */
#ifndef NM_INTERRUPT_H
#define NM_INTERRUPT_H

#include <stdbool.h>

#include "nomul.h"

/*
 * From now on SIGINT, SIGTERM, SIGQUIT and SIGHUP only ask to stop; another one 2 seconds later or
 * more, when nothing has listened, ends the program on the spot.  A command that has called this
 * looks at nm_interrupted often.
 */
void nm_interrupt_catch(void);

/* The same, but a second one is no other: the command has something to put in order. */
void nm_interrupt_catch_patiently(void);

/* Requested by those signals; for the options of models, sessions and texts.  Never NULL. */
const nomul_cancel *nm_interrupt_cancel(void);

/* The signal that asked to stop, or 0. */
int  nm_interrupted(void);
bool nm_interrupted_by_ctrl_c(void);

/* Forgets it, and the request to cancel: it was for something that is over. */
void nm_interrupt_clear(void);

/* 128 + the signal, as shells have it. */
int nm_interrupt_exit_code(void);

/*
 * When a mapped file can no longer be read, as it shrank: say so in one line that names it, and
 * exit 1.
 */
void nm_interrupt_guard(const char *path);

/* A nomul_temporary without a context: the file to remove on these sudden ways out. */
void nm_interrupt_doom(void *context, const char *path);

/* ---- Keys ------------------------------------------------------------------------------------ */

/*
 * The terminal of stdin by keys, for as long as a line is typed, and given back whatever happens:
 * at nm_keys_end, while the program is stopped (Ctrl-Z), and when a signal kills it.
 *
 * Begins; false if stdin is no terminal, or one without such a mode.  `on` is written to stderr
 * whenever the mode begins, `off` when it ends; both are kept.
 */
bool nm_keys_begin(const char *on, const char *off);

/* Ends, if it has begun; for signal handlers, too. */
void nm_keys_end(void);

/* Was it interrupted since the last call?  Then the cursor may be anywhere. */
bool nm_keys_resumed(void);

#endif
