/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run/slash.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/numbers.h"
#include "cli/open.h"

typedef struct command {
    const char *name;
    const char *value; /* what help calls the word behind it; NULL: there is none */
    bool        needed;
    const char *help;
    bool (*run)(nm_interactive *it, const char *value, nomul_error *err); /* "": none given */
} command;

static void say(const nm_interactive *it, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(const nm_interactive *it, const char *format, ...)
{
    va_list args;

    if (it->quiet) return;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
}

/* ---- The text -------------------------------------------------------------------------------- */

static bool undo(nm_interactive *it, const char *value, nomul_error *err)
{
    uint64_t before = nm_place_n_tokens(&it->place);

    (void)value;
    if (!nm_history_undo(&it->history, &it->place, err)) return false;
    say(it, "taken back: %s tokens\n",
        nm_show_count(before - nm_place_n_tokens(&it->place)).text);
    return true;
}

static bool retry(nm_interactive *it, const char *value, nomul_error *err)
{
    (void)value;
    return nm_history_retry(&it->history, &it->place, err) && nm_interactive_answer(it, err);
}

static bool reset(nm_interactive *it, const char *value, nomul_error *err)
{
    nomul_sampler_state state;

    (void)value;
    nomul_sampler_get_state(it->place.sampler, &state);
    state.n_last = 0;
    if (nomul_sampler_set_state(it->place.sampler, &state, err) != NOMUL_OK) return false;
    nomul_session_reset(it->place.session);
    it->place.begun = false;
    it->place.n_tail = 0;
    nm_history_clear(&it->history);
    say(it, "a new text\n");
    return true;
}

static bool save(nm_interactive *it, const char *path, nomul_error *err)
{
    const nm_place *place = &it->place;

    if (!place->begun)
        return nm_fail(err, NOMUL_E_ARG, "%s: not saved: the text has not begun", path);
    if (!nm_open_may_write(path, it->model_path, it->prompt_path, err)) return false;
    if (nomul_session_save(place->session, place->last_id, place->sampler, path, err) != NOMUL_OK)
        return false;
    say(it, "saved: %s tokens\n", nm_show_count(nm_place_n_tokens(place)).text);
    return true;
}

/* ---- Settings -------------------------------------------------------------------------------- */

typedef struct settings {
    nm_text_args text; /* alone: so a setting is at the same place in both */
} settings;

#define F(field) offsetof(settings, field)
static const nm_option table[] = {
    NM_PREDICT_OPTIONS(F, text),
    NM_SAMPLER_OPTIONS(F, text),
    {0, NULL, NM_OPT_END, 0, NULL, NULL, NULL, 0, 0},
};
#undef F

/* The sampler made of these options, with a generator that goes on, or one that begins anew. */
static nomul_sampler *sampler_from(const nm_interactive *it, const nomul_sampler_options *options,
                                   const nomul_sampler_state *state, bool anew, nomul_error *err)
{
    nomul_sampler *sampler =
        nomul_sampler_new(nomul_model_get_info(it->model)->n_vocab, options, err);
    nomul_sampler_state fresh, wanted = *state;

    if (!sampler) return NULL;
    nomul_sampler_get_state(sampler, &fresh);
    if (anew) memcpy(wanted.rng, fresh.rng, sizeof wanted.rng);
    if (nomul_sampler_set_state(sampler, &wanted, err) == NOMUL_OK) return sampler;
    nomul_sampler_free(sampler);
    return NULL;
}

static void use_sampler(nm_interactive *it, nomul_sampler *sampler)
{
    nomul_sampler_free(it->place.sampler);
    it->place.sampler = sampler;
    nm_text_args_follow(&it->text, &it->drawing->options);
}

/* Before ids of another vocabulary are met. */
static bool is_ours(const nm_interactive *it, const nomul_saved *saved, const char *path,
                    nomul_error *err)
{
    uint64_t ours = nomul_model_get_info(it->model)->model_id;

    return saved->model_id == ours ||
           nm_fail(err, NOMUL_E_FORMAT,
                   "%s: is a session of model %016" PRIx64 ", this is model %016" PRIx64, path,
                   saved->model_id, ours);
}

/* The file's own settings count, and its generator: it goes on as it would have gone on there. */
static bool load(nm_interactive *it, const char *path, nomul_error *err)
{
    nm_place   *place = &it->place;
    nomul_saved saved;

    if (nomul_saved_read(path, &saved, err) != NOMUL_OK || !is_ours(it, &saved, path, err))
        return false;
    saved.sampler.logit_bias = it->drawing->options.logit_bias;
    saved.sampler.n_logit_bias = it->drawing->options.n_logit_bias;
    nomul_sampler_options options = saved.sampler;
    nomul_sampler *sampler = sampler_from(it, &options, &saved.sampler_state, false, err);
    if (!sampler) return false;
    if (nomul_session_load(place->session, path, &saved, err) != NOMUL_OK) {
        nomul_sampler_free(sampler);
        return false;
    }
    it->drawing->options = options;
    use_sampler(it, sampler);
    place->begun = true;
    place->last_id = saved.last_id;
    place->n_tail = 0;
    nm_history_clear(&it->history);
    say(it, "loaded: %s tokens\n", nm_show_count(saved.n_tokens).text);
    return true;
}

/* As they would be typed. */
static bool show_settings(const nm_interactive *it)
{
    const char *blank = "";

    for (const nm_option *o = table; o->kind != NM_OPT_END; o++) {
        const void *field = (const char *)&it->text + o->field;

        if (!o->help) continue;
        fprintf(stderr, "%s--%s ", blank, o->name);
        if (o->field == offsetof(settings, text.seed))
            fprintf(stderr, "%" PRIu64, it->drawing->options.seed);
        else if (o->kind == NM_OPT_INT)
            fprintf(stderr, "%" PRId64, *(const int64_t *)field);
        if (o->kind == NM_OPT_FLOAT) fprintf(stderr, "%g", *(const double *)field);
        blank = " ";
    }
    fprintf(stderr, "\n");
    return true;
}

/* "temp 0.5": as --temp 0.5 would be taken. */
static bool set_option(nm_text_args *text, const char *words)
{
    size_t n_name = strcspn(words, " ");
    char   name[64];

    snprintf(name, sizeof name, "%.*s", (int)(n_name < 63 ? n_name : 63), words);
    const char *value = words + n_name + strspn(words + n_name, " ");
    return nm_options_set("run", table, text, name, *value ? value : NULL);
}

static bool set(nm_interactive *it, const char *words, nomul_error *err)
{
    enum { NOT_SET = -2 }; /* what no user can type */
    nm_text_args        text = it->text;
    nm_drawing          drawing;
    nomul_sampler_state state;

    if (!*words) return show_settings(it);
    text.seed = text.n_predict = NOT_SET;
    if (!set_option(&text, words)) return false;
    if (text.n_predict != NOT_SET) { /* the sampler has no part in it */
        it->text.n_predict = text.n_predict;
        return true;
    }
    bool reseeded = text.seed != NOT_SET;
    bool ok = nm_drawing_init(&drawing, &text, NULL, &text, NULL, it->model, err);
    if (!reseeded) drawing.options.seed = it->drawing->options.seed;
    nomul_sampler_get_state(it->place.sampler, &state);
    nomul_sampler *sampler =
        ok ? sampler_from(it, &drawing.options, &state, reseeded, err) : NULL;
    if (!sampler) {
        nm_drawing_free(&drawing);
        return false;
    }
    nm_drawing_free(it->drawing);
    *it->drawing = drawing;
    use_sampler(it, sampler);
    return true;
}

/* ---- Words ----------------------------------------------------------------------------------- */

static bool quit(nm_interactive *it, const char *value, nomul_error *err)
{
    (void)value, (void)err;
    it->left = true;
    return true;
}

static bool help(nm_interactive *it, const char *value, nomul_error *err);

static const command commands[] = {
    {"undo", NULL, false, "take back the last turn, your words and the answer", undo},
    {"retry", NULL, false, "answer the last turn again, with other random numbers", retry},
    {"save", "FILE", true, "write the text's memory to a session file", save},
    {"load", "FILE", true, "go on with a saved text, and with its settings", load},
    {"reset", NULL, false, "begin a new text; the turns of the old one are gone", reset},
    {"set", "NAME VALUE", false, "set an option: /set temp 0.5; alone: show them", set},
    {"help", NULL, false, "this list", help},
    {"quit", NULL, false, "the end, as Ctrl-D", quit},
};

enum { N_COMMANDS = sizeof commands / sizeof *commands };

static bool help(nm_interactive *it, const char *value, nomul_error *err)
{
    (void)it, (void)value, (void)err;
    for (size_t i = 0; i < N_COMMANDS; i++) {
        const command *c = &commands[i];
        int n = fprintf(stderr, "/%s %s", c->name, c->value ? c->value : "");

        fprintf(stderr, "%*s%s\n", n < 18 ? 18 - n : 1, "", c->help);
    }
    fprintf(stderr, "Any other line is text, an empty one none: it goes on. A line that ends with "
                    "\\ has\nanother behind it; // at its beginning is one slash of text.\n");
    return true;
}

static const command *find(const char *name, size_t n_name)
{
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strlen(commands[i].name) == n_name && memcmp(commands[i].name, name, n_name) == 0)
            return &commands[i];
    return NULL;
}

static bool obey(nm_interactive *it, const char *line, nomul_error *err)
{
    size_t         n_name = strcspn(line, " ");
    const command *c = find(line, n_name);
    const char    *value = line + n_name + strspn(line + n_name, " ");

    if (!c)
        return nm_fail(err, NOMUL_E_ARG, "no command /%.*s; /help lists them",
                       (int)(n_name < 60 ? n_name : 60), line);
    if (c->needed && !*value) return nm_fail(err, NOMUL_E_ARG, "/%s needs %s", c->name, c->value);
    if (!c->value && *value) return nm_fail(err, NOMUL_E_ARG, "/%s stands alone", c->name);
    return c->run(it, value, err);
}

bool nm_slash(nm_interactive *it, const char *line, size_t n_bytes, nomul_error *err)
{
    nm_text copy = {0};

    while (n_bytes > 0 && line[n_bytes - 1] == ' ') n_bytes--;
    if (memchr(line, '\0', n_bytes)) return nm_fail(err, NOMUL_E_ARG, "a command has a NUL byte");
    bool ok = nm_text_add(&copy, line, n_bytes, err) && nm_text_add(&copy, "", 1, err) &&
              obey(it, copy.data, err);
    nm_text_free(&copy);
    return ok;
}
