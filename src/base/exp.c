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
 */
#include "base/exp.h"

float nm_exp(float x)
{
    return nm_exp_inline(x);
}
