/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks: a place in a text as one block of memory, and as a session file; forks.  The layout of the
 * file is format/session_file.h's; that it appears whole or not at all is base/file.h's.
 *
 * What continues a text, and where it is kept:
 *
 *                     text                    mark           session file
 *     state           session->state          state          all of it
 *     pending ids     pending[n_fed..n)       pending        one: the others are fed before
 *     sampler         its history             ids, counts    the last 64 ids, no counts
 *     bytes           place, tail             place, tail    the last 64 bytes
 *
 * So a mark loses nothing, and a file what nomul_text_unsaved tells.  Forking a text and going back
 * in it are the same thing: a mark is taken, and another text, or the same one, is put to it.
 */
#include "text/text_object.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/xxh64.h"
#include "format/session_file.h"
#include "model/session.h"
#include "nomul_model.h"

#include <inttypes.h>
#include <string.h>

#define PIECE_BYTES ((size_t)8192) /* of a file, hashed at a time */

struct nomul_mark {
    nm_arena              arena; /* holds the mark and all its arrays */
    nomul_mark_info       info;
    nomul_sampler_options sampler;
    nm_sampler_history    history;
    nm_text_place         place;
    int32_t              *ids;     /* [history.n_ids] */
    uint32_t             *counts;  /* [n_vocab], where history has them */
    char                 *tail;    /* [place.n_tail] */
    int32_t              *pending; /* [n_pending]: not fed */
    size_t                n_pending;
    size_t                n_vocab; /* all ids are below it */
    uint8_t              *state;   /* NULL: loaded without a model */
};

/* What a mark has room for. */
typedef struct mark_sizes {
    size_t n_ids, n_counts, n_tail, n_pending, n_state;
} mark_sizes;

/* A mark and all its arrays in one block. */
static nomul_mark *new_mark(const mark_sizes *n, nomul_error *err)
{
    nm_arena    arena = {0};
    nomul_mark  m = {.n_pending = n->n_pending};
    nomul_mark *at;

    do { /* measures the arena, then takes the parts from it */
        at = nm_arena_take(&arena, 1, sizeof *at);
        m.ids = nm_arena_take(&arena, n->n_ids, sizeof *m.ids);
        m.counts = nm_arena_take(&arena, n->n_counts, sizeof *m.counts);
        m.tail = nm_arena_take(&arena, n->n_tail, 1);
        m.pending = nm_arena_take(&arena, n->n_pending, sizeof *m.pending);
        m.state = n->n_state ? nm_arena_take(&arena, n->n_state, 1) : NULL;
    } while (!at && nm_arena_back(&arena, err));
    if (!at) return NULL;
    m.arena = arena;
    *at = m;
    return at;
}

/* Points info to what the mark holds. */
static void describe(nomul_mark *mark)
{
    nomul_mark_info *info = &mark->info;

    info->last_id = mark->n_pending ? mark->pending[mark->n_pending - 1] : -1;
    info->sampler = &mark->sampler;
    memcpy(info->rng, mark->history.rng, sizeof info->rng);
    info->ids = mark->history.ids;
    info->n_ids = mark->history.n_ids;
    info->tail = mark->tail;
    info->n_tail = mark->place.n_tail;
}

void nomul_mark_free(nomul_mark *mark)
{
    if (!mark) return;
    nm_arena arena = mark->arena; /* the mark lies in it */
    nm_arena_free(&arena);
}

const nomul_mark_info *nomul_mark_get_info(const nomul_mark *mark)
{
    return mark ? &mark->info : NULL;
}

/* ---- In memory ------------------------------------------------------------------------------- */

nomul_mark *nomul_text_mark(const nomul_text *text, nomul_error *err)
{
    if (!text) return nm_fail_null(err, "nomul_text_mark"), NULL;
    nm_sampler_history history = nm_sampler_get_history(text->sampler, NULL);
    mark_sizes         sizes = {
                .n_ids = history.n_ids,
                .n_counts = history.counts ? text->host->n_vocab : 0,
                .n_tail = text->place.n_tail,
                .n_pending = text->pending.n - text->n_fed,
                .n_state = nm_config_state_bytes(&text->session->weights->config),
    };
    nomul_mark *mark = new_mark(&sizes, err);

    if (!mark) return NULL;
    mark->history = nm_sampler_get_history(text->sampler, mark->ids);
    if (history.counts) {
        memcpy(mark->counts, history.counts, sizes.n_counts * sizeof *mark->counts);
        mark->history.counts = mark->counts;
    }
    mark->n_vocab = text->host->n_vocab;
    mark->sampler = *nm_sampler_options(text->sampler);
    mark->sampler.logit_bias = NULL, mark->sampler.n_logit_bias = 0;
    mark->place = text->place;
    if (sizes.n_tail) memcpy(mark->tail, text->tail, sizes.n_tail);
    if (sizes.n_pending)
        memcpy(mark->pending, text->pending.at + text->n_fed,
               sizes.n_pending * sizeof *mark->pending);
    memcpy(mark->state, text->session->state, sizes.n_state);
    mark->info.model_id = text->session->weights->model_id;
    mark->info.state_bytes = sizes.n_state;
    mark->info.n_tokens = text->session->n_tokens + sizes.n_pending;
    describe(mark);
    return mark;
}

