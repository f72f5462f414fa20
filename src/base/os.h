/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operating system: all that C11 and pthreads leave out.  Each os_SYSTEM.c implements it for
 * the system that its first line asks for and is empty on others; no other file includes a header
 * of a system or asks which one it is.  It holds mechanisms only: what a temporary file is called
 * or when the program stops is decided by the callers.
 *
 * Functions return 0 or an errno number, unless they say otherwise.  They set no errno, print
 * nothing and allocate nothing that the caller has to free.  Paths, arguments and the environment
 * are UTF-8 on Windows and bytes elsewhere; '/' separates names on every system.
 */
#ifndef NM_OS_H
#define NM_OS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Memory ---------------------------------------------------------------------------------- */

/* As aligned_alloc and free. */
void *nm_os_alloc(size_t alignment, size_t n_bytes);
void  nm_os_free(void *block);

/*
 * Asks for large pages, for a block of some MiB that is read to its end, as weights are: up to 10 %
 * faster under a hypervisor, where every page of 4 KiB is translated twice.  A mapped file can have
 * them in the page cache, if the file system supports it and the file is not cached yet.  Advice:
 * the system may ignore it, and does so for less than 4 MiB.
 */
void nm_os_large_pages(const void *block, size_t n_bytes);

/* ---- Files ----------------------------------------------------------------------------------- */

#define NM_OS_PATH 4096 /* bytes of the longest path, its '\0' counted */

enum { NM_OS_STDIN, NM_OS_STDOUT, NM_OS_STDERR };

typedef enum nm_os_kind { NM_OS_REGULAR, NM_OS_FOLDER, NM_OS_OTHER } nm_os_kind;

typedef struct nm_os_status {
    nm_os_kind kind;
    unsigned   mode; /* permission bits, as in chmod */
    uint64_t   size;
    uint64_t   volume, number; /* equal for two names of one file */
} nm_os_status;

int nm_os_stat(const char *path, nm_os_status *status);
int nm_os_stat_open(int fd, nm_os_status *status);
/* Is this a symbolic link, whether or not it leads to a file? */
bool nm_os_is_link(const char *path);

/* For reading.  Opening never waits, not even for the writer of a pipe. */
int nm_os_open(const char *path, int *fd);
/* A folder; EEXIST if there is something of that name. */
int nm_os_make_folder(const char *path, unsigned mode);
/* For writing; EEXIST if there is something of that name. */
int nm_os_create(const char *path, unsigned mode, int *fd);
/* EACCES, EROFS, EBADF ..: the user may not write what is at this path. */
int nm_os_may_write(const char *path);
/*
 * The open descriptor of this process that a path names, as /dev/stdout and /dev/fd/3 do, by links
 * too; else -1.
 */
int nm_os_descriptor(const char *path);
/*
 * For writing what is there, from where it stands: a pipe, a device, what the shell opened.  *at is
 * that place if earlier bytes can be written again with nm_os_write_at, else UINT64_MAX.  ENXIO for
 * a pipe that nobody reads.
 */
int nm_os_open_through(const char *path, int *fd, uint64_t *at);
int nm_os_close(int fd);
int nm_os_set_mode(int fd, unsigned mode);

/* At most 1 GiB at once, which some systems demand; *n_done is 0 at the end of the file. */
int nm_os_read_at(int fd, uint64_t offset, void *to, size_t n_bytes, size_t *n_done);
int nm_os_write_at(int fd, uint64_t offset, const void *from, size_t n_bytes, size_t *n_done);
/* The next bytes of what nm_os_open_through opened. */
int nm_os_write(int fd, const void *from, size_t n_bytes, size_t *n_done);

/* To the disk.  0 also where the file system has no such operation. */
int nm_os_sync(int fd);
/* Makes renames in a folder survive a power failure, where the system offers that. */
void nm_os_sync_folder(const char *path);
/*
 * Renames a file.  Another of the new name is replaced in one step, even while it is open or
 * mapped: whoever has it open keeps the old content.
 */
int nm_os_replace(const char *from, const char *to);
int nm_os_remove(const char *path);
/* A folder with nothing in it. */
int nm_os_remove_folder(const char *path);
/*
 * Opens a file, which is made if need be, for this process alone: EBUSY while another process has
 * it so.  nm_os_close gives it up, and so does the end of the process, however it dies.  0 also
 * where the file system has no locks.
 */
int nm_os_lock(const char *path, int *fd);

/* The absolute path of something that exists, without symbolic links. */
int nm_os_real_path(const char *path, char real[NM_OS_PATH]);
/* Where the last name of a path begins: strlen(path) if it ends with a separator. */
size_t nm_os_name_at(const char *path);

/* All of a file that is not empty, read-only. */
int  nm_os_map(int fd, size_t n_bytes, void **at);
void nm_os_unmap(void *at, size_t n_bytes);

