/* SPDX-License-Identifier: Apache-2.0 */
/*
 * train.state: all that a training needs to go on with the same bits as if it had not stopped.
 *
 *     magic | fixed numbers | options, weights of the texts | places and states of the streams |
 *     values, m, v | XXH64 of all before
 *
 * The file is replaced in one step, so a kill or a full disk leaves the one before.
 */
#ifndef NM_SAVED_STATE_H
#define NM_SAVED_STATE_H

#include "train/adamw.h"
#include "train/train_options.h"

/* The fixed numbers of the file, in its order; all have 64 bits. */
typedef struct nm_saved_counts {
    uint64_t n_values, n_streams, n_states; /* n_states: floats of all streams' states */
    uint64_t n_data, n_decay_data;          /* texts of the two mixes */
    uint64_t is_decaying;                   /* the streams read the second mix */
    uint64_t step, tokens, optimizer_steps;
    double   power1, power2, seconds;
} nm_saved_counts;

typedef struct nm_saved_state {
    nm_saved_counts counts;
    double          weights[2 * NM_TRAIN_LIST]; /* of the data, then of the decay data */
    char            options[NM_TRAIN_SAVED];
    uint64_t       *at;     /* [n_streams] */
    float          *states; /* [n_states] */
    float          *values, *m, *v;
} nm_saved_state;

bool nm_saved_state_write(const nm_saved_state *state, const char *path, nomul_error *err);

/* Everything before the arrays, so that these can be allocated. */
bool nm_saved_state_peek(nm_saved_state *state, const char *path, nomul_error *err);

/* All of it into the arrays, whose sizes must be those of the file. */
bool nm_saved_state_read(nm_saved_state *state, const char *path, nomul_error *err);

#endif
