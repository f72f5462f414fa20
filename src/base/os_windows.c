/* SPDX-License-Identifier: Apache-2.0 */
/*
 * os.h for Windows 10 and later.  Files are descriptors of the C runtime, as elsewhere, around
 * handles that were opened so that others may read, rename and delete the file meanwhile.  Paths
 * and arguments are UTF-8 outside of this file and UTF-16 in its calls.
 */
#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#ifndef _WIN32_WINNT
#define _WIN32_WINNT 0x0A00
#endif

#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <windows.h>

#include <bcrypt.h>
#include <shellapi.h>

#define CALL_BYTES ((DWORD)1 << 30)
#define WAIT_STEP 20  /* ms between two looks at a pipe */
#define WAIT_MOST 200 /* ms after which a wait ends, so that its caller can ask whether to stop */

/* ---- Errors and paths ------------------------------------------------------------------------ */

static int errno_of(DWORD error)
{
    static const struct {
        DWORD error;
        int   number;
    } rows[] = {
        {ERROR_FILE_NOT_FOUND, ENOENT},
        {ERROR_PATH_NOT_FOUND, ENOENT},
        {ERROR_INVALID_NAME, ENOENT},
        {ERROR_BAD_NETPATH, ENOENT},
        {ERROR_DIRECTORY, ENOTDIR},
        {ERROR_ACCESS_DENIED, EACCES},
        {ERROR_SHARING_VIOLATION, EBUSY},
        {ERROR_LOCK_VIOLATION, EBUSY},
        {ERROR_USER_MAPPED_FILE, EBUSY},
        {ERROR_FILE_EXISTS, EEXIST},
        {ERROR_ALREADY_EXISTS, EEXIST},
        {ERROR_DISK_FULL, ENOSPC},
        {ERROR_HANDLE_DISK_FULL, ENOSPC},
        {ERROR_WRITE_PROTECT, EROFS},
        {ERROR_NOT_ENOUGH_MEMORY, ENOMEM},
        {ERROR_OUTOFMEMORY, ENOMEM},
        {ERROR_COMMITMENT_LIMIT, ENOMEM},
        {ERROR_FILE_TOO_LARGE, EFBIG},
        {ERROR_FILENAME_EXCED_RANGE, ENAMETOOLONG},
        {ERROR_TOO_MANY_OPEN_FILES, EMFILE},
        {ERROR_INVALID_HANDLE, EBADF},
        {ERROR_BROKEN_PIPE, EPIPE},
        {ERROR_NO_DATA, EPIPE},
        {ERROR_PIPE_NOT_CONNECTED, EPIPE},
        {ERROR_OPERATION_ABORTED, EINTR},
        {ERROR_NO_UNICODE_TRANSLATION, EILSEQ},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].error == error) return rows[i].number;
    return EIO;
}

static int last_error(void)
{
    return errno_of(GetLastError());
}

#define WIDE (NM_OS_PATH + 8)

/*
 * UTF-8 to a path that is not limited to 260 characters: absolute, with \\?\ before it.  What has
 * that already, devices (NUL, CON) and names relative to them are left as they are.
 */
static int widen(const char *path, wchar_t wide[WIDE])
{
    wchar_t typed[NM_OS_PATH];

    if (!*path) return ENOENT;
    if (!MultiByteToWideChar(CP_UTF8, MB_ERR_INVALID_CHARS, path, -1, typed, NM_OS_PATH)) {
        DWORD error = GetLastError();
        return error == ERROR_INSUFFICIENT_BUFFER ? ENAMETOOLONG : errno_of(error);
    }
    DWORD n = GetFullPathNameW(typed, NM_OS_PATH, wide + 8, NULL);
    if (n == 0) return last_error();
    if (n >= NM_OS_PATH) return ENAMETOOLONG;
    const wchar_t *full = wide + 8;
    if (wcsncmp(full, L"\\\\?\\", 4) == 0 || wcsncmp(full, L"\\\\.\\", 4) == 0)
        memmove(wide, full, (n + 1) * sizeof *wide);
    else if (full[0] == '\\' && full[1] == '\\') { /* \\server\share */
        memmove(wide + 8, full + 2, (n - 1) * sizeof *wide);
        memcpy(wide, L"\\\\?\\UNC\\", 8 * sizeof *wide);
    } else {
        memmove(wide + 4, full, (n + 1) * sizeof *wide);
        memcpy(wide, L"\\\\?\\", 4 * sizeof *wide);
    }
    return 0;
}

