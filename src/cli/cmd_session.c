/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul session: what is in a session file.  The file alone says all but two things, for which a
 * model is needed: whether it belongs to that model, and the last ids as text.  The file is checked
 * to the last byte before a line is printed.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/record.h"
#include "cli/text/prompt.h"

typedef struct session_args {
    const char  *file;
    nm_open_args open;
    bool         json;
} session_args;

#define F(field) offsetof(session_args, field)
static const nm_option table[] = {
    NM_ARG(F(file), "FILE", 1, "session file", NM_INPUT),
    NM_FILE('m', "model", F(open.model), NULL,
            "check that the session belongs to this model, and print the last tokens as text",
            NM_INPUT),
    NM_FLAG(0, "json", F(json), "print one JSON object"),
    NM_END,
};

/* What there is to print, in either format. */
typedef struct shown {
    const char *path;
    nomul_mark *mark;
    nm_opened   opened; /* the model, if one was given */
    bool        fits;
    nomul_error misfit; /* why not */
    nm_buffer   text;   /* of the last ids, if it fits and the model has a tokenizer */
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

/* A format and a value of NOMUL_SAMPLER_FIELDS.  Floats are finite: the file was checked. */
#define SHOW_FLOAT(value) "%s", show_float(value).text
#define SHOW_INT(value) "%" PRId32, value
#define SHOW_SEED(value) "%" PRIu64, value

static void print_human(const shown *s)
{
    const nomul_mark_info       *info = nomul_mark_get_info(s->mark);
    const nomul_sampler_options *o = info->sampler;
    nm_record                    r = {.margin = 13};

    nm_record_text(&r, "file", s->path);
    nm_record_hash(&r, "model id", info->model_id);
    nm_record_number(&r, "tokens", "%s; the last one, %" PRId32 ", is not in the state yet",
                     nm_show_count(info->n_tokens).text, info->last_id);
    nm_record_number(&r, "state", "%s", nm_show_amount(info->state_bytes, "byte").text);
    nm_output_print("%-12s", "sampler"); /* as options, to be typed again */
#define ROW(TYPE, name, preset, least, most, slot, option, ...)                                    \
    nm_output_print(" --" option " ");                                                             \
    nm_output_print(SHOW_##TYPE(o->name));
    NOMUL_SAMPLER_FIELDS(ROW)
#undef ROW
    nm_output_print("\n%-12s", "generator");
    for (int i = 0; i < 4; i++) nm_output_print(" %016" PRIx64, info->rng[i]);
    nm_output_print("\n%-12s", "last ids");
    for (size_t i = 0; i < info->n_ids; i++) nm_output_print(" %" PRId32, info->ids[i]);
    nm_output_print(info->n_ids ? "\n" : " none\n");
    if (!s->opened.model) return;
    nm_output_print("%-12s ", "model");
    nm_output_visible(s->opened.path, strlen(s->opened.path), false);
    nm_output_print(s->fits ? ": fits\n" : ": does not fit\n");
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
    nm_record_hash(&r, "model_id", info->model_id);
    nm_record_count(&r, "tokens", info->n_tokens);
    nm_record_number(&r, "last_id", "%" PRId32, info->last_id);
    nm_record_count(&r, "state_bytes", info->state_bytes);
    nm_record_open(&r, "sampler", '{');
#define ROW(TYPE, name, ...) nm_record_number(&r, #name, SHOW_##TYPE(info->sampler->name));
    NOMUL_SAMPLER_FIELDS(ROW)
#undef ROW
    nm_record_close(&r, '}');
    nm_record_open(&r, "generator", '[');
    for (int i = 0; i < 4; i++) nm_record_hash(&r, NULL, info->rng[i]);
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

static int run(const void *arguments)
{
    const session_args *args = arguments;
    shown               s = {.path = args->file};
    nomul_error         err;
    int                 code = NM_EXIT_DONE;

    s.mark = nomul_mark_load(s.path, NULL, nm_interrupt_cancel(), &err);
    if (!s.mark) return nm_output_failed(&err);
    if (args->open.model) code = nm_open_model(&s.opened, &args->open, NM_OPEN_IDLE);
    if (code == NM_EXIT_DONE && args->open.model) {
        const nomul_mark_info *info = nomul_mark_get_info(s.mark);
        nomul_mark            *loaded = nomul_mark_load(s.path, s.opened.model, NULL, &s.misfit);

        s.fits = loaded != NULL; /* this checks more than the identity of the model */
        nomul_mark_free(loaded);
        s.has_text = s.fits && s.opened.tokenizer;
        if (s.has_text && !nm_prompt_decode(&s.text, s.opened.tokenizer, info->ids, info->n_ids,
                                            NOMUL_DECODE_SPECIAL, &err))
            code = nm_output_failed(&err);
    }
    if (code == NM_EXIT_DONE) {
        (args->json ? print_json : print_human)(&s);
        if (s.opened.model && !s.fits) code = nm_output_failed(&s.misfit);
    }
    nm_buffer_free(&s.text);
    nomul_mark_free(s.mark);
    nm_open_close(&s.opened);
    return code;
}

const nm_command nm_cmd_session = {
    "session",
    "print what is in a session file",
    "Prints what a session file holds: model id, number of tokens, sampling options, state of the "
    "random generator, last token ids. The whole file is verified. With -m, the exit code is 1 if "
    "the session does not belong to that model.",
    table,
    sizeof(session_args),
    run};
