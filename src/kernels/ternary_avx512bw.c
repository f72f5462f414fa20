/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ternary products with 512-bit vectors: one token by shuffles of bytes (ternary_shuffle.h), many
 * by permutations of words.
 *
 * Many tokens: the codes of a panel's K block are written once as *indices*, bytes 9 a + 3 b + c
 * for trits a, b, c of three columns, and every token gets a table of 32 words for each such three:
 * entry v mod 32 is their sum for index v, at most 381 in size.  A vpermw looks up 32 rows by the
 * low 5 bits of words: the even rows by the indices as they stand, the odd ones by words >> 8.  A K
 * block has 80 indices a row: 80 * 381 = 30480, so 16-bit sums that start at 32768 stay exact, and
 * go to y as in ternary_sums.h.
 */
#include "kernels/kernels.h"

#if defined(__x86_64__)

#include "kernels/ternary_avx512.h"

#include <immintrin.h>
#include <string.h>

#define V_BYTES 64
#define V_TARGET "avx512f,avx512bw"
#define V_PASS 2
#define V_SHUFFLE(table, index) ((vec)_mm512_shuffle_epi8((__m512i)(table), (__m512i)(index)))
#define V_TABLE(from)                                                                              \
    ((vec)_mm512_broadcast_i32x4(_mm_load_si128((const __m128i *)(const void *)(from))))
#define V_LESS(a, b) ((vec)_mm512_movm_epi8(_mm512_cmplt_epi8_mask((__m512i)(a), (__m512i)(b))))
#define V_NEGATE(v, sign)                                                                          \
    ((vec)_mm512_mask_sub_epi8((__m512i)(v), _mm512_movepi8_mask((__m512i)(sign)),                 \
                               _mm512_setzero_si512(), (__m512i)(v)))
#define V_AHEAD(from) _mm_prefetch((const char *)(from), _MM_HINT_T1)

#include "kernels/ternary_shuffle.h"

void nm_avx512bw_gemv_t4(int32_t *y, const nm_ternary *w, size_t tile_begin, size_t tile_end,
                         const uint8_t *tables)
{
    gemv_t4(y, w, tile_begin, tile_end, tables);
}

/* ---- Many tokens: indices -------------------------------------------------------------------- */

#define MANY 6                                   /* tokens that look up together */
#define MAX_INDICES 80                           /* of a row in a K block */
#define INDEX_BYTES (MAX_INDICES * NM_TILE_ROWS) /* of a tile */
#define ENTRIES_BYTES 64                         /* of a token's table for one index */

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

/* Columns (0, 1, 2) (4, 5, 6) (8, 9, 10) (3, 7, 11) of a triple of 64 rows. */
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

/* Columns (0, 1, 2) (5, 6, 7) (10, 11, 12) (3, 4, 8) (13, 14, 9). */
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

/*
 * What is read a page later, for a panel's first block, which nobody has fetched: where memory is
 * mapped in pages of 4 KiB the processor's own fetching stops at the end of each.  4 tokens are a
 * twentieth faster, 16 and more the same (Zen 5).
 */
INLINE void fetch_triple(const uint8_t *codes)
{
    for (uintptr_t line = 4096; line < 4096 + 3 * NM_TILE_ROWS; line += 64)
        _mm_prefetch((const char *)((uintptr_t)codes + line), _MM_HINT_T0);
}

/* A tile's part of a K block: 128 bytes for each three columns. */
INLINE void index_tile(nm_packing_id packing, uint8_t *to, const uint8_t *codes, size_t n_triples)
{
    size_t step = (packing == NM_T4 ? 4 : 5) * NM_TILE_ROWS;

    for (; n_triples; n_triples--, to += step, codes += 3 * NM_TILE_ROWS) {
        fetch_triple(codes);
        if (packing == NM_T4) {
            index_triple_t4(to, codes);
            index_triple_t4(to + V_BYTES, codes + V_BYTES);
        } else {
            index_triple_t5(to, codes);
            index_triple_t5(to + V_BYTES, codes + V_BYTES);
        }
    }
}

/* ---- Many tokens: tables --------------------------------------------------------------------- */

/* How often entry v mod 32, v = 9 a + 3 b + c, takes each of three columns: a, b and c times. */
static const int8_t entries[3][32] = {
    {0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0,
     -1, -1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0},
    {0, 0, 1, 1, 1, -1, -1, -1, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0,
     -1, -1, -1, 0, 0, 0, 1, 1, 1, -1, -1, -1, 0},
    {0, 1, -1, 0, 1, -1, 0, 1, -1, 0, 1, -1, 0, 1, 0, 0, 0, 0, 0,
     -1, 0, 1, -1, 0, 1, -1, 0, 1, -1, 0, 1, -1},
};

