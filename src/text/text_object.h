/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text (nomul_text in nomul.h, which states its rules): where tokens and model meet.
 *
 *   text_object.c   making texts, prompts, queries
 *   text_step.c     one step of many texts: feed, sample, stop strings
 *   text_mark.c     marks, rewinding, forks, session files
 *
 * A text in memory, from its first id to its next one:
 *
 *   ids fed: only their state is left | pending[0..n_fed) | pending[n_fed..n)   | id to be sampled
 *                                     |  fed              | to be fed, never all|
 *
 * The same text as bytes, of which some ids make none (BOS) and some only a part of a character:
 *
 *   bytes shown, of no more use | tail[0..n_tail)                         | bytes to come
 *                               | shown: a stop string may  | the last    |
 *                               | have begun in them        | n_held: not |
 *                               |                           | shown yet   |
 *
 * Invariants between two calls: at least one pending id is not fed, once there is any (the last one
 * gives the logits to sample from, here or in whatever continues the text); ids and shown bytes are
 * the same text, to the byte, also where a stop string ended inside a token.
 */
#ifndef NM_TEXT_OBJECT_H
#define NM_TEXT_OBJECT_H

#include "base/arena.h"
#include "base/cancel.h"
#include "base/refs.h"
#include "tokens/sampler.h"
#include "tokens/tokenizer.h"

/*
 * What texts that are forks of one another share: scratch memory for a step of all of them.  One
 * call at a time uses it, as they share an engine too.  It grows when a text is made, by doubling.
 */
typedef struct nm_text_host {
    nm_refs        refs;
    nomul_sampler *sampler; /* the scratch memory of all their samplers */
    size_t         n_vocab;
    size_t         n_texts; /* alive */
    size_t         n_rows;  /* room for so many texts in a pass: min(n_texts, n_batch) at least */
    float         *logits;  /* [n_rows][n_vocab] */
    nomul_feed    *feeds;   /* [n_rows] */
    nomul_text   **fed;     /* [n_rows]: whose feed it is */
    uint64_t       n_steps; /* calls of nomul_text_step: a text that occurs twice is known by it */
    nm_pace        pace;
    bool           paced; /* one of them has had a cancel flag */
} nm_text_host;

/* Where a text stands. */
typedef struct nm_text_place {
    bool   has_text; /* a prompt's byte or a piece: BOS and the leading space are decided */
    size_t n_tail;   /* the last bytes of the text, held ones included */
    bool   cut;      /* there are bytes before these, or, after a file with a full tail, may be */
    size_t n_held;   /* of them: an unfinished UTF-8 character, not shown yet, at most 3 bytes */
} nm_text_place;

struct nomul_text {
    /* What it was made of. */
    nm_arena               arena; /* holds the text and what is said to lie in it */
    nm_text_host          *host;
    nomul_session         *session; /* its own state; shares an engine */
    nomul_sampler         *sampler;
    const nomul_tokenizer *tokenizer;
    nomul_text_options     options; /* sampler NULL; stops in the arena */
    size_t                 longest_stop;

    /* Where it stands; the rest of that is in the session and the sampler. */
    nm_text_place place;
    char         *tail; /* in the arena: [tail_room] and room for one piece */
    size_t        tail_room;
    nm_id_list    pending;
    size_t        n_fed;

    /* Since the last prompt. */
    nomul_finish finish;
    size_t       n_prompt; /* its ids are the last ones of pending, until they are fed */
    uint64_t     n_generated;

    /* The last step's, valid until the next call. */
    uint64_t       step;
    int32_t        id;    /* -1: none */
    char          *bytes; /* in the arena: room for held bytes and one piece */
    size_t         n_bytes;
    nomul_logprob *scores; /* in the arena: [n_logprobs + 1] */
};

#define NM_TEXT_MAX_HELD 3 /* bytes of an unfinished UTF-8 character */

/*
 * A text that shares the host; a reference of it is taken.  Options are checked, and copied.  NULL
 * on failure.
 */
nomul_text *nm_text_new(nm_text_host *host, const nomul_session *session,
                        const nomul_text_options *options, nomul_error *err);

/* Appends bytes[n] to the tail; what is over tail_room is dropped from its beginning. */
void nm_text_add_tail(nomul_text *text, const char *bytes, size_t n);

/* Feeds all pending ids but the last.  NOMUL_E_CANCELLED between two pieces. */
bool nm_text_settle(nomul_text *text, nomul_error *err);

/* Tokens that the text may still get: never more than a session file can say. */
uint64_t nm_text_room(const nomul_text *text);

/* What one sampled token may take of it: it may become several, where a stop string ends in it. */
uint64_t nm_text_token_room(const nomul_text *text);

/* No id and no bytes since the last step. */
void nm_text_clear_output(nomul_text *text);

#endif
