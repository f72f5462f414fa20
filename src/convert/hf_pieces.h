/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pieces of a checkpoint's tokenizer, with what all files that name them have in common: those
 * of the vocabulary, and the tokens that were added to it.
 */
#ifndef NM_HF_PIECES_H
#define NM_HF_PIECES_H

#include "base/file.h"
#include "base/names.h"
#include "convert/hf_json.h"
#include "format/sentencepiece.h"

/* A zeroed struct is closed. */
typedef struct nm_hf_tokenizer {
    nm_sp_piece *pieces;                 /* by id; owned */
    size_t       n_pieces;               /* the highest id so far + 1; once open, vocab_size */
    size_t       capacity;               /* vocab_size */
    nm_names     names;                  /* of the pieces, numbered by id */
    int32_t      unk_id, bos_id, eos_id; /* -1: none */
    bool         add_bos, add_eos, add_space_prefix;
    nm_filemap   file;     /* what the pieces of tokenizer.model point into */
    char        *text;     /* what other pieces point into; owned, as pad_text is */
    char        *text_end; /* where the next piece's text is stored */
    char        *pad_text;
} nm_hf_tokenizer;

/* The JSON object of a token that was added to the vocabulary after training. */
typedef struct nm_hf_added {
    uint64_t   id;
    nm_hf_text content;
    bool       special, single_word, lstrip, rstrip;
} nm_hf_added;

bool nm_hf_added_read(nm_hf_added *added, nm_json *json, nomul_error *err);

/* Checks it and stores it under its id; tokenizer->text must have room for it. */
bool nm_hf_added_place(nm_hf_tokenizer *tokenizer, const nm_hf_added *added, nomul_error *err);

/* Adds all pieces to `names`; fails for an id without a piece and for a piece with two ids. */
bool nm_hf_tokenizer_index(nm_hf_tokenizer *tokenizer, nomul_error *err);

#endif
