/* SPDX-License-Identifier: Apache-2.0 */
/* The front door: nomul COMMAND ... enters by include/nomul.h, as a stranger's program would. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "nomul.h"

/*
 * Descriptors 0 to 2 are taken, if only by something that refuses every write: or else the first
 * file opened would be one of them, and words for stderr would go into it.
 */
static void keep_standard_files(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && /* open takes the lowest free one: this */
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) < 0)
            return;
}

static int dispatch(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "";

    if (argc < 2) return nm_command_missing();
    if (strcmp(word, "--version") == 0) {
        nm_output_print("nomul %s\n", nomul_version());
        return NM_EXIT_DONE;
    }
    if (strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        if (argc > 3) return nm_misused(NULL, "help explains one command");
        return nm_command_help(argc > 2 ? argv[2] : NULL);
    }
    if (word[0] == '-') return nm_misused(NULL, "no option %.120s", word);
    return nm_command_run(argv[0], argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
    keep_standard_files();
    nm_interrupt_init();
    return nm_output_end(dispatch(argc, argv));
}
