/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The module's exports, all functions named nm_web_*: what engine.js calls, through nomul.h.  One
 * model and one text at a time.  A function returns false, NULL or -1 on failure, and nm_web_error
 * says why.  What a call produces, bytes of text or a session file, is at nm_web_bytes until the
 * next call.
 *
 *     alloc, open              a model from bytes, checked to the last one; its session
 *     set_option, begin        a text with these options, empty or at a mark
 *     prompt, step, step ..    bytes after each step, until one returns 0
 *     mark, rewind, forget     to undo and to retry
 *     save, load               a session file as bytes; load gives the mark to begin at
 *
 * What is open is in one variable of this file: an instance of the module serves one page, and
 * JavaScript has no use for a context.
 */
#include "nomul.h"
#include "nomul_bench.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/file.h"
#include "base/xxh64.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* In the file system of os_wasi.c. */
#define SESSION_FILE "session.nms"

typedef struct page {
    void                 *file; /* the model's bytes */
    nomul_model          *model;
    nomul_session        *session;
    nomul_text           *text;
    nomul_sampler_options sampler; /* of the next text */
    nomul_error           err;
    nm_filemap            saved; /* the session file of nm_web_save */
    const char           *bytes; /* of nm_web_bytes: of text or saved, or the tail of a mark */
    size_t                n_bytes;
    char                  words[4096]; /* a line of results: an option with its help fits */
} page;

static page the;

/* ---- Memory and results ---------------------------------------------------------------------- */

void *nm_web_alloc(size_t n_bytes)
{
    return nm_alloc(n_bytes);
}

void nm_web_free(void *block)
{
    nm_free(block);
}

const char *nm_web_error(void)
{
    return the.err.text;
}

const char *nm_web_bytes(void)
{
    return the.bytes;
}

size_t nm_web_n_bytes(void)
{
    return the.n_bytes;
}

/* ---- Model ----------------------------------------------------------------------------------- */

/* From the text to the file that it is made of; the page is then as at first. */
static void close_all(void)
{
    nomul_text_free(the.text);
    nomul_session_free(the.session);
    nomul_model_close(the.model);
    nm_filemap_close(&the.saved);
    nm_free(the.file);
    the = (page){0};
}

/*
 * Opens the model in file[n_bytes], which nm_web_alloc allocated and which is freed with it.  Every
 * byte is checked: a file that a person drops on a page may have come from anywhere.
 */
bool nm_web_open(void *file, size_t n_bytes, const char *kernels)
{
    nomul_model_options options;

    close_all();
    the.file = file;
    nomul_model_options_init(&options);
    options.kernels = kernels;
    options.check_tensors = true;
    the.model = nomul_model_open_memory(file, n_bytes, &options, &the.err);
    if (the.model && nomul_model_tokenizer(the.model))
        the.session = nomul_session_new(the.model, NULL, &the.err);
    else if (the.model)
        nm_fail(&the.err, NOMUL_E_UNSUPPORTED, "the model file has no tokenizer");
    nomul_sampler_options_init(&the.sampler);
    nomul_model_sampling(the.model, &the.sampler);
    if (the.session) return true;

    nomul_error err = the.err;
    close_all();
    the.err = err;
    return false;
}

/* A line: name, packing, kernels, parameters, bytes of the state, model id; a tab between two. */
const char *nm_web_model(void)
{
    const nomul_model_info *info = nomul_model_get_info(the.model);

    if (!info) return "";
    snprintf(the.words, sizeof the.words, "%.200s\t%s\t%s\t%" PRIu64 "\t%" PRIu64 "\t%016" PRIx64,
             info->name, info->packing, nomul_model_kernels(the.model), info->n_params,
             info->state_bytes, info->model_id);
    return the.words;
}

/* XXH64 of the logits of every token of a text, 16 digits, as `nomul logits --hash` prints. */
const char *nm_web_hash(const char *text, size_t n_bytes)
{
    const nomul_tokenizer *tokenizer = nomul_model_tokenizer(the.model);
    nomul_session         *session = the.session;
    size_t                 n_vocab = nomul_token_count(tokenizer), n_ids = 0;
    size_t                 capacity = nomul_tokenize_bound(n_bytes) + 1;
    int32_t               *ids = nm_alloc(capacity * sizeof *ids);
    float                 *logits = nm_alloc(n_vocab * sizeof *logits);
    bool                   ok = ids && logits;
    nm_xxh64               hash;

    if (ok)
        ok = nomul_tokenize(tokenizer, text, n_bytes, NOMUL_TOKENIZE_ADD_SPECIAL, ids, capacity,
                            &n_ids, &the.err) == NOMUL_OK;
    else
        nm_fail_memory(&the.err, n_vocab * sizeof *logits);
    nm_xxh64_init(&hash);
    nomul_session_reset(session);
    for (size_t i = 0; ok && i < n_ids; i++) {
        ok = nomul_session_feed(session, ids + i, 1, NOMUL_LOGITS_LAST, logits, &the.err) ==
             NOMUL_OK;
        nm_xxh64_add(&hash, logits, n_vocab * sizeof *logits);
    }
    nm_free(ids);
    nm_free(logits);
    snprintf(the.words, sizeof the.words, "%016" PRIx64, nm_xxh64_value(&hash));
    return ok ? the.words : NULL;
}

