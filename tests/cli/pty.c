/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a program under a pseudo-terminal, types, and prints what is on its screen:
 *
 *   pty COLUMNS ROWS PROGRAM [ARGUMENT...] < STEPS
 *
 * A step is a line; \e \r \t \\ \xHH in its text stand for bytes:
 *
 *   type TEXT       types TEXT
 *   line            types a line of 5,000 bytes, each word with its number
 *   see TEXT        waits until TEXT is on the screen
 *   at ROW COLUMN   waits until the cursor is there
 *   prompt          waits until the cursor is after "> " and nothing else
 *   show            prints the screen, with the place of the cursor
 *   size COLUMNS ROWS, kill SIGNAL (INT TERM QUIT STOP CONT)
 *   stopped         waits until the program is stopped, and prints the terminal's mode
 *
 * At the end it waits for the program, shows the screen and prints the exit code and whether the
 * terminal is as it was.  Whoever waits more than 300 seconds fails.
 */
#define _XOPEN_SOURCE 700
#define _DEFAULT_SOURCE
#define _DARWIN_C_SOURCE

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "screen.h"

static int    master, slave, reports; /* reports: of waitpid, from the session's leader */
static pid_t  child;
static screen shown;

static void fail(const char *why, const char *what)
{
    printf("pty: %s%s; the screen:\n", why, what);
    for (size_t r = 0; r < shown.rows; r++) printf("|%s\n", screen_row(&shown, r));
    kill(child, SIGKILL);
    exit(1);
}

/* Takes what the program writes within so many milliseconds; false if there was nothing. */
static bool take_output(int milliseconds)
{
    struct pollfd wait = {.fd = master, .events = POLLIN};
    char          bytes[4096];

    if (poll(&wait, 1, milliseconds) <= 0) return false;
    ssize_t n = read(master, bytes, sizeof bytes);
    if (n <= 0) return false;
    screen_write(&shown, bytes, (size_t)n);
    if (shown.wrong[0]) fail("not known: ", shown.wrong);
    return true;
}

static bool is_late(time_t began)
{
    return time(NULL) - began > 300; /* sanitizers are slow */
}

static size_t unescape(char *text)
{
    char *to = text;

    for (char *from = text; *from; from++) {
        if (*from == '\\' && from[1]) {
            const char *letters = "ert\\", *bytes = "\x1b\r\t\\", *at = strchr(letters, *++from);
            if (*from == 'x') {
                char digits[3] = {from[1], from[2], '\0'};
                *to++ = (char)strtol(digits, NULL, 16);
                from += 2;
            } else if (at)
                *to++ = bytes[at - letters];
            continue;
        }
        *to++ = *from;
    }
    *to = '\0';
    return (size_t)(to - text);
}

/* What became of the program, once it has stopped or ended and all it wrote is on the screen. */
static int next_report(void)
{
    time_t began = time(NULL);
    int    status = 0;

    while (read(reports, &status, sizeof status) != sizeof status)
        if (!take_output(20) && is_late(began)) fail("it does not end", "");
    while (take_output(0)) continue;
    return status;
}

/* The program may have to read before more fits. */
static void type(const char *bytes, size_t n)
{
    time_t began = time(NULL);

    for (ssize_t done; n > 0; bytes += done, n -= (size_t)done) {
        done = write(master, bytes, n < 256 ? n : 256);
        if (done < 0) done = 0;
        take_output(0);
        if (is_late(began)) fail("nobody reads what is typed", "");
    }
}

static void show(void)
{
    size_t last = shown.rows;

    while (last > 0 && !*screen_row(&shown, last - 1) && last - 1 > shown.row) last--;
    for (size_t r = 0; r < last; r++) printf("|%s\n", screen_row(&shown, r));
    printf("cursor %zu %zu%s\n", shown.row, shown.column, shown.colored ? ", colored" : "");
}

static const char *mode(void)
{
    struct termios now;
    tcflag_t       all = ICANON | ECHO | ISIG | IEXTEN;

    if (tcgetattr(slave, &now) != 0) return "unknown";
    return (now.c_lflag & all) == all && now.c_iflag & ICRNL && !shown.bracketed ? "as it was"
                                                                                 : "by keys";
}

static int signal_of(const char *name)
{
    static const struct {
        const char *name;
        int         signal;
    } rows[] = {{"INT", SIGINT},
                {"TERM", SIGTERM},
                {"QUIT", SIGQUIT},
                {"STOP", SIGSTOP},
                {"CONT", SIGCONT}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0) return rows[i].signal;
    fail("no signal ", name);
    return 0;
}

