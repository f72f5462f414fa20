/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The streams of a step.  Each stream reads one text from a place of its own, to the end and round
 * to the beginning, in pieces of block_size tokens; its state goes with it and is reset at a BOS.
 * Streams are allotted to texts in proportion to their weights:
 *
 *     text 0   | stream 0 -> ....... | stream 1 -> ....... | stream 2 -> ....... |
 *     text 1   | stream 3 -> ........................................................ |
 */
#ifndef NM_MIX_H
#define NM_MIX_H

#include "train/token_cache.h"
#include "train/train_options.h"

typedef struct nm_mix {
    nm_token_cache texts[NM_TRAIN_LIST];
    double         weights[NM_TRAIN_LIST];
    size_t         n_texts;
    size_t         n_streams;
    size_t        *text_of; /* [n_streams] */
    uint64_t      *at;      /* [n_streams]: where its next piece begins */
} nm_mix;

/* "FILE=W": the weight, 1 where there is none, and the length of FILE. */
bool nm_mix_weight(const char *argument, double *weight, size_t *n_path, nomul_error *err);

/* texts and weights are filled in. */
bool nm_mix_open(nm_mix *mix, size_t n_streams, nomul_error *err);
void nm_mix_close(nm_mix *mix); /* and the texts */

/* The next n_tokens of streams [first, first + n): ids, and the ids after each as targets. */
void nm_mix_next(nm_mix *mix, size_t first, size_t n, size_t n_tokens, int32_t *ids,
                 int32_t *targets);

/* Bytes of text that a token stands for, by the weights. */
double nm_mix_bytes_per_token(const nm_mix *mix);

#endif
