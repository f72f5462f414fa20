/* SPDX-License-Identifier: Apache-2.0 */
/*
 * After the reference code of the authors.  The state must not be all zeros, which it would never
 * leave; splitmix64 makes 256 bits of a seed, and never that.  Doubles take the upper 53 bits, as
 * many as a binary64 holds.
 */
#include "base/rng.h"

#include "base/bytes.h"

void nm_rng_init(nm_rng *rng, uint64_t seed)
{
    for (int i = 0; i < 4; i++) {
        seed += 0x9E3779B97F4A7C15u;
        uint64_t z = seed;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
        z = (z ^ z >> 27) * 0x94D049BB133111EBu;
        rng->s[i] = z ^ z >> 31;
    }
}

uint64_t nm_rng_next(nm_rng *rng)
{
    uint64_t *s = rng->s;
    uint64_t  result = nm_rotate_left(s[1] * 5, 7) * 9;
    uint64_t  shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = nm_rotate_left(s[3], 45);
    return result;
}

double nm_rng_double(nm_rng *rng)
{
    return (double)(nm_rng_next(rng) >> 11) * 0x1p-53;
}

uint64_t nm_rng_below(nm_rng *rng, uint64_t limit)
{
    return nm_rng_next(rng) % limit;
}
