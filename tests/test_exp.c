/* SPDX-License-Identifier: Apache-2.0 */
/* nm_exp beside libm's exp in binary64, which is right far beyond a binary32's last bit. */
#include "test.h"

#include "base/bytes.h"
#include "base/exp.h"
#include "base/rng.h"

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

/* Beside libm's logarithm, which is at most 1 ulp off itself. */
static void test_log(void)
{
    double most = 0, at = 0;
    nm_rng rng;

    test_case("log is as libm's to 1 ulp, and has the same bits everywhere");
    nm_rng_init(&rng, 3);
    for (int i = 0; i < 200000; i++) {
        double x = ldexp(1 + nm_rng_double(&rng), (int)nm_rng_below(&rng, 2000) - 1000);
        if (i % 2) x = 1 + ldexp(nm_rng_double(&rng) - 0.5, -(int)nm_rng_below(&rng, 40));
        double want = log(x), error = fabs(nm_log(x) - want) / fabs(nextafter(want, 1e9) - want);
        if (!(error <= most)) most = error, at = x;
    }
    CHECK_THAT(most <= 1, "%g ulp at %a", most, at);
    CHECK(nm_log(1) == 0 && nm_log(2) == 0x1.62e42fefa39efp-1);
    CHECK(nm_log(32000) == 0x1.4bf3a3c7631ebp+3 && nm_log(0.75) == -0x1.269621134db92p-2);
}

void test_exp(void)
{
    test_log();
    test_bound(4099); /* prime, so that all low bits occur */
    test_ends();
}

void test_exp_every_float(void)
{
    test_bound(1);
}
