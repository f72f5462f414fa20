/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a command is, and what nearly every command uses: options, the model, output, signals and
 * numbers.  A new command is a file cmd_NAME.c, which defines nm_cmd_NAME, and a row in
 * commands.def; main.c finds it, parses its options, explains it and runs it.
 *
 *   argv ─ main.c ─> nm_command ─ options.h ─> its arguments, a struct
 *            │                                    │ run: 1. check what needs no file
 *            │                                    │      2. open.h: model, session; other input
 *            │                                    │      3. the work; results through output.h
 *            └─ exit code <─ nm_output_end <──────┘      4. close all, in one place
 */
#ifndef NM_COMMANDS_H
#define NM_COMMANDS_H

#include "cli/open.h"
#include "nomul.h"

typedef struct nm_command {
    const char      *name;
    const char      *summary; /* one line for nomul help */
    const char      *details; /* prose for nomul help NAME */
    const nm_option *options;
    size_t           n_args; /* bytes that the options fill, at most NM_COMMAND_ARGS */

    /*
     * Gets the parsed options, a struct of n_args bytes, and checks them before it opens a file.
     * Returns the exit code, after it has reported what failed.
     */
    int (*run)(const void *args);
} nm_command;

#define NM_COMMAND_ARGS 512

#define NM_COMMAND(name) extern const nm_command nm_cmd_##name;
#include "cli/commands.def"
#undef NM_COMMAND

#endif
