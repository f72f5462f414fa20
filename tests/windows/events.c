/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only Windows has, or has differently, tested from outside: events of the console, its own
 * pipes, names that no codepage and no MAX_PATH holds, a model that is replaced while it is in use.
 *
 *   events.exe NOMUL MODEL TEXT FOLDER    the folder is empty; MODEL is tests/models/tiny.gguf
 *
 * It uses nothing but the system.  The last line is: N passed, N failed, N skipped.
 */
#define WIN32_LEAN_AND_MEAN
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <wchar.h>
#include <windows.h>

#define PATIENCE 20000 /* ms, after which a child hangs */
#define PRINTED 65536
#define PATH 1024

static const wchar_t *nomul, *model, *text;
static wchar_t        folder[PATH];
static int            n_passed, n_failed, n_skipped;

static void check(bool ok, const char *what)
{
    n_passed += ok, n_failed += !ok;
    if (!ok) printf("FAIL %s\n", what);
}

/* ---- A child, its pipes and its end ---------------------------------------------------------- */

typedef struct child {
    HANDLE process, in, out;
    char   read[PRINTED]; /* what it has printed, the first bytes only, with '\0' */
    size_t n_read;
} child;

/* The end that stays here must not be inherited, or the other never sees the end. */
static void make_pipe(HANDLE *from, HANDLE *to, HANDLE *ours)
{
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};

    if (!CreatePipe(from, to, &inherited, 0)) ExitProcess(3);
    SetHandleInformation(*ours, HANDLE_FLAG_INHERIT, 0);
}

static child start(const wchar_t *arguments)
{
    static wchar_t      line[4 * PATH];
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    STARTUPINFOW        how = {.cb = sizeof how, .dwFlags = STARTF_USESTDHANDLES};
    PROCESS_INFORMATION made = {0};
    child               c = {0};

    make_pipe(&how.hStdInput, &c.in, &c.in);
    make_pipe(&c.out, &how.hStdOutput, &c.out);
    how.hStdError = CreateFileW(L"NUL", GENERIC_WRITE, 3, &inherited, OPEN_EXISTING, 0, NULL);
    swprintf(line, sizeof line / sizeof *line, L"\"%ls\" %ls", nomul, arguments);
    if (!CreateProcessW(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &how, &made)) {
        printf("FAIL %ls: error %lu\n", line, GetLastError());
        ExitProcess(3);
    }
    CloseHandle(how.hStdInput), CloseHandle(how.hStdOutput), CloseHandle(how.hStdError);
    CloseHandle(made.hThread);
    c.process = made.hProcess;
    return c;
}

static void say(const child *c, const char *words)
{
    DWORD n = 0;

    WriteFile(c->in, words, (DWORD)strlen(words), &n, NULL);
}

/* Reads what is there without waiting; false at the end.  When it is full, the older half goes. */
static bool read_more(child *c)
{
    DWORD n = 0;

    if (!PeekNamedPipe(c->out, NULL, 0, NULL, &n, NULL)) return false;
    if (n == 0) {
        Sleep(10);
        return true;
    }
    if (c->n_read == PRINTED - 1) {
        c->n_read = PRINTED / 2;
        memmove(c->read, c->read + PRINTED - 1 - PRINTED / 2, PRINTED / 2);
    }
    DWORD most = (DWORD)(PRINTED - 1 - c->n_read);
    if (!ReadFile(c->out, c->read + c->n_read, n < most ? n : most, &n, NULL)) return false;
    c->n_read += n;
    c->read[c->n_read] = '\0';
    return true;
}

/* Waits until it has printed so many newlines after `begin`, which is there too; "": anything. */
static bool wait_text(child *c, const char *begin, size_t n_lines)
{
    ULONGLONG began = GetTickCount64();

    do {
        const char *at = c->n_read > 0 ? strstr(c->read, begin) : NULL;
        size_t      n = 0;
        for (at = at ? at + strlen(begin) : NULL; at && n < n_lines; n++) {
            at = strchr(at, '\n');
            if (at) at++;
        }
        if (at) return true;
    } while (GetTickCount64() - began < PATIENCE && read_more(c));
    return false;
}

/* To all that share this console; this program ignores it.  wine has Ctrl-C alone. */
static bool send(DWORD event)
{
    if (GenerateConsoleCtrlEvent(event, 0)) return true;
    printf("SKIP event %lu: error %lu\n", event, GetLastError());
    n_skipped++;
    return false;
}

