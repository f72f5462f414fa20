/* SPDX-License-Identifier: Apache-2.0 */
/* A continuation's beginning: its session, its state, its sampler. */
#ifndef NM_BATCH_TEXT_H
#define NM_BATCH_TEXT_H

#include "cli/batch/batch_jobs.h"

/* It runs then, as the last of b->running; it may be done at once, and may be handed on. */
bool nm_batch_begin_text(nm_batch *batch, nm_batch_text *text, nomul_error *err);

#endif