nomul_status nomul_text_rewind(nomul_text *text, const nomul_mark *mark, unsigned flags,
                               nomul_error *err)
{
    nomul_error own;

    err = nm_error_or(err, &own);
    if (!text || !mark) return nm_fail_null(err, "nomul_text_rewind");
    if (flags & ~(unsigned)NOMUL_REWIND_KEEP_GENERATOR)
        return nm_fail(err, NOMUL_E_ARG, "flags: 0x%x is unknown", flags), err->code;
    const nm_weights *weights = text->session->weights;
    if (!mark->state)
        return nm_fail(err, NOMUL_E_ARG, "the mark was loaded without a model: it has no state"),
               err->code;
    if (mark->info.model_id != weights->model_id)
        return nm_fail(err, NOMUL_E_ARG,
                       "the mark is of model %016" PRIx64 ", this is model %016" PRIx64,
                       mark->info.model_id, weights->model_id),
               err->code;
    /* A file may claim the id of another model: nothing is copied before the sizes are equal. */
    if (mark->info.state_bytes != nm_config_state_bytes(&weights->config) ||
        mark->n_vocab != text->host->n_vocab) {
        nm_fail(err, NOMUL_E_ARG, "the mark is of another shape than model %016" PRIx64,
                weights->model_id);
        return err->code;
    }
    nm_id_list *list = &text->pending;
    size_t      n_more = mark->n_pending > list->n ? mark->n_pending - list->n : 0;
    if (!nm_id_list_reserve(list, n_more, err)) return err->code;

    memcpy(text->session->state, mark->state, (size_t)mark->info.state_bytes);
    text->session->n_tokens = mark->info.n_tokens - mark->n_pending;
    if (mark->n_pending) memcpy(list->at, mark->pending, mark->n_pending * sizeof *list->at);
    list->n = mark->n_pending;
    text->n_fed = text->n_prompt = 0;
    nm_sampler_set_history(text->sampler, &mark->history, flags & NOMUL_REWIND_KEEP_GENERATOR);
    text->place = (nm_text_place){.has_text = mark->place.has_text, .cut = mark->place.cut};
    nm_text_add_tail(text, mark->info.tail, mark->info.n_tail);
    text->place.n_held = mark->place.n_held;
    text->n_generated = 0;
    text->finish = NOMUL_FINISH_LENGTH;
    nm_text_clear_output(text);
    return NOMUL_OK;
}

/* ---- Forks ----------------------------------------------------------------------------------- */

nomul_text *nomul_text_fork(const nomul_text *text, const nomul_text_options *options,
                            nomul_error *err)
{
    if (!text) return nm_fail_null(err, "nomul_text_fork"), NULL;
    nomul_text_options same = text->options;
    same.sampler = nm_sampler_options(text->sampler);
    same.ignore_eos = false; /* is among the sampler's biases */

    nomul_mark *mark = nomul_text_mark(text, err);
    nomul_text *fork = NULL;
    if (mark) fork = nm_text_new(text->host, text->session, options ? options : &same, err);
    if (fork && nomul_text_rewind(fork, mark, options ? NOMUL_REWIND_KEEP_GENERATOR : 0, err)) {
        nomul_text_free(fork);
        fork = NULL;
    }
    nomul_mark_free(mark);
    if (fork && !options) {
        fork->options.ignore_eos = text->options.ignore_eos;
        fork->finish = text->finish;
        fork->n_prompt = text->n_prompt;
        fork->n_generated = text->n_generated;
    }
    return fork;
}

/* ---- To a file ------------------------------------------------------------------------------- */

