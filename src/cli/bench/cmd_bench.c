/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul bench: tokens per second, next to what the memory bandwidth would allow.  Options, tests
 * and output are llama-bench's where it has them.  Every model is measured with every number of
 * threads and every batch size, and each of these sessions runs all tests.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/rng.h"
#include "cli/bench/bench_result.h"
#include "cli/bench/figures.h"
#include "cli/commands.h"
#include "cli/progress.h"
#include "nomul_bench.h"

typedef struct bench_args {
    nm_strings  models, shapes, n_prompt, n_gen, n_parallel, n_threads, n_batch;
    const char *kernels;
    int64_t     pack, n_repetitions, format;
    bool        no_warmup, ops, quick;
} bench_args;

#define F(field) offsetof(bench_args, field)
static const nm_option table[] = {
    {.kind = NM_OPT_GROUP, .help = "The model"},
    {'m', "model", NM_OPT_LIST, F(models), NULL, "FILE", "model file; may be repeated", 0, 0},
    {0, "shape", NM_OPT_LIST, F(shapes), NULL, "370m|1.3b|2.7b|13b",
     "instead of a file, a model of this published shape with random weights, made in memory; may "
     "be repeated",
     0, 0},
    {0, "pack", NM_OPT_CHOICE, F(pack), "2bit", nm_pack_words,
     "bits for each ternary weight of a shape", 0, 0},

    {.kind = NM_OPT_GROUP,
     .help = "The tests; N is a list such as 1,2,4 or 2-8 or 2-8+2 or 2-16*2"},
    {'p', "n-prompt", NM_OPT_LIST, F(n_prompt), NULL, "N",
     "tokens of a prompt, fed together; 0 for no such test (default\t512)", 0, 0},
    {'n', "n-gen", NM_OPT_LIST, F(n_gen), NULL, "N",
     "tokens generated one by one; 0 for no such test (default\t128)", 0, 0},
    {0, "parallel", NM_OPT_LIST, F(n_parallel), NULL, "N",
     "number of texts that -n generates tokens of together (default\t1)", 0, 0},
    {'t', "threads", NM_OPT_LIST, F(n_threads), NULL, "N", "threads (default\tone for each CPU)", 0,
     0},
    {'b', "batch-size", NM_OPT_LIST, F(n_batch), NULL, "N",
     "tokens processed together (default\tas many as 32 MiB hold)", 0, 0},
    {'r', "repetitions", NM_OPT_INT, F(n_repetitions), "5", "N", "repetitions of each test", 1,
     NM_MOST_REPETITIONS},
    {0, "ops", NM_OPT_FLAG, F(ops), NULL, NULL,
     "instead of these: every operation alone, then the phases of generating a token", 0, 0},
    {0, "quick", NM_OPT_FLAG, F(quick), NULL, NULL,
     "measure bandwidth and --ops briefly: figures are coarse", 0, 0},
    {0, "no-warmup", NM_OPT_FLAG, F(no_warmup), NULL, NULL, "no unmeasured first run", 0, 0},

    {.kind = NM_OPT_GROUP, .help = "Output and machine"},
    {'o', "output", NM_OPT_CHOICE, F(format), "md", "md|csv|json|jsonl", "format of the table", 0,
     0},
    NM_KERNELS_OPTION(F(kernels)),
    {0},
};
#undef F

/* What was asked for; does not change. */
typedef struct plan {
    const bench_args *args;
    const char       *argv0, *kernels;
    nm_counts         n_prompt, n_gen, n_parallel, n_threads, n_batch;
    size_t            n_texts; /* the most generated together */
} plan;

/* What is running: a model, and in it one session after another. */
typedef struct bench {
    const plan     *plan;
    nm_bench_writer writer;
    nm_opened       opened;
    nomul_feed     *feeds;  /* n_texts; the first has the session, the others share with it */
    int32_t        *ids;    /* random, as many as the longest test takes */
    float          *logits; /* a row for each text */
    nm_bench_result result;
} bench;

/* ---- Checking the command line --------------------------------------------------------------- */

