/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The figures of an evaluation: how many items, and how many of them were right by each metric; and
 * the file of nomul eval --details: a line that says what was computed, then one for each item, all
 * JSON.
 *
 *   {"command":"nomul eval","harness":"lm-eval 0.4.13","task":"arc","bos":"model",
 *    "model_id":"0123.."}
 *   {"item":0,"hash":"0123..","gold":1,"logprobs":[-9.25,..],"tokens":[3,..],"chars":[7,..],
 *    "bytes":[7,..],"acc":1,"acc_norm":0,"acc_bytes":0}
 *
 * An evaluation that finds such a file takes its items as done.  The file is always replaced as a
 * whole, every few seconds, so it has no half lines even where the program is killed.
 */
#ifndef NM_DETAILS_H
#define NM_DETAILS_H

#include "cli/eval/evaluate.h"

/* Zeros are none.  Items that have no acc_norm are judged by acc alone. */
typedef struct nm_eval_tally {
    uint64_t n_items, n_judged[NM_EVAL_METRICS], n_right[NM_EVAL_METRICS];
    uint64_t n_scored, n_tokens; /* in this run: items, tokens computed */
    double   seconds;
} nm_eval_tally;

void nm_eval_tally_add(nm_eval_tally *tally, size_t n_metrics, const bool right[NM_EVAL_METRICS]);

/*
 * Prints each metric with its standard error, which one item does not have; in lines or as a JSON
 * object, and then the speed on stderr unless it is to be quiet.
 */
void nm_eval_tally_print(const nm_eval_tally *tally, nm_eval_task task, bool json, bool quiet);

/* ---- Details --------------------------------------------------------------------------------- */

/* Begins as zeros. */
typedef struct nm_details {
    const char *path;
    nm_buffer   text;  /* of the file, as it is or is to be */
    double      saved; /* when */
} nm_details;

/*
 * Opens a file that begins with `head`, a line without its newline, or a new one; nothing is
 * written yet.
 */
bool nm_details_open(nm_details *details, const char *path, const char *head, nomul_error *err);

/* Counts the items that the file has: they must be the first of n_items, whose hashes are given. */
bool nm_details_resume(const nm_details *details, const uint64_t *hashes, size_t n_items,
                       nm_eval_tally *tally, nomul_error *err);

/* Appends an item; the file follows when nm_details_save finds it old enough, or if now is set. */
bool nm_details_add(nm_details *details, uint64_t item, uint64_t hash, const nm_eval_result *result,
                    nomul_error *err);
bool nm_details_save(nm_details *details, bool now, nomul_error *err);
void nm_details_free(nm_details *details);

#endif
