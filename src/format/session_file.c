/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes <-> record by a table of places; what needs more than a copy is written out.  A header is
 * decoded in full before any field of the caller's record changes.  Places of sampler options come
 * from their rows (NOMUL_SAMPLER_FIELDS); one past the header of an old file gets its default.
 */
#include "format/session_file.h"

#include "base/bytes.h"
#include "base/error.h"

#include <inttypes.h>

static const char magic[8] = {'N', 'O', 'M', 'U', 'L', 'S', 'E', 'S'};

/* Where values lie; the table in session_file.h has them all. */
enum {
    AT_VERSION = 8,
    AT_STATE_BYTES = 24,
    AT_N_TAIL = 76,
    AT_N_HELD = 77,
    AT_HAS_TEXT = 79,
    AT_LAST = 120,
    AT_ZEROS = 376,
    AT_TAIL = 384,
    AT_RESERVED = 448,
};

_Static_assert(AT_LAST + 4 * NOMUL_SAVED_IDS == AT_ZEROS, "the last ids");
_Static_assert(AT_ZEROS + 8 == NM_SESSION_FILE_HEADER_1, "the end of version 1's header");
_Static_assert(AT_TAIL + NOMUL_SAVED_BYTES == AT_RESERVED, "the tail");

/* What is the same in record and file, copied as it lies: the host's byte order is the file's. */
static const struct {
    size_t at, offset, size;
} places[] = {
#define PLACE(at, name)                                                                            \
    {                                                                                              \
        at, offsetof(nm_session_record, name), sizeof(((nm_session_record *)0)->name)              \
    }
#define ROW(TYPE, name, preset, least, most, slot, ...) PLACE(slot, sampler.name),
    PLACE(12, n_last),
    PLACE(16, model_id),
    PLACE(AT_STATE_BYTES, state_bytes),
    PLACE(32, n_tokens),
    PLACE(40, last_id),
    PLACE(88, rng),
    PLACE(AT_LAST, last),
    PLACE(AT_TAIL, tail),
    NOMUL_SAMPLER_FIELDS(ROW)
#undef ROW
#undef PLACE
};
#define N_PLACES (sizeof places / sizeof *places)

void nm_session_file_encode(const nm_session_record *r, uint8_t *p)
{
    memset(p, 0, NM_SESSION_FILE_HEADER);
    memcpy(p, magic, sizeof magic);
    nm_store_u32(p + AT_VERSION, 2);
    p[AT_N_TAIL] = (uint8_t)r->n_tail;
    p[AT_N_HELD] = (uint8_t)r->n_held;
    p[AT_HAS_TEXT] = r->has_text;
    for (size_t i = 0; i < N_PLACES; i++)
        memcpy(p + places[i].at, (const char *)r + places[i].offset, places[i].size);
    /* One spelling: zeros after the last of the ids and bytes, whatever the record has there. */
    memset(p + AT_LAST + 4 * r->n_last, 0, 4 * (NOMUL_SAVED_IDS - r->n_last));
    memset(p + AT_TAIL + r->n_tail, 0, NOMUL_SAVED_BYTES - r->n_tail);
}

bool nm_session_file_measure(const uint8_t *p, uint64_t file_bytes, size_t *header_bytes,
                             uint64_t *state_bytes, nomul_error *err)
{
    if (file_bytes < sizeof magic || memcmp(p, magic, sizeof magic) != 0)
        return nm_fail(err, NOMUL_E_FORMAT, "is not a session file; --save-session writes one");
    uint32_t version = file_bytes >= AT_VERSION + 4 ? nm_load_u32(p + AT_VERSION) : 2;
    if (version != 1 && version != 2)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "is a session file of version %" PRIu32 ", expected 1 or 2", version);
    size_t n_header = version == 1 ? NM_SESSION_FILE_HEADER_1 : NM_SESSION_FILE_HEADER;
    if (file_bytes < n_header)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "is truncated: has %" PRIu64 " bytes, expected at least %zu", file_bytes,
                       n_header + 4 + NM_SESSION_FILE_END);
    uint64_t n_state = nm_load_u64(p + AT_STATE_BYTES);
    if (n_state == 0 || n_state % 4 != 0 || n_state > NM_SESSION_FILE_MAX_STATE)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "state_bytes: is %" PRIu64 ", expected a multiple of 4, up to %" PRIu64,
                       n_state, NM_SESSION_FILE_MAX_STATE);
    /* At most 2^32 and a few: no sum wraps. */
    uint64_t expected = n_header + n_state + NM_SESSION_FILE_END;
    if (file_bytes != expected)
        return nm_fail(err, NOMUL_E_FORMAT, "is %s: has %" PRIu64 " bytes, expected %" PRIu64,
                       file_bytes < expected ? "truncated" : "too long", file_bytes, expected);
    *header_bytes = n_header;
    *state_bytes = n_state;
    return true;
}

