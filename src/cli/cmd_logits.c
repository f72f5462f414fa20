/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul logits: the logits of every token of a text, to compare two programs or two versions to the
 * last bit.  They go to a safetensors file, to a hash on stdout, or both.  Rows are written as they
 * are computed, so memory does not grow with the text.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/xxh64.h"
#include "cli/commands.h"
#include "cli/text/prompt.h"

typedef struct logits_args {
    const char  *ids, *prompt, *file, *output;
    nm_open_args open;
    bool         hash;
} logits_args;

#define F(field) offsetof(logits_args, field)
static const nm_option table[] = {
    NM_GROUP("The text"),
    NM_MODEL_OPTION(F, open),
    {0, "ids", NM_OPT_STRING, F(ids), NULL, "LIST|@FILE|-",
     "token ids, separated by commas or spaces; @FILE reads a file, - stdin; no BOS is added", 0, 0,
     NM_INPUT_AT},
    NM_PROMPT_OPTIONS(F(prompt), F(file)),

    NM_GROUP("Output, at least one of"),
    NM_FILE('o', "output", F(output), NULL,
            "write a safetensors file: F32 logits [T, V] and I32 input_ids [T]", NM_OUTPUT),
    NM_FLAG(0, "hash", F(hash), "print XXH64 (seed 0) of the little-endian F32 logits, row by row"),

    NM_MACHINE_OPTIONS(F, open),
    NM_END,
};

typedef struct logits_run {
    const logits_args *args;
    nm_opened          opened;
    nm_buffer          text;
    nm_ids             ids;
    size_t             n_vocab, n_rows;
    float             *rows; /* float[n_rows][n_vocab] */
    nm_xxh64           hash;
    nm_outfile         out;
    nm_progress_bar    bar;
} logits_run;

/* ---- Input ----------------------------------------------------------------------------------- */

/* The ids of --ids, of its file or of stdin; else those of the prompt, with BOS. */
static bool read_input(logits_run *r, nomul_error *err)
{
    const logits_args *args = r->args;
    const char        *ids = args->ids, *path = NULL;

    nm_prompt_waits(ids ? ids : args->file, ids ? "token ids" : "the prompt", false);
    if (!ids)
        return nm_prompt_read(&r->text, args->prompt, args->file, NM_PROMPT_DROP_NEWLINE, err) &&
               nm_prompt_ids(&r->ids, r->opened.tokenizer, &r->text, err);
    if (ids[0] == '@') path = ids + 1;
    if (strcmp(ids, "-") == 0) path = ids;
    if (!(path ? nm_buffer_add_file(&r->text, path, err)
               : nm_buffer_add(&r->text, ids, strlen(ids), err)))
        return false;

    const char *place = path ? nm_buffer_name(path) : "--ids";
    if (!nm_ids_read(&r->ids, r->text.data, r->text.n_bytes, r->n_vocab, err))
        return nm_fail_in(err, "%s", place);
    return r->ids.n > 0 || nm_fail(err, NOMUL_E_ARG, "%s: the list is empty", place);
}

/* ---- Output ---------------------------------------------------------------------------------- */

/* Bytes are written as they lie in memory: the library refuses hosts that are not little-endian. */
static bool feed_all(logits_run *r, nomul_error *err)
{
    for (size_t at = 0, n; at < r->ids.n; at += n) {
        n = r->ids.n - at < r->n_rows ? r->ids.n - at : r->n_rows;
        if (nomul_session_feed(r->opened.session, r->ids.at + at, n, NOMUL_LOGITS_ALL, r->rows,
                               err) != NOMUL_OK)
            return false;
        size_t n_bytes = n * r->n_vocab * sizeof *r->rows;
        if (r->args->hash) nm_xxh64_add(&r->hash, r->rows, n_bytes);
        if (r->args->output && !nm_outfile_write(&r->out, r->rows, n_bytes, err)) return false;
        nm_progress_show(&r->bar, at + n, r->ids.n);
    }
    return true;
}

/*
 * Logits of n_rows ids at a time, which is also the size of the session's batch: memory is bounded
 * whatever the length.  The file appears complete or not at all; the hash is of the same bytes:
 *
 *     length, u64 | JSON, spaces to a multiple of 8 | logits, float[n][n_vocab] | ids, int32[n]
 */
