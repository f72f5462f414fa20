/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul bench: tokens per second, next to what the memory bandwidth would allow.  Options, tests
 * and output are llama-bench's where it has them.  Every model is measured with every number of
 * threads and every batch size, and each of these sessions runs all tests:
 *
 *   run ─> nm_bench_fits     each shape, before anything is measured             bench_plan.c
 *   run ─> nm_bench_open     each model: opened, or made in memory               bench_plan.c
 *          bench_model       each number of threads, each batch size
 *              bench_session     each test
 *                measure           each repetition ─> nm_bench_write ─> bench_result ──┐
 *   run ─> nm_bench_ops        each operation alone      bench_ops.c ──────────────────┤
 *                                                        stdout <── bench_result: md .. csv
 */
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/os.h"
#include "base/rng.h"
#include "cli/bench/bench_ops.h"
#include "cli/bench/bench_plan.h"
#include "cli/commands.h"
#include "nomul_bench.h"

#define F(field) offsetof(nm_bench_args, field)
static const nm_option table[] = {
    NM_GROUP("The model"),
    {'m', "model", NM_OPT_LIST, F(models), NULL, "FILE", "model file; may be repeated", 0, 0,
     NM_NAME},
    NM_LIST(
        0, "shape", F(shapes), "370m|1.3b|2.7b|13b|100b",
        "instead of a file, a model of this shape with random weights, made in memory; any other "
        "is layers,width,feed-forward,vocabulary; may be repeated"),
    NM_CHOICE(0, "pack", F(pack), NULL, nm_pack_words,
              "bits for each ternary weight of a shape (default\t2bit)"),

    NM_GROUP("The tests; N is a list such as 1,2,4 or 2-8 or 2-8+2 or 2-16*2"),
    NM_LIST('p', "n-prompt", F(n_prompt), "N",
            "prompt tokens, fed together; 0 = no such test (default\t512)"),
    NM_LIST('n', "n-gen", F(n_gen), "N",
            "tokens generated one by one; 0 = no such test (default\t128)"),
    NM_LIST(0, "parallel", F(n_parallel), "N",
            "number of texts that -n generates together (default\t1)"),
    NM_LIST('t', "threads", F(n_threads), "N", "threads (default\tone for each CPU)"),
    NM_LIST('b', "batch-size", F(n_batch), "N",
            "tokens processed together (default\tas many as 32 MiB hold)"),
    NM_INT('r', "repetitions", F(n_repetitions), "5", 1, NM_MOST_REPETITIONS,
           "repetitions of each test"),
    NM_FLAG(0, "ops", F(ops),
            "instead, measure every operation alone, then the phases of generating a token"),
    NM_FLAG(0, "quick", F(quick), "measure bandwidth and --ops briefly: figures are coarse"),
    NM_FLAG(0, "no-warmup", F(no_warmup), "skip the unmeasured first run"),

    NM_GROUP("Output and machine"),
    NM_CHOICE('o', "output", F(format), "md", "md|csv|json|jsonl", "format of the table"),
    NM_KERNELS_OPTION(F(kernels)),
    NM_END,
};

/* ---- Measuring ------------------------------------------------------------------------------- */

/*
 * What is running: a model, and in it one session after another.  Every repetition begins from a
 * zero state, and what depends on the load of the machine, the rate of reading and the signal of a
 * thread, is measured beside it.
 */
typedef struct bench_run {
    const nm_bench_plan *plan;
    nm_bench_writer      writer;
    nm_opened            opened;
    nomul_feed          *feeds;  /* n_texts; the first has the session, the others share with it */
    int32_t             *ids;    /* random, as many as the longest test takes */
    float               *logits; /* a row for each text */
    double               first;  /* seconds to the first logits of the last feed */
    nm_bench_result      result;
    nm_progress_bar      bar;           /* of all tests with this model */
    size_t               n_done, n_all; /* repetitions */
} bench_run;

static bool go_on(nomul_error *err)
{
    return !nm_interrupted() || nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
}

/*
 * A prompt or, with n_gen, so many steps, each a token of every text with its logits; no two texts
 * get the same ids.  A signal waits for a pass.  It is looked for here: a model that has the cancel
 * flag is fed in pieces of less than a second, and a shape is measured without those.
 */
static bool feed(bench_run *b, size_t n_prompt, size_t n_gen, size_t n_texts, nomul_error *err)
{
    nomul_session *session = b->opened.session;
    double         began = nm_clock();
    bool           ok = true;

    for (size_t at = 0, n; ok && n_gen == 0 && at < n_prompt; at += n) {
        nomul_logits which = NOMUL_LOGITS_NONE;

        n = n_prompt - at;
        if (n > b->result.n_batch)
            n = b->result.n_batch;
        else
            which = NOMUL_LOGITS_LAST;
        ok = go_on(err) &&
             nomul_session_feed(session, b->ids + at, n, which, b->logits, err) == NOMUL_OK;
    }
    if (n_gen == 0) b->first = nm_clock() - began;
    for (size_t i = 0; ok && i < n_gen; i++) {
        for (size_t k = 0; k < n_texts; k++) b->feeds[k].ids = b->ids + i + k;
        ok = go_on(err) && nomul_session_feed_many(b->feeds, n_texts, b->logits, err) == NOMUL_OK;
        if (i == 0) b->first = nm_clock() - began;
    }
    return ok && go_on(err);
}

