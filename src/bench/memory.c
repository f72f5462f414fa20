/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory: how many bytes of weights a token reads, and a loop that only reads them.  Its speed is
 * the upper limit of decoding, which reads every weight once a token.
 */
#include "bench/bench.h"

#include "base/bytes.h"
#include "kernels/read.h"

#define CHUNK ((size_t)1 << 18) /* bytes handed out at a time */
#define N_BITLINEARS 6          /* of a layer */

/* The BitLinears of a layer; index n_layers is the output head, alone. */
static size_t bitlinears_of(const nm_weights *w, size_t index,
                            const nm_bitlinear *out[N_BITLINEARS])
{
    if (index == w->config.n_layers) return out[0] = &w->output, 1;
    const nm_mlgru *m = &w->layers[index].mlgru;
    const nm_glu   *g = &w->layers[index].glu;
    out[0] = &m->i_proj, out[1] = &m->f_proj, out[2] = &m->g_proj, out[3] = &m->o_proj;
    out[4] = &g->gate_up_proj, out[5] = &g->down_proj;
    return N_BITLINEARS;
}

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
    read_job            job = {.read = nm_read_best()};
    const nm_bitlinear *layers[N_BITLINEARS];

    for (size_t l = 0; l <= w->config.n_layers; l++) {
        for (size_t i = 0, n = bitlinears_of(w, l, layers); i < n; i++) {
            const uint8_t *codes = layers[i]->w.codes,
                          *end = codes + nm_ternary_bytes(&layers[i]->w);
            if (!job.begin || codes < job.begin) job.begin = codes;
            if (!job.end || end > job.end) job.end = end;
        }
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
