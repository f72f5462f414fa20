/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why the parts give the ids of the whole.  The tokenizer writes each blank as U+2581, splits the
 * text from left to right into symbols (the longest user-defined piece there, or else a character,
 * or else a byte that is in none), merges neighbours that together spell a piece, the best score
 * first, and writes each symbol that is left as its id or as its bytes.  Say that the bytes a|b
 * around the cut, as the tokenizer sees them, are neighbours in no piece, and b is not a
 * continuation byte unless a is ASCII.  Then
 *
 * - no symbol reaches over the cut: a user-defined piece would hold a and b, a character's bytes
 *   behind its first are all continuation bytes and none of its bytes is ASCII.  Nor does a symbol
 *   in front of the cut become another because of what is behind: a longer user-defined piece would
 *   hold a and b, and a character that the cut leaves unfinished was unfinished already;
 * - no merge reaches over it: the merged symbol would be a piece that holds a and b.  So the merges
 *   on each side are those of that side alone, in the same order;
 * - a symbol becomes its ids whatever its neighbours are, but for a vocabulary without byte pieces:
 *   a run of unknown symbols is one id there.  It does not reach over the cut if a or b is an ASCII
 *   character that is a piece: the symbol it belongs to is then known.
 *
 * The blank in front of the whole text belongs to the first part, which is not empty.
 */
#include "cli/score/cutter.h"

#include <string.h>

#define BLANK_FIRST 0xE2 /* of U+2581 */
#define BLANK_LAST 0x81

/* What a tokenizer makes text of. */
static bool is_text(nomul_token_type type)
{
    return type == NOMUL_TOKEN_NORMAL || type == NOMUL_TOKEN_USER_DEFINED ||
           type == NOMUL_TOKEN_UNUSED;
}

static void join(nm_cutter *cutter, size_t before, size_t after)
{
    cutter->joins[before * 32 + after / 8] |= (uint8_t)(1 << after % 8);
}

static bool joins(const nm_cutter *cutter, size_t before, size_t after)
{
    return cutter->joins[before * 32 + after / 8] >> after % 8 & 1;
}

/* All pairs inside pieces.  known[c] becomes true for ASCII characters that are pieces. */
static void join_pieces(nm_cutter *cutter, const nomul_tokenizer *tokenizer, bool known[256],
                        bool *has_bytes)
{
    int32_t n_pieces = (int32_t)nomul_token_count(tokenizer);

    for (int32_t id = 0; id < n_pieces; id++) {
        nomul_token_type type = NOMUL_TOKEN_UNKNOWN;
        size_t           n = 0;
        const uint8_t   *piece = (const uint8_t *)nomul_token_piece(tokenizer, id, &n, &type);

        *has_bytes |= type == NOMUL_TOKEN_BYTE;
        if (!is_text(type)) continue;
        for (size_t i = 1; i < n; i++) join(cutter, piece[i - 1], piece[i]);
        if (n == 1 && piece[0] < 0x80 && type != NOMUL_TOKEN_UNUSED) known[piece[0]] = true;
    }
}

void nm_cutter_init(nm_cutter *cutter, const nomul_tokenizer *tokenizer)
{
    bool known[256] = {false}, has_bytes = false;

    memset(cutter, 0, sizeof *cutter);
    join_pieces(cutter, tokenizer, known, &has_bytes);
    for (size_t before = 0; before < 256; before++) {
        bool any = false;
        for (size_t after = 0; after < 256; after++) {
            if (before >= 0x80 && after >= 0x80 && after < 0xC0) join(cutter, before, after);
            if (!has_bytes && !known[before] && !known[after]) join(cutter, before, after);
            any |= joins(cutter, before, after);
        }
        cutter->ends[before] = !any;
    }
}

static size_t before(char c)
{
    return c == ' ' ? BLANK_LAST : (uint8_t)c;
}

static size_t after(char c)
{
    return c == ' ' ? BLANK_FIRST : (uint8_t)c;
}

size_t nm_cutter_last(const nm_cutter *cutter, const char *text, size_t n_bytes, size_t from)
{
    if (n_bytes == 0) return 0;
    if (cutter->ends[before(text[n_bytes - 1])]) return n_bytes;
    for (size_t at = n_bytes - 1; at > 0 && at >= from; at--)
        if (!joins(cutter, before(text[at - 1]), after(text[at]))) return at;
    return 0;
}
