/* SPDX-License-Identifier: Apache-2.0 */
/* A prompt: from -p, from -f or from stdin, and as ids. */
#ifndef NM_PROMPT_H
#define NM_PROMPT_H

#include "cli/text/ids.h"
#include "cli/text/text.h"

enum {
    NM_PROMPT_UNESCAPE = 1,     /* backslashes in `words` mean something */
    NM_PROMPT_DROP_NEWLINE = 2, /* one, at the end of the file */
};

/*
 * Adds `words` (what -p says), then the file (what -f says; "-" is stdin); either may be NULL.
 * stdin if both are.
 */
bool nm_prompt_read(nm_text *text, const char *words, const char *file, unsigned flags,
                    nomul_error *err);

/*
 * Adds the ids of a text that is to be continued: BOS in front where the model wants it, never an
 * EOS behind.  An empty text is BOS alone.
 */
bool nm_prompt_ids(nm_ids *ids, const nomul_tokenizer *tokenizer, const nm_text *text,
                   bool parse_special, nomul_error *err);

/* Adds the ids of text as nomul_tokenize makes them. */
bool nm_prompt_tokenize(nm_ids *ids, const nomul_tokenizer *tokenizer, const nm_text *text,
                        unsigned flags, nomul_error *err);

#endif