static bool add_counts(nm_counts *counts, const nm_strings *words, int64_t preset, int64_t least,
                       int64_t most, const char *spelled)
{
    nomul_error err;

    for (size_t i = 0; i < words->n; i++) {
        if (nm_counts_add(counts, words->at[i], least, most, &err)) continue;
        nm_output_misused("bench", "%s: %s", spelled, err.text);
        return false;
    }
    if (words->n == 0) counts->at[counts->n++] = preset;
    return true;
}

static bool make_plan(plan *p, const bench_args *args, const char *argv0)
{
    *p = (plan){.args = args, .argv0 = argv0, .kernels = args->kernels};
    if (args->models.n > 0 && args->shapes.n > 0) {
        nm_output_misused("bench", "-m excludes --shape");
        return false;
    }
    if (args->ops && args->format != NM_BENCH_MD) {
        nm_output_misused("bench", "--ops has no other format than md");
        return false;
    }
    for (size_t i = 0; i < args->shapes.n; i++) {
        const char *known = NULL;
        for (size_t j = 0; (known = nomul_bench_shape(j)); j++)
            if (strcmp(known, args->shapes.at[i]) == 0) break;
        if (known) continue;
        nm_output_misused("bench", "--shape: '%.120s' is not one of 370m|1.3b|2.7b|13b",
                          args->shapes.at[i]);
        return false;
    }
    bool ok = nm_open_kernels("bench", &p->kernels) &&
              add_counts(&p->n_prompt, &args->n_prompt, 512, 0, 1 << 24, "-p") &&
              add_counts(&p->n_gen, &args->n_gen, 128, 0, 1 << 24, "-n") &&
              add_counts(&p->n_parallel, &args->n_parallel, 1, 1, 4096, "--parallel") &&
              add_counts(&p->n_threads, &args->n_threads, 0, 1, 1024, "-t") &&
              add_counts(&p->n_batch, &args->n_batch, 0, 1, 4096, "-b");
    p->n_texts = (size_t)nm_counts_largest(&p->n_parallel);
    return ok;
}

/* ---- One test -------------------------------------------------------------------------------- */

static bool check_interrupt(nomul_error *err)
{
    return !nm_interrupted() || nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
}

/* n_gen tokens of each of n_texts, no two texts alike, each step with the logits of all. */
static bool generate(bench *b, size_t n_gen, size_t n_texts, nomul_error *err)
{
    for (size_t i = 0; i < n_gen; i++) {
        for (size_t k = 0; k < n_texts; k++) b->feeds[k].ids = b->ids + i + k;
        if (nomul_session_feed_many(b->feeds, n_texts, b->logits, err) != NOMUL_OK ||
            !check_interrupt(err))
            return false;
    }
    return true;
}

/* A prompt or, with n_gen, that many tokens. */
static bool feed(bench *b, size_t n_prompt, size_t n_gen, size_t n_texts, nomul_error *err)
{
    if (n_gen > 0) return generate(b, n_gen, n_texts, err);
    return nomul_session_feed(b->opened.session, b->ids, n_prompt, NOMUL_LOGITS_LAST, b->logits,
                              err) == NOMUL_OK &&
           check_interrupt(err);
}

/* Bytes per second at which the session's threads read its weights, for a moment. */
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

static bool measure(bench *b, size_t n_prompt, size_t n_gen, size_t n_parallel, nomul_error *err)
{
    const bench_args *args = b->plan->args;
    nm_bench_result  *result = &b->result;
    time_t            now = time(NULL);
    const struct tm  *utc = gmtime(&now);

    result->n_prompt = n_prompt, result->n_gen = n_gen, result->n_parallel = n_parallel;
    if (!utc ||
        strftime(result->test_time, sizeof result->test_time, "%Y-%m-%dT%H:%M:%SZ", utc) == 0)
        result->test_time[0] = '\0';
    if (!args->no_warmup && !feed(b, n_prompt, n_gen > 0, n_parallel, err)) return false;
    double before = read_rate(b);
    for (result->n = 0; result->n < (size_t)args->n_repetitions; result->n++) {
        for (size_t k = 0; k < n_parallel; k++) nomul_session_reset(b->feeds[k].session);
        double began = nm_clock();
        if (!feed(b, n_prompt, n_gen, n_parallel, err)) return false;
        result->seconds[result->n] = nm_clock() - began;
        double after = read_rate(b);
        result->read_rate[result->n] = (before + after) / 2;
        before = after;
    }
    nm_bench_write(&b->writer, result);
    return true;
}

