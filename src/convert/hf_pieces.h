/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pieces of a checkpoint's tokenizer, with what all files that name them have in common: those
 * of the vocabulary, and the tokens that were added to it.  Texts are views into the files, which
 * stay mapped as long as the tokenizer.
 */
#ifndef NM_HF_PIECES_H
#define NM_HF_PIECES_H

#include "base/file.h"
#include "base/names.h"
#include "convert/hf_json.h"
#include "format/sentencepiece.h"
#include "format/token_keys.h"

/* Where what the caller should know goes: nomul_convert_options. */
typedef struct nm_hf_warn {
    nomul_warning say; /* may be NULL */
    void         *context;
} nm_hf_warn;

/* Two pieces that are merged, by id. */
typedef struct nm_hf_merge {
    uint32_t left, right, made;
} nm_hf_merge;

/* A chat template; name "" for the one that has none. */
typedef struct nm_hf_template {
    const char *name, *text;
    size_t      n_name, n_text;
} nm_hf_template;

#define NM_HF_MAX_TEMPLATES 32

/* A zeroed struct is closed. */
typedef struct nm_hf_tokenizer {
    nm_sp_piece   *pieces;                 /* by id; owned */
    uint16_t      *attr;                   /* by id: NM_ATTR_*; owned */
    size_t         n_pieces;               /* the highest id so far + 1; once indexed, vocab_size */
    size_t         capacity;               /* vocab_size */
    nm_names       names;                  /* of the pieces, numbered by id */
    int32_t        unk_id, bos_id, eos_id; /* -1: none */
    bool           add_bos, add_eos, add_space_prefix;
    bool           slow;        /* tokenizer.model: added tokens as transformers finds them */
    bool           lists_added; /* the model file has to list them: types do not say it all */
    nm_prefix      prefix;
    nm_hf_merge   *merges; /* in the order of their ranks; owned; NULL where scores say the same */
    size_t         n_merges;
    int32_t       *ends; /* ids that end a text; owned */
    size_t         n_ends;
    nm_hf_template templates[NM_HF_MAX_TEMPLATES];
    size_t         n_templates;
    nm_hf_warn     warn;
    nm_filemap     file;          /* what the pieces of tokenizer.model point into */
    nm_filemap     template_file; /* chat_template.jinja */
    char          *text;          /* what other texts point into; owned, as pad_text is */
    char          *text_end;      /* where the next text is stored */
    char          *pad_text;
} nm_hf_tokenizer;

/* The JSON object of a token that was added to the vocabulary after training. */
typedef struct nm_hf_added {
    uint64_t   id;
    nm_hf_text content;
    bool       special, single_word, lstrip, rstrip;
    nm_json    normalized; /* absent: if it is not special */
} nm_hf_added;

bool nm_hf_added_read(nm_hf_added *added, nm_json *json, nomul_error *err);

/* Checks it and stores it under its id; tokenizer->text must have room for it. */
bool nm_hf_added_place(nm_hf_tokenizer *tokenizer, const nm_hf_added *added, nomul_error *err);

/*
 * Adds all pieces to `names`; ids without a piece get names of their own, and are never produced.
 * Fails for a piece with two ids.
 */
bool nm_hf_tokenizer_index(nm_hf_tokenizer *tokenizer, nomul_error *err);

#endif
