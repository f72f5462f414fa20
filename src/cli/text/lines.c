/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text/lines.h"

#include <poll.h>
#include <string.h>

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
