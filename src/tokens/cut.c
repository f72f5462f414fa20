/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a text may be cut so that its parts, tokenized one by one, give the ids of the whole.
 *
 * The tokenizer writes each space as U+2581, splits the text from left to right into symbols (the
 * longest user-defined piece there, or else a character, or else a byte that is part of none),
 * merges neighbours that together spell a piece, the best score first, and writes each remaining
 * symbol as its id or as its bytes.  Let the bytes a|b around the cut, as the tokenizer sees them,
 * be neighbours in no piece, and let b be no continuation byte unless a is ASCII.  Then
 *
 * - no symbol spans the cut: a user-defined piece would hold a and b, the bytes of a character
 *   after its first are all continuation bytes, and none of its bytes is ASCII.  Nor does a symbol
 *   before the cut change because of what follows: a longer user-defined piece would hold a and b,
 *   and a character that the cut leaves unfinished was unfinished already;
 * - no merge spans it: the merged symbol would be a piece that holds a and b.  So the merges on
 *   each side are those of that side alone, in the same order;
 * - a symbol becomes its ids whatever its neighbours are, except in a vocabulary without byte
 *   pieces: there a run of unknown symbols is one id.  It does not span the cut if a or b is an
 *   ASCII character that is a piece: the symbol it belongs to is then known.
 *
 * The space that the tokenizer adds belongs to the first part, which is not empty.  Added tokens
 * that are found in any text are neither cut nor cut off from what is beside them: vocab.c joins
 * their first and last bytes with every other, and those of white space where they strip it.
 */
#include "tokens/tokenizer.h"

#define SPACE_FIRST 0xE2 /* of U+2581 */
#define SPACE_LAST 0x81

size_t nomul_tokenize_cut(const nomul_tokenizer *tokenizer, const char *text, size_t n_bytes,
                          size_t from)
{
    if (!tokenizer || !text || n_bytes == 0 || from > n_bytes) return 0;
    const nm_vocab *vocab = &tokenizer->vocab;
    uint8_t         last = text[n_bytes - 1] == ' ' ? SPACE_LAST : (uint8_t)text[n_bytes - 1];

    if (vocab->ends[last]) return n_bytes;
    for (size_t at = n_bytes - 1; at > 0 && at >= from; at--) {
        uint8_t before = text[at - 1] == ' ' ? SPACE_LAST : (uint8_t)text[at - 1];
        uint8_t after = text[at] == ' ' ? SPACE_FIRST : (uint8_t)text[at];
        if (!nm_vocab_joins(vocab, before, after)) return at;
    }
    return 0;
}
