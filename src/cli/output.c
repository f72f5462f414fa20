/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything printed goes through stdio's buffer; nm_output_flush writes it out where a reader
 * waits for it.  Failures are not reported where they happen, since a caller in the middle of a
 * table can do nothing about them: main asks nm_output_end once.
 */
#include "cli/output.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/json.h"
#include "base/os.h"
#include "base/utf8.h"
#include "base/visible.h"

static int         failure; /* errno of the first one */
static const char *command; /* for messages; NULL: none is running yet */

/*
 * Notes a failure unless one is known: later ones only follow from it.  Windows' runtime writes at
 * once to what is no file, and drops the result: ferror has it.
 */
static void check(bool ok)
{
    if ((!ok || ferror(stdout)) && !failure)
        failure = nm_os_write_error() ? nm_os_write_error() : EIO;
}

void nm_output_write(const void *data, size_t n_bytes)
{
    errno = 0;
    if (n_bytes > 0) check(fwrite(data, 1, n_bytes, stdout) == n_bytes);
}

void nm_output_print(const char *format, ...)
{
    va_list args;

    errno = 0;
    va_start(args, format);
    check(vprintf(format, args) >= 0);
    va_end(args);
}

/* stderr first, which wine's runtime buffers. */
bool nm_output_flush(void)
{
    fflush(stderr);
    errno = 0;
    check(fflush(stdout) == 0);
    return !failure;
}

bool nm_output_joins_stderr(void)
{
    nm_os_status out, err;

    return !nm_os_is_terminal(NM_OS_STDOUT) && nm_os_stat_open(NM_OS_STDOUT, &out) == 0 &&
           nm_os_stat_open(NM_OS_STDERR, &err) == 0 && out.volume == err.volume &&
           out.number == err.number;
}

/* auto: where they are obeyed, unless NO_COLOR is set (https://no-color.org). */
const char *nm_output_colors(int64_t choice, int fd, const char *style)
{
    const char *without = nm_os_environment("NO_COLOR");
    bool        wanted = choice == 1 || choice == 3;

    if (choice == 0) wanted = nm_os_has_escapes(fd) && !(without && *without);
    return wanted ? style : "";
}

void nm_output_styled(const char *style, const void *data, size_t n_bytes)
{
    nm_output_write(style, strlen(style));
    nm_output_write(data, n_bytes);
    if (*style) nm_output_write("\x1b[0m", 4);
}

/* ---- Escaping -------------------------------------------------------------------------------- */

/* The length of the next piece of a text: it ends between characters. */
static size_t piece_of(const char *text, size_t n_bytes, size_t most)
{
    return n_bytes > most ? most - nm_utf8_unfinished(text, most) : n_bytes;
}

void nm_output_visible(const char *text, size_t n_bytes, bool quoted)
{
    enum { PIECE = 256 };
    char visible[NM_VISIBLE_BYTES * PIECE + 1];

    if (quoted) nm_output_write("\"", 1);
    for (size_t n; n_bytes > 0; text += n, n_bytes -= n) {
        n = piece_of(text, n_bytes, PIECE);
        nm_output_write(visible, nm_visible(visible, sizeof visible, text, n, quoted));
    }
    if (quoted) nm_output_write("\"", 1);
}

/* In pieces of a fixed size: a byte may take six, and nothing here allocates. */
static void write_json(const char *text, size_t n_bytes,
                       size_t (*escape)(const char *text, size_t n_bytes, char *out))
{
    enum { PIECE = 1024 };
    char escaped[6 * PIECE];

    for (size_t n; n_bytes > 0; text += n, n_bytes -= n) {
        n = piece_of(text, n_bytes, PIECE);
        nm_output_write(escaped, escape(text, n, escaped));
    }
}

void nm_output_json_string(const char *text, size_t n_bytes)
{
    nm_output_write("\"", 1);
    write_json(text, n_bytes, nm_json_escape);
    nm_output_write("\"", 1);
}

void nm_output_json_spelled(const char *json, size_t n_bytes)
{
    write_json(json, n_bytes, nm_json_escape_controls);
}

/* ---- Numbers for people ---------------------------------------------------------------------- */

nm_shown nm_show_count(uint64_t n)
{
    nm_shown shown = {""};
    char     digits[24], *to = shown.text;
    size_t   n_digits = (size_t)snprintf(digits, sizeof digits, "%" PRIu64, n);

    for (size_t i = 0; i < n_digits; i++) { /* 20 digits and 6 commas at most */
        if (i > 0 && (n_digits - i) % 3 == 0) *to++ = ',';
        *to++ = digits[i];
    }
    return shown;
}

nm_shown nm_show_amount(uint64_t n, const char *noun)
{
    nm_shown count = nm_show_count(n), shown;

    if (!noun) return nm_show_bytes(n);
    snprintf(shown.text, sizeof shown.text, "%.27s %.16s%s", count.text, noun, n == 1 ? "" : "s");
    return shown;
}