/* ---- Streams: standard input, pipes, terminals ----------------------------------------------- */

/* Opens for nm_os_read, as nm_os_open does; the reads then wait for data. */
int nm_os_open_stream(const char *path, int *fd);
/*
 * Waits until nm_os_read would not wait: at most so many milliseconds, or if negative as long as
 * it takes.  ETIMEDOUT when they are over; EINTR after a signal, or at any other time: ask whether
 * to stop, then wait again.
 */
int nm_os_wait_input(int fd, int milliseconds);
/* *n_done is 0 at the end.  EINTR as above.  A Windows console gives UTF-8. */
int nm_os_read(int fd, void *to, size_t n_bytes, size_t *n_done);

bool nm_os_is_terminal(int fd);
/* One that obeys escape sequences: TERM is not dumb, or the console's mode says so. */
bool nm_os_has_escapes(int fd);
/* Columns and rows of a terminal; false: it is none, or does not say. */
bool nm_os_terminal_size(int fd, size_t *columns, size_t *rows);

/*
 * Standard input, a terminal, by keys: nm_os_read gives every key at once and unedited, as the
 * bytes that a VT100 sends, without echo and without a limit for a line; Ctrl-C and Ctrl-Z stay
 * signals.  A program that stops, ends or dies meanwhile has to put back what it saved: a shell
 * does not always.
 */
typedef struct nm_os_keys {
    _Alignas(8) unsigned char former[128]; /* the system's own */
} nm_os_keys;

int nm_os_keys_save(nm_os_keys *keys);
/* By keys, or as it was saved; false in the background, where the terminal is another's. */
bool nm_os_keys_set(const nm_os_keys *keys, bool by_keys);
/* Does the terminal of standard input echo what is typed?  (By keys it does not.) */
bool nm_os_echoes(void);

/* ---- Clocks and processors ------------------------------------------------------------------- */

uint64_t nm_os_nanoseconds(void);        /* from some moment in the past, only forward */
uint64_t nm_os_thread_nanoseconds(void); /* CPU time of the calling thread, where it is that fine */
/* From the time of day and the process: for temporary names, and seeds where there is no better. */
uint64_t nm_os_unlike(void);
/* Random bytes of the system; false if there are none. */
bool nm_os_random(void *to, size_t n_bytes);

/*
 * Processors that this process may use, at least 1: by affinity and the quota of its control
 * groups, and only those of the fastest kind where the system tells kinds apart.
 */
size_t nm_os_processors(void);
/*
 * Bytes that the process can have now without others being swapped out or it being killed: what is
 * free or can be freed, and what its control groups and ulimit -v leave.  UINT64_MAX if the system
 * does not say.
 */
uint64_t nm_os_available_memory(void);
/* The processor's name, else its architecture. */
void nm_os_processor_name(char *name, size_t size);
/* The process, to recognize a forked child. */
uint64_t nm_os_process(void);

/* ---- The program ----------------------------------------------------------------------------- */

/*
 * At the start of main: replaces the arguments by UTF-8 where they are something else; opens the
 * standard streams that are closed and makes all binary; a closed pipe or a file grown too large is
 * from then on an error of write, not a death.
 */
void nm_os_begin(int *argc, char ***argv);
/* The value lives as long as the program; NULL if there is none. */
const char *nm_os_environment(const char *name);
/* The folder of the running program, with a separator at its end; "" if it is unknown. */
void nm_os_program_folder(const char *argv0, char folder[NM_OS_PATH]);
/* Into text, as strerror. */
void nm_os_error_text(int number, char *text, size_t size);
/* errno after stdio could not write; EPIPE if the reader has gone. */
int nm_os_write_error(void);

/*
 * Calls the handler for Ctrl-C and when the system asks the program to end: SIGINT, SIGTERM or
 * another signal's number.  It runs at any moment, on any thread, and may use atomic variables,
 * nm_os_nanoseconds and the functions below.
 */
void nm_os_on_stop(void (*handler)(int signal));
/* Calls the handler, which must not return, when a mapped file can't be read. */
void nm_os_on_lost_file(void (*handler)(int signal));
/*
 * Calls `leave` when a signal that nothing else handles will stop or kill the program: it ends with
 * nm_os_leave, which does so.  `back`: the program was stopped and continues.  From now on a change
 * of a terminal's size interrupts nm_os_wait_input.
 */
void nm_os_on_leave(void (*leave)(int signal), void (*back)(int signal));
void nm_os_leave(int signal);
/* A way out for handlers. */
_Noreturn void nm_os_exit_now(int code);
/* To stderr, past stdio. */
void nm_os_say(const char *text);
/* nm_os_remove and nm_os_keys_set are the others. */

#endif