/* How many results of the fastest kernels equal those of scalar; -1: one differs. */
double nm_web_selftest(void)
{
    uint64_t n_compared = 0;
    size_t   last = 0;

    while (nomul_kernels_name(last + 1)) last++;
    return nomul_bench_selftest(last, &n_compared, &the.err) ? (double)n_compared : -1;
}

/* ---- Sampling options: the rows of NOMUL_SAMPLER_FIELDS -------------------------------------- */

/*
 * Row `index`: name, type, value, least, most, help; a tab between two.  NULL past the last.  The
 * value has all digits of a seed.
 */
const char *nm_web_option(size_t index)
{
    size_t row = 0;

#define ROW(TYPE, name, unset, least, most, at, option, key, file, hf, letter, value, help)        \
    if (row++ == index) {                                                                          \
        snprintf(the.words, sizeof the.words, "%s\t%s\t%.17g\t%.9g\t%.9g\t%s", option, #TYPE,      \
                 (double)the.sampler.name, (double)(least), (double)(most), help);                 \
        return the.words;                                                                          \
    }
    NOMUL_SAMPLER_FIELDS(ROW)
#undef ROW
    return NULL;
}

/* The caller keeps to the limits of the row; a seed is below 2^53. */
void nm_web_set_option(size_t index, double to)
{
    size_t row = 0;

#define ROW(TYPE, name, ...)                                                                       \
    if (row++ == index) the.sampler.name = (NOMUL_SAMPLER_##TYPE)to;
    NOMUL_SAMPLER_FIELDS(ROW)
#undef ROW
}

/* ---- Text ------------------------------------------------------------------------------------ */

/*
 * A new text with the options that are set: an empty one, or at a mark.  flags: NOMUL_REWIND_*.
 * On failure the text stays the one that it was.
 */
bool nm_web_begin(const nomul_mark *mark, unsigned flags)
{
    nomul_text_options options;

    nomul_text_options_init(&options);
    options.sampler = &the.sampler;
    nomul_text *text = nomul_text_new(the.session, &options, &the.err);
    if (text && mark && nomul_text_rewind(text, mark, flags, &the.err) != NOMUL_OK) {
        nomul_text_free(text);
        text = NULL;
    }
    if (!text) return false;
    nomul_text_free(the.text);
    the.text = text;
    return true;
}

bool nm_web_prompt(const char *prompt, size_t n_bytes)
{
    if (nomul_text_prompt(the.text, prompt, n_bytes, &the.err) != NOMUL_OK) return false;
    the.bytes = nomul_text_bytes(the.text, &the.n_bytes);
    return true;
}

/* One step; 1, or 0 if the text has finished.  The bytes of the last step are at nm_web_bytes. */
int nm_web_step(void)
{
    if (nomul_text_step(&the.text, 1, &the.err) != NOMUL_OK) return -1;
    the.bytes = nomul_text_bytes(the.text, &the.n_bytes);
    return nomul_text_finish(the.text) == NOMUL_FINISH_NONE;
}

/* Tokens since the last prompt; -1 while that is not read to its end. */
double nm_web_generated(void)
{
    nomul_text_counts counts = {.size = sizeof counts};

    nomul_text_get_counts(the.text, &counts, NULL);
    return counts.n_read < counts.n_prompt ? -1 : (double)counts.n_generated;
}

double nm_web_tokens(void)
{
    nomul_text_counts counts = {.size = sizeof counts};

    nomul_text_get_counts(the.text, &counts, NULL);
    return (double)counts.n_tokens;
}

/* ---- Marks and session files ----------------------------------------------------------------- */

nomul_mark *nm_web_mark(void)
{
    return nomul_text_mark(the.text, &the.err);
}

bool nm_web_rewind(const nomul_mark *mark, unsigned flags)
{
    return nomul_text_rewind(the.text, mark, flags, &the.err) == NOMUL_OK;
}

void nm_web_forget(nomul_mark *mark)
{
    nomul_mark_free(mark);
}

/* The session file of the text. */
bool nm_web_save(void)
{
    nm_filemap_close(&the.saved);
    if (nomul_text_save(the.text, SESSION_FILE, &the.err) != NOMUL_OK) return false;
    if (!nm_filemap_open(&the.saved, SESSION_FILE, true, NULL, &the.err)) return false;
    the.bytes = (const char *)the.saved.data;
    the.n_bytes = the.saved.size;
    return true;
}

/*
 * The mark in a session file of this model; its sampling options are those of the next text, and
 * its last bytes are at nm_web_bytes.
 */
nomul_mark *nm_web_load(const void *file, size_t n_bytes)
{
    nm_outfile out;

    if (!nm_outfile_open(&out, SESSION_FILE, (nm_watch){0}, &the.err) ||
        !nm_outfile_write(&out, file, n_bytes, &the.err)) {
        nm_outfile_abort(&out);
        return NULL;
    }
    if (!nm_outfile_commit(&out, &the.err)) return NULL;
    nomul_mark *mark = nomul_mark_load(SESSION_FILE, the.model, NULL, &the.err);
    if (!mark) return NULL;
    const nomul_mark_info *info = nomul_mark_get_info(mark);
    the.sampler = *info->sampler;
    the.bytes = info->tail;
    the.n_bytes = info->n_tail;
    return mark;
}
