/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/bench/statistics.h"

#include <math.h>
#include <stdlib.h>

double nm_mean(const double *x, size_t n)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) sum += x[i];
    return n ? sum / (double)n : 0;
}

double nm_deviation(const double *x, size_t n)
{
    double mean = nm_mean(x, n), sum = 0;

    if (n < 2) return 0;
    for (size_t i = 0; i < n; i++) sum += (x[i] - mean) * (x[i] - mean);
    return sqrt(sum / (double)(n - 1));
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double nm_median(double *x, size_t n)
{
    if (n == 0) return 0;
    qsort(x, n, sizeof *x, compare);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}
