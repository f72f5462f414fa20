/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a text stands, and where it stood at each of its last turns: what /undo and /retry go back
 * to, without reading anything again.  All memory is taken at the start: a turn costs two states,
 * however long it is; of too many turns the oldest are forgotten.
 */
#ifndef NM_HISTORY_H
#define NM_HISTORY_H

#include "nomul.h"

enum {
    NM_HISTORY_TURNS = 64,
    NM_PLACE_TAIL = 64, /* bytes */
};

/* A text at rest: the session has seen all of it but its last id, the sampler that one too. */
typedef struct nm_place {
    nomul_session *session;
    nomul_sampler *sampler;
    bool           begun; /* else there is no text yet, and no last id */
    int32_t        last_id;
    size_t         n_tail;
    char           tail[NM_PLACE_TAIL]; /* its last bytes: a reverse prompt may begin in them */
} nm_place;

/* Ids of the text. */
uint64_t nm_place_n_tokens(const nm_place *place);

/* Bytes were added to the text. */
void nm_place_add_tail(nm_place *place, const char *bytes, size_t n_bytes);

struct nm_point; /* a place as it is kept */

typedef struct nm_history {
    struct nm_point *points; /* two a turn: before the words, and before the answer */
    unsigned char   *states; /* likewise, n_state bytes each */
    size_t           n_state;
    size_t           n_turns; /* that can be taken back */
    size_t           next;    /* the turn to be overwritten next, below NM_HISTORY_TURNS */
} nm_history;

/* Bytes that nm_history_init takes. */
size_t nm_history_bytes(const nomul_model *model);

/* Freed by nm_history_free, also after an error. */
bool nm_history_init(nm_history *history, const nomul_model *model, nomul_error *err);
void nm_history_free(nm_history *history);

/* Forgets all turns. */
void nm_history_clear(nm_history *history);

/* A turn begins here. */
bool nm_history_begin(nm_history *history, const nm_place *place, nomul_error *err);

/* Its words were read: what follows is the answer. */
bool nm_history_asked(nm_history *history, const nm_place *place, nomul_error *err);

/* Back to where the last turn began, which is then forgotten; random numbers come as they did. */
bool nm_history_undo(nm_history *history, nm_place *place, nomul_error *err);

/* Back to where the last turn's words had been read; but other random numbers follow. */
bool nm_history_retry(nm_history *history, nm_place *place, nomul_error *err);

#endif
