/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run/interactive.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "cli/interrupt.h"
#include "cli/output.h"
#include "cli/run/slash.h"
#include "cli/text/generate.h"
#include "cli/text/prompt.h"

/* ---- One turn -------------------------------------------------------------------------------- */

static nm_generation generation(const nm_interactive *it)
{
    return (nm_generation){
        .session = it->place.session,
        .sampler = it->place.sampler,
        .tokenizer = it->tokenizer,
        .n_vocab = nomul_model_get_info(it->model)->n_vocab,
        .stops = &it->text.stops,
    };
}

static bool generate(nm_interactive *it, nm_generation *g, nomul_error *err)
{
    bool ok = nm_generate(g, nomul_session_n_batch(g->session), err);

    nm_effort_add(&it->effort, g);
    if (ok && g->finish == NM_FINISH_CLOSED) it->left = true;
    return ok;
}

/* The first words of a text are a prompt; later ones go on in its middle, after its id at rest. */
static bool take_ids(nm_interactive *it, nm_generation *g, nomul_error *err)
{
    bool special = it->text.special;

    if (!it->place.begun)
        return nm_prompt_ids(&g->pending, it->tokenizer, &it->words, special, err);
    g->n_carried = 1;
    return nm_prompt_more_ids(&g->pending, it->tokenizer, it->place.last_id, &it->words, special,
                              err);
}

static bool read_ids(nm_interactive *it, nm_generation *g, nomul_error *err)
{
    nm_place *place = &it->place;

    if (!take_ids(it, g, err)) return false;
    nm_generation_accept(g);
    if (!generate(it, g, err)) return false;
    if (!nm_generation_at_rest(g))
        return nm_fail(err, NOMUL_E_CANCELLED, "stopped while reading: the turn is taken back");
    place->begun = true;
    place->last_id = g->pending.at[g->n_fed];
    nm_place_add_tail(place, it->words.data, it->words.n_bytes);
    return true;
}

static bool read_words(nm_interactive *it, nomul_error *err)
{
    nm_generation g = generation(it);
    bool          ok = read_ids(it, &g, err);

    nm_generation_free(&g);
    return ok;
}

/* Has nothing been said yet?  The blank in front of the first piece is then not text. */
static bool is_bare(const nm_interactive *it)
{
    return nomul_session_n_tokens(it->place.session) == 0 &&
           it->place.last_id == nomul_token_bos(it->tokenizer);
}

static bool write_answer(nm_interactive *it, nm_generation *g, nomul_error *err)
{
    nm_place *place = &it->place;

    g->n_carried = 1;
    if (!nm_ids_add(&g->pending, place->last_id, err) ||
        !nm_text_add(&g->text, place->tail, place->n_tail, err) || !generate(it, g, err))
        return false;
    place->last_id = g->pending.at[g->n_fed];
    size_t n_made = g->text.n_bytes - g->n_prompt_bytes;
    if (n_made > 0) nm_place_add_tail(place, g->text.data + g->n_prompt_bytes, n_made);
    return true;
}

bool nm_interactive_answer(nm_interactive *it, nomul_error *err)
{
    nm_generation g = generation(it);

    g.n_predict = it->text.n_predict;
    g.stream = true;
    g.decode_flags = (it->text.special ? NOMUL_DECODE_SPECIAL : 0) |
                     (is_bare(it) ? NOMUL_DECODE_STRIP_BLANK : 0);
    bool ok = write_answer(it, &g, err);
    nm_generation_free(&g);
    nm_output_print("\n");
    if (!nm_output_flush()) it->left = true;
    if (!ok) nm_history_undo(&it->history, &it->place, NULL);
    return ok;
}

static bool take_turn(nm_interactive *it, bool show, nomul_error *err)
{
    if (!nm_history_begin(&it->history, &it->place, err)) return false;
    if (show) nm_output_write(it->words.data, it->words.n_bytes);
    if (!read_words(it, err) || !nm_history_asked(&it->history, &it->place, err)) {
        if (show) nm_output_print("\n");
        nm_history_undo(&it->history, &it->place, NULL);
        return false;
    }
    return nm_interactive_answer(it, err);
}

/* ---- Lines ----------------------------------------------------------------------------------- */

static void show_sign(const nm_interactive *it)
{
    if (it->on_terminal) fprintf(stderr, "> ");
}

/*
 * Lines that end with a backslash have another behind them, and a newline between; other newlines
 * are no text, only the key that ends a line.
 */
