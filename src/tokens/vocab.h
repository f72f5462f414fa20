/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces, scores, types and special ids, from a GGUF file's tokenizer.ggml.* keys. */
#ifndef NM_VOCAB_H
#define NM_VOCAB_H

#include "base/arena.h"
#include "format/gguf.h"
#include "format/sentencepiece.h"

typedef struct nm_piece {
    const char *text; /* view into the file */
    uint32_t    n_text;
    float       score;
    uint8_t     type; /* nomul_token_type */
} nm_piece;

/* The pieces of one type, sorted by text: to find the longest that a text begins with. */
typedef struct nm_piece_set {
    const nm_piece **sorted;
    size_t           n_pieces;
    bool             spells_spaces; /* their NM_BLANK stands for a space of the text */
    bool             begins[256];   /* may a text that begins with this byte begin with one? */
} nm_piece_set;

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
    bool           has_unused;
    size_t         max_piece; /* length of the longest */
    nm_piece_set   user_defined, control;
    uint8_t        joins[65536 / 8]; /* a bit for each two bytes: see nm_vocab_joins */
    bool           ends[256];        /* no byte joins this one, whatever follows */
} nm_vocab;

/*
 * *present is false, and the vocab empty, for tokenizer.ggml.model "no_vocab".  Checks: the arrays
 * are there, of n_vocab elements each, pieces not empty, not too long, valid UTF-8, none twice or
 * made to collide in the index, scores finite, types known, special ids inside, byte pieces well
 * formed and all 256 there or none (then there is an unknown id).  The gguf's bytes outlive the
 * vocab.
 */
bool nm_vocab_open(nm_vocab *vocab, const nm_gguf *gguf, size_t n_vocab, bool *present,
                   nomul_error *err);
void nm_vocab_close(nm_vocab *vocab);

/* The id of a piece that merging may make (normal, user-defined or unused), or -1. */
int32_t nm_vocab_find(const nm_vocab *vocab, const char *text, size_t n_text);

/*
 * May a piece or an unknown symbol hold these two bytes as neighbours, a space spelled as U+2581?
 * If not, a text may be cut between them: cut.c has the proof.
 */
static inline bool nm_vocab_joins(const nm_vocab *vocab, uint8_t before, uint8_t after)
{
    return vocab->joins[before * 32 + after / 8] >> after % 8 & 1;
}

/*
 * The longest piece of a set that text[0..n_text) begins with: gives how many bytes of the text it
 * covers and its id; 0 if there is none.
 */
size_t nm_vocab_match(const nm_vocab *vocab, const nm_piece_set *set, const char *text,
                      size_t n_text, int32_t *id);

#endif
