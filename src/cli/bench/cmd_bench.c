/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul bench: tokens per second, next to what the memory bandwidth would allow.  Options, tests
 * and output are llama-bench's where it has them.  Every model is measured with every number of
 * threads and every batch size, and each of these sessions runs all tests:
 *
 *   run ─> nm_bench_fits     each shape, before anything is measured             bench_plan.c
 *   run ─> nm_bench_open     each model: opened, or made in memory               bench_plan.c
 *          nm_bench_model    each number of threads, each batch size            bench_measure.c
 *              bench_session     each test
 *                measure           each repetition ─> nm_bench_write ─> bench_result ──┐
 *   run ─> nm_bench_ops        each operation alone      bench_ops.c ──────────────────┤
 *                                                        stdout <── bench_result: md .. csv
 */
#include "base/os.h"
#include "cli/bench/bench_measure.h"
#include "cli/bench/bench_ops.h"
#include "cli/commands.h"
#include "nomul_bench.h"

#define F(field) offsetof(nm_bench_args, field)
static const nm_option table[] = {
    NM_GROUP("The model"),
    NM_LIST('m', "model", F(models), "FILE", "model file; may be repeated"),
    NM_LIST(
        0, "shape", F(shapes), "370m|1.3b|2.7b|13b|100b",
        "instead of a file, a model of this shape with random weights, made in memory; any other "
        "is layers,width,feed-forward,vocabulary; may be repeated"),
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

static int run(const void *arguments)
{
    const nm_bench_args *args = arguments;
    nm_bench_plan        p;
    int                  code = NM_EXIT_DONE;
    nomul_error          err;

    if (nm_bench_plan_make(&p, args) != NM_EXIT_DONE) return NM_EXIT_MISUSED;
    nm_bench b = {
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
        if (code == NM_EXIT_DONE && !nm_bench_model(&b, &err)) code = nm_output_failed(&err);
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
    "Columns, formats and keys are those of llama-bench; t/s is the mean and standard deviation of "
    "the repetitions, over all texts.\n\n"
    "Columns of nomul's own: weight_bytes_per_token is what a step of generation reads: all bytes "
    "of the ternary tensors, the gains and one row of the embedding. read_bandwidth_gbs is the "
    "bandwidth of a plain read loop over the same weights with the same threads, measured before "
    "and after each repetition. bandwidth_percent is the percentage of that bandwidth that "
    "generation reached, the median of the repetitions.\n\n"
    "json, jsonl and csv have more fields. signal_ns is a round trip from one thread to another "
    "through a cache line, the median of the probes after each repetition; none with one "
    "thread, or if none was answered in time. ttft_ns is the time to the first logits, the median "
    "of the repetitions: after the whole prompt, or the first step of generating. state_bytes is "
    "all that a text keeps. logits_hash is the XXH64 of "
    "the logits after eight fixed ids, the same on every machine and with any --pack.\n\n"
    "A shape, a batch or a number of texts that does not fit into the memory that is available is "
    "refused before it is allocated. A shape takes the memory of its file and its session: 3.6 GB "
    "for 13b, 25.8 for 100b, 20.8 with --pack 1.6bit.\n\n"
    "--ops measures each kernel of each instruction set on one thread, with weights from the "
    "caches and from memory, next to a plain read loop over the same bytes; then how the time of a "
    "generated token is spent, and what choosing an id from its logits takes beside that. In json, "
    "jsonl and csv all are records with the same fields.",
    table,
    sizeof(nm_bench_args),
    run};
