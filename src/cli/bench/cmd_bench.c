/* SPDX-License-Identifier: Apache-2.0 */
/* nomul bench: tokens a second, beside what the memory would allow; used as llama-bench is. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/error.h"
#include "base/rng.h"
#include "cli/bench/bench_ops.h"
#include "cli/bench/bench_result.h"
#include "cli/bench/counts.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/kernels_option.h"
#include "cli/model_path.h"
#include "cli/numbers.h"
#include "cli/output.h"
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
    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "The model", 0, 0},
    {'m', "model", NM_OPT_LIST, F(models), NULL, "FILE", "model to run; may be given again", 0, 0},
    {0, "shape", NM_OPT_LIST, F(shapes), NULL, "370m|1.3b|2.7b|13b",
     "or one of this published shape with random weights, made in memory; may be given again", 0,
     0},
    {0, "pack", NM_OPT_CHOICE, F(pack), "2bit", NM_PACK_WORDS, "how a shape's weights are stored",
     0, 0},

    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL,
     "The tests; N is a list such as 1,2,4 or 2-8 or 2-8+2 or 2-16*2", 0, 0},
    {'p', "n-prompt", NM_OPT_LIST, F(n_prompt), NULL, "N",
     "tokens of a prompt, read together; 0 for no such test (default\t512)", 0, 0},
    {'n', "n-gen", NM_OPT_LIST, F(n_gen), NULL, "N",
     "tokens generated one by one; 0 for no such test (default\t128)", 0, 0},
    {0, "parallel", NM_OPT_LIST, F(n_parallel), NULL, "N",
     "texts that -n tokens each are generated of at once (default\t1)", 0, 0},
    {'t', "threads", NM_OPT_LIST, F(n_threads), NULL, "N", "threads (default\tone for each CPU)", 0,
     0},
    {'b', "batch-size", NM_OPT_LIST, F(n_batch), NULL, "N",
     "tokens of the prompt taken through a layer together (default\tthe library's)", 0, 0},
    {'r', "repetitions", NM_OPT_INT, F(n_repetitions), "5", "N", "repetitions of each test", 1,
     NM_MOST_REPETITIONS},
    {0, "ops", NM_OPT_FLAG, F(ops), NULL, NULL,
     "instead of these: every operation alone, then generating a token split by phase", 0, 0},
    {0, "no-warmup", NM_OPT_FLAG, F(no_warmup), NULL, NULL, "measure from the first run on", 0, 0},
    {0, "quick", NM_OPT_FLAG, F(quick), NULL, NULL,
     "measure bandwidth and --ops briefly: figures are coarse", 0, 0},

    {0, NULL, NM_OPT_GROUP, 0, NULL, NULL, "Output and machine", 0, 0},
    {'o', "output", NM_OPT_CHOICE, F(format), "md", "md|csv|json|jsonl", "format of the table", 0,
     0},
    NM_KERNELS_OPTION(F(kernels)),
    {0, NULL, NM_OPT_END, 0, NULL, NULL, NULL, 0, 0},
};
#undef F

static const char *const packings[] = {"t4", "t5"}; /* of --pack */

typedef struct running {
    const bench_args *args;
    const char       *argv0, *kernels;
    nm_counts         n_prompt, n_gen, n_parallel, n_threads, n_batch;
    nm_bench_writer   writer;
    nomul_model      *model;
    const char       *path;
    void             *bytes; /* of a synthetic model */
    nomul_session    *session;
    nomul_feed       *feeds;  /* of as many texts as go at once at most; the first is the session */
    int32_t          *ids;    /* as many as the longest test takes */
    float            *logits; /* a row for each text */
    nm_bench_result   result;
} running;

/* ---- What the command line alone can get wrong ----------------------------------------------- */

static bool add_counts(nm_counts *counts, const nm_strings *words, int64_t preset, int64_t least,
                       int64_t most, const char *spelled)
{
    nomul_error err;

    for (size_t i = 0; i < words->n; i++) {
        if (nm_counts_add(counts, words->at[i], least, most, &err)) continue;
        nm_misused("bench", "%s: %s", spelled, err.text);
        return false;
    }
    if (words->n == 0) counts->at[counts->n++] = preset;
    return true;
}

