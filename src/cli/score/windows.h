/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Perplexity as llama-perplexity defines it, so that figures can be compared: windows of n_ctx
 * tokens that don't overlap, each from a zero state and with BOS in the place of its first token
 * where the model wants BOS; scored are the tokens behind the first n_ctx / 2 + 1.
 */
#ifndef NM_WINDOWS_H
#define NM_WINDOWS_H

#include "cli/score/tally.h"
#include "cli/text/ids.h"

typedef struct nm_windows {
    /* The caller's: */
    nm_tally tally;
    size_t   n_ctx;   /* 3 or more */
    bool     running; /* "[1]12.3456,[2]..." on stdout */
    bool     quiet;   /* no words on stderr */

    size_t n_windows, n_done;
} nm_windows;

/* ids as nm_prompt_ids gives them.  Ends as nm_tally_score does. */
bool nm_windows_score(nm_windows *windows, const nomul_tokenizer *tokenizer, nm_ids *ids,
                      nomul_error *err);

/* Perplexity and its uncertainty, of tokens scored so far; false if there is none. */
bool nm_windows_estimate(const nm_windows *windows, double *perplexity, double *uncertainty,
                         nomul_error *err);

#endif
