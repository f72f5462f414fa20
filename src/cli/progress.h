/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the commands that write a model file show on stderr: a bar while the file grows, if stderr
 * is a terminal, and a line with its size and the time when it is complete.
 */
#ifndef NM_PROGRESS_H
#define NM_PROGRESS_H

#include "nomul.h"

/* The caller sets quiet, and began to nm_clock(); the rest begins as zeros. */
typedef struct nm_progress_bar {
    bool     quiet; /* neither bar nor last line; errors are printed all the same */
    unsigned drawn; /* per mille on the screen + 1; 0: nothing yet */
    double   began;
} nm_progress_bar;

/* A nomul_progress with the bar as its context; false once a signal asked to stop. */
bool nm_progress_show(void *bar, uint64_t done, uint64_t total);

/*
 * Erases the bar, prints the last line or the error, gives the exit code.  status and err are what
 * the library's call returned; output is the file's name, whose size is read from the file system.
 */
int nm_progress_end(const nm_progress_bar *bar, nomul_status status, const nomul_error *err,
                    const char *output);

#endif
