/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ternary products with 512-bit vectors: one token by shuffles of bytes (ternary_shuffle.h), many
 * by permutations of words.
 *
 * Many tokens: the codes of a panel's K block are written once as *indices*, bytes 9 a + 3 b + c
 * for trits a, b, c of three columns, and every token gets a table of 32 words for each such three:
 * entry v mod 32 is their sum for index v, at most 381 in size.  A vpermw looks up 32 rows by the
 * low 5 bits of words: the even rows by the indices as they stand, the odd ones by words >> 8.  A K
 * block has 80 indices a row: 80 * 381 = 30480, so 16-bit sums stay exact.  They get their bias of
 * 32768 at the end, and go to y as in ternary_sums.h.
 */
#include "kernels/kernels.h"

#if defined(__x86_64__)

#include "kernels/ternary_avx512bw.h"

#include <immintrin.h>
#include <string.h>

#define V_BYTES 64
#define V_TARGET NM_AVX512F ",avx512bw"
#define V_PASS 2
#define V_SHUFFLE(table, index) ((vec)_mm512_shuffle_epi8((__m512i)(table), (__m512i)(index)))
#define V_TABLE(from)                                                                              \
    ((vec)_mm512_broadcast_i32x4(_mm_loadu_si128((const __m128i *)(const void *)(from))))
#define V_LESS(a, b) ((vec)_mm512_movm_epi8(_mm512_cmplt_epi8_mask((__m512i)(a), (__m512i)(b))))
#define V_NEGATE(v, sign)                                                                          \
    ((vec)_mm512_mask_sub_epi8((__m512i)(v), _mm512_movepi8_mask((__m512i)(sign)),                 \
                               _mm512_setzero_si512(), (__m512i)(v)))
#define V_AHEAD(from) _mm_prefetch((const char *)(from), _MM_HINT_T1)
#define V_AHEAD_ONCE(from) _mm_prefetch((const char *)(from), _MM_HINT_NTA)

#include "kernels/ternary_shuffle.h"

#define V_AVERAGE(a, b) ((vec)_mm512_avg_epu8((__m512i)(a), (__m512i)(b)))
#define V_LOW_64(a, b) ((vec)_mm512_unpacklo_epi64((__m512i)(a), (__m512i)(b)))
#define V_HIGH_64(a, b) ((vec)_mm512_unpackhi_epi64((__m512i)(a), (__m512i)(b)))
#define V_DOWN(v, n) ((vec)_mm512_bsrli_epi128((__m512i)(v), n))
#define V_PAIR(a, b)                                                                               \
    ((vec)_mm512_broadcast_i64x4(_mm256_loadu2_m128i((const __m128i *)(const void *)(b),           \
                                                     (const __m128i *)(const void *)(a))))

#include "kernels/ternary_wide.h"

void nm_avx512bw_tables_t4(uint8_t *tables, const int8_t *q, size_t n_triples)
{
    make_tables_t4(tables, q, n_triples);
}

void nm_avx512bw_add_tile_t4(int32_t *y, const uint8_t *codes, const uint8_t *tables,
                             size_t n_triples, const uint8_t *ahead)
{
    add_tile_t4(y, codes, tables, n_triples, ahead);
}

/* ---- Many tokens: indices -------------------------------------------------------------------- */

/* From the tables of one index to those of the next: those of all tokens lie between. */
#define TABLE_STEP (NM_AVX512BW_TOKENS * NM_AVX512BW_ENTRIES)

/* What a nibble, or a q of t5, adds to an index. */
typedef int8_t nibble_values[16];

/* Two trits of t4: 9 and 3, 1 and 0, 0 and 9, 0 and 3, 0 and 1 times the lower and the upper. */
static const nibble_values t4_9_3 = {0, 9, 0, -9, 3, 12, 3, -6, 0, 9, 0, -9, -3, 6, -3, -12};
static const nibble_values t4_1_0 = {0, 1, 0, -1, 0, 1, 0, -1, 0, 1, 0, -1, 0, 1, 0, -1};
static const nibble_values t4_0_9 = {0, 0, 0, 0, 9, 9, 9, 9, 0, 0, 0, 0, -9, -9, -9, -9};
static const nibble_values t4_0_3 = {0, 0, 0, 0, 3, 3, 3, 3, 0, 0, 0, 0, -3, -3, -3, -3};
static const nibble_values t4_0_1 = {0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0, -1, -1, -1, -1};

/* Triples of t5 by q; its pairs by the upper nibble, s and p3. */
static const nibble_values t5_9_3_1 = {0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13};
static const nibble_values t5_9_3 = {-12, -9, -6, -3, 3, 6, 9, 12, 12, 9, 6, 3, -3, -6, -9, -12};
static const nibble_values t5_1_0 = {-1, -1, -1, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, -1, -1, -1};
static const nibble_values t5_0_1 = {-1, 0, 1, -1, 1, -1, 0, 1, 1, 0, -1, 1, -1, 1, 0, -1};

