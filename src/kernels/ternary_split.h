/* SPDX-License-Identifier: Apache-2.0 */
/*
 * q = 16 hi + lo, as ternary_sums.h has it, of 16 columns four times over, in vectors of 32 and 64
 * bytes: the halves that tables are made of.  V_AVERAGE(a, b), which the file that includes this
 * one defines, is (a + b + 1) >> 1 of unsigned bytes.
 */
/* What follows is for all four: those of lo (columns 0 and 1; 2 and 3), then those of hi. */
#define EACH_16(x) x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x
#define LO_HI(lo, hi)                                                                              \
    {                                                                                              \
        EACH_16(lo), EACH_16(lo), EACH_16(hi), EACH_16(hi)                                         \
    }

/*
 * lo + 8 = (q + 8) & 15;  hi + 8 = (u + 1) >> 1 of u = (q + 128) >> 3, at most 31: the average of u
 * and 0, while the average of lo with itself is lo.
 */
static const uint8_t split_add[64] = LO_HI(8, 128), split_mask[64] = LO_HI(15, 31);
static const uint8_t split_same[64] = LO_HI(0xFF, 0);

INLINE vec split_columns(vec q, size_t at)
{
    const vec32 shift = (vec32)(load(split_same + at) ^ 0xFF) & 3;
    vec         u = (vec)((vec32)(q + load(split_add + at)) >> shift) & load(split_mask + at);

    return V_AVERAGE(u, u & load(split_same + at)) - 8;
}
