/* SPDX-License-Identifier: Apache-2.0 */
/* What a batch shows on stderr: how far it is, and its statistics. */
#ifndef NM_BATCH_SHOW_H
#define NM_BATCH_SHOW_H

#include "cli/batch/batch_jobs.h"

/* A line that is redrawn a few times a second, if options->show. */
void nm_batch_show(nm_batch *batch);
void nm_batch_show_end(const nm_batch *batch); /* removes it */

/* session_bytes: of the session that all share. */
void nm_batch_statistics(const nm_batch *batch, const nomul_session *session, const char *path,
                         size_t session_bytes);

#endif
