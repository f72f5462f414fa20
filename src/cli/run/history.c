/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The typed lines as one buffer, which has them as the file does, one after another: there are few,
 * and only a key that recalls one looks for it.  Writing merges what other sessions have added to
 * the file, and replaces it in one step.
 */
#include "cli/run/history.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "cli/interrupt.h"

#define MOST_BYTES ((size_t)16 << 20) /* of a file that is read */

void nm_history_path(char path[NM_OS_PATH])
{
    static const char *const places[][2] = {
        {"NOMUL_HISTORY", ""},
        {"XDG_STATE_HOME", "/nomul/history"},
        {"LOCALAPPDATA", "/nomul/history"},
        {"HOME", "/.local/state/nomul/history"},
    };

    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        const char *value = nm_os_environment(places[i][0]);
        if (!value || (i > 0 && !*value)) continue;
        int n = snprintf(path, NM_OS_PATH, "%s%s", value, places[i][1]);
        if (!*value || n >= NM_OS_PATH) break;
        return;
    }
    path[0] = '\0';
}

static bool read_file(nm_buffer *lines, const char *path, nomul_error *err)
{
    nm_file file = NM_FILE_CLOSED;
    bool    ok = nm_file_open(&file, path, err);

    if (ok && file.size > MOST_BYTES)
        ok = nm_fail(err, NOMUL_E_FORMAT, "%s: is too large for a history file", path);
    size_t n = ok ? (size_t)file.size : 0;
    char  *bytes = n > 0 ? nm_alloc(n) : NULL;
    if (n > 0) ok = bytes ? nm_file_read(&file, 0, bytes, n, err) : nm_fail_memory(err, n);
    nm_file_close(&file);
    ok = ok && nm_buffer_add(lines, bytes, n, err);
    if (ok && n > 0 && bytes[n - 1] != '\n') ok = nm_buffer_add(lines, "\n", 1, err);
    nm_free(bytes);
    return ok;
}

static size_t count_lines(const nm_buffer *lines)
{
    size_t n = 0;

    for (size_t i = 0; i < lines->n_bytes; i++) n += lines->data[i] == '\n';
    return n;
}

bool nm_history_open(nm_history *h, const char *path, nomul_error *err)
{
    if (!*path) return true;
    if (nm_file_exists(path) && !read_file(&h->lines, path, err)) {
        nm_history_free(h);
        return false;
    }
    h->path = nm_alloc(strlen(path) + 1);
    if (!h->path) return nm_fail_memory(err, strlen(path) + 1);
    strcpy(h->path, path);
    h->n_old = h->lines.n_bytes;
    h->n = count_lines(&h->lines);
    return true;
}

/* Where the line begins that is so far back, 1 to n; its newline is at *end. */
static size_t find_line(const nm_buffer *lines, size_t back, size_t *end)
{
    size_t at = lines->n_bytes;

    while (back-- > 0) {
        *end = at - 1;
        for (at = *end; at > 0 && lines->data[at - 1] != '\n';) at--;
    }
    return at;
}

bool nm_history_get(const nm_history *h, size_t back, nm_buffer *line, nomul_error *err)
{
    size_t end = 0, at = find_line(&h->lines, back, &end);

    if (!nm_buffer_add(line, h->lines.data + at, end - at, err)) return false;
    nm_buffer_unescape(line);
    return true;
}

bool nm_history_add(nm_history *h, const char *line, size_t n_bytes, nomul_error *err)
{
    nm_buffer *lines = &h->lines;
    size_t     at = lines->n_bytes, end = 0;
    bool       ok = true;

    if (n_bytes == 0) return true;
    for (size_t i = 0; ok && i < n_bytes; i++) {
        if (line[i] == '\n')
            ok = nm_buffer_add(lines, "\\n", 2, err);
        else
            ok = (line[i] != '\\' || nm_buffer_add(lines, "\\", 1, err)) &&
                 nm_buffer_add(lines, line + i, 1, err);
    }
    ok = ok && nm_buffer_add(lines, "\n", 1, err);
    if (ok) h->n++;
    if (ok && h->n > 1) {
        size_t last = find_line(lines, 2, &end);
        if (lines->n_bytes - at != at - last ||
            memcmp(lines->data + at, lines->data + last, at - last) != 0)
            return true;
        h->n--; /* the same line again */
    } else if (ok)
        return true;
    lines->n_bytes = at;
    return ok;
}

bool nm_history_save(nm_history *h, nomul_error *err)
{
    nm_buffer  all = {0};
    nm_outfile out = {.fd = -1};
    size_t     n_new = h->lines.n_bytes - h->n_old, from = 0, end;

    if (!h->path || n_new == 0) return true;
    for (char *at = h->path + 1; *at; at++) { /* its folders; a failure shows when it is written */
        if (*at != '/') continue;
        *at = '\0';
        nm_os_make_folder(h->path, 0700);
        *at = '/';
    }
    bool ok = (!nm_file_exists(h->path) || read_file(&all, h->path, err)) &&
              nm_buffer_add(&all, h->lines.data + h->n_old, n_new, err);
    if (ok && count_lines(&all) > NM_HISTORY_MAX) from = find_line(&all, NM_HISTORY_MAX, &end);
    ok = ok && nm_outfile_open(&out, h->path, (nm_watch){nm_interrupt_doom, NULL}, err);
    if (ok) {
        if (!out.through) nm_os_set_mode(out.fd, 0600); /* /dev/null stays as it is */
        ok = nm_outfile_write(&out, all.data + from, all.n_bytes - from, err) &&
             nm_outfile_commit(&out, err);
    }
    nm_outfile_abort(&out);
    nm_buffer_free(&all);
    h->n_old = h->lines.n_bytes;
    return ok;
}

void nm_history_free(nm_history *h)
{
    nm_free(h->path);
    nm_buffer_free(&h->lines);
    *h = (nm_history){0};
}