static bool measure_all(bench *b, nomul_error *err)
{
    const nm_counts *prompts = &b->plan->n_prompt, *gens = &b->plan->n_gen;
    const nm_counts *parallel = &b->plan->n_parallel;

    for (size_t i = 0; i < prompts->n; i++)
        if (prompts->at[i] > 0 && !measure(b, (size_t)prompts->at[i], 0, 1, err)) return false;
    for (size_t i = 0; i < gens->n; i++)
        for (size_t k = 0; gens->at[i] > 0 && k < parallel->n; k++)
            if (!measure(b, 0, (size_t)gens->at[i], (size_t)parallel->at[k], err)) return false;
    return true;
}

/* ---- --ops ----------------------------------------------------------------------------------- */

static bool print_speed(void *context, const nomul_bench_speed *s)
{
    char size[48];

    (void)context;
    snprintf(size, sizeof size, "%zu x %zu", s->rows, s->cols);
    nm_output_print("| %-8s | %-16s | %-7s | %14s | %6zu | %-6s | %9.2f | %9.2f |", s->kernels,
                    s->op, s->packing, size, s->n_tokens, s->hot ? "cache" : "memory", s->per_cycle,
                    s->best_per_cycle);
    if (s->hot)
        nm_output_print(" %8s | %9s | %7s |\n", "", "", "");
    else
        nm_output_print(" %8.2f | %9.2f | %7.1f |\n", s->gbs, s->read_gbs,
                        100 * s->gbs / s->read_gbs);
    return nm_output_flush() && !nm_interrupted();
}

