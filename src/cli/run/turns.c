/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two marks are kept for each of the last 64 turns: before the prompt, for /undo, and before the
 * answer, for /retry.  A state cannot be undone by a token, and reading the text again would take
 * as long as it took the first time.  With stories-77m a mark has 41 kB, all of them 5 MB.
 *
 *   asked[i]       answering[i]              asked[i + 1]
 *      | prompt, read |  answer, generated      | prompt ...
 *
 * Both arrays are rings: turn number n is at n % 64, and a new turn frees the marks of the one 64
 * before it.  Commands report on stderr, so stdout is the text and nothing else.
 */
#include "cli/run/turns.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/os.h"

static void say(const nm_turns *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* On stderr, unless -q. */
static void say(const nm_turns *t, const char *format, ...)
{
    va_list args;

    if (t->run->quiet) return;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
}

/* Ids of the text, the one that is not fed yet too. */
static uint64_t n_tokens(const nomul_text *text)
{
    nomul_text_counts counts = {.size = sizeof counts};

    nomul_text_get_counts(text, &counts, NULL);
    return counts.n_tokens;
}

/* ---- Marks ----------------------------------------------------------------------------------- */

/* None can be undone after this: the text is another one. */
static void forget_turns(nm_turns *t)
{
    for (size_t i = 0; i < NM_TURNS_MAX; i++) {
        nomul_mark_free(t->asked[i]);
        nomul_mark_free(t->answering[i]);
        t->asked[i] = t->answering[i] = NULL;
    }
    t->n_turns = t->next = 0;
}

/* A mark in a ring, in the place of the one that was there. */
static bool mark(nm_turns *t, nomul_mark **place, nomul_error *err)
{
    nomul_mark *fresh = nomul_text_mark(t->text, err);

    if (!fresh) return false;
    nomul_mark_free(*place);
    *place = fresh;
    return true;
}

/* The place of the latest turn in the rings; there is one if n_turns > 0. */
static size_t last_turn(const nm_turns *t)
{
    return (t->next + NM_TURNS_MAX - 1) % NM_TURNS_MAX;
}

/* The text is again what it was before the last turn, which is forgotten. */
static bool take_back(nm_turns *t, nomul_error *err)
{
    if (t->n_turns == 0) return nm_fail(err, NOMUL_E_ARG, "nothing to undo");
    if (nomul_text_rewind(t->text, t->asked[last_turn(t)], 0, err) != NOMUL_OK) return false;
    t->next = last_turn(t);
    t->n_turns--;
    return true;
}

/* ---- One turn -------------------------------------------------------------------------------- */

/* Generates; on failure the last turn is undone.  An empty prompt lets the text continue. */
static bool answer(nm_turns *t, nomul_error *err)
{
    nm_answer a = {.keep = false};
    bool      ok = nomul_text_prompt(t->text, NULL, 0, err) == NOMUL_OK;

    ok = ok && nm_answer_run(&a, t->text, true, err);
    nm_effort_add(&t->effort, &a.effort);
    nm_answer_free(&a);
    nm_output_print("\n");
    if (!nm_output_flush()) t->left = true;
    if (!ok) take_back(t, NULL);
    return ok;
}

bool nm_turns_read(nm_turns *t, bool show, nomul_error *err)
{
    const nm_buffer *prompt = &t->prompt;
    bool             late = nm_os_is_terminal(NM_OS_STDOUT);

    t->lost = nomul_text_prompt(t->text, prompt->data, prompt->n_bytes, err) != NOMUL_OK;
    if (t->lost) return false;
    if (show && !late) nm_output_styled(t->prompt_style, prompt->data, prompt->n_bytes);
    if (!late) nm_output_flush();
    t->bar.began = 0;
    bool ok = nomul_text_read(t->text, err) == NOMUL_OK;
    nm_progress_erase(&t->bar);
    if (show && late && ok) nm_output_styled(t->prompt_style, prompt->data, prompt->n_bytes);
    return ok;
}

/*
 * t->prompt: marked, read to its last id, marked, and answered.  It is read before the second mark
 * so that /retry need not read it.  show: the prompt is echoed, where no terminal has done that.
 */
static bool take_turn(nm_turns *t, bool show, nomul_error *err)
{
    nm_answer a = {.keep = false};

    if (!mark(t, &t->asked[t->next], err)) return false;
    t->next = (t->next + 1) % NM_TURNS_MAX;
    if (t->n_turns < NM_TURNS_MAX) t->n_turns++;
    a.began = nm_clock();
    bool ok = nm_turns_read(t, show, err) && nm_answer_add(&a, t->text, err);
    if (!ok && err->code == NOMUL_E_CANCELLED)
        nm_fail(err, NOMUL_E_CANCELLED, "stopped while reading the prompt: the turn is undone");
    nm_effort_add(&t->effort, &a.effort);
    nm_answer_free(&a);
    if (ok && mark(t, &t->answering[last_turn(t)], err)) return answer(t, err);
    if (show) nm_output_print("\n");
    take_back(t, NULL);
    return false;
}

/* ---- Commands -------------------------------------------------------------------------------- */

/* State, tail and penalties as they were before the prompt. */
static bool undo(nm_turns *t, const char *value, nomul_error *err)
{
    uint64_t before = n_tokens(t->text);

    (void)value;
    if (!take_back(t, err)) return false;
    say(t, "undone: %s\n", nm_show_amount(before - n_tokens(t->text), "token").text);
    return true;
}

/*
 * Back to the mark before the answer.  The generator continues: with the one of the mark the answer
 * would be the same.
 */
static bool retry(nm_turns *t, const char *value, nomul_error *err)
{
    (void)value;
    if (t->n_turns == 0) return nm_fail(err, NOMUL_E_ARG, "nothing to retry");
    return nomul_text_rewind(t->text, t->answering[last_turn(t)], NOMUL_REWIND_KEEP_GENERATOR,
                             err) == NOMUL_OK &&
           answer(t, err);
}

/* To the mark that was made before the first id.  Options stay as they are. */
static bool reset(nm_turns *t, const char *value, nomul_error *err)
{
    (void)value;
    if (nomul_text_rewind(t->text, t->empty, NOMUL_REWIND_KEEP_GENERATOR, err) != NOMUL_OK)
        return false;
    forget_turns(t);
    say(t, "a new text\n");
    return true;
}

/* A typing error must not overwrite the model or the prompt. */
static bool save(nm_turns *t, const char *path, nomul_error *err)
{
    if (!nm_open_may_write(path, "/save", &t->inputs, err) ||
        nomul_text_save(t->text, path, err) != NOMUL_OK)
        return false;
    say(t, "saved: %s\n", nm_show_amount(n_tokens(t->text), "token").text);
    if (!t->run->quiet) nm_text_note_unsaved(t->text);
    return true;
}

/*
 * Gives the text other options, at the same place or at that of a mark: the options of a text are
 * fixed, so it becomes a fork of itself.  The generator continues, unless the text is reseeded.
 */
static bool change_text(nm_turns *t, const nm_text_args *args, const nm_sampling *sampling,
                        const nomul_mark *at, bool reseeded, nomul_error *err)
{
    nomul_text_options options = nm_text_args_options(args, sampling, &t->bar);
    nomul_mark        *here = at ? NULL : nomul_text_mark(t->text, err);
    nomul_text        *text = NULL;
    unsigned           flags = reseeded ? NOMUL_REWIND_KEEP_GENERATOR : 0;

    if (at || here) text = nomul_text_fork(t->text, &options, err);
    if (text && nomul_text_rewind(text, at ? at : here, flags, err) != NOMUL_OK) {
        nomul_text_free(text);
        text = NULL;
    }
    nomul_mark_free(here);
    if (!text) return false;
    nomul_text_free(t->text);
    t->text = text;
    t->args = *args;
    if (at) t->noted = 0;
    if (!t->run->quiet) nm_text_note_missing(text, &t->noted, &t->bar);
    return true;
}

/* The file's own sampler options count, and its generator. */
static bool load(nm_turns *t, const char *path, nomul_error *err)
{
    nomul_mark *saved = nomul_mark_load(path, t->opened->model, NULL, err);
    nm_sampling sampling = t->sampling;

    if (!saved) return false;
    const nomul_mark_info *info = nomul_mark_get_info(saved);
    sampling.options = *info->sampler;
    sampling.options.logit_bias = t->sampling.options.logit_bias;
    sampling.options.n_logit_bias = t->sampling.options.n_logit_bias;
    nm_text_args args = t->args;
    nm_text_args_follow(&args, &sampling.options);
    bool ok = change_text(t, &args, &sampling, saved, false, err);
    if (ok) {
        t->sampling = sampling;
        forget_turns(t);
        say(t, "loaded: %s\n", nm_show_amount(info->n_tokens, "token").text);
    }
    nomul_mark_free(saved);
    return ok;
}

/* The rows of /set are those of the command line, without options that a text cannot change. */
#define F(field) offsetof(nm_text_settings, field)
static const nm_option table[] = {
    NM_PREDICT_OPTIONS,
    NOMUL_SAMPLER_FIELDS(NM_SAMPLER_ROW) /* ends with a comma */
    NM_END,
};

/*
 * Prints the settings as they would be typed: each row of the table once, without its JSON key.  A
 * seed is the one in use, also where the option asked for a random one.
 */
static bool show_settings(const nm_turns *t)
{
    const char *space = "";

    for (const nm_option *o = table; o->kind != NM_OPT_END; o++) {
        const void *field = (const char *)&t->args + o->field;

        if (!o->help) continue;
        fprintf(stderr, "%s--%s ", space, o->name);
        if (o->field == offsetof(nm_text_settings, text.seed))
            fprintf(stderr, "%" PRIu64, t->sampling.options.seed);
        else if (o->kind == NM_OPT_INT)
            fprintf(stderr, "%" PRId64, *(const int64_t *)field);
        else
            fprintf(stderr, "%g", *(const double *)field);
        space = " ";
    }
    fprintf(stderr, "\n");
    return true;
}

/*
 * "temp 0.5", as --temp 0.5 would be taken.  The seed is set to what nobody can type before, to see
 * whether it was given: the generator continues unless it was.
 */
static bool set(nm_turns *t, const char *value, nomul_error *err)
{
    enum { NOT_SET = -2 };
    nm_text_args args = t->args;
    nm_sampling  sampling;
    char         name[64];
    size_t       n_name = strcspn(value, " ");

    if (!*value) return show_settings(t);
    snprintf(name, sizeof name, "%.*s", (int)(n_name < 63 ? n_name : 63), value);
    value += n_name + strspn(value + n_name, " ");
    args.seed = NOT_SET;
    if (!nm_options_set(table, &args, name, *value ? value : NULL, err)) {
        nomul_error why = *err;
        return nm_fail(err, why.code, "/set: %s; /set lists the options", why.text);
    }
    bool reseeded = args.seed != NOT_SET;
    if (!reseeded) args.seed = 0;
    bool ok = nm_sampling_init(&sampling, &args, NULL, NULL, t->opened->model, err);
    if (!reseeded) sampling.options.seed = t->sampling.options.seed;
    ok = ok && change_text(t, &args, &sampling, NULL, reseeded, err);
    if (!ok) {
        nm_sampling_free(&sampling);
        return false;
    }
    nm_sampling_free(&t->sampling);
    t->sampling = sampling;
    return true;
}

static bool help(nm_turns *t, const char *value, nomul_error *err);

/* A slash command; a new one is a function and a row. */
typedef struct command {
    const char *name;
    const char *value;  /* what help calls its argument; NULL: none */
    bool        needed; /* the argument */
    const char *help;   /* one line for /help */
    /* value: "" without an argument.  NULL instead of a function: leave. */
    bool (*run)(nm_turns *turns, const char *value, nomul_error *err);
} command;

static const command commands[] = {
    {"undo", NULL, false, "undo the last turn, prompt and answer", undo},
    {"retry", NULL, false, "answer the last prompt again, with other random numbers", retry},
    {"save", "FILE", true, "write a session file", save},
    {"load", "FILE", true, "continue a saved text, with its settings", load},
    {"reset", NULL, false, "begin a new text; earlier turns cannot be undone", reset},
    {"set", "NAME VALUE", false, "set an option: /set temp 0.5; without arguments: list them", set},
    {"help", NULL, false, "this list", help},
    {"quit", NULL, false, "leave, as Ctrl-D does", NULL},
};

enum { N_COMMANDS = sizeof commands / sizeof *commands };

static bool help(nm_turns *t, const char *value, nomul_error *err)
{
    (void)t, (void)value, (void)err;
    for (size_t i = 0; i < N_COMMANDS; i++) {
        const command *c = &commands[i];
        int            n = fprintf(stderr, "/%s %s", c->name, c->value ? c->value : "");

        fprintf(stderr, "%*s%s\n", n < 18 ? 18 - n : 1, "", c->help);
    }
    fprintf(stderr,
            "Any other line is a prompt; an empty line lets the model continue. A line that "
            "ends\nwith \\ continues on the next line; // at the beginning stands for one "
            "slash.\n");
    return true;
}

/* A line without its slash, "set temp 0.5", which a NUL may be put behind. */
static bool take_command(nm_turns *t, char *line, size_t n_bytes, nomul_error *err)
{
    const command *c = NULL;

    if (memchr(line, '\0', n_bytes)) return nm_fail(err, NOMUL_E_ARG, "a command has a NUL byte");
    while (n_bytes > 0 && line[n_bytes - 1] == ' ') n_bytes--;
    line[n_bytes] = '\0';
    size_t      n_name = strcspn(line, " ");
    const char *value = line + n_name + strspn(line + n_name, " ");
    for (size_t i = 0; i < N_COMMANDS; i++)
        if (strlen(commands[i].name) == n_name && memcmp(commands[i].name, line, n_name) == 0)
            c = &commands[i];
    if (!c)
        return nm_fail(err, NOMUL_E_ARG, "no command /%.*s; /help lists them",
                       (int)(n_name < 60 ? n_name : 60), line);
    if (c->needed && !*value) return nm_fail(err, NOMUL_E_ARG, "/%s needs %s", c->name, c->value);
    if (!c->value && *value) return nm_fail(err, NOMUL_E_ARG, "/%s takes no argument", c->name);
    if (c->run) return c->run(t, value, err);
    t->left = true;
    return true;
}

/* ---- Lines ----------------------------------------------------------------------------------- */

/*
 * Into t->line.  Lines that end with a backslash continue, with a newline between; other newlines
 * are not text.  *ended: there was no line.
 */
static bool read_line(nm_turns *t, bool *ended, nomul_error *err)
{
    const char *line;
    size_t      n_bytes;
    bool        more = true;

    t->line.n_bytes = 0;
    for (*ended = true; more; *ended = false) {
        nm_line read = nm_typing_next(&t->typing, &line, &n_bytes, err);
        if (read == NM_LINE_FAILED) return nm_fail_in(err, "%s", nm_buffer_name("-"));
        if (read == NM_LINE_END) return true;
        more = n_bytes > 0 && line[n_bytes - 1] == '\\';
        if (!nm_buffer_add(&t->line, line, n_bytes - more, err)) return false;
        if (more && !nm_buffer_add(&t->line, "\n", 1, err)) return false;
    }
    if (!nm_buffer_add(&t->line, "", 1, err)) return false; /* a NUL behind, for commands */
    t->line.n_bytes--;
    return true;
}

/* Appends a part of a prompt.  Parts are unescaped one by one: no escape spans two of them. */
static bool add_to_prompt(nm_turns *t, const char *bytes, size_t n_bytes, nomul_error *err)
{
    nm_buffer one = {0};
    bool      ok = nm_buffer_add(&one, bytes, n_bytes, err);

    if (ok && t->run->escapes) nm_buffer_unescape(&one);
    ok = ok && nm_buffer_add(&t->prompt, one.data, one.n_bytes, err);
    nm_buffer_free(&one);
    return ok;
}

/* A Ctrl-C that met a turn or a command has done what it can; any other signal ends the program. */
static void end_turn(nm_turns *t, bool ok, const nomul_error *err)
{
    if (nm_interrupted_by_ctrl_c()) nm_interrupt_clear();
    if (nm_interrupted()) t->left = true;
    if (ok || t->left) return;
    t->failed = true;
    if (err->text[0] != '\0') fprintf(stderr, "nomul: %s\n", err->text);
}

/* A line: read, then obeyed if it begins with one slash, else answered. */
static void take_line(nm_turns *t)
{
    nomul_error err = {.code = NOMUL_OK};
    bool        ended, ok = read_line(t, &ended, &err);

    if (!ok || ended) {
        t->left = true;
        if (ok || nm_interrupted()) return;
        t->failed = true;
        fprintf(stderr, "nomul: %s\n", err.text);
        return;
    }
    size_t n = t->line.n_bytes;
    char  *line = t->line.data;
    bool   slash = line[0] == '/', two = slash && line[1] == '/';

    if (slash && !two) {
        ok = take_command(t, line + 1, n - 1, &err);
    } else { /* prefix, line, suffix; an empty line is an empty prompt */
        const char *prefix = t->run->prefix ? t->run->prefix : "";
        const char *suffix = t->run->suffix ? t->run->suffix : "";

        t->prompt.n_bytes = 0;
        ok = n == 0 || (add_to_prompt(t, prefix, strlen(prefix), &err) &&
                        add_to_prompt(t, line + two, n - two, &err) &&
                        add_to_prompt(t, suffix, strlen(suffix), &err));
        ok = ok && take_turn(t, !t->run->no_display_prompt && !t->typing.on_terminal, &err);
    }
    end_turn(t, ok, &err);
}

void nm_turns_run(nm_turns *t, bool prompted)
{
    nomul_error err = {.code = NOMUL_OK}, why;

    if (!nm_typing_begin(&t->typing, "> ", t->typed_style, !t->run->no_history, &why))
        say(t, "nomul: %s: the history is not kept\n", why.text);
    t->opened->session_bytes += (size_t)2 * NM_TURNS_MAX * nomul_snapshot_bytes(t->opened->model);
    nm_text_args_follow(&t->args, &t->sampling.options);
    if (t->typing.on_terminal)
        say(t, "nomul: type a prompt; Enter alone continues; Ctrl-C stops an answer, Ctrl-D "
               "leaves; /help\n");
    if (prompted) end_turn(t, take_turn(t, !t->run->no_display_prompt, &err), &err);
    while (!t->left) take_line(t);
    if (!nm_typing_end(&t->typing, &why)) say(t, "nomul: %s: the history is not kept\n", why.text);
}

void nm_turns_free(nm_turns *t)
{
    forget_turns(t);
    nomul_mark_free(t->empty);
    nomul_text_free(t->text);
    nm_sampling_free(&t->sampling);
    nm_buffer_free(&t->line);
    nm_buffer_free(&t->prompt);
}
