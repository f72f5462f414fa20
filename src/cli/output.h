/* SPDX-License-Identifier: Apache-2.0 */
/* stdout carries the result only.  Its first failure is remembered here; it has one of these. */
#ifndef NM_OUTPUT_H
#define NM_OUTPUT_H

#include <stdbool.h>
#include <stddef.h>

void nm_output_write(const void *data, size_t n_bytes);
void nm_output_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Everything written so far is out; false as soon as anything failed. */
bool nm_output_flush(void);

/*
 * Flushes and gives the exit code: `code` if all went well or if the reader closed the pipe, as
 * `| head` does; 1 with one line on stderr for any other failure.
 */
int nm_output_end(int code);

#endif
