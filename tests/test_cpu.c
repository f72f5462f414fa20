/* SPDX-License-Identifier: Apache-2.0 */
/* CPU features, and the choice among the rows of kernels.def by them. */
#include "test.h"

#include "kernels/cpu.h"
#include "kernels/kernels.h"

static void test_names(void)
{
    char text[64];

    test_case("features have names");
    nm_cpu_names(text, sizeof text, 0);
    CHECK_STR(text, "");
    nm_cpu_names(text, sizeof text, NM_CPU_GFNI | NM_CPU_AVX2);
    CHECK_STR(text, "avx2 gfni");
    nm_cpu_names(text, 10, NM_CPU_GFNI | NM_CPU_AVX2);
    CHECK_STR(text, "avx2 gfni");
    nm_cpu_names(text, 9, NM_CPU_GFNI | NM_CPU_AVX2);
    CHECK_STR(text, "avx2");
    nm_cpu_names(text, 1, NM_CPU_NEON);
    CHECK_STR(text, "");
}

static void test_features(void)
{
    uint32_t features = nm_cpu_features();

    test_case("features are those of this architecture");
#if defined(__x86_64__)
    CHECK_INT(features & NM_CPU_NEON, 0);
    CHECK_INT(!!(features & NM_CPU_SSSE3), !!__builtin_cpu_supports("ssse3"));
    CHECK_INT(!!(features & NM_CPU_AVX2), !!__builtin_cpu_supports("avx2"));
    CHECK_INT(!!(features & NM_CPU_AVX512F), !!__builtin_cpu_supports("avx512f"));
    CHECK_INT(!!(features & NM_CPU_AVX512BW), !!__builtin_cpu_supports("avx512bw"));
    CHECK_INT(!!(features & NM_CPU_AVX512VL), !!__builtin_cpu_supports("avx512vl"));
    CHECK_INT(!!(features & NM_CPU_AVX512VBMI), !!__builtin_cpu_supports("avx512vbmi"));
#elif defined(__aarch64__)
    CHECK_INT(features, NM_CPU_NEON);
#else
    CHECK_INT(features, 0);
#endif
}

static void test_rows(void)
{
    char              missing[128];
    const nm_kernels *row, *best, *last = NULL;

    test_case("the first row is scalar and runs anywhere");
    row = nm_kernels_row(0);
    CHECK_STR(row->name, "scalar");
    CHECK(nm_kernels_runs(row, missing, sizeof missing));
    CHECK_STR(missing, "");

    test_case("the best row is the last that runs");
    CHECK(nm_kernels_choose(&best, NULL, NULL));
    for (size_t i = 0; (row = nm_kernels_row(i)); i++)
        if (nm_kernels_runs(row, missing, sizeof missing)) last = row;
    CHECK(last == best);

    test_case("a row that does not run says what it lacks");
    nm_kernels foreign = *best;
    foreign.features |= NM_CPU_NEON | NM_CPU_GFNI;
    CHECK(!nm_kernels_runs(&foreign, missing, sizeof missing));
    CHECK(strstr(missing, nm_cpu_features() & NM_CPU_NEON ? "gfni" : "neon"));

    test_case("every row is complete");
    for (size_t i = 0; (row = nm_kernels_row(i)); i++) {
        const nm_float_ops *f = row->floats;
#define NM_FLOAT_OP(result, name, parameters, arguments) CHECK(f->name);
#include "kernels/float_ops.def"
        for (size_t packing = 0; packing < NM_PACKINGS; packing++) {
            const nm_ternary_ops *t = &row->ternary[packing];
            CHECK_THAT(t->make_tables && t->add_tile && t->many && t->many->add_tile,
                       "%s: packing %s", row->name, nm_packings[packing].name);
            CHECK_INT(t->table_bytes % 64, 0);
        }
    }
}

void test_cpu(void)
{
    test_names();
    test_features();
    test_rows();
}
