/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decoding, which reads every ternary weight once a token: where its time goes, how many bytes it
 * reads, and a loop over the same bytes that does nothing but read them.  The speed of that loop is
 * the upper limit of decoding on this machine.  With more threads than one a signal from core to
 * core counts, too.
 */
#include "bench/bench.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/xxh64.h"
#include "kernels/read.h"

#include <stdatomic.h>
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
    for (const nm_bitlinear *l = &w->layers[0].mlgru.i_proj; l; l = l->next) {
        const uint8_t *codes = l->w.codes, *end = codes + nm_ternary_bytes(&l->w);
        if (!job.begin || codes < job.begin) job.begin = codes;
        if (!job.end || end > job.end) job.end = end;
    }
    size_t size = (size_t)(job.end - job.begin);
    nm_pool_run(pool, read_chunks, &job, nm_round_up(size, CHUNK) / CHUNK, 1);
    return size;
}

/*
 * Two threads in turn count up a number in a cache line of its own, which so moves from one core to
 * the other and back.  Between cores that share a cache this takes a few hundred cycles, between
 * distant ones several times as long: it is what every barrier of a pass costs.
 */
enum { SIGNAL_SAMPLES = 64, SIGNALS = 16 };

#define PATIENCE 0.05 /* seconds: busy neighbours make two threads take turns on one CPU */

typedef struct signal_job {
    _Alignas(NM_ALIGN) atomic_uint turn;
    _Alignas(NM_ALIGN) double deadline;
    double shortest; /* seconds of a round trip */
} signal_job;

/*
 * One item asks, the other answers; a pool without a second thread gives both to the first.  It
 * does not promise that they run at once either, so after the deadline nobody waits.  The shortest
 * complete sample counts: others contain the wake-up of a thread, or lost their CPU for a while.
 */
static void exchange_signals(void *context, size_t begin, size_t end, size_t thread)
{
    signal_job *job = context;
    unsigned    n_spins = 0;
    double      began = 0;
    bool        late = end - begin > 1;

    (void)thread;
    for (unsigned i = 0; !late && i <= SIGNAL_SAMPLES * SIGNALS; i++) {
        unsigned mine = 2 * i + (unsigned)begin, n = i % SIGNALS;
        while (!late && atomic_load_explicit(&job->turn, memory_order_acquire) != mine)
            late = ++n_spins % 4096 == 0 && nm_clock() > job->deadline;
        if (begin == 0 && n == 0 && !late) {
            double now = nm_clock(), mean = (now - began) / (double)SIGNALS;
            if (i > 0 && (job->shortest == 0 || mean < job->shortest)) job->shortest = mean;
            began = now;
        }
        if (!late) atomic_store_explicit(&job->turn, mine + 1, memory_order_release);
    }
}

double nm_memory_signal(nm_pool *pool)
{
    signal_job job = {.deadline = nm_clock() + PATIENCE};

    nm_pool_run(pool, exchange_signals, &job, 2, 1);
    return job.shortest;
}

/* Ternary tensors, all gains, one row of the embedding. */
uint64_t nm_memory_weight_bytes(const nm_weights *w)
{
    return w->ternary_bytes + w->gain_bytes + w->embedding->n_bytes / w->config.vocab;
}

const char *nm_phase_name(size_t phase)
{
    static const char *const names[NM_PHASES] = {
        [NM_PHASE_EMBEDDING] = "embedding",
        [NM_PHASE_NORM] = "rmsnorm",
        [NM_PHASE_QUANTIZE] = "norm and quantize",
        [NM_PHASE_GEMV] = "tables and gemv",
        [NM_PHASE_GEMM] = "ternary gemm",
        [NM_PHASE_SCAN] = "recurrence",
        [NM_PHASE_GATE] = "gates",
        [NM_PHASE_ADD] = "residual",
    };

    return phase < NM_PHASES ? names[phase] : NULL;
}

bool nm_profile_pass(nomul_session *session, const int32_t *ids, size_t n_ids, float *logits,
                     double seconds[NM_PHASES])
{
    nm_profile          profile = {0};
    const nomul_cancel *cancel = session->engine->cancel;
    size_t              i = 0;

    session->engine->work.profile = &profile;
    for (; i < n_ids && !nomul_cancel_requested(cancel); i++) { /* one at a time, as in decoding */
        profile.last = nm_clock();
        nm_session_feed(session, ids + i, 1, NOMUL_LOGITS_LAST, logits);
    }
    session->engine->work.profile = NULL;
    memcpy(seconds, profile.seconds, sizeof profile.seconds);
    return i == n_ids;
}

/* Seven ids go together and one alone, through the kernels of prompts and of generation. */
uint64_t nm_logits_hash(nomul_session *session, float *logits)
{
    uint32_t n_vocab = session->weights->config.vocab;
    int32_t  ids[8];

    for (uint32_t i = 0; i < 8; i++) ids[i] = (int32_t)((1 + 37 * i) % n_vocab);
    nm_session_feed(session, ids, 7, NOMUL_LOGITS_NONE, NULL);
    nm_session_feed(session, ids + 7, 1, NOMUL_LOGITS_LAST, logits);
    return nm_xxh64_of(logits, n_vocab * sizeof *logits);
}
