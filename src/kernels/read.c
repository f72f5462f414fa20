/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Four independent sums, so that no load waits for another; prefetched as the products are, as far
 * ahead and into the second level.  Each sum ends in an empty asm: nothing may leave a load out.
 */
#include "kernels/read.h"

#include "kernels/cpu.h"
#include "kernels/target.h"

#define AHEAD 6144
#define PREFETCH(p) __builtin_prefetch(p, 0, 2)

static void read_words(const uint8_t *bytes, size_t n_bytes)
{
    const uint64_t *p = (const uint64_t *)(const void *)bytes;
    uint64_t        a = 0, b = 0, c = 0, d = 0;

    for (size_t i = 0; i < n_bytes / 8; i += 8) {
        PREFETCH(bytes + 8 * i + AHEAD);
        a += p[i] + p[i + 4];
        b += p[i + 1] + p[i + 5];
        c += p[i + 2] + p[i + 6];
        d += p[i + 3] + p[i + 7];
    }
    __asm__ volatile("" : : "r"(a + b + c + d));
}

#if defined(__x86_64__)

#include <immintrin.h>

NM_TARGET("avx2")
static void read_avx2(const uint8_t *bytes, size_t n_bytes)
{
    __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;

    for (size_t i = 0; i < n_bytes; i += 128) {
        const __m256i *p = (const __m256i *)(const void *)(bytes + i);
        PREFETCH(bytes + i + AHEAD);
        PREFETCH(bytes + i + AHEAD + 64);
        a = _mm256_add_epi64(a, _mm256_load_si256(p));
        b = _mm256_add_epi64(b, _mm256_load_si256(p + 1));
        c = _mm256_add_epi64(c, _mm256_load_si256(p + 2));
        d = _mm256_add_epi64(d, _mm256_load_si256(p + 3));
    }
    a = _mm256_add_epi64(_mm256_add_epi64(a, b), _mm256_add_epi64(c, d));
    __asm__ volatile("" : : "x"(a));
}

NM_TARGET("avx512f")
static void read_avx512(const uint8_t *bytes, size_t n_bytes)
{
    __m512i a = _mm512_setzero_si512(), b = a, c = a, d = a;

    for (size_t i = 0; i < n_bytes; i += 256) {
        const uint8_t *p = bytes + i;
        for (size_t line = 0; line < 256; line += 64) PREFETCH(p + AHEAD + line);
        a = _mm512_add_epi64(a, _mm512_load_si512(p));
        b = _mm512_add_epi64(b, _mm512_load_si512(p + 64));
        c = _mm512_add_epi64(c, _mm512_load_si512(p + 128));
        d = _mm512_add_epi64(d, _mm512_load_si512(p + 192));
    }
    a = _mm512_add_epi64(_mm512_add_epi64(a, b), _mm512_add_epi64(c, d));
    __asm__ volatile("" : : "v"(a));
}

nm_read nm_read_best(void)
{
    uint32_t features = nm_cpu_features();

    if (features & NM_CPU_AVX512F) return read_avx512;
    return features & NM_CPU_AVX2 ? read_avx2 : read_words;
}

#else

nm_read nm_read_best(void)
{
    return read_words;
}

#endif