/* Header, state, checksum of both.  The mark has one pending id, as texts are settled before. */
static bool write_mark(const nomul_mark *mark, const char *path, nm_watch watch, nomul_error *err)
{
    const nomul_mark_info *info = &mark->info;
    uint8_t                header[NM_SESSION_FILE_HEADER], end[NM_SESSION_FILE_END];
    size_t                 n_state = (size_t)info->state_bytes;
    nm_outfile             out;
    nm_xxh64               hash;
    nm_session_record      r = {
             .model_id = info->model_id,
             .state_bytes = info->state_bytes,
             .n_tokens = info->n_tokens,
             .last_id = info->last_id,
             .has_text = mark->place.has_text,
             .n_held = (uint32_t)mark->place.n_held,
             .sampler = mark->sampler,
             .n_last = (uint32_t)(info->n_ids < NOMUL_SAVED_IDS ? info->n_ids : NOMUL_SAVED_IDS),
    };

    r.n_tail = (uint32_t)(info->n_tail < NOMUL_SAVED_BYTES ? info->n_tail : NOMUL_SAVED_BYTES);
    memcpy(r.rng, info->rng, sizeof r.rng);
    memcpy(r.last, info->ids + info->n_ids - r.n_last, r.n_last * sizeof *r.last);
    memcpy(r.tail, info->tail + info->n_tail - r.n_tail, r.n_tail);
    nm_session_file_encode(&r, header);
    nm_xxh64_init(&hash);
    nm_xxh64_add(&hash, header, sizeof header);
    nm_xxh64_add(&hash, mark->state, n_state);
    nm_store_u64(end, nm_xxh64_value(&hash));
    if (!nm_outfile_open(&out, path, watch, err)) return false;
    bool ok = nm_outfile_write(&out, header, sizeof header, err) &&
              nm_outfile_write(&out, mark->state, n_state, err) &&
              nm_outfile_write(&out, end, sizeof end, err) && nm_outfile_commit(&out, err);
    nm_outfile_abort(&out);
    return ok;
}

nomul_status nomul_text_save(nomul_text *text, const char *path, nomul_error *err)
{
    nomul_error own;

    err = nm_error_or(err, &own);
    if (!text || !path) return nm_fail_null(err, "nomul_text_save");
    nomul_mark  *empty = NULL, *mark = NULL;
    nomul_finish how = text->finish;
    size_t       n_prompt = text->n_prompt;

    if (text->pending.n == 0) { /* it is saved as BOS alone */
        empty = nomul_text_mark(text, err);
        if (!empty) return err->code;
        if (nomul_text_prompt(text, NULL, 0, err)) {
            nm_fail_in(err, "%s: not saved", path);
            nomul_mark_free(empty);
            return err->code;
        }
        text->finish = how;
    }
    bool ok = nm_text_settle(text, err) || nm_fail_in(err, "%s: not saved", path);
    if (ok) mark = nomul_text_mark(text, err);
    const nm_watch watch = {text->options.temporary, text->options.temporary_context};
    ok = ok && mark && write_mark(mark, path, watch, err);
    if (!ok && empty) { /* as it was */
        nomul_text_rewind(text, empty, NOMUL_REWIND_KEEP_GENERATOR, NULL);
        text->n_prompt = n_prompt;
    }
    nomul_mark_free(empty);
    nomul_mark_free(mark);
    return ok ? NOMUL_OK : err->code;
}

/* ---- From a file ----------------------------------------------------------------------------- */

/* The sampler's ranges and, with a model, everything that must fit it. */
static bool check_record(const nm_session_record *r, const nomul_model *model, nomul_error *err)
{
    if (!nm_sampler_check_fields(&r->sampler, err)) {
        if (err) err->code = NOMUL_E_FORMAT;
        return false;
    }
    if (!model) return true;
    uint32_t n_vocab = model->info.n_vocab;
    if (r->model_id != model->info.model_id)
        return nm_fail(err, NOMUL_E_ARG,
                       "is a session of model %016" PRIx64 ", this is model %016" PRIx64,
                       r->model_id, model->info.model_id);
    if (r->state_bytes != model->info.state_bytes)
        return nm_fail(err, NOMUL_E_FORMAT, "state_bytes: is %" PRIu64 ", expected %" PRIu64,
                       r->state_bytes, model->info.state_bytes);
    if ((uint32_t)r->last_id >= n_vocab)
        return nm_fail(err, NOMUL_E_FORMAT, "last_id: is %" PRId32 ", expected 0 to %" PRIu32,
                       r->last_id, n_vocab - 1);
    for (uint32_t i = 0; i < r->n_last; i++)
        if ((uint32_t)r->last[i] >= n_vocab)
            return nm_fail(err, NOMUL_E_FORMAT,
                           "last[%" PRIu32 "]: is %" PRId32 ", expected 0 to %" PRIu32, i,
                           r->last[i], n_vocab - 1);
    return true;
}

