/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The read loop.  Four independent sums, so that no load waits for another; prefetched
 * into the second level, which is as fast here as past the caches.  The sum is kept from the
 * optimizer; the widest loop that the CPU runs is chosen as kernels are.
 */
#include "kernels/read.h"

#include "kernels/cpu.h"
#include "kernels/target.h"

#define AHEAD 6144

/* Vectors of this width; NM_READ_STEP is a multiple of four of the widest. */
#define DEFINE_READ(name, target, width)                                                           \
    target static void name(const uint8_t *bytes, size_t n_bytes)                                  \
    {                                                                                              \
        typedef uint64_t vec __attribute__((vector_size(width), may_alias));                       \
        vec              a = {0}, b = a, c = a, d = a;                                             \
                                                                                                   \
        for (const uint8_t *end = bytes + n_bytes; bytes < end; bytes += 4 * sizeof a) {           \
            const vec *p = (const vec *)(const void *)bytes;                                       \
            for (size_t line = 0; line < 4 * sizeof a; line += 64)                                 \
                __builtin_prefetch(bytes + AHEAD + line, 0, 2);                                    \
            a += p[0], b += p[1], c += p[2], d += p[3];                                            \
        }                                                                                          \
        a += b + c + d;                                                                            \
        __asm__ volatile("" : : "m"(a)); /* so that no load is left out */                         \
    }

DEFINE_READ(read_16, , 16)

#if defined(__x86_64__)

DEFINE_READ(read_avx2, NM_TARGET("avx2"), 32)
DEFINE_READ(read_avx512, NM_TARGET("avx512f"), 64)

#endif

nm_read nm_read_best(void)
{
#if defined(__x86_64__)
    if (nm_cpu_features() & NM_CPU_AVX512F) return read_avx512;
    if (nm_cpu_features() & NM_CPU_AVX2) return read_avx2;
#endif
    return read_16;
}