static bool check_shapes(const bench_args *args)
{
    for (size_t i = 0; i < args->shapes.n; i++) {
        const char *known = NULL;
        for (size_t j = 0; (known = nomul_bench_shape(j)); j++)
            if (strcmp(known, args->shapes.at[i]) == 0) break;
        if (known) continue;
        nm_misused("bench", "--shape: '%.120s' is not one of 370m|1.3b|2.7b|13b",
                   args->shapes.at[i]);
        return false;
    }
    return true;
}

static bool check_args(running *r)
{
    const bench_args *args = r->args;

    if (args->models.n > 0 && args->shapes.n > 0) {
        nm_misused("bench", "-m goes without --shape");
        return false;
    }
    if (args->ops && args->format != NM_BENCH_MD) {
        nm_misused("bench", "--ops has no other format than md");
        return false;
    }
    r->kernels = args->kernels;
    return check_shapes(args) && nm_kernels_option("bench", &r->kernels) &&
           add_counts(&r->n_prompt, &args->n_prompt, 512, 0, 1 << 24, "-p") &&
           add_counts(&r->n_gen, &args->n_gen, 128, 0, 1 << 24, "-n") &&
           add_counts(&r->n_parallel, &args->n_parallel, 1, 1, 4096, "--parallel") &&
           add_counts(&r->n_threads, &args->n_threads, 0, 1, 1024, "-t") &&
           add_counts(&r->n_batch, &args->n_batch, 0, 1, 4096, "-b");
}

/* ---- One test -------------------------------------------------------------------------------- */

static bool go_on(nomul_error *err)
{
    return !nm_interrupted() || nm_fail(err, NOMUL_E_CANCELLED, "cancelled");
}

static bool read_prompt(running *r, size_t n_ids, nomul_error *err)
{
    return nomul_session_feed(r->session, r->ids, n_ids, NOMUL_LOGITS_LAST, r->logits, err) ==
               NOMUL_OK &&
           go_on(err);
}

/* So many tokens of each of n_texts, no two alike, each time with the logits of all. */
static bool generate(running *r, size_t n_tokens, size_t n_texts, nomul_error *err)
{
    for (size_t i = 0; i < n_tokens; i++) {
        for (size_t k = 0; k < n_texts; k++) r->feeds[k].ids = r->ids + i + k;
        if (nomul_session_feed_many(r->feeds, n_texts, r->logits, err) != NOMUL_OK || !go_on(err))
            return false;
    }
    return true;
}

/* Bytes a second that the session's threads can read of its weights. */
static double read_rate(running *r)
{
    double began = nm_clock(), seconds = 0, n_bytes = 0, least = r->args->quick ? 0.001 : 0.1;

    do {
        n_bytes += (double)nomul_bench_read(r->session);
        seconds = nm_clock() - began;
    } while (seconds < least);
    return n_bytes / seconds;
}

