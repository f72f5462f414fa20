/* SPDX-License-Identifier: Apache-2.0 */
/* A table of options as words: --help in 80 columns, and the range in an error. */
#ifndef NM_HELP_H
#define NM_HELP_H

#include "cli/options.h"

/* "0 to 1", "0 and more". */
void nm_help_range(const nm_option *option, char *out, size_t size);

/* The whole table, or prose in which '\n' ends a line, on stdout. */
void nm_help_options(const nm_option *options);
void nm_help_prose(const char *text);

#endif