static bool read_line(nm_interactive *it, bool *ended, nomul_error *err)
{
    const char *line;
    size_t      n_bytes;
    bool        more = true;

    it->line.n_bytes = 0;
    for (*ended = true; more; *ended = false) {
        show_sign(it);
        nm_line read = nm_lines_next(&it->lines, true, &line, &n_bytes, err);
        if (read == NM_LINE_FAILED) return nm_fail_in(err, "%s", nm_text_name("-"));
        if (read == NM_LINE_END) return true;
        more = n_bytes > 0 && line[n_bytes - 1] == '\\';
        if (!nm_text_add(&it->line, line, n_bytes - more, err)) return false;
        if (more && !nm_text_add(&it->line, "\n", 1, err)) return false;
    }
    return true;
}

static bool add_words(nm_interactive *it, const char *words, size_t n_bytes, nomul_error *err)
{
    nm_text one = {0};
    bool    ok = nm_text_add(&one, words, n_bytes, err);

    if (ok && it->escapes) nm_text_unescape(&one);
    ok = ok && nm_text_add(&it->words, one.data, one.n_bytes, err);
    nm_text_free(&one);
    return ok;
}

/* An empty line is no words at all: the text goes on by itself. */
static bool make_words(nm_interactive *it, const char *line, size_t n_bytes, nomul_error *err)
{
    it->words.n_bytes = 0;
    if (n_bytes == 0) return true;
    if (it->prefix && !add_words(it, it->prefix, strlen(it->prefix), err)) return false;
    if (!add_words(it, line, n_bytes, err)) return false;
    return !it->suffix || add_words(it, it->suffix, strlen(it->suffix), err);
}

static bool obey(nm_interactive *it, nomul_error *err)
{
    size_t      n = it->line.n_bytes;
    const char *line = n > 0 ? it->line.data : "";
    bool        slash = n > 0 && line[0] == '/', two = n > 1 && slash && line[1] == '/';

    if (slash && !two) return nm_slash(it, line + 1, n - 1, err);
    return make_words(it, line + two, n - two, err) &&
           take_turn(it, it->show_words && !it->on_terminal, err);
}

/* ---- All turns ------------------------------------------------------------------------------- */

/* A Ctrl-C that met a turn has done what it can. */
static void end_turn(nm_interactive *it, bool ok, const nomul_error *err)
{
    if (nm_interrupted() == SIGINT) nm_interrupt_clear();
    if (nm_interrupted()) it->left = true;
    if (ok || it->left) return;
    it->failed = true;
    if (err->text[0] != '\0') fprintf(stderr, "nomul: %s\n", err->text);
}

static void end_lines(nm_interactive *it, bool ok, const nomul_error *err)
{
    it->left = true;
    if (it->on_terminal) fprintf(stderr, "\n");
    if (ok || nm_interrupted()) return;
    it->failed = true;
    fprintf(stderr, "nomul: %s\n", err->text);
}

static void take_line(nm_interactive *it)
{
    nomul_error err = {.code = NOMUL_OK};
    bool        ended, ok = read_line(it, &ended, &err);

    if (ok && !ended)
        end_turn(it, obey(it, &err), &err);
    else
        end_lines(it, ok, &err);
}

static bool begin(nm_interactive *it, const nm_text *beginning, nomul_error *err)
{
    nomul_error why = {.code = NOMUL_OK};

    it->lines.fd = STDIN_FILENO;
    it->on_terminal = isatty(STDIN_FILENO);
    nm_text_args_follow(&it->text, &it->drawing->options);
    if (!nm_history_init(&it->history, it->model, err)) return false;
    if (it->on_terminal && !it->quiet)
        fprintf(stderr, "nomul: type, and it goes on; Enter alone: further; Ctrl-C stops an "
                        "answer, Ctrl-D ends; /help\n");
    if (!beginning) return true;
    if (!nm_text_add(&it->words, beginning->data, beginning->n_bytes, err)) return false;
    end_turn(it, take_turn(it, it->show_words, &why), &why);
    return true;
}

bool nm_interactive_run(nm_interactive *it, const nm_text *beginning, nomul_error *err)
{
    if (!begin(it, beginning, err)) return false;
    while (!it->left) take_line(it);
    return true;
}

void nm_interactive_free(nm_interactive *it)
{
    nm_history_free(&it->history);
    nm_lines_free(&it->lines);
    nm_text_free(&it->line);
    nm_text_free(&it->words);
}
