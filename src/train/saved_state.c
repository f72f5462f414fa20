/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One list of parts, walked by writing and by reading; the last one is the hash of all before it.
 * The parts before the arrays, the head, have a fixed size: they are read first, as their counts
 * say how large the arrays are.
 */
#include "train/saved_state.h"

#include "base/error.h"
#include "base/file.h"
#include "base/xxh64.h"

#include <string.h>

#define MAGIC "NMTRAIN\1"
#define N_HEAD 4  /* parts before the arrays */
#define N_PARTS 9 /* without the hash */

typedef struct state_part {
    void    *at;
    uint64_t n_bytes;
} state_part;

/* The host is little-endian, as nomul.c demands. */
static void list_parts(const nm_saved_state *s, char magic[8], state_part parts[N_PARTS])
{
    const nm_saved_counts *c = &s->counts;
    const state_part       all[N_PARTS] = {
              {magic, 8},
              {(void *)c, sizeof *c},
              {(void *)s->weights, sizeof s->weights},
              {(void *)s->options, sizeof s->options},
              {s->at, c->n_streams * sizeof *s->at},
              {s->states, c->n_states * sizeof *s->states},
              {s->values, c->n_values * sizeof *s->values},
              {s->m, c->n_values * sizeof *s->m},
              {s->v, c->n_values * sizeof *s->v},
    };
    memcpy(parts, all, sizeof all);
}

bool nm_saved_state_write(const nm_saved_state *s, const char *path, nomul_error *err)
{
    char       magic[] = MAGIC;
    state_part parts[N_PARTS];
    nm_outfile out = {.fd = -1};
    nm_xxh64   hash;

    list_parts(s, magic, parts);
    nm_xxh64_init(&hash);
    bool ok = nm_outfile_open(&out, path, (nm_watch){0}, err);
    for (size_t i = 0; ok && i < N_PARTS; i++) {
        nm_xxh64_add(&hash, parts[i].at, (size_t)parts[i].n_bytes);
        ok = nm_outfile_write(&out, parts[i].at, (size_t)parts[i].n_bytes, err);
    }
    uint64_t value = nm_xxh64_value(&hash); /* of all parts, also of the magic */
    ok = ok && nm_outfile_write(&out, &value, sizeof value, err) && nm_outfile_commit(&out, err);
    nm_outfile_abort(&out);
    return ok;
}

/* Parts [0, n_parts) of the open file, and the hash if these are all. */
static bool read_parts(nm_saved_state *s, const nm_file *file, size_t n_parts, nomul_error *err)
{
    char       magic[8];
    state_part parts[N_PARTS];
    uint64_t   at = 0, value = 0;
    nm_xxh64   hash;

    list_parts(s, magic, parts);
    nm_xxh64_init(&hash);
    for (size_t i = 0; i < n_parts; i++) {
        if (parts[i].n_bytes > file->size - at) return nm_fail(err, NOMUL_E_FORMAT, "is cut off");
        if (!nm_file_read(file, at, parts[i].at, (size_t)parts[i].n_bytes, err)) return false;
        if (i == 0 && memcmp(magic, MAGIC, 8) != 0)
            return nm_fail(err, NOMUL_E_FORMAT, "is not a state of nomul-train");
        nm_xxh64_add(&hash, parts[i].at, (size_t)parts[i].n_bytes);
        at += parts[i].n_bytes;
    }
    if (n_parts < N_PARTS) return true;
    if (file->size - at != sizeof value) return nm_fail(err, NOMUL_E_FORMAT, "has a wrong size");
    if (!nm_file_read(file, at, &value, sizeof value, err)) return false;
    return value == nm_xxh64_value(&hash) ||
           nm_fail(err, NOMUL_E_FORMAT, "is damaged: its checksum is wrong");
}

/* The head first: its counts are the sizes of the arrays, which the caller has made already. */
static bool read_file(nm_saved_state *s, const char *path, size_t n_parts, nomul_error *err)
{
    nm_file                file = NM_FILE_CLOSED;
    nm_saved_state         head = *s;
    const nm_saved_counts *c = &head.counts;

    if (!nm_file_open(&file, path, err)) return false;
    const uint64_t most = file.size / 4; /* no array has more elements */
    bool           ok = read_parts(&head, &file, N_HEAD, err);
    if (ok && (c->n_values > most || c->n_states > most || c->n_streams > most ||
               c->n_data > NM_TRAIN_LIST || c->n_decay_data > NM_TRAIN_LIST))
        ok = nm_fail(err, NOMUL_E_FORMAT, "is cut off, or its sizes are wrong");
    if (ok && !memchr(head.options, '\0', sizeof head.options))
        ok = nm_fail(err, NOMUL_E_FORMAT, "its options do not end");
    if (ok && n_parts > N_HEAD &&
        (c->n_values != s->counts.n_values || c->n_states != s->counts.n_states ||
         c->n_streams != s->counts.n_streams))
        ok = nm_fail(err, NOMUL_E_FORMAT, "is of another model than config.json");
    ok = ok && read_parts(s, &file, n_parts, err);
    if (!ok) nm_fail_in(err, "%s", path);
    nm_file_close(&file);
    return ok;
}

bool nm_saved_state_peek(nm_saved_state *s, const char *path, nomul_error *err)
{
    return read_file(s, path, N_HEAD, err);
}

bool nm_saved_state_read(nm_saved_state *s, const char *path, nomul_error *err)
{
    return read_file(s, path, N_PARTS, err);
}