static void step(char *line)
{
    char  *argument = strchr(line, ' ');
    time_t began = time(NULL);
    size_t a = 0, b = 0;

    if (argument) *argument++ = '\0';
    size_t n = argument ? unescape(argument) : 0;
    if (argument) sscanf(argument, "%zu %zu", &a, &b);
    if (strcmp(line, "type") == 0)
        type(argument, n);
    else if (strcmp(line, "line") == 0) {
        char word[16];
        for (int i = 1; i <= 500; i++)
            type(word, (size_t)snprintf(word, sizeof word, "word%04d, ", i));
    } else if (strcmp(line, "see") == 0) {
        while (!screen_has(&shown, argument))
            if (!take_output(100) && is_late(began)) fail("not to be seen: ", argument);
    } else if (strcmp(line, "at") == 0) {
        while (shown.row != a || shown.column != b)
            if (!take_output(100) && is_late(began)) fail("the cursor is not at ", argument);
    } else if (strcmp(line, "prompt") == 0) {
        while (shown.column != 2 || strcmp(screen_row(&shown, shown.row), ">") != 0)
            if (!take_output(100) && is_late(began)) fail("no prompt", "");
    } else if (strcmp(line, "show") == 0) {
        show();
    } else if (strcmp(line, "size") == 0) {
        ioctl(slave, TIOCSWINSZ,
              &(struct winsize){.ws_col = (unsigned short)a, .ws_row = (unsigned short)b});
        screen_begin(&shown, a, b);
    } else if (strcmp(line, "kill") == 0) {
        kill(child, signal_of(argument));
    } else if (strcmp(line, "stopped") == 0) {
        int report = next_report(); /* the macro takes its address, on macOS */
        if (!WIFSTOPPED(report)) fail("not stopped", "");
        printf("stopped, the terminal is %s\n", mode());
    } else
        fail("no step ", line);
}

/* As a shell: without one in the session the system stops no program. */
static void lead(int report, char **argv)
{
    /* As at a login; a background job, as these tests may be, has inherited others. */
    static const int signals[] = {SIGINT, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGHUP, SIGPIPE};
    int              status = 0;

    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) signal(signals[i], SIG_DFL);
    child = fork();
    if (child == 0) {
        setpgid(0, 0);
        for (int fd = 0; fd <= 2; fd++) dup2(slave, fd);
        signal(SIGTTOU, SIG_IGN); /* the leader may not have made it the foreground yet */
        tcsetpgrp(STDIN_FILENO, getpid());
        signal(SIGTTOU, SIG_DFL);
        execvp(argv[0], argv);
        _exit(127);
    }
    if (write(report, &child, sizeof child) < 0) _exit(1);
    do waitpid(child, &status, WUNTRACED);
    while (write(report, &status, sizeof status) > 0 && WIFSTOPPED(status));
    pause(); /* as long as it lives its terminal does; when its reader ends, SIGHUP ends it */
}

static void start(unsigned short columns, unsigned short rows, char **argv)
{
    struct winsize size = {.ws_col = columns, .ws_row = rows};
    int            ends[2];

    master = posix_openpt(O_RDWR | O_NOCTTY);
    if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 ||
        (slave = open(ptsname(master), O_RDWR | O_NOCTTY)) < 0) {
        printf("pty: there is no pseudo-terminal\n");
        exit(77);
    }
    ioctl(slave, TIOCSWINSZ, &size);
    screen_begin(&shown, columns, rows);
    if (pipe(ends) != 0) exit(1);
    reports = ends[0];
    if (fork() == 0) {
        setsid();
        ioctl(slave, TIOCSCTTY, 0);
        close(master);
        close(reports);
        lead(ends[1], argv);
    }
    close(ends[1]);
    if (read(reports, &child, sizeof child) != sizeof child) exit(1);
    fcntl(master, F_SETFL, O_NONBLOCK);
    fcntl(reports, F_SETFL, O_NONBLOCK);
}

int main(int argc, char **argv)
{
    static char line[4096];
    int         status;

    if (argc < 4) return 2;
    start((unsigned short)atoi(argv[1]), (unsigned short)atoi(argv[2]), argv + 3);
    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\n")] = '\0';
        step(line);
    }
    status = next_report();
    show();
    if (WIFSIGNALED(status))
        printf("signal %d\n", WTERMSIG(status));
    else
        printf("exit code %d\n", WEXITSTATUS(status));
    printf("the terminal is %s%s\n", mode(), shown.escaped ? "" : ", no escape sequence came");
    return 0;
}