/* Reads on until it ends; its exit code, or 259 if it does not end. */
static DWORD end(child *c)
{
    ULONGLONG began = GetTickCount64();
    DWORD     code = STILL_ACTIVE;

    while (WaitForSingleObject(c->process, 0) == WAIT_TIMEOUT &&
           GetTickCount64() - began < PATIENCE)
        read_more(c);
    while (PeekNamedPipe(c->out, NULL, 0, NULL, &code, NULL) && code > 0) read_more(c);
    GetExitCodeProcess(c->process, &code);
    TerminateProcess(c->process, 9);
    CloseHandle(c->in), CloseHandle(c->out), CloseHandle(c->process);
    return code;
}

/* Runs to its end: its exit code. */
static DWORD run(const wchar_t *arguments, char printed[PRINTED])
{
    child c = start(arguments);
    DWORD code;

    CloseHandle(c.in);
    c.in = NULL;
    code = end(&c);
    memcpy(printed, c.read, PRINTED);
    return code;
}

/* swprintf with the model and the folder as "%1$ls" and "%2$ls" are not to be had: $M and $F. */
static const wchar_t *words(const wchar_t *format)
{
    static wchar_t all[4 * PATH];
    size_t         n = 0;

    for (; *format && n < 2 * PATH; format++) {
        const wchar_t *insert = NULL;
        if (*format == '$') {
            format++;
            insert = *format == 'M' ? model : *format == 'T' ? text : folder;
        }
        if (insert)
            n += (size_t)swprintf(all + n, PATH, L"%ls", insert);
        else
            all[n++] = *format;
    }
    all[n] = 0;
    return all;
}

static size_t count_files(const wchar_t *pattern)
{
    WIN32_FIND_DATAW found;
    HANDLE           search = FindFirstFileW(words(pattern), &found);
    size_t           n = 0;

    if (search == INVALID_HANDLE_VALUE) return 0;
    do n += found.cFileName[0] != '.' || wcslen(found.cFileName) > 2;
    while (FindNextFileW(search, &found));
    FindClose(search);
    return n;
}

/* ---- Ctrl-C and Ctrl-Break ------------------------------------------------------------------- */

static void test_stop(DWORD event, const char *name)
{
    char  printed[PRINTED];
    child c = start(words(L"run -m \"$M\" -q -p Once -n -1 --ignore-eos --save-session \"$F\\s\""));

    check(wait_text(&c, "", 0), name);
    if (!send(event)) {
        TerminateProcess(c.process, 9);
        end(&c);
        return;
    }
    check(end(&c) == 130, "a run that is stopped ends with 130");
    check(run(words(L"run -m \"$M\" -q -n 3 --load-session \"$F\\s\""), printed) == 0 && *printed,
          "the session of a run that was stopped continues");
    DeleteFileW(words(L"$F\\s"));
}

static void test_turns(void)
{
    char  printed[PRINTED];
    child c = start(words(L"run -i -m \"$M\" -q -n -1 --ignore-eos --temp 0 --save-session "
                          L"\"$F\\turns\""));

    say(&c, "Once\n");
    check(wait_text(&c, "", 0), "a turn is answered");
    send(CTRL_C_EVENT);
    say(&c, "/reset\n/set n 3\nLily\n");
    check(wait_text(&c, "\nLily", 1), "the next turn, after Ctrl-C");
    Sleep(200); /* until it waits for a line: that cannot be seen from here */
    send(CTRL_C_EVENT);
    check(end(&c) == 130, "Ctrl-C ends a program that waits for a line");
    check(run(words(L"session \"$F\\turns\" --json"), printed) == 0 &&
              strstr(printed, "\"tokens\":") != NULL,
          "and it has saved its session");
    DeleteFileW(words(L"$F\\turns"));
}

static void test_nothing_left(void)
{
    child c;

    CreateDirectoryW(words(L"$F\\out"), NULL);
    c = start(words(L"logits -m \"$M\" -f \"$T\" -t 1 -b 1 -o \"$F\\out\\x\""));
    for (ULONGLONG began = GetTickCount64();
         count_files(L"$F\\out\\*") == 0 && GetTickCount64() - began < PATIENCE;)
        Sleep(1);
    send(CTRL_C_EVENT);
    check(end(&c) == 130 && count_files(L"$F\\out\\*") == 0, "logits leaves nothing when stopped");
}

/* ---- Pipes of Windows ------------------------------------------------------------------------ */

static void test_batch(void)
{
    child c = start(words(L"batch -m \"$M\" -q -n 1 -s 1"));

    say(&c, "first\n");
    check(wait_text(&c, "", 1), "an answer does not wait for a line that has not come yet");
    say(&c, "second\n");
    check(wait_text(&c, "", 2), "the second line is answered");
    send(CTRL_C_EVENT);
    check(end(&c) == 130, "Ctrl-C ends a batch that waits");
}

