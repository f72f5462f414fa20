/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul bench: tokens per second, next to what the memory bandwidth would allow.  Options, tests
 * and output are llama-bench's where it has them.  Every model is measured with every number of
 * threads and every batch size, and each of these sessions runs all tests:
 *
 *   run ─> bench_one       each model: opened, or made in memory
 *            bench_model     each number of threads, each batch size
 *              bench_session   each test
 *                measure         each repetition ─> nm_bench_result ─> bench_result.c ─> stdout
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "base/rng.h"
#include "cli/bench/bench_plan.h"
#include "cli/bench/bench_result.h"
#include "cli/bench/figures.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "nomul_bench.h"

#define F(field) offsetof(nm_bench_args, field)
static const nm_option table[] = {
    NM_GROUP("The model"),
    NM_LIST('m', "model", F(models), "FILE", "model file; may be repeated"),
    NM_LIST(
        0, "shape", F(shapes), "SHAPE",
        "instead of a file, a model with random weights, made in memory: 370m, 1.3b, 2.7b, 13b, "
        "100b, or layers,width,feed-forward,vocabulary; may be repeated"),
    NM_CHOICE(0, "pack", F(pack), "2bit", nm_pack_words, "bits for each ternary weight of a shape"),

    NM_GROUP("The tests; N is a list such as 1,2,4 or 2-8 or 2-8+2 or 2-16*2"),
    NM_LIST('p', "n-prompt", F(n_prompt), "N",
            "tokens of a prompt, fed together; 0 for no such test (default\t512)"),
    NM_LIST('n', "n-gen", F(n_gen), "N",
            "tokens generated one by one; 0 for no such test (default\t128)"),
    NM_LIST(0, "parallel", F(n_parallel), "N",
            "number of texts that -n generates tokens of together (default\t1)"),
    NM_LIST('t', "threads", F(n_threads), "N", "threads (default\tone for each CPU)"),
    NM_LIST('b', "batch-size", F(n_batch), "N",
            "tokens processed together (default\tas many as 32 MiB hold)"),
    NM_INT('r', "repetitions", F(n_repetitions), "5", 1, NM_MOST_REPETITIONS,
           "repetitions of each test"),
    NM_FLAG(0, "ops", F(ops),
            "instead of these: every operation alone, then the phases of generating a token"),
    NM_FLAG(0, "quick", F(quick), "measure bandwidth and --ops briefly: figures are coarse"),
    NM_FLAG(0, "no-warmup", F(no_warmup), "no unmeasured first run"),

    NM_GROUP("Output and machine"),
    NM_CHOICE('o', "output", F(format), "md", "md|csv|json|jsonl", "format of the table"),
    NM_KERNELS_OPTION(F(kernels)),
    NM_END,
};

/* What is running: a model, and in it one session after another. */
typedef struct bench {
    const nm_bench_plan *plan;
    nm_bench_writer      writer;
    nm_opened            opened;
    nomul_feed          *feeds;  /* n_texts; the first has the session, the others share with it */
    int32_t             *ids;    /* random, as many as the longest test takes */
    float               *logits; /* a row for each text */
    nm_bench_result      result;
    nm_progress_bar      bar;           /* of all tests with this model */
    size_t               n_done, n_all; /* repetitions */
} bench;

/* ---- One test -------------------------------------------------------------------------------- */

/*
 * A prompt or, with n_gen, so many steps, each a token of every text with its logits; no two texts
 * get the same ids.
 */
static bool feed(bench *b, size_t n_prompt, size_t n_gen, size_t n_texts, nomul_error *err)
{
    bool ok = n_gen > 0 || nomul_session_feed(b->opened.session, b->ids, n_prompt,
                                              NOMUL_LOGITS_LAST, b->logits, err) == NOMUL_OK;

    for (size_t i = 0; ok && i < n_gen && !nm_interrupted(); i++) {
        for (size_t k = 0; k < n_texts; k++) b->feeds[k].ids = b->ids + i + k;
        ok = nomul_session_feed_many(b->feeds, n_texts, b->logits, err) == NOMUL_OK;
    }
    return ok && (!nm_interrupted() || nm_fail(err, NOMUL_E_CANCELLED, "cancelled"));
}

/*
 * Bytes per second at which the session's threads read its weights: the roof under which generation
 * stays.  A tenth of a second is enough for a stable figure, and short beside a test.
 */
static double read_rate(const bench *b)
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
static bool measure(bench *b, size_t n_prompt, size_t n_gen, size_t n_parallel, nomul_error *err)
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
    for (result->n = 0; result->n < (size_t)args->n_repetitions; result->n++) {
        for (size_t k = 0; k < n_parallel; k++) nomul_session_reset(b->feeds[k].session);
        nm_progress_show(&b->bar, b->n_done++, b->n_all);
        double began = nm_clock();
        if (!feed(b, n_prompt, n_gen, n_parallel, err)) return false;
        result->seconds[result->n] = nm_clock() - began;
        double after = read_rate(b);
        result->read_rate[result->n] = (before + after) / 2;
        result->signal[result->n] = nomul_bench_signal(b->opened.session);
        before = after;
    }
    nm_progress_erase(&b->bar);
    nm_bench_write(&b->writer, result);
    return true;
}

