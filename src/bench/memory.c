/* SPDX-License-Identifier: Apache-2.0 */
/* How fast memory could bring a model's weights, if nothing were done with them. */
#include "nomul_bench.h"

#include "base/bytes.h"
#include "kernels/read.h"
#include "model/session.h"

#define CHUNK ((size_t)1 << 18) /* bytes handed out at a time */

typedef struct stretch {
    const uint8_t *begin, *end;
} stretch;

static void widen(stretch *s, const nm_bitlinear *layer)
{
    const uint8_t *codes = layer->w.codes, *end = codes + nm_ternary_bytes(&layer->w);

    if (!s->begin || codes < s->begin) s->begin = codes;
    if (!s->end || end > s->end) s->end = end;
}

/* From the first ternary byte to the last: between them lie gains and scales only. */
static stretch ternary_stretch(const nm_weights *w)
{
    stretch s = {NULL, NULL};

    for (const nm_bitlinear *b = &w->layers->mlgru.f_proj; b; b = b->next) widen(&s, b);
    return s;
}

typedef struct read_job {
    nm_read read;
    stretch what;
} read_job;

static void read_chunks(void *context, size_t begin, size_t end, size_t thread)
{
    const read_job *job = context;
    size_t          size = (size_t)(job->what.end - job->what.begin);
    size_t          from = begin * CHUNK, to = end * CHUNK;

    (void)thread;
    if (to > size) to = size;
    job->read(job->what.begin + from, (to - from) / NM_READ_STEP * NM_READ_STEP);
}

uint64_t nomul_bench_read(nomul_session *session)
{
    read_job job = {.read = nm_read_best(), .what = ternary_stretch(session->weights)};
    size_t   size = (size_t)(job.what.end - job.what.begin);

    nm_pool_run(session->engine->work.pool, read_chunks, &job, nm_round_up(size, CHUNK) / CHUNK, 1);
    return size;
}

uint64_t nomul_bench_weight_bytes(const nomul_session *session)
{
    const nm_weights *w = session->weights;

    return w->ternary_bytes + w->gain_bytes + w->embedding->n_bytes / w->config.vocab;
}
