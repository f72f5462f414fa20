/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a session file of tests/golden/small.gguf, as they are and, as versions 1 and 2,
 * with a correct checksum and length: the file is refused, or its mark can be rewound to and saved
 * as the same file, and the text continues.
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
#define HEADER_1 NM_SESSION_FILE_HEADER_1
#define STATE 64

static nomul_model *model;
static nomul_text  *text;
static char         path[600];

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
    nomul_session *session = nomul_session_new(model, &o, NULL);
    MUST(session);
    text = nomul_text_new(session, NULL, NULL);
    MUST(text);
    nomul_session_free(session);
    snprintf(path, sizeof path, "%s/nomul-fuzz-%ld.nms", root ? root : "/tmp", (long)getpid());
    atexit(remove_file);
}

/* Version 2 of a header of version 1 whose values were decoded. */
static void renew(uint8_t *header, bool has_text)
{
    memset(header + HEADER_1, 0, HEADER - HEADER_1);
    nm_store_u32(header + 8, 2);
    nm_store_u32(header + 76, has_text ? UINT32_C(1) << 24 : 0);
}

/* The layout alone: encoding what was decoded gives the same header. */
static void walk_header(const uint8_t *data, size_t size)
{
    nm_session_record record;
    nomul_error       err = {.code = NOMUL_OK};
    uint64_t          n_state = 0;
    size_t            n_header = 0;
    uint8_t           header[HEADER], want[HEADER];

    if (!nm_session_file_measure(data, size, &n_header, &n_state, &err) ||
        !nm_session_file_decode(&record, data, &err)) {
        MUST(err.code != NOMUL_OK && err.text[0]);
        return;
    }
    MUST(n_header == HEADER || n_header == HEADER_1);
    MUST(n_state > 0 && n_state % 4 == 0 && n_state == size - n_header - NM_SESSION_FILE_END);
    fuzz_touch(data + n_header, n_state);
    memcpy(want, data, n_header);
    if (n_header == HEADER_1) renew(want, record.has_text);
    nm_session_file_encode(&record, header);
    MUST(memcmp(header, want, HEADER) == 0);
}

/*
 * What a text that was rewound to the mark would save.  Not by nomul_text_save, which waits for the
 * disk; test_mark.c shows that it writes these bytes.
 */
static void check_rewound(const uint8_t *data)
{
    nomul_mark            *again = nomul_text_mark(text, NULL);
    const nomul_mark_info *info = nomul_mark_get_info(again);
    nm_session_record      record;
    uint32_t               n_last;

    MUST(again && nm_session_file_decode(&record, data, NULL));
    n_last = record.n_last;
    MUST(info->n_tokens == record.n_tokens && info->last_id == record.last_id);
    MUST(memcmp(info->rng, record.rng, sizeof record.rng) == 0);
    MUST(info->n_ids == n_last && memcmp(info->ids, record.last, 4 * n_last) == 0);
    MUST(info->n_tail == record.n_tail && memcmp(info->tail, record.tail, record.n_tail) == 0);
    nomul_mark_free(again);
}

static void walk_file(const uint8_t *data, size_t size)
{
    nomul_error err = {.code = NOMUL_OK};

    fuzz_write_file(path, data, size);
    nomul_mark *mark = nomul_mark_load(path, model, NULL, &err);
    if (!mark) {
        MUST(err.code != NOMUL_OK && strncmp(err.text, path, strlen(path)) == 0);
        return;
    }
    MUST(nomul_mark_get_info(mark)->state_bytes == STATE);
    MUST(nomul_text_rewind(text, mark, 0, NULL) == NOMUL_OK);
    nomul_mark_free(mark);
    check_rewound(data);
    MUST(nomul_text_prompt(text, NULL, 0, NULL) == NOMUL_OK);
    MUST(nomul_text_step(&text, 1, NULL) == NOMUL_OK);
    MUST(nomul_text_id(text) >= 0 && nomul_text_id(text) < 300);
}

static void walk_right(const uint8_t *data, size_t size, uint32_t version, size_t n_header)
{
    uint8_t right[HEADER + STATE + NM_SESSION_FILE_END] = {0};
    size_t  n = n_header + STATE;

    memcpy(right, data, size < n ? size : n);
    if (size >= n_header) {
        nm_store_u32(right + 8, version);
        nm_store_u64(right + 24, STATE);
    }
    nm_store_u64(right + n, nm_xxh64_of(right, n));
    walk_file(right, n + NM_SESSION_FILE_END);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!model) set_up();
    walk_header(data, size);
    walk_file(data, size);
    walk_right(data, size, 1, HEADER_1);
    walk_right(data, size, 2, HEADER);
    return 0;
}
