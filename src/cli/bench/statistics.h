/* SPDX-License-Identifier: Apache-2.0 */
/* What a few measurements say together; 0 of none. */
#ifndef NM_STATISTICS_H
#define NM_STATISTICS_H

#include <stddef.h>

double nm_mean(const double *x, size_t n);
double nm_deviation(const double *x, size_t n); /* of the sample: divided by n - 1; 0 of one */
double nm_median(double *x, size_t n);          /* sorts them */

#endif
