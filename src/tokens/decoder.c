/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ids to text: see nomul_decoder in nomul.h.  The bytes of a character may come with several ids,
 * so those that are not complete are held back.  A text (text/) uses nm_decoder_write itself, as it
 * has its own place for them.
 */
#include "tokens/tokenizer.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/utf8.h"

#include <string.h>

#define UNKNOWN_SURFACE " \xE2\x81\x87 " /* U+2047 between spaces, as sentencepiece writes it */
#define MAX_HELD 3                       /* a character of 4 bytes is complete with the fourth */

/* buffer: what the last call returned, then what is held back. */
struct nomul_decoder {
    const nm_vocab *vocab;
    nm_refs        *refs; /* of the model that owns the vocabulary */
    unsigned        flags;
    bool            at_start; /* see nm_decoder_write */
    size_t          n_given, n_held;
    char            buffer[]; /* MAX_HELD and the longest that one id can write */
};

size_t nm_decoder_max_bytes(const nm_vocab *vocab)
{
    size_t n = sizeof UNKNOWN_SURFACE - 1;

    return n <= vocab->max_piece ? vocab->max_piece + 1 : n; /* 1: the space of a late token */
}

size_t nm_decoder_write(const nm_vocab *vocab, int32_t id, bool special, bool *at_start, char *out)
{
    const nm_piece *piece = &vocab->pieces[id];
    bool            strip = *at_start && vocab->add_space_prefix;
    size_t          n = 0;

    if (piece->type == NOMUL_TOKEN_CONTROL) {
        if (special) memcpy(out, piece->text, n = piece->n_text);
        return n;
    }
    *at_start = false;
    if (piece->type == NOMUL_TOKEN_UNKNOWN) {
        memcpy(out, UNKNOWN_SURFACE, sizeof UNKNOWN_SURFACE - 1);
        return sizeof UNKNOWN_SURFACE - 1;
    }
    if (piece->type == NOMUL_TOKEN_BYTE) {
        *out = (char)nm_sentencepiece_byte(piece->text, piece->n_text);
        return 1;
    }
    if (piece->attr & NM_ATTR_NORMALIZED && nm_vocab_spells_first(vocab) &&
        vocab->add_space_prefix) { /* it is found with this space */
        if (!strip) out[n++] = ' ';
        strip = false;
    }
    for (size_t at = 0; at < piece->n_text;) {
        size_t left = piece->n_text - at;
        if (left >= NM_BLANK_BYTES && memcmp(piece->text + at, NM_BLANK, NM_BLANK_BYTES) == 0) {
            if (at > 0 || !strip) out[n++] = ' ';
            at += NM_BLANK_BYTES;
        } else {
            out[n++] = piece->text[at++];
        }
    }
    return n;
}

nomul_decoder *nomul_decoder_new(const nomul_tokenizer *tokenizer, unsigned flags, nomul_error *err)
{
    unsigned unknown = flags & ~(unsigned)(NOMUL_DECODE_STRIP_SPACE | NOMUL_DECODE_SPECIAL);

    if (!tokenizer) return nm_fail_null(err, "nomul_decoder_new"), NULL;
    if (unknown) return nm_fail(err, NOMUL_E_ARG, "flags: 0x%x is unknown", unknown), NULL;
    const nm_vocab *vocab = &tokenizer->vocab;
    size_t          n_bytes = sizeof(nomul_decoder) + MAX_HELD + nm_decoder_max_bytes(vocab);
    nomul_decoder  *decoder = nm_alloc(n_bytes);
    if (!decoder) return nm_fail_memory(err, n_bytes), NULL;
    *decoder = (nomul_decoder){.vocab = vocab, .flags = flags};
    decoder->at_start = flags & NOMUL_DECODE_STRIP_SPACE;
    if (tokenizer->refs) decoder->refs = nm_refs_take(tokenizer->refs);
    return decoder;
}

void nomul_decoder_free(nomul_decoder *decoder)
{
    if (!decoder) return;
    nm_refs_drop(decoder->refs);
    nm_free(decoder);
}

const char *nomul_decoder_push(nomul_decoder *decoder, int32_t id, size_t *n_bytes)
{
    if (!decoder || !n_bytes) return NULL;
    if (id < 0 || (size_t)id >= decoder->vocab->n_pieces) return NULL;

    char *buffer = decoder->buffer;
    memmove(buffer, buffer + decoder->n_given, decoder->n_held);
    size_t n = decoder->n_held;
    n += nm_decoder_write(decoder->vocab, id, decoder->flags & NOMUL_DECODE_SPECIAL,
                          &decoder->at_start, buffer + n);
    decoder->n_held = nm_utf8_unfinished(buffer, n);
    decoder->n_given = n - decoder->n_held;
    *n_bytes = decoder->n_given;
    return buffer;
}

const char *nomul_decoder_flush(nomul_decoder *decoder, size_t *n_bytes)
{
    if (!decoder || !n_bytes) return NULL;
    const char *held = decoder->buffer + decoder->n_given;
    *n_bytes = decoder->n_held;
    decoder->n_held = 0;
    decoder->at_start = decoder->flags & NOMUL_DECODE_STRIP_SPACE;
    return held;
}
