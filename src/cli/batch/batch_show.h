/* SPDX-License-Identifier: Apache-2.0 */
/* What a batch shows on stderr: how far it is, and its statistics. */
#ifndef NM_BATCH_SHOW_H
#define NM_BATCH_SHOW_H

#include "cli/batch/batch.h"

/* A line that is drawn over and over, a few times a second, if batch->show. */
void nm_batch_show(nm_batch *batch);
void nm_batch_show_end(const nm_batch *batch); /* takes it away */

/* session_bytes: what the host took. */
void nm_batch_statistics(const nm_batch *batch, const char *path, size_t session_bytes);

#endif
