/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes a token, or reads a prompt, with a pool whose threads are functions: thread_0, thread_1,
 * ... do their shares one after the other, so that callgrind counts the instructions of each,
 * whatever the number of CPUs, and nobody waits or steals.  tools/count_shares.sh runs it.  Prints
 * the rounds of the pool.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/alloc.h"
#include "base/arena.h"
#include "base/pool.h"
#include "nomul_bench.h"

#define MOST_THREADS 16
#define MOST_TOKENS 31 /* more go in strips if there are threads, which wait for one another */

struct nm_pool {
    size_t      n_threads;
    nm_pool_job job;
    void       *context;
    size_t      n_items, grain;
};

static size_t n_rounds;

static void do_share(const nm_pool *p, size_t thread)
{
    size_t begin = nm_pool_share(p->n_items, thread, p->n_threads);
    size_t end = nm_pool_share(p->n_items, thread + 1, p->n_threads);

    for (size_t n; begin < end; begin += n) {
        n = p->n_items <= p->grain * p->n_threads ? p->grain : p->grain - begin % p->grain;
        n = end - begin < n ? end - begin : n;
        p->job(p->context, begin, begin + n, thread);
    }
}

#define THREAD(i)                                                                                  \
    __attribute__((noinline)) static void thread_##i(const nm_pool *p)                             \
    {                                                                                              \
        do_share(p, i);                                                                            \
    }
#define FOUR(a, b, c, d) THREAD(a) THREAD(b) THREAD(c) THREAD(d)
FOUR(0, 1, 2, 3)
FOUR(4, 5, 6, 7)
FOUR(8, 9, 10, 11)
FOUR(12, 13, 14, 15)

static void (*const threads[MOST_THREADS])(const nm_pool *) = {
    thread_0, thread_1, thread_2,  thread_3,  thread_4,  thread_5,  thread_6,  thread_7,
    thread_8, thread_9, thread_10, thread_11, thread_12, thread_13, thread_14, thread_15};

/* ---- base/pool.h ----------------------------------------------------------------------------- */

nm_pool *nm_pool_new(size_t n_threads, nm_pool_idle idle, void *context, nomul_error *err)
{
    nm_pool *pool = nm_zeros(0, 1, sizeof *pool, err);

    (void)idle, (void)context;
    if (pool) pool->n_threads = n_threads < MOST_THREADS ? n_threads : MOST_THREADS;
    return pool;
}

void nm_pool_free(nm_pool *pool)
{
    nm_free(pool);
}

size_t nm_pool_threads(const nm_pool *pool)
{
    return pool->n_threads;
}

size_t nm_pool_share(size_t n_items, size_t thread, size_t n_threads)
{
    return n_items * thread / n_threads;
}

int nm_pool_run(nm_pool *pool, nm_pool_job job, void *context, size_t n_items, size_t grain)
{
    if (pool->n_threads == 1 || n_items <= grain) {
        if (n_items) job(context, 0, n_items, 0);
        return 0;
    }
    n_rounds++;
    pool->job = job, pool->context = context, pool->n_items = n_items, pool->grain = grain;
    for (size_t i = 0; i < pool->n_threads; i++) threads[i](pool);
    return 0;
}

bool nm_pool_pause(size_t *step)
{
    return *step += 1, true;
}

/* ---- The token ------------------------------------------------------------------------------- */

/* Callgrind counts what happens in here. */
__attribute__((noinline)) static bool decode_counted(nomul_session *session, const int32_t *ids,
                                                     size_t n_ids, float *logits, nomul_error *err)
{
    n_rounds = 0;
    return nomul_session_feed(session, ids, n_ids, NOMUL_LOGITS_LAST, logits, err) == NOMUL_OK;
}

int main(int argc, char **argv)
{
    nomul_error           err = {0};
    nomul_model_options   options;
    nomul_session_options threads_of;
    size_t                n_bytes = 0, n_ids = argc == 6 ? (size_t)atoi(argv[5]) : 1;
    static const int32_t  ids[MOST_TOKENS] = {1};

    if (argc < 5 || argc > 6 || n_ids < 1 || n_ids > MOST_TOKENS)
        return fputs("usage: shares SHAPE t4|t5 KERNELS THREADS [TOKENS <= 31]\n", stderr), 2;
    void *file = nomul_bench_synthesize(argv[1], argv[2], NULL, NULL, &n_bytes, &err);
    nomul_model_options_init(&options), options.kernels = argv[3];
    nomul_session_options_init(&threads_of), threads_of.n_threads = (size_t)atoi(argv[4]);
    nomul_model   *model = file ? nomul_model_open_memory(file, n_bytes, &options, &err) : NULL;
    nomul_session *session = model ? nomul_session_new(model, &threads_of, &err) : NULL;
    const nomul_model_info *info = session ? nomul_model_get_info(model) : NULL;
    float                  *logits = info ? malloc(info->n_vocab * sizeof *logits) : NULL;

    if (!logits || !decode_counted(session, ids, n_ids, logits, &err))
        return fprintf(stderr, "shares: %s\n", err.text), 1;
    size_t n_all = n_rounds;
    nomul_session_free(session); /* a second pass of it may be one thread's: model/trial.h */
    session = nomul_session_new(model, &threads_of, &err);
    n_rounds = 0;
    nomul_session_feed(session, ids, n_ids, NOMUL_LOGITS_NONE, NULL, &err);
    printf("%zu rounds of %u layers, %zu of logits\n", n_rounds, (unsigned)info->n_layers,
           n_all - n_rounds);
    free(logits);
    nomul_session_free(session);
    nomul_model_close(model);
    nomul_bench_free(file);
    return 0;
}
