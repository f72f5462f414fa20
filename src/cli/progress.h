/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How far work is that takes more than a second: a line on stderr, if that is a terminal, with a
 * bar, what is done and the time that is left.  Whatever else writes to the terminal erases it
 * first.
 *
 *   [##########          ]  50%  12.3 MB of 24.6 MB, 1:05 left
 */
#ifndef NM_PROGRESS_H
#define NM_PROGRESS_H

#include "nomul.h"

/* Begins as zeros and what is the caller's. */
typedef struct nm_progress_bar {
    const char *unit;  /* the caller's: what is counted, in the singular; NULL: bytes */
    bool        quiet; /* the caller's: show nothing */
    double      began; /* by the caller's nm_clock(), or at the first call */
    double      drawn; /* when; 0: the line is not on the screen */
} nm_progress_bar;

/*
 * A nomul_progress with the bar as its context; total 0: not known.  False once a signal asked to
 * stop.
 */
bool nm_progress_show(void *bar, uint64_t done, uint64_t total);
void nm_progress_erase(nm_progress_bar *bar);

/* The line itself, after so many seconds; at most 79 columns of it are shown. */
#define NM_PROGRESS_LINE 320
void nm_progress_line(const nm_progress_bar *bar, uint64_t done, uint64_t total, double seconds,
                      char line[NM_PROGRESS_LINE]);

/* A nomul_warning with the bar as its context: a line of its own. */
void nm_progress_warn(void *bar, const char *text);

/*
 * For commands that write a file: erases the bar, prints a last line with the size of the file and
 * the time (not if quiet), or the error; gives the exit code.  status and err are what the
 * library's call returned.
 */
int nm_progress_end(nm_progress_bar *bar, nomul_status status, const nomul_error *err,
                    const char *output);

#endif