INLINE vec values(const nibble_values v, vec nibble)
{
    return V_SHUFFLE(V_TABLE(v), nibble);
}

/* The indices of a triple of 64 rows. */
INLINE void index_triple_t4(uint8_t *to, const uint8_t *codes)
{
    vec last = {0};

    for (int g = 0; g < NM_TRIPLE_GROUPS; g++, codes += NM_TILE_ROWS, to += NM_TILE_ROWS) {
        vec lower = load(codes) & 15, upper = (vec)(*(const vec16 *)(const void *)codes >> 4) & 15;
        *(vec *)to = values(t4_9_3, lower) + values(t4_1_0, upper);
        last += values(g == 0 ? t4_0_9 : g == 1 ? t4_0_3 : t4_0_1, upper);
    }
    *(vec *)to = last;
}

INLINE void index_triple_t5(uint8_t *to, const uint8_t *codes)
{
    vec pair[NM_TRIPLE_GROUPS], single = {0};

    for (int g = 0; g < NM_TRIPLE_GROUPS; g++, codes += NM_TILE_ROWS, to += NM_TILE_ROWS) {
        vec c = load(codes), n = c & 15, upper = (vec)((vec16)c >> 4) & 15;
        vec escape = V_LESS(n, (vec){0} + 2), minus = V_LESS(c, (vec){0});
        vec q = n | ((upper + upper) & 14 & escape);
        *(vec *)to = (values(t5_9_3_1, q) ^ minus) - minus;
        pair[g] = values(g == 1 ? t5_1_0 : t5_9_3, upper) & ~escape;
        if (g == 1) single = values(t5_0_1, upper) & ~escape;
    }
    *(vec *)to = pair[0] + pair[1];
    *(vec *)(to + NM_TILE_ROWS) = pair[2] + single;
}

/* ---- Many tokens: tables --------------------------------------------------------------------- */

/*
 * A table is made of the sums of two columns, b and c, and of a third, a.  Those of b and c are
 * made for all indices of a triple at once, four each: c, b - c, b, b + c; others are their
 * negatives.  The columns of a triple are words 0 to 14, their negatives words 16 to 30.
 */
#define B(x) x, x, x, x
#define C(x) x, 16 + x, x, x
static const uint16_t column_b[NM_PACKINGS][32] = {
    [NM_T4] = {B(1), B(5), B(9), B(7)}, [NM_T5] = {B(1), B(6), B(11), B(4), B(14)}};
static const uint16_t column_c[NM_PACKINGS][32] = {
    [NM_T4] = {C(2), C(6), C(10), C(11)}, [NM_T5] = {C(2), C(7), C(12), C(8), C(9)}};
#undef B
#undef C
static const uint8_t column_a[NM_PACKINGS][5] = {
    [NM_T4] = {0, 4, 8, 3}, [NM_T5] = {0, 5, 10, 3, 13}};

/* Entry v mod 32, v = 9 a + 3 b + c, takes a pair, 32 further for its negative, and a or -a. */
/* clang-format off */
static const uint16_t pair_of_entry[32] = {
    0, 0, 1, 2, 3, 35, 34, 33, 32, 0, 0, 1, 2, 3, 0, 0,
    0, 0, 0, 35, 34, 33, 32, 0, 0, 1, 2, 3, 35, 34, 33, 32};
/* clang-format on */
#define HAS_B 0xEEEEEEEE /* of each four sums */
#define HAS_C 0xBBBBBBBB
#define HAS_PAIR 0xFF783DFE /* of the entries */
#define HAS_A 0x00003FE0
#define HAS_MINUS_A 0x0FF80000

/* One token's tables of a K block; those of the others lie between. */
INLINE void fill_tables(nm_packing_id packing, uint8_t *to, const int8_t *q, size_t n_triples)
{
    const int     n_indices = packing == NM_T4 ? 4 : 5;
    const __m512i zero = _mm512_setzero_si512(), entries = _mm512_loadu_si512(pair_of_entry);
    const __m512i b_of = _mm512_loadu_si512(column_b[packing]);
    const __m512i c_of = _mm512_loadu_si512(column_c[packing]);
    const __m512i sign = _mm512_maskz_set1_epi16(HAS_MINUS_A, 16);

    for (; n_triples; n_triples--, q += packing == NM_T4 ? 12 : 15) {
        __m256i x = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)q));
        __m256i negative = _mm256_sub_epi16(_mm256_setzero_si256(), x);
        __m512i columns = _mm512_inserti64x4(_mm512_castsi256_si512(x), negative, 1);
        __m512i pairs = _mm512_add_epi16(_mm512_maskz_permutexvar_epi16(HAS_B, b_of, columns),
                                         _mm512_maskz_permutexvar_epi16(HAS_C, c_of, columns));
        __m512i negatives = _mm512_sub_epi16(zero, pairs);