/* The columns of each index of a triple. */
static const uint8_t index_columns[NM_PACKINGS][5][3] = {
    [NM_T4] = {{0, 1, 2}, {4, 5, 6}, {8, 9, 10}, {3, 7, 11}},
    [NM_T5] = {{0, 1, 2}, {5, 6, 7}, {10, 11, 12}, {3, 4, 8}, {13, 14, 9}},
};

/* One token's tables of a K block, `step` bytes apart. */
INLINE void fill_tables(nm_packing_id packing, uint8_t *to, size_t step, const int8_t *q,
                        size_t n_triples)
{
    const int n_indices = packing == NM_T4 ? 4 : 5;
    __mmask32 used[3];
    __m512i   pick[5][3];

    for (int j = 0; j < 3; j++) {
        const void *times = entries[j];
        __m512i     sign = _mm512_cvtepi8_epi16(_mm256_loadu_si256(times));
        used[j] = _mm512_test_epi16_mask(sign, sign);
        /* column c is word c, its negative word 16 + c */
        __m512i base = _mm512_and_si512(sign, _mm512_set1_epi16(16));
        for (int i = 0; i < n_indices; i++)
            pick[i][j] = _mm512_add_epi16(base, _mm512_set1_epi16(index_columns[packing][i][j]));
    }
    for (; n_triples; n_triples--, q += packing == NM_T4 ? 12 : 15) {
        __m256i x = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)q));
        __m256i minus = _mm256_sub_epi16(_mm256_setzero_si256(), x);
        __m512i columns = _mm512_inserti64x4(_mm512_castsi256_si512(x), minus, 1);
#pragma GCC unroll 5
        for (int i = 0; i < n_indices; i++, to += step) {
            __m512i a = _mm512_maskz_permutexvar_epi16(used[0], pick[i][0], columns);
            __m512i b = _mm512_maskz_permutexvar_epi16(used[1], pick[i][1], columns);
            __m512i c = _mm512_maskz_permutexvar_epi16(used[2], pick[i][2], columns);
            _mm512_store_si512((void *)to, _mm512_add_epi16(_mm512_add_epi16(a, b), c));
        }
    }
}

/* ---- Many tokens: looking up ----------------------------------------------------------------- */

/*
 * The loop in assembly: 24 sums, 4 indices, a table and what is looked up fill the 32 registers,
 * and gcc spills.  zmm24 to 27 are the indices of the even and odd rows of 0-63, then of 64-127.
 */
#define LOOK_UP(token, a, b, c, d)                                                                 \
    "vmovdqa64 " #token "*64(%[tables]), %%zmm28\n"                                                \
    "vpermw %%zmm28, %%zmm24, %%zmm29\n vpaddw %%zmm29, %%zmm" #a ", %%zmm" #a "\n"                \
    "vpermw %%zmm28, %%zmm25, %%zmm30\n vpaddw %%zmm30, %%zmm" #b ", %%zmm" #b "\n"                \
    "vpermw %%zmm28, %%zmm26, %%zmm31\n vpaddw %%zmm31, %%zmm" #c ", %%zmm" #c "\n"                \
    "vpermw %%zmm28, %%zmm27, %%zmm29\n vpaddw %%zmm29, %%zmm" #d ", %%zmm" #d "\n"

#define FOR_SUMS(a, b, c, d) ".irp r, " #a ", " #b ", " #c ", " #d "\n"

#define START(token, a, b, c, d)                                                                   \
    FOR_SUMS(a, b, c, d)                                                                           \
    "vmovdqa64 %%zmm28, %%zmm\\r\n"                                                                \
    ".endr\n"

#define COLLECT(token, a, b, c, d)                                                                 \
    FOR_SUMS(a, b, c, d)                                                                           \
    "vpaddd 128*(\\r-" #a ")(%[y]), %%zmm\\r, %%zmm24\n"                                           \
    "vpsrld $16, %%zmm\\r, %%zmm\\r\n"                                                             \
    "vpaddd 128*(\\r-" #a ")+64(%[y]), %%zmm\\r, %%zmm25\n"                                        \
    "vmovdqu64 %%zmm24, 128*(\\r-" #a ")(%[y])\n"                                                  \
    "vmovdqu64 %%zmm25, 128*(\\r-" #a ")+64(%[y])\n"                                               \
    ".endr\n"                                                                                      \
    "add %[y_bytes], %[y]\n"

#define TOKENS_1(do) do(0, 0, 1, 2, 3)
#define TOKENS_2(do) TOKENS_1(do) do(1, 4, 5, 6, 7)
#define TOKENS_3(do) TOKENS_2(do) do(2, 8, 9, 10, 11)
#define TOKENS_4(do) TOKENS_3(do) do(3, 12, 13, 14, 15)
#define TOKENS_5(do) TOKENS_4(do) do(4, 16, 17, 18, 19)
#define TOKENS_6(do) TOKENS_5(do) do(5, 20, 21, 22, 23)

