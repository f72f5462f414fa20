/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A line of nomul run -i.  The terminal is read by keys only while a line is typed: during an
 * answer it is as it was, so that Ctrl-C and what is typed ahead are the system's business.
 * line_edit.c knows what a key does and what to draw; this file moves the bytes.
 */
#include "cli/run/typing.h"

#include <errno.h>
#include <stdio.h>

#include "base/error.h"
#include "base/os.h"
#include "cli/interrupt.h"

bool nm_typing_begin(nm_typing *t, const char *prompt, const char *style, bool keep,
                     nomul_error *err)
{
    t->lines.fd = NM_OS_STDIN;
    char path[NM_OS_PATH] = "";

    t->on_terminal = nm_os_is_terminal(NM_OS_STDIN);
    t->by_keys = t->on_terminal && nm_os_is_terminal(NM_OS_STDERR);
    t->edit = (nm_line_edit){.prompt = prompt,
                             .style = style,
                             .plain = !nm_os_has_escapes(NM_OS_STDERR),
                             .history = &t->history};
    t->edit.silent = t->edit.plain && !nm_os_echoes();
    if (t->by_keys && keep) nm_history_path(path);
    return nm_history_open(&t->history, path, err);
}

/* Brings the screen up to date; in a paste that has more parts, only at its end. */
static bool show(nm_typing *t, nomul_error *err)
{
    nm_line_edit *e = &t->edit;

    if (e->pasting && !e->end) return true;
    if (!nm_line_edit_draw(e, err)) return false;
    fwrite(e->screen.data, 1, e->screen.n_bytes, stderr);
    fflush(stderr);
    e->screen.n_bytes = 0;
    return true;
}

/* Has the screen another size, or other content, as after a stop? */
static bool look_around(nm_line_edit *e)
{
    size_t columns = 80, rows = 24;
    bool   lost = nm_keys_resumed();

    nm_os_terminal_size(NM_OS_STDERR, &columns, &rows);
    if (lost) nm_line_edit_lost(e);
    if (columns == e->columns && rows == e->rows) return lost;
    nm_line_edit_resize(e, columns, rows);
    return true;
}

/*
 * By keys, until one ends the line.  They are read into the lines' buffer, where others may be left
 * from before.  A signal that comes just before the wait does not end it: half a second does.
 */
static bool edit_line(nm_typing *t, nomul_error *err)
{
    nm_line_edit *e = &t->edit;
    nm_lines     *l = &t->lines;
    size_t        n = 0;
    int           number;

    nm_line_edit_begin(e);
    look_around(e);
    for (;;) {
        while (!e->end && l->at < l->buffer.n_bytes)
            if (!nm_line_edit_key(e, l->buffer.data[l->at++], err)) return false;
        if (!show(t, err)) return false;
        if (e->end) return true;
        nm_buffer_drop(&l->buffer, l->at);
        l->at = l->seen = 0;
        bool ok = true;
        do {
            number = nm_os_wait_input(l->fd, 500);
            if (nm_interrupted()) ok = nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
            if (ok && look_around(e)) ok = show(t, err);
        } while (ok && (number == EINTR || number == ETIMEDOUT));
        ok = ok && nm_buffer_read(&l->buffer, l->fd, &n, err);
        if (!ok || n == 0) e->end = NM_EDIT_CLOSE; /* n is 0: the terminal has gone */
        if (ok) continue;
        show(t, NULL);
        return false;
    }
}

/*
 * Without a screen there are no keys, and lines are the system's.  Of a terminal's line the editor
 * makes what its keys say, but shows nothing.
 */
nm_line nm_typing_next(nm_typing *t, const char **line, size_t *n_bytes, nomul_error *err)
{
    nm_line_edit *e = &t->edit;
    const char   *on = e->plain ? "" : NM_EDIT_ON, *off = e->plain ? "" : NM_EDIT_OFF;

    if (t->by_keys && nm_keys_begin(on, off)) {
        bool ok = edit_line(t, err);
        nm_keys_end();
        if (!ok) return NM_LINE_FAILED;
        if (e->end == NM_EDIT_CLOSE) return NM_LINE_END;
        if (!nm_history_add(&t->history, e->text.data, e->text.n_bytes, err)) return NM_LINE_FAILED;
    } else {
        if (t->on_terminal) fputs(e->prompt, stderr);
        nm_line next = nm_lines_next(&t->lines, true, line, n_bytes, err);
        if (!t->on_terminal) return next;
        if (next != NM_LINE_READ) fputs("\n", stderr);
        if (next != NM_LINE_READ) return next;
        nm_line_edit_begin(e);
        for (size_t i = 0; i < *n_bytes; i++)
            if (!nm_line_edit_key(e, (*line)[i], err)) return NM_LINE_FAILED;
    }
    *line = e->text.n_bytes > 0 ? e->text.data : "";
    *n_bytes = e->text.n_bytes;
    return NM_LINE_READ;
}

bool nm_typing_end(nm_typing *t, nomul_error *err)
{
    bool ok = nm_history_save(&t->history, err);

    nm_history_free(&t->history);
    nm_line_edit_free(&t->edit);
    nm_buffer_free(&t->lines.buffer);
    return ok;
}
