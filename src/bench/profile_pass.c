/* SPDX-License-Identifier: Apache-2.0 */
/* A few steps of decoding with the profile on. */
#include "nomul_bench.h"

#include "model/session.h"

_Static_assert(NOMUL_BENCH_PHASES == NM_PHASES, "nomul_bench.h counts the phases of model/");

const char *nomul_bench_phase(size_t index)
{
    return nm_phase_name(index);
}

nomul_status nomul_bench_profile(nomul_session *session, const int32_t *ids, size_t n_ids,
                                 float *logits, double seconds[NOMUL_BENCH_PHASES],
                                 nomul_error *err)
{
    nm_profile   profile, sum = {0};
    nomul_status status = NOMUL_OK;

    session->engine->work.profile = &profile;
    for (size_t i = 0; i < n_ids && status == NOMUL_OK; i++) {
        nm_profile_begin(&profile);
        status = nomul_session_feed(session, ids + i, 1, NOMUL_LOGITS_LAST, logits, err);
        for (size_t p = 0; p < NM_PHASES; p++) sum.ns[p] += profile.ns[p];
    }
    session->engine->work.profile = NULL;
    for (size_t p = 0; p < NM_PHASES; p++) seconds[p] = 1e-9 * (double)sum.ns[p];
    return status;
}
