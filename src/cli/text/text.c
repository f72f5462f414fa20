/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffers double when they grow, so adding n bytes in pieces copies fewer than 2n.  Memory comes
 * from base/alloc.h, as in the library, so that tests can make it fail.
 */
#include "cli/text/text.h"

#include <errno.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
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

/* ---- Escapes --------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

/* If text begins with an escape: the byte that it stands for, and the escape's length; else 0. */
static size_t escape(const char *text, size_t n_bytes, char *byte)
{
    static const char letters[] = "nrt'\"\\", bytes[] = "\n\r\t'\"\\";

    if (n_bytes < 2 || text[0] != '\\') return 0;
    if (text[1] == 'x' && n_bytes >= 4) {
        int high = hex_digit(text[2]), low = hex_digit(text[3]);
        if (high < 0 || low < 0) return 0;
        *byte = (char)(unsigned char)(high * 16 + low);
        return 4;
    }
    const char *letter = memchr(letters, text[1], sizeof letters - 1);
    if (!letter) return 0;
    *byte = bytes[letter - letters];
    return 2;
}

void nm_text_unescape(nm_text *text)
{
    size_t from = 0, to = 0;

    while (from < text->n_bytes) {
        char   byte = text->data[from];
        size_t n = escape(text->data + from, text->n_bytes - from, &byte);
        text->data[to++] = byte;
        from += n > 0 ? n : 1;
    }
    text->n_bytes = to;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* A signal ends the wait.  (One between the check and the wait is noticed when it ends.) */
bool nm_text_read(nm_text *text, int fd, size_t *n_bytes, nomul_error *err)
{
    enum { PIECE = 1 << 16 };
    int number = EINTR;

    if (!reserve(text, PIECE, err)) return false;
    while (number == EINTR) {
        if (nm_interrupted()) return nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
        number = nm_os_wait_input(fd, -1);
        if (!number) number = nm_os_read(fd, text->data + text->n_bytes, PIECE, n_bytes);
    }
    if (number) return nm_fail_errno(err, NOMUL_E_IO, number);
    text->n_bytes += *n_bytes;
    return true;
}

int nm_text_open(const char *path, nomul_error *err)
{
    int fd = NM_OS_STDIN, number = 0;

    if (strcmp(path, "-") != 0) number = nm_os_open_stream(path, &fd);
    if (number == 0) return fd;
    nm_fail_errno(err, NOMUL_E_IO, number);
    nm_fail_in(err, "%s", path);
    return -1;
}

void nm_text_close(int fd)
{
    if (fd != NM_OS_STDIN) nm_os_close(fd);
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

/* ---- Lines ----------------------------------------------------------------------------------- */

nm_line nm_lines_next(nm_lines *l, bool wait, const char **line, size_t *n_bytes, nomul_error *err)
{
    nm_text *text = &l->text;

    for (;;) {
        size_t      n = text->n_bytes - l->seen;
        const char *newline = n > 0 ? memchr(text->data + l->seen, '\n', n) : NULL;

        l->seen = newline ? (size_t)(newline - text->data) : text->n_bytes;
        if (newline || l->ended) break;
        if (!wait && nm_os_wait_input(l->fd, 0) == ETIMEDOUT) return NM_LINE_LATER;
        if (l->at > 0) { /* only the beginning of a line is left: it moves to the front */
            memmove(text->data, text->data + l->at, text->n_bytes - l->at);
            text->n_bytes -= l->at, l->seen -= l->at, l->at = 0;
        }
        if (!nm_text_read(text, l->fd, &n, err)) return NM_LINE_FAILED;
        l->ended = n == 0;
    }
    if (l->at == text->n_bytes) return NM_LINE_END;
    *line = text->data + l->at;
    *n_bytes = l->seen - l->at;
    if (*n_bytes > 0 && (*line)[*n_bytes - 1] == '\r') --*n_bytes;
    l->at = l->seen < text->n_bytes ? l->seen + 1 : l->seen;
    l->seen = l->at;
    return NM_LINE_READ;
}

void nm_lines_free(nm_lines *lines)
{
    nm_text_free(&lines->text);
}