static HANDLE handle_of(int fd)
{
    return (HANDLE)_get_osfhandle(fd);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

void *nm_os_alloc(size_t alignment, size_t n_bytes)
{
    return _aligned_malloc(n_bytes, alignment);
}

void nm_os_free(void *block)
{
    _aligned_free(block);
}

/* Windows has large pages for accounts with a privilege only, and none for files. */
void nm_os_large_pages(const void *block, size_t n_bytes)
{
    (void)block, (void)n_bytes;
}

/* ---- Files ----------------------------------------------------------------------------------- */

#define SHARE_ALL (FILE_SHARE_READ | FILE_SHARE_WRITE | FILE_SHARE_DELETE)

static int stat_handle(HANDLE handle, nm_os_status *status)
{
    BY_HANDLE_FILE_INFORMATION info;

    *status = (nm_os_status){.kind = NM_OS_OTHER, .mode = 0666};
    if (GetFileType(handle) != FILE_TYPE_DISK) return 0;
    if (!GetFileInformationByHandle(handle, &info)) return last_error();
    bool folder = (info.dwFileAttributes & FILE_ATTRIBUTE_DIRECTORY) != 0;
    status->kind = folder ? NM_OS_FOLDER : NM_OS_REGULAR;
    if (info.dwFileAttributes & FILE_ATTRIBUTE_READONLY) status->mode = 0444;
    status->size = (uint64_t)info.nFileSizeHigh << 32 | info.nFileSizeLow;
    status->volume = info.dwVolumeSerialNumber;
    status->number = (uint64_t)info.nFileIndexHigh << 32 | info.nFileIndexLow;
    return 0;
}

/* Folders too; without any access, so that the file may be locked. */
static HANDLE open_to_look(const wchar_t *wide, DWORD flags)
{
    return CreateFileW(wide, 0, SHARE_ALL, NULL, OPEN_EXISTING, FILE_FLAG_BACKUP_SEMANTICS | flags,
                       NULL);
}

int nm_os_stat(const char *path, nm_os_status *status)
{
    wchar_t wide[WIDE];
    int     number = widen(path, wide);

    if (number) return number;
    HANDLE handle = open_to_look(wide, 0);
    if (handle == INVALID_HANDLE_VALUE) return last_error();
    number = stat_handle(handle, status);
    CloseHandle(handle);
    return number;
}

int nm_os_stat_open(int fd, nm_os_status *status)
{
    return stat_handle(handle_of(fd), status);
}

bool nm_os_is_link(const char *path)
{
    wchar_t wide[WIDE];

    if (widen(path, wide) != 0) return false;
    DWORD attributes = GetFileAttributesW(wide);
    return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_REPARSE_POINT);
}

/* A descriptor around a handle, which is closed if that fails. */
static int wrap(HANDLE handle, int flags, int *fd)
{
    *fd = -1;
    if (handle == INVALID_HANDLE_VALUE) return last_error();
    *fd = _open_osfhandle((intptr_t)handle, flags | _O_BINARY | _O_NOINHERIT);
    if (*fd >= 0) return 0;
    CloseHandle(handle);
    return EMFILE;
}

int nm_os_open(const char *path, int *fd)
{
    wchar_t      wide[WIDE];
    nm_os_status status;
    int          number = widen(path, wide);

    *fd = -1;
    if (number) return number;
    HANDLE handle = CreateFileW(wide, GENERIC_READ, SHARE_ALL, NULL, OPEN_EXISTING,
                                FILE_FLAG_BACKUP_SEMANTICS, NULL);
    if (handle == INVALID_HANDLE_VALUE && GetLastError() == ERROR_ACCESS_DENIED &&
        nm_os_stat(path, &status) == 0 && status.kind == NM_OS_FOLDER)
        handle = open_to_look(wide, 0); /* for the caller to refuse it by its kind */
    return wrap(handle, _O_RDONLY, fd);
}

