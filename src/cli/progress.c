/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The line is drawn ten times a second at most, so drawing costs nothing next to the work.  Its
 * answer to the library is also how a signal cancels the work.
 */
#include "cli/progress.h"

#include <stdio.h>

#include "base/os.h"
#include "cli/interrupt.h"
#include "cli/output.h"

void nm_progress_line(const nm_progress_bar *b, uint64_t done, uint64_t total, double seconds,
                      char line[NM_PROGRESS_LINE])
{
    static const char full[] = "####################";
    int               width = (int)sizeof full - 1;

    if (total == 0) { /* as from a pipe */
        snprintf(line, NM_PROGRESS_LINE, "%s in %s", nm_show_amount(done, b->unit).text,
                 nm_show_duration(seconds).text);
        return;
    }
    if (done > total) done = total;
    double   share = (double)done / (double)total;
    int      n = (int)(share * width);
    nm_shown left = nm_show_duration(done ? seconds / share - seconds : 0);
    snprintf(line, NM_PROGRESS_LINE, "[%.*s%*s] %3u%%  %s of %s%s%s%s", n, full, width - n, "",
             (unsigned)(100 * share), b->unit ? nm_show_count(done).text : nm_show_bytes(done).text,
             nm_show_amount(total, b->unit).text, done ? ", " : "", done ? left.text : "",
             done ? " left" : "");
}

bool nm_progress_show(void *bar, uint64_t done, uint64_t total)
{
    nm_progress_bar *b = bar;
    double           now = nm_clock();
    char             line[NM_PROGRESS_LINE];
    size_t           columns = 80, rows = 24;

    if (b->began == 0) b->began = now;
    if (!b->quiet && now - b->began >= 1 && now - b->drawn >= 0.1 &&
        nm_os_is_terminal(NM_OS_STDERR)) {
        nm_os_terminal_size(NM_OS_STDERR, &columns, &rows);
        int most = columns < 80 ? (int)columns - 1 : 79;
        nm_progress_line(b, done, total, now - b->began, line);
        fprintf(stderr, "\r%-*.*s", most, most, line);
        fflush(stderr);
        b->drawn = now;
    }
    return !nm_interrupted();
}

void nm_progress_erase(nm_progress_bar *b)
{
    size_t columns = 80, rows = 24;

    nm_os_terminal_size(NM_OS_STDERR, &columns, &rows);
    if (b->drawn > 0) fprintf(stderr, "\r%*s\r", columns < 80 ? (int)columns - 1 : 79, "");
    b->drawn = 0;
}

void nm_progress_warn(void *bar, const char *text)
{
    nm_progress_bar *b = bar;

    if (b->quiet) return;
    nm_progress_erase(b);
    nm_output_say("nomul: %s", text);
}

int nm_progress_end(nm_progress_bar *b, nomul_status status, const nomul_error *err,
                    const char *output)
{
    nm_os_status status_of = {.size = 0};

    nm_progress_erase(b);
    if (status != NOMUL_OK) return nm_output_failed(err);
    if (b->quiet) return NM_EXIT_DONE;
    if (nm_os_stat(output, &status_of) != 0 || status_of.kind != NM_OS_REGULAR) return NM_EXIT_DONE;
    nm_output_say("%s: %s written in %s", output, nm_show_bytes(status_of.size).text,
                  nm_show_seconds(nm_clock() - b->began).text);
    return NM_EXIT_DONE;
}
