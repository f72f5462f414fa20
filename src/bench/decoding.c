/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoding, which reads every ternary weight once a token: where its time goes, how many bytes it
 * reads, and a loop over the same bytes that does nothing but read them.  The speed of that loop is
 * the upper limit of decoding on this machine.
 */
#include "bench/bench.h"

#include "base/bytes.h"
#include "base/clock.h"
#include "kernels/read.h"

#include <string.h>

#define CHUNK ((size_t)1 << 18) /* bytes handed out at a time */

typedef struct read_job {
    nm_read        read;
    const uint8_t *begin, *end;
} read_job;

static void read_chunks(void *context, size_t begin, size_t end, size_t thread)
{
    const read_job *job = context;
    size_t          size = (size_t)(job->end - job->begin);
    size_t          from = begin * CHUNK, to = nm_smaller(end * CHUNK, size);

    (void)thread;
    job->read(job->begin + from, (to - from) / NM_READ_STEP * NM_READ_STEP);
}

/* From the first ternary byte to the last: between them lie only gains and scales. */
uint64_t nm_memory_read(const nm_weights *w, nm_pool *pool)
{
    read_job job = {.read = nm_read_best()};

    /* All matrices, linked in the order in which a token goes through them. */
    for (const nm_bitlinear *l = &w->layers[0].mlgru.f_proj; l; l = l->next) {
        const uint8_t *codes = l->w.codes, *end = codes + nm_ternary_bytes(&l->w);
        if (!job.begin || codes < job.begin) job.begin = codes;
        if (!job.end || end > job.end) job.end = end;
    }
    size_t size = (size_t)(job.end - job.begin);
    nm_pool_run(pool, read_chunks, &job, nm_round_up(size, CHUNK) / CHUNK, 1);
    return size;
}

/* Ternary tensors, all gains, one row of the embedding. */
uint64_t nm_memory_weight_bytes(const nm_weights *w)
{
    return w->ternary_bytes + w->gain_bytes + w->embedding->n_bytes / w->config.vocab;
}

void nm_profile_pass(nomul_session *session, const int32_t *ids, size_t n_ids, float *logits,
                     double seconds[NM_PHASES])
{
    nm_profile profile = {0};

    session->engine->work.profile = &profile;
    for (size_t i = 0; i < n_ids; i++) { /* one at a time, as nomul_session_feed does in decoding */
        profile.last = nm_clock();
        nm_session_feed(session, ids + i, 1, NOMUL_LOGITS_LAST, logits);
    }
    session->engine->work.profile = NULL;
    memcpy(seconds, profile.seconds, sizeof profile.seconds);
}
