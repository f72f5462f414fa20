/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory: how many bytes of weights a token reads, and a loop that only reads them.  Its speed is
 * the upper limit of decoding, which reads every weight once a token.
 */
#include "bench/bench.h"

#include "base/bytes.h"
#include "kernels/read.h"

#define CHUNK ((size_t)1 << 18) /* bytes handed out at a time */

typedef struct read_job {
    nm_read        read;
    const uint8_t *begin, *end;
} read_job;

static void read_chunks(void *context, size_t begin, size_t end, size_t thread)
{
    const read_job *job = context;
    size_t          size = (size_t)(job->end - job->begin);
    size_t          from = begin * CHUNK, to = end * CHUNK;

    (void)thread;
    if (to > size) to = size;
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

/* What one token reads: ternary tensors, all gains, one row of the embedding. */
uint64_t nm_memory_weight_bytes(const nm_weights *w)
{
    return w->ternary_bytes + w->gain_bytes + w->embedding->n_bytes / w->config.vocab;
}