static void begin_result(nm_bench_result *result)
{
    time_t    now = time(NULL);
    struct tm utc;

    result->n = 0;
    if (!gmtime_r(&now, &utc) ||
        strftime(result->test_time, sizeof result->test_time, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        result->test_time[0] = '\0';
}

/* A prompt or, with n_gen, what is generated. */
static bool feed(running *r, size_t n_prompt, size_t n_gen, size_t n_texts, nomul_error *err)
{
    return n_gen ? generate(r, n_gen, n_texts, err) : read_prompt(r, n_prompt, err);
}

static bool measure(running *r, size_t n_prompt, size_t n_gen, size_t n_parallel, nomul_error *err)
{
    nm_bench_result *result = &r->result;

    begin_result(result);
    result->n_prompt = n_prompt, result->n_gen = n_gen, result->n_parallel = n_parallel;
    if (!r->args->no_warmup && !feed(r, n_prompt, n_gen > 0, n_parallel, err)) return false;
    double before = read_rate(r);
    while (result->n < (size_t)r->args->n_repetitions) {
        for (size_t k = 0; k < n_parallel; k++) nomul_session_reset(r->feeds[k].session);
        double began = nm_clock();
        if (!feed(r, n_prompt, n_gen, n_parallel, err)) return false;
        result->seconds[result->n] = nm_clock() - began;
        double after = read_rate(r);
        result->read_rate[result->n++] = (before + after) / 2;
        before = after;
    }
    nm_bench_write(&r->writer, result);
    return true;
}

/* ---- All of them ----------------------------------------------------------------------------- */

static bool measure_texts(running *r, size_t n_gen, nomul_error *err)
{
    for (size_t i = 0; i < r->n_parallel.n; i++)
        if (!measure(r, 0, n_gen, (size_t)r->n_parallel.at[i], err)) return false;
    return true;
}

static bool measure_all(running *r, nomul_error *err)
{
    for (size_t i = 0; i < r->n_prompt.n; i++)
        if (r->n_prompt.at[i] && !measure(r, (size_t)r->n_prompt.at[i], 0, 1, err)) return false;
    for (size_t i = 0; i < r->n_gen.n; i++)
        if (r->n_gen.at[i] && !measure_texts(r, (size_t)r->n_gen.at[i], err)) return false;
    return true;
}

/* --ops: a warm-up, then -n tokens. */
static bool split_by_phase(running *r, nomul_error *err)
{
    size_t n_ids = (size_t)r->n_gen.at[0] + (r->n_gen.at[0] == 0);

    if (!generate(r, 1, 1, err)) return false;
    nm_output_print("%s, kernels %s, %zu thread%s\n\n", r->path, nomul_model_kernels(r->model),
                    r->result.n_threads, r->result.n_threads == 1 ? "" : "s");
    return nm_bench_phases(r->session, r->ids, n_ids, r->logits, err);
}

static int64_t largest(const nm_counts *counts)
{
    int64_t most = 0;

    for (size_t i = 0; i < counts->n; i++)
        if (counts->at[i] > most) most = counts->at[i];
    return most;
}

/* The session's text, and those that share with it. */
static bool begin_texts(running *r, nomul_error *err)
{
    size_t n = (size_t)largest(&r->n_parallel);

    for (size_t k = 0; k < n; k++) {
        nomul_session *text = k ? nomul_session_share(r->session, err) : r->session;
        if (!text) return false;
        r->feeds[k] = (nomul_feed){.session = text, .n_ids = 1, .logits = true};
    }
    return true;
}

/* The one that the others share with last. */
static void end_texts(running *r)
{
    size_t n = (size_t)largest(&r->n_parallel);

    for (size_t k = 1; k < n; k++) {
        nomul_session_free(r->feeds[k].session);
        r->feeds[k].session = NULL;
    }
    nomul_session_free(r->session);
    r->session = NULL;
}

static bool bench_session(running *r, size_t n_threads, size_t n_batch, nomul_error *err)
{
    nomul_session_options o;

    nomul_session_options_init(&o);
    o.n_threads = n_threads;
    o.n_batch = n_batch;
    r->session = nomul_session_new(r->model, &o, err);
    if (!r->session) return false;
    r->result.n_threads = nomul_session_n_threads(r->session);
    r->result.n_batch = nomul_session_n_batch(r->session);
    r->result.weight_bytes = nomul_bench_weight_bytes(r->session);
    bool ok = begin_texts(r, err) && (r->args->ops ? split_by_phase(r, err) : measure_all(r, err));
    end_texts(r);
    return ok;
}

static bool take_memory(running *r, nomul_error *err)
{
    size_t n_vocab = nomul_model_get_info(r->model)->n_vocab;
    size_t n_texts = (size_t)largest(&r->n_parallel);
    size_t n_ids = (size_t)(largest(&r->n_prompt) + largest(&r->n_gen)) + n_texts;
    nm_rng rng;

    r->ids = nm_alloc(n_ids * sizeof *r->ids);
    r->logits = nm_alloc(n_texts * n_vocab * sizeof *r->logits);
    r->feeds = nm_alloc(n_texts * sizeof *r->feeds);
    if (!r->ids || !r->logits || !r->feeds)
        return nm_fail_memory(err, n_texts * n_vocab * sizeof *r->logits);
    memset(r->feeds, 0, n_texts * sizeof *r->feeds);
    nm_rng_init(&rng, 1);
    for (size_t i = 0; i < n_ids; i++) r->ids[i] = (int32_t)nm_rng_below(&rng, n_vocab);
    return true;
}

static bool bench_model(running *r, nomul_error *err)
{
    bool ok = take_memory(r, err);

    r->result.model = r->model;
    r->result.path = r->path;
    for (size_t t = 0; ok && t < r->n_threads.n; t++)
        for (size_t b = 0; ok && b < r->n_batch.n; b++)
            ok = bench_session(r, (size_t)r->n_threads.at[t], (size_t)r->n_batch.at[b], err);
    nm_free(r->ids);
    nm_free(r->logits);
    nm_free(r->feeds);
    r->ids = NULL, r->logits = NULL, r->feeds = NULL;
    return ok;
}

static nomul_model_options model_options(const running *r)
{
    nomul_model_options o;

    nomul_model_options_init(&o);
    o.kernels = r->kernels;
    return o;
}

static int bench_file(running *r, const char *file)
{
    nomul_model_options o = model_options(r);
    nomul_error         err;

    r->model = nm_model_open(file, r->argv0, &o, &r->path);
    if (!r->model) return NM_EXIT_FAILED;
    int code = bench_model(r, &err) ? NM_EXIT_DONE : nm_command_failed(&err);
    nomul_model_close(r->model);
    return code;
}

static int bench_shape(running *r, const char *shape)
{
    nomul_model_options o = model_options(r);
    nomul_error         err;
    size_t              n_bytes = 0;

    r->path = shape;
    r->bytes = nomul_bench_synthesize(shape, packings[r->args->pack], &n_bytes, &err);
    r->model = r->bytes ? nomul_model_open_memory(r->bytes, n_bytes, &o, &err) : NULL;
    int code = r->model && bench_model(r, &err) ? NM_EXIT_DONE : nm_command_failed(&err);
    nomul_model_close(r->model);
    nomul_bench_free(r->bytes);
    return code;
}

static int bench_all(running *r)
{
    const bench_args *args = r->args;
    int               code = NM_EXIT_DONE;

    nomul_error err;

    if (args->ops && !nm_bench_ops(r->kernels, args->quick, &err)) return nm_command_failed(&err);
    if (args->models.n + args->shapes.n == 0) return bench_file(r, NULL);
    for (size_t i = 0; i < args->models.n && code == NM_EXIT_DONE; i++)
        code = bench_file(r, args->models.at[i]);
    for (size_t i = 0; i < args->shapes.n && code == NM_EXIT_DONE; i++)
        code = bench_shape(r, args->shapes.at[i]);
    return code;
}

static int run(const void *arguments, const char *argv0)
{
    const bench_args *args = arguments;
    running          *r = nm_alloc(sizeof *r);
    int               code = NM_EXIT_MISUSED;

    if (!r) return nm_command_failed(NULL);
    *r = (running){.args = args, .argv0 = argv0};
    r->writer = (nm_bench_writer){(nm_bench_format)args->format, args->n_batch.n > 0, 0};
    if (check_args(r)) {
        nm_interrupt_catch();
        code = bench_all(r);
        nm_bench_end(&r->writer);
    }
    nm_free(r);
    return code;
}

const nm_command nm_cmd_bench = {
    "bench",
    "measure tokens a second beside what the memory allows",
    "Measures how fast a model reads prompts (ppN: N random tokens fed together) and generates "
    "(tgN: N random tokens fed one by one; tgN xK: of each of K texts at once). Columns, formats "
    "and keys are those of llama-bench; t/s is the average and standard deviation of the "
    "repetitions, of all texts together.\n\n"
    "Ours behind them: weight_bytes_per_token is what generating a token reads, or one of each of "
    "several texts, every stored byte "
    "of "
    "the ternary tensors, the gains and one row of the embedding; read_bandwidth_gbs is what a "
    "loop "
    "that does nothing but read gets from the same bytes with the same threads, before and after "
    "each repetition; bandwidth_percent is the share of it that generating reached, the median of "
    "the repetitions.\n\n"
    "--ops measures each kernel of each instruction set on one thread, from the caches and from "
    "memory, beside a loop that only reads the same bytes.",
    table,
    sizeof(bench_args),
    run};