/* ---- --ops ----------------------------------------------------------------------------------- */

/* A negative width aligns left, as in printf.  A terminal gets the columns that fit 100. */
static const struct {
    const char *name;
    int         width;
    bool        wide;
} op_columns[] = {
    {"kernels", -10, false},    {"op", -16, false},   {"packing", -7, false},
    {"rows x cols", 12, false}, {"tokens", 6, false}, {"from", -6, false},
    {"per cycle", 9, false},    {"best", 9, true},    {"GB/s", 8, false},
    {"read GB/s", 9, true},     {"percent", 7, true},
};

enum { N_OP_COLUMNS = sizeof op_columns / sizeof *op_columns, OP_CELL = 24 };

static void print_op_row(char cells[][OP_CELL])
{
    bool narrow = nm_os_is_terminal(NM_OS_STDOUT);

    nm_output_print("|");
    for (size_t i = 0; i < N_OP_COLUMNS; i++)
        if (!narrow || !op_columns[i].wide)
            nm_output_print(" %*s |", op_columns[i].width, cells[i]);
    nm_output_print("\n");
}

/* A row, as nomul_bench_speeds reports it.  Weights in the cache have no bandwidth of memory. */
static bool print_speed(void *context, const nomul_bench_speed *s)
{
    char cells[N_OP_COLUMNS][OP_CELL] = {""};

    (void)context;
    snprintf(cells[0], OP_CELL, "%s", s->kernels);
    snprintf(cells[1], OP_CELL, "%s", s->op);
    snprintf(cells[2], OP_CELL, "%s", s->packing);
    snprintf(cells[3], OP_CELL, "%u x %u", (unsigned)s->rows, (unsigned)s->cols);
    snprintf(cells[4], OP_CELL, "%zu", s->n_tokens);
    snprintf(cells[5], OP_CELL, "%s", s->hot ? "cache" : "memory");
    snprintf(cells[6], OP_CELL, "%.2f", s->per_cycle);
    snprintf(cells[7], OP_CELL, "%.2f", s->best_per_cycle);
    if (!s->hot) {
        snprintf(cells[8], OP_CELL, "%.2f", s->gbs);
        snprintf(cells[9], OP_CELL, "%.2f", s->read_gbs);
        snprintf(cells[10], OP_CELL, "%.1f", 100 * s->gbs / s->read_gbs);
    }
    print_op_row(cells);
    return nm_output_flush() && !nm_interrupted();
}

/* A table of all kernels that this CPU runs, or of those of this name. */
static bool print_ops(const char *kernels, bool quick, nomul_error *err)
{
    static const char dashes[] = "----------------";
    const char       *name = NULL;
    char              needed[256], missing[256];
    char              header[N_OP_COLUMNS][OP_CELL], rule[N_OP_COLUMNS][OP_CELL];

    for (size_t i = 0; i < N_OP_COLUMNS; i++) {
        int width = op_columns[i].width;
        snprintf(header[i], OP_CELL, "%s", op_columns[i].name);
        snprintf(rule[i], OP_CELL, "%.*s%s", width < 0 ? -width : width - 1, dashes,
                 width < 0 ? "" : ":");
    }
    nm_output_print(
        "One thread; weights times tokens (or elements) per cycle, median and best\n\n");
    print_op_row(header);
    print_op_row(rule);
    for (size_t i = 0; (name = nomul_kernels_name(i)); i++) {
        if (kernels && strcmp(kernels, name) != 0) continue;
        if (!nomul_bench_runs(i, needed, missing, sizeof missing)) continue;
        nomul_status status = nomul_bench_speeds(i, quick, print_speed, NULL, err);
        if (status == NOMUL_E_CANCELLED && !nm_interrupted()) return true; /* stdout is closed */
        if (status != NOMUL_OK) return false;
    }
    nm_output_print("\n");
    return true;
}

