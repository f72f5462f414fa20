/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/half.h"
#include "base/rng.h"
#include "convert/quantize.h"

#include <math.h>

static void test_trits(void)
{
    static const float edges[] = {0.5f, -0.5f, 1.5f, 2.5f, -1.5f, 0, -0.0f, 1e30f, -1e30f, 1e-40f};
    int8_t             trits[1];
    nm_rng             rng;

    test_case("codes are clip(rint(w / s), -1, 1)");
    nm_rng_init(&rng, 3);
    for (int i = 0; i < 20000; i++) {
        float scale =
            ldexpf((float)(1 + nm_rng_below(&rng, 1000)), (int)nm_rng_below(&rng, 12) - 8);
        float w =
            i < 10 ? edges[i] * scale : ((float)nm_rng_below(&rng, 4001) - 2000) / 1000 * scale;
        /* and right beside the ties */
        if (i % 3 == 1) w = nextafterf(copysignf(0.5f, w) * scale, i % 2 ? INFINITY : -INFINITY);
        float want = fminf(fmaxf(rintf(w / scale), -1), 1);
        nm_quantize_trits(trits, &w, 1, scale);
        if (trits[0] != (int8_t)want)
            test_fail(__FILE__, __LINE__, "%a / %a is %d", (double)w, (double)scale, trits[0]);
    }
}

static void test_scale(void)
{
    float       row[3], scale;
    nomul_error err;
    uint8_t     data[24];
    nm_matrix   m = {data, NM_DTYPE_F32, 2, 3};
    const float values[] = {1, -2, 3, 0.25f, 0, -5};

    test_case("the scale is the mean size of the whole matrix");
    for (size_t i = 0; i < 6; i++) nm_store_f32(data + 4 * i, values[i]);
    CHECK_OK(nm_quantize_scale(&m, row, &scale, &err), err);
    CHECK(scale == (float)(11.25 / 6));

    test_case("the scale has a floor");
    for (size_t i = 0; i < 6; i++) nm_store_f32(data + 4 * i, i ? 0 : 6e-6f);
    CHECK_OK(nm_quantize_scale(&m, row, &scale, &err), err);
    CHECK(scale == 1e-5f);

    test_case("all of the largest numbers don't overflow the mean");
    for (size_t i = 0; i < 6; i++) nm_store_u32(data + 4 * i, 0xFF7FFFFF);
    CHECK_OK(nm_quantize_scale(&m, row, &scale, &err), err);
    CHECK(nm_bits_of_float(scale) == 0x7F7FFFFF);

    test_case("all zero, negative zeros too");
    for (size_t i = 0; i < 6; i++) nm_store_u32(data + 4 * i, i % 2 ? 0x80000000 : 0);
    CHECK_FAILS(nm_quantize_scale(&m, row, &scale, &err), err, "all zero");
    test_case("half of the floor rounds to zero");
    for (size_t i = 0; i < 6; i++) nm_store_f32(data + 4 * i, 5e-6f);
    CHECK_FAILS(nm_quantize_scale(&m, row, &scale, &err), err,
                "rounds to all zero, its largest number being 5e-06");
}

static void test_load(void)
{
    uint8_t     data[8] = {0};
    float       out[2];
    nomul_error err;

    test_case("every dtype is read as what it is");
    nm_store_f32(data, 0.1f), nm_store_f32(data + 4, -3);
    CHECK_OK(nm_quantize_load_row(&(nm_matrix){data, NM_DTYPE_F32, 1, 2}, 0, out, &err), err);
    CHECK(out[0] == 0.1f && out[1] == -3);
    nm_store_u16(data, 0x3C01), nm_store_u16(data + 2, 0x8001);
    CHECK_OK(nm_quantize_load_row(&(nm_matrix){data, NM_DTYPE_F16, 2, 1}, 1, out, &err), err);
    CHECK(out[0] == -0x1p-24f);
    CHECK_OK(nm_quantize_load_row(&(nm_matrix){data, NM_DTYPE_F16, 1, 2}, 0, out, &err), err);
    CHECK(out[0] == 1 + 0x1p-10f);
    nm_store_u16(data, 0x3F81), nm_store_u16(data + 2, 0xC000);
    CHECK_OK(nm_quantize_load_row(&(nm_matrix){data, NM_DTYPE_BF16, 1, 2}, 0, out, &err), err);
    CHECK(out[0] == 1 + 0x1p-7f && out[1] == -2);

    test_case("no infinity and no NaN of any dtype");
    nm_store_u16(data + 2, 0x7C00);
    CHECK_FAILS(nm_quantize_load_row(&(nm_matrix){data, NM_DTYPE_F16, 1, 2}, 0, out, &err), err,
                "row 0, column 1 is infinite");
    nm_store_u16(data + 2, 0xFE00);
    CHECK_FAILS(nm_quantize_load_row(&(nm_matrix){data, NM_DTYPE_F16, 1, 2}, 0, out, &err), err,
                "row 0, column 1 is not a number");
    nm_store_u16(data + 2, 0xFF80);
    CHECK_FAILS(nm_quantize_load_row(&(nm_matrix){data, NM_DTYPE_BF16, 2, 1}, 1, out, &err), err,
                "row 1, column 0 is infinite");
}

static void test_encode(void)
{
    float       values[32] = {0};
    uint8_t     out[128];
    nomul_error err;

    test_case("F16: ties to even, up to 65504");
    values[0] = 1 + 0x1p-11f, values[1] = 1 + 3 * 0x1p-11f, values[2] = -65519;
    CHECK_OK(nm_quantize_encode_row(out, NM_GGUF_F16, values, 0, 3, &err), err);
    CHECK_INT(nm_load_u16(out), 0x3C00);
    CHECK_INT(nm_load_u16(out + 2), 0x3C02);
    CHECK_INT(nm_load_u16(out + 4), 0xFBFF);
    values[2] = 65520;
    CHECK_FAILS(nm_quantize_encode_row(out, NM_GGUF_F16, values, 7, 3, &err), err,
                "row 7, column 2 is 65520, too large for F16");

    test_case("Q8_0: the largest becomes 127, halves go away from zero");
    values[0] = -127, values[1] = 2.5f, values[2] = -0.5f;
    CHECK_OK(nm_quantize_encode_row(out, NM_GGUF_Q8_0, values, 0, 32, &err), err);
    CHECK_INT(nm_load_u16(out), 0x3C00);
    CHECK_INT((int8_t)out[2], -127);
    CHECK_INT((int8_t)out[3], 3);
    CHECK_INT((int8_t)out[4], -1);
    CHECK_INT((int8_t)out[5], 0);

    test_case("Q8_0: a block too small for any scale is zeros");
    memset(values, 0, sizeof values);
    values[5] = 1e-40f;
    CHECK_OK(nm_quantize_encode_row(out, NM_GGUF_Q8_0, values, 0, 32, &err), err);
    for (size_t i = 0; i < 34; i++) CHECK_INT(out[i], 0);
}

void test_quantize(void)
{
    test_trits();
    test_scale();
    test_load();
    test_encode();
}
