/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/lines.h"

#include <string.h>
#include <unistd.h>

#include "base/error.h"

/* The bytes of lines given before make room. */
static void drop_read(nm_lines *l)
{
    if (l->at == 0) return;
    l->buffer.n_bytes -= l->at;
    memmove(l->buffer.data, l->buffer.data + l->at, l->buffer.n_bytes);
    l->at = 0;
}

/* The first newline not before `from`, or NULL. */
static const char *find_newline(const nm_lines *l, size_t from)
{
    size_t n = l->buffer.n_bytes - from;

    return n > 0 ? memchr(l->buffer.data + from, '\n', n) : NULL;
}

bool nm_lines_next(nm_lines *l, const char **line, size_t *n_bytes, nomul_error *err)
{
    size_t      n = 1;
    const char *newline = find_newline(l, l->at);

    while (!newline && !l->ended) {
        drop_read(l);
        size_t seen = l->buffer.n_bytes;
        if (!nm_text_read(&l->buffer, STDIN_FILENO, &n, err))
            return nm_fail_in(err, "%s", nm_text_name("-"));
        l->ended = n == 0;
        newline = find_newline(l, seen);
    }
    size_t left = l->buffer.n_bytes - l->at;
    *line = left > 0 ? l->buffer.data + l->at : NULL;
    *n_bytes = newline ? (size_t)(newline - *line) : left;
    l->at += *n_bytes + (newline != NULL);
    return true;
}

void nm_lines_free(nm_lines *l)
{
    nm_text_free(&l->buffer);
    *l = (nm_lines){0};
}