/*
 * Bytes per second at which the session's threads read its weights: the roof under which generation
 * stays.  A tenth of a second is enough for a stable figure, and short beside a test.
 */
static double read_rate(const bench_run *b)
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
static bool measure(bench_run *b, size_t n_prompt, size_t n_gen, size_t n_parallel,
                    nomul_error *err)
{
    const nm_bench_args *args = b->plan->args;
    nm_bench_result     *result = &b->result;
    time_t               now = time(NULL);
    const struct tm     *utc = gmtime(&now);

    result->n_prompt = n_prompt, result->n_gen = n_gen, result->n_parallel = n_parallel;
    if (!utc ||
        strftime(result->test_time, sizeof result->test_time, "%Y-%m-%dT%H:%M:%SZ", utc) == 0)
        result->test_time[0] = '\0';
    nm_progress_show(&b->bar, b->n_done, b->n_all);
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
static bool bench_session(bench_run *b, const nm_open_args *args, nomul_error *err)
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
static bool bench_model(bench_run *b, nomul_error *err)
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

/* ---- The command ----------------------------------------------------------------------------- */

static int run(const void *arguments)
{
    const nm_bench_args *args = arguments;
    nm_bench_plan        p;
    int                  code = NM_EXIT_DONE;
    nomul_error          err;

    if (nm_bench_plan_make(&p, args) != NM_EXIT_DONE) return NM_EXIT_MISUSED;
    bench_run b = {
        .plan = &p,
        .writer = {.format = (nm_bench_format)args->format,
                   .show_batch = args->n_batch.n > 0,
                   .narrow = nm_os_is_terminal(NM_OS_STDOUT)},
        .bar.unit = "repetition",
    };
    nm_interrupt_catch();
    for (size_t i = 0; code == NM_EXIT_DONE && i < args->shapes.n; i++)
        if (!nm_bench_fits(&p, args->shapes.at[i], nm_os_available_memory(), &err))
            code = nm_output_failed(&err);
    if (code == NM_EXIT_DONE && args->ops && !nm_bench_ops(&b.writer, p.kernels, args->quick, &err))
        code = nm_output_failed(&err);
    for (size_t i = 0; code == NM_EXIT_DONE && (i == 0 || i < args->models.n + args->shapes.n);
         i++) {
        void *bytes = NULL; /* one of the lists is empty */
        code = nm_bench_open(&b.opened, &bytes, &p, i < args->models.n ? args->models.at[i] : NULL,
                             i < args->shapes.n ? args->shapes.at[i] : NULL);
        if (code == NM_EXIT_DONE && !bench_model(&b, &err)) code = nm_output_failed(&err);
        nm_open_close(&b.opened);
        nomul_bench_free(bytes);
    }
    if (code == NM_EXIT_DONE && !args->ops && b.writer.n_written == 0)
        nm_output_say("nomul: nothing was measured: -p and -n are 0");
    if (code == NM_EXIT_DONE || b.writer.n_written > 0) nm_bench_end(&b.writer);
    return code;
}

const nm_command nm_cmd_bench = {
    "bench",
    "measure tokens per second and memory bandwidth",
    "Measures how fast a model reads prompts (ppN: N random tokens fed together) and generates "
    "(tgN: N random tokens fed one by one; tgN xK: the same for each of K texts together). "
    "Columns, formats and keys are those of llama-bench; t/s is the mean and standard deviation "
    "of the repetitions, over all texts.\n\n"
    "Columns of nomul's own: weight_bytes_per_token is what a step of generation reads: all bytes "
    "of the ternary tensors, the gains and one row of the embedding. read_bandwidth_gbs is the "
    "bandwidth of a plain read loop over the same weights with the same threads, measured before "
    "and after each repetition. bandwidth_percent is the percentage of that bandwidth that "
    "generation reached, the median of the repetitions.\n\n"
    "json, jsonl and csv have more fields. signal_ns is a round trip from one thread to another "
    "through a cache line, the median of the probes after each repetition; none with one thread, "
    "or if none was answered in time. ttft_ns is the time to the first logits, after the whole "
    "prompt or the first generated token, the median of the repetitions. state_bytes is the size "
    "of a text's state. logits_hash is the XXH64 of the logits after eight fixed ids, the same on "
    "every machine and with any --pack.\n\n"
    "What does not fit into the available memory is refused before it is allocated. A shape takes "
    "the memory of its file and its session: 3.6 GB for 13b, 25.8 for 100b, 20.8 with --pack "
    "1.6bit.\n\n"
    "--ops measures each kernel of each instruction set on one thread, with weights from the "
    "caches and from memory, next to a plain read loop over the same bytes; then where the time "
    "of a generated token goes, and how long sampling from its logits takes. In json, jsonl and "
    "csv all records have the same fields.",
    table,
    sizeof(nm_bench_args),
    run};
