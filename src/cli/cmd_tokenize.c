/* SPDX-License-Identifier: Apache-2.0 */
/* nomul tokenize: text to ids, or back. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/json_out.h"
#include "cli/model_path.h"
#include "cli/output.h"
#include "cli/text/prompt.h"

typedef struct tokenize_args {
    const char *model, *prompt, *file;
    bool        no_bos, special, pieces, json, count, decode;
} tokenize_args;

#define F(field) offsetof(tokenize_args, field)
static const nm_option table[] = {
    {'m', "model", NM_OPT_STRING, F(model), NULL, "FILE", "model whose tokenizer it is", 0, 0},
    {'p', "prompt", NM_OPT_STRING, F(prompt), NULL, "TEXT", "the text", 0, 0},
    {'f', "file", NM_OPT_STRING, F(file), NULL, "FILE",
     "file with the text, - for stdin; after the text of -p if both are given", 0, 0},
    {0, "no-bos", NM_OPT_FLAG, F(no_bos), NULL, NULL, "the text's own ids only", 0, 0},
    {0, "special", NM_OPT_FLAG, F(special), NULL, NULL,
     "control tokens may be spelled in the text; with --decode they are written", 0, 0},
    {0, "pieces", NM_OPT_FLAG, F(pieces), NULL, NULL,
     "one line for each id, with the piece as the vocabulary spells it", 0, 0},
    {0, "json", NM_OPT_FLAG, F(json), NULL, NULL,
     "{\"count\":N,\"ids\":[..]}, with --pieces \"pieces\":[..] too", 0, 0},
    {0, "count", NM_OPT_FLAG, F(count), NULL, NULL, "only how many", 0, 0},
    {0, "decode", NM_OPT_FLAG, F(decode), NULL, NULL,
     "the inverse: ids between blanks or commas become the bytes of the text", 0, 0},
    {0, NULL, NM_OPT_END, 0, NULL, NULL, NULL, 0, 0},
};
#undef F

typedef struct running {
    const tokenize_args   *args;
    nomul_model           *model;
    const nomul_tokenizer *tokenizer;
    nm_text                text;
    nm_ids                 ids;
} running;

static int check_args(const tokenize_args *args)
{
    nomul_error err;

    if (args->decode && (args->no_bos || args->pieces || args->json || args->count))
        return nm_misused("tokenize",
                          "--decode goes without --no-bos, --pieces, --json and --count");
    if (args->count && (args->pieces || args->json))
        return nm_misused("tokenize", "--count goes without --pieces and --json");
    if (args->decode && args->prompt && !nm_ids_check(args->prompt, strlen(args->prompt), &err))
        return nm_misused("tokenize", "-p: %s", err.text);
    return NM_EXIT_DONE;
}

/* ---- Text to ids ----------------------------------------------------------------------------- */

/* In quotes, one line whatever is in it. */
static void print_piece(const char *piece, size_t n_bytes)
{
    nm_output_print("'");
    for (size_t i = 0; i < n_bytes; i++) {
        unsigned char c = (unsigned char)piece[i];
        if (c < 0x20 || c == 0x7F)
            nm_output_print("\\x%02X", c);
        else
            nm_output_write(&piece[i], 1);
    }
    nm_output_print("'\n");
}

static void print_pieces(const running *r)
{
    for (size_t i = 0; i < r->ids.n; i++) {
        size_t      n_bytes = 0;
        const char *piece = nomul_token_piece(r->tokenizer, r->ids.at[i], &n_bytes, NULL);

        nm_output_print("%6" PRId32 " -> ", r->ids.at[i]);
        print_piece(piece, n_bytes);
    }
}

static void print_json(const running *r)
{
    nm_output_print("{\"count\":%zu,\"ids\":", r->ids.n);
    nm_json_out_ids(r->ids.at, r->ids.n);
    if (r->args->pieces) nm_output_print(",\"pieces\":[");
    for (size_t i = 0; r->args->pieces && i < r->ids.n; i++) {
        size_t      n_bytes = 0;
        const char *piece = nomul_token_piece(r->tokenizer, r->ids.at[i], &n_bytes, NULL);

        if (i > 0) nm_output_print(",");
        nm_json_out_string(piece, n_bytes);
    }
    nm_output_print(r->args->pieces ? "]}\n" : "}\n");
}

