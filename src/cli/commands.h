/* SPDX-License-Identifier: Apache-2.0 */
/* The commands and how one is called.  A new one is a file cmd_NAME.c and a row in commands.def. */
#ifndef NM_COMMANDS_H
#define NM_COMMANDS_H

#include "cli/options.h"
#include "nomul.h"

typedef enum nm_exit { NM_EXIT_DONE = 0, NM_EXIT_FAILED = 1, NM_EXIT_MISUSED = 2 } nm_exit;

typedef struct nm_command {
    const char      *name;
    const char      *summary; /* one line for nomul help */
    const char      *details; /* prose for nomul help NAME */
    const nm_option *options;
    size_t           n_args; /* bytes that the options fill, at most NM_COMMAND_ARGS */
    /* The options are parsed; what is wrong with them together is said before a file is opened. */
    int (*run)(const void *args, const char *argv0);
} nm_command;

#define NM_COMMAND_ARGS 512

#define NM_COMMAND(name) extern const nm_command nm_cmd_##name;
#include "cli/commands.def"
#undef NM_COMMAND

/* Parses, runs, gives the exit code.  argv[0] is the command's name. */
int nm_command_run(const char *argv0, int argc, char **argv);

/* Says the error on stderr (NULL: out of memory) and gives the exit code for it. */
int nm_command_failed(const nomul_error *err);

/* "nomul help": of everything (NULL), or of one command. */
int nm_command_help(const char *name);

/* "nomul" alone. */
int nm_command_missing(void);

#endif
