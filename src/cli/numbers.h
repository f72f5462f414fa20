/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers formatted for people, always in the same way, and a random seed.  Numbers for programs
 * are record.h's.
 */
#ifndef NM_NUMBERS_H
#define NM_NUMBERS_H

#include "base/clock.h"

#include <stddef.h>
#include <stdint.h>

/* Long enough for any of these. */
typedef struct nm_shown {
    char text[32];
} nm_shown;

nm_shown nm_show_count(uint64_t n);       /* 49,357,824 */
nm_shown nm_show_bytes(uint64_t n_bytes); /* 24.7 MB: powers of 1000 */
nm_shown nm_show_seconds(double seconds); /* 12.3 ms, 4.56 s */

/* n per second; 0 if there was no time. */
double nm_rate(uint64_t n, double seconds);

/* 32 random bits: enough that seeds do not repeat, few enough to type. */
uint64_t nm_random_seed(void);

#endif
