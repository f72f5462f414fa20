/* SPDX-License-Identifier: Apache-2.0 */
/* What people read about numbers: amounts of things, and the line of progress. */
#include "test.h"

#include "cli/output.h"

static void test_amounts(void)
{
    static const struct {
        uint64_t    n;
        const char *noun, *want;
    } rows[] = {
        {0, "token", "0 tokens"},
        {1, "token", "1 token"},
        {2, "token", "2 tokens"},
        {1234567, "byte", "1,234,567 bytes"},
        {0, NULL, "0 bytes"},
        {1, NULL, "1 byte"},
        {999, NULL, "999 bytes"},
        {1000, NULL, "1.0 kB"},
        {999949, NULL, "999.9 kB"},
        {999950, NULL, "1.0 MB"},
        {UINT64_MAX, NULL, "18446744.1 TB"},
        {UINT64_MAX, "0123456789abcdefg", "18,446,744,073,709,551,615 0123456789abcdefs"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        test_case("%s", rows[i].want);
        CHECK_STR(nm_show_amount(rows[i].n, rows[i].noun).text, rows[i].want);
    }
}

static void test_lines(void)
{
    static const struct {
        const char *unit;
        uint64_t    done, total;
        double      seconds;
        const char *want;
    } rows[] = {
        {NULL, 12300000, 24600000, 65,
         "[##########          ]  50%  12.3 MB of 24.6 MB, 1:05 left"},
        {"token", 0, 1, 3, "[                    ]   0%  0 of 1 token"},
        {"token", 999, 1000, 1, "[################### ]  99%  999 of 1,000 tokens, 0 s left"},
        {"token", 5, 4, 1, "[####################] 100%  4 of 4 tokens, 0 s left"},
        {"window", 1, 2000, 10, "[                    ]   0%  1 of 2,000 windows, 5:33:10 left"},
        {NULL, 4096, 0, 59.6, "4.1 kB in 1:00"},
        {"token", 1, 0, 59.4, "1 token in 59 s"},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        nm_progress_bar bar = {.unit = rows[i].unit};
        char            line[NM_PROGRESS_LINE];
        test_case("%s", rows[i].want);
        nm_progress_line(&bar, rows[i].done, rows[i].total, rows[i].seconds, line);
        CHECK_STR(line, rows[i].want);
    }
}

void test_progress(void)
{
    test_amounts();
    test_lines();
}
