/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffers double when they grow, so appending n bytes in pieces copies fewer than 2n.  Memory comes
 * from base/alloc.h, as in the library, so that tests can make it fail.  Waiting for input is
 * interrupted by a signal that interrupt.c has caught.
 */
#include "cli/text/buffer.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "cli/interrupt.h"

size_t nm_buffer_most(void)
{
    uint64_t n = nm_os_available_memory() / NM_BUFFER_COST;

    return n < NM_BUFFER_MOST ? (size_t)n : NM_BUFFER_MOST;
}

static bool fail_long(size_t most, nomul_error *err)
{
    return nm_fail(err, NOMUL_E_ARG,
                   "a text of more than %zu bytes: each takes up to %d bytes of memory; give it in "
                   "parts",
                   most, NM_BUFFER_COST);
}

/* Looks at the system's memory only when the buffer grows, that is, rarely. */
static bool reserve(nm_buffer *b, size_t more, nomul_error *err)
{
    if (more <= b->capacity - b->n_bytes) return true;
    if (more > SIZE_MAX / 2 - b->capacity) return nm_fail_memory(err, more);

    /* No overflow: see the line above.  Pieces of 64 KiB give 68 MiB, not 64, then 128, to a line
     * of NM_LINE_MOST. */
    size_t capacity = 2 * b->capacity + more + 4096;
    size_t most = capacity > NM_BUFFER_SMALL ? nm_buffer_most() : NM_BUFFER_MOST;
    if (b->n_bytes + more > most) return fail_long(most, err);
    if (capacity > most) capacity = most;
    char *data = nm_alloc(capacity);
    if (!data) return nm_fail_memory(err, capacity);
    if (b->n_bytes > 0) memcpy(data, b->data, b->n_bytes);
    nm_free(b->data);
    b->data = data;
    b->capacity = capacity;
    return true;
}

bool nm_buffer_add(nm_buffer *b, const char *data, size_t n_bytes, nomul_error *err)
{
    if (!reserve(b, n_bytes, err)) return false;
    if (n_bytes > 0) memcpy(b->data + b->n_bytes, data, n_bytes);
    b->n_bytes += n_bytes;
    return true;
}

void nm_buffer_drop(nm_buffer *b, size_t n_bytes)
{
    if (n_bytes == 0) return;
    b->n_bytes -= n_bytes;
    memmove(b->data, b->data + n_bytes, b->n_bytes);
}

void nm_buffer_free(nm_buffer *b)
{
    nm_free(b->data);
    *b = (nm_buffer){0};
}

size_t nm_buffer_without_newline(const char *text, size_t n_bytes)
{
    if (n_bytes > 0 && text[n_bytes - 1] == '\n') {
        n_bytes--;
        if (n_bytes > 0 && text[n_bytes - 1] == '\r') n_bytes--;
    }
    return n_bytes;
}

size_t nm_buffer_mark(const char *text, size_t n_bytes)
{
    return n_bytes >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0;
}

/* ---- Escapes --------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF";
    const char       *at = memchr(digits, c, sizeof digits - 1);

    return at ? (int)(at - digits) % 16 : -1;
}

void nm_buffer_unescape(nm_buffer *b)
{
    static const char letters[] = "nrt'\"\\", bytes[] = "\n\r\t'\"\\";
    size_t            to = 0;

    for (size_t from = 0, n; from < b->n_bytes; from += n) {
        const char *text = b->data + from, *letter;
        char        byte = text[0];
        size_t      left = b->n_bytes - from;

        n = 1;
        if (byte == '\\' && left >= 4 && text[1] == 'x') {
            int high = hex_digit(text[2]), low = hex_digit(text[3]);
            if (high >= 0 && low >= 0) byte = (char)(unsigned char)(high * 16 + low), n = 4;
        } else if (byte == '\\' && left >= 2 &&
                   (letter = memchr(letters, text[1], sizeof letters - 1))) {
            byte = bytes[letter - letters], n = 2;
        }
        b->data[to++] = byte;
    }
    b->n_bytes = to;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* A signal ends the wait.  (One between the check and the wait is noticed when it ends.) */
