/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the program says, and its exit code.  stdout carries the result only; messages go to stderr,
 * one line each.  The first failure of stdout is remembered here, so that callers that print much
 * need not check each call.  Results with named fields are written through record.h; the line of
 * progress is here, since other messages erase it.
 */
#ifndef NM_OUTPUT_H
#define NM_OUTPUT_H

#include "base/clock.h"
#include "cli/interrupt.h"
#include "nomul.h"

/* Besides 128 + the number of a signal (interrupt.h). */
typedef enum nm_exit {
    NM_EXIT_DONE = 0,
    NM_EXIT_FAILED = 1,
    NM_EXIT_MISUSED = 2,
    NM_EXIT_WRONG = 3, /* all was done, but some of the input was wrong: a retry would not help */
} nm_exit;

/* ---- stdout ---------------------------------------------------------------------------------- */

/* Into stdio's buffer, as they are.  Text of a model or a file goes through nm_output_visible. */
void nm_output_write(const void *data, size_t n_bytes);
void nm_output_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Everything written so far is out; false as soon as anything failed. */
bool nm_output_flush(void);

/* The style, an SGR sequence, where --color ("auto|always|never|on|off") wants it, else "". */
const char *nm_output_colors(int64_t choice, int fd, const char *style);
/* In a style that ends with the data; "": as it is. */
void nm_output_styled(const char *style, const void *data, size_t n_bytes);

/* Do stdout and stderr go to one file or pipe, where a message would continue a line of text? */
bool nm_output_joins_stderr(void);

/*
 * Text that comes from a file or a model, for people: as base/visible.h makes it.  quoted: in
 * double quotes, with \" and \\ for those two.
 */
void nm_output_visible(const char *text, size_t n_bytes, bool quoted);

/*
 * A JSON string, always valid UTF-8: invalid bytes become U+FFFD; what a terminal would obey is
 * \uXXXX.  Other JSON is record.h's.
 */
void nm_output_json_string(const char *text, size_t n_bytes);
/* A value that is spelled as JSON already, by somebody else: those controls become \uXXXX too. */
void nm_output_json_spelled(const char *json, size_t n_bytes);

/* ---- Numbers for people ---------------------------------------------------------------------- */

/* Long enough for any of these. */
typedef struct nm_shown {
    char text[48];
} nm_shown;

nm_shown nm_show_count(uint64_t n);        /* 49,357,824 */
nm_shown nm_show_bytes(uint64_t n_bytes);  /* 24.7 MB: powers of 1000 */
nm_shown nm_show_seconds(double seconds);  /* 12.3 ms, 4.56 s */
nm_shown nm_show_duration(double seconds); /* 7 s, 1:05, 2:10:59 */
/* 1 token, 49,357 tokens: of a short noun in the singular; NULL is nm_show_bytes. */
nm_shown nm_show_amount(uint64_t n, const char *noun);

/* n per second; 0 if there was no time. */
double nm_rate(uint64_t n, double seconds);

/* ---- stderr and the exit code ---------------------------------------------------------------- */

/* A line on stderr, without its newline, as base/visible.h makes it. */
void nm_output_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* "generated  24 tokens in 1.20 s, 19.2 tokens/s": of n tokens n_timed took so many seconds. */
void nm_output_speed(const char *what, uint64_t n, uint64_t n_timed, double seconds);

/* Prints the error (NULL: out of memory), or nothing if a signal cancelled; gives the exit code. */
int nm_output_failed(const nomul_error *err);

/*
 * Prints "nomul COMMAND: ...; see nomul help COMMAND" and returns 2.  The command is the name that
 * nm_output_command set last, which must outlive the calls; before there is one it is left out.
 */
void nm_output_command(const char *name);
int  nm_output_misused(const char *format, ...) __attribute__((format(printf, 1, 2)));

/*
 * Flushes and gives the exit code: `code` if all went well or if the reader closed the pipe, as
 * `| head` does; 1 with one line on stderr for any other failure.
 */
int nm_output_end(int code);

/* ---- Progress -------------------------------------------------------------------------------- */

/*
 * How far work is that takes more than a second: a line on stderr, if that is a terminal, with a
 * bar, what is done and the time that is left.  Whatever else writes to the terminal erases it
 * first.
 *
 *   [##########          ]  50%  12.3 MB of 24.6 MB, 1:05 left
 *
 * Begins as zeros and what is the caller's.
 */
typedef struct nm_progress_bar {
    const char *unit;  /* the caller's: what is counted, in the singular; NULL: bytes */
    bool        quiet; /* the caller's: show nothing */
    double      began; /* by the caller's nm_clock(), or at the first call */
    double      drawn; /* when; 0: the line is not on the screen */
} nm_progress_bar;

/*
 * A nomul_progress with the bar as its context; total 0: not known.  False once a signal asked to
 * stop.
 */
bool nm_progress_show(void *bar, uint64_t done, uint64_t total);
void nm_progress_erase(nm_progress_bar *bar);

/* For lines of the caller's own: is it time to draw one?  "" erases it. */
bool nm_progress_due(nm_progress_bar *bar);
void nm_progress_draw(nm_progress_bar *bar, const char *line);

/* The line itself, after so many seconds; at most 79 columns of it are shown. */
#define NM_PROGRESS_LINE 320
void nm_progress_line(const nm_progress_bar *bar, uint64_t done, uint64_t total, double seconds,
                      char line[NM_PROGRESS_LINE]);

/* A nomul_warning with the bar as its context: a line of its own. */
void nm_progress_warn(void *bar, const char *text);

/*
 * For commands that write a file: erases the bar, prints a last line with the size of the file and
 * the time (not if quiet), or the error; gives the exit code.  status and err are what the
 * library's call returned.
 */
int nm_progress_end(nm_progress_bar *bar, nomul_status status, const nomul_error *err,
                    const char *output);

#endif