static bool compute(logits_run *r, nomul_error *err)
{
    const char  *output = r->args->output;
    nm_open_args open = r->args->open;
    char         json[320], length[8];
    uint64_t     n = r->ids.n, n_logits = 0, n_all = 0;

    r->n_rows = open.n_batch > 0 ? (size_t)open.n_batch : NM_LOGITS_ROWS;
    if (r->n_rows > r->ids.n) r->n_rows = r->ids.n;
    open.n_batch = (int64_t)r->n_rows;
    if (r->n_rows > SIZE_MAX / sizeof *r->rows / r->n_vocab) return nm_fail_memory(err, SIZE_MAX);
    r->rows = nm_alloc(r->n_rows * r->n_vocab * sizeof *r->rows);
    if (!r->rows) return nm_fail_memory(err, r->n_rows * r->n_vocab * sizeof *r->rows);
    if (!nm_open_session(&r->opened, &open, err)) return false;
    nm_xxh64_init(&r->hash);
    if (!output) return feed_all(r, err);

    if (!nm_mul_u64(n * 4, r->n_vocab, &n_logits) || !nm_add_u64(n_logits, n * 4, &n_all))
        return nm_fail(err, NOMUL_E_ARG, "too many ids for one file: %" PRIu64, n);
    int    size = snprintf(json, sizeof json,
                           "{\"logits\":{\"dtype\":\"F32\",\"shape\":[%" PRIu64 ",%zu],"
                              "\"data_offsets\":[0,%" PRIu64 "]},"
                              "\"input_ids\":{\"dtype\":\"I32\",\"shape\":[%" PRIu64 "],"
                              "\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}}",
                           n, r->n_vocab, n_logits, n, n_logits, n_all);
    size_t padded = nm_round_up((size_t)size, 8); /* 6 numbers of 20 digits: under 300 bytes */
    memset(json + size, ' ', padded - (size_t)size);
    nm_store_u64(length, padded);
    bool ok = nm_outfile_open(&r->out, output, (nm_watch){nm_interrupt_doom, NULL}, err) &&
              nm_outfile_write(&r->out, length, sizeof length, err) &&
              nm_outfile_write(&r->out, json, padded, err) && feed_all(r, err) &&
              nm_outfile_write(&r->out, r->ids.at, r->ids.n * sizeof *r->ids.at, err) &&
              nm_outfile_commit(&r->out, err);
    nm_outfile_abort(&r->out);
    return ok;
}

static int run(const void *arguments)
{
    const logits_args *args = arguments;
    const char        *ids = args->ids;
    logits_run         r = {.args = args, .bar.unit = "token"};
    nomul_error        err;

    if (ids && (args->prompt || args->file)) return nm_output_misused("--ids excludes -p and -f");
    if (!ids && !args->prompt && !args->file)
        return nm_output_misused("one of --ids, -p and -f is needed");
    if (!args->output && !args->hash) return nm_output_misused("one of -o and --hash is needed");
    if (ids && ids[0] != '@' && strcmp(ids, "-") != 0) {
        if (!nm_ids_read(NULL, ids, strlen(ids), 0, &err))
            return nm_output_misused("--ids: %s", err.text);
        if (ids[strspn(ids, ", \t\r\n\v\f")] == '\0')
            return nm_output_misused("--ids: the list is empty");
    }

    nm_interrupt_catch();
    int code = nm_open_model(&r.opened, &args->open, ids ? 0 : NM_OPEN_TOKENIZER);
    if (code == NM_EXIT_DONE) {
        r.n_vocab = nomul_model_get_info(r.opened.model)->n_vocab;
        bool ok = read_input(&r, &err) && compute(&r, &err);
        nm_progress_erase(&r.bar);
        if (!ok)
            code = nm_output_failed(&err);
        else if (args->hash)
            nm_output_print("%016" PRIx64 "\n", nm_xxh64_value(&r.hash));
    }
    nm_free(r.rows);
    nm_ids_free(&r.ids);
    nm_buffer_free(&r.text);
    nm_open_close(&r.opened);
    return code;
}

const nm_command nm_cmd_logits = {
    "logits",
    "write or hash the logits of every token of a text",
    "Computes, for each token of a text, the logits of the next token. --ids are fed as they are; "
    "a text from -p or -f begins with BOS, as in nomul run; one newline at the end of the file is "
    "dropped.",
    table,
    sizeof(logits_args),
    run};
