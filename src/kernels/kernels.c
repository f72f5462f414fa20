/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of kernels.def, and the choice of a row by name or by what the CPU has: the last row
 * that runs is the best.  A name that the CPU cannot run is an error that says which feature is
 * missing, never a silent fallback.
 */
#include "kernels/kernels.h"

#include "base/error.h"
#include "kernels/cpu.h"

#include <stdio.h>
#include <string.h>

static const nm_kernels rows[] = {
#define NM_KERNELS(name, ternary, floats, packing, features)                                       \
    {#name, features, nm_##ternary##_ternary, &nm_##floats##_floats, packing},
#include "kernels/kernels.def"
};

#define N_ROWS (sizeof rows / sizeof rows[0])

const nm_kernels *nm_kernels_row(size_t n)
{
    return n < N_ROWS ? &rows[n] : NULL;
}

bool nm_kernels_runs(const nm_kernels *kernels, char *missing, size_t size)
{
    uint32_t lacking = kernels->features ? kernels->features & ~nm_cpu_features() : 0;

    nm_cpu_names(missing, size, lacking);
    return lacking == 0;
}

bool nm_kernels_choose(const nm_kernels **kernels, const char *name, nomul_error *err)
{
    char   words[256];
    size_t n = 0;

    if (!name) {
        uint32_t features = nm_cpu_features();
        *kernels = &rows[N_ROWS - 1];
        while ((*kernels)->features & ~features) --*kernels; /* row 0 needs nothing */
        return true;
    }
    for (size_t i = 0; i < N_ROWS; i++) {
        if (strcmp(rows[i].name, name) != 0) continue;
        *kernels = &rows[i];
        if (nm_kernels_runs(*kernels, words, sizeof words)) return true;
        return nm_fail(err, NOMUL_E_UNSUPPORTED, "kernels %s: this CPU lacks %s", name, words);
    }
    for (size_t i = 0; i < N_ROWS && n < sizeof words; i++)
        n += (size_t)snprintf(words + n, sizeof words - n, "%s%s", i ? ", " : "", rows[i].name);
    return nm_fail(err, NOMUL_E_ARG, "kernels %s: not in this build, which has %s", name, words);
}

const nm_float_ops *nm_kernels_any_floats(void)
{
#if defined(__x86_64__)
    return &nm_sse2_floats;
#else
    return rows[N_ROWS - 1].floats; /* NEON, SIMD or scalar: decided when this was compiled */
#endif
}
