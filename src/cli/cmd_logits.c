/* SPDX-License-Identifier: Apache-2.0 */
/* nomul logits: the scores of every token of a text, for those who compare and measure. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/xxh64.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/kernels_option.h"
#include "cli/model_path.h"
#include "cli/numbers.h"
#include "cli/output.h"
#include "cli/text/prompt.h"

typedef struct logits_args {
    const char *model, *ids, *prompt, *file, *output, *kernels;
    int64_t     n_threads, n_batch;
    bool        hash, no_mmap;
} logits_args;

#define F(field) offsetof(logits_args, field)
static const nm_option table[] = {
    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "The text", 0, 0},
    {'m', "model", NM_OPT_STRING, F(model), NULL, "FILE", "model to run", 0, 0},
    {0, "ids", NM_OPT_STRING, F(ids), NULL, "LIST|@FILE|-",
     "token ids between commas or blanks, as they are, no BOS added; from a file; from stdin", 0,
     0},
    {'p', "prompt", NM_OPT_STRING, F(prompt), NULL, "TEXT", "or a text, BOS added as run does", 0,
     0},
    {'f', "file", NM_OPT_STRING, F(file), NULL, "FILE",
     "file with the text, - for stdin; after the text of -p if both are given", 0, 0},

    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "Output, at least one of", 0, 0},
    {'o', "output", NM_OPT_STRING, F(output), NULL, "FILE",
     "safetensors: F32 logits [T, V] and I32 input_ids [T]", 0, 0},
    {0, "hash", NM_OPT_FLAG, F(hash), NULL, NULL,
     "print XXH64 (seed 0) of the little-endian F32 logits, row by row", 0, 0},

    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "Machine", 0, 0},
    {'t', "threads", NM_OPT_INT, F(n_threads), "0", "N", "threads; 0 is one for each CPU", 0, 1024},
    {'b', "batch-size", NM_OPT_INT, F(n_batch), "96", "N",
     "tokens taken together; the logits are the same for any", 1, 4096},
    NM_KERNELS_OPTION(F(kernels)),
    {0, "no-mmap", NM_OPT_FLAG, F(no_mmap), NULL, NULL,
     "read the model into memory instead of mapping it", 0, 0},
    {0, NULL, NM_OPT_END, 0, NULL, NULL, NULL, 0, 0},
};
#undef F

typedef struct running {
    const logits_args *args;
    const char        *kernels;
    nomul_model       *model;
    const char        *path;
    nomul_session     *session;
    nm_text            text;
    nm_ids             ids;
    size_t             n_vocab;
    float             *rows; /* n_batch of them */
    nm_xxh64           hash;
    nm_outfile         out;
    bool               writes;
} running;

/* ---- Input ----------------------------------------------------------------------------------- */

static int check_args(const logits_args *args)
{
    const char *ids = args->ids;
    nomul_error err;

    if (ids && (args->prompt || args->file))
        return nm_misused("logits", "--ids goes without -p and -f");
    if (!ids && !args->prompt && !args->file)
        return nm_misused("logits", "one of --ids, -p and -f is needed");
    if (!args->output && !args->hash) return nm_misused("logits", "one of -o and --hash is needed");
    if (ids && strcmp(ids, "@") == 0) return nm_misused("logits", "--ids: @ needs a FILE");
    if (!ids || ids[0] == '@' || strcmp(ids, "-") == 0) return NM_EXIT_DONE;
    if (!nm_ids_check(ids, strlen(ids), &err)) return nm_misused("logits", "--ids: %s", err.text);
    if (ids[strspn(ids, ", \t\r\n\v\f")] == '\0') return nm_misused("logits", "--ids: no id in it");
    return NM_EXIT_DONE;
}

static bool read_ids(running *r, nomul_error *err)
{
    const char *ids = r->args->ids, *place = "--ids";

    if (ids[0] == '@' || strcmp(ids, "-") == 0) {
        const char *path = ids[0] == '@' ? ids + 1 : "-";
        place = ids[0] == '@' ? ids + 1 : "standard input";
        if (!nm_text_add_file(&r->text, path, err)) return false;
    } else if (!nm_text_add(&r->text, ids, strlen(ids), err))
        return false;

    if (!nm_ids_read(&r->ids, r->text.data, r->text.n_bytes, r->n_vocab, err))
        return nm_fail_in(err, "%s", place);
    return r->ids.n > 0 || nm_fail(err, NOMUL_E_ARG, "%s: no id in it", place);
}

static bool read_text(running *r, const nomul_tokenizer *tokenizer, nomul_error *err)
{
    const logits_args *args = r->args;

    return nm_prompt_read(&r->text, args->prompt, args->file, NM_PROMPT_DROP_NEWLINE, err) &&
           nm_prompt_ids(&r->ids, tokenizer, &r->text, false, err);
}

/* ---- Output ---------------------------------------------------------------------------------- */

