/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A checkpoint's pieces while its tokenizer is being read, whichever files name them: those of the
 * vocabulary, and the tokens that were added to it.
 */
#ifndef NM_HF_PIECES_H
#define NM_HF_PIECES_H

#include "base/file.h"
#include "convert/hf_json.h"
#include "convert/names.h"
#include "format/sentencepiece.h"

/* Zeros are a closed one. */
typedef struct nm_hf_tokenizer {
    nm_sp_piece *pieces;   /* by id; owned */
    size_t       n_pieces; /* one behind the highest id so far; when open: vocab_size */
    size_t       capacity; /* vocab_size */
    nm_names     names;    /* of the pieces; their numbers are the ids */
    int32_t      unk_id, bos_id, eos_id; /* -1: none */
    bool         add_bos, add_eos, add_space_prefix;
    nm_filemap   file;     /* what tokenizer.model's pieces point into */
    char        *text;     /* what all others point into; owned, as the next is */
    char        *text_end; /* where the next one goes */
    char        *pad_text;
} nm_hf_tokenizer;

/* A token that Hugging Face's own means added to a vocabulary: the members of its object. */
typedef struct nm_hf_added {
    uint64_t   id;
    nm_hf_text content;
    bool       special, single_word, lstrip, rstrip;
} nm_hf_added;

bool nm_hf_added_read(nm_hf_added *added, nm_json *json, nomul_error *err);

/* Puts it in its place; tokenizer->text has room for it. */
bool nm_hf_added_place(nm_hf_tokenizer *tokenizer, const nm_hf_added *added, nomul_error *err);

/* Enters all pieces so far into names; an id without a piece and a piece of two ids fail. */
bool nm_hf_tokenizer_index(nm_hf_tokenizer *tokenizer, nomul_error *err);

#endif
