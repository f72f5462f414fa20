/* SPDX-License-Identifier: Apache-2.0 */
/* The lists of counts that bench takes, and its statistics. */
#include "test.h"

#include "cli/bench/bench_plan.h"
#include "cli/bench/bench_result.h"

static void lists(const char *text, const char *values)
{
    nm_counts   counts = {.n = 0};
    nomul_error err;
    char        got[512] = "";
    size_t      used = 0;

    CHECK_OK(nm_counts_add(&counts, text, 0, 1000, &err), err);
    for (size_t i = 0; i < counts.n && used < sizeof got; i++)
        used += (size_t)snprintf(got + used, sizeof got - used, "%s%lld", i ? " " : "",
                                 (long long)counts.at[i]);
    CHECK_STR(got, values);
}

static void refuses(const char *text, const char *words)
{
    nm_counts   counts = {.n = 0};
    nomul_error err;

    CHECK_FAILS(nm_counts_add(&counts, text, 1, 1000, &err), err, words);
}

static void test_lists(void)
{
    test_case("lists and ranges as llama-bench has them");
    lists("0", "0");
    lists("512", "512");
    lists("1,2,4", "1 2 4");
    lists("2-8", "2 3 4 5 6 7 8");
    lists("2-8+2", "2 4 6 8");
    lists("2-9+3", "2 5 8");
    lists("2-16*2", "2 4 8 16");
    lists("3-20*2", "3 6 12");
    lists("999-1000*99999999999", "999"); /* the next one fits 64 bits */
    lists("5-5", "5");
    lists("1,2-4,10-30+10", "1 2 3 4 10 20 30");

    test_case("lists that are none");
    const char *const wrong[] = {"",      ",",   "1,",  ",1",     "1 2",
                                 "a",     "-1",  "1-",  "1-2+",   "1-2*",
                                 "1-2-3", "1+2", "1.5", "1-2+-1", "111111111111"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char words[128];
        snprintf(words, sizeof words, "'%s' is not like 4 or 1,2,4 or 2-8 or 2-8+2 or 2-16*2",
                 wrong[i]);
        refuses(wrong[i], words);
    }
    refuses("4-2", "'4-2': a range must go up");
    refuses("1-4+0", "'1-4+0': a range must go up");
    refuses("1-4*1", "'1-4*1': a range must go up");
    refuses("0-4*2", "'0-4*2': a range must go up");
    refuses("0", "0 is out of range (1 to 1000)");
    refuses("1-1001", "1-1001 is out of range (1 to 1000)");
    refuses("1-65", "'1-65': more than 64 values");
}

static void test_statistics(void)
{
    double x[4] = {4, 1, 3, 2};

    test_case("mean, deviation, median");
    CHECK(nm_mean(x, 4) == 2.5 && nm_mean(x, 0) == 0);
    CHECK(nm_deviation(x, 2) * nm_deviation(x, 2) > 4.5 - 1e-12);
    CHECK(nm_deviation(x, 2) * nm_deviation(x, 2) < 4.5 + 1e-12);
    CHECK(nm_deviation(x, 1) == 0 && nm_deviation(x, 0) == 0);
    CHECK(nm_median(x, 4) == 2.5);
    CHECK(x[0] == 4 && x[3] == 2);
    CHECK(nm_median(x, 3) == 3 && nm_median(x, 1) == 4 && nm_median(x, 0) == 0);
}

void test_counts(void)
{
    test_lists();
    test_statistics();
}
