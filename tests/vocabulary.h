/* SPDX-License-Identifier: Apache-2.0 */
/* Vocabularies for tests: pieces put into a GGUF file in memory and opened from there. */
#ifndef NM_TEST_VOCABULARY_H
#define NM_TEST_VOCABULARY_H

#include "convert/hf_tokenizer.h"
#include "format/gguf_write.h"
#include "format/sentencepiece.h"
#include "tokens/tokenizer.h"

/* What is written; see vocabulary_plan_init for what is sound. */
typedef struct vocabulary_plan {
    const nm_sp_piece *pieces;
    size_t             n_pieces, n_scores, n_types;
    const char        *model;
    int32_t            bos_id, eos_id, unk_id;             /* -1: no such key */
    int                add_bos, add_eos, add_space_prefix; /* -1: no such key */
    const char        *omit;                               /* a key left out */
    const char        *as_u64;                             /* a key of the wrong type */
    void (*more)(nm_gguf_writer *file);                    /* writes further keys; may be NULL */
} vocabulary_plan;

/* All keys, no special ids, no EOS, a blank in front. */
void vocabulary_plan_init(vocabulary_plan *plan, const nm_sp_piece *pieces, size_t n_pieces);

/* The same with what a tokenizer.model says. */
void vocabulary_plan_of(vocabulary_plan *plan, const nm_sentencepiece *sp);

/* Zeros are a closed one. */
typedef struct vocabulary {
    nm_gguf_writer  file;
    nm_gguf         gguf;
    nomul_tokenizer tokenizer;
    bool            present;
} vocabulary;

bool vocabulary_open(vocabulary *v, const vocabulary_plan *plan, nomul_error *err);
void vocabulary_close(vocabulary *v);

/* Opens that of a tokenizer.model; a failed check and false where it can't. */
bool vocabulary_open_model(vocabulary *v, const char *path);

/* Opens that of a checkpoint directory, as nomul_convert writes it and a model reads it. */
bool vocabulary_open_directory(vocabulary *v, const char *path, size_t n_vocab,
                               const nm_hf_ids *ids, nomul_error *err);

/* The ids of a text, read from and written to blocks of exactly their size; free it. */
int32_t *vocabulary_encode(const vocabulary *v, const char *text, size_t n_bytes, unsigned flags,
                           size_t *n_ids);

/* What the ids spell; free it. */
char *vocabulary_decode(const vocabulary *v, const int32_t *ids, size_t n_ids, unsigned flags,
                        size_t *n_bytes);

/* <unk> and the 256 byte pieces: what every vocabulary here begins with. */
#define VOCABULARY_N_FIRST 257
void vocabulary_first_pieces(nm_sp_piece pieces[VOCABULARY_N_FIRST]);

#endif