/* Length, JSON with blanks up to a multiple of 8; then logits and input_ids lie behind it. */
static bool write_header(running *r, nomul_error *err)
{
    char     json[320], length[8];
    uint64_t n = r->ids.n, n_logits = 0, n_all = 0;

    if (!nm_mul_u64(n * 4, r->n_vocab, &n_logits) || !nm_add_u64(n_logits, n * 4, &n_all))
        return nm_fail(err, NOMUL_E_ARG, "too many ids for one file: %" PRIu64, n);
    int    size = snprintf(json, sizeof json,
                           "{\"logits\":{\"dtype\":\"F32\",\"shape\":[%" PRIu64 ",%zu],"
                              "\"data_offsets\":[0,%" PRIu64 "]},"
                              "\"input_ids\":{\"dtype\":\"I32\",\"shape\":[%" PRIu64 "],"
                              "\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}}",
                           n, r->n_vocab, n_logits, n, n_logits, n_all);
    size_t padded = nm_round_up((size_t)size, 8); /* all numbers at their longest: under 300 */
    memset(json + size, ' ', padded - (size_t)size);
    nm_store_u64(length, padded);
    return nm_outfile_write(&r->out, length, sizeof length, err) &&
           nm_outfile_write(&r->out, json, padded, err);
}

/* In place of a conversion: the library refuses hosts that are not little-endian. */
static bool take_rows(running *r, size_t n_rows, nomul_error *err)
{
    size_t n_bytes = n_rows * r->n_vocab * sizeof *r->rows;

    if (r->args->hash) nm_xxh64_add(&r->hash, r->rows, n_bytes);
    return !r->writes || nm_outfile_write(&r->out, r->rows, n_bytes, err);
}

static bool write_ids(running *r, nomul_error *err)
{
    return nm_outfile_write(&r->out, r->ids.at, r->ids.n * sizeof *r->ids.at, err) &&
           nm_outfile_commit(&r->out, err);
}

static bool feed_all(running *r, nomul_error *err)
{
    size_t most = (size_t)r->args->n_batch, step = most;

    for (size_t at = 0, n; at < r->ids.n; at += n) {
        double began = nm_clock();
        n = r->ids.n - at < step ? r->ids.n - at : step;

        if (nm_interrupted()) return nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
        if (nomul_session_feed(r->session, r->ids.at + at, n, NOMUL_LOGITS_ALL, r->rows, err) !=
            NOMUL_OK)
            return false;
        if (!take_rows(r, n, err)) return false;
        step = nm_interrupt_pace(step, n, nm_clock() - began, most);
    }
    return true;
}

/* ---- Order of events ------------------------------------------------------------------------- */

static bool take_memory(running *r, nomul_error *err)
{
    nomul_session_options o;
    size_t                n_rows = (size_t)r->args->n_batch;

    if (n_rows > r->ids.n) n_rows = r->ids.n;
    nomul_session_options_init(&o);
    o.n_threads = (size_t)r->args->n_threads;
    o.n_batch = n_rows;
    if (n_rows > SIZE_MAX / sizeof *r->rows / r->n_vocab) return nm_fail_memory(err, SIZE_MAX);
    r->rows = nm_alloc(n_rows * r->n_vocab * sizeof *r->rows);
    if (!r->rows) return nm_fail_memory(err, n_rows * r->n_vocab * sizeof *r->rows);
    r->session = nomul_session_new(r->model, &o, err);
    return r->session != NULL;
}

static bool check_output(const running *r, nomul_error *err)
{
    const char *output = r->args->output;

    if (!output || !nm_file_same(output, r->path)) return true;
    return nm_fail(err, NOMUL_E_ARG, "%s: is the model", output);
}

static bool compute(running *r, nomul_error *err)
{
    const char *output = r->args->output;

    if (!check_output(r, err)) return false;
    if (!take_memory(r, err)) return false;
    if (output && !nm_outfile_open(&r->out, output, err)) return false;
    r->writes = output != NULL;
    nm_interrupt_doom(r->out.temporary);
    nm_xxh64_init(&r->hash);
    bool ok = (!r->writes || write_header(r, err)) && feed_all(r, err) &&
              (!r->writes || write_ids(r, err));
    nm_interrupt_doom(NULL);
    return ok;
}

static int run_all(running *r, const char *argv0)
{
    const nomul_tokenizer *tokenizer = NULL;
    nomul_model_options    o;
    nomul_error            err;

    nomul_model_options_init(&o);
    o.in_memory = r->args->no_mmap;
    o.kernels = r->kernels;
    r->model = nm_model_open(r->args->model, argv0, &o, &r->path);
    if (!r->model) return NM_EXIT_FAILED;
    r->n_vocab = nomul_model_get_info(r->model)->n_vocab;
    if (!r->args->ids) tokenizer = nm_model_need_tokenizer(r->model, r->path);
    if (!r->args->ids && !tokenizer) return NM_EXIT_FAILED;

    bool ok =
        (r->args->ids ? read_ids(r, &err) : read_text(r, tokenizer, &err)) && compute(r, &err);
    if (!ok) return nm_command_failed(&err);
    if (r->args->hash) nm_output_print("%016" PRIx64 "\n", nm_xxh64_value(&r->hash));
    return NM_EXIT_DONE;
}

static int run(const void *arguments, const char *argv0)
{
    running r = {.args = arguments};
    int     code = check_args(r.args);

    if (code != NM_EXIT_DONE) return code;
    r.kernels = r.args->kernels;
    if (!nm_kernels_option("logits", &r.kernels)) return NM_EXIT_MISUSED;
    nm_interrupt_catch();
    code = run_all(&r, argv0);
    if (r.writes) nm_outfile_abort(&r.out);
    nomul_session_free(r.session);
    nm_free(r.rows);
    nm_ids_free(&r.ids);
    nm_text_free(&r.text);
    nomul_model_close(r.model);
    return code;
}

const nm_command nm_cmd_logits = {
    "logits",
    "write or hash the logits of every token of a text",
    "Takes token ids through the model and gives, for each, the scores of the token that follows.",
    table,
    sizeof(logits_args),
    run};