#define CLOBBERS                                                                                   \
    "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",        \
        "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15", "xmm16", "xmm17", "xmm18",   \
        "xmm19", "xmm20", "xmm21", "xmm22", "xmm23", "xmm24", "xmm25", "xmm26", "xmm27", "xmm28",  \
        "xmm29", "xmm30", "xmm31"

/*
 * A tile's part of a K block for n tokens, added to y as nm_tile_block says.  Meanwhile `step`
 * bytes from `ahead` on are fetched for each index, and their end is returned: a line now and then,
 * so that no look-up waits behind fetches (in bursts between tiles they cost 16 tokens a tenth of
 * their time, 4 tokens a quarter; Zen 5).
 */
#define DEFINE_TILE(n)                                                                             \
    NM_TARGET(V_TARGET)                                                                            \
    static const uint8_t *tile_##n(int32_t *y, size_t y_bytes, const uint8_t *indices,             \
                                   size_t n_indices, const uint8_t *tables, const uint8_t *ahead,  \
                                   size_t step)                                                    \
    {                                                                                              \
        __asm__ volatile(                                                                          \
            "mov $0x80008000, %%eax\n vpbroadcastd %%eax, %%zmm28\n"                               \
            TOKENS_##n(START)                                                                      \
            ".p2align 5\n"                                                                         \
            "1:\n"                                                                                 \
            "vmovdqa64 (%[indices]), %%zmm24\n vmovdqa64 64(%[indices]), %%zmm26\n"                \
            "vpsrlw $8, %%zmm24, %%zmm25\n vpsrlw $8, %%zmm26, %%zmm27\n"                          \
            "prefetcht1 (%[ahead])\n add %[step], %[ahead]\n"                                      \
            TOKENS_##n(LOOK_UP)                                                                    \
            "sub $-128, %[indices]\n add $" #n "*64, %[tables]\n"                                  \
            "dec %[n_indices]\n jnz 1b\n"                                                          \
            TOKENS_##n(COLLECT)                                                                    \
            : [y] "+r"(y), [indices] "+r"(indices), [tables] "+r"(tables),                         \
              [n_indices] "+r"(n_indices), [ahead] "+r"(ahead)                                     \
            : [y_bytes] "r"(y_bytes), [step] "r"(step)                                             \
            : "rax", CLOBBERS);                                                                    \
        return ahead;                                                                              \
    }

DEFINE_TILE(1)
DEFINE_TILE(2)
DEFINE_TILE(3)
DEFINE_TILE(4)
DEFINE_TILE(5)
DEFINE_TILE(6)

typedef const uint8_t *tile_fn(int32_t *y, size_t y_bytes, const uint8_t *indices,
                               size_t n_indices, const uint8_t *tables, const uint8_t *ahead,
                               size_t step);

static tile_fn *const tile_fns[MANY + 1] = {NULL,   tile_1, tile_2, tile_3,
                                            tile_4, tile_5, tile_6};

/* ---- Many tokens: the whole ------------------------------------------------------------------ */

typedef struct many_room {
    uint8_t indices[NM_PANEL_TILES][INDEX_BYTES];
    uint8_t tables[MANY * MAX_INDICES * ENTRIES_BYTES];
} many_room;

