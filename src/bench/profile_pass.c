/* SPDX-License-Identifier: Apache-2.0 */
/* A few steps of decoding with the profile on, as nomul_session_feed would take them. */
#include "bench/bench.h"

#include "base/clock.h"

#include <string.h>

void nm_profile_pass(nomul_session *session, const int32_t *ids, size_t n_ids, float *logits,
                     double seconds[NM_PHASES])
{
    nm_profile profile = {0};

    session->engine->work.profile = &profile;
    for (size_t i = 0; i < n_ids; i++) {
        profile.last = nm_clock();
        nm_session_feed(session, ids + i, 1, NOMUL_LOGITS_LAST, logits);
    }
    session->engine->work.profile = NULL;
    memcpy(seconds, profile.seconds, sizeof profile.seconds);
}
