/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random numbers: xoshiro256** 1.0, seeded by splitmix64 (Blackman, Vigna; prng.di.unimi.it).  They
 * are the same on every CPU, so a seed names a text; the state is four numbers that a session file
 * keeps.  Not for secrets.
 */
#ifndef NM_RNG_H
#define NM_RNG_H

#include <stdint.h>

typedef struct nm_rng {
    uint64_t s[4];
} nm_rng;

void     nm_rng_init(nm_rng *rng, uint64_t seed);
uint64_t nm_rng_next(nm_rng *rng);
double   nm_rng_double(nm_rng *rng); /* [0, 1), 53 bits */
/* [0, limit), limit > 0; the bias is below 2^-32 for limits below 2^32. */
uint64_t nm_rng_below(nm_rng *rng, uint64_t limit);

#endif
