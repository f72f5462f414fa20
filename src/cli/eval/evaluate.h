/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scores the choices of many items side by side: the sum of the log-probabilities of a choice's
 * tokens after the context.  A context is read once, and each of its choices begins with a copy of
 * the state.
 *
 *   items ─ nm_eval_add ─> group: contexts and choices, as ids
 *                            │  nm_eval_group_run
 *                            │    1. all contexts up to their last id, together
 *                            │    2. a copy of the state for each choice
 *                            │    3. all choices scored together: last id of the context, choice
 *           nm_eval_result <─┘
 */
#ifndef NM_EVALUATE_H
#define NM_EVALUATE_H

#include "cli/eval/eval_item.h"
#include "cli/text/prompt.h"

typedef enum nm_eval_metric {
    NM_EVAL_ACC,
    NM_EVAL_ACC_NORM,
    NM_EVAL_ACC_BYTES,
    NM_EVAL_METRICS
} nm_eval_metric;

/* Their names; the standard error of one is NAME_stderr. */
extern const char *const nm_eval_metric_names[NM_EVAL_METRICS];

/* What came of an item. */
typedef struct nm_eval_result {
    size_t gold, n_choices, n_metrics; /* n_metrics: 1, acc alone, where choices are contexts */
    bool   right[NM_EVAL_METRICS];
    struct {
        double logprob; /* sum over its tokens */
        size_t n_tokens, n_chars, n_bytes;
    } choices[NM_EVAL_MAX_CHOICES];
} nm_eval_result;

/* Sets right: is the gold choice the best one?  Of equal ones the first is the best. */
void nm_eval_judge(nm_eval_result *result);

typedef struct nm_eval_group nm_eval_group;

/* How contexts begin. */
typedef enum nm_eval_bos { NM_EVAL_BOS_MODEL, NM_EVAL_BOS_YES, NM_EVAL_BOS_NO } nm_eval_bos;

/* The session gives engine and tokenizer; its own state is not used.  NULL on failure. */
nm_eval_group *nm_eval_group_new(nomul_session *session, nm_eval_bos bos, nomul_error *err);
void           nm_eval_group_free(nm_eval_group *group);

/*
 * Tokenizes an item and adds it.  *full: the group has as many tokens as are worth computing
 * together.
 */
bool nm_eval_group_add(nm_eval_group *group, const nm_eval_item *item, bool *full,
                       nomul_error *err);
void nm_eval_group_clear(nm_eval_group *group);

/*
 * Computes the results of the items added, which stay valid until the next clear.  *n_tokens grows
 * by what was computed.  NOMUL_E_CANCELLED: there are no results.
 */
bool                  nm_eval_group_run(nm_eval_group *group, uint64_t *n_tokens, nomul_error *err);
size_t                nm_eval_group_size(const nm_eval_group *group); /* items */
const nm_eval_result *nm_eval_group_result(const nm_eval_group *group, size_t index);

#endif