/* A table of all kernels that this CPU runs, or of those of this name. */
static bool print_ops(const char *kernels, bool quick, nomul_error *err)
{
    const char *name = NULL;
    char        needed[256], missing[256];

    nm_output_print("One thread; weights times tokens (or elements) per cycle, median and best\n\n"
                    "| %-8s | %-16s | %-7s | %14s | %6s | %-6s | %9s | %9s | %8s | %9s | %7s |\n",
                    "kernels", "op", "packing", "rows x columns", "tokens", "from", "per cycle",
                    "best", "GB/s", "read GB/s", "percent");
    nm_output_print("| -------- | ---------------- | ------- | -------------: | -----: | ------ | "
                    "--------: | --------: | -------: | --------: | ------: |\n");
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
    double  seconds[NOMUL_BENCH_PHASES], all = 0;
    int64_t n_gen = b->plan->n_gen.at[0];
    size_t  n_ids = n_gen > 0 ? (size_t)n_gen : 1, n_threads = b->result.n_threads;

    if (!generate(b, 1, 1, err)) return false;
    nm_output_print("%s, kernels %s, %zu thread%s\n\n", b->opened.path,
                    nomul_model_kernels(b->opened.model), n_threads, n_threads == 1 ? "" : "s");
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

static bool bench_session(bench *b, const nm_open_args *args, nomul_error *err)
{
    nomul_session *host = NULL;
    bool           ok = nm_open_session(&b->opened, args, err);

    memset(b->feeds, 0, b->plan->n_texts * sizeof *b->feeds);
    for (size_t k = 0; ok && k < b->plan->n_texts; k++) {
        host = b->opened.session;
        nomul_session *text = k ? nomul_session_share(host, err) : host;
        b->feeds[k] = (nomul_feed){.session = text, .n_ids = 1, .logits = true};
        ok = text != NULL;
    }
    if (ok) {
        b->result.n_threads = nomul_session_n_threads(host);
        b->result.n_batch = nomul_session_n_batch(host);
        b->result.weight_bytes = nomul_bench_weight_bytes(host);
        ok = b->plan->args->ops ? print_phases(b, err) : measure_all(b, err);
    }
    for (size_t k = 1; k < b->plan->n_texts; k++) nomul_session_free(b->feeds[k].session);
    nomul_session_free(b->opened.session); /* last: the others share with it */
    b->opened.session = NULL;
    return ok;
}

static bool bench_model(bench *b, nomul_error *err)
{
    const plan *p = b->plan;
    size_t      n_vocab = nomul_model_get_info(b->opened.model)->n_vocab;
    size_t      n_ids =
        (size_t)(nm_counts_largest(&p->n_prompt) + nm_counts_largest(&p->n_gen)) + p->n_texts;
    size_t n_logits = p->n_texts * n_vocab * sizeof *b->logits;
    nm_rng rng;

    b->ids = nm_alloc(n_ids * sizeof *b->ids);
    b->logits = nm_alloc(n_logits);
    b->feeds = nm_alloc(p->n_texts * sizeof *b->feeds);
    bool ok = (b->ids && b->logits && b->feeds) || nm_fail_memory(err, n_logits);
    nm_rng_init(&rng, 1);
    for (size_t i = 0; ok && i < n_ids; i++) b->ids[i] = (int32_t)nm_rng_below(&rng, n_vocab);

    b->result.model = b->opened.model;
    b->result.path = b->opened.path;
    for (size_t t = 0; ok && t < p->n_threads.n; t++)
        for (size_t k = 0; ok && k < p->n_batch.n; k++) {
            nm_open_args args = {.n_threads = p->n_threads.at[t], .n_batch = p->n_batch.at[k]};
            ok = bench_session(b, &args, err);
        }
    nm_free(b->ids);
    nm_free(b->logits);
    nm_free(b->feeds);
    return ok;
}

/* file: NULL for the default one. */
static int bench_file(bench *b, const char *file)
{
    nm_open_args args = {.model = file, .kernels = b->plan->kernels};
    nomul_error  err;
    int          code = nm_open_model(&b->opened, "bench", &args, b->plan->argv0, 0);

    if (code == NM_EXIT_DONE && !bench_model(b, &err)) code = nm_output_failed(&err);
    nm_open_close(&b->opened);
    return code;
}

static int bench_shape(bench *b, const char *shape)
{
    nomul_model_options o;
    nomul_error         err;
    size_t              n_bytes = 0;

    nomul_model_options_init(&o);
    o.kernels = b->plan->kernels;
    void *bytes = nomul_bench_synthesize(shape, nomul_packing_name((size_t)b->plan->args->pack),
                                         &n_bytes, &err);
    b->opened.path = shape;
    b->opened.model = bytes ? nomul_model_open_memory(bytes, n_bytes, &o, &err) : NULL;
    int code = b->opened.model && bench_model(b, &err) ? NM_EXIT_DONE : nm_output_failed(&err);
    nm_open_close(&b->opened);
    nomul_bench_free(bytes);
    return code;
}

static int run(const void *arguments, const char *argv0)
{
    const bench_args *args = arguments;
    plan              p;
    int               code = NM_EXIT_DONE;
    nomul_error       err;

    if (!make_plan(&p, args, argv0)) return NM_EXIT_MISUSED;
    bench *b = nm_alloc(sizeof *b);
    if (!b) return nm_output_failed(NULL);
    *b = (bench){.plan = &p, .writer = {(nm_bench_format)args->format, args->n_batch.n > 0, 0}};
    nm_interrupt_catch();
    if (args->ops && !print_ops(p.kernels, args->quick, &err)) code = nm_output_failed(&err);
    if (code == NM_EXIT_DONE && args->models.n + args->shapes.n == 0) code = bench_file(b, NULL);
    for (size_t i = 0; i < args->models.n && code == NM_EXIT_DONE; i++)
        code = bench_file(b, args->models.at[i]);
    for (size_t i = 0; i < args->shapes.n && code == NM_EXIT_DONE; i++)
        code = bench_shape(b, args->shapes.at[i]);
    nm_bench_end(&b->writer);
    nm_free(b);
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
    "--ops measures each kernel of each instruction set on one thread, with weights from the "
    "caches and from memory, next to a plain read loop over the same bytes.",
    table,
    sizeof(bench_args),
    run};