bool nm_session_file_check(uint64_t found, const uint8_t *end, nomul_error *err)
{
    uint64_t expected = nm_load_u64(end);

    if (found == expected) return true;
    return nm_fail(err, NOMUL_E_FORMAT,
                   "the checksum is %016" PRIx64 ", expected %016" PRIx64
                   ": the file was changed or damaged",
                   found, expected);
}

static bool is_zero(const uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (p[i]) return false;
    return true;
}

/* Of version 2: the tail, and zeros where the table in session_file.h has them. */
static bool decode_tail(nm_session_record *r, const uint8_t *p, nomul_error *err)
{
    size_t reserved = AT_RESERVED; /* the first byte that no place uses */

    r->has_text = p[AT_HAS_TEXT];
    r->n_tail = p[AT_N_TAIL];
    r->n_held = p[AT_N_HELD];
    if (r->n_tail > NOMUL_SAVED_BYTES || (r->n_tail && !r->has_text))
        return nm_fail(err, NOMUL_E_FORMAT, "n_tail: is %" PRIu32 ", expected %s", r->n_tail,
                       r->has_text ? "0 to 64" : "0 where the text has no bytes");
    if (r->n_held > 3 || r->n_held > r->n_tail)
        return nm_fail(err, NOMUL_E_FORMAT, "n_held: is %" PRIu32 ", expected 0 to 3", r->n_held);
    for (size_t i = 0; i < N_PLACES; i++)
        if (places[i].at >= AT_RESERVED) reserved = places[i].at + places[i].size;
    if (p[AT_N_HELD + 1] == 0 && p[AT_HAS_TEXT] <= 1 &&
        is_zero(p + AT_TAIL + r->n_tail, NOMUL_SAVED_BYTES - r->n_tail) &&
        is_zero(p + reserved, NM_SESSION_FILE_HEADER - reserved))
        return true;
    return nm_fail(err, NOMUL_E_FORMAT, "bytes that must be zero are not");
}

bool nm_session_file_decode(nm_session_record *record, const uint8_t *p, nomul_error *err)
{
    bool              first = nm_load_u32(p + AT_VERSION) == 1;
    size_t            n_header = first ? NM_SESSION_FILE_HEADER_1 : NM_SESSION_FILE_HEADER;
    nm_session_record r = {.n_tail = 0};

    nomul_sampler_options_init(&r.sampler);
    for (size_t i = 0; i < N_PLACES; i++) /* places past the header are younger than the file */
        if (places[i].at + places[i].size <= n_header)
            memcpy((char *)&r + places[i].offset, p + places[i].at, places[i].size);
    r.has_text = r.n_tokens > 1;
    if (r.n_tokens == 0 || r.n_tokens > NM_SESSION_FILE_MAX_TOKENS)
        return nm_fail(err, NOMUL_E_FORMAT, "n_tokens: is %" PRIu64 ", expected 1 to %" PRId64,
                       r.n_tokens, NM_SESSION_FILE_MAX_TOKENS);
    if (r.last_id < 0)
        return nm_fail(err, NOMUL_E_FORMAT, "last_id: is %" PRId32 ", expected an id", r.last_id);
    if (r.n_last > NOMUL_SAVED_IDS)
        return nm_fail(err, NOMUL_E_FORMAT, "n_last: is %" PRIu32 ", expected 0 to %d", r.n_last,
                       NOMUL_SAVED_IDS);
    if (!(r.rng[0] | r.rng[1] | r.rng[2] | r.rng[3]))
        return nm_fail(err, NOMUL_E_FORMAT, "rng: is all zero, which generates only zeros");
    for (uint32_t i = 0; i < NOMUL_SAVED_IDS; i++)
        if (i < r.n_last ? r.last[i] < 0 : r.last[i] != 0)
            return nm_fail(err, NOMUL_E_FORMAT, "last[%" PRIu32 "]: is %" PRId32 ", expected %s", i,
                           r.last[i], i < r.n_last ? "an id" : "0 after the last id");
    if (nm_load_u64(p + AT_ZEROS) != 0 || (first && nm_load_u32(p + AT_N_TAIL) != 0))
        return nm_fail(err, NOMUL_E_FORMAT, "bytes that must be zero are not");
    if (!first && !decode_tail(&r, p, err)) return false;
    *record = r;
    return true;
}
