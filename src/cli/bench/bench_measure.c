/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measuring and being disturbed: every repetition begins from a zero state, and what depends on the
 * load of the machine, the rate of reading and the signal of a thread, is measured beside it.
 */
#include "cli/bench/bench_measure.h"

#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/rng.h"
#include "cli/bench/bench_ops.h"
#include "nomul_bench.h"

/*
 * A prompt or, with n_gen, so many steps, each a token of every text with its logits; no two texts
 * get the same ids.
 */
static bool feed(nm_bench *b, size_t n_prompt, size_t n_gen, size_t n_texts, nomul_error *err)
{
    double began = nm_clock();
    bool   ok = n_gen > 0 || nomul_session_feed(b->opened.session, b->ids, n_prompt,
                                                NOMUL_LOGITS_LAST, b->logits, err) == NOMUL_OK;

    if (n_gen == 0) b->first = nm_clock() - began;
    for (size_t i = 0; ok && i < n_gen; i++) {
        for (size_t k = 0; k < n_texts; k++) b->feeds[k].ids = b->ids + i + k;
        ok = nomul_session_feed_many(b->feeds, n_texts, b->logits, err) == NOMUL_OK;
        if (i == 0) b->first = nm_clock() - began;
    }
    return ok;
}

/*
 * Bytes per second at which the session's threads read its weights: the roof under which generation
 * stays.  A tenth of a second is enough for a stable figure, and short beside a test.
 */
static double read_rate(const nm_bench *b)
{
    double began = nm_clock(), seconds = 0, n_bytes = 0;
    double least = b->plan->args->quick ? 0.001 : 0.1;

    do {
        n_bytes += (double)nomul_bench_read(b->opened.session);
        seconds = nm_clock() - began;
    } while (seconds < least);
    return n_bytes / seconds;
}

/*
 * One test: n_repetitions times, each from a zero state.  The read rate is taken before and after
 * each repetition, so that a machine whose frequency or load drifts is compared with itself.
 */
static bool measure(nm_bench *b, size_t n_prompt, size_t n_gen, size_t n_parallel, nomul_error *err)
{
    const nm_bench_args *args = b->plan->args;
    nm_bench_result     *result = &b->result;
    time_t               now = time(NULL);
    const struct tm     *utc = gmtime(&now);

    result->n_prompt = n_prompt, result->n_gen = n_gen, result->n_parallel = n_parallel;
    if (!utc ||
        strftime(result->test_time, sizeof result->test_time, "%Y-%m-%dT%H:%M:%SZ", utc) == 0)
        result->test_time[0] = '\0';
    if (!args->no_warmup && !feed(b, n_prompt, n_gen > 0, n_parallel, err)) return false;
    double before = read_rate(b);
    result->n_signals = 0;
    for (result->n = 0; result->n < (size_t)args->n_repetitions; result->n++) {
        for (size_t k = 0; k < n_parallel; k++) nomul_session_reset(b->feeds[k].session);
        nm_progress_show(&b->bar, b->n_done++, b->n_all);
        double began = nm_clock();
        if (!feed(b, n_prompt, n_gen, n_parallel, err)) return false;
        result->seconds[result->n] = nm_clock() - began;
        result->first[result->n] = b->first;
        double after = read_rate(b);
        result->read_rate[result->n] = (before + after) / 2;
        result->signal[result->n_signals] = nomul_bench_signal(b->opened.session);
        result->n_signals += result->signal[result->n_signals] > 0;
        before = after;
    }
    nm_progress_erase(&b->bar);
    nm_bench_write(&b->writer, result);
    return true;
}