/* nm_x86_finish for a tile. */
INLINE void finish_tile(int32_t *y, size_t n_blocks)
{
    const __m512i bias = _mm512_set1_epi32((int32_t)(uint32_t)(n_blocks << 15));

    for (int32_t *end = y + NM_TILE_ROWS; y < end; y += V_BYTES) {
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

size_t nm_avx512bw_gemm_scratch(size_t n_tokens)
{
    (void)n_tokens;
    return sizeof(many_room);
}

/* As many tokens as can look up together, or half of the rest where few would remain. */
static size_t next_tokens(size_t left)
{
    return left <= MANY ? left : left < 2 * MANY ? (left + 1) / 2 : MANY;
}

/* The columns of this K block of the tokens behind p's next n: four or five lines each. */
INLINE void fetch_columns(nm_product p, size_t n)
{
    for (size_t t = 0; t < n && t < p.n_tokens; t++, nm_product_step(&p))
        for (int line = 0; line < NM_BLOCK_COLS + 64; line += 64)
            _mm_prefetch((const char *)p.q + line, _MM_HINT_T0);
}

/* The sums of a tile of n tokens. */
INLINE void fetch_sums(const int32_t *y, size_t y_stride, size_t n)
{
    for (size_t t = 0; t < n; t++, y += y_stride) {
        NM_OPAQUE(y);
        for (int i = 0; i < NM_TILE_ROWS; i += 16) _mm_prefetch((const char *)(y + i), _MM_HINT_T0);
    }
}

/* Bytes to fetch of the next block for each index looked up, so that all are when all were. */
INLINE size_t fetch_step(size_t tile_bytes, size_t n_indices, size_t n_tokens)
{
    size_t n_lookups = 0, step = 0;

    for (size_t n; n_tokens; n_tokens -= n) n = next_tokens(n_tokens), n_lookups += n_indices;
    for (size_t bytes = 0; bytes < tile_bytes; bytes += n_lookups) step++;
    return step;
}

/* One K block for all tokens and rows, whose indices are made; fetches the codes of the next. */
INLINE void block_product(nm_packing_id packing, nm_product p, many_room *room, const nm_block *b,
                          const nm_block *next)
{
    const uint8_t *ahead = next->codes;
    size_t n_indices = (b->n_triples << 2) + (packing == NM_T5 ? b->n_triples : 0);
    size_t y_bytes = p.y_stride * sizeof *p.y;
    size_t step = fetch_step(next->tile_bytes, n_indices, p.n_tokens);
    for (size_t n; p.n_tokens; p.n_tokens -= n) {
        const uint8_t *indices = room->indices[0];
        int32_t       *tile_y = p.y;

        n = next_tokens(p.n_tokens);
        for (size_t t = 0; t < n; t++, nm_product_step(&p)) {
            if (b->number == 0) memset(p.y, 0, p.n_rows * sizeof *p.y);
            fill_tables(packing, room->tables + t * ENTRIES_BYTES, n * ENTRIES_BYTES, p.q,
                        b->n_triples);
        }
        nm_product behind = p;
        behind.n_tokens -= n;
        fetch_columns(behind, MANY);
        for (int32_t *end = tile_y + p.n_rows; tile_y < end; tile_y += NM_TILE_ROWS) {
            fetch_sums(tile_y + NM_TILE_ROWS, p.y_stride, n);
            ahead = tile_fns[n](tile_y, y_bytes, indices, n_indices, room->tables, ahead, step);
            indices += INDEX_BYTES;
            int32_t *y = tile_y;
            for (size_t t = 0; t < n && !b->triples_left; t++, y += p.y_stride) {
                NM_OPAQUE(y);
                finish_tile(y, b->number + 1);
            }
        }
    }
}

INLINE void gemm(nm_packing_id packing, nm_product p, const nm_ternary *w, size_t tile_begin,
                 many_room *room)
{
    nm_block b = nm_block_first(w, tile_begin), next = b;

    for (; b.n_triples; b = next, p.q += NM_BLOCK_COLS) {
        const uint8_t *codes = b.codes;
        uint8_t       *indices = room->indices[0];

        for (size_t row = 0; row < p.n_rows; row += NM_TILE_ROWS, codes += b.tile_bytes) {
            index_tile(packing, indices, codes, b.n_triples);
            indices += INDEX_BYTES;
        }
        nm_block_next(&next, w, tile_begin);
        block_product(packing, p, room, &b, &next);
    }
}

NM_TARGET(V_TARGET)
void nm_avx512bw_gemm_t4(int32_t *y, size_t y_stride, const nm_ternary *w, size_t tile_begin,
                         size_t tile_end, const int8_t *q, size_t q_stride, size_t n_tokens,
                         void *scratch)
{
    nm_product p = {y, y_stride, (tile_end - tile_begin) * NM_TILE_ROWS, q, q_stride, n_tokens};
    gemm(NM_T4, p, w, tile_begin, scratch);
}

NM_TARGET(V_TARGET)
void nm_avx512bw_gemm_t5(int32_t *y, size_t y_stride, const nm_ternary *w, size_t tile_begin,
                         size_t tile_end, const int8_t *q, size_t q_stride, size_t n_tokens,
                         void *scratch)
{
    nm_product p = {y, y_stride, (tile_end - tile_begin) * NM_TILE_ROWS, q, q_stride, n_tokens};
    gemm(NM_T5, p, w, tile_begin, scratch);
}

const nm_ternary_ops nm_avx512bw_ternary[NM_PACKINGS] = {
    [NM_T4] = {3 * NM_TABLE_BYTES, nm_x86_tables_t4, gemv_t4, nm_avx512bw_gemm_scratch,
               nm_avx512bw_gemm_t4},
    [NM_T5] = {3 * NM_TABLE_BYTES, nm_x86_tables_t5, gemv_t5, nm_avx512bw_gemm_scratch,
               nm_avx512bw_gemm_t5},
};

#endif
