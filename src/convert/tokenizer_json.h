/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tokenizer.json (github.com/huggingface/tokenizers): BPE with byte fallback, if it does the same
 * as SentencePiece's BPE.  There a merge is of two pieces and has a rank; here a piece has a score,
 * and any two neighbours that spell it are merged.  Both are the same if every pair that spells a
 * piece is listed, which is checked, and is true of files made from a tokenizer.model.
 */
#ifndef NM_TOKENIZER_JSON_H
#define NM_TOKENIZER_JSON_H

#include "convert/hf_pieces.h"

/* Fills pieces, names, unk_id and add_space_prefix of a tokenizer with room for its capacity. */
bool nm_tokenizer_json_read(nm_hf_tokenizer *tokenizer, const char *text, size_t n_text,
                            nomul_error *err);

#endif
