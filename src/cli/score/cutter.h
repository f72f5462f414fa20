/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a text may be cut so that its parts, tokenized one by one, give the ids of the whole: the
 * first part as it is, the others with NOMUL_TOKENIZE_NO_PREFIX.  So a text without an end can be
 * tokenized as it comes.  Without NOMUL_TOKENIZE_PARSE_SPECIAL.
 */
#ifndef NM_CUTTER_H
#define NM_CUTTER_H

#include "nomul.h"

typedef struct nm_cutter {
    uint8_t joins[65536 / 8]; /* a bit for each two bytes: no cut between them */
    bool    ends[256];        /* no byte joins this one: a cut behind it, whatever comes */
} nm_cutter;

void nm_cutter_init(nm_cutter *cutter, const nomul_tokenizer *tokenizer);

/*
 * The last place in text[0..n_bytes], the end included, that is safe to cut, whatever follows the
 * text; 0 if there is none.  No place before `from` is safe: what was left of an earlier cut.
 */
size_t nm_cutter_last(const nm_cutter *cutter, const char *text, size_t n_bytes, size_t from);

#endif
