/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tokenizer of a checkpoint directory: tokenizer.model or, without it, tokenizer.json; and what
 * added_tokens.json, tokenizer_config.json, special_tokens_map.json, generation_config.json,
 * config.json and chat_template.jinja add to it.
 */
#ifndef NM_HF_TOKENIZER_H
#define NM_HF_TOKENIZER_H

#include "convert/hf_config.h"
#include "convert/hf_pieces.h"
#include "format/gguf_write.h"

/*
 * `ids` are those of config.json.  n_vocab is vocab_size; ids that no file names become unused
 * pieces.  The tokenizer must be closed after a failure too.
 */
bool nm_hf_tokenizer_open(nm_hf_tokenizer *tokenizer, const char *directory, size_t n_vocab,
                          const nm_hf_ids *ids, nm_hf_warn warn, nomul_error *err);
void nm_hf_tokenizer_close(nm_hf_tokenizer *tokenizer);

/* Writes the keys of the tokenizer into the header of a model file. */
void nm_hf_tokenizer_write(const nm_hf_tokenizer *tokenizer, nm_gguf_writer *header);

#endif
