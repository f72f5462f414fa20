/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a session file of tests/golden/small.gguf, as they are and with the checksum and the
 * length put right: it is refused and nothing has changed, or the text goes on, and what it left
 * makes the same file.
 */
#define _XOPEN_SOURCE 700

#include "fuzz/fuzz.h"

#include "base/bytes.h"
#include "base/xxh64.h"
#include "format/session_file.h"
#include "nomul.h"

#include <string.h>
#include <unistd.h>

#define HEADER NM_SESSION_FILE_HEADER
#define STATE 64
#define FILE_BYTES (HEADER + STATE + NM_SESSION_FILE_END)

static nomul_model   *model;
static nomul_session *session;
static char           path[600];

static void remove_file(void)
{
    unlink(path);
}

static void set_up(void)
{
    nomul_session_options o;
    const char           *root = getenv("TMPDIR");

    nomul_session_options_init(&o);
    o.n_threads = o.n_batch = 1;
    model = nomul_model_open("tests/golden/small.gguf", NULL, NULL);
    MUST(model && nomul_snapshot_bytes(model) == 16 + STATE);
    session = nomul_session_new(model, &o, NULL);
    MUST(session);
    snprintf(path, sizeof path, "%s/nomul-fuzz-%ld.nms", root ? root : "/tmp", (long)getpid());
    atexit(remove_file);
}

static void write_file(const uint8_t *data, size_t size)
{
    FILE *file = fopen(path, "wb");

    MUST(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

/* The layout alone: what is decoded is what is encoded. */
static void walk_header(const uint8_t *data, size_t size)
{
    nomul_saved saved;
    nomul_error err = {.code = NOMUL_OK};
    uint64_t    n_bytes = 0;
    uint8_t     header[HEADER];

    if (!nm_session_file_measure(data, size, &n_bytes, &err) ||
        !nm_session_file_decode(&saved, data, &err)) {
        MUST(err.code != NOMUL_OK && err.text[0]);
        return;
    }
    MUST(n_bytes > 0 && n_bytes % 4 == 0 && n_bytes == size - HEADER - NM_SESSION_FILE_END);
    fuzz_touch(data + HEADER, n_bytes);
    nm_session_file_encode(&saved, header);
    MUST(memcmp(header, data, HEADER) == 0);
}

/*
 * The file again from what was loaded of it.  Not by nomul_session_save, which waits for the disk;
 * that it writes these bytes test_saved.c shows.
 */
static void make_again(nomul_saved saved, const uint8_t *data)
{
    uint8_t        header[HEADER], snapshot[16 + STATE];
    nomul_sampler *sampler = nomul_sampler_new(300, &saved.sampler, NULL);

    MUST(sampler);
    MUST(nomul_sampler_set_state(sampler, &saved.sampler_state, NULL) == NOMUL_OK);
    nomul_sampler_get_state(sampler, &saved.sampler_state);
    nomul_sampler_free(sampler);
    nm_session_file_encode(&saved, header);
    MUST(memcmp(header, data, HEADER) == 0);
    MUST(nomul_session_snapshot(session, snapshot, sizeof snapshot, NULL) == NOMUL_OK);
    MUST(memcmp(snapshot + 16, data + HEADER, STATE) == 0);
}

static void go_on(const nomul_saved *saved)
{
    static float logits[300];

    MUST(nomul_session_feed(session, &saved->last_id, 1, NOMUL_LOGITS_LAST, logits, NULL) ==
         NOMUL_OK);
    fuzz_touch(logits, sizeof logits);
}

static void walk_file(const uint8_t *data, size_t size)
{
    uint8_t     before[16 + STATE], after[16 + STATE];
    nomul_saved saved;
    nomul_error err = {.code = NOMUL_OK};

    write_file(data, size);
    nomul_session_reset(session);
    MUST(nomul_session_snapshot(session, before, sizeof before, NULL) == NOMUL_OK);
    if (nomul_session_load(session, path, &saved, &err) != NOMUL_OK) {
        MUST(err.code != NOMUL_OK && strncmp(err.text, path, strlen(path)) == 0);
        MUST(nomul_session_snapshot(session, after, sizeof after, NULL) == NOMUL_OK);
        MUST(memcmp(before, after, sizeof before) == 0);
        return;
    }
    MUST(saved.n_tokens == nomul_session_n_tokens(session) + 1);
    make_again(saved, data);
    go_on(&saved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t right[FILE_BYTES] = {0};

    if (!model) set_up();
    walk_header(data, size);
    walk_file(data, size);
    memcpy(right, data, size < FILE_BYTES - 8 ? size : FILE_BYTES - 8);
    if (size >= HEADER) nm_store_u64(right + 24, STATE);
    nm_store_u64(right + FILE_BYTES - 8, nm_xxh64_of(right, FILE_BYTES - 8));
    walk_file(right, FILE_BYTES);
    return 0;
}