/* A table of the phases of generating the first -n tokens, after a warm-up. */
static bool print_phases(bench *b, nomul_error *err)
{
    double  seconds[NOMUL_BENCH_PHASES] = {0}, all = 0;
    int64_t n_gen = b->plan->n_gen.at[0];
    size_t  n_ids = n_gen > 0 ? (size_t)n_gen : 1, n_threads = b->result.n_threads;

    if (!feed(b, 0, 1, 1, err)) return false;
    nm_output_visible(b->opened.path, strlen(b->opened.path), false);
    nm_output_print(", kernels %s, %s\n\n", nomul_model_kernels(b->opened.model),
                    nm_show_amount(n_threads, "thread").text);
    if (nomul_bench_profile(b->opened.session, b->ids, n_ids, b->logits, seconds, err) != NOMUL_OK)
        return false;
    for (size_t i = 0; i < NOMUL_BENCH_PHASES; i++) all += seconds[i];
    nm_output_print("| %-18s | %12s | %7s |\n", "a token generated", "ns", "percent");
    nm_output_print("| ------------------ | -----------: | ------: |\n");
    for (size_t i = 0; i < NOMUL_BENCH_PHASES; i++)
        if (seconds[i] > 0)
            nm_output_print("| %-18s | %12.0f | %7.1f |\n", nomul_bench_phase(i),
                            1e9 * seconds[i] / (double)n_ids, 100 * seconds[i] / all);
    nm_output_print("| %-18s | %12.0f | %7.1f |\n\n", "all", 1e9 * all / (double)n_ids, 100.0);
    return true;
}

/* ---- Sessions and models --------------------------------------------------------------------- */

/* All tests in one session, and in sessions that share its engine for the texts beside it. */
static bool bench_session(bench *b, const nm_open_args *args, nomul_error *err)
{
    const nm_bench_plan *p = b->plan;
    const nm_counts     *prompts = &p->n_prompt, *gens = &p->n_gen, *parallel = &p->n_parallel;
    bool                 ok = nm_open_session(&b->opened, args, err), tests = !p->args->ops;
    nomul_session       *host = b->opened.session;

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
    }
    if (ok && !tests) ok = print_phases(b, err);
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
static bool bench_model(bench *b, nomul_error *err)
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
    return ok;
}

/* A model file (NULL: the default one) or, with `shape`, a model made in memory. */
static int bench_one(bench *b, const char *file, const char *shape)
{
    nm_open_args        args = {.model = file, .kernels = b->plan->kernels};
    nomul_model_options o;
    nomul_error         err;
    size_t              n_bytes = 0;
    void               *bytes = NULL;
    int                 code = NM_EXIT_DONE;

    if (shape) {
        nomul_model_options_init(&o);
        o.kernels = args.kernels;
        nm_progress_bar bar = {.unit = "weight"};
        if (nm_bench_fits(b->plan, shape, nm_os_available_memory(), &err))
            bytes = nomul_bench_synthesize(shape, nomul_packing_name((size_t)b->plan->args->pack),
                                           nm_progress_show, &bar, &n_bytes, &err);
        nm_progress_erase(&bar);
        b->opened.path = shape;
        if (bytes) b->opened.model = nomul_model_open_memory(bytes, n_bytes, &o, &err);
        if (!b->opened.model) code = nm_output_failed(&err);
    } else {
        code = nm_open_model(&b->opened, &args, 0);
    }
    bool ok = code != NM_EXIT_DONE || bench_model(b, &err);
    nm_progress_erase(&b->bar);
    if (!ok) code = nm_output_failed(&err);
    nm_open_close(&b->opened);
    nomul_bench_free(bytes);
    return code;
}

static int run(const void *arguments)
{
    const nm_bench_args *args = arguments;
    nm_bench_plan        p;
    int                  code = NM_EXIT_DONE;
    nomul_error          err;

    if (nm_bench_plan_make(&p, args) != NM_EXIT_DONE) return NM_EXIT_MISUSED;
    bench b = {
        .plan = &p,
        .writer = {.format = (nm_bench_format)args->format,
                   .show_batch = args->n_batch.n > 0,
                   .narrow = nm_os_is_terminal(NM_OS_STDOUT)},
        .bar.unit = "repetition",
    };
    nm_interrupt_catch();
    if (args->ops && !print_ops(p.kernels, args->quick, &err)) code = nm_output_failed(&err);
    for (size_t i = 0; code == NM_EXIT_DONE && (i == 0 || i < args->models.n + args->shapes.n); i++)
        code = bench_one(&b, i < args->models.n ? args->models.at[i] : NULL,
                         i < args->shapes.n ? args->shapes.at[i] : NULL); /* one list is empty */
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
    "Columns, formats and keys are those of llama-bench; t/s is the mean and standard deviation of "
    "the repetitions, over all texts.\n\n"
    "Columns of nomul's own: weight_bytes_per_token is what a step of generation reads: all bytes "
    "of the ternary tensors, the gains and one row of the embedding. read_bandwidth_gbs is the "
    "bandwidth of a plain read loop over the same weights with the same threads, measured before "
    "and after each repetition. bandwidth_percent is the percentage of that bandwidth that "
    "generation reached, the median of the repetitions.\n\n"
    "json, jsonl and csv have more fields. signal_ns is a round trip from one thread to another "
    "through a cache line, the median of the probes after each repetition; none with one "
    "thread.\n\n"
    "--ops measures each kernel of each instruction set on one thread, with weights from the "
    "caches and from memory, next to a plain read loop over the same bytes.",
    table,
    sizeof(nm_bench_args),
    run};