bool nm_buffer_read(nm_buffer *b, int fd, size_t *n_bytes, nomul_error *err)
{
    enum { PIECE = 1 << 16 };
    int number = EINTR;

    if (!reserve(b, PIECE, err)) return false;
    while (number == EINTR) {
        if (nm_interrupted()) return nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
        number = nm_os_wait_input(fd, -1);
        if (!number) number = nm_os_read(fd, b->data + b->n_bytes, PIECE, n_bytes);
    }
    if (number) return nm_fail_errno(err, NOMUL_E_IO, number);
    b->n_bytes += *n_bytes;
    return true;
}

int nm_buffer_open(const char *path, nomul_error *err)
{
    int fd = NM_OS_STDIN, number = 0;

    if (strcmp(path, "-") != 0) number = nm_os_open_stream(path, &fd);
    if (number == 0) return fd;
    nm_fail_errno(err, NOMUL_E_IO, number);
    nm_fail_in(err, "%s", path);
    return -1;
}

uint64_t nm_buffer_size(int fd)
{
    nm_os_status status;
    bool         known = nm_os_stat_open(fd, &status) == 0 && status.kind == NM_OS_REGULAR;

    return known ? status.size : 0;
}

void nm_buffer_close(int fd)
{
    if (fd != NM_OS_STDIN) nm_os_close(fd);
}

const char *nm_buffer_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

bool nm_buffer_add_file(nm_buffer *b, const char *path, nomul_error *err)
{
    int    fd = nm_buffer_open(path, err);
    size_t n = 1;
    bool   ok = true;

    if (fd < 0) return false;
    uint64_t size = nm_buffer_size(fd);
    if (size > NM_BUFFER_SMALL && size > nm_buffer_most())
        ok = fail_long(nm_buffer_most(), err); /* at once, not when the memory is full */
    while (ok && n > 0) ok = nm_buffer_read(b, fd, &n, err);
    nm_buffer_close(fd);
    return ok || nm_fail_in(err, "%s", nm_buffer_name(path));
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/*
 *   buffer  | lines that were returned | the next line so far | not searched for a newline |
 *           0                          at                     seen                   n_bytes
 */
nm_line nm_lines_next(nm_lines *l, bool wait, const char **line, size_t *n_bytes, nomul_error *err)
{
    nm_buffer *b = &l->buffer;

    for (;;) {
        size_t      n = b->n_bytes - l->seen;
        const char *newline = n > 0 ? memchr(b->data + l->seen, '\n', n) : NULL;

        l->seen = newline ? (size_t)(newline - b->data) : b->n_bytes;
        if (newline || l->ended) break;
        if (b->n_bytes - l->at > NM_LINE_MOST)
            return nm_fail(err, NOMUL_E_ARG, "a line of more than %zu bytes", NM_LINE_MOST),
                   NM_LINE_FAILED;
        if (!wait && nm_os_wait_input(l->fd, 0) == ETIMEDOUT) return NM_LINE_LATER;
        nm_buffer_drop(b, l->at); /* once for each piece that is read, not for each line */
        l->seen -= l->at, l->at = 0;
        if (!nm_buffer_read(b, l->fd, &n, err)) return NM_LINE_FAILED;
        l->ended = n == 0;
    }
    if (!l->begun) l->at = nm_buffer_mark(b->data, l->seen);
    l->begun = true;
    if (l->at == b->n_bytes) return NM_LINE_END;
    *line = b->data + l->at;
    *n_bytes = l->seen - l->at;
    if (*n_bytes > 0 && (*line)[*n_bytes - 1] == '\r') --*n_bytes;
    l->at = l->seen < b->n_bytes ? l->seen + 1 : l->seen;
    l->seen = l->at;
    return NM_LINE_READ;
}
