/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file of nomul eval --details: a line that says what was computed, then one for each item, all
 * JSON.
 *
 *   {"command":"nomul eval","harness":"lm-eval 0.4.13","task":"arc","bos":true,"model_id":"0123.."}
 *   {"item":0,"hash":"0123..","gold":1,"logprobs":[-9.25,..],"tokens":[3,..],"chars":[7,..],
 *    "bytes":[7,..],"acc":1,"acc_norm":0,"acc_bytes":0}
 *
 * An evaluation that finds such a file takes its items as done.  The file is always replaced as a
 * whole, every few seconds, so it has no half lines even where the program is killed.
 */
#ifndef NM_DETAILS_H
#define NM_DETAILS_H

#include "cli/eval/evaluate.h"

/* Items counted; for each metric, items that have it and those of them that are right. */
typedef struct nm_eval_tally {
    uint64_t n_items, n_judged[NM_EVAL_METRICS], n_right[NM_EVAL_METRICS];
} nm_eval_tally;

void nm_eval_count(nm_eval_tally *tally, size_t n_metrics, const bool right[NM_EVAL_METRICS]);

/* Begins as zeros. */
typedef struct nm_details {
    const char *path;
    nm_buffer   text;  /* of the file, as it is or is to be */
    double      saved; /* when */
} nm_details;

/*
 * Begins with `head`, the first line without its newline, or continues the file: its lines must be
 * those of the first of n_items items, whose hashes are given, and are counted.
 */
bool nm_details_open(nm_details *details, const char *path, const char *head,
                     const uint64_t *hashes, size_t n_items, nm_eval_tally *tally,
                     nomul_error *err);

/* Appends an item; the file follows when nm_details_save finds it old enough, or if now is set. */
bool nm_details_add(nm_details *details, uint64_t item, uint64_t hash, const nm_eval_result *result,
                    nomul_error *err);
bool nm_details_save(nm_details *details, bool now, nomul_error *err);
void nm_details_free(nm_details *details);

#endif
