/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One text: the prompt's ids go through a session, then ids are drawn one by one until something
 * stops it.  Streams to stdout if asked; the words around it are report.c's.
 */
#ifndef NM_GENERATE_H
#define NM_GENERATE_H

#include "cli/ids.h"
#include "cli/options.h"
#include "cli/text.h"

typedef enum nm_finish {
    NM_FINISH_STOP,      /* end of text, or a reverse prompt */
    NM_FINISH_LENGTH,    /* as many as were asked for */
    NM_FINISH_CANCELLED, /* a signal: interrupt.h */
    NM_FINISH_CLOSED,    /* stdout takes no more: output.h knows why */
} nm_finish;

typedef struct nm_generation {
    /* What to work with; the caller's. */
    nomul_session         *session;
    nomul_sampler         *sampler;
    const nomul_tokenizer *tokenizer;
    size_t                 n_vocab;
    size_t                 n_piece;    /* prompt ids between two looks at the signals, at most */
    int64_t                n_predict;  /* -1: no limit */
    size_t                 n_logprobs; /* of each id this many best, <= n_vocab; 0: none */
    const nm_strings      *stops;      /* reverse prompts, none of them empty */
    unsigned               decode_flags;
    bool                   stream, show_prompt;

    /* What comes of it. */
    nm_text text; /* starts as the prompt's bytes; grows */
    size_t  n_prompt_bytes;
    size_t  n_prompt_ids, n_read; /* all, and those that have gone through the session */
    nm_ids  ids;                  /* drawn, EOS too */
    nm_text
        logprobs; /* n_logprobs + 1 nomul_logprob for each of ids: the id's own, then the best */
    nm_finish finish;
    double    prompt_seconds, seconds;
    uint64_t  n_steps; /* passes within `seconds` */
} nm_generation;

/* Runs it.  False on an error, also of memory; what was made until then is there. */
bool nm_generate(nm_generation *g, const nm_ids *prompt, nomul_error *err);
void nm_generation_free(nm_generation *g);

/* The logprobs of ids.at[index]. */
const nomul_logprob *nm_generation_logprobs(const nm_generation *g, size_t index);

#endif
