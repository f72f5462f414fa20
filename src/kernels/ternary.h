/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stored form of a ternary matrix [rows, cols].  Only this file and the kernels know it.
 *
 * A byte is one *group* of one row: a few consecutive columns.  How many, and their code, is the
 * packing.  0x00 is all zeros in every packing.
 *
 * t4, four trits a byte: trit j in bits 2j and 2j+1 as a two's complement number:
 *
 *     bit   7 6   5 4   3 2   1 0        00 = 0   01 = +1   11 = -1
 *          trit3 trit2 trit1 trit0       10 is never written and counts as 0
 *
 * t5, five trits a byte, the whole vector negated where s is 1:
 *
 *     bit   7   6 5 4   3 2 1 0          n >= 2: q[n] and p[p3]
 *           s    p3        n             n <  2: q[2 p3 + n] and (0, 0)
 *
 *     q: 3 times (0,0,0), then the 13 triples whose first trit other than 0 is +1, ascending as
 *        numbers to the base 3, trit0 first; p: the 8 pairs other than (0,0), ascending.
 *
 * Where several bytes stand for the same trits, the smallest is written.
 *
 * Geometry, the same for all packings: rows are padded to *tiles* of 128, columns to *triples* of
 * three groups; sixteen tiles are a *panel* (2048 rows; the last may have fewer), 240 columns a
 * *K block* (60 groups of t4, 48 of t5; the last may have fewer).  Order in the file:
 *
 *     panel > K block > tile > group > row (128 bytes)
 *
 * so a range of panels is contiguous, and so is a (K block, tile).  Padding is zeros.
 */
#ifndef NM_TERNARY_H
#define NM_TERNARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NM_TILE_ROWS 128
#define NM_PANEL_TILES 16
#define NM_PANEL_ROWS (NM_TILE_ROWS * NM_PANEL_TILES)
#define NM_BLOCK_COLS 240
#define NM_MAX_COLS (1 << 20) /* sums of cols terms of at most 127 stay inside int32 */

#define NM_TRIPLE_GROUPS 3
#define NM_MAX_GROUP_COLS 5

typedef enum nm_packing_id {
#define NM_PACKING(id, ...) NM_##id,
#include "kernels/packings.def"
    NM_PACKINGS
} nm_packing_id;

/* A row of packings.def. */
typedef struct nm_packing {
    const char *name;         /* in model files: "t4" */
    const char *option;       /* on the command line: "2bit" */
    size_t      group_cols;   /* columns a byte, at most NM_MAX_GROUP_COLS */
    size_t      block_groups; /* groups a K block: NM_BLOCK_COLS / group_cols */
    size_t      block_triples;
    bool        has_neg;                         /* bit 7 negates a byte: nm_ternary_neg */
    void (*decode)(uint8_t code, int8_t *trits); /* of one byte, group_cols of them */
    uint8_t (*encode)(const int8_t *trits);      /* the smallest byte that decodes to them */
} nm_packing;

extern const nm_packing nm_packings[NM_PACKINGS];

/* The packing with this name, as model files have it; false if there is none. */
bool nm_packing_find(const char *name, size_t n_name, nm_packing_id *packing);

/* The same for an option of the API: either name, NULL for the default, which is the first row. */
bool nm_packing_named(const char *name, nm_packing_id *packing);

#define NM_PACKING_LIST 64
/* All names, or all options, with a text between two of them, for messages; returns out. */
const char *nm_packing_list(char out[NM_PACKING_LIST], bool options, const char *between);

/* A matrix in place in the file. */
typedef struct nm_ternary {
    const uint8_t *codes;
    size_t         rows, cols;
    size_t         n_groups, n_triples; /* a row, padding counted: n_groups is 3 n_triples */
    size_t         n_tiles;
    nm_packing_id  packing;
    float          scale; /* s of the BitLinear: a weight is scale * trit */
} nm_ternary;

/* 1 <= rows, cols <= NM_MAX_COLS */
void   nm_ternary_init(nm_ternary *w, nm_packing_id packing, size_t rows, size_t cols);
size_t nm_ternary_bytes(const nm_ternary *w); /* of codes, padding counted */

/* Offset of the 128 bytes of one group of one tile; groups of a (K block, tile) are adjacent. */
size_t nm_ternary_offset(const nm_ternary *w, size_t tile, size_t group);

/*
 * Packs one row of trits -1, 0, +1 into codes[nm_ternary_bytes(w)], which the caller has zeroed, so
 * that padding is; w->codes is not used.
 */
void nm_ternary_pack_row(const nm_ternary *w, uint8_t *codes, size_t row, const int8_t *trits);
void nm_ternary_unpack_row(const nm_ternary *w, size_t row, int8_t *trits);

/* For files: the bytes of each row of a tile with bit 7 set.  Our kernels do not need it. */
void nm_ternary_neg(const nm_ternary *w, size_t tile, int32_t neg[NM_TILE_ROWS]);

/* Is every byte one that pack writes, padding included?  If not: row and column of the first. */
bool nm_ternary_check(const nm_ternary *w, size_t *row, size_t *col);

#endif
