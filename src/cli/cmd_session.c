/* SPDX-License-Identifier: Apache-2.0 */
/* nomul session: what is in a session file; with a model, whether it fits and how the text ends. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/json_out.h"
#include "cli/model_path.h"
#include "cli/numbers.h"
#include "cli/output.h"
#include "cli/text/text.h"

typedef struct session_args {
    const char *file, *model;
    bool        json;
} session_args;

#define F(field) offsetof(session_args, field)
static const nm_option table[] = {
    {0, NULL, NM_OPT_ARG, F(file), NULL, "FILE", "the session", 1, 1},
    {'m', "model", NM_OPT_STRING, F(model), NULL, "FILE",
     "does it belong to this model? and the last ids as text", 0, 0},
    {0, "json", NM_OPT_FLAG, F(json), NULL, NULL, "one JSON object", 0, 0},
    {0, NULL, NM_OPT_END, 0, NULL, NULL, NULL, 0, 0},
};
#undef F

/* What there is to say; without a model only the file and what it says. */
typedef struct shown {
    const char  *path, *model_path;
    nomul_mark  *mark;
    nomul_model *model;
    bool         fits;
    nomul_error  misfit; /* why not */
    nm_text      text;   /* of the last ids, if it fits and the model has a tokenizer */
    bool         has_text;
} shown;

/* The shortest that reads back as the same number; nine digits always do. */
static nm_shown show_float(float value)
{
    nm_shown number;

    for (int digits = 6; digits <= 9; digits++) {
        snprintf(number.text, sizeof number.text, "%.*g", digits, (double)value);
        if (strtof(number.text, NULL) == value) break;
    }
    return number;
}

/* ---- With a model ---------------------------------------------------------------------------- */

/* The last ids as text. */
static bool decode_last(shown *s, nomul_error *err)
{
    const nomul_mark_info *info = nomul_mark_get_info(s->mark);
    const nomul_tokenizer *tokenizer = nomul_model_tokenizer(s->model);
    size_t                 n_bytes;
    const char            *bytes;

    if (!tokenizer) return true;
    nomul_decoder *decoder = nomul_decoder_new(tokenizer, NOMUL_DECODE_SPECIAL, err);
    if (!decoder) return false;
    bool ok = true;
    for (size_t i = 0; ok && i < info->n_ids; i++) {
        bytes = nomul_decoder_push(decoder, info->ids[i], &n_bytes);
        ok = nm_text_add(&s->text, bytes, n_bytes, err);
    }
    bytes = nomul_decoder_flush(decoder, &n_bytes);
    ok = ok && nm_text_add(&s->text, bytes, n_bytes, err);
    nomul_decoder_free(decoder);
    s->has_text = ok;
    return ok;
}

/* ---- The sampler ----------------------------------------------------------------------------- */

static nm_shown show_seed(uint64_t value)
{
    nm_shown number;

    snprintf(number.text, sizeof number.text, "%" PRIu64, value);
    return number;
}

static nm_shown show_int(int32_t value)
{
    nm_shown number;

    snprintf(number.text, sizeof number.text, "%" PRId32, value);
    return number;
}

#define SHOW_FLOAT(value) show_float(value).text
#define SHOW_INT(value) show_int(value).text
#define SHOW_SEED(value) show_seed(value).text

