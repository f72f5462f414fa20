/* SPDX-License-Identifier: Apache-2.0 */
/* nomul selftest: does this CPU compute what the specification says, and by which instructions? */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/kernels_option.h"
#include "cli/numbers.h"
#include "cli/output.h"
#include "nomul_bench.h"

typedef struct selftest_args {
    const char *kernels;
} selftest_args;

#define F(field) offsetof(selftest_args, field)
static const nm_option table[] = {
    NM_KERNELS_OPTION(F(kernels)),
    {0, NULL, NM_OPT_END, 0, NULL, NULL, NULL, 0, 0},
};
#undef F

#define WORDS 256 /* the names of all features fit */

/* One line: what they are compared to, or how that went, or what is missing. */
static bool test_row(size_t index, nomul_error *err)
{
    const char *name = nomul_kernels_name(index);
    char        needed[WORDS], missing[WORDS];
    uint64_t    n = 0;
    double      began = nm_clock();

    nm_output_print("%-10s ", name);
    if (!nomul_bench_runs(index, needed, missing, WORDS)) {
        nm_output_print("not run: this CPU lacks %s\n", missing);
        return true;
    }
    if (index == 0) {
        nm_output_print("the specification that the others are compared with\n");
        return true;
    }
    nm_output_flush();
    if (!nomul_bench_selftest(index, &n, err)) {
        nm_output_print("DIFFERENT\n");
        return false;
    }
    nm_output_print("equal to scalar: %s results in %s, needs %s\n", nm_show_count(n).text,
                    nm_show_seconds(nm_clock() - began).text, needed);
    return true;
}

/* The last that runs, or the one that was asked for. */
static bool choose(const char *asked, size_t *chosen, nomul_error *err)
{
    const char *name = NULL;
    char        needed[WORDS], missing[WORDS];

    for (size_t i = 0; (name = nomul_kernels_name(i)); i++) {
        bool runs = nomul_bench_runs(i, needed, missing, WORDS);
        if (asked ? strcmp(asked, name) == 0 : runs) *chosen = i;
        if (asked && strcmp(asked, name) == 0 && !runs)
            return nm_fail(err, NOMUL_E_UNSUPPORTED, "kernels %s: this CPU lacks %s", name,
                           missing);
    }
    return true;
}

static void print_choice(size_t chosen, const char *asked)
{
    char        needed[WORDS], missing[WORDS], found[WORDS];
    const char *name = nomul_kernels_name(chosen), *next = nomul_kernels_name(chosen + 1);

    nomul_bench_features(found, sizeof found);
    nm_output_print("%-10s %s\n", "features", *found ? found : "none beyond the baseline");
    nm_output_print("%-10s %s: ", "chosen", name);
    if (asked)
        nm_output_print("asked for\n");
    else if (!next)
        nm_output_print("the fastest of this build, and this CPU has all it needs\n");
    else if (!nomul_bench_runs(chosen + 1, needed, missing, WORDS))
        nm_output_print("%s would be faster, but this CPU lacks %s\n", next, missing);
}

static int test_all(const char *asked)
{
    nomul_error err;
    size_t      chosen = 0;

    if (!choose(asked, &chosen, &err)) return nm_command_failed(&err);
    for (size_t i = 0; nomul_kernels_name(i); i++) {
        if (asked && i != chosen) continue;
        if (nm_interrupted()) return nm_interrupt_exit_code();
        if (!test_row(i, &err)) return nm_command_failed(&err);
    }
    print_choice(chosen, asked);
    return NM_EXIT_DONE;
}

static int run(const void *arguments, const char *argv0)
{
    const selftest_args *args = arguments;
    const char          *asked = args->kernels;

    (void)argv0;
    if (!nm_kernels_option("selftest", &asked)) return NM_EXIT_MISUSED;
    nm_interrupt_catch();
    return test_all(asked);
}

const nm_command nm_cmd_selftest = {
    "selftest",
    "check that every instruction set gives the same bits",
    "Runs every operation with each instruction set that this CPU has, on random and extreme "
    "inputs, and compares the results with the plain code that is the specification. Says which "
    "one a model would use here, and why. Exit code 1 if anything differs.",
    table,
    sizeof(selftest_args),
    run};
