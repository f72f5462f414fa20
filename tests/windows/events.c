/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What only Windows has, or has differently, tested from outside: events of the console, keys that
 * are typed there, its own pipes, files as standard input, names that no codepage and no MAX_PATH
 * holds, a model that is replaced while it is in use.
 *
 *   events.exe NOMUL MODEL TEXT FOLDER    the folder is empty; MODEL is models/tiny.gguf
 *
 * It uses nothing but the system, and types only if it has a console (under wine: if it was started
 * from a terminal).  The last line is: N passed, N failed, N skipped.
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
#define SHARE (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

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

/* Its standard input and error; NULL: a pipe whose other end is in the child, and nothing. */
static child start_on(HANDLE in, HANDLE error, const wchar_t *arguments)
{
    static wchar_t      line[4 * PATH];
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    STARTUPINFOW        how = {.cb = sizeof how, .dwFlags = STARTF_USESTDHANDLES};
    PROCESS_INFORMATION made = {0};
    child               c = {0};

    how.hStdInput = in, how.hStdError = error;
    if (!in) make_pipe(&how.hStdInput, &c.in, &c.in);
    make_pipe(&c.out, &how.hStdOutput, &c.out);
    if (!error)
        how.hStdError = CreateFileW(L"NUL", GENERIC_WRITE, 3, &inherited, OPEN_EXISTING, 0, NULL);
    swprintf(line, sizeof line / sizeof *line, L"\"%ls\" %ls", nomul, arguments);
    if (!CreateProcessW(NULL, line, NULL, NULL, TRUE, 0, NULL, NULL, &how, &made)) {
        printf("FAIL %ls: error %lu\n", line, GetLastError());
        ExitProcess(3);
    }
    if (!in) CloseHandle(how.hStdInput);
    if (!error) CloseHandle(how.hStdError);
    CloseHandle(how.hStdOutput), CloseHandle(made.hThread);
    c.process = made.hProcess;
    return c;
}

