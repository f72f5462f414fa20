/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bar is drawn again only when another per mille is complete, so drawing costs nothing next
 * to the writing.  Its answer to the library is also how a signal cancels the work.
 */
#include "cli/progress.h"

#include <stdio.h>

#include "base/file.h"
#include "base/os.h"
#include "cli/interrupt.h"
#include "cli/output.h"

bool nm_progress_show(void *bar, uint64_t done, uint64_t total)
{
    static const char full[] = "########################################";
    nm_progress_bar  *b = bar;
    double            share = total > 0 ? (double)done / (double)total : 1;
    unsigned          per_mille = (unsigned)(1000.0 * share);

    if (!b->quiet && b->drawn != per_mille + 1 && nm_os_is_terminal(NM_OS_STDERR)) {
        int width = (int)sizeof full - 1, n = (int)(share * width);
        fprintf(stderr, "\r[%.*s%*s] %3u%%  %s of %s ", n, full, width - n, "", per_mille / 10,
                nm_show_bytes(done).text, nm_show_bytes(total).text);
        b->drawn = per_mille + 1;
    }
    return !nm_interrupted();
}

int nm_progress_end(const nm_progress_bar *bar, nomul_status status, const nomul_error *err,
                    const char *output)
{
    nm_file file = NM_FILE_CLOSED;

    if (bar->drawn > 0) fprintf(stderr, "\r%78s\r", "");
    if (status != NOMUL_OK) return nm_output_failed(err);
    if (bar->quiet) return NM_EXIT_DONE;
    uint64_t size = nm_file_open(&file, output, NULL) ? file.size : 0;
    nm_file_close(&file);
    fprintf(stderr, "%s: %s written in %s\n", output, nm_show_bytes(size).text,
            nm_show_seconds(nm_clock() - bar->began).text);
    return NM_EXIT_DONE;
}
