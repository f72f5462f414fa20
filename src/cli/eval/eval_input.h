/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of a task, and where the answers are in a file of their own (PIQA's), the lines of that
 * beside them.  Everything is in memory, so that a mistake in the last line does not come up after
 * an hour.
 */
#ifndef NM_EVAL_INPUT_H
#define NM_EVAL_INPUT_H

#include "cli/eval/eval_item.h"

typedef struct nm_eval_entry {
    nm_span line, label;
    size_t  number; /* of the line, from 1; empty lines count and are no entries */
} nm_eval_entry;

/* Begins as zeros. */
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
