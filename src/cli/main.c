/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul COMMAND [options]: finds the command, parses its options and runs it.  The program uses the
 * library through include/nomul.h only, as any other program would.  All help is made here from the
 * tables of the commands, and so are the manual page and the shells' completions (help --tables).
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "base/os.h"
#include "cli/commands.h"

#define NM_COMMAND(name) &nm_cmd_##name,
static const nm_command *const commands[] = {
#include "cli/commands.def"
};
#undef NM_COMMAND

enum { N_COMMANDS = sizeof commands / sizeof *commands };

static bool asks_for_help(const char *word)
{
    return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* NULL if there is none of this name: a line has said so then, and what was meant if it can. */
static const nm_command *find(const char *word)
{
    const char *hint = nm_hint(word), *nearest = NULL, *end = strrchr(word, '.');
    size_t      least = 3; /* at most two letters apart */
    char        is_it[24];

    for (size_t i = 0; i < N_COMMANDS; i++) {
        size_t distance = nm_options_distance(word, commands[i]->name);
        if (distance == 0) return commands[i];
        if (distance < least) least = distance, nearest = commands[i]->name;
    }
    if (!hint && nearest)
        snprintf(is_it, sizeof is_it, "is it %s?", nearest), hint = is_it;
    else if (!hint && end && strcmp(end, ".gguf") == 0)
        hint = "a model: nomul run -m FILE";
    else if (!hint && strspn(word, "abcdefghijklmnopqrstuvwxyz-_0123456789") < strlen(word))
        hint = "a prompt: nomul run -p TEXT";
    if (hint)
        nm_output_misused("no command '%.120s' (%s)", word, hint);
    else
        nm_output_misused("no command '%.120s'", word);
    return NULL;
}

/* ---- Help ------------------------------------------------------------------------------------ */

/* How it is called, its prose, its table of options. */
static int help_command(const nm_command *command)
{
    nm_output_print("Usage: nomul %s", command->name); /* "Usage: nomul convert DIR [options]" */
    for (const nm_option *o = command->options; o->kind != NM_OPT_END; o++)
        if (o->kind == NM_OPT_ARG) nm_output_print(o->min < 1 ? " [%s]" : " %s", o->value);
    nm_output_print(" [options]\n\n");
    nm_options_prose(command->details, 0);
    nm_output_print("\n");
    nm_options_help(command->options);
    return NM_EXIT_DONE;
}

/*
 * nomul help TOPIC: a command; "help", the list of all; or "--tables", which is not in the help:
 * all commands and their options, for tools/man.awk and tools/complete.awk.
 */
static int help(const char *topic)
{
    if (strcmp(topic, "--tables") == 0) {
        for (size_t i = 0; i < N_COMMANDS; i++) {
            nm_output_print("command\t%s\t%s\t", commands[i]->name, commands[i]->summary);
            for (const char *c = commands[i]->details; *c; c++)
                nm_output_print(*c == '\n' ? "\\n" : "%c", *c);
            nm_output_print("\n");
            nm_options_table(commands[i]->options);
        }
        return NM_EXIT_DONE;
    }
    if (!asks_for_help(topic)) {
        const nm_command *command = find(topic);
        return command ? help_command(command) : NM_EXIT_MISUSED;
    }
    nm_output_print("Usage: nomul COMMAND [options]\n\n"
                    "Runs MatMul-free language models.\n\n");
    for (size_t i = 0; i < N_COMMANDS; i++)
        nm_output_print("  %-10s %s\n", commands[i]->name, commands[i]->summary);
    nm_output_print("  %-10s %s\n\n", "help", "explain a command: nomul help COMMAND");
    nm_options_prose(
        "The model is the file that -m names, else $NOMUL_MODEL, else the first stories-77m.gguf "
        "found in the program's folder, in ../models and in ../share/nomul beside it.\n\n"
        "Results go to stdout, everything else to stderr. Exit code: 0 success, 1 failure, 2 wrong "
        "usage, 3 a batch with invalid lines, 130 stopped by Ctrl-C. A closed pipe, as in "
        "| head, ends a command silently with "
        "0.",
        0);
    return NM_EXIT_DONE;
}

/* ---- Running --------------------------------------------------------------------------------- */

/* Finds and runs the command, or answers what is none; returns the exit code. */
static int dispatch(int argc, char **argv)
{
    _Alignas(max_align_t) unsigned char args[NM_COMMAND_ARGS] = {0};
    const char                         *word = argc > 1 ? argv[1] : "";
    nomul_error                         err;

    if (argc < 2) {
        fprintf(stderr, "nomul: a command is missing: ");
        for (size_t i = 0; i < N_COMMANDS; i++) fprintf(stderr, "%s, ", commands[i]->name);
        fprintf(stderr, "help; see nomul help\n");
        return NM_EXIT_MISUSED;
    }
    if (strcmp(word, "--version") == 0) {
        nm_output_print("nomul %s\n", nomul_version());
        return NM_EXIT_DONE;
    }
    if (asks_for_help(word))
        return argc > 3 ? nm_output_misused("help explains one command")
                        : help(argc > 2 ? argv[2] : "help");
    if (word[0] == '-') { /* nomul -p TEXT is nomul run -p TEXT */
        word = "run";
        argc++, argv--;
    }

    const nm_command *command = find(word);
    if (!command) return NM_EXIT_MISUSED;
    assert(command->n_args <= sizeof args);
    nm_output_command(command->name);
    int code = nm_options_parse(command->options, args, argc - 2, argv + 2);
    if (code == NM_OPTIONS_HELP)
        code = help_command(command);
    else if (code == NM_EXIT_DONE &&
             !nm_open_check_outputs(&(nm_inputs){command->options, args}, &err))
        code = nm_output_failed(&err);
    else if (code == NM_EXIT_DONE)
        code = command->run(args);
    nm_options_free(command->options, args);
    return code;
}

int main(int argc, char **argv)
{
    nm_os_begin(&argc, &argv);
    nm_open_init(argv[0]);
    return nm_output_end(dispatch(argc, argv));
}