/* 999.95 would be printed as 1000.0, so the next unit begins there. */
nm_shown nm_show_bytes(uint64_t n_bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    nm_shown                 shown;
    double                   value = (double)n_bytes / 1000;
    size_t                   unit = 0;

    if (n_bytes < 1000) return nm_show_amount(n_bytes, "byte");
    for (; value >= 999.95 && unit < 3; unit++) value /= 1000;
    snprintf(shown.text, sizeof shown.text, "%.1f %s", value, units[unit]);
    return shown;
}

nm_shown nm_show_seconds(double seconds)
{
    nm_shown shown;

    snprintf(shown.text, sizeof shown.text, seconds < 1 ? "%.1f ms" : "%.2f s",
             seconds < 1 ? 1000 * seconds : seconds);
    return shown;
}

nm_shown nm_show_duration(double seconds)
{
    nm_shown shown;
    uint64_t s = seconds < 1e9 ? (uint64_t)(seconds + 0.5) : 0;
    unsigned hours = (unsigned)(s / 3600), minutes = (unsigned)(s / 60 % 60);

    if (s < 60)
        snprintf(shown.text, sizeof shown.text, "%u s", (unsigned)s);
    else if (hours == 0)
        snprintf(shown.text, sizeof shown.text, "%u:%02u", minutes, (unsigned)(s % 60));
    else
        snprintf(shown.text, sizeof shown.text, "%u:%02u:%02u", hours, minutes, (unsigned)(s % 60));
    return shown;
}

double nm_rate(uint64_t n, double seconds)
{
    return seconds > 0 ? (double)n / seconds : 0;
}

/* ---- stderr and the exit code ---------------------------------------------------------------- */

void nm_output_say(const char *format, ...)
{
    char    raw[2 * NM_OS_PATH], visible[NM_VISIBLE_BYTES * sizeof raw];
    va_list args;

    va_start(args, format);
    vsnprintf(raw, sizeof raw, format, args);
    va_end(args);
    nm_visible(visible, sizeof visible, raw, strlen(raw), false);
    fprintf(stderr, "%s\n", visible);
}

void nm_output_speed(const char *what, uint64_t n, uint64_t n_timed, double seconds)
{
    fprintf(stderr, "%-9s %s in %s", what, nm_show_amount(n, "token").text,
            nm_show_seconds(seconds).text);
    if (n_timed > 0) fprintf(stderr, ", %.1f tokens/s", nm_rate(n_timed, seconds));
    fprintf(stderr, "\n");
}

int nm_output_failed(const nomul_error *err)
{
    if (err && err->code == NOMUL_E_CANCELLED && nm_interrupted()) return nm_interrupt_exit_code();
    nm_output_flush(); /* the message comes after what was printed before it */
    fprintf(stderr, "nomul: %s\n", err ? err->text : "out of memory");
    return NM_EXIT_FAILED;
}

void nm_output_command(const char *name)
{
    command = name;
}

int nm_output_misused(const char *format, ...)
{
    char        text[512];
    nomul_error err; /* makes visible what the user typed */
    va_list     list;

    va_start(list, format);
    vsnprintf(text, sizeof text, format, list);
    va_end(list);
    nm_fail(&err, NOMUL_E_ARG, "%s", text);
    if (command)
        fprintf(stderr, "nomul %s: %s; see nomul help %s\n", command, err.text, command);
    else
        fprintf(stderr, "nomul: %s; see nomul help\n", err.text);
    return NM_EXIT_MISUSED;
}

/* A reader that closes the pipe, as head does, has what it wanted: that is no failure. */
int nm_output_end(int code)
{
    nomul_error err;

    if (nm_output_flush() || failure == EPIPE) return code;
    nm_fail_errno(&err, NOMUL_E_IO, failure);
    fprintf(stderr, "nomul: standard output: %s\n", err.text);
    return NM_EXIT_FAILED;
}

/* ---- Progress -------------------------------------------------------------------------------- */

/*
 * The line is drawn ten times a second at most, so drawing costs nothing next to the work.  Its
 * answer to the library is also how a signal cancels the work.
 */
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

bool nm_progress_due(nm_progress_bar *b)
{
    double now = nm_clock();

    if (b->began == 0) b->began = now;
    return !b->quiet && now - b->began >= 1 && now - b->drawn >= 0.1 &&
           nm_os_is_terminal(NM_OS_STDERR);
}

void nm_progress_draw(nm_progress_bar *b, const char *line)
{
    size_t columns = 80, rows = 24;

    nm_os_terminal_size(NM_OS_STDERR, &columns, &rows);
    int most = columns < 80 ? (int)columns - 1 : 79;
    fprintf(stderr, "\r%-*.*s%s", most, most, line, *line ? "" : "\r");
    fflush(stderr);
    b->drawn = *line ? nm_clock() : 0;
}

bool nm_progress_show(void *bar, uint64_t done, uint64_t total)
{
    nm_progress_bar *b = bar;
    char             line[NM_PROGRESS_LINE];

    if (nm_progress_due(b)) {
        nm_progress_line(b, done, total, nm_clock() - b->began, line);
        nm_progress_draw(b, line);
    }
    return !nm_interrupted();
}

void nm_progress_erase(nm_progress_bar *b)
{
    if (b->drawn > 0) nm_progress_draw(b, "");
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
