/* SPDX-License-Identifier: Apache-2.0 */
/* What the trainer's two test programs share: counted checks, and a distance of arrays. */
#ifndef NM_TRAIN_TEST_H
#define NM_TRAIN_TEST_H

#include <math.h>
#include <stddef.h>
#include <stdio.h>

static int n_passed, n_failed;

/* printf-like name of the case after the condition. */
#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (condition) {                                                                           \
            n_passed++;                                                                            \
        } else {                                                                                   \
            n_failed++;                                                                            \
            printf("%s:%d: ", __FILE__, __LINE__);                                                 \
            printf(__VA_ARGS__);                                                                   \
            printf("\n");                                                                          \
        }                                                                                          \
    } while (0)

/* ||a - b|| / ||b|| */
static double distance(const float *a, const float *b, size_t n)
{
    double d = 0, s = 0;

    for (size_t i = 0; i < n; i++) {
        double e = (double)a[i] - (double)b[i];
        d += e * e, s += (double)b[i] * (double)b[i];
    }
    return sqrt(d / (s > 0 ? s : 1));
}

#endif
