/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul-train: the commands, help, and Ctrl-C.  The options are train_options.def's, what a command
 * opens is setup.c's, the loop is trainer.c's.  Exit codes are nomul's: 0, 1 after a failure, 2 for
 * wrong usage, 130 after Ctrl-C.
 */
#include "train/trainer.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/os.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static nomul_cancel cancel;

/* The first signal ends the training after the step, with a checkpoint; the second at once. */
static void on_stop(int signal)
{
    if (nomul_cancel_requested(&cancel)) nm_os_exit_now(128 + signal);
    nomul_cancel_request(&cancel);
}

static int help(void)
{
    printf(
        "nomul-train %s: trains models for nomul\n\n"
        "  nomul-train new --shape L,D,FFN --tokenizer DIR --data FILE [--valid FILE] -o DIR\n"
        "  nomul-train tune -m FILE|DIR --data FILE [--valid FILE] -o DIR\n"
        "  nomul-train resume DIR\n"
        "  nomul-train bench [--shape L,D,FFN[,VOCAB]]\n\n"
        "new trains a model from random weights, tune starts from one, resume continues a\n"
        "training that was stopped, with the same bits.  Ctrl-C saves and exits.\n"
        "With mpirun, in a build with MPI=1, several processes share the streams of a step.\n"
        "Text is UTF-8.  A line <|doc|>, the first and the last too, separates documents; empty\n"
        "documents are dropped, and so is a newline at the end of the text.  DIR becomes a\n"
        "Hugging Face folder, with the model for nomul as model.gguf.\n\n",
        NOMUL_VERSION);
    nm_train_options_help();
    return fflush(stdout) != 0 || ferror(stdout);
}

typedef bool setup_function(nm_trainer *t, const nm_train_options *o, nomul_error *err);
typedef bool run_function(nm_trainer *t, nomul_error *err);

/* resume reads options from its folder, so it parses them itself. */
static const struct command {
    const char     *name;
    setup_function *setup; /* NULL: nm_setup_resume */
    run_function   *run;
    uint64_t        max_iters; /* default; 0: that of the table */
} commands[] = {{"new", nm_setup_new, nm_trainer_run, 0},
                {"tune", nm_setup_tune, nm_trainer_run, 0},
                {"resume", NULL, nm_trainer_run, 0},
                {"bench", nm_setup_bench, nm_bench_run, 3}};

/* Parses the options of a command and opens its training. */
static bool setup(nm_trainer *t, const struct command *command, int argc, char **argv,
                  nomul_error *err)
{
    nm_train_options options;
    bool             wants_help;

    if (!command->setup) return nm_setup_resume(t, argc, argv, err);
    nm_train_options_init(&options);
    if (command->max_iters) options.max_iters = command->max_iters;
    if (!nm_train_options_parse(&options, argc, argv, false, &wants_help, err)) return false;
    if (options.operand)
        return nm_fail(err, NOMUL_E_ARG, "%.100s: not expected; text is --data FILE",
                       options.operand);
    return command->setup(t, &options, err);
}

int main(int argc, char **argv)
{
    static nm_trainer trainer; /* larger than a stack wants to be */
    nm_ranks         *ranks = &trainer.ranks;
    nomul_error       err = {.code = NOMUL_OK};

    nm_os_begin(&argc, &argv);
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return help();
    if (argc < 2) return help(), 2;
    if (strcmp(argv[1], "--version") == 0) {
        printf("nomul-train %s\n", NOMUL_VERSION);
        return fflush(stdout) != 0 || ferror(stdout);
    }
    trainer.cancel = &cancel;
    nm_os_on_stop(on_stop);
    const struct command *command = commands, *end = commands + sizeof commands / sizeof *commands;
    while (command < end && strcmp(command->name, argv[1]) != 0) command++;
    bool ok = nm_ranks_open(ranks, &err);
    if (ok && command == end)
        ok = nm_fail(&err, NOMUL_E_ARG, "no command '%.100s': new, tune, resume or bench", argv[1]);
    ok = ok && setup(&trainer, command, argc - 2, argv + 2, &err);
    if (ok && !command->run(&trainer, &err)) {
        nm_trainer_add_way_on(&trainer, &err);
        ok = false;
    }
    if (ok && (fflush(stdout) != 0 || ferror(stdout)))
        ok = nm_fail(&err, NOMUL_E_IO, "standard output: not all was written");
    nm_setup_close(&trainer);
    int code = err.code == NOMUL_E_ARG ? 2 : 1;
    if (ok) code = trainer.is_stopped ? 130 : 0;
    if (!ok && err.code == NOMUL_E_CANCELLED) code = 130;
    if (!ok && code != 130) {
        nm_ranks_defer(ranks);
        fprintf(stderr, "nomul-train: ");
        if (ranks->rank) fprintf(stderr, "rank %zu: ", ranks->rank);
        fprintf(stderr, "%s\n", err.text);
    }
    nm_ranks_close(ranks, ok ? 0 : code);
    return code;
}
