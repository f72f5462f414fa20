/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul tokenize: text to token ids, or back with --decode.  The weights are not used.  Unlike a
 * prompt of nomul run, the text keeps its last newline, and BOS can be left out, so that decoding
 * the ids gives the same bytes again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/record.h"
#include "cli/text/prompt.h"

typedef struct tokenize_args {
    const char  *prompt, *file;
    nm_open_args open;
    bool         no_bos, special, pieces, json, count, decode;
} tokenize_args;

#define F(field) offsetof(tokenize_args, field)
static const nm_option table[] = {
    NM_MODEL_OPTION(F, open),
    NM_PROMPT_OPTIONS(F(prompt), F(file)),
    NM_FLAG(0, "no-bos", F(no_bos), "do not add BOS"),
    NM_FLAG(0, "special", F(special),
            "recognize control tokens in the text; with --decode, print them"),
    NM_FLAG(0, "pieces", F(pieces), "print one line for each id, with its piece of the vocabulary"),
    NM_FLAG(0, "json", F(json),
            "print {\"count\":N,\"ids\":[..]}, and \"pieces\":[..] with --pieces"),
    NM_FLAG(0, "count", F(count), "print only the number of ids"),
    NM_FLAG(0, "decode", F(decode), "convert ids, separated by spaces or commas, to text"),
    NM_END,
};

typedef struct tokenize_run {
    const tokenize_args *args;
    nm_opened            opened;
    nm_buffer            text;
    nm_ids               ids;
} tokenize_run;

/* ---- Text to ids ----------------------------------------------------------------------------- */

/* Ids on one line, or one a line with --pieces, or JSON, or only their number. */
static bool encode(tokenize_run *r, nomul_error *err)
{
    const tokenize_args   *args = r->args;
    const nomul_tokenizer *tokenizer = r->opened.tokenizer;
    nm_record              record = {.format = NM_RECORD_JSON};
    const char            *piece;
    size_t                 n_bytes = 0;
    unsigned               flags = (args->no_bos ? 0 : NOMUL_TOKENIZE_ADD_SPECIAL) |
                     (args->special ? NOMUL_TOKENIZE_PARSE_SPECIAL : 0);

    nm_prompt_waits(args->file || args->prompt ? args->file : "-", "the text", false);
    if (!nm_prompt_read(&r->text, args->prompt, args->file, 0, err)) return false;
    if (!nm_prompt_tokenize(&r->ids, tokenizer, &r->text, flags, err)) return false;
    if (args->json) {
        nm_record_open(&record, NULL, '{');
        nm_record_count(&record, "count", r->ids.n);
        nm_record_ids(&record, "ids", r->ids.at, r->ids.n);
        if (args->pieces) nm_record_open(&record, "pieces", '[');
        for (size_t i = 0; args->pieces && i < r->ids.n; i++) {
            piece = nomul_token_piece(tokenizer, r->ids.at[i], &n_bytes, NULL);
            nm_record_bytes(&record, NULL, piece, n_bytes);
        }
        if (args->pieces) nm_record_close(&record, ']');
        nm_record_close(&record, '}');
        nm_output_print("\n");
    } else if (args->count) {
        nm_output_print("%zu\n", r->ids.n);
    } else {
        for (size_t i = 0; i < r->ids.n; i++) {
            nm_output_print(args->pieces ? "%6" PRId32
                            : i          ? " %" PRId32
                                         : "%" PRId32,
                            r->ids.at[i]);
            if (!args->pieces) continue;
            piece = nomul_token_piece(tokenizer, r->ids.at[i], &n_bytes, NULL);
            nm_output_print(" -> '");
            nm_output_visible(piece, n_bytes, false);
            nm_output_print("'\n");
        }
        if (!args->pieces) nm_output_print("\n");
    }
    return true;
}

/* ---- Ids to text ----------------------------------------------------------------------------- */

static bool decode(tokenize_run *r, nomul_error *err)
{
    const tokenize_args   *args = r->args;
    const nomul_tokenizer *tokenizer = r->opened.tokenizer;
    const char            *file = args->file || args->prompt ? args->file : "-";
    size_t                 n_vocab = nomul_token_count(tokenizer);
    unsigned flags = NOMUL_DECODE_STRIP_SPACE | (args->special ? NOMUL_DECODE_SPECIAL : 0);

    /* -p and the file are read separately: no number continues from one into the other. */
    if (args->prompt && !nm_ids_read(&r->ids, args->prompt, strlen(args->prompt), n_vocab, err))
        return nm_fail_in(err, "-p");
    nm_prompt_waits(file, "token ids", false);
    if (file && !nm_buffer_add_file(&r->text, file, err)) return false;
    if (file && !nm_ids_read(&r->ids, r->text.data, r->text.n_bytes, n_vocab, err))
        return nm_fail_in(err, "%s", nm_buffer_name(file));

    r->text.n_bytes = 0;
    if (!nm_prompt_decode(&r->text, tokenizer, r->ids.at, r->ids.n, flags, err)) return false;
    nm_output_write(r->text.data, r->text.n_bytes);
    return true;
}

static int run(const void *arguments)
{
    const tokenize_args *args = arguments;
    tokenize_run         r = {.args = args};
    nomul_error          err;

    if (args->decode && (args->no_bos || args->pieces || args->json || args->count))
        return nm_output_misused("--decode excludes --no-bos, --pieces, --json and --count");
    if (args->count && (args->pieces || args->json))
        return nm_output_misused("--count excludes --pieces and --json");
    if (args->decode && args->prompt &&
        !nm_ids_read(NULL, args->prompt, strlen(args->prompt), 0, &err))
        return nm_output_misused("-p: %s", err.text);

    int code = nm_open_model(&r.opened, &args->open, NM_OPEN_TOKENIZER | NM_OPEN_IDLE);
    if (code == NM_EXIT_DONE && !(args->decode ? decode(&r, &err) : encode(&r, &err)))
        code = nm_output_failed(&err);
    nm_ids_free(&r.ids);
    nm_buffer_free(&r.text);
    nm_open_close(&r.opened);
    return code;
}

const nm_command nm_cmd_tokenize = {
    "tokenize",
    "convert text to token ids, or back",
    "Prints the token ids of a text, starting with BOS if the model uses it. The text comes from "
    "-p, -f or stdin, byte for byte: a newline at its end counts. --decode converts ids from the "
    "same sources to text, without "
    "the leading space that the tokenizer adds and without a newline at the end.",
    table,
    sizeof(tokenize_args),
    run};