#pragma GCC unroll 5
        for (int i = 0; i < n_indices; i++, to += TABLE_STEP) {
            __m512i a_of = _mm512_add_epi16(sign, _mm512_set1_epi16(column_a[packing][i]));
            __m512i pair_of = _mm512_add_epi16(entries, _mm512_set1_epi16((short)(4 * i)));
            __m512i a = _mm512_maskz_permutexvar_epi16(HAS_A | HAS_MINUS_A, a_of, columns);
            __m512i pair = _mm512_maskz_permutex2var_epi16(HAS_PAIR, pairs, pair_of, negatives);
            _mm512_store_si512((void *)to, _mm512_add_epi16(a, pair));
        }
    }
}

/* ---- Many tokens: looking up ----------------------------------------------------------------- */

/*
 * The loop in assembly: 24 sums, 4 indices, a table and what is looked up fill the 32 registers,
 * and gcc spills.  zmm24 to 27 are the indices of the even and odd rows of 0-63, then of 64-127.
 *
 * No sum saturates.  vpaddsw is here because processors execute it on pipes that have no vpermw,
 * while a vpaddw is also sent to those that do, and a look-up waits: +9 % on Zen 5.
 */
/* clang-format off */
#define LOOK_UP(token, a, b, c, d)                                                                 \
    "vmovdqa64 " #token "*64(%[table]), %%zmm28\n"                                                \
    "vpermw %%zmm28, %%zmm24, %%zmm29\n vpaddsw %%zmm29, %%zmm" #a ", %%zmm" #a "\n"               \
    "vpermw %%zmm28, %%zmm25, %%zmm30\n vpaddsw %%zmm30, %%zmm" #b ", %%zmm" #b "\n"               \
    "vpermw %%zmm28, %%zmm26, %%zmm31\n vpaddsw %%zmm31, %%zmm" #c ", %%zmm" #c "\n"               \
    "vpermw %%zmm28, %%zmm27, %%zmm29\n vpaddsw %%zmm29, %%zmm" #d ", %%zmm" #d "\n"

#define COLLECT(token, a, b, c, d)                                                                 \
    ".irp r," #a "," #b "," #c "," #d "\n"                                                         \
    "vpxord %%zmm28, %%zmm\\r, %%zmm\\r\n"                                                         \
    "vpaddd 128*(\\r-" #a ")(%[y]), %%zmm\\r, %%zmm24\n"                                           \
    "vpsrld $16, %%zmm\\r, %%zmm\\r\n"                                                             \
    "vpaddd 128*(\\r-" #a ")+64(%[y]), %%zmm\\r, %%zmm25\n"                                        \
    "vmovdqu64 %%zmm24, 128*(\\r-" #a ")(%[y])\n"                                                  \
    "vmovdqu64 %%zmm25, 128*(\\r-" #a ")+64(%[y])\n"                                               \
    ".endr\n"                                                                                      \
    "add %[y_bytes], %[y]\n"

/* For each of n tokens; the four sums of the first are zmm0 to 3. */
#define TOKENS(do)                                                                                 \
    do(0, 0, 1, 2, 3) UP_TO(1) do(1, 4, 5, 6, 7) UP_TO(2) do(2, 8, 9, 10, 11) UP_TO(3)             \
    do(3, 12, 13, 14, 15) UP_TO(4) do(4, 16, 17, 18, 19) UP_TO(5) do(5, 20, 21, 22, 23) "2:\n"
#define UP_TO(tokens) "cmp $" #tokens ", %[n]\n je 2f\n"

#define ADD_MANY                                                                                   \
    ".irp r,0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23\n"                       \
    "vpxord %%zmm\\r, %%zmm\\r, %%zmm\\r\n"                                                        \
    ".endr\n"                                                                                      \
    ".p2align 5\n"                                                                                 \
    "1:\n"                                                                                         \
    "vmovdqa64 (%[indices]), %%zmm24\n vmovdqa64 64(%[indices]), %%zmm26\n"                        \
    "vpsrlw $8, %%zmm24, %%zmm25\n vpsrlw $8, %%zmm26, %%zmm27\n"                                  \
    "prefetcht1 (%[ahead])\n add %[step], %[ahead]\n"                                              \
    TOKENS(LOOK_UP)                                                                                \
    "sub $-128, %[indices]\n add %[table_step], %[table]\n"                                        \
    "dec %[n_indices]\n jnz 1b\n"                                                                  \
    "mov $0x80008000, %%eax\n vpbroadcastd %%eax, %%zmm28\n"                                       \
    TOKENS(COLLECT)