static void print_ids(const running *r)
{
    for (size_t i = 0; i < r->ids.n; i++) nm_output_print("%s%" PRId32, i ? " " : "", r->ids.at[i]);
    nm_output_print("\n");
}

static bool encode(running *r, nomul_error *err)
{
    const tokenize_args *args = r->args;
    unsigned             flags = args->no_bos ? 0 : NOMUL_TOKENIZE_ADD_SPECIAL;

    if (args->special) flags |= NOMUL_TOKENIZE_PARSE_SPECIAL;
    if (!nm_prompt_read(&r->text, args->prompt, args->file, 0, err)) return false;
    if (!nm_prompt_tokenize(&r->ids, r->tokenizer, &r->text, flags, err)) return false;
    if (args->count)
        nm_output_print("%zu\n", r->ids.n);
    else if (args->json)
        print_json(r);
    else if (args->pieces)
        print_pieces(r);
    else
        print_ids(r);
    return true;
}

/* ---- Ids to text ----------------------------------------------------------------------------- */

/* Of -p and of the file on their own: the ends of the two are ends of numbers. */
static bool read_ids(running *r, nomul_error *err)
{
    const tokenize_args *args = r->args;
    const char          *file = args->file || args->prompt ? args->file : "-";
    size_t               n_vocab = nomul_token_count(r->tokenizer);

    if (args->prompt && !nm_ids_read(&r->ids, args->prompt, strlen(args->prompt), n_vocab, err))
        return nm_fail_in(err, "-p");
    if (!file) return true;
    if (!nm_text_add_file(&r->text, file, err)) return false;
    return nm_ids_read(&r->ids, r->text.data, r->text.n_bytes, n_vocab, err) ||
           nm_fail_in(err, "%s", strcmp(file, "-") == 0 ? "standard input" : file);
}

static bool decode(running *r, nomul_error *err)
{
    unsigned    flags = NOMUL_DECODE_STRIP_SPACE | (r->args->special ? NOMUL_DECODE_SPECIAL : 0);
    size_t      n_bytes = 0;
    const char *bytes = NULL;

    if (!read_ids(r, err)) return false;
    nomul_decoder *decoder = nomul_decoder_new(r->tokenizer, flags, err);
    if (!decoder) return false;
    for (size_t i = 0; i < r->ids.n; i++) {
        bytes = nomul_decoder_push(decoder, r->ids.at[i], &n_bytes);
        if (bytes) nm_output_write(bytes, n_bytes);
    }
    bytes = nomul_decoder_flush(decoder, &n_bytes);
    nm_output_write(bytes, n_bytes);
    nomul_decoder_free(decoder);
    return true;
}

/* ---- Order of events ------------------------------------------------------------------------- */

static int run_all(running *r, const char *argv0)
{
    const char *path = NULL;
    nomul_error err;

    r->model = nm_model_open(r->args->model, argv0, NULL, &path);
    if (r->model) r->tokenizer = nm_model_need_tokenizer(r->model, path);
    if (!r->tokenizer) return NM_EXIT_FAILED;
    bool ok = r->args->decode ? decode(r, &err) : encode(r, &err);
    return ok ? NM_EXIT_DONE : nm_command_failed(&err);
}

static int run(const void *arguments, const char *argv0)
{
    running r = {.args = arguments};
    int     code = check_args(r.args);

    if (code != NM_EXIT_DONE) return code;
    code = run_all(&r, argv0);
    nm_ids_free(&r.ids);
    nm_text_free(&r.text);
    nomul_model_close(r.model);
    return code;
}

const nm_command nm_cmd_tokenize = {
    "tokenize",
    "text to token ids, or back",
    "Prints the ids of a text, with BOS in front where the model wants it. The text is taken byte "
    "for byte, nothing dropped, from stdin without -p and -f. With --decode, ids from the same "
    "places become text: no blank in front, no newline behind.",
    table,
    sizeof(tokenize_args),
    run};