/* As options, to be typed again. */
static void print_sampler(const nomul_sampler_options *o)
{
    nm_output_print("%-12s", "sampler");
#define ROW(TYPE, name, preset, least, most, slot, option, ...)                                    \
    nm_output_print(" --%s %s", option, SHOW_##TYPE(o->name));
    NOMUL_SAMPLER_FIELDS(ROW)
#undef ROW
    nm_output_print("\n");
}

/* All numbers are finite: the file was checked. */
static void print_json_sampler(const nomul_sampler_options *o)
{
    const char *comma = "";

    nm_output_print(",\"sampler\":{");
#define ROW(TYPE, name, ...)                                                                       \
    nm_output_print("%s\"%s\":%s", comma, #name, SHOW_##TYPE(o->name));                            \
    comma = ",";
    NOMUL_SAMPLER_FIELDS(ROW)
#undef ROW
    nm_output_print("}");
}

/* ---- For people ------------------------------------------------------------------------------ */

/* In quotes, one line whatever is in it. */
static void print_text(const nm_text *text)
{
    nm_output_print("%-12s \"", "last text");
    for (size_t i = 0; i < text->n_bytes; i++) {
        unsigned char c = (unsigned char)text->data[i];
        if (c == '\n')
            nm_output_print("\\n");
        else if (c < 0x20 || c == 0x7F || c == '"' || c == '\\')
            nm_output_print(c == '"' || c == '\\' ? "\\%c" : "\\x%02X", c);
        else
            nm_output_write(&text->data[i], 1);
    }
    nm_output_print("\"\n");
}

static void print_human(const shown *s)
{
    const nomul_mark_info *info = nomul_mark_get_info(s->mark);
    const uint64_t        *r = info->rng;

    nm_output_print("%-12s %s\n", "file", s->path);
    nm_output_print("%-12s %016" PRIx64 "\n", "model id", info->model_id);
    nm_output_print("%-12s %s; the last one, %" PRId32 ", is not in the state yet\n", "tokens",
                    nm_show_count(info->n_tokens).text, info->last_id);
    nm_output_print("%-12s %s bytes\n", "state", nm_show_count(info->state_bytes).text);
    print_sampler(info->sampler);
    nm_output_print("%-12s %016" PRIx64 " %016" PRIx64 " %016" PRIx64 " %016" PRIx64 "\n",
                    "generator", r[0], r[1], r[2], r[3]);
    nm_output_print("%-12s", "last ids");
    for (size_t i = 0; i < info->n_ids; i++) nm_output_print(" %" PRId32, info->ids[i]);
    nm_output_print(info->n_ids ? "\n" : " none\n");
    if (!s->model) return;
    nm_output_print("%-12s %s: %s\n", "model", s->model_path, s->fits ? "fits" : "does not fit");
    if (s->has_text) print_text(&s->text);
}

/* ---- For programs ---------------------------------------------------------------------------- */

static void print_json(const shown *s)
{
    const nomul_mark_info *info = nomul_mark_get_info(s->mark);

    nm_output_print("{\"file\":");
    nm_json_out_string(s->path, strlen(s->path));
    nm_output_print(",\"model_id\":\"%016" PRIx64 "\",\"tokens\":%" PRIu64 ",\"last_id\":%" PRId32
                    ",\"state_bytes\":%" PRIu64,
                    info->model_id, info->n_tokens, info->last_id, info->state_bytes);
    print_json_sampler(info->sampler);
    nm_output_print(",\"generator\":[");
    for (int i = 0; i < 4; i++) nm_output_print("%s\"%016" PRIx64 "\"", i ? "," : "", info->rng[i]);
    nm_output_print("],\"last_ids\":");
    nm_json_out_ids(info->ids, info->n_ids);
    if (s->model) {
        nm_output_print(",\"model\":");
        nm_json_out_string(s->model_path, strlen(s->model_path));
        nm_output_print(",\"fits\":%s", s->fits ? "true" : "false");
    }
    if (s->has_text) {
        nm_output_print(",\"last_text\":");
        nm_json_out_string(s->text.data ? s->text.data : "", s->text.n_bytes);
    }
    nm_output_print("}\n");
}

/* ---- Order of events ------------------------------------------------------------------------- */

static int show(shown *s, const session_args *args, const char *argv0)
{
    nomul_error err;

    s->mark = nomul_mark_load(s->path, NULL, &err);
    if (!s->mark) return nm_command_failed(&err);
    if (args->model) {
        s->model = nm_model_open(args->model, argv0, NULL, &s->model_path);
        if (!s->model) return NM_EXIT_FAILED;
        nomul_mark *loaded = nomul_mark_load(s->path, s->model, &s->misfit);
        s->fits = loaded != NULL;
        nomul_mark_free(loaded);
        if (s->fits && !decode_last(s, &err)) return nm_command_failed(&err);
    }
    if (args->json)
        print_json(s);
    else
        print_human(s);
    return !s->model || s->fits ? NM_EXIT_DONE : nm_command_failed(&s->misfit);
}

static int run(const void *arguments, const char *argv0)
{
    const session_args *args = arguments;
    shown               s = {.path = args->file};
    int                 code = show(&s, args, argv0);

    nm_text_free(&s.text);
    nomul_mark_free(s.mark);
    nomul_model_close(s.model);
    return code;
}

const nm_command nm_cmd_session = {
    "session",
    "what is in a session file",
    "Shows what a text has left in a file: the model it belongs to, how many tokens it has, the "
    "sampler's settings and where its generator stands, and the last ids. The file is checked to "
    "the last byte on the way. With -m it must belong to that model, else the exit code is 1.",
    table,
    sizeof(session_args),
    run};
