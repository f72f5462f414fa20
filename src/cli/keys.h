/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The terminal of stdin by keys, for as long as a line is typed, and given back whatever happens:
 * at nm_keys_end, while the program is stopped (Ctrl-Z), and when a signal kills it.
 */
#ifndef NM_KEYS_H
#define NM_KEYS_H

#include <stdbool.h>

/*
 * Begins; false if stdin is no terminal, or one without such a mode.  `on` is written to stderr
 * whenever the mode begins, `off` when it ends; both are kept.
 */
bool nm_keys_begin(const char *on, const char *off);

/* Ends, if it has begun; for signal handlers, too. */
void nm_keys_end(void);

/* Was it interrupted since the last call?  Then the cursor may be anywhere. */
bool nm_keys_resumed(void);

#endif
