/* SPDX-License-Identifier: Apache-2.0 */
/* Ids to text: see nomul_decoder in nomul.h. */
#include "tokens/tokenizer.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/utf8.h"

#include <string.h>

#define UNKNOWN_SURFACE " \xE2\x81\x87 " /* U+2047 between blanks, as sentencepiece writes it */
#define MAX_HELD 3                       /* a character of 4 bytes is whole with the fourth */

/* buffer: what the last call gave away, then what is held back. */
struct nomul_decoder {
    const nm_vocab *vocab;
    unsigned        flags;
    bool            strip; /* no piece has come yet, so a blank is not text */
    size_t          n_given, n_held;
    char            buffer[]; /* MAX_HELD and the longest that one id can write */
};

static void begin(nomul_decoder *decoder)
{
    decoder->strip = decoder->flags & NOMUL_DECODE_STRIP_BLANK;
    decoder->n_held = 0;
}

nomul_decoder *nomul_decoder_new(const nomul_tokenizer *tokenizer, unsigned flags, nomul_error *err)
{
    unsigned unknown = flags & ~(unsigned)(NOMUL_DECODE_STRIP_BLANK | NOMUL_DECODE_SPECIAL);

    if (!tokenizer || unknown) {
        if (!tokenizer)
            nm_fail(err, NOMUL_E_ARG, "tokenizer: is NULL");
        else
            nm_fail(err, NOMUL_E_ARG, "flags: 0x%x is unknown", unknown);
        return NULL;
    }
    size_t n_write = sizeof UNKNOWN_SURFACE - 1;
    if (n_write < tokenizer->vocab.max_piece) n_write = tokenizer->vocab.max_piece;
    size_t         n_bytes = sizeof(nomul_decoder) + MAX_HELD + n_write; /* max_piece is limited */
    nomul_decoder *decoder = nm_alloc(n_bytes);
    if (!decoder) {
        nm_fail_memory(err, n_bytes);
        return NULL;
    }
    *decoder = (nomul_decoder){.vocab = &tokenizer->vocab, .flags = flags};
    begin(decoder);
    return decoder;
}

void nomul_decoder_free(nomul_decoder *decoder)
{
    nm_free(decoder);
}

/* Writes a piece with the vocabulary's blanks as blanks, the first left out where it is no text. */
static size_t write_text(const nm_piece *piece, bool strip, char *out)
{
    size_t n = 0, at = 0;

    while (at < piece->n_text) {
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

static size_t write_bytes(const char *bytes, size_t n_bytes, char *out)
{
    memcpy(out, bytes, n_bytes);
    return n_bytes;
}

/* Control pieces are no text, so a blank behind them still isn't either. */
static size_t write_piece(nomul_decoder *decoder, const nm_piece *piece, char *out)
{
    bool strip = decoder->strip;
    char byte;

    if (piece->type == NOMUL_TOKEN_CONTROL)
        return decoder->flags & NOMUL_DECODE_SPECIAL ? write_bytes(piece->text, piece->n_text, out)
                                                     : 0;
    decoder->strip = false;
    switch (piece->type) {
    case NOMUL_TOKEN_UNKNOWN: return write_bytes(UNKNOWN_SURFACE, sizeof UNKNOWN_SURFACE - 1, out);
    case NOMUL_TOKEN_BYTE:
        byte = (char)nm_sentencepiece_byte(piece->text, piece->n_text);
        return write_bytes(&byte, 1, out);
    }
    return write_text(piece, strip, out);
}

const char *nomul_decoder_push(nomul_decoder *decoder, int32_t id, size_t *n_bytes)
{
    if (!decoder || !n_bytes) return NULL;
    if (id < 0 || (size_t)id >= decoder->vocab->n_pieces) return NULL;

    char *buffer = decoder->buffer;
    memmove(buffer, buffer + decoder->n_given, decoder->n_held);
    size_t n = decoder->n_held;
    n += write_piece(decoder, &decoder->vocab->pieces[id], buffer + n);
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
    begin(decoder);
    return held;
}
