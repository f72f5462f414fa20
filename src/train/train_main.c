/* SPDX-License-Identifier: Apache-2.0 */
/* nomul-train: the commands, help, and Ctrl-C. */
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

static int fail(const nomul_error *err)
{
    fprintf(stderr, "nomul-train: %s\n", err->text);
    return err->code == NOMUL_E_ARG ? 2 : 1;
}

static int help(void)
{
    printf("nomul-train %s: trains models for nomul\n\n"
           "  nomul-train new --shape L,D,FFN --tokenizer DIR --data FILE --valid FILE -o DIR\n"
           "  nomul-train tune -m FILE|DIR --data FILE --valid FILE -o DIR\n"
           "  nomul-train resume DIR\n"
           "  nomul-train bench [--shape L,D,FFN]\n\n"
           "new trains a model from random weights, tune goes on with one, resume with a training\n"
           "that was stopped, with the same bits as if it had not been.  Ctrl-C saves and leaves.\n"
           "Text is UTF-8; a line <|doc|> separates two documents.  DIR becomes a Hugging Face\n"
           "folder, with the model for nomul as model.gguf.\n\n",
           NOMUL_VERSION);
    nm_train_options_help();
    return 0;
}

/* new and tune differ in where the values come from. */
static int train(nm_trainer *t, const char *command, int argc, char **argv)
{
    nm_train_options options;
    nomul_error      err = {.code = NOMUL_OK};
    bool             wants_help, ok;

    nm_train_options_init(&options);
    if (strcmp(command, "resume") == 0) {
        ok = nm_setup_resume(t, argc, argv, &err);
    } else {
        if (!nm_train_options_parse(&options, argc, argv, false, &wants_help, &err))
            return fail(&err);
        if (options.operand) {
            nm_fail(&err, NOMUL_E_ARG, "%.100s: not expected; text is --data FILE",
                    options.operand);
            return fail(&err);
        }
        ok = (strcmp(command, "new") == 0 ? nm_setup_new : nm_setup_tune)(t, &options, &err);
    }
    ok = ok && nm_trainer_run(t, &err);
    return ok ? nomul_cancel_requested(&cancel) ? 130 : 0 : fail(&err);
}

int main(int argc, char **argv)
{
    static nm_trainer trainer; /* larger than a stack wants to be */
    nomul_error       err = {.code = NOMUL_OK};

    nm_os_begin(&argc, &argv);
    const char *command = argc > 1 ? argv[1] : "--help";
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) return help();
    if (argc < 2) return help(), 2;
    trainer.cancel = &cancel;
    nm_os_on_stop(on_stop);
    int code = 2;
    if (strcmp(command, "new") == 0 || strcmp(command, "tune") == 0 ||
        strcmp(command, "resume") == 0) {
        code = train(&trainer, command, argc - 2, argv + 2);
    } else {
        nm_fail(&err, NOMUL_E_ARG, "no command '%.100s': new, tune, resume or bench", command);
        fail(&err);
    }
    nm_setup_close(&trainer);
    return code;
}