int nm_os_make_folder(const char *path, unsigned mode)
{
    wchar_t wide[WIDE];
    int     number = widen(path, wide);

    (void)mode; /* as that of the folder around it */
    return number ? number : CreateDirectoryW(wide, NULL) ? 0 : last_error();
}

int nm_os_create(const char *path, unsigned mode, int *fd)
{
    wchar_t wide[WIDE];
    int     number = widen(path, wide);

    *fd = -1;
    if (number) return number;
    /* DELETE: nm_os_set_mode and a rename by handle need it. */
    number = wrap(CreateFileW(wide, GENERIC_READ | GENERIC_WRITE | DELETE, SHARE_ALL, NULL,
                              CREATE_NEW, FILE_ATTRIBUTE_NORMAL, NULL),
                  _O_RDWR, fd);
    (void)mode; /* a file that is read-only could not be renamed: see nm_os_replace */
    return number;
}

/* Devices as well, which have no attributes. */
int nm_os_may_write(const char *path)
{
    nm_os_status status;
    int          number = nm_os_stat(path, &status);

    return number ? number : status.mode & 0200 ? 0 : EACCES;
}

/* No name stands for a descriptor. */
int nm_os_descriptor(const char *path)
{
    (void)path;
    return -1;
}

int nm_os_open_through(const char *path, int *fd, uint64_t *at)
{
    wchar_t wide[WIDE];
    int     number = widen(path, wide);

    *fd = -1, *at = UINT64_MAX;
    if (number) return number;
    return wrap(CreateFileW(wide, GENERIC_WRITE, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL),
                _O_WRONLY, fd);
}

int nm_os_write(int fd, const void *from, size_t n_bytes, size_t *n_done)
{
    DWORD n = 0, part = n_bytes < CALL_BYTES ? (DWORD)n_bytes : CALL_BYTES;
    bool  ok = WriteFile(handle_of(fd), from, part, &n, NULL);

    *n_done = n;
    return ok ? 0 : last_error();
}

int nm_os_close(int fd)
{
    return _close(fd) == 0 ? 0 : errno;
}

int nm_os_set_mode(int fd, unsigned mode)
{
    FILE_BASIC_INFO info;

    if (!GetFileInformationByHandleEx(handle_of(fd), FileBasicInfo, &info, sizeof info))
        return last_error();
    info.FileAttributes &= ~(DWORD)FILE_ATTRIBUTE_READONLY;
    if (!(mode & 0200)) info.FileAttributes |= FILE_ATTRIBUTE_READONLY;
    if (!info.FileAttributes) info.FileAttributes = FILE_ATTRIBUTE_NORMAL;
    return SetFileInformationByHandle(handle_of(fd), FileBasicInfo, &info, sizeof info)
               ? 0
               : last_error();
}

static OVERLAPPED at_offset(uint64_t offset)
{
    return (OVERLAPPED){.Offset = (DWORD)offset, .OffsetHigh = (DWORD)(offset >> 32)};
}

int nm_os_read_at(int fd, uint64_t offset, void *to, size_t n_bytes, size_t *n_done)
{
    OVERLAPPED at = at_offset(offset);
    DWORD      n = 0, part = n_bytes < CALL_BYTES ? (DWORD)n_bytes : CALL_BYTES;
    bool       ok = ReadFile(handle_of(fd), to, part, &n, &at);

    *n_done = n;
    return ok || GetLastError() == ERROR_HANDLE_EOF ? 0 : last_error();
}

int nm_os_write_at(int fd, uint64_t offset, const void *from, size_t n_bytes, size_t *n_done)
{
    OVERLAPPED at = at_offset(offset);
    DWORD      n = 0, part = n_bytes < CALL_BYTES ? (DWORD)n_bytes : CALL_BYTES;
    bool       ok = WriteFile(handle_of(fd), from, part, &n, &at);

    *n_done = n;
    return ok ? 0 : last_error();
}

