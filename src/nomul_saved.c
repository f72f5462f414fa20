/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reception of what a text leaves behind: as bytes in memory, as a file.  How the file is laid
 * out is format/session_file.h's, how it appears whole or not at all base/file.h's.
 */
#include "nomul_model.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/xxh64.h"
#include "format/session_file.h"
#include "model/session.h"
#include "tokens/sampler.h"

#include <inttypes.h>
#include <string.h>

#define SNAPSHOT_HEADER 16         /* model_id, n_tokens; then the state */
#define PIECE_BYTES ((size_t)8192) /* of a file, hashed at a time */

static size_t state_bytes(const nomul_session *session)
{
    return nm_config_state_bytes(&session->weights->config);
}

static nomul_status fail_null(nomul_error *err, const char *function)
{
    nm_fail(err, NOMUL_E_ARG, "%s: an argument is NULL", function);
    return NOMUL_E_ARG;
}

/* ---- In memory ------------------------------------------------------------------------------- */

size_t nomul_snapshot_bytes(const nomul_model *model)
{
    return model ? SNAPSHOT_HEADER + (size_t)model->info.state_bytes : 0;
}

static bool check_snapshot_size(const nomul_session *session, size_t n_bytes, nomul_error *err)
{
    size_t expected = SNAPSHOT_HEADER + state_bytes(session);

    if (n_bytes == expected) return true;
    return nm_fail(err, NOMUL_E_ARG, "snapshot: has %zu bytes, expected %zu", n_bytes, expected);
}

nomul_status nomul_session_snapshot(const nomul_session *session, void *snapshot, size_t n_bytes,
                                    nomul_error *err)
{
    uint8_t *to = snapshot;

    if (!session || !snapshot) return fail_null(err, "nomul_session_snapshot");
    if (!check_snapshot_size(session, n_bytes, err)) return NOMUL_E_ARG;
    nm_store_u64(to, session->weights->model_id);
    nm_store_u64(to + 8, session->n_tokens);
    memcpy(to + SNAPSHOT_HEADER, session->state, state_bytes(session));
    return NOMUL_OK;
}

static bool check_snapshot(const nomul_session *session, const uint8_t *snapshot, size_t n_bytes,
                           nomul_error *err)
{
    uint64_t ours = session->weights->model_id;

    if (!check_snapshot_size(session, n_bytes, err)) return false;
    if (nm_load_u64(snapshot) != ours)
        return nm_fail(err, NOMUL_E_ARG,
                       "snapshot: is of model %016" PRIx64 ", this is model %016" PRIx64,
                       nm_load_u64(snapshot), ours);
    if (nm_load_u64(snapshot + 8) >= NM_SESSION_FILE_MAX_TOKENS)
        return nm_fail(err, NOMUL_E_ARG, "snapshot: is of %" PRIu64 " tokens, expected fewer",
                       nm_load_u64(snapshot + 8));
    return true;
}

nomul_status nomul_session_restore(nomul_session *session, const void *snapshot, size_t n_bytes,
                                   nomul_error *err)
{
    const uint8_t *from = snapshot;

    if (!session || !snapshot) return fail_null(err, "nomul_session_restore");
    if (!check_snapshot(session, from, n_bytes, err)) return NOMUL_E_ARG;
    session->n_tokens = nm_load_u64(from + 8);
    memcpy(session->state, from + SNAPSHOT_HEADER, state_bytes(session));
    return NOMUL_OK;
}

/* ---- To a file ------------------------------------------------------------------------------- */

static bool check_last_id(const nomul_session *session, int32_t last_id, nomul_status code,
                          nomul_error *err)
{
    uint32_t n_vocab = session->weights->config.vocab;

    if (last_id >= 0 && (uint32_t)last_id < n_vocab) return true;
    return nm_fail(err, code, "last_id: is %" PRId32 ", expected 0 to %" PRIu32, last_id,
                   n_vocab - 1);
}

static void describe_default(nomul_saved *saved)
{
    nm_rng rng;

    nomul_sampler_options_init(&saved->sampler);
    nm_rng_init(&rng, saved->sampler.seed);
    memcpy(saved->sampler_state.rng, rng.s, sizeof rng.s);
    saved->sampler_state.n_last = 1;
    saved->sampler_state.last[0] = saved->last_id;
}

static bool describe(nomul_saved *saved, const nomul_session *session, int32_t last_id,
                     const nomul_sampler *sampler, nomul_error *err)
{
    *saved = (nomul_saved){
        .model_id = session->weights->model_id,
        .state_bytes = state_bytes(session),
        .n_tokens = session->n_tokens + 1,
        .last_id = last_id,
    };
    if (!check_last_id(session, last_id, NOMUL_E_ARG, err)) return false;
    if (!sampler) {
        describe_default(saved);
        return true;
    }
    saved->sampler = *nm_sampler_settings(sampler);
    saved->sampler.logit_bias = NULL;
    saved->sampler.n_logit_bias = 0;
    nomul_sampler_get_state(sampler, &saved->sampler_state);
    return nm_sampler_check_state(&saved->sampler_state, session->weights->config.vocab, err);
}

static bool write_file(nm_outfile *out, const nomul_saved *saved, const float *state,
                       nomul_error *err)
{
    uint8_t  header[NM_SESSION_FILE_HEADER], end[NM_SESSION_FILE_END];
    size_t   n_bytes = (size_t)saved->state_bytes;
    nm_xxh64 hash;

    nm_session_file_encode(saved, header);
    nm_xxh64_init(&hash);
    nm_xxh64_add(&hash, header, sizeof header);
    nm_xxh64_add(&hash, state, n_bytes);
    nm_store_u64(end, nm_xxh64_value(&hash));
    return nm_outfile_write(out, header, sizeof header, err) &&
           nm_outfile_write(out, state, n_bytes, err) &&
           nm_outfile_write(out, end, sizeof end, err) && nm_outfile_commit(out, err);
}

