/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nomul selftest: do all kernels that this CPU runs compute what the scalar ones do, and which of
 * them would a model use here?  For a machine that nobody has tested; the comparison itself is
 * nomul_bench_selftest of the library.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/commands.h"
#include "nomul_bench.h"

typedef struct selftest_args {
    const char *kernels;
} selftest_args;

#define F(field) offsetof(selftest_args, field)
static const nm_option table[] = {
    NM_STRING(0, "kernels", F(kernels), "NAME", "test this instruction set only"),
    NM_END,
};

#define LIST 256 /* the names of all CPU features fit */

/* Tests one variant and prints one line on it. */
static bool test_row(size_t index, nm_progress_bar *bar, nomul_error *err)
{
    char     needed[LIST], missing[LIST];
    uint64_t n = 0;
    double   began = nm_clock();
    bool     runs = nomul_bench_runs(index, needed, missing, LIST), ok = true;

    if (runs && index > 0) ok = nomul_bench_selftest(index, &n, err);
    nm_progress_erase(bar);
    nm_output_print("%-10s ", nomul_kernels_name(index));
    if (!runs)
        nm_output_print("not run: this CPU lacks %s\n", missing);
    else if (index == 0)
        nm_output_print("the specification that the others are compared with\n");
    else if (!ok)
        nm_output_print("DIFFERENT\n");
    else
        nm_output_print("equal to scalar: %s in %s, needs %s\n", nm_show_amount(n, "result").text,
                        nm_show_seconds(nm_clock() - began).text, needed);
    nm_output_flush();
    return ok;
}

/*
 * First the variant that a model would use is found, the last that this CPU runs; then all of them
 * are tested, or that of --kernels alone.
 */
static int run(const void *arguments)
{
    const selftest_args *args = arguments;
    const char          *asked = args->kernels, *name = NULL, *next;
    char                 needed[LIST], missing[LIST], found[LIST];
    size_t               chosen = 0;
    nm_progress_bar      bar = {.unit = "variant", .quiet = asked != NULL};
    nomul_error          err;

    if (nm_open_kernels(&asked) != NM_EXIT_DONE) return NM_EXIT_MISUSED;
    nm_interrupt_catch();
    for (size_t i = 0; (name = nomul_kernels_name(i));
         i++) { /* the last that runs, or that asked */
        bool runs = nomul_bench_runs(i, needed, missing, LIST);

        if (asked && strcmp(asked, name) != 0) continue;
        if (asked && !runs) {
            nm_fail(&err, NOMUL_E_UNSUPPORTED, "kernels %s: this CPU lacks %s", name, missing);
            return nm_output_failed(&err);
        }
        if (runs) chosen = i;
    }
    for (size_t i = 0; nomul_kernels_name(i); i++) {
        if (asked && i != chosen) continue;
        if (!nm_progress_show(&bar, i, chosen + 1)) return nm_interrupt_exit_code();
        if (!test_row(i, &bar, &err)) return nm_output_failed(&err);
    }

    nomul_bench_features(found, sizeof found);
    next = nomul_kernels_name(chosen + 1);
    nm_output_print("%-10s %s\n", "features", *found ? found : "none beyond the baseline");
    nm_output_print("%-10s %s: ", "chosen", nomul_kernels_name(chosen));
    if (asked)
        nm_output_print("asked for\n");
    else if (!next)
        nm_output_print("the fastest of this build, and this CPU has all it needs\n");
    else if (!nomul_bench_runs(chosen + 1, needed, missing, LIST))
        nm_output_print("%s would be faster, but this CPU lacks %s\n", next, missing);
    return NM_EXIT_DONE;
}

const nm_command nm_cmd_selftest = {
    "selftest",
    "check that all instruction sets give the same results",
    "Runs every operation with each instruction set of this CPU on random and extreme inputs, and "
    "compares the results with the scalar code, which is the specification. Prints which "
    "instruction set models use here, and why. The exit code is 1 if any result differs.",
    table,
    sizeof(selftest_args),
    run};
