/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul run -i: you type, the model continues, you type again.  Each line of stdin is a prompt;
 * lines that begin with a slash are commands.  Every turn is marked before its prompt and before
 * its answer, so that /undo and /retry read nothing again.  A turn that fails is undone.
 *
 *   stdin ─ line ─┬─ "/set temp 0.5" ─> a row of the table of commands in turns.c
 *                 └─ anything else ─> prefix + line + suffix ─> text ─> answer ─> stdout
 */
#ifndef NM_TURNS_H
#define NM_TURNS_H

#include "cli/run/typing.h"
#include "cli/text/answer.h"
#include "cli/text/text_options.h"

enum { NM_TURNS_MAX = 64 }; /* that can be undone; of more, the oldest are forgotten */

/* The command line.  Prompts are echoed, so that a transcript of stdout is complete. */
typedef struct nm_run_args {
    const char  *prompt, *file;
    const char  *load, *save, *cache, *prefix, *suffix;
    nm_open_args open;
    nm_text_args text;
    int64_t      n_ctx, n_logprobs, color;
    bool         interactive, no_history, quiet, no_display_prompt, escapes, json;
} nm_run_args;

/*
 * A text, what it is made of, and its turns.  Begins as zeros; the caller fills the first two
 * parts, the second with objects that are this struct's from then on: nm_turns_free frees them,
 * also where nm_turns_run was never called.
 */
typedef struct nm_turns {
    /* What the command line asks for: */
    const nm_run_args *run;
    nm_opened         *opened;
    nm_inputs          inputs;                     /* which /save must not overwrite */
    nm_progress_bar    bar;                        /* of reading a prompt */
    const char        *prompt_style, *typed_style; /* SGR sequences; "": none */

    nomul_text  *text;     /* replaced when its options change */
    nm_text_args args;     /* follow /set and /load */
    nm_sampling  sampling; /* what the text's sampler was made of */
    nm_buffer    prompt;   /* of the present turn, with prefix and suffix */
    nomul_mark  *empty;    /* of a text without ids, for /reset */

    nm_effort   effort;
    unsigned    noted;  /* bits of nomul_text_missing that were told */
    bool        failed; /* a turn or a command; it was reported */
    bool        lost;   /* nm_turns_read was stopped before the prompt was in the text */
    nomul_mark *asked[NM_TURNS_MAX], *answering[NM_TURNS_MAX]; /* before prompts, before answers */
    size_t      n_turns, next; /* that can be undone; the next place in the rings */
    nm_typing   typing;
    nm_buffer   line; /* as typed */
    bool        left;
} nm_turns;

/*
 * Reads lines until there are no more, /quit, or a signal; Ctrl-C stops only the answer that it
 * meets.  prompted: `prompt` holds that of a first turn.  What fails is reported on stderr where it
 * happens and remembered in `failed`; it ends its turn, not the program.  The memory of the marks
 * is added to opened->session_bytes.
 */
void nm_turns_run(nm_turns *turns, bool prompted);

/*
 * Reads the prompt, and echoes it if show says so: to a terminal afterwards, since until then a
 * line of progress may be there.
 */
bool nm_turns_read(nm_turns *turns, bool show, nomul_error *err);

/* Frees everything but what `opened` points to. */
void nm_turns_free(nm_turns *turns);

#endif
