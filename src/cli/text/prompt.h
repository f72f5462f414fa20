/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A prompt, as text from -p, -f or stdin and as token ids; and lists of ids, which a command makes
 * from a text or reads as the user writes them: "1 2 3", "1,2,3".
 */
#ifndef NM_PROMPT_H
#define NM_PROMPT_H

#include "cli/text/text.h"

/* Zeros are an empty one. */
typedef struct nm_ids {
    int32_t *at;
    size_t   n, capacity;
} nm_ids;

bool nm_ids_reserve(nm_ids *ids, size_t more, nomul_error *err);
bool nm_ids_add(nm_ids *ids, int32_t id, nomul_error *err);
void nm_ids_free(nm_ids *ids);

/* Are these whole numbers separated by commas and spaces, or nothing at all? */
bool nm_ids_check(const char *text, size_t n_bytes, nomul_error *err);

/* Adds them, if they pass that check and are ids below n_vocab. */
bool nm_ids_read(nm_ids *ids, const char *text, size_t n_bytes, size_t n_vocab, nomul_error *err);

/* Rows of a command's options; the fields are offsets of a const char * or a bool. */
/* clang-format off */
#define NM_PROMPT_OPTIONS(prompt, file)                                                            \
    {'p', "prompt", NM_OPT_STRING, prompt, NULL, "TEXT", "the prompt", 0, 0},                      \
    {'f', "file", NM_OPT_STRING, file, NULL, "FILE",                                               \
     "file with the prompt, - for stdin; appended to the text of -p if both are given", 0, 0}
/* clang-format on */

#define NM_ESCAPE_OPTION(escapes)                                                                  \
    {                                                                                              \
        'e', "escape", NM_OPT_FLAG, escapes, NULL, NULL,                                           \
            "in -p and in lines that are prompts, \\n \\r \\t \\' \\\" \\\\ and \\xHH stand for "  \
            "the byte",                                                                            \
            0, 0                                                                                   \
    }

enum {
    NM_PROMPT_UNESCAPE = 1,     /* resolve backslash escapes in `typed` */
    NM_PROMPT_DROP_NEWLINE = 2, /* drop one newline at the end of the file */
};

/*
 * Adds `typed`, the value of -p, then the file that -f names ("-" is stdin).  Either may be NULL;
 * if both are, adds stdin.
 */
bool nm_prompt_read(nm_text *text, const char *typed, const char *file, unsigned flags,
                    nomul_error *err);

/*
 * Adds the ids of a text that is to be continued: BOS first if the model uses it, no EOS at the
 * end.  An empty text is BOS alone.
 */
bool nm_prompt_ids(nm_ids *ids, const nomul_tokenizer *tokenizer, const nm_text *text,
                   bool parse_special, nomul_error *err);

/* Adds the ids of text as nomul_tokenize makes them. */
bool nm_prompt_tokenize(nm_ids *ids, const nomul_tokenizer *tokenizer, const nm_text *text,
                        unsigned flags, nomul_error *err);

#endif
