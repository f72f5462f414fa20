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
    nomul_saved  saved;
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

/* Loading it says, and checks more than the model's identity. */
static bool check_fits(shown *s, nomul_error *err)
{
    nomul_session_options o;

    nomul_session_options_init(&o);
    o.n_threads = o.n_batch = 1;
    nomul_session *session = nomul_session_new(s->model, &o, err);
    if (!session) return false;
    s->fits = nomul_session_load(session, s->path, NULL, &s->misfit) == NOMUL_OK;
    nomul_session_free(session);
    return true;
}

static bool decode_last(shown *s, nomul_error *err)
{
    const nomul_tokenizer *tokenizer = nomul_model_tokenizer(s->model);
    size_t                 n_bytes;
    const char            *bytes;

    if (!tokenizer) return true;
    nomul_decoder *decoder = nomul_decoder_new(tokenizer, NOMUL_DECODE_SPECIAL, err);
    if (!decoder) return false;
    bool ok = true;
    for (uint32_t i = 0; ok && i < s->saved.sampler_state.n_last; i++) {
        bytes = nomul_decoder_push(decoder, s->saved.sampler_state.last[i], &n_bytes);
        ok = nm_text_add(&s->text, bytes, n_bytes, err);
    }
    bytes = nomul_decoder_flush(decoder, &n_bytes);
    ok = ok && nm_text_add(&s->text, bytes, n_bytes, err);
    nomul_decoder_free(decoder);
    s->has_text = ok;
    return ok;
}

/* ---- For people ------------------------------------------------------------------------------ */

static void print_ids(const nomul_sampler_state *state)
{
    nm_output_print("%-12s", "last ids");
    for (uint32_t i = 0; i < state->n_last; i++) nm_output_print(" %" PRId32, state->last[i]);
    nm_output_print(state->n_last ? "\n" : " none\n");
}

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

static void print_sampler(const nomul_sampler_options *o, const nomul_sampler_state *state)
{
    const uint64_t *r = state->rng;

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
    nm_output_print("%-12s %" PRIu64 ", generator at %016" PRIx64 " %016" PRIx64 " %016" PRIx64
                    " %016" PRIx64 "\n",
                    "seed", o->seed, r[0], r[1], r[2], r[3]);
}

static void print_human(const shown *s)
{
    const nomul_saved *v = &s->saved;

    nm_output_print("%-12s %s\n", "file", s->path);
    nm_output_print("%-12s %016" PRIx64 "\n", "model id", v->model_id);
    nm_output_print("%-12s %s, the last one, %" PRId32 ", not yet in the state\n", "tokens",
                    nm_show_count(v->n_tokens).text, v->last_id);
    nm_output_print("%-12s %s bytes\n", "state", nm_show_count(v->state_bytes).text);
    print_sampler(&v->sampler, &v->sampler_state);
    print_ids(&v->sampler_state);
    if (!s->model) return;
    nm_output_print("%-12s %s: %s\n", "model", s->model_path, s->fits ? "fits" : "does not fit");
    if (s->has_text) print_text(&s->text);
}

/* ---- For programs ---------------------------------------------------------------------------- */

/* All of them are finite: the file was checked. */
static void print_float(const char *name, float value)
{
    nm_output_print("\"%s\":%s,", name, show_float(value).text);
}

static void print_json_sampler(const nomul_sampler_options *o, const nomul_sampler_state *state)
{
    nm_output_print(",\"sampler\":{");
    print_float("temp", o->temp);
    nm_output_print("\"top_k\":%" PRId32 ",", o->top_k);
    print_float("top_p", o->top_p);
    print_float("min_p", o->min_p);
    print_float("repeat_penalty", o->repeat_penalty);
    nm_output_print("\"repeat_last_n\":%" PRId32 ",", o->repeat_last_n);
    print_float("presence_penalty", o->presence_penalty);
    print_float("frequency_penalty", o->frequency_penalty);
    nm_output_print("\"seed\":%" PRIu64 "},\"generator\":[", o->seed);
    for (int i = 0; i < 4; i++)
        nm_output_print("%s\"%016" PRIx64 "\"", i ? "," : "", state->rng[i]);
    nm_output_print("]");
}

static void print_json(const shown *s)
{
    const nomul_saved *v = &s->saved;

    nm_output_print("{\"file\":");
    nm_json_out_string(s->path, strlen(s->path));
    nm_output_print(",\"model_id\":\"%016" PRIx64 "\",\"tokens\":%" PRIu64 ",\"last_id\":%" PRId32
                    ",\"state_bytes\":%" PRIu64,
                    v->model_id, v->n_tokens, v->last_id, v->state_bytes);
    print_json_sampler(&v->sampler, &v->sampler_state);
    nm_output_print(",\"last_ids\":");
    nm_json_out_ids(v->sampler_state.last, v->sampler_state.n_last);
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

    if (nomul_saved_read(s->path, &s->saved, &err) != NOMUL_OK) return nm_command_failed(&err);
    if (args->model) {
        s->model = nm_model_open(args->model, argv0, NULL, &s->model_path);
        if (!s->model) return NM_EXIT_FAILED;
        if (!check_fits(s, &err)) return nm_command_failed(&err);
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
