/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Python's str does to a text: lm-evaluation-harness prepares texts with it, so figures that
 * are to equal the harness's depend on it.  Texts are valid UTF-8; lengths are in bytes unless they
 * are said to be in characters.
 */
#ifndef NM_PYSTR_H
#define NM_PYSTR_H

#include "cli/text/buffer.h"

/* Bytes of an existing text. */
typedef struct nm_span {
    const char *text;
    size_t      n_bytes;
} nm_span;

/* str.isspace, and \s of a regular expression. */
bool nm_pystr_is_space(uint32_t code_point);

/* str.strip and str.rstrip without arguments. */
nm_span nm_pystr_strip(nm_span s);
nm_span nm_pystr_rstrip(nm_span s);

/* len: characters. */
size_t nm_pystr_length(nm_span s);

/*
 * Appends str.capitalize: the first letter in upper case, all others in lower case.  Letters are
 * Latin, Greek and Cyrillic; those of other scripts stay as they are, and so do the rules for
 * single letters but one (a German sharp s at the beginning): a table of 20 rows in place of
 * Unicode's 1,400, for data sets that are in English.
 */
bool nm_pystr_capitalize(nm_buffer *to, nm_span s, nomul_error *err);

/* str.replace: in the buffer, from byte `from` on; `with` is not longer than `what`. */
void nm_pystr_replace(nm_buffer *text, size_t from, const char *what, const char *with);

/* re.sub("\\[.*?\\]", ""): removes [..] from byte `from` on, where both are in one line. */
void nm_pystr_drop_brackets(nm_buffer *text, size_t from);

/*
 * len(re.split("\\s+", text)), while the text arrives in parts: zeros are the empty text, which has
 * one word, as in Python.  The parts may end inside a character.
 */
typedef struct nm_words {
    uint64_t n_gaps; /* runs of white space; words are one more */
    bool     in_gap;
    char     rest[4]; /* of an unfinished character */
    size_t   n_rest;
} nm_words;

void nm_words_add(nm_words *words, const char *text, size_t n_bytes);

#endif
