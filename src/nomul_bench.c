/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The API of nomul_bench.h: checks arguments and connects the measuring room, bench/.
 *
 * It is for the program in cli/ and for whoever works on the kernels, is not installed, and may
 * change with every version.  Kernels are named by their row in kernels.def; row 0 is scalar, which
 * the self-test compares all others with.
 */
#include "nomul_bench.h"

#include "base/error.h"
#include "bench/bench.h"
#include "kernels/cpu.h"
#include "nomul_model.h"

_Static_assert(NOMUL_BENCH_PHASES == NM_PHASES, "nomul_bench.h counts the phases of model/");

const char *nomul_bench_phase(size_t index)
{
    return nm_phase_name(index);
}

/* A step as nomul_session_feed takes it, with the clock read between its phases. */
nomul_status nomul_bench_profile(nomul_session *session, const int32_t *ids, size_t n_ids,
                                 float *logits, double seconds[NOMUL_BENCH_PHASES],
                                 nomul_error *err)
{
    nomul_error own;

    err = nm_error_or(err, &own);
    if (!nm_session_check_ids(session, ids, n_ids, err)) return err->code;
    if (nm_profile_pass(session, ids, n_ids, logits, seconds)) return NOMUL_OK;
    return nm_fail(err, NOMUL_E_CANCELLED, "cancelled"), err->code;
}

uint64_t nomul_bench_hash(nomul_session *session, float *logits)
{
    nomul_session_reset(session);
    uint64_t hash = nm_logits_hash(session, logits);
    nomul_session_reset(session);
    return hash;
}

const char *nomul_bench_sampling_name(size_t index)
{
    return nm_sampling_name(index);
}

double nomul_bench_sampling(const nomul_session *session, size_t index, const float *logits,
                            nomul_error *err)
{
    nomul_error own;

    return nm_sampling_seconds(session->engine->work.kernels, index, logits,
                               session->weights->config.vocab, nm_error_or(err, &own));
}

/* What one token reads of the weights, and how long a loop takes that only reads the same bytes. */
uint64_t nomul_bench_weight_bytes(const nomul_session *session)
{
    return nm_memory_weight_bytes(session->weights);
}

uint64_t nomul_bench_read(nomul_session *session)
{
    return nm_memory_read(session->weights, session->engine->work.pool);
}

double nomul_bench_signal(nomul_session *session)
{
    return nm_memory_signal(session->engine->work.pool);
}

/* The features that a row needs, and those of them that this CPU lacks, as words. */
bool nomul_bench_runs(size_t index, char *needed, char *missing, size_t size)
{
    const nm_kernels *kernels = nm_kernels_row(index);

    nm_cpu_names(needed, size, kernels->features);
    return nm_kernels_runs(kernels, missing, size);
}

void nomul_bench_features(char *found, size_t size)
{
    nm_cpu_names(found, size, nm_cpu_features());
}

bool nomul_bench_selftest(size_t index, uint64_t *n_compared, nomul_error *err)
{
    return nm_selftest(nm_kernels_row(index), nm_kernels_row(0), 8, n_compared, err);
}

nomul_status nomul_bench_speeds(size_t index, bool quick, nomul_bench_report report, void *context,
                                nomul_error *err)
{
    nomul_error own;

    err = nm_error_or(err, &own);
    return nm_speeds(nm_kernels_row(index), quick, report, context, err) ? NOMUL_OK : err->code;
}