static void test_perplexity(void)
{
    child c = start(words(L"perplexity -m \"$M\" -q --per-token"));

    say(&c, "Once upon");
    check(wait_text(&c, "", 5), "what is certain is scored");
    say(&c, " a time\n");
    check(wait_text(&c, "", 11), "and so is a line");
    send(CTRL_C_EVENT);
    check(end(&c) == 130, "Ctrl-C ends a text that is scored");
}

static void test_closed(void)
{
    child c = start(words(L"run -m \"$M\" -q -p Once -n -1 --ignore-eos"));
    DWORD code = STILL_ACTIVE;

    check(wait_text(&c, "", 0), "a text comes through a pipe");
    CloseHandle(c.out);
    WaitForSingleObject(c.process, PATIENCE);
    GetExitCodeProcess(c.process, &code);
    check(code == 0, "a reader that has seen enough ends a run silently");
    TerminateProcess(c.process, 9);
    CloseHandle(c.in), CloseHandle(c.process);
}

/* ---- Files ----------------------------------------------------------------------------------- */

static void test_replace(void)
{
    char  printed[PRINTED];
    child c;

    CopyFileW(words(L"$M"), L"used.gguf", FALSE);
    c = start(L"run -m used.gguf -q -p Once -n -1 --ignore-eos");
    check(wait_text(&c, "", 0), "a model runs");
    check(run(L"repack used.gguf -q -o used.gguf --pack 1.6bit", printed) == 0,
          "a model in use is replaced");
    c.n_read = 0;
    check(wait_text(&c, "", 0), "and the run goes on");
    check(run(L"info used.gguf", printed) == 0 && strstr(printed, "t5") != NULL,
          "the new file has its name");
    send(CTRL_C_EVENT);
    check(end(&c) == 130, "the run ends as ever");
    check(DeleteFileW(L"used.gguf") && count_files(L"used*") == 0 && count_files(L".used*") == 0,
          "nothing else is left");
}

/* "Gruesse" with its letters, two ideographs, and a character of two UTF-16 units. */
#define NAME L"Gr\u00FC\u00DFe \u6F22\u5B57 \U0001F642"
#define NAME_BYTES                                                                                 \
    "Gr\xC3\xBC\xC3\x9F"                                                                           \
    "e \xE6\xBC\xA2\xE5\xAD\x97 \xF0\x9F\x99\x82"

static void test_names(void)
{
    static wchar_t deep[2 * PATH], line[4 * PATH];
    wchar_t        name[101];
    char           printed[PRINTED];

    check(run(words(L"run -m \"$M\" -q -n 0 -p \"" NAME L"\""), printed) == 0 &&
              strcmp(printed, NAME_BYTES) == 0,
          "a prompt of any characters");
    wmemset(name, 'n', 100), name[100] = 0;
    swprintf(deep, PATH, L"\\\\?\\%ls\\" NAME, folder);
    CreateDirectoryW(deep, NULL);
    for (int i = 0; i < 3; i++) {
        swprintf(deep + wcslen(deep), PATH, L"\\%ls", name);
        check(CreateDirectoryW(deep, NULL), "a folder");
    }
    check(wcslen(deep) > 260, "whose path is long");
    swprintf(line, 4 * PATH, L"run -m \"%ls\" -q -n 4 --temp 0 -p x --save-session \"%ls\\s\"",
             model, deep + 4);
    check(run(line, printed) == 0, "a session is saved under a long path");
    swprintf(line, 4 * PATH, L"run -m \"%ls\" -q -n 4 --load-session \"%ls\\s\"", model, deep + 4);
    check(run(line, printed) == 0 && *printed, "and continued from there");
    swprintf(line, 4 * PATH, L"info \"%ls\\no\u00E9.gguf\"", deep + 4);
    check(run(line, printed) == 1, "what is not there is missing");
}

/* With NULL in its place the children would inherit that. */
static BOOL WINAPI ignore(DWORD event)
{
    (void)event;
    return TRUE;
}

int wmain(int argc, wchar_t **argv)
{
    if (argc != 5) return 2;
    nomul = argv[1], model = argv[2], text = argv[3];
    if (!SetCurrentDirectoryW(argv[4]) || !GetCurrentDirectoryW(PATH, folder)) return 3;
    if (GetConsoleCP() == 0) { /* a console of one's own, unless there is one */
        FreeConsole();
        AllocConsole();
    }
    SetConsoleCtrlHandler(ignore, TRUE);
    test_stop(CTRL_C_EVENT, "a text comes before Ctrl-C");
    test_stop(CTRL_BREAK_EVENT, "a text comes before Ctrl-Break");
    test_turns();
    test_nothing_left();
    test_batch();
    test_perplexity();
    test_closed();
    test_replace();
    test_names();
    printf("%d passed, %d failed, %d skipped\n", n_passed, n_failed, n_skipped);
    return n_failed > 0;
}
