/* SPDX-License-Identifier: Apache-2.0 */
/*
 * e^x = 2^n e^r with n = round(x / ln 2), |r| <= ln 2 / 2.  The polynomial is that of expf in
 * Cephes (Moshier); the order of operations is ours, and every vector kernel repeats it.
 *
 *     n     adding and subtracting NM_ROUNDER rounds to an integer without a conversion
 *     r     x - n ln 2, with ln 2 in two parts: n times the high part is exact, and so is the
 *           first subtraction, in which most bits cancel
 *     e^r   1 + r + r^2 p(r), p of degree 5
 *     2^n   n + 127 put where a binary32 has its exponent
 *
 * log x = k ln 2 + log m with x = 2^k m, m between sqrt(1/2) and sqrt(2): the series of the inverse
 * hyperbolic tangent of s = (m - 1) / (m + 1), with the coefficients of fdlibm's log (Sun, 1993).
 */
#include "base/exp.h"

float nm_exp(float x)
{
    return nm_exp_inline(x);
}

double nm_log(double x)
{
    static const double c[] = {6.666666666666735130e-01, 3.999999999940941908e-01,
                               2.857142874366239149e-01, 2.222219843214978396e-01,
                               1.818357216161805012e-01, 1.531383769920937332e-01,
                               1.479819860511658591e-01};
    const double        ln2_high = 6.93147180369123816490e-01, ln2_low = 1.90821492927058770002e-10;
    const uint64_t      sqrt_half = 0x3FE6A09E00000000u, one = 0x3FF0000000000000u;
    uint64_t            bits;
    double              sum = 0;

    /* x = 2^k m: what the exponent of x is above that of sqrt(1/2) is taken from it. */
    memcpy(&bits, &x, sizeof bits);
    bits += one - sqrt_half;
    double k = (double)((int64_t)(bits >> 52) - 1023);
    bits = (bits & 0x000FFFFFFFFFFFFFu) + sqrt_half;
    memcpy(&x, &bits, sizeof x);

    double f = x - 1, s = f / (2 + f), z = s * s;
    for (size_t i = sizeof c / sizeof *c; i > 0; i--) sum = (sum + c[i - 1]) * z;
    double half_square = 0.5 * f * f;
    return k * ln2_high - ((half_square - (s * (half_square + sum) + k * ln2_low)) - f);
}
