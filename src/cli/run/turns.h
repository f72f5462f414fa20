/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul run -i: you type, the model continues, you type again.  Each line of stdin is a prompt;
 * lines that begin with a slash are commands.  Every turn is marked before its prompt and before
 * its answer, so that /undo and /retry read nothing again.  A turn that fails is undone.
 */
#ifndef NM_TURNS_H
#define NM_TURNS_H

#include "cli/text/answer.h"
#include "cli/text/text_options.h"

enum { NM_TURNS_MAX = 64 }; /* that can be undone; of more, the oldest are forgotten */

/* What the command line asks for; the caller's. */
typedef struct nm_turns_options {
    const nomul_model *model;
    const char        *model_path, *prompt_path; /* not to be overwritten; NULL: none */
    const char        *prefix, *suffix;          /* of each line; "": none */
    bool               escapes;                  /* in lines, prefix and suffix */
    bool               show_prompts, quiet;
} nm_turns_options;

typedef struct nm_turns {
    nm_turns_options options;
    nomul_text      *text;     /* the caller's; replaced when its options change */
    nm_text_args     args;     /* follow /set and /load */
    nm_sampling     *sampling; /* what the text's sampler was made of; the caller's */
    nm_effort        effort;
    bool             failed; /* a turn or a command; it was reported */

    nomul_mark *empty; /* of a text without ids, for /reset; the caller makes it, freed here */
    nomul_mark *asked[NM_TURNS_MAX], *answering[NM_TURNS_MAX]; /* before prompts, before answers */
    size_t      n_turns, next; /* that can be undone; the next place in the rings */
    nm_lines    lines;
    nm_buffer   line, prompt; /* as typed; with prefix and suffix */
    bool        on_terminal, left;
} nm_turns;

/*
 * Reads lines until there are no more, /quit, or a signal; Ctrl-C stops only the answer that it
 * meets.  first: the prompt of the first turn, or NULL.  The caller fills what stands before
 * effort, and empty.  false: it could not begin.
 */
bool nm_turns_run(nm_turns *turns, const nm_buffer *first, nomul_error *err);

/* Memory of all marks. */
size_t nm_turns_bytes(const nomul_model *model);

/* What nm_turns_run allocated. */
void nm_turns_free(nm_turns *turns);

/* Notes on stderr what a session file of this text does not hold. */
void nm_turns_note_unsaved(const nomul_text *text);

#endif
