/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vocabulary: pieces, scores, types and special ids, from the keys tokenizer.ggml.* of a GGUF
 * file, with an index by text.  Opening checks all of it, so tokenizer and decoder need not;
 * afterwards nothing changes.
 */
#ifndef NM_VOCAB_H
#define NM_VOCAB_H

#include "base/arena.h"
#include "tokens/matcher.h"
#include "tokens/pairs.h"
#include "tokens/piece.h"

/* One place of the hash table. */
typedef struct nm_vocab_slot {
    uint32_t hash;
    uint32_t id_plus_1; /* 0: free */
} nm_vocab_slot;

/* Zeros are a closed one. */
typedef struct nm_vocab {
    nm_arena       arena;
    nm_piece      *pieces;
    size_t         n_pieces;
    nm_vocab_slot *index; /* open addressing, over all texts; at most half full */
    size_t         index_mask;
    int32_t        bytes[256];             /* id of <0xNN>; all -1 where there are none */
    int32_t        bos_id, eos_id, unk_id; /* -1: none */
    bool           add_bos, add_eos, add_space_prefix;
    nm_prefix      prefix;
    bool           has_unused, has_merges;
    bool           has_added;  /* added tokens are listed, and control pieces are not all of them */
    bool           has_tokens; /* some of them are found in any text */
    size_t         max_piece;  /* length of the longest */
    nm_matcher     raw;        /* tokens found in the text as it is given */
    nm_matcher     late;       /* NM_ATTR_NORMALIZED: found in what is between those */
    nm_matcher     symbols;    /* user-defined pieces: symbols that never merge */
    nm_pairs       pairs;
    uint8_t        joins[65536 / 8]; /* a bit for each two bytes: see nm_vocab_joins */
    bool           ends[256];        /* no byte joins this one, whatever follows */
} nm_vocab;

/*
 * *present is false, and the vocab empty, for tokenizer.ggml.model "no_vocab".  Checks: the arrays
 * are there, of n_vocab elements each, pieces not empty, not too long, valid UTF-8, none twice or
 * made to collide in the index, scores finite, types known, special ids inside, byte pieces well
 * formed and all 256 there or none (then there is an unknown id), added tokens and merges name
 * pieces.  The gguf's bytes outlive the vocab.
 */
bool nm_vocab_open(nm_vocab *vocab, const nm_gguf *gguf, size_t n_vocab, bool *present,
                   nomul_error *err);
void nm_vocab_close(nm_vocab *vocab);

/* The id of a piece that merging may make, or -1. */
int32_t nm_vocab_find(const nm_vocab *vocab, const char *text, size_t n_text);

/*
 * The piece that two neighbours merge into, which are text[0..n_left) and text[n_left..n_text), or
 * -1; ids are theirs, -1 for a character that is no piece.  *score: the higher goes first.
 */
int32_t nm_vocab_merge(const nm_vocab *vocab, const char *text, size_t n_left, int32_t left,
                       size_t n_text, int32_t right, float *score);

/* Are spaces spelled, and one added, before late tokens are looked for?  With Metaspace after. */
bool nm_vocab_spells_first(const nm_vocab *vocab);

/*
 * May a piece or an unknown symbol hold these two bytes as neighbours, a space spelled as U+2581?
 * If not, a text may be cut between them: cut.c has the proof.
 */
static inline bool nm_vocab_joins(const nm_vocab *vocab, uint8_t before, uint8_t after)
{
    return vocab->joins[before * 32 + after / 8] >> after % 8 & 1;
}

#endif