static child start(const wchar_t *arguments)
{
    return start_on(NULL, NULL, arguments);
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

/*
 * Ctrl-C and Ctrl-Break: to all that share this console; this program ignores them.  wine generates
 * Ctrl-C alone, and nobody can generate that the console is closed: then it is what the system runs
 * in the child for such an event, the same on every address.
 */
static void send(const child *c, DWORD event)
{
    FARPROC routine = GetProcAddress(GetModuleHandleW(L"kernelbase.dll"), "CtrlRoutine");

    if (event <= CTRL_BREAK_EVENT && GenerateConsoleCtrlEvent(event, 0)) return;
    if (routine)
        CloseHandle(CreateRemoteThread(c->process, NULL, 0,
                                       (LPTHREAD_START_ROUTINE)(void (*)(void))routine,
                                       (void *)(ULONG_PTR)event, 0, NULL));
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

/* ---- Ctrl-C, Ctrl-Break, the end of the console ---------------------------------------------- */

static void test_stop(DWORD event, DWORD code, const char *name)
{
    char  printed[PRINTED];
    child c = start(words(L"run -m \"$M\" -q -p Once -n -1 --ignore-eos --save-session \"$F\\s\""));

    check(wait_text(&c, "", 0), "a text comes before it is stopped");
    send(&c, event);
    check(end(&c) == code, name);
    const wchar_t *again = L"run -m \"$M\" -q -n 3 --ignore-eos --load-session \"$F\\s\"";
    check(run(words(again), printed) == 0 && *printed,
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
    send(&c, CTRL_C_EVENT);
    say(&c, "/reset\n/set n 3\nLily\n");
    check(wait_text(&c, "\nLily", 1), "the next turn, after Ctrl-C");
    Sleep(200); /* until it waits for a line: that cannot be seen from here */
    send(&c, CTRL_C_EVENT);
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
    send(&c, CTRL_C_EVENT);
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
    send(&c, CTRL_C_EVENT);
    check(end(&c) == 130, "Ctrl-C ends a batch that waits");
}

static void test_perplexity(void)
{
    child c = start(words(L"perplexity -m \"$M\" -q --per-token"));

    say(&c, "Once upon");
    check(wait_text(&c, "", 5), "what is certain is scored");
    say(&c, " a time\n");
    check(wait_text(&c, "", 11), "and so is a line");
    send(&c, CTRL_C_EVENT);
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

/* ---- Keys ------------------------------------------------------------------------------------ */

/* "Gruesse" with its letters, two ideographs, and a character of two UTF-16 units. */
#define NAME L"Gr\u00FC\u00DFe \u6F22\u5B57 \U0001F642"
#define NAME_BYTES                                                                                 \
    "Gr\xC3\xBC\xC3\x9F"                                                                           \
    "e \xE6\xBC\xA2\xE5\xAD\x97 \xF0\x9F\x99\x82"

static void type(HANDLE console, const wchar_t *keys)
{
    for (; *keys; keys++) {
        DWORD        n = 0;
        INPUT_RECORD moves[2] = {{.EventType = KEY_EVENT}};
        moves[0].Event.KeyEvent.wVirtualKeyCode = *keys == '\r' ? VK_RETURN : 0;
        moves[0].Event.KeyEvent.wRepeatCount = 1;
        moves[0].Event.KeyEvent.uChar.UnicodeChar = *keys;
        moves[1] = moves[0];
        moves[0].Event.KeyEvent.bKeyDown = TRUE;
        WriteConsoleInputW(console, moves, 2, &n);
    }
}

/* Waits until the console gives lines, or keys. */
static bool wait_lines(HANDLE console, bool lines)
{
    ULONGLONG began = GetTickCount64();
    DWORD     mode = 0;

    while (GetConsoleMode(console, &mode) && !(mode & ENABLE_LINE_INPUT) == lines &&
           GetTickCount64() - began < PATIENCE)
        Sleep(10);
    return !(mode & ENABLE_LINE_INPUT) != lines;
}

/* What was typed is in the session that was saved. */
static bool saved(const char *bytes)
{
    char printed[PRINTED];
    bool ok =
        run(words(L"session -m \"$M\" \"$F\\typed\""), printed) == 0 && strstr(printed, bytes);

    DeleteFileW(words(L"$F\\typed"));
    return ok;
}

static void test_keys(void)
{
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    const wchar_t       turns[] = L"run -i -m \"$M\" -q -n 1 --temp 0 --no-history "
                            L"--save-session \"$F\\typed\"";
    DWORD  mode = 0, access = GENERIC_READ | GENERIC_WRITE;
    HANDLE in = CreateFileW(L"CONIN$", access, SHARE, &inherited, OPEN_EXISTING, 0, NULL);
    HANDLE out = CreateFileW(L"CONOUT$", access, SHARE, &inherited, OPEN_EXISTING, 0, NULL);

    if (!GetConsoleMode(in, &mode)) {
        printf("SKIP keys: there is no console\n");
        n_skipped++;
        return;
    }
    child c = start_on(in, NULL, words(turns));
    type(in, L"" NAME L"\r");
    check(wait_text(&c, "", 0), "a line of the console is answered");
    type(in, L"\x1A\r");
    check(end(&c) == 0, "Ctrl-Z is the end");
    check(saved(NAME_BYTES), "the line has any characters");

    c = start_on(in, out, words(turns));
    check(wait_lines(in, false), "a line is edited by keys");
    type(in, L"Gr\u00FC\u00DFx\x7F"
             L"e \u5B57\x1B[D\u6F22\x1B[C \U0001F642\r\x04");
    check(end(&c) == 0, "Ctrl-D is the end");
    check(wait_lines(in, true), "the console is as it was");
    check(saved(NAME_BYTES), "keys edit the line");
    CloseHandle(in), CloseHandle(out);
}

/* ---- Files ----------------------------------------------------------------------------------- */

/* No output replaces the file that is standard input, by whatever name. */
static void test_input_survives(void)
{
    SECURITY_ATTRIBUTES inherited = {sizeof inherited, NULL, TRUE};
    const wchar_t      *names[] = {L"$F\\ids", L"$F\\IDS", L"$F\\.\\ids", L"$F\\hard"};
    wchar_t             line[4 * PATH];
    DWORD               n = 0;
    HANDLE ids = CreateFileW(words(L"$F\\ids"), GENERIC_READ | GENERIC_WRITE, SHARE, &inherited,
                             CREATE_NEW, 0, NULL);

    WriteFile(ids, "1,2", 3, &n, NULL);
    wcscpy(line, words(L"$F\\hard"));
    CreateHardLinkW(line, words(L"$F\\ids"), NULL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        SetFilePointer(ids, 0, NULL, FILE_BEGIN);
        swprintf(line, 4 * PATH, L"logits -m \"$M\" --ids - -o \"%ls\"", names[i]);
        child c = start_on(ids, NULL, words(line));
        check(end(&c) == 1 && GetFileSize(ids, NULL) == 3, "an output does not replace its input");
    }
    swprintf(line, 4 * PATH, L"logits -m \"$M\" --ids - -o \"$F\\other\"");
    SetFilePointer(ids, 0, NULL, FILE_BEGIN);
    child c = start_on(ids, NULL, words(line));
    check(end(&c) == 0 && count_files(L"$F\\other") == 1, "another file is written");
    CloseHandle(ids);
    DeleteFileW(words(L"$F\\ids")), DeleteFileW(words(L"$F\\hard"));
    DeleteFileW(words(L"$F\\other"));
    check(run(words(L"logits -m \"$M\" --ids 1,2 -o NUL"), (char[PRINTED]){0}) == 0 &&
              count_files(L"NUL*") == 0,
          "NUL is written, and is no file");
}

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
    send(&c, CTRL_C_EVENT);
    check(end(&c) == 130, "the run ends as ever");
    check(DeleteFileW(L"used.gguf") && count_files(L"used*") == 0 && count_files(L".used*") == 0,
          "nothing else is left");
}

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
    test_stop(CTRL_C_EVENT, 130, "Ctrl-C ends a run with 130");
    test_stop(CTRL_BREAK_EVENT, 130, "Ctrl-Break ends a run with 130");
    test_stop(CTRL_CLOSE_EVENT, 143, "the end of the console ends a run with 143");
    test_turns();
    test_nothing_left();
    test_batch();
    test_perplexity();
    test_closed();
    test_keys();
    test_input_survives();
    test_replace();
    test_names();
    printf("%d passed, %d failed, %d skipped\n", n_passed, n_failed, n_skipped);
    return n_failed > 0;
}
