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
    nomul_saved saved;
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
    const nomul_sampler_state *state = &s->saved.sampler_state;
    size_t                     n_bytes;
    const char                *bytes;
    bool                       ok = true;

    if (!s->opened.tokenizer) return true;
    nomul_decoder *decoder = nomul_decoder_new(s->opened.tokenizer, NOMUL_DECODE_SPECIAL, err);
    if (!decoder) return false;
    for (uint32_t i = 0; ok && i < state->n_last; i++) {
        bytes = nomul_decoder_push(decoder, state->last[i], &n_bytes);
        ok = nm_text_add(&s->text, bytes, n_bytes, err);
    }
    bytes = nomul_decoder_flush(decoder, &n_bytes);
    ok = ok && nm_text_add(&s->text, bytes, n_bytes, err);
    nomul_decoder_free(decoder);
    s->has_text = ok;
    return ok;
}

static void print_human(const shown *s)
{
    const nomul_saved           *v = &s->saved;
    const nomul_sampler_options *o = &v->sampler;
    const nomul_sampler_state   *state = &v->sampler_state;

    nm_output_print("%-12s %s\n", "file", s->path);
    nm_output_print("%-12s %016" PRIx64 "\n", "model id", v->model_id);
    nm_output_print("%-12s %s, the last one, %" PRId32 ", not yet in the state\n", "tokens",
                    nm_show_count(v->n_tokens).text, v->last_id);
    nm_output_print("%-12s %s bytes\n", "state", nm_show_count(v->state_bytes).text);
    nm_output_print("%-12s temp %s, top-k %" PRId32 ", top-p %s, min-p %s\n", "sampler",
                    show_float(o->temp).text, o->top_k, show_float(o->top_p).text,
                    show_float(o->min_p).text);
    nm_output_print("%-12s repeat %s, presence %s, frequency %s", "penalties",
                    show_float(o->repeat_penalty).text, show_float(o->presence_penalty).text,
                    show_float(o->frequency_penalty).text);
    if (o->repeat_last_n < 0)
        nm_output_print(", over all ids\n");
    else
        nm_output_print(", over the last %" PRId32 " ids\n", o->repeat_last_n);
    nm_output_print("%-12s %" PRIu64 ", generator at", "seed", o->seed);
    for (int i = 0; i < 4; i++) nm_output_print(" %016" PRIx64, state->rng[i]);
    nm_output_print("\n%-12s", "last ids");
    for (uint32_t i = 0; i < state->n_last; i++) nm_output_print(" %" PRId32, state->last[i]);
    nm_output_print(state->n_last ? "\n" : " none\n");
    if (!s->opened.model) return;
    nm_output_print("%-12s %s: %s\n", "model", s->opened.path, s->fits ? "fits" : "does not fit");
    if (!s->has_text) return;
    nm_output_print("%-12s ", "last text");
    nm_output_visible(s->text.data, s->text.n_bytes, true);
    nm_output_print("\n");
}

/* The floats are finite: the file was checked. */
static void print_json(const shown *s)
{
    const nomul_saved           *v = &s->saved;
    const nomul_sampler_options *o = &v->sampler;
    nm_record                    r = {.format = NM_RECORD_JSON};

    nm_record_open(&r, NULL, '{');
    nm_record_text(&r, "file", s->path);
    nm_record_word(&r, "model_id", "%016" PRIx64, v->model_id);
    nm_record_count(&r, "tokens", v->n_tokens);
    nm_record_number(&r, "last_id", "%" PRId32, v->last_id);
    nm_record_count(&r, "state_bytes", v->state_bytes);
    nm_record_open(&r, "sampler", '{');
    nm_record_number(&r, "temp", "%s", show_float(o->temp).text);
    nm_record_number(&r, "top_k", "%" PRId32, o->top_k);
    nm_record_number(&r, "top_p", "%s", show_float(o->top_p).text);
    nm_record_number(&r, "min_p", "%s", show_float(o->min_p).text);
    nm_record_number(&r, "repeat_penalty", "%s", show_float(o->repeat_penalty).text);
    nm_record_number(&r, "repeat_last_n", "%" PRId32, o->repeat_last_n);
    nm_record_number(&r, "presence_penalty", "%s", show_float(o->presence_penalty).text);
    nm_record_number(&r, "frequency_penalty", "%s", show_float(o->frequency_penalty).text);
    nm_record_count(&r, "seed", o->seed);
    nm_record_close(&r, '}');
    nm_record_open(&r, "generator", '[');
    for (int i = 0; i < 4; i++) nm_record_word(&r, NULL, "%016" PRIx64, v->sampler_state.rng[i]);
    nm_record_close(&r, ']');
    nm_record_ids(&r, "last_ids", v->sampler_state.last, v->sampler_state.n_last);
    if (s->opened.model) {
        nm_record_text(&r, "model", s->opened.path);
        nm_record_bool(&r, "fits", s->fits);
    }
    if (s->has_text) nm_record_bytes(&r, "last_text", s->text.data, s->text.n_bytes);
    nm_record_close(&r, '}');
    nm_output_print("\n");
}

/* Loading the session checks more than the identity of the model. */
static int open_all(shown *s, const session_args *args, const char *argv0)
{
    const nm_open_args small = {.n_threads = 1, .n_batch = 1};
    nomul_error        err;

    if (nomul_saved_read(s->path, &s->saved, &err) != NOMUL_OK) return nm_output_failed(&err);
    if (!args->open.model) return NM_EXIT_DONE;
    int code = nm_open_model(&s->opened, "session", &args->open, argv0, NM_OPEN_IDLE);
    if (code != NM_EXIT_DONE) return code;
    if (!nm_open_session(&s->opened, &small, &err)) return nm_output_failed(&err);
    s->fits = nomul_session_load(s->opened.session, s->path, NULL, &s->misfit) == NOMUL_OK;
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
