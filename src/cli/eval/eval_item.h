/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A question of a multiple-choice task: contexts and continuations as lm-evaluation-harness 0.4.13
 * makes them of a line of JSON.
 *
 *   arc, piqa     Question: TEXT\nAnswer:            | CHOICE
 *   openbookqa    TEXT                               | CHOICE
 *   lines         TEXT                               | CHOICE
 *   hellaswag     clean(ACTIVITY: CTX_A Ctx_b)       | clean(CHOICE)
 *   winogrande    TEXT up to its first _, the option | TEXT after that
 *   context_options   CONTEXT                        | CONTINUATION
 *
 * All choices of the upper four have one context; in the lower two the choice is in the context.  A
 * continuation begins with a space, which is not counted in its length.
 */
#ifndef NM_EVAL_ITEM_H
#define NM_EVAL_ITEM_H

#include "cli/eval/eval_fields.h"

#define NM_EVAL_HARNESS "lm-eval 0.4.13"

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

/* ---- The items of a file --------------------------------------------------------------------- */

typedef struct nm_eval_entry {
    nm_span line, label;
    size_t  number; /* of the line, from 1; empty lines count and are no entries */
} nm_eval_entry;

/*
 * The lines of a task, and where the answers are in a file of their own (PIQA's), the lines of that
 * beside them.  Everything is in memory, so that a mistake in the last line does not come up after
 * an hour.  Begins as zeros.
 */
typedef struct nm_eval_input {
    const char    *path;
    nm_eval_task   task;
    nm_buffer      text, labels;
    bool           has_labels;
    nm_eval_entry *entries;
    uint64_t      *hashes; /* XXH64 of an entry's line and label: names the item in --details */
    size_t         n;
} nm_eval_input;

/* Reads a file, or two; labels may be NULL.  limit: entries at most, 0: all. */
bool nm_eval_input_read(nm_eval_input *input, const char *path, const char *labels, size_t limit,
                        nomul_error *err);
void nm_eval_input_free(nm_eval_input *input);

/* Makes an item of an entry. */
bool nm_eval_input_item(const nm_eval_input *input, size_t index, nm_eval_item *item,
                        nomul_error *err);

/* Puts the file and the line of an entry before an error. */
bool nm_eval_input_fail(const nm_eval_input *input, size_t index, nomul_error *err);

#endif
