/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/score/tally.h"

#include <inttypes.h>

#include "base/error.h"
#include "cli/interrupt.h"
#include "cli/numbers.h"
#include "cli/output.h"

/* One step: up to n_step of n ids; how many they may be. */
static size_t step(const nm_tally *t, size_t n_ids)
{
    return n_ids < t->n_step ? n_ids : t->n_step;
}

static void end_step(nm_tally *t, size_t n, double began)
{
    double seconds = nm_clock() - began;

    t->seconds += seconds;
    t->n_step = nm_interrupt_pace(t->n_step, n, seconds, NM_TALLY_STEP);
}

static bool may_go_on(nomul_error *err)
{
    return !nm_interrupted() || nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
}

bool nm_tally_feed(nm_tally *t, const int32_t *ids, size_t n_ids, nomul_error *err)
{
    for (size_t at = 0, n; at < n_ids; at += n) {
        double began = nm_clock();

        n = step(t, n_ids - at);
        if (!may_go_on(err)) return false;
        if (nomul_session_feed(t->session, ids + at, n, NOMUL_LOGITS_NONE, NULL, err) != NOMUL_OK)
            return false;
        end_step(t, n, began);
    }
    return true;
}

static bool take(nm_tally *t, const int32_t *ids, size_t n, nomul_error *err)
{
    for (size_t i = 0; i < n; i++) {
        double nats = -(double)t->logprobs[i];

        t->nats += nats;
        t->squares += nats * nats;
        if (t->per_token) nm_output_print("%" PRId32 "\t%.9g\n", ids[i], (double)t->logprobs[i]);
    }
    t->n_tokens += n;
    return !t->per_token || nm_output_flush() ||
           nm_fail(err, NOMUL_E_CANCELLED, "standard output is closed");
}

bool nm_tally_score(nm_tally *t, const int32_t *ids, size_t n_ids, nomul_error *err)
{
    for (size_t at = 0, n; at + 1 < n_ids; at += n) {
        double began = nm_clock();

        n = step(t, n_ids - 1 - at);
        if (!may_go_on(err)) return false;
        if (nomul_session_score(t->session, ids + at, n + 1, t->logprobs, err) != NOMUL_OK)
            return false;
        end_step(t, n, began);
        if (!take(t, ids + at + 1, n, err)) return false;
    }
    return true;
}

double nm_tally_rate(const nm_tally *t)
{
    return t->seconds > 0 ? (double)t->n_tokens / t->seconds : 0;
}
