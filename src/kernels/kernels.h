/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The operations of the network that exist in several instruction sets.  The scalar bodies are
 * their specification; all others compute the same bits.
 *
 * Float sums run in 16 lanes, element i in lane i mod 16, folded 8-4-2-1 at the end: an order that
 * every vector width can keep.  No operation is fused or approximated.
 */
#ifndef NM_KERNELS_H
#define NM_KERNELS_H

#include "kernels/ternary.h"

#include "nomul.h"

/*
 * Readable bytes of a token's q: zero from cols on, for the padding of a packing and the reach of a
 * vector.
 */
static inline size_t nm_q_stride(size_t cols)
{
    return (cols + NM_BLOCK_COLS + 63) / 64 * 64;
}

/*
 * The products of one packing, as the parts that an instruction set writes: what happens within one
 * tile and one K block.  The way over blocks, tiles and tokens is the same for all, in product.c.
 *
 * Sums in y may be in any order and form until `finish` has run; they start as zeros.
 */
typedef struct nm_ternary_ops {
    /* One token: look-up tables of its q, triple by triple, each group with tables of its own. */
    size_t table_bytes; /* of a triple, a multiple of 64 */
    void (*make_tables)(uint8_t *tables, const int8_t *q, size_t n_triples);

    /*
     * Adds one tile's part of one K block to y[NM_TILE_ROWS].  Meanwhile it prefetches the part of
     * the same size at `ahead`, where nothing need exist.
     */
    void (*add_tile)(int32_t *y, const uint8_t *codes, const uint8_t *tables, size_t n_triples,
                     const uint8_t *ahead);

    /* Turns what n_blocks K blocks left in y into the sums of n_rows rows; NULL: they are there. */
    void (*finish)(int32_t *y, size_t n_rows, size_t n_blocks);

    const struct nm_many_ops *many;
} nm_ternary_ops;

/* One tile's part of one K block for n_tokens, y_stride words apart. */
typedef struct nm_many_tile {
    int32_t       *y;
    size_t         y_stride, n_tokens;
    const uint8_t *indices; /* or codes, where there is no make_indices */
    const uint8_t *tables;
    size_t         n_triples, n_indices;
    const uint8_t *ahead; /* to be prefetched: nothing need exist there */
    size_t         step;  /* bytes of it for each index */
} nm_many_tile;

/* Tiles of one K block for at most n_lanes tokens. */
typedef struct nm_lane_tiles {
    int32_t       *y;
    size_t         y_stride, n_tokens;
    const int8_t  *q; /* of the K block */
    size_t         q_stride;
    const uint8_t *indices;
    size_t         n_tiles, n_triples, quad_cols;
    const uint8_t *ahead;      /* to be prefetched: nothing need exist there */
    size_t         ahead_step; /* from a tile's to those of the next */
    uint8_t       *scratch;
} nm_lane_tiles;

/* The same for so many tokens that each sum of a few columns is a vector of them. */
typedef struct nm_lane_ops {
    size_t n_lanes;      /* tokens of one add_tiles */
    size_t least_tokens; /* with fewer the rest of nm_many_ops is faster */
    size_t index_bytes;  /* of one tile's part of a K block */
    size_t scratch_bytes;
    size_t quad_cols; /* columns of four groups of indices */
    void (*make_indices)(uint8_t *indices, const uint8_t *codes, size_t n_triples);
    void (*add_tiles)(const nm_lane_tiles *tiles);
} nm_lane_ops;

/* The same for many tokens, which may be worth another form of the codes, the indices. */
typedef struct nm_many_ops {
    size_t least_tokens;       /* fewer are faster one by one */
    size_t most_tokens;        /* for whom tables are made at a time */
    size_t together;           /* tokens of one add_tile */
    size_t index_bytes;        /* of one tile's part of a K block; 0: add_tile reads the codes */
    size_t indices_per_triple; /* not 0: for more than most_tokens, made of a panel first */
    size_t block_table_bytes;  /* of one token in a K block */
    size_t token_step;         /* from a token's tables to those of the next */
    size_t least_alone;        /* with so many for each thread, strips are faster (strips.c) */
    void (*make_indices)(uint8_t *indices, const uint8_t *codes, size_t n_triples);
    void (*make_tables)(uint8_t *tables, const int8_t *q, size_t n_triples);
    void (*add_tile)(const nm_many_tile *tile);
    const nm_lane_ops *lanes; /* for as many tokens as it takes; may be NULL */
} nm_many_ops;

/* All else, one pointer for each row of float_ops.def, which says what each operation does. */
typedef struct nm_float_ops {
#define NM_FLOAT_OP(result, name, parameters, arguments) result(*name) parameters;
#include "kernels/float_ops.def"
} nm_float_ops;

/* A row of kernels.def.  Complete: where a variant has nothing better, it uses a plainer one. */
typedef struct nm_kernels {
    const char           *name;
    uint32_t              features; /* of cpu.h: required */
    const nm_ternary_ops *ternary;  /* [NM_PACKINGS], exact for |q| <= 127 */
    const nm_float_ops   *floats;
    nm_packing_id         best_packing; /* fastest for generating a token */
} nm_kernels;

/* The n-th row of kernels.def that this build has, plainest first; NULL past the last. */
const nm_kernels *nm_kernels_row(size_t n);

/* Does this CPU run it?  If not, missing[size] gets the names of what it lacks, cut to fit. */
bool nm_kernels_runs(const nm_kernels *kernels, char *missing, size_t size);

/*
 * The row of this name; an error if there is none or this CPU does not run it.  NULL: the last row
 * that this CPU runs.
 */
bool nm_kernels_choose(const nm_kernels **kernels, const char *name, nomul_error *err);

/* The fastest float operations that every CPU of this build runs: CPUID takes 40 us in a guest. */
const nm_float_ops *nm_kernels_any_floats(void);

/* What the rows point to: nm_avx2_ternary, nm_avx2_floats, ... */
#define NM_KERNELS(name, ternary, floats, packing, features)                                       \
    extern const nm_ternary_ops nm_##ternary##_ternary[NM_PACKINGS];                               \
    extern const nm_float_ops   nm_##floats##_floats;
#include "kernels/kernels.def"

#endif