nomul_status nomul_session_save(const nomul_session *session, int32_t last_id,
                                const nomul_sampler *sampler, const char *path, nomul_error *err)
{
    nm_outfile  out;
    nomul_saved saved;
    nomul_error local;

    if (!err) err = &local;
    if (!session || !path) return fail_null(err, "nomul_session_save");
    if (!describe(&saved, session, last_id, sampler, err)) return err->code;
    if (!nm_outfile_open(&out, path, err)) return err->code;
    bool ok = write_file(&out, &saved, session->state, err);
    nm_outfile_abort(&out);
    return ok ? NOMUL_OK : err->code;
}

/* ---- From a file ----------------------------------------------------------------------------- */

/* Reads the state and adds it to the hash; it is kept only where there is room for it. */
static bool read_state(const nm_file *file, uint64_t n_bytes, uint8_t *state, nm_xxh64 *hash,
                       nomul_error *err)
{
    uint8_t piece[PIECE_BYTES];

    for (uint64_t at = 0; at < n_bytes;) {
        size_t   n = n_bytes - at < PIECE_BYTES ? (size_t)(n_bytes - at) : PIECE_BYTES;
        uint8_t *to = state ? state + at : piece;
        if (!nm_file_read(file, NM_SESSION_FILE_HEADER + at, to, n, err)) return false;
        nm_xxh64_add(hash, to, n);
        at += n;
    }
    return true;
}

/* What the sampler doesn't take is here the file's fault. */
static bool check_sampler(const nomul_saved *saved, nomul_error *err)
{
    if (nm_sampler_check_settings(&saved->sampler, err)) return true;
    err->code = NOMUL_E_FORMAT;
    return false;
}

/*
 * Length, then checksum, then values: of a file that is damaged nothing else is said.  The state
 * goes to state[room] if it is as long as that, else nowhere: a file asks for no memory.
 */
static bool read_file(const nm_file *file, nomul_saved *saved, void *state, uint64_t room,
                      nomul_error *err)
{
    uint8_t  header[NM_SESSION_FILE_HEADER], end[NM_SESSION_FILE_END];
    size_t   n = file->size < sizeof header ? (size_t)file->size : sizeof header;
    uint64_t n_bytes;
    nm_xxh64 hash;

    if (!nm_file_read(file, 0, header, n, err) ||
        !nm_session_file_measure(header, file->size, &n_bytes, err))
        return false;
    nm_xxh64_init(&hash);
    nm_xxh64_add(&hash, header, sizeof header);
    return read_state(file, n_bytes, n_bytes == room ? state : NULL, &hash, err) &&
           nm_file_read(file, sizeof header + n_bytes, end, sizeof end, err) &&
           nm_session_file_check(nm_xxh64_value(&hash), end, err) &&
           nm_session_file_decode(saved, header, err) && check_sampler(saved, err);
}

static bool read_path(const char *path, nomul_saved *saved, void *state, uint64_t room,
                      nomul_error *err)
{
    nm_file file;

    if (!nm_file_open(&file, path, err)) return false;
    bool ok = read_file(&file, saved, state, room, err);
    nm_file_close(&file);
    return ok || nm_fail_in(err, "%s", path);
}

nomul_status nomul_saved_read(const char *path, nomul_saved *saved, nomul_error *err)
{
    nomul_saved ours;
    nomul_error local;

    if (!err) err = &local;
    if (!path || !saved) return fail_null(err, "nomul_saved_read");
    if (!read_path(path, &ours, NULL, 0, err)) return err->code;
    *saved = ours;
    return NOMUL_OK;
}

static bool check_fits(const nomul_session *session, const nomul_saved *saved, nomul_error *err)
{
    uint64_t ours = session->weights->model_id;

    if (saved->model_id != ours)
        return nm_fail(err, NOMUL_E_ARG,
                       "is a session of model %016" PRIx64 ", this is model %016" PRIx64,
                       saved->model_id, ours);
    if (saved->state_bytes != state_bytes(session))
        return nm_fail(err, NOMUL_E_FORMAT, "state_bytes: is %" PRIu64 ", expected %zu",
                       saved->state_bytes, state_bytes(session));
    if (!check_last_id(session, saved->last_id, NOMUL_E_FORMAT, err)) return false;
    if (nm_sampler_check_state(&saved->sampler_state, session->weights->config.vocab, err))
        return true;
    err->code = NOMUL_E_FORMAT;
    return false;
}

/* The state waits in memory of its own until all is known to be right. */
static bool load(nomul_session *session, const char *path, nomul_saved *saved, void *state,
                 nomul_error *err)
{
    size_t n_bytes = state_bytes(session);

    if (!read_path(path, saved, state, n_bytes, err)) return false;
    if (!check_fits(session, saved, err)) return nm_fail_in(err, "%s", path);
    memcpy(session->state, state, n_bytes);
    session->n_tokens = saved->n_tokens - 1;
    return true;
}

nomul_status nomul_session_load(nomul_session *session, const char *path, nomul_saved *saved,
                                nomul_error *err)
{
    nomul_saved ours;
    nomul_error local;

    if (!err) err = &local;
    if (!session || !path) return fail_null(err, "nomul_session_load");
    void *state = nm_alloc(state_bytes(session));
    if (!state) {
        nm_fail_memory(err, state_bytes(session));
        return err->code;
    }
    bool ok = load(session, path, &ours, state, err);
    nm_free(state);
    if (ok && saved) *saved = ours;
    return ok ? NOMUL_OK : err->code;
}
