/* SPDX-License-Identifier: Apache-2.0 */
#include "format/session_file.h"

#include "base/bytes.h"
#include "base/error.h"

#include <inttypes.h>

static const char magic[8] = {'N', 'O', 'M', 'U', 'L', 'S', 'E', 'S'};

/* Where things lie; the table in the header has them all. */
enum {
    AT_VERSION = 8,
    AT_N_LAST = 12,
    AT_MODEL_ID = 16,
    AT_STATE_BYTES = 24,
    AT_N_TOKENS = 32,
    AT_LAST_ID = 40,
    AT_SAMPLER = 44,
    AT_ZERO = 76,
    AT_SEED = 80,
    AT_RNG = 88,
    AT_LAST = 120,
    AT_ZEROS = 376,
};

_Static_assert(AT_LAST + 4 * NOMUL_SAMPLER_LAST == AT_ZEROS, "the last ids");
_Static_assert(AT_ZEROS + 8 == NM_SESSION_FILE_HEADER, "the header's end");

static void store_i32(uint8_t *to, int32_t value)
{
    nm_store_u32(to, (uint32_t)value);
}

/* A conversion of numbers above INT32_MAX is the compiler's choice, a copy of the bits is not. */
static int32_t load_i32(const uint8_t *from)
{
    uint32_t bits = nm_load_u32(from);
    int32_t  value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static void encode_sampler(const nomul_sampler_options *o, uint8_t *p)
{
    nm_store_f32(p + AT_SAMPLER, o->temp);
    store_i32(p + AT_SAMPLER + 4, o->top_k);
    nm_store_f32(p + AT_SAMPLER + 8, o->top_p);
    nm_store_f32(p + AT_SAMPLER + 12, o->min_p);
    nm_store_f32(p + AT_SAMPLER + 16, o->repeat_penalty);
    store_i32(p + AT_SAMPLER + 20, o->repeat_last_n);
    nm_store_f32(p + AT_SAMPLER + 24, o->presence_penalty);
    nm_store_f32(p + AT_SAMPLER + 28, o->frequency_penalty);
    nm_store_u64(p + AT_SEED, o->seed);
}

void nm_session_file_encode(const nomul_saved *saved, void *header)
{
    const nomul_sampler_state *s = &saved->sampler_state;
    uint8_t                   *p = header;

    memset(p, 0, NM_SESSION_FILE_HEADER);
    memcpy(p, magic, sizeof magic);
    nm_store_u32(p + AT_VERSION, NM_SESSION_FILE_VERSION);
    nm_store_u32(p + AT_N_LAST, s->n_last);
    nm_store_u64(p + AT_MODEL_ID, saved->model_id);
    nm_store_u64(p + AT_STATE_BYTES, saved->state_bytes);
    nm_store_u64(p + AT_N_TOKENS, saved->n_tokens);
    store_i32(p + AT_LAST_ID, saved->last_id);
    encode_sampler(&saved->sampler, p);
    for (size_t i = 0; i < 4; i++) nm_store_u64(p + AT_RNG + 8 * i, s->rng[i]);
    for (size_t i = 0; i < s->n_last; i++) store_i32(p + AT_LAST + 4 * i, s->last[i]);
}

/* ---- Reading --------------------------------------------------------------------------------- */

static bool check_length(uint64_t file_bytes, uint64_t state_bytes, nomul_error *err)
{
    /* At most 2^32 and a few: no sum wraps. */
    uint64_t expected = NM_SESSION_FILE_HEADER + state_bytes + NM_SESSION_FILE_END;

    if (file_bytes == expected) return true;
    return nm_fail(err, NOMUL_E_FORMAT, "is %s: has %" PRIu64 " bytes, expected %" PRIu64,
                   file_bytes < expected ? "truncated" : "too long", file_bytes, expected);
}

bool nm_session_file_measure(const void *header, uint64_t file_bytes, uint64_t *state_bytes,
                             nomul_error *err)
{
    const uint8_t *p = header;

    if (file_bytes < sizeof magic || memcmp(p, magic, sizeof magic) != 0)
        return nm_fail(err, NOMUL_E_FORMAT, "is not a session file");
    if (file_bytes >= AT_N_LAST && nm_load_u32(p + AT_VERSION) != NM_SESSION_FILE_VERSION)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "is a session file of version %" PRIu32 ", expected %d",
                       nm_load_u32(p + AT_VERSION), NM_SESSION_FILE_VERSION);
    if (file_bytes < NM_SESSION_FILE_HEADER)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "is truncated: has %" PRIu64 " bytes, expected at least %d", file_bytes,
                       NM_SESSION_FILE_HEADER + 4 + NM_SESSION_FILE_END);
    uint64_t n = nm_load_u64(p + AT_STATE_BYTES);
    if (n == 0 || n % 4 != 0 || n > NM_SESSION_FILE_MAX_STATE)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "state_bytes: is %" PRIu64 ", expected a multiple of 4, up to %" PRIu64, n,
                       NM_SESSION_FILE_MAX_STATE);
    if (!check_length(file_bytes, n, err)) return false;
    *state_bytes = n;
    return true;
}