/* A mark of what a file's header says; the state, if it gets one, is the caller's to fill in. */
static nomul_mark *mark_of_record(const nm_session_record *r, bool with_state, nomul_error *err)
{
    mark_sizes sizes = {.n_ids = r->n_last, .n_tail = r->n_tail, .n_pending = 1};

    if (with_state) sizes.n_state = (size_t)r->state_bytes;
    nomul_mark *mark = new_mark(&sizes, err);
    if (!mark) return NULL;
    memcpy(mark->ids, r->last, r->n_last * sizeof *mark->ids);
    memcpy(mark->tail, r->tail, r->n_tail);
    mark->pending[0] = r->last_id;
    mark->sampler = r->sampler;
    mark->history = (nm_sampler_history){.ids = mark->ids, .n_ids = r->n_last};
    memcpy(mark->history.rng, r->rng, sizeof r->rng);
    mark->place = (nm_text_place){
        .has_text = r->has_text,
        .n_tail = r->n_tail,
        .cut = r->n_tail == NOMUL_SAVED_BYTES,
        .n_held = r->n_held,
    };
    mark->info.model_id = r->model_id;
    mark->info.state_bytes = r->state_bytes;
    mark->info.n_tokens = r->n_tokens;
    describe(mark);
    return mark;
}

/*
 * Length, then checksum, then values: of a damaged file nothing else is said.  So the state is read
 * into a mark whose size the model gives, not the file, before the values are looked at.
 */
static nomul_mark *read_mark(const nm_file *file, const nomul_model *model,
                             const nomul_cancel *cancel, nomul_error *err)
{
    uint8_t           header[NM_SESSION_FILE_HEADER] = {0}, end[NM_SESSION_FILE_END];
    uint8_t           piece[PIECE_BYTES]; /* of a state that is not kept */
    size_t            n = file->size < sizeof header ? (size_t)file->size : sizeof header, n_header;
    uint64_t          n_state;
    uint8_t          *state = NULL;
    nomul_mark       *mark = NULL;
    nm_session_record record;
    nm_xxh64          hash;

    if (!nm_file_read(file, 0, header, n, err) ||
        !nm_session_file_measure(header, file->size, &n_header, &n_state, err))
        return NULL;
    if (model && n_state == model->info.state_bytes && !(state = nm_alloc((size_t)n_state)))
        return nm_fail_memory(err, (size_t)n_state), NULL;
    nm_xxh64_init(&hash);
    nm_xxh64_add(&hash, header, n_header);
    bool ok = true;
    for (uint64_t at = 0; ok && at < n_state;) {
        size_t   n_piece = n_state - at < PIECE_BYTES ? (size_t)(n_state - at) : PIECE_BYTES;
        uint8_t *to = state ? state + at : piece;
        ok = nm_file_read(file, n_header + at, to, n_piece, err);
        if (ok && nomul_cancel_requested(cancel)) ok = nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
        if (ok) nm_xxh64_add(&hash, to, n_piece);
        at += n_piece;
    }
    if (ok && nm_file_read(file, n_header + n_state, end, sizeof end, err) &&
        nm_session_file_check(nm_xxh64_value(&hash), end, err) &&
        nm_session_file_decode(&record, header, err) && check_record(&record, model, err)) {
        bool has_bos = model && model->has_tokenizer;
        if (model && record.n_tokens == 1 &&
            record.last_id != (has_bos ? model->tokenizer.vocab.bos_id : -1))
            record.has_text = true; /* version 1 does not say so */
        mark = mark_of_record(&record, model != NULL, err);
        if (mark && model) mark->n_vocab = model->info.n_vocab;
        if (mark && mark->state && state) memcpy(mark->state, state, (size_t)n_state);
    }
    nm_free(state);
    return mark;
}

nomul_mark *nomul_mark_load(const char *path, const nomul_model *model, const nomul_cancel *cancel,
                            nomul_error *err)
{
    nomul_error own;
    nm_file     file;

    err = nm_error_or(err, &own);
    if (!path) return nm_fail_null(err, "nomul_mark_load"), NULL;
    if (!nm_file_open(&file, path, err)) return NULL;
    if (!cancel && model) cancel = model->cancel;
    nomul_mark *mark = read_mark(&file, model, cancel, err);
    nm_file_close(&file);
    if (!mark) nm_fail_in(err, "%s", path);
    return mark;
}
