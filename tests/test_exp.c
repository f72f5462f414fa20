/* SPDX-License-Identifier: Apache-2.0 */
/* nm_exp beside libm's exp in binary64, which is right far beyond a binary32's last bit. */
#include "test.h"

#include "base/bytes.h"
#include "base/exp.h"

#include <math.h>

/* Units in the last place of a binary32 near `want`, which go no lower than 2^-149. */
static double error_in_ulps(float got, double want)
{
    int exponent;

    frexp(want, &exponent);
    if (exponent < -125) exponent = -125;
    return fabs((double)got - want) / ldexp(1, exponent - 24);
}

static void test_bound(uint32_t step)
{
    double most = 0;
    float  at = 0;

    test_case("exp is less than 1 ulp off, every %uth float", step);
    for (uint64_t bits = 0; bits < UINT64_C(1) << 32; bits += step) {
        float  x = nm_float_of_bits((uint32_t)bits);
        double want = exp((double)x);
        if (!(fabs((double)x) < 160)) continue;
        if (want > 0x1.fffffep127) { /* the largest float; half an ulp beyond is rounded down */
            CHECK(isinf(nm_exp(x)));
            continue;
        }
        double error = error_in_ulps(nm_exp(x), want);
        if (!(error <= most)) most = error, at = x;
    }
    CHECK_THAT(most < 1, "%.6f ulp at %a", most, (double)at);
}

static void test_ends(void)
{
    test_case("exp far out, of 0 and of no number");
    CHECK(nm_exp(0.0f) == 1.0f && nm_exp(-0.0f) == 1.0f);
    CHECK(nm_exp(INFINITY) == INFINITY && nm_exp(1e38f) == INFINITY && nm_exp(88.73f) == INFINITY);
    CHECK(nm_exp(-INFINITY) == 0.0f && nm_exp(-1e38f) == 0.0f && nm_exp(-104.0f) == 0.0f);
    CHECK(nm_exp(-103.9f) == 0x1p-149f);
    CHECK(isnan(nm_exp(NAN)) && isnan(nm_exp(-NAN)));
}

void test_exp(void)
{
    test_bound(4099); /* prime, so that all low bits occur */
    test_ends();
}

void test_exp_every_float(void)
{
    test_bound(1);
}
