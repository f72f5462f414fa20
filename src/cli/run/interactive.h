/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul run -i: a text in turns.  Each line of stdin is the words of one; what the model makes of
 * them is the rest.  Lines that begin with a slash are commands: slash.h.
 *
 * Between two turns the text is at rest (history.h), whatever ended the last one; a turn that could
 * not be done is taken back whole.
 */
#ifndef NM_INTERACTIVE_H
#define NM_INTERACTIVE_H

#include "cli/run/history.h"
#include "cli/text/report.h"
#include "cli/text/text.h"
#include "cli/text/text_options.h"

typedef struct nm_interactive {
    /* What to work with; the caller's. */
    const nomul_model     *model;
    const char            *model_path, *prompt_path; /* not to be saved over; NULL: none */
    const nomul_tokenizer *tokenizer;
    nm_place               place;   /* its sampler may be replaced by another, the caller's too */
    nm_drawing            *drawing; /* what the sampler was made of */
    nm_text_args           text;    /* as the command line has it; follows /set and /load */
    const char            *prefix, *suffix; /* of each line; NULL: none */
    bool                   escapes;         /* backslashes mean something in all three */
    bool                   show_words, quiet;

    /* What comes of it. */
    nm_effort effort;
    bool    failed; /* a turn or a command did; it was said */

    /* Its own. */
    nm_history history;
    nm_lines   lines;
    nm_text    line, words; /* of the turn now: as typed, and with prefix and suffix */
    bool       on_terminal, left;
} nm_interactive;

/*
 * Reads lines until there are no more, /quit, or a signal; Ctrl-C ends only the answer that it
 * meets.  beginning: words of the first turn, or NULL.  false: it could not begin.
 */
bool nm_interactive_run(nm_interactive *it, const nm_text *beginning, nomul_error *err);

/* Goes on where the text stands; on failure the last turn is taken back. */
bool nm_interactive_answer(nm_interactive *it, nomul_error *err);

/* Of nm_interactive_run; the caller's things stay. */
void nm_interactive_free(nm_interactive *it);

#endif
