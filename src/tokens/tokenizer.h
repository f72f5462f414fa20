/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text to ids and back by SentencePiece's BPE: of all adjacent pairs whose joined piece is in the
 * vocabulary the one with the highest score is merged, leftmost first among equals, until none is
 * left; what is then no piece goes byte by byte.  The public functions nomul_tokenize and
 * nomul_token_* are defined in tokenizer.c, nomul_decoder_* in decoder.c.
 */
#ifndef NM_TOKENIZER_H
#define NM_TOKENIZER_H

#include "tokens/vocab.h"

struct nomul_tokenizer {
    nm_vocab vocab;
};

#endif
