/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lists are llama-bench's, checked as strictly as other options: each value in its range, a
 * range that goes up, at most NM_MOST_COUNTS values.
 */
#include "cli/bench/figures.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "base/error.h"

/* ---- Lists of counts ------------------------------------------------------------------------- */

/*
 * The loop over a range goes one step past its last value, which is at most 2^24 for every option.
 * With 11 digits a step makes at most 2^24 * 10^11 < 2^61 of it; 12 digits could overflow.
 */
#define MOST_DIGITS 11

/* Digits at *at, which moves past them. */
static bool take_number(const char **at, int64_t *number)
{
    size_t n_digits = strspn(*at, "0123456789");

    *number = 0;
    if (n_digits == 0 || n_digits > MOST_DIGITS) return false;
    for (size_t i = 0; i < n_digits; i++) *number = 10 * *number + (*(*at)++ - '0');
    return true;
}

/* A step of 0, or of *1 or from 0 by a factor, would never reach the end of its range. */
bool nm_counts_add(nm_counts *counts, const char *text, int64_t least, int64_t most,
                   nomul_error *err)
{
    for (const char *at = text;; at++) { /* first[-last[+step|*factor]], then a comma or the end */
        int64_t first, last, step = 1;
        char    op = '+';
        bool    ok = take_number(&at, &first);

        last = first;
        if (ok && *at == '-') {
            at++;
            ok = take_number(&at, &last);
            if (ok && (*at == '+' || *at == '*')) {
                op = *at++;
                ok = take_number(&at, &step);
            }
        }
        if (!ok || (*at != '\0' && *at != ','))
            return nm_fail(err, NOMUL_E_ARG,
                           "'%.120s' is not like 4 or 1,2,4 or 2-8 or 2-8+2 or 2-16*2", text);
        bool grows = op == '+' ? step > 0 : step > 1 && first > 0;
        if (first > last || (first < last && !grows))
            return nm_fail(err, NOMUL_E_ARG, "'%.120s': a range goes up", text);
        if (first < least || last > most)
            return nm_fail(err, NOMUL_E_ARG, "%.120s is out of range (%" PRId64 " to %" PRId64 ")",
                           text, least, most);
        for (int64_t i = first; i <= last; i = op == '+' ? i + step : i * step) {
            if (counts->n == NM_MOST_COUNTS)
                return nm_fail(err, NOMUL_E_ARG, "'%.120s': more than %d values", text,
                               NM_MOST_COUNTS);
            counts->at[counts->n++] = i;
            if (first == last) break;
        }
        if (*at == '\0') return true;
    }
}

int64_t nm_counts_largest(const nm_counts *counts)
{
    int64_t largest = 0;

    for (size_t i = 0; i < counts->n; i++)
        if (counts->at[i] > largest) largest = counts->at[i];
    return largest;
}

/* ---- Statistics ------------------------------------------------------------------------------ */

double nm_mean(const double *x, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) sum += x[i];
    return n ? sum / (double)n : 0;
}

/* Two passes: the sum of squares less the squared sum would cancel for times that hardly vary. */
double nm_deviation(const double *x, size_t n)
{
    double mean = nm_mean(x, n), sum = 0;

    if (n < 2) return 0;
    for (size_t i = 0; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
    return sqrt(sum / (double)(n - 1));
}

double nm_median(const double *x, size_t n)
{
    double sorted[NM_MOST_VALUES];

    if (n == 0) return 0;
    for (size_t i = 0; i < n; i++) { /* larger ones move up, to make room for the next */
        size_t to = i;
        for (; to > 0 && sorted[to - 1] > x[i]; to--) sorted[to] = sorted[to - 1];
        sorted[to] = x[i];
    }
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}
