/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a step is asked for, on the CPU (tape.h, adamw.h) and on a GPU (cuda.h): a pass over some
 * streams adds to the gradients, then AdamW takes them.  This header is C and C++, and includes
 * nothing of the engine.
 */
#ifndef NM_STEP_H
#define NM_STEP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * One pass.  states has the streams of a whole step, of which this pass takes the first n_streams:
 *
 *     states[layer][stream][element]      stream 0 .. n_streams - 1: moved on
 *                                         n_streams .. state_streams - 1: left alone
 */
typedef struct nm_train_batch {
    const int32_t *ids, *targets; /* [n_streams][n_tokens] */
    int32_t        bos;           /* the id that resets a state; -1: none */
    float         *states;
    size_t         n_streams;     /* <= those that tape or GPU were opened for */
    size_t         state_streams; /* of states */
    float          weight;        /* of a token in the gradients: 1 / tokens of the step */
    float         *nats;          /* [n_streams][n_tokens]: each token's loss; CPU only; or NULL */
    bool           is_last;       /* pass of a step; GPU only */
} nm_train_batch;

/*
 * Of all weights of a step: d = g clip; m = beta1 m + (1 - beta1) d; v = beta2 v + (1 - beta2) d^2;
 * w = keep w - rate m / (sqrt(v) root + eps).  rate and root hold the corrections of the start.
 * Matrices have `decayed` for `keep`.
 */
typedef struct nm_adamw_factors {
    float clip, beta1, beta2, rate, root, keep, decayed;
} nm_adamw_factors;

#endif
