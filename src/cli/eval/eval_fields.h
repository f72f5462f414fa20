/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a line of a multiple-choice task says, as lists of strings.  A value is found by its path:
 * the keys that lead to it, without the arrays.
 *
 *   {"question":{"stem":"Why?","choices":[{"text":"So","label":"A"},..]},"answerKey":"A"}
 *   {"question":"Why?","choices":{"text":["So",..],"label":["A",..]},"answerKey":"A"}
 *
 * Both lines have the same lists, so original data sets and rows of the hub need no code of their
 * own, only rows of the table of paths.  What is made of the lists is eval_item.h.
 */
#ifndef NM_EVAL_FIELDS_H
#define NM_EVAL_FIELDS_H

#include "cli/text/pystr.h"

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

typedef enum nm_eval_slot {
    NM_EVAL_CHOICES, /* lists */
    NM_EVAL_LABELS,
    NM_EVAL_CONTEXTS,
    NM_EVAL_TEXT, /* one text each: question, sentence, goal */
    NM_EVAL_CONTINUATION,
    NM_EVAL_ACTIVITY,
    NM_EVAL_CTX_A,
    NM_EVAL_CTX_B,
    NM_EVAL_ANSWER, /* a string or a number */
    NM_EVAL_SLOTS,
} nm_eval_slot;

typedef struct nm_eval_fields {
    nm_eval_task task;
    char        *strings; /* unescaped, n_strings bytes so far; the lists point into it */
    size_t       n_strings, n_arrays; /* n_arrays: of the line so far, those in another left out */
    struct {
        nm_span at[NM_EVAL_MAX_CHOICES];
        size_t  n, array; /* array: which one has the list */
    } of[NM_EVAL_SLOTS];
} nm_eval_fields;

/* Reads a line; free the fields even after a failure. */
bool nm_eval_fields_read(nm_eval_fields *fields, nm_eval_task task, nm_span line, nomul_error *err);
void nm_eval_fields_free(nm_eval_fields *fields);

/* Text i of a slot, 0 of one that is no list; fails if there is none. */
bool nm_eval_fields_get(const nm_eval_fields *fields, nm_eval_slot slot, size_t i, nm_span *text,
                        nomul_error *err);

/*
 * Which of n_choices is right.  The answer is the label of a choice where choices have labels, else
 * a number that counts them from `first` on.
 */
bool nm_eval_fields_gold(const nm_eval_fields *fields, size_t n_choices, size_t first, size_t *gold,
                         nomul_error *err);

#endif
