/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "cli/help.h"
#include "cli/interrupt.h"
#include "cli/output.h"

#define NM_COMMAND(name) &nm_cmd_##name,
static const nm_command *const commands[] = {
#include "cli/commands.def"
};
#undef NM_COMMAND

enum { N_COMMANDS = sizeof commands / sizeof *commands };

static const nm_command *find(const char *name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0) return commands[i];
    return NULL;
}

static int unknown(const char *name)
{
    const char *nearest = NULL;
    size_t      least = 3;

    for (size_t i = 0; i < N_COMMANDS; i++) {
        size_t distance = nm_edit_distance(name, commands[i]->name);
        if (distance < least) {
            least = distance;
            nearest = commands[i]->name;
        }
    }
    if (nearest) return nm_misused(NULL, "no command '%.120s' (is it %s?)", name, nearest);
    return nm_misused(NULL, "no command '%.120s'", name);
}

/* "Usage: nomul convert DIR [options]" */
static void print_usage(const nm_command *command)
{
    nm_output_print("Usage: nomul %s", command->name);
    for (const nm_option *o = command->options; o->kind != NM_OPT_END; o++)
        if (o->kind == NM_OPT_ARG) nm_output_print(o->min < 1 ? " [%s]" : " %s", o->value);
    nm_output_print(" [options]\n\n");
}

static int help_command(const nm_command *command)
{
    print_usage(command);
    nm_help_prose(command->details);
    nm_output_print("\n");
    nm_help_options(command->options);
    return NM_EXIT_DONE;
}

static int help_all(void)
{
    nm_output_print("Usage: nomul COMMAND [options]\n\n"
                    "Runs MatMul-free language models.\n\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        nm_output_print("  %-10s %s\n", commands[i]->name, commands[i]->summary);
    nm_output_print("  %-10s %s\n\n", "help", "explain a command: nomul help COMMAND");
    nm_help_prose(
        "A command that is not told which model with -m takes $NOMUL_MODEL or, if that is not "
        "set, stories-49m.gguf in the program's folder, in ../models or in ../share/nomul beside "
        "it, the first that exists.\n\n"
        "stdout carries the result only, everything else goes to stderr. Exit code: 0 done, "
        "1 failed, 2 misused, 130 stopped by Ctrl-C. A closed pipe, as in | head, ends a command "
        "silently with 0.");
    return NM_EXIT_DONE;
}

int nm_command_help(const char *name)
{
    if (!name) return help_all();
    const nm_command *command = find(name);
    return command ? help_command(command) : unknown(name);
}

int nm_command_missing(void)
{
    fprintf(stderr, "nomul: a command is missing: ");
    for (size_t i = 0; i < N_COMMANDS; i++) fprintf(stderr, "%s, ", commands[i]->name);
    fprintf(stderr, "help; see nomul help\n");
    return NM_EXIT_MISUSED;
}

int nm_command_failed(const nomul_error *err)
{
    if (err && err->code == NOMUL_E_CANCELLED && nm_interrupted()) return nm_interrupt_exit_code();
    fprintf(stderr, "nomul: %s\n", err ? err->text : "out of memory");
    return NM_EXIT_FAILED;
}

int nm_command_run(const char *argv0, int argc, char **argv)
{
    _Alignas(max_align_t) unsigned char args[NM_COMMAND_ARGS] = {0};
    const nm_command                   *command = find(argv[0]);
    int                                 code = NM_EXIT_MISUSED;

    if (!command) return unknown(argv[0]);
    assert(command->n_args <= sizeof args);
    switch (nm_options_parse(command->name, command->options, args, argc - 1, argv + 1)) {
    case NM_PARSE_OK: code = command->run(args, argv0); break;
    case NM_PARSE_HELP: code = help_command(command); break;
    case NM_PARSE_WRONG: break;
    }
    nm_options_free(command->options, args);
    return code;
}
