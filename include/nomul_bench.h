/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For nomul bench and nomul selftest: synthetic models, memory bandwidth, profiles, the speed and
 * correctness of kernels.  Not installed, and not stable: it may change with any version.
 */
#ifndef NOMUL_BENCH_H
#define NOMUL_BENCH_H

#include "nomul.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- Synthetic models ------------------------------------------------------------------------ */

/*
 * The names of shapes: "tiny", for tests, then the published ones, "370m" to "13b", and "100b";
 * NULL past the last.  Any other shape is spelled "L,d,ffn,vocab".
 */
const char *nomul_bench_shape(size_t index);

/* Is this one of these names, or four numbers that describe a model?  If not, err says why. */
bool nomul_bench_is_shape(const char *shape, nomul_error *err);

/*
 * Bytes of memory for a model of this shape, made in memory, and n_texts sessions that share an
 * engine, each with a row of logits; nothing is allocated.  0 for an invalid shape.
 */
uint64_t nomul_bench_memory(const char *shape, const char *packing,
                            const nomul_session_options *options, size_t n_texts, nomul_error *err);

/*
 * A complete model file of this shape in memory, for nomul_model_open_memory: random trits in
 * `packing` ("t4", "t5"), a random F16 embedding, gains of 1, no tokenizer; the same bytes each
 * time.  progress, which may be NULL, counts weights.  Freed by nomul_bench_free.  NULL on failure.
 */
void *nomul_bench_synthesize(const char *shape, const char *packing, nomul_progress progress,
                             void *context, size_t *n_bytes, nomul_error *err);
void  nomul_bench_free(void *data);

/* ---- Memory ---------------------------------------------------------------------------------- */

/*
 * Bytes of weights that one token reads: every stored byte of the ternary tensors, padding and
 * scales included, all gains, one row of the embedding.
 */
uint64_t nomul_bench_weight_bytes(const nomul_session *session);

/*
 * Reads once, with the threads of the session, the part of the file that has the ternary tensors.
 * Returns its size in bytes.
 */
uint64_t nomul_bench_read(nomul_session *session);

/*
 * Seconds of a round trip between two threads of the session: one writes a cache line, the other
 * answers in the same line.  The best of 64 samples, a millisecond in all, 50 where the threads
 * wait for a CPU.  0 if the session has one thread, or no sample was complete by then.
 */
double nomul_bench_signal(nomul_session *session);

/* ---- Where the time goes --------------------------------------------------------------------- */

#define NOMUL_BENCH_PHASES 8

/* The phases of a pass; NULL past the last. */
const char *nomul_bench_phase(size_t index);

/* Feeds ids one by one, each with its logits; seconds[] is the total time of each phase. */
nomul_status nomul_bench_profile(nomul_session *session, const int32_t *ids, size_t n_ids,
                                 float *logits, double seconds[NOMUL_BENCH_PHASES],
                                 nomul_error *err);

/*
 * The time to sample an id from logits[n_vocab] with the session's kernels on one thread: the name
 * of the index-th setting, "greedy", "top-k 0", ..., NULL past the last, and the seconds of one
 * call; 0 on failure.
 */
const char *nomul_bench_sampling_name(size_t index);
double      nomul_bench_sampling(const nomul_session *session, size_t index, const float *logits,
                                 nomul_error *err);

/*
 * XXH64 of the logits after eight fixed ids: equal for a model on every machine, with any kernels,
 * packing and threads.  Uses a row of logits, and resets the session.
 */
uint64_t nomul_bench_hash(nomul_session *session, float *logits);

/* ---- Kernels --------------------------------------------------------------------------------- */

/*
 * Does this CPU run the index-th kernels (nomul_kernels_name)?  Writes the names of the features
 * that they need and of those that it lacks, each cut to size bytes.
 */
bool nomul_bench_runs(size_t index, char *needed, char *missing, size_t size);

/* Writes the names of the CPU features that nomul knows and this CPU has, cut to size bytes. */
void nomul_bench_features(char *found, size_t size);

/*
 * Compares every operation of the index-th kernels, which this CPU runs, with scalar: all packings,
 * random and extreme inputs, tails.  *n_compared is the number of results.  False if one differs.
 */
bool nomul_bench_selftest(size_t index, uint64_t *n_compared, nomul_error *err);

/* One measurement of one operation, on one thread. */
typedef struct nomul_bench_speed {
    const char *kernels;
    const char *op;      /* "gemv", "gemm", "tables", "rmsnorm", ... */
    const char *packing; /* "t4", "t5"; "" if it has none */
    bool        hot;     /* from the caches, else from memory */
    size_t      rows, cols, n_tokens;
    double      per_cycle, best_per_cycle; /* weights times tokens, or elements: median, best */
    double      gbs;                       /* not hot: GB of codes per second, median */
    double      read_gbs;                  /* not hot: the same of a loop that only reads */
} nomul_bench_speed;

/* False cancels. */
typedef bool (*nomul_bench_report)(void *context, const nomul_bench_speed *speed);

/*
 * Measures every operation of the index-th kernels, which this CPU runs, and reports each.  Times
 * are CPU times of the thread; cycles are measured by a loop of dependent additions.
 * quick: short samples and a smaller matrix, for a first look and for tests.
 */
nomul_status nomul_bench_speeds(size_t index, bool quick, nomul_bench_report report, void *context,
                                nomul_error *err);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
