/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question of a multiple-choice task, read from a line of JSON: contexts and continuations as
 * lm-evaluation-harness 0.4.13 makes them.  Which keys a line has and what is made of them depends
 * on the task; the forms that a data set is published in (its original one, and rows of the hub's
 * data sets) are read alike.
 */
#ifndef NM_EVAL_ITEM_H
#define NM_EVAL_ITEM_H

#include "cli/text/pystr.h"

#define NM_EVAL_HARNESS "lm-eval 0.4.13"
#define NM_EVAL_MAX_CHOICES 100

/* The choices of --task, in their order; NM_EVAL_LINES is what there is without it. */
#define NM_EVAL_TASKS "arc|hellaswag|openbookqa|piqa|winogrande"
typedef enum nm_eval_task {
    NM_EVAL_LINES = -1, /* {"query", "choices", "gold"}, or "context_options", "continuation" */
    NM_EVAL_ARC,
    NM_EVAL_HELLASWAG,
    NM_EVAL_OPENBOOKQA,
    NM_EVAL_PIQA,
    NM_EVAL_WINOGRANDE,
} nm_eval_task;

/* Bytes of an item, by their place: they move while it is read. */
typedef struct nm_eval_part {
    size_t at, n_bytes;
} nm_eval_part;

typedef struct nm_eval_choice {
    nm_eval_part context, continuation;
    size_t       n_chars, n_bytes; /* of the choice, by which acc_norm and acc_bytes divide */
} nm_eval_choice;

/* Begins as zeros. */
typedef struct nm_eval_item {
    nm_buffer      bytes;
    size_t         gold, n_choices;
    bool           one_context; /* all choices have the same; else the choice is in the context */
    nm_eval_choice choices[NM_EVAL_MAX_CHOICES];
} nm_eval_item;

/* NM_EVAL_LINES: "lines". */
const char *nm_eval_task_name(nm_eval_task task);

/*
 * Reads a line into *item, whose earlier content is overwritten.  label: where the answers are in a
 * file of their own, this item's line of it; else NULL.
 */
bool nm_eval_item_read(nm_eval_item *item, nm_eval_task task, nm_span line, const nm_span *label,
                       nomul_error *err);
void nm_eval_item_free(nm_eval_item *item);

#endif
