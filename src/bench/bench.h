/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The measuring room: kernels against their specification (selftest.c), kernels against the clock
 * (speeds.c), and decoding phase by phase beside what memory could deliver (decoding.c).  Where
 * no checkpoint is at hand, synthetic.c makes a model of its shape.  nomul_bench.c connects all of
 * it to nomul_bench.h; nothing here prints.
 */
#ifndef NM_BENCH_H
#define NM_BENCH_H

#include "model/session.h"
#include "nomul_bench.h"

/*
 * Compares every operation of one set of kernels, which the CPU must run, with another, the
 * specification: n_random random shapes beside those that are always tried.  False at the first
 * difference, which err names, or without memory; n_compared counts results, those before a
 * difference too.  Everything runs on the calling thread.
 */
bool nm_selftest(const nm_kernels *tested, const nm_kernels *reference, size_t n_random,
                 uint64_t *n_compared, nomul_error *err);

/*
 * Measures every operation of a set of kernels on the calling thread and reports each; quick: from
 * so few samples that the figures are coarse.  False if the report cancels, or without memory.
 */
bool nm_speeds(const nm_kernels *kernels, bool quick, nomul_bench_report report, void *context,
               nomul_error *err);

/* The name of an nm_phase of a pass, "rmsnorm"; NULL past the last. */
const char *nm_phase_name(size_t phase);

/*
 * Feeds ids one by one, which must be in the vocabulary, each with its logits[vocab]; seconds[p] is
 * the time of phase p in all of these steps.  False: cancelled between two of them.
 */
bool nm_profile_pass(nomul_session *session, const int32_t *ids, size_t n_ids, float *logits,
                     double seconds[NM_PHASES]);

/*
 * The hash of the logits after eight fixed ids, the same with any kernels, packing and threads: a
 * speed is worth nothing if its numbers are wrong.  The session is at the beginning of a sequence;
 * logits has room for a row.
 */
uint64_t nm_logits_hash(nomul_session *session, float *logits);

/* The ways to choose an id whose time is measured: "greedy", "top-k 0", ...; NULL past the last. */
const char *nm_sampling_name(size_t index);

/* Seconds of one such choice from logits[n_vocab], the fastest of a few samples; 0: no memory. */
double nm_sampling_seconds(const nm_kernels *kernels, size_t index, const float *logits,
                           size_t n_vocab, nomul_error *err);

/* Bytes of weights that one token reads. */
uint64_t nm_memory_weight_bytes(const nm_weights *weights);

/*
 * Reads the ternary tensors and the bytes between them once, with all threads of the pool; returns
 * how many bytes that is.  The caller measures the time.
 */
uint64_t nm_memory_read(const nm_weights *weights, nm_pool *pool);

/*
 * Seconds in which a signal of one thread of the pool to another is answered; 0 if it has only one,
 * or if they got no CPU to answer in time.
 */
double nm_memory_signal(nm_pool *pool);

#endif
