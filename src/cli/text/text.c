/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text/text.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/error.h"
#include "cli/interrupt.h"

static bool reserve(nm_text *text, size_t more, nomul_error *err)
{
    if (more <= text->capacity - text->n_bytes) return true;
    if (more > SIZE_MAX / 2 - text->capacity) return nm_fail_memory(err, more);

    size_t capacity = 2 * text->capacity + more;
    char  *data = nm_alloc(capacity);
    if (!data) return nm_fail_memory(err, capacity);
    if (text->n_bytes > 0) memcpy(data, text->data, text->n_bytes);
    nm_free(text->data);
    text->data = data;
    text->capacity = capacity;
    return true;
}

bool nm_text_add(nm_text *text, const char *data, size_t n_bytes, nomul_error *err)
{
    if (!reserve(text, n_bytes, err)) return false;
    if (n_bytes > 0) memcpy(text->data + text->n_bytes, data, n_bytes);
    text->n_bytes += n_bytes;
    return true;
}

void nm_text_free(nm_text *text)
{
    nm_free(text->data);
    *text = (nm_text){0};
}

/*
 * Handlers restart a read; a poll they never do.  So a Ctrl-C while nothing comes ends the wait.
 * (One that falls between the check and poll is seen when the next comes.)
 */
static bool wait_for_bytes(int fd, nomul_error *err)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    while (!nm_interrupted()) {
        if (poll(&wait, 1, -1) >= 0) return true;
        if (errno != EINTR) return nm_fail(err, NOMUL_E_IO, "%s", strerror(errno));
    }
    return nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
}

bool nm_text_read(nm_text *text, int fd, size_t *n_bytes, nomul_error *err)
{
    enum { PIECE = 1 << 16 };
    ssize_t n;

    do {
        if (!reserve(text, PIECE, err) || !wait_for_bytes(fd, err)) return false;
        n = read(fd, text->data + text->n_bytes, PIECE);
    } while (n < 0 && errno == EINTR);
    if (n < 0) return nm_fail(err, NOMUL_E_IO, "%s", strerror(errno));
    text->n_bytes += (size_t)n;
    *n_bytes = (size_t)n;
    return true;
}

/* A pipe that nobody writes to yet is waited for as for its bytes, where a Ctrl-C is heard. */
int nm_text_open(const char *path, nomul_error *err)
{
    if (strcmp(path, "-") == 0) return STDIN_FILENO;

    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        nm_fail(err, NOMUL_E_IO, "%s: %s", path, strerror(errno));
    else
        fcntl(fd, F_SETFL, O_RDONLY);
    return fd;
}

void nm_text_close(int fd)
{
    if (fd != STDIN_FILENO) close(fd);
}

const char *nm_text_name(const char *path)
{
    return strcmp(path, "-") == 0 ? "standard input" : path;
}

bool nm_text_add_file(nm_text *text, const char *path, nomul_error *err)
{
    int    fd = nm_text_open(path, err);
    size_t n = 1;
    bool   ok = true;

    if (fd < 0) return false;
    while (ok && n > 0) ok = nm_text_read(text, fd, &n, err);
    nm_text_close(fd);
    return ok || nm_fail_in(err, "%s", nm_text_name(path));
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* The escape at text[0] == '\\': its byte, and how many bytes spell it; 0 if it is none. */
static size_t escape(const char *text, size_t n_bytes, char *byte)
{
    static const char letters[] = "nrt'\"\\", bytes[] = "\n\r\t'\"\\";

    if (n_bytes < 2) return 0;
    if (text[1] == 'x' && n_bytes >= 4) {
        int high = hex_digit(text[2]), low = hex_digit(text[3]);
        *byte = (char)(unsigned char)(high * 16 + low);
        return high >= 0 && low >= 0 ? 4 : 0;
    }
    const char *letter = memchr(letters, text[1], sizeof letters - 1);
    if (!letter) return 0;
    *byte = bytes[letter - letters];
    return 2;
}

void nm_text_unescape(nm_text *text)
{
    size_t to = 0;

    for (size_t from = 0; from < text->n_bytes;) {
        char   byte = text->data[from];
        size_t n = byte == '\\' ? escape(text->data + from, text->n_bytes - from, &byte) : 1;
        if (n == 0) {
            byte = '\\';
            n = 1;
        }
        text->data[to++] = byte;
        from += n;
    }
    text->n_bytes = to;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/* Is there a newline in what was read?  It is then at text.data[seen]. */
static bool find_newline(nm_lines *l)
{
    size_t      n = l->text.n_bytes - l->seen;
    const char *found = n > 0 ? memchr(l->text.data + l->seen, '\n', n) : NULL;

    l->seen = found ? (size_t)(found - l->text.data) : l->text.n_bytes;
    return found != NULL;
}

static void take(nm_lines *l, size_t end, const char **line, size_t *n_bytes)
{
    size_t n = end - l->at;

    *line = l->text.data + l->at;
    *n_bytes = n > 0 && (*line)[n - 1] == '\r' ? n - 1 : n;
}

/* Is there something to read, or an end or an error to find? */
static bool is_ready(int fd)
{
    struct pollfd wait = {.fd = fd, .events = POLLIN};

    return poll(&wait, 1, 0) != 0;
}

/* Only the beginning of a line is left: it moves to the front, more goes behind it. */
static bool read_more(nm_lines *l, nomul_error *err)
{
    size_t n = 0;

    if (l->at > 0) {
        memmove(l->text.data, l->text.data + l->at, l->text.n_bytes - l->at);
        l->text.n_bytes -= l->at, l->seen -= l->at, l->at = 0;
    }
    if (!nm_text_read(&l->text, l->fd, &n, err)) return false;
    l->ended = n == 0;
    return true;
}

nm_line nm_lines_next(nm_lines *l, bool wait, const char **line, size_t *n_bytes, nomul_error *err)
{
    while (!find_newline(l) && !l->ended) {
        if (!wait && !is_ready(l->fd)) return NM_LINE_LATER;
        if (!read_more(l, err)) return NM_LINE_FAILED;
    }
    if (l->at == l->text.n_bytes) return NM_LINE_END;
    take(l, l->seen, line, n_bytes);
    l->at = l->seen < l->text.n_bytes ? l->seen + 1 : l->seen;
    l->seen = l->at;
    return NM_LINE_READ;
}

void nm_lines_free(nm_lines *lines)
{
    nm_text_free(&lines->text);
}
