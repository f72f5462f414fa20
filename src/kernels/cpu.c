/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x86: a feature can be used if CPUID reports it and the operating system saves the registers it
 * works on, which XCR0 reports (Intel SDM volume 1, chapter 13).  aarch64 includes NEON.  Whoever
 * chooses kernels asks here; nothing else in the library looks at the CPU.
 */
#include "kernels/cpu.h"

#include <stdbool.h>
#include <string.h>

enum { EBX, ECX }; /* the registers of CPUID that have the bits below */

#define YMM 0x06u /* in XCR0: SSE, AVX */
#define ZMM 0xE6u /* and mask registers, upper halves of zmm0-15, zmm16-31 */

/* clang-format off */
/* One row per feature.  leaf 0: CPUID has no bit for it. */
static const struct feature {
    const char *name;
    uint32_t    bit;
    uint32_t    leaf, where, at; /* CPUID leaf (subleaf 0), register, bit in it */
    uint32_t    state;           /* bits of XCR0 that must be set */
} features[] = {
    {"ssse3",      NM_CPU_SSSE3,      1, ECX, 9,  0},
    {"avx2",       NM_CPU_AVX2,       7, EBX, 5,  YMM},
    {"avx512f",    NM_CPU_AVX512F,    7, EBX, 16, ZMM},
    {"avx512bw",   NM_CPU_AVX512BW,   7, EBX, 30, ZMM},
    {"avx512vl",   NM_CPU_AVX512VL,   7, EBX, 31, ZMM},
    {"avx512vbmi", NM_CPU_AVX512VBMI, 7, ECX, 1,  ZMM},
    {"gfni",       NM_CPU_GFNI,       7, ECX, 8,  0},
    {"neon",       NM_CPU_NEON,       0, 0,   0,  0},
    {"l1d48k",     NM_CPU_L1D_48K,    0, 0,   0,  0},
};
/* clang-format on */

#define N_FEATURES (sizeof features / sizeof features[0])

#if defined(__x86_64__)

#include <cpuid.h>

/* Bytes of the first cache of this leaf, if that is a data cache; 0 if unknown. */
static size_t first_cache(uint32_t leaf)
{
    const uint32_t data = 1;
    uint32_t       eax, ebx, ecx, edx;

    if (!__get_cpuid_count(leaf, 0, &eax, &ebx, &ecx, &edx) || (eax & 31) != data) return 0;
    size_t line = (ebx & 0xFFF) + 1, partitions = (ebx >> 12 & 0x3FF) + 1, ways = (ebx >> 22) + 1;
    return line * partitions * ways * ((size_t)ecx + 1);
}

/*
 * Nothing is kept between calls: the library has no variables.  Each leaf is read once, as CPUID
 * traps under a hypervisor and then takes a few microseconds; opening a model asks once or twice.
 */
uint32_t nm_cpu_features(void)
{
    const uint32_t osxsave = 1u << 27, intel_caches = 4, amd_caches = 0x8000001D;
    uint32_t       eax, edx, one[2] = {0, 0}, seven[2] = {0, 0}, saved = 0, bits = 0;

    if (!__get_cpuid(1, &eax, &one[EBX], &one[ECX], &edx)) return 0;
    __get_cpuid_count(7, 0, &eax, &seven[EBX], &seven[ECX], &edx);
    if (one[ECX] & osxsave) __asm__ volatile("xgetbv" : "=a"(saved), "=d"(edx) : "c"(0));
    for (size_t i = 0; i < N_FEATURES; i++) {
        const struct feature *f = &features[i];
        const uint32_t       *found = f->leaf == 1 ? one : seven;
        if (f->leaf && (found[f->where] >> f->at & 1) && (f->state & ~saved) == 0) bits |= f->bit;
    }
    if (first_cache(intel_caches) >= 48 << 10 || first_cache(amd_caches) >= 48 << 10)
        bits |= NM_CPU_L1D_48K;
    return bits;
}

#else

uint32_t nm_cpu_features(void)
{
#if defined(__aarch64__)
    return NM_CPU_NEON;
#else
    return 0;
#endif
}

#endif

void nm_cpu_names(char *text, size_t size, uint32_t bits)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < N_FEATURES; i++) {
        size_t length = strlen(features[i].name), space = used > 0;
        if (!(bits & features[i].bit)) continue;
        if (used + space + length >= size) return;
        if (space) text[used++] = ' ';
        memcpy(text + used, features[i].name, length + 1);
        used += length;
    }
}