/* All tests in one session, and in sessions that share its engine for the texts beside it. */
static bool bench_session(nm_bench *b, const nm_open_args *args, nomul_error *err)
{
    const nm_bench_plan *p = b->plan;
    const nm_counts     *prompts = &p->n_prompt, *gens = &p->n_gen, *parallel = &p->n_parallel;
    bool                 ok = nm_open_session(&b->opened, args, err), tests = !p->args->ops;
    nomul_session       *host = b->opened.session;
    size_t               n_ids = gens->at[0] > 0 ? (size_t)gens->at[0] : 1; /* of --ops */

    memset(b->feeds, 0, p->n_texts * sizeof *b->feeds);
    for (size_t k = 0; ok && k < p->n_texts; k++) {
        nomul_session *text = k ? nomul_session_share(host, err) : host;
        b->feeds[k] = (nomul_feed){.session = text, .n_ids = 1, .logits = true};
        ok = text != NULL;
    }
    if (ok) {
        b->result.n_threads = nomul_session_n_threads(host);
        b->result.n_batch = nomul_session_n_batch(host);
        b->result.weight_bytes = nomul_bench_weight_bytes(host);
        b->result.logits_hash = nomul_bench_hash(host, b->logits);
        if (!tests)
            ok = feed(b, 0, 1, 1, err) &&
                 nm_bench_phases(&b->writer, &b->opened, b->ids, n_ids, b->logits, err);
    }
    for (size_t i = 0; ok && tests && i < prompts->n; i++)
        if (prompts->at[i] > 0) ok = measure(b, (size_t)prompts->at[i], 0, 1, err);
    for (size_t i = 0; ok && tests && i < gens->n; i++)
        for (size_t k = 0; ok && gens->at[i] > 0 && k < parallel->n; k++)
            ok = measure(b, 0, (size_t)gens->at[i], (size_t)parallel->at[k], err);

    for (size_t k = 1; k < p->n_texts; k++) nomul_session_free(b->feeds[k].session);
    nomul_session_free(host);
    b->opened.session = NULL;
    return ok;
}

/* Every number of threads with every batch size.  Ids are random but the same in every run. */
bool nm_bench_model(nm_bench *b, nomul_error *err)
{
    const nm_bench_plan *p = b->plan;
    size_t               n_vocab = nomul_model_get_info(b->opened.model)->n_vocab;
    size_t               n_ids =
        (size_t)(nm_counts_largest(&p->n_prompt) + nm_counts_largest(&p->n_gen)) + p->n_texts;
    size_t n_logits = p->n_texts * n_vocab * sizeof *b->logits;
    nm_rng rng;

    b->ids = nm_alloc(n_ids * sizeof *b->ids);
    b->logits = nm_alloc(n_logits);
    b->feeds = nm_alloc(p->n_texts * sizeof *b->feeds);
    bool ok = (b->ids && b->logits && b->feeds) || nm_fail_memory(err, n_logits);
    nm_rng_init(&rng, 1);
    for (size_t i = 0; ok && i < n_ids; i++) b->ids[i] = (int32_t)nm_rng_below(&rng, n_vocab);

    size_t n_tests = 0;
    for (size_t i = 0; i < p->n_prompt.n; i++) n_tests += p->n_prompt.at[i] > 0;
    for (size_t i = 0; i < p->n_gen.n; i++) n_tests += p->n_gen.at[i] > 0 ? p->n_parallel.n : 0;
    b->bar.began = nm_clock();
    b->n_done = 0;
    b->n_all = n_tests * p->n_threads.n * p->n_batch.n * (size_t)p->args->n_repetitions;

    b->result.model = b->opened.model;
    b->result.path = b->opened.path;
    for (size_t t = 0; ok && t < p->n_threads.n; t++)
        for (size_t k = 0; ok && k < p->n_batch.n; k++) {
            nm_open_args args = {.n_threads = p->n_threads.at[t],
                                 .n_batch = p->n_batch.at[k],
                                 .n_texts = (int64_t)p->n_texts};
            ok = bench_session(b, &args, err);
        }
    nm_free(b->ids);
    nm_free(b->logits);
    nm_free(b->feeds);
    nm_progress_erase(&b->bar);
    return ok;
}