/* clang-format on */

/*
 * nm_many_ops.add_tile.  Prefetches one line for each index: in bursts between tiles they delay the
 * look-ups, and cost 16 tokens a tenth of their time, 4 tokens a quarter (Zen 5).
 */
NM_TARGET(V_TARGET)
void nm_avx512bw_add_many(const nm_many_tile *tile)
{
    int32_t       *y = tile->y;
    const uint8_t *indices = tile->indices, *table = tile->tables, *ahead = tile->ahead;
    size_t         n_indices = tile->n_indices;

    __asm__ volatile(ADD_MANY
                     : [y] "+&r"(y), [indices] "+&r"(indices), [table] "+&r"(table),
                       [n_indices] "+&r"(n_indices), [ahead] "+&r"(ahead)
                     : [y_bytes] "r"(tile->y_stride * sizeof *y), [step] "r"(tile->step),
                       [n] "r"(tile->n_tokens), [table_step] "i"(TABLE_STEP)
                     : "memory", "cc", "rax", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
                       "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
                       "xmm15", "xmm16", "xmm17", "xmm18", "xmm19", "xmm20", "xmm21", "xmm22",
                       "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28", "xmm29", "xmm30",
                       "xmm31");
}

/* ---- The parts of each packing --------------------------------------------------------------- */

/* What nm_tables_finish_16 describes, for vectors of 64 bytes. */
NM_TARGET(V_TARGET)
void nm_avx512bw_finish(int32_t *y, size_t n_rows, size_t n_blocks)
{
    const __m512i bias = _mm512_set1_epi32((int32_t)(uint32_t)(n_blocks << 15));

    for (int32_t *end = y + n_rows; y < end; y += V_BYTES) {
        __m512i e_all = _mm512_loadu_si512(y), e1 = _mm512_loadu_si512(y + 16);
        __m512i o_all = _mm512_loadu_si512(y + 32), o1 = _mm512_loadu_si512(y + 48);
        __m512i e0 = _mm512_sub_epi32(_mm512_sub_epi32(e_all, _mm512_slli_epi32(e1, 16)), bias);
        __m512i o0 = _mm512_sub_epi32(_mm512_sub_epi32(o_all, _mm512_slli_epi32(o1, 16)), bias);
        e1 = _mm512_sub_epi32(e1, bias), o1 = _mm512_sub_epi32(o1, bias);
        /* within 128 bits: rows 0 to 3, 4 to 7, 8 to 11, 12 to 15 of every 16 */
        __m512i a = _mm512_unpacklo_epi32(e0, o0), b = _mm512_unpacklo_epi32(e1, o1);
        __m512i c = _mm512_unpackhi_epi32(e0, o0), d = _mm512_unpackhi_epi32(e1, o1);
        __m512i r0 = _mm512_unpacklo_epi64(a, b), r1 = _mm512_unpackhi_epi64(a, b);
        __m512i r2 = _mm512_unpacklo_epi64(c, d), r3 = _mm512_unpackhi_epi64(c, d);
        a = _mm512_shuffle_i32x4(r0, r1, 0x44), b = _mm512_shuffle_i32x4(r0, r1, 0xEE);
        c = _mm512_shuffle_i32x4(r2, r3, 0x44), d = _mm512_shuffle_i32x4(r2, r3, 0xEE);
        _mm512_storeu_si512(y, _mm512_shuffle_i32x4(a, c, 0x88));
        _mm512_storeu_si512(y + 16, _mm512_shuffle_i32x4(a, c, 0xDD));
        _mm512_storeu_si512(y + 32, _mm512_shuffle_i32x4(b, d, 0x88));
        _mm512_storeu_si512(y + 48, _mm512_shuffle_i32x4(b, d, 0xDD));
    }
}

NM_TARGET(V_TARGET)
void nm_avx512bw_fill_tables_t4(uint8_t *to, const int8_t *q, size_t n_triples)
{
    fill_tables(NM_T4, to, q, n_triples);
}

NM_TARGET(V_TARGET)
void nm_avx512bw_fill_tables_t5(uint8_t *to, const int8_t *q, size_t n_triples)
{
    fill_tables(NM_T5, to, q, n_triples);
}

NM_AVX512BW_DEFINE_MANY

const nm_ternary_ops nm_avx512bw_ternary[NM_PACKINGS] = {
    [NM_T4] = {3 * NM_TABLE_BYTES, make_tables_t4, add_tile_t4, nm_avx512bw_finish, &many[NM_T4]},
    [NM_T5] = {3 * NM_TABLE_BYTES, make_tables_t5, add_tile_t5, nm_avx512bw_finish, &many[NM_T5]},
};

#endif
