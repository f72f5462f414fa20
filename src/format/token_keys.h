/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the optional tokenizer keys of a model file hold: models/FORMAT.md describes them.  convert
 * writes them for tokenizers that scores and types of pieces do not describe in full; tokens/ reads
 * them.  A file without them means what it means to llama.cpp.
 */
#ifndef NM_TOKEN_KEYS_H
#define NM_TOKEN_KEYS_H

/*
 * How an added token is found in a text, tokenizer.ggml.added_token_attr.  Bits that llama.cpp's
 * llama_token_attr has, too, have its numbers.
 */
enum {
    NM_ATTR_CONTROL = 1 << 3,     /* only where control tokens are asked for */
    NM_ATTR_NORMALIZED = 1 << 6,  /* after the others, and in the text as the pieces spell it */
    NM_ATTR_LSTRIP = 1 << 7,      /* takes the white space before it */
    NM_ATTR_RSTRIP = 1 << 8,      /* and after it */
    NM_ATTR_SINGLE_WORD = 1 << 9, /* not beside a letter, digit or underscore */
    NM_ATTR_SPACED = 1 << 10,     /* beside spaces only */
    NM_ATTR_MERGED = 1 << 11,     /* merges may make it, too */
    NM_ATTR_NAMED = 1 << 12,      /* no space is added to an empty text before it */
    NM_ATTR_ALL = 0x1FC8,
    NM_ATTR_ADDED = 1 << 13, /* in memory only: it is an added token */
};

/* Which stretches of a text get a space before them, tokenizer.ggml.pre, if one is added at all. */
typedef enum nm_prefix {
    NM_PREFIX_ALWAYS,           /* all, also those that begin with a space */
    NM_PREFIX_FIRST,            /* the first, unless it is empty before NM_ATTR_NAMED */
    NM_PREFIX_METASPACE_ALWAYS, /* all that do not begin with a space */
    NM_PREFIX_METASPACE_FIRST,  /* the first, if it does not begin with a space */
} nm_prefix;

/* Their names in the file, in this order. */
#define NM_PREFIX_NAMES                                                                            \
    {                                                                                              \
        "default", "first", "metaspace", "metaspace-first"                                         \
    }

#define NM_MAX_PAIRS ((size_t)1 << 22) /* elements of tokenizer.ggml.merges */

#endif