bool nm_session_file_check(uint64_t found, const void *end, nomul_error *err)
{
    uint64_t expected = nm_load_u64(end);

    if (found == expected) return true;
    return nm_fail(err, NOMUL_E_FORMAT,
                   "the checksum is %016" PRIx64 ", expected %016" PRIx64
                   ": the file was changed or damaged",
                   found, expected);
}

static void decode_sampler(nomul_sampler_options *o, const uint8_t *p)
{
    *o = (nomul_sampler_options){
        .size = sizeof *o,
        .temp = nm_load_f32(p + AT_SAMPLER),
        .top_k = load_i32(p + AT_SAMPLER + 4),
        .top_p = nm_load_f32(p + AT_SAMPLER + 8),
        .min_p = nm_load_f32(p + AT_SAMPLER + 12),
        .repeat_penalty = nm_load_f32(p + AT_SAMPLER + 16),
        .repeat_last_n = load_i32(p + AT_SAMPLER + 20),
        .presence_penalty = nm_load_f32(p + AT_SAMPLER + 24),
        .frequency_penalty = nm_load_f32(p + AT_SAMPLER + 28),
        .seed = nm_load_u64(p + AT_SEED),
    };
}

static bool decode_state(nomul_sampler_state *s, const uint8_t *p, nomul_error *err)
{
    *s = (nomul_sampler_state){.n_last = nm_load_u32(p + AT_N_LAST)};
    if (s->n_last > NOMUL_SAMPLER_LAST)
        return nm_fail(err, NOMUL_E_FORMAT, "n_last: is %" PRIu32 ", expected 0 to %d", s->n_last,
                       NOMUL_SAMPLER_LAST);
    for (size_t i = 0; i < 4; i++) s->rng[i] = nm_load_u64(p + AT_RNG + 8 * i);
    if (!(s->rng[0] | s->rng[1] | s->rng[2] | s->rng[3]))
        return nm_fail(err, NOMUL_E_FORMAT, "rng: is all zero, which makes only zeros");
    for (uint32_t i = 0; i < NOMUL_SAMPLER_LAST; i++) {
        s->last[i] = load_i32(p + AT_LAST + 4 * i);
        if (i < s->n_last ? s->last[i] < 0 : s->last[i] != 0)
            return nm_fail(err, NOMUL_E_FORMAT, "last[%" PRIu32 "]: is %" PRId32 ", expected %s", i,
                           s->last[i], i < s->n_last ? "an id" : "0 behind the last id");
    }
    return true;
}

static bool check_zeros(const uint8_t *p, nomul_error *err)
{
    if (nm_load_u32(p + AT_ZERO) == 0 && nm_load_u64(p + AT_ZEROS) == 0) return true;
    return nm_fail(err, NOMUL_E_FORMAT, "bytes that must be zero are not");
}

bool nm_session_file_decode(nomul_saved *saved, const void *header, nomul_error *err)
{
    const uint8_t *p = header;
    nomul_saved    ours = {
           .model_id = nm_load_u64(p + AT_MODEL_ID),
           .state_bytes = nm_load_u64(p + AT_STATE_BYTES),
           .n_tokens = nm_load_u64(p + AT_N_TOKENS),
           .last_id = load_i32(p + AT_LAST_ID),
    };

    if (ours.n_tokens == 0 || ours.n_tokens > NM_SESSION_FILE_MAX_TOKENS)
        return nm_fail(err, NOMUL_E_FORMAT, "n_tokens: is %" PRIu64 ", expected 1 to %" PRId64,
                       ours.n_tokens, NM_SESSION_FILE_MAX_TOKENS);
    if (ours.last_id < 0)
        return nm_fail(err, NOMUL_E_FORMAT, "last_id: is %" PRId32 ", expected an id",
                       ours.last_id);
    decode_sampler(&ours.sampler, p);
    if (!decode_state(&ours.sampler_state, p, err) || !check_zeros(p, err)) return false;
    *saved = ours;
    return true;
}
