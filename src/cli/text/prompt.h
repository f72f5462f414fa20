/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prompts, as text from -p, -f or stdin, and lists of token ids, which a command makes from a text
 * or reads as the user writes them: "1 2 3", "1,2,3".  For commands that feed ids themselves
 * (logits, perplexity, tokenize); a nomul_text tokenizes its own prompts.
 */
#ifndef NM_PROMPT_H
#define NM_PROMPT_H

#include "cli/options.h"
#include "cli/text/buffer.h"

/* Zeros are an empty one. */
typedef struct nm_ids {
    int32_t *at;
    size_t   n, capacity;
} nm_ids;

bool nm_ids_reserve(nm_ids *ids, size_t more, nomul_error *err);
bool nm_ids_add(nm_ids *ids, int32_t id, nomul_error *err);
void nm_ids_free(nm_ids *ids);

/*
 * Appends ids below n_vocab, separated by commas and white space; none at all is no error.  With
 * ids NULL it only checks that these are whole numbers: what can be known without a model.
 */
bool nm_ids_read(nm_ids *ids, const char *text, size_t n_bytes, size_t n_vocab, nomul_error *err);

/* Rows of a command's options; the fields are offsets of a const char * or a bool. */
/* clang-format off */
#define NM_PROMPT_OPTIONS(prompt, file)                                                            \
    NM_STRING('p', "prompt", prompt, "TEXT", "the prompt"),                                        \
    NM_FILE('f', "file", file, NULL,                                                               \
            "file with the prompt, - for stdin; appended to the text of -p if both are given",     \
            NM_INPUT)

#define NM_ESCAPE_OPTION(escapes, where)                                                           \
    NM_FLAG('e', "escape", escapes,                                                                \
            "replace the escapes \\n \\r \\t \\' \\\" \\\\ and \\xHH in " where)
/* clang-format on */

enum {
    NM_PROMPT_UNESCAPE = 1,     /* resolve backslash escapes in `typed` */
    NM_PROMPT_DROP_NEWLINE = 2, /* one newline, CR LF too, at the end of the file, and its BOM */
};

/* Notes on stderr that a command waits: it is about to read this file, a terminal ("-", not -q). */
void nm_prompt_waits(const char *file, const char *what, bool quiet);

/*
 * Appends `typed`, the value of -p, then the file that -f names ("-" is stdin).  Either may be
 * NULL; if both are, appends stdin.
 */
bool nm_prompt_read(nm_buffer *text, const char *typed, const char *file, unsigned flags,
                    nomul_error *err);

/*
 * Appends the ids of a text that is to be continued: BOS first if the model uses it, no EOS at the
 * end.  An empty text is BOS alone.
 */
bool nm_prompt_ids(nm_ids *ids, const nomul_tokenizer *tokenizer, const nm_buffer *text,
                   nomul_error *err);

/* Appends the ids of text as nomul_tokenize makes them. */
bool nm_prompt_tokenize(nm_ids *ids, const nomul_tokenizer *tokenizer, const nm_buffer *text,
                        unsigned flags, nomul_error *err);

/* Appends the bytes of ids as a nomul_decoder with these flags makes them. */
bool nm_prompt_decode(nm_buffer *text, const nomul_tokenizer *tokenizer, const int32_t *ids,
                      size_t n_ids, unsigned flags, nomul_error *err);

#endif