/* Devices have no disk, and say so in various ways; a pipe would wait for its reader. */
int nm_os_sync(int fd)
{
    if (GetFileType(handle_of(fd)) != FILE_TYPE_DISK) return 0;
    return FlushFileBuffers(handle_of(fd)) ? 0 : last_error();
}

/* NTFS keeps a journal of its folders. */
void nm_os_sync_folder(const char *path)
{
    (void)path;
}

/* FILE_RENAME_INFO with room for a path, and the class and flags of Windows 10, version 1709. */
typedef struct rename_info {
    DWORD   flags;
    HANDLE  root;
    DWORD   n_bytes;
    wchar_t name[WIDE];
} rename_info;

#define FILE_RENAME_INFO_EX ((FILE_INFO_BY_HANDLE_CLASS)22)
#define RENAME_REPLACES 0x1
#define RENAME_LIKE_POSIX 0x2
#define RENAME_OVER_READ_ONLY 0x40

/*
 * First with the semantics of POSIX, which replace a file that is open.  File systems without them
 * (FAT, old servers) have the older call, which replaces a file that is not open.  If that is
 * refused too, the old file is renamed to the temporary name and ".old", since even a mapped file
 * can be renamed; it stays there if it can't be deleted yet.
 */
int nm_os_replace(const char *from, const char *to)
{
    wchar_t     source[WIDE], aside[WIDE + 8];
    rename_info info = {.flags = RENAME_REPLACES | RENAME_LIKE_POSIX | RENAME_OVER_READ_ONLY};
    int         number = widen(from, source);

    if (number == 0) number = widen(to, info.name);
    if (number) return number;
    info.n_bytes = (DWORD)(wcslen(info.name) * sizeof(wchar_t));
    HANDLE handle =
        CreateFileW(source, DELETE | SYNCHRONIZE, SHARE_ALL, NULL, OPEN_EXISTING, 0, NULL);
    if (handle == INVALID_HANDLE_VALUE) return last_error();
    bool done = SetFileInformationByHandle(handle, FILE_RENAME_INFO_EX, &info, sizeof info);
    CloseHandle(handle);
    if (done || MoveFileExW(source, info.name, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
        return 0;
    number = last_error();
    if (number != EACCES && number != EBUSY) return number;
    _snwprintf(aside, WIDE + 8, L"%ls.old", source);
    if (!MoveFileExW(info.name, aside, 0)) return number;
    if (!MoveFileExW(source, info.name, MOVEFILE_WRITE_THROUGH)) {
        MoveFileExW(aside, info.name, 0);
        return number;
    }
    SetFileAttributesW(aside, FILE_ATTRIBUTE_NORMAL); /* or a read-only file stays */
    DeleteFileW(aside);
    return 0;
}

int nm_os_remove(const char *path)
{
    wchar_t wide[WIDE];
    int     number = widen(path, wide);

    return number ? number : DeleteFileW(wide) ? 0 : last_error();
}

int nm_os_remove_folder(const char *path)
{
    wchar_t wide[WIDE];
    int     number = widen(path, wide);

    return number ? number : RemoveDirectoryW(wide) ? 0 : last_error();
}

/* Not shared: who opens it after us gets ERROR_SHARING_VIOLATION. */
int nm_os_lock(const char *path, int *fd)
{
    wchar_t wide[WIDE];
    int     number = widen(path, wide);

    *fd = -1;
    if (number) return number;
    return wrap(CreateFileW(wide, GENERIC_READ | GENERIC_WRITE, 0, NULL, OPEN_ALWAYS,
                            FILE_ATTRIBUTE_NORMAL, NULL),
                _O_RDWR, fd);
}

/*
 * Without \\?\ and with '/', as the program joins paths.  Some drivers of disks (and wine, for a
 * long path) do not tell a file's final path: then it is the absolute one, in which links stay.
 */
int nm_os_real_path(const char *path, char real[NM_OS_PATH])
{
    wchar_t        wide[WIDE], found[WIDE];
    const wchar_t *name = found;
    int            number = widen(path, wide);

    if (number) return number;
    HANDLE handle = open_to_look(wide, 0);
    if (handle == INVALID_HANDLE_VALUE) return last_error();
    DWORD n = GetFinalPathNameByHandleW(handle, found, WIDE, FILE_NAME_NORMALIZED);
    CloseHandle(handle);
    if (n >= WIDE) return ENAMETOOLONG;
    if (n == 0) wcscpy(found, wide);
    if (wcsncmp(found, L"\\\\?\\UNC\\", 8) == 0)
        found[6] = '\\', name = found + 6; /* \\server */
    else if (wcsncmp(found, L"\\\\?\\", 4) == 0)
        name = found + 4;
    if (!WideCharToMultiByte(CP_UTF8, 0, name, -1, real, NM_OS_PATH, NULL, NULL))
        return ENAMETOOLONG;
    for (char *c = real; *c; c++)
        if (*c == '\\') *c = '/';
    return 0;
}

size_t nm_os_name_at(const char *path)
{
    size_t at = 0;

    for (size_t i = 0; path[i]; i++)
        if (path[i] == '/' || path[i] == '\\' || (path[i] == ':' && i == 1)) at = i + 1;
    return at;
}

int nm_os_map(int fd, size_t n_bytes, void **at)
{
    HANDLE mapping = CreateFileMappingW(handle_of(fd), NULL, PAGE_READONLY, 0, 0, NULL);

    *at = NULL;
    if (!mapping) return last_error();
    *at = MapViewOfFile(mapping, FILE_MAP_READ, 0, 0, n_bytes);
    int number = *at ? 0 : last_error();
    CloseHandle(mapping); /* the view keeps it */
    return number;
}

void nm_os_unmap(void *at, size_t n_bytes)
{
    (void)n_bytes;
    UnmapViewOfFile(at);
}

/* ---- Streams --------------------------------------------------------------------------------- */

int nm_os_open_stream(const char *path, int *fd)
{
    return nm_os_open(path, fd);
}

/* A console is signalled when there are events.  A pipe cannot be waited for: it is looked at. */
int nm_os_wait_input(int fd, int milliseconds)
{
    HANDLE   handle = handle_of(fd);
    DWORD    type = GetFileType(handle), n_bytes = 0;
    uint64_t most =
        milliseconds < 0 || milliseconds > WAIT_MOST ? WAIT_MOST : (uint64_t)milliseconds;
    uint64_t began = nm_os_nanoseconds();
    DWORD    step = most ? WAIT_STEP : 0;

    if (handle == INVALID_HANDLE_VALUE) return EBADF;
    if (type != FILE_TYPE_PIPE && type != FILE_TYPE_CHAR) return 0;
    for (;;) { /* until there is a byte, an end or an error */
        if (type == FILE_TYPE_PIPE) {
            if (!PeekNamedPipe(handle, NULL, 0, NULL, &n_bytes, NULL) || n_bytes > 0) return 0;
            Sleep(step);
        } else if (WaitForSingleObject(handle, step) != WAIT_TIMEOUT) {
            return 0;
        }
        if (nm_os_nanoseconds() - began >= most * 1000000)
            return milliseconds >= 0 && most == (uint64_t)milliseconds ? ETIMEDOUT : EINTR;
    }
}

/*
 * A line of a console as UTF-8, of which a UTF-16 unit takes up to 3 bytes.  Ctrl-C aborts the
 * read; Ctrl-Z at the beginning of a line is the end.  By keys it is what was typed so far.
 */
static int read_console(HANDLE handle, char *to, size_t n_bytes, size_t *n_done)
{
    wchar_t wide[4096];
    DWORD   n = 0, most = n_bytes / 3 < 4095 ? (DWORD)(n_bytes / 3) : 4095, more = 0, mode = 0;

    GetConsoleMode(handle, &mode);
    SetLastError(0);
    if (!ReadConsoleW(handle, wide, most, &n, NULL)) return last_error();
    if (n == 0) return GetLastError() == ERROR_OPERATION_ABORTED ? EINTR : 0;
    if (IS_HIGH_SURROGATE(wide[n - 1]) && ReadConsoleW(handle, wide + n, 1, &more, NULL)) n += more;
    if (wide[0] == 0x1A && mode & ENABLE_LINE_INPUT) return 0;
    *n_done = (size_t)WideCharToMultiByte(CP_UTF8, 0, wide, (int)n, to, (int)n_bytes, NULL, NULL);
    return 0;
}

int nm_os_read(int fd, void *to, size_t n_bytes, size_t *n_done)
{
    HANDLE handle = handle_of(fd);
    DWORD  n = 0, part = n_bytes < CALL_BYTES ? (DWORD)n_bytes : CALL_BYTES;

    *n_done = 0;
    if (nm_os_is_terminal(fd)) return read_console(handle, to, part, n_done);
    if (!ReadFile(handle, to, part, &n, NULL)) {
        DWORD error = GetLastError();
        if (error == ERROR_BROKEN_PIPE || error == ERROR_HANDLE_EOF) return 0;
        /* Reading a folder is refused so elsewhere. */
        nm_os_status status;
        bool         folder = stat_handle(handle, &status) == 0 && status.kind == NM_OS_FOLDER;
        return folder ? EISDIR : errno_of(error);
    }
    *n_done = n;
    return 0;
}

bool nm_os_is_terminal(int fd)
{
    DWORD mode;

    return GetConsoleMode(handle_of(fd), &mode);
}

bool nm_os_has_escapes(int fd)
{
    DWORD mode;

    return GetConsoleMode(handle_of(fd), &mode) && mode & ENABLE_VIRTUAL_TERMINAL_PROCESSING;
}

bool nm_os_terminal_size(int fd, size_t *columns, size_t *rows)
{
    CONSOLE_SCREEN_BUFFER_INFO info;

    if (!GetConsoleScreenBufferInfo(handle_of(fd), &info)) return false;
    *columns = (size_t)(info.srWindow.Right - info.srWindow.Left + 1);
    *rows = (size_t)(info.srWindow.Bottom - info.srWindow.Top + 1);
    return true;
}

/* ---- Terminal by keys ------------------------------------------------------------------------ */

/* Consoles before Windows 10 1607 have no such mode: lines are read as before. */
int nm_os_keys_save(nm_os_keys *keys)
{
    HANDLE handle = handle_of(NM_OS_STDIN);
    DWORD  mode;

    if (!GetConsoleMode(handle, &mode)) return last_error();
    memcpy(keys->former, &mode, sizeof mode);
    if (!SetConsoleMode(handle, mode | ENABLE_VIRTUAL_TERMINAL_INPUT)) return ENOTSUP;
    SetConsoleMode(handle, mode);
    return 0;
}

bool nm_os_keys_set(const nm_os_keys *keys, bool by_keys)
{
    DWORD mode;

    memcpy(&mode, keys->former, sizeof mode);
    if (by_keys) {
        mode &= ~(DWORD)(ENABLE_LINE_INPUT | ENABLE_ECHO_INPUT);
        mode |= ENABLE_VIRTUAL_TERMINAL_INPUT;
    }
    return SetConsoleMode(handle_of(NM_OS_STDIN), mode);
}

bool nm_os_echoes(void)
{
    DWORD mode;

    return GetConsoleMode(handle_of(NM_OS_STDIN), &mode) && mode & ENABLE_ECHO_INPUT;
}

/* ---- Clocks and processors ------------------------------------------------------------------- */

uint64_t nm_os_nanoseconds(void)
{
    LARGE_INTEGER now, second;

    QueryPerformanceCounter(&now);
    QueryPerformanceFrequency(&second);
    uint64_t n = (uint64_t)now.QuadPart, f = (uint64_t)second.QuadPart;
    return n / f * 1000000000u + n % f * 1000000000u / f;
}

/*
 * GetThreadTimes counts ticks of 15.6 ms, and what is measured takes microseconds: elapsed time, of
 * which the callers take the least of several.
 */
uint64_t nm_os_thread_nanoseconds(void)
{
    return nm_os_nanoseconds();
}

uint64_t nm_os_unlike(void)
{
    FILETIME now;

    GetSystemTimePreciseAsFileTime(&now);
    uint64_t units = (uint64_t)now.dwHighDateTime << 32 | now.dwLowDateTime; /* of 100 ns */
    return 100 * units ^ nm_os_nanoseconds() ^ nm_os_process() << 40;
}

bool nm_os_random(void *to, size_t n_bytes)
{
    return BCryptGenRandom(NULL, to, (ULONG)n_bytes, BCRYPT_USE_SYSTEM_PREFERRED_RNG) == 0;
}

uint64_t nm_os_process(void)
{
    return GetCurrentProcessId();
}

static size_t count_bits(KAFFINITY mask)
{
    size_t n = 0;

    for (; mask; mask &= mask - 1) n++;
    return n;
}

/* Of the process's processor group; the cores of the highest efficiency class are the fastest. */
size_t nm_os_processors(void)
{
    union {
        SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX first;
        char                                    bytes[32 << 10];
    } table;
    DWORD_PTR ours = 0, all = 0;
    DWORD     n_bytes = sizeof table;
    KAFFINITY fast = 0;
    BYTE      best = 0;

    if (!GetProcessAffinityMask(GetCurrentProcess(), &ours, &all) || !ours) return 1;
    if (!GetLogicalProcessorInformationEx(RelationProcessorCore, &table.first, &n_bytes))
        return count_bits(ours);
    for (DWORD at = 0; at < n_bytes;) {
        const SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX *row = (const void *)(table.bytes + at);
        const PROCESSOR_RELATIONSHIP                  *core = &row->Processor;
        KAFFINITY                                      mask = core->GroupMask[0].Mask & ours;
        at += row->Size;
        if (core->GroupMask[0].Group != 0 || !mask || core->EfficiencyClass < best) continue;
        if (core->EfficiencyClass > best) fast = 0;
        best = core->EfficiencyClass;
        fast |= mask;
    }
    return count_bits(fast ? fast : ours);
}

uint64_t nm_os_available_memory(void)
{
    MEMORYSTATUSEX status = {.dwLength = sizeof status};

    if (!GlobalMemoryStatusEx(&status)) return UINT64_MAX;
    /* What can be promised, where a job's limit counts, and what is there without swapping. */
    return status.ullAvailPageFile < status.ullAvailPhys ? status.ullAvailPageFile
                                                         : status.ullAvailPhys;
}

void nm_os_processor_name(char *name, size_t size)
{
    static const wchar_t key[] = L"HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0";
    wchar_t              wide[200];
    DWORD                n_bytes = sizeof wide;
    SYSTEM_INFO          system;

    GetNativeSystemInfo(&system);
    snprintf(name, size, "%s",
             system.wProcessorArchitecture == PROCESSOR_ARCHITECTURE_ARM64 ? "arm64" : "x86_64");
    if (RegGetValueW(HKEY_LOCAL_MACHINE, key, L"ProcessorNameString", RRF_RT_REG_SZ, NULL, wide,
                     &n_bytes) == 0 &&
        wide[0])
        WideCharToMultiByte(CP_UTF8, 0, wide, -1, name, (int)size, NULL, NULL);
}

/* ---- The program ----------------------------------------------------------------------------- */

static char *narrow(const wchar_t *wide)
{
    int   n = WideCharToMultiByte(CP_UTF8, 0, wide, -1, NULL, 0, NULL, NULL);
    char *text = malloc((size_t)n + 1);

    if (text) WideCharToMultiByte(CP_UTF8, 0, wide, -1, text, n, NULL, NULL);
    return text;
}

/* What is converted lives as long as the program, and so is not freed. */
void nm_os_begin(int *argc, char ***argv)
{
    int       n = 0;
    wchar_t **wide = CommandLineToArgvW(GetCommandLineW(), &n);
    char    **all = calloc((size_t)n + 1, sizeof *all);

    for (int fd = 0; fd <= 2; fd++)
        if (_get_osfhandle(fd) >= 0) _setmode(fd, _O_BINARY);
    SetConsoleOutputCP(CP_UTF8);
    for (int fd = 1; fd <= 2; fd++) { /* colors and cursor motion, since Windows 10 */
        DWORD mode;
        if (GetConsoleMode(handle_of(fd), &mode))
            SetConsoleMode(handle_of(fd), mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING);
    }
    for (int i = 0; wide && all && i < n; i++)
        if (!(all[i] = narrow(wide[i]))) return;
    if (wide && all) *argv = all, *argc = n;
    LocalFree(wide);
}

const char *nm_os_environment(const char *name)
{
    wchar_t wide_name[128];

    if (!MultiByteToWideChar(CP_UTF8, 0, name, -1, wide_name, 128)) return NULL;
    const wchar_t *value = _wgetenv(wide_name);
    return value ? narrow(value) : NULL;
}

void nm_os_program_folder(const char *argv0, char folder[NM_OS_PATH])
{
    wchar_t wide[NM_OS_PATH];
    DWORD   n = GetModuleFileNameW(NULL, wide, NM_OS_PATH);

    (void)argv0;
    if (n == 0 || n >= NM_OS_PATH ||
        !WideCharToMultiByte(CP_UTF8, 0, wide, -1, folder, NM_OS_PATH, NULL, NULL))
        folder[0] = '\0';
    folder[nm_os_name_at(folder)] = '\0';
    for (char *c = folder; *c; c++)
        if (*c == '\\') *c = '/';
}

void nm_os_error_text(int number, char *text, size_t size)
{
    if (strerror_s(text, size, number) != 0) snprintf(text, size, "error %d", number);
}

/* The runtime reports a pipe without a reader as EINVAL. */
int nm_os_write_error(void)
{
    unsigned long error = 0;
    bool          unknown = errno == EINVAL && _get_doserrno(&error) == 0;

    return unknown && errno_of(error) == EPIPE ? EPIPE : errno;
}

/* The system's callbacks have no context: the handlers of this program. */
static void (*stop_handler)(int);
static void (*lost_handler)(int);

/* On a thread of its own.  A program whose window is closed ends when this returns. */
static BOOL WINAPI on_console(DWORD event)
{
    stop_handler(event == CTRL_C_EVENT || event == CTRL_BREAK_EVENT ? SIGINT : SIGTERM);
    if (event != CTRL_C_EVENT && event != CTRL_BREAK_EVENT) Sleep(INFINITE);
    return TRUE;
}

void nm_os_on_stop(void (*handler)(int signal))
{
    stop_handler = handler;
    SetConsoleCtrlHandler(NULL, FALSE); /* a parent may have had Ctrl-C ignored */
    SetConsoleCtrlHandler(on_console, TRUE);
}

static LONG WINAPI on_exception(EXCEPTION_POINTERS *exception)
{
    if (exception->ExceptionRecord->ExceptionCode == EXCEPTION_IN_PAGE_ERROR) lost_handler(SIGSEGV);
    return EXCEPTION_CONTINUE_SEARCH;
}

void nm_os_on_lost_file(void (*handler)(int signal))
{
    if (!lost_handler) AddVectoredExceptionHandler(1, on_exception);
    lost_handler = handler;
}

/* Programs are not stopped here, and whose console is closed needs no mode. */
void nm_os_on_leave(void (*leave)(int signal), void (*back)(int signal))
{
    (void)leave, (void)back;
}

void nm_os_leave(int signal)
{
    (void)signal;
}

_Noreturn void nm_os_exit_now(int code)
{
    TerminateProcess(GetCurrentProcess(), (UINT)code);
    for (;;) Sleep(INFINITE);
}

void nm_os_say(const char *text)
{
    DWORD n = 0;

    WriteFile(GetStdHandle(STD_ERROR_HANDLE), text, (DWORD)strlen(text), &n, NULL);
}

#else
typedef int nm_os_windows_is_empty; /* C forbids a file without a declaration */
#endif
