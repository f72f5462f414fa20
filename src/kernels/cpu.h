/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU features beyond the baseline of the architecture, as far as the operating system allows their
 * use.  A row of kernels.def names those it needs.  Names are for people: info, selftest and
 * messages print them.
 */
#ifndef NM_CPU_H
#define NM_CPU_H

#include <stddef.h>
#include <stdint.h>

enum {
    NM_CPU_SSSE3 = 1 << 0,
    NM_CPU_AVX2 = 1 << 1,
    NM_CPU_AVX512F = 1 << 2,
    NM_CPU_AVX512BW = 1 << 3,
    NM_CPU_AVX512VL = 1 << 4,
    NM_CPU_AVX512VBMI = 1 << 5,
    NM_CPU_GFNI = 1 << 6,
    NM_CPU_NEON = 1 << 7,
    NM_CPU_L1D_48K = 1 << 8, /* no instruction: a first-level data cache of at least 48 KiB */
};

/* The features that can be used here. */
uint32_t nm_cpu_features(void);

/* Their names, "avx512vbmi gfni", as many as fit text[size]; "" for none.  size > 0. */
void nm_cpu_names(char *text, size_t size, uint32_t features);

#endif
