/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tokenizer.json (github.com/huggingface/tokenizers): BPE with byte fallback.  There a merge is of
 * two pieces and has a rank; in a model file a piece has a score, and any two neighbours that spell
 * it are merged.  Where scores cannot say the same, the ranked pairs are kept.
 */
#ifndef NM_TOKENIZER_JSON_H
#define NM_TOKENIZER_JSON_H

#include "convert/hf_pieces.h"

typedef struct nm_tokenizer_json {
    nm_json    merges;
    nm_hf_text unk_token;
    bool       splits; /* a text before each U+2581: no piece is made that has one inside */
} nm_tokenizer_json;

/*
 * Reads all but the merges into a tokenizer with room for its capacity: pieces, added tokens,
 * spaces, BOS and EOS.  The text must outlive the nm_tokenizer_json.
 */
bool nm_tokenizer_json_read(nm_hf_tokenizer *tokenizer, nm_tokenizer_json *json, const char *text,
                            size_t n_text, nomul_error *err);

/* The added tokens alone, of a file beside a tokenizer.model: those that are not known yet. */
bool nm_tokenizer_json_added(nm_hf_tokenizer *tokenizer, const char *text, size_t n_text,
                             nomul_error *err);

/* The merges, as scores or ranks, once the tokenizer is indexed.  Finds unk_id. */
bool nm_tokenizer_json_merges(nm_hf_tokenizer *tokenizer, const nm_tokenizer_json *json,
                              nomul_error *err);

#endif
