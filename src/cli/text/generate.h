/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One text that goes on: what to feed next, and an id drawn when it has been fed, until something
 * stops it.  Who feeds it, alone or beside others, is the caller's business; nm_generate is the
 * caller of one text.  Streams to stdout if asked; the words around it are report.c's.
 *
 * Between two steps the session has seen all of the text but the ids in `pending`: the prompt's
 * rest, then the id drawn last.  So a text at rest is a state and one id, whatever stopped it.
 */
#ifndef NM_GENERATE_H
#define NM_GENERATE_H

#include "cli/options.h"
#include "cli/text/prompt.h"
#include "cli/text/text.h"

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
    int64_t                n_predict;  /* -1: no limit */
    size_t                 n_logprobs; /* of each id this many best, <= n_vocab; 0: none */
    const nm_strings      *stops;      /* reverse prompts, none of them empty */
    unsigned               decode_flags;
    bool                   stream, show_prompt;
    nm_ids                 pending; /* what is to be fed first, not empty; the sampler knows it */
    size_t                 n_carried; /* so many of them are an older text's, not the prompt's */
    nm_text                text;    /* the prompt's bytes; grows */

    /* What comes of it. */
    size_t  n_prompt_bytes;
    size_t  n_prompt_ids;
    size_t  n_fed; /* of pending */
    nm_ids  ids;          /* drawn, EOS too */
    nm_text
        logprobs; /* n_logprobs + 1 nomul_logprob for each of ids: the id's own, then the best */
    bool      done;
    nm_finish finish;
    double    prompt_seconds, seconds;
    uint64_t  n_steps; /* passes within `seconds` */

    /* The loop's own. */
    nomul_decoder *decoder;
    nomul_logprob *scores; /* n_logprobs + 1 */
    bool           cut; /* a reverse prompt has the last word: what is held back is past it */
    double         began;
} nm_generation;

/* The sampler gets to know the prompt's ids; those of an older text it knows. */
void nm_generation_accept(nm_generation *g);

/* Everything is set: takes its memory, shows the prompt. */
bool nm_generation_begin(nm_generation *g, nomul_error *err);

/*
 * How many ids to feed now, at most `most`, and where they are; *draw: their logits are wanted.
 * 0: it is done.
 */
size_t nm_generation_next(nm_generation *g, size_t most, const int32_t **ids, bool *draw);

/* They were fed.  logits: those wanted, else NULL; an id is drawn from them, and said. */
bool nm_generation_fed(nm_generation *g, size_t n_ids, const float *logits, nomul_error *err);

/* Ends it where it stands. */
bool nm_generation_stop(nm_generation *g, nm_finish how, nomul_error *err);

/* All of it, for one text.  n_piece: prompt ids between two looks at the signals, at most. */
bool nm_generate(nm_generation *g, size_t n_piece, nomul_error *err);

/* Is the session's state that of the whole text but for pending's last id? */
bool nm_generation_at_rest(const nm_generation *g);

/* Ids of the prompt that have been taken in. */
size_t nm_generation_n_read(const nm_generation *g);

/* It is done and only its words are wanted: gives back all other memory, the prompt's too. */
void nm_generation_close(nm_generation *g);
void nm_generation_free(nm_generation *g);

/* The logprobs of ids.at[index]. */
const nomul_logprob *nm_generation_logprobs(const nm_generation *g, size_t index);

#endif
