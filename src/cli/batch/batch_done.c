/* SPDX-License-Identifier: Apache-2.0 */
/* A sorted list of hashes: 8 bytes an answer, however long the texts are. */
#include "cli/batch/batch_done.h"

#include <stdlib.h>

#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/xxh64.h"

static const uint64_t *hashes_of(const nm_batch_done *done, size_t *n)
{
    *n = done->hashes.n_bytes / sizeof(uint64_t);
    return (const uint64_t *)(const void *)done->hashes.data;
}

static int compare(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return (*x > *y) - (*x < *y);
}

/*
 * An answer that counts is an object with an id, complete and not cancelled; any other line is
 * passed over: a program that was killed may have left half of one.
 */
bool nm_batch_done_read(nm_batch_done *done, const char *path, nomul_error *err)
{
    nm_lines    lines = {0};
    nm_line     read;
    const char *line;
    size_t      n_bytes, n;

    if (!nm_file_exists(path)) return true;
    lines.fd = nm_buffer_open(path, err);
    if (lines.fd < 0) return false;
    while ((read = nm_lines_next(&lines, true, &line, &n_bytes, err)) == NM_LINE_READ) {
        nm_json  json;
        bool     has_id = false, cancelled = false;
        uint64_t hash = 0;

        nm_json_init(&json, line, n_bytes);
        bool ok = nm_json_next(&json) == NM_JSON_OBJECT;
        while (ok && nm_json_next(&json) == NM_JSON_KEY) {
            bool id = nm_json_is(&json, "id"), finish = nm_json_is(&json, "finish_reason");

            nm_json_next(&json);
            size_t quotes = json.type == NM_JSON_STRING; /* an id is compared as it is spelled */
            if (id && (quotes || json.type == NM_JSON_NUMBER)) {
                hash = nm_xxh64_of(json.text - quotes, json.n_text + 2 * quotes);
                has_id = true;
            }
            if (finish && quotes) cancelled = nm_json_is(&json, "cancelled");
            ok = nm_json_skip(&json);
        }
        ok = ok && json.type == NM_JSON_OBJECT_END && nm_json_next(&json) == NM_JSON_END;
        if (!ok || !has_id || cancelled) continue;
        if (!nm_buffer_add(&done->hashes, (const char *)&hash, sizeof hash, err)) break;
    }
    nm_buffer_close(lines.fd);
    nm_buffer_free(&lines.buffer);
    if (read != NM_LINE_END) return nm_fail_in(err, "%s", path);
    hashes_of(done, &n);
    if (n > 0) qsort(done->hashes.data, n, sizeof(uint64_t), compare);
    return true;
}

bool nm_batch_done_has(const nm_batch_done *done, const nm_buffer *id, size_t n_answers)
{
    size_t          n, at = 0, end;
    const uint64_t *hashes = hashes_of(done, &n);
    uint64_t        hash = nm_xxh64_of(id->data, id->n_bytes);

    for (end = n; at < end;) { /* the first that is not less */
        size_t middle = at + (end - at) / 2;
        if (hashes[middle] < hash)
            at = middle + 1;
        else
            end = middle;
    }
    return n - at >= n_answers && hashes[at] == hash && hashes[at + n_answers - 1] == hash;
}

void nm_batch_done_free(nm_batch_done *done)
{
    nm_buffer_free(&done->hashes);
}
