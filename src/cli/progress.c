/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/numbers.h"

void nm_progress_begin(nm_progress_bar *bar, bool quiet)
{
    *bar = (nm_progress_bar){
        .quiet = quiet,
        .shown = !quiet && isatty(STDERR_FILENO),
        .began = nm_clock(),
    };
}

static void draw(uint64_t done, uint64_t total, unsigned per_mille)
{
    static const char full[] = "########################################";
    int               n = (int)(per_mille * (sizeof full - 1) / 1000);

    fprintf(stderr, "\r[%.*s%*s] %3u%%  %s of %s ", n, full, (int)(sizeof full - 1) - n, "",
            per_mille / 10, nm_show_bytes(done).text, nm_show_bytes(total).text);
}

bool nm_progress_show(void *bar, uint64_t done, uint64_t total)
{
    nm_progress_bar *b = bar;
    unsigned per_mille = total > 0 ? (unsigned)(1000.0 * ((double)done / (double)total)) : 1000;

    if (b->shown && b->drawn != per_mille + 1) {
        draw(done, total, per_mille);
        b->drawn = per_mille + 1;
    }
    return !nm_interrupted();
}

static void say_written(const char *output, double seconds)
{
    nm_file  file = NM_FILE_CLOSED;
    uint64_t size = nm_file_open(&file, output, NULL) ? file.size : 0;

    nm_file_close(&file);
    fprintf(stderr, "%s: %s written in %s\n", output, nm_show_bytes(size).text,
            nm_show_seconds(seconds).text);
}

int nm_progress_end(const nm_progress_bar *bar, nomul_status status, const nomul_error *err,
                    const char *output)
{
    if (bar->drawn > 0) fprintf(stderr, "\r%78s\r", "");
    if (status != NOMUL_OK) return nm_command_failed(err);
    if (!bar->quiet) say_written(output, nm_clock() - bar->began);
    return NM_EXIT_DONE;
}
