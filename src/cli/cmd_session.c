/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul session: what is in a session file.  The file alone says all but two things, for which a
 * model is needed: whether it belongs to that model, and the last ids as text.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/record.h"
#include "cli/text/text.h"

typedef struct session_args {
    const char  *file;
    nm_open_args open;
    bool         json;
} session_args;

#define F(field) offsetof(session_args, field)
static const nm_option table[] = {
    {0, NULL, NM_OPT_ARG, F(file), NULL, "FILE", "session file", 1, 1},
    {'m', "model", NM_OPT_STRING, F(open.model), NULL, "FILE",
     "check that the session belongs to this model, and print the last tokens as text", 0, 0},
    {0, "json", NM_OPT_FLAG, F(json), NULL, NULL, "print one JSON object", 0, 0},
    {0},
};
#undef F

typedef struct shown {
    const char *path;
    nomul_mark *mark;
    nm_opened   opened; /* the model, if one was given */
    bool        fits;
    nomul_error misfit; /* why not */
    nm_text     text;   /* of the last ids, if it fits and the model has a tokenizer */
    bool        has_text;
} shown;

/* The shortest text that reads back as the same number; nine digits always do. */
static nm_shown show_float(float value)
{
    nm_shown number;

    for (int digits = 6; digits <= 9; digits++) {
        snprintf(number.text, sizeof number.text, "%.*g", digits, (double)value);
        if (strtof(number.text, NULL) == value) break;
    }
    return number;
}

static bool decode_last(shown *s, nomul_error *err)
{
    const nomul_mark_info *info = nomul_mark_get_info(s->mark);
    size_t                 n_bytes;
    const char            *bytes;
    bool                   ok = true;

    if (!s->opened.tokenizer) return true;
    nomul_decoder *decoder = nomul_decoder_new(s->opened.tokenizer, NOMUL_DECODE_SPECIAL, err);
    if (!decoder) return false;
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

/* The value of a row of NOMUL_SAMPLER_FIELDS.  Floats are finite: the file was checked. */
static nm_shown show_int(int32_t value)
{
    nm_shown number;

    snprintf(number.text, sizeof number.text, "%" PRId32, value);
    return number;
}

static nm_shown show_seed(uint64_t value)
{
    nm_shown number;

    snprintf(number.text, sizeof number.text, "%" PRIu64, value);
    return number;
}

#define SHOW_FLOAT(value) show_float(value).text
#define SHOW_INT(value) show_int(value).text
#define SHOW_SEED(value) show_seed(value).text

static void print_human(const shown *s)
{
    const nomul_mark_info       *info = nomul_mark_get_info(s->mark);
    const nomul_sampler_options *o = info->sampler;

    nm_output_print("%-12s %s\n", "file", s->path);
    nm_output_print("%-12s %016" PRIx64 "\n", "model id", info->model_id);
    nm_output_print("%-12s %s; the last one, %" PRId32 ", is not in the state yet\n", "tokens",
                    nm_show_count(info->n_tokens).text, info->last_id);
    nm_output_print("%-12s %s bytes\n", "state", nm_show_count(info->state_bytes).text);
    nm_output_print("%-12s", "sampler"); /* as options, to be typed again */
#define ROW(TYPE, name, preset, least, most, slot, option, ...)                                    \
    nm_output_print(" --%s %s", option, SHOW_##TYPE(o->name));
    NOMUL_SAMPLER_FIELDS(ROW)
#undef ROW
    nm_output_print("\n%-12s", "generator");
    for (int i = 0; i < 4; i++) nm_output_print(" %016" PRIx64, info->rng[i]);
    nm_output_print("\n%-12s", "last ids");
    for (size_t i = 0; i < info->n_ids; i++) nm_output_print(" %" PRId32, info->ids[i]);
    nm_output_print(info->n_ids ? "\n" : " none\n");
    if (!s->opened.model) return;
    nm_output_print("%-12s %s: %s\n", "model", s->opened.path, s->fits ? "fits" : "does not fit");
    if (!s->has_text) return;
    nm_output_print("%-12s ", "last text");
    nm_output_visible(s->text.data, s->text.n_bytes, true);
    nm_output_print("\n");
}

static void print_json(const shown *s)
{
    const nomul_mark_info *info = nomul_mark_get_info(s->mark);
    nm_record              r = {.format = NM_RECORD_JSON};

    nm_record_open(&r, NULL, '{');
    nm_record_text(&r, "file", s->path);
    nm_record_word(&r, "model_id", "%016" PRIx64, info->model_id);
    nm_record_count(&r, "tokens", info->n_tokens);
    nm_record_number(&r, "last_id", "%" PRId32, info->last_id);
    nm_record_count(&r, "state_bytes", info->state_bytes);
    nm_record_open(&r, "sampler", '{');
#define ROW(TYPE, name, ...) nm_record_number(&r, #name, "%s", SHOW_##TYPE(info->sampler->name));
    NOMUL_SAMPLER_FIELDS(ROW)
#undef ROW
    nm_record_close(&r, '}');
    nm_record_open(&r, "generator", '[');
    for (int i = 0; i < 4; i++) nm_record_word(&r, NULL, "%016" PRIx64, info->rng[i]);
    nm_record_close(&r, ']');
    nm_record_ids(&r, "last_ids", info->ids, info->n_ids);
    if (s->opened.model) {
        nm_record_text(&r, "model", s->opened.path);
        nm_record_bool(&r, "fits", s->fits);
    }
    if (s->has_text) nm_record_bytes(&r, "last_text", s->text.data, s->text.n_bytes);
    nm_record_close(&r, '}');
    nm_output_print("\n");
}

/* Loading it for a model checks more than the identity of the model. */
static int open_all(shown *s, const session_args *args, const char *argv0)
{
    nomul_error err;

    s->mark = nomul_mark_load(s->path, NULL, &err);
    if (!s->mark) return nm_output_failed(&err);
    if (!args->open.model) return NM_EXIT_DONE;
    int code = nm_open_model(&s->opened, "session", &args->open, argv0, NM_OPEN_IDLE);
    if (code != NM_EXIT_DONE) return code;
    nomul_mark *loaded = nomul_mark_load(s->path, s->opened.model, &s->misfit);
    s->fits = loaded != NULL;
    nomul_mark_free(loaded);
    return s->fits && !decode_last(s, &err) ? nm_output_failed(&err) : NM_EXIT_DONE;
}

static int run(const void *arguments, const char *argv0)
{
    const session_args *args = arguments;
    shown               s = {.path = args->file};
    int                 code = open_all(&s, args, argv0);

    if (code == NM_EXIT_DONE) {
        (args->json ? print_json : print_human)(&s);
        if (s.opened.model && !s.fits) code = nm_output_failed(&s.misfit);
    }
    nm_text_free(&s.text);
    nomul_mark_free(s.mark);
    nm_open_close(&s.opened);
    return code;
}

const nm_command nm_cmd_session = {
    "session",
    "print what is in a session file",
    "Prints what a saved session holds: the id of its model, the number of tokens, the sampler's "
    "settings, the position of its random generator, and the last ids. The file is checked to the "
    "last byte. With -m, the exit code is 1 if the session does not belong to that model.",
    table,
    sizeof(session_args),
    run};
