/* SPDX-License-Identifier: Apache-2.0 */
/*
 * As much of the protobuf wire format (protobuf.dev/programming-guides/encoding) as ModelProto
 * uses.  A message is a sequence of fields, in any order:
 *
 *     tag      varint, field number << 3 | wire type
 *     value    wire type 0: varint, seven bits a byte, the lowest first, bit 7 set but in the last
 *                        1: 8 bytes    5: 4 bytes
 *                        2: varint length, so many bytes: a string or a message
 *
 *     ModelProto    1  a piece, repeated; its id is its place    {1 text, 2 score, 3 type}
 *                   2  trainer_spec, 3  normalizer_spec, 5  denormalizer_spec: see spec_rows
 *
 * Unknown fields are skipped, as protobuf requires; a known field of another wire type is an error
 * that names it.  A spec that occurs twice is merged, as protobuf requires: the last value counts.
 */
#include "format/sentencepiece.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/names.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

/* ---- Wire format ----------------------------------------------------------------------------- */

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* A message's bytes; at <= end.  Positions in error messages count from `file`. */
typedef struct span {
    const uint8_t *file, *at, *end;
} span;

typedef struct wire_field {
    uint64_t       number;
    unsigned       wire;
    uint64_t       value; /* WIRE_VARINT */
    const uint8_t *bytes; /* of any other wire type */
    size_t         n_bytes;
} wire_field;

static bool fail_at(const span *c, const uint8_t *at, nomul_error *err, const char *problem)
{
    return nm_fail(err, NOMUL_E_FORMAT, "byte %zu: %s", (size_t)(at - c->file), problem);
}

static bool read_varint(span *c, uint64_t *value, nomul_error *err)
{
    const uint8_t *begin = c->at;

    *value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (c->at == c->end) return fail_at(c, begin, err, "number is cut off");
        uint8_t byte = *c->at++;
        if (shift == 63 && byte > 1) break;
        *value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) return true;
    }
    return fail_at(c, begin, err, "number has more than 64 bits");
}

/* The bytes of a field of any wire type but varint; f->number is for the error. */
static bool take_bytes(span *c, uint64_t n_bytes, wire_field *f, nomul_error *err)
{
    size_t left = (size_t)(c->end - c->at);

    if (n_bytes > left)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "byte %zu: field %" PRIu64 " has %" PRIu64 " bytes, %zu are left",
                       (size_t)(c->at - c->file), f->number, n_bytes, left);
    f->bytes = c->at;
    f->n_bytes = (size_t)n_bytes;
    c->at += f->n_bytes;
    return true;
}

/* Reads the next field of a message that is not at its end. */
static bool next_field(span *c, wire_field *f, nomul_error *err)
{
    const uint8_t *begin = c->at;
    uint64_t       tag, n_bytes;

    if (!read_varint(c, &tag, err)) return false;
    *f = (wire_field){.number = tag >> 3, .wire = (unsigned)(tag & 7)};
    if (f->number == 0 || f->number >= (uint64_t)1 << 29)
        return nm_fail(err, NOMUL_E_FORMAT, "byte %zu: field number %" PRIu64,
                       (size_t)(begin - c->file), f->number);
    switch (f->wire) {
    case WIRE_VARINT: return read_varint(c, &f->value, err);
    case WIRE_FIXED64: return take_bytes(c, 8, f, err);
    case WIRE_FIXED32: return take_bytes(c, 4, f, err);
    case WIRE_BYTES: return read_varint(c, &n_bytes, err) && take_bytes(c, n_bytes, f, err);
    }
    return nm_fail(err, NOMUL_E_FORMAT, "byte %zu: field %" PRIu64 " has wire type %u%s",
                   (size_t)(begin - c->file), f->number, f->wire,
                   f->wire < WIRE_FIXED32 ? " (a group)" : "");
}

static bool expect_wire(const wire_field *f, unsigned wire, const char *name, nomul_error *err)
{
    return f->wire == wire ||
           nm_fail(err, NOMUL_E_FORMAT, "%s: has wire type %u, expected %u", name, f->wire, wire);
}

/* An enum or int32: protobuf keeps the low 32 bits; a negative number takes 10 bytes. */
static int32_t int_of(const wire_field *f)
{
    uint32_t low = (uint32_t)f->value;
    return low > INT32_MAX ? -(int32_t)(UINT32_MAX - low) - 1 : (int32_t)low;
}

/* ---- Specs ----------------------------------------------------------------------------------- */

enum { PIECES = 1, TRAINER = 2, NORMALIZER = 3, SELF_TEST = 4, DENORMALIZER = 5 }; /* messages */

typedef enum spec_kind { INT, BOOL, BYTES } spec_kind; /* of BYTES only the number is kept */

#define ANY INT64_MIN

typedef enum spec_id {
    MODEL_TYPE,
    BYTE_FALLBACK,
    WHITESPACE_AS_SUFFIX,
    CHARSMAP,
    REMOVE_EXTRA_WHITESPACES,
    ESCAPE_WHITESPACES,
    DECODE_CHARSMAP,
    ADD_DUMMY_PREFIX,
    UNK_ID,
    BOS_ID,
    EOS_ID,
    N_SPECS
} spec_id;

/* The fields that decide whether and how a model is read; unsupported values are refused. */
static const struct spec_row {
    uint64_t    message, number;
    spec_kind   kind;
    int64_t     by_default, supported; /* the proto's default; the only value that is read */
    const char *name;
} spec_rows[N_SPECS] = {
    [MODEL_TYPE] = {TRAINER, 3, INT, 1, 2, "trainer_spec.model_type"},
    [BYTE_FALLBACK] = {TRAINER, 35, BOOL, false, true, "trainer_spec.byte_fallback"},
    [WHITESPACE_AS_SUFFIX] = {TRAINER, 24, BOOL, false, false,
                              "trainer_spec.treat_whitespace_as_suffix"},
    [CHARSMAP] = {NORMALIZER, 2, BYTES, 0, 0, "normalizer_spec.precompiled_charsmap"},
    [REMOVE_EXTRA_WHITESPACES] = {NORMALIZER, 4, BOOL, true, false,
                                  "normalizer_spec.remove_extra_whitespaces"},
    [ESCAPE_WHITESPACES] = {NORMALIZER, 5, BOOL, true, true, "normalizer_spec.escape_whitespaces"},
    [DECODE_CHARSMAP] = {DENORMALIZER, 2, BYTES, 0, 0, "denormalizer_spec.precompiled_charsmap"},
    [ADD_DUMMY_PREFIX] = {NORMALIZER, 3, BOOL, true, ANY, "normalizer_spec.add_dummy_prefix"},
    [UNK_ID] = {TRAINER, 40, INT, 0, ANY, "trainer_spec.unk_id"},
    [BOS_ID] = {TRAINER, 41, INT, 1, ANY, "trainer_spec.bos_id"},
    [EOS_ID] = {TRAINER, 42, INT, 2, ANY, "trainer_spec.eos_id"},
};

/* Reads the fields of a message that have a row; specs keeps the others as they are. */
static bool read_specs(span c, uint64_t message, int64_t specs[N_SPECS], nomul_error *err)
{
    wire_field f;

    while (c.at < c.end) {
        if (!next_field(&c, &f, err)) return false;
        for (size_t i = 0; i < N_SPECS; i++) {
            const struct spec_row *row = &spec_rows[i];
            if (row->message != message || row->number != f.number) continue;
            if (!expect_wire(&f, row->kind == BYTES ? WIRE_BYTES : WIRE_VARINT, row->name, err))
                return false;
            specs[i] = row->kind == INT    ? int_of(&f)
                       : row->kind == BOOL ? f.value != 0
                                           : (int64_t)f.n_bytes;
        }
    }
    return true;
}

/* Refuses a model that this reader would tokenize differently from the sentencepiece library. */
static bool check_specs(const int64_t specs[N_SPECS], nomul_error *err)
{
    static const char *const types[] = {"unknown", "unigram", "BPE", "word", "char"};

    for (size_t i = 0; i < N_SPECS; i++) {
        const struct spec_row *row = &spec_rows[i];
        int64_t                found = specs[i];
        if (row->supported == ANY || found == row->supported) continue;
        switch (row->kind) {
        case INT: /* model_type */
            return nm_fail(err, NOMUL_E_UNSUPPORTED,
                           "%s: is %" PRId64 " (%s), only 2 (BPE) is read", row->name, found,
                           types[found >= 1 && found <= 4 ? found : 0]);
        case BOOL:
            return nm_fail(err, NOMUL_E_UNSUPPORTED, "%s: is %s, only %s is read", row->name,
                           found ? "true" : "false", found ? "false" : "true");
        case BYTES:
            return nm_fail(err, NOMUL_E_UNSUPPORTED,
                           "%s: has %" PRId64 " bytes of rules, only identity is read", row->name,
                           found);
        }
    }
    return true;
}

/* ---- Pieces ---------------------------------------------------------------------------------- */

/* piece is zeroed: an absent text is empty and refused, an absent score is 0. */
static bool read_piece(span c, nm_sp_piece *piece, nomul_error *err)
{
    int32_t    type = NOMUL_TOKEN_NORMAL;
    wire_field f;

    while (c.at < c.end) {
        if (!next_field(&c, &f, err)) return false;
        if (f.number == 1) {
            if (!expect_wire(&f, WIRE_BYTES, "piece", err)) return false;
            piece->text = (const char *)f.bytes;
            piece->n_text = f.n_bytes;
        } else if (f.number == 2) {
            if (!expect_wire(&f, WIRE_FIXED32, "score", err)) return false;
            piece->score = nm_load_f32(f.bytes);
        } else if (f.number == 3) {
            if (!expect_wire(&f, WIRE_VARINT, "type", err)) return false;
            type = int_of(&f);
        }
    }
    if (type < NOMUL_TOKEN_NORMAL || type > NOMUL_TOKEN_BYTE)
        return nm_fail(err, NOMUL_E_FORMAT, "has type %" PRId32 ", expected 1 to 6", type);
    piece->type = (nomul_token_type)type;
    if (piece->n_text == 0) return nm_fail(err, NOMUL_E_FORMAT, "is empty");
    if (piece->n_text > NM_MAX_PIECE)
        return nm_fail(err, NOMUL_E_FORMAT, "has %zu bytes, expected at most %d", piece->n_text,
                       NM_MAX_PIECE);
    if (!nm_utf8_valid(piece->text, piece->n_text))
        return nm_fail(err, NOMUL_E_FORMAT, "is not valid UTF-8");
    if (memchr(piece->text, '\0', piece->n_text))
        return nm_fail(err, NOMUL_E_FORMAT, "has a NUL in it");
    return isfinite(piece->score) ||
           nm_fail(err, NOMUL_E_FORMAT, "has a score that is not a finite number");
}

/* Reads the model twice: first it counts the pieces, to allocate them. */
static bool read_model(const span *model, int64_t specs[N_SPECS], nm_sentencepiece *sp,
                       nomul_error *err)
{
    static const char *const names[] = {
        "", "pieces", "trainer_spec", "normalizer_spec", "self_test_data", "denormalizer_spec"};
    size_t     n_pieces = 0;
    wire_field f;

    for (span c = *model; c.at < c.end; n_pieces += f.number == PIECES)
        if (!next_field(&c, &f, err)) return false;
    if (n_pieces == 0) return nm_fail(err, NOMUL_E_FORMAT, "has no pieces");
    if (n_pieces > INT32_MAX)
        return nm_fail(err, NOMUL_E_FORMAT, "has %zu pieces, expected at most %d", n_pieces,
                       INT32_MAX);
    /* A piece takes at least 2 bytes of the file, so the product can overflow on 32 bits only. */
    size_t n_bytes = n_pieces * sizeof *sp->pieces;
    if (n_bytes / sizeof *sp->pieces == n_pieces) sp->pieces = nm_alloc(n_bytes);
    if (!sp->pieces) return nm_fail_memory(err, n_bytes);
    memset(sp->pieces, 0, n_bytes);

    for (span c = *model; c.at < c.end;) {
        if (!next_field(&c, &f, err)) return false;
        if (f.number > DENORMALIZER || f.number == SELF_TEST) continue;
        if (!expect_wire(&f, WIRE_BYTES, names[f.number], err)) return false;
        span message = {c.file, f.bytes, f.bytes + f.n_bytes};
        if (f.number != PIECES && !read_specs(message, f.number, specs, err)) return false;
        if (f.number == PIECES && !read_piece(message, &sp->pieces[sp->n_pieces++], err))
            return nm_fail_in(err, "piece %zu", sp->n_pieces - 1);
    }
    return true;
}

/* Sets a special id, which must be a piece of that type; bos and eos may be -1, none. */
static bool take_special(const nm_sentencepiece *sp, const int64_t specs[N_SPECS], spec_id which,
                         nomul_token_type type, int32_t *id, nomul_error *err)
{
    const char *name = spec_rows[which].name;

    *id = (int32_t)specs[which];
    if (*id == -1 && type == NOMUL_TOKEN_CONTROL) return true;
    if (*id < 0 || (size_t)*id >= sp->n_pieces)
        return nm_fail(err, NOMUL_E_FORMAT, "%s: is %" PRId32 ", there are %zu pieces", name, *id,
                       sp->n_pieces);
    if (sp->pieces[*id].type != type)
        return nm_fail(err, NOMUL_E_FORMAT, "%s: piece %" PRId32 " has type %d, expected %d", name,
                       *id, (int)sp->pieces[*id].type, (int)type);
    return true;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

int nm_sentencepiece_byte(const char *text, size_t n_text)
{
    if (n_text != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>') return -1;
    int high = hex_digit(text[3]), low = hex_digit(text[4]);
    return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* No piece is there twice, one is unknown, and all bytes are there: 256, as no two are the same. */
static bool check_pieces(const nm_sentencepiece *sp, nomul_error *err)
{
    nm_names names;
    size_t   n_bytes = 0, n_unknown = 0, number;
    bool     ok = nm_names_open(&names, sp->n_pieces, err);

    for (size_t i = 0; ok && i < sp->n_pieces; i++) {
        ok = nm_names_add(&names, sp->pieces[i].text, sp->pieces[i].n_text, &number, err);
        if (ok && number != i)
            ok = nm_fail(err, NOMUL_E_FORMAT, "piece %zu: is the same as piece %zu", i, number);
    }
    nm_names_close(&names);
    if (!ok) return false;
    for (size_t i = 0; i < sp->n_pieces; i++) {
        const nm_sp_piece *piece = &sp->pieces[i];
        n_unknown += piece->type == NOMUL_TOKEN_UNKNOWN;
        n_bytes += piece->type == NOMUL_TOKEN_BYTE;
        if (piece->type == NOMUL_TOKEN_BYTE &&
            nm_sentencepiece_byte(piece->text, piece->n_text) < 0)
            return nm_fail(err, NOMUL_E_FORMAT,
                           "piece %zu: is of type byte, but not one of <0x00> to <0xFF>", i);
    }
    if (n_unknown != 1)
        return nm_fail(err, NOMUL_E_FORMAT, "has %zu pieces of type unknown, expected 1",
                       n_unknown);
    return n_bytes == 256 ||
           nm_fail(err, NOMUL_E_FORMAT, "has %zu pieces of type byte, expected 256", n_bytes);
}

bool nm_sentencepiece_open(nm_sentencepiece *sp, const void *data, size_t size, nomul_error *err)
{
    static const uint8_t nothing;
    const uint8_t       *bytes = size ? data : &nothing;
    int64_t              specs[N_SPECS];

    *sp = (nm_sentencepiece){0};
    for (size_t i = 0; i < N_SPECS; i++) specs[i] = spec_rows[i].by_default;
    if (read_model(&(span){bytes, bytes, bytes + size}, specs, sp, err) &&
        check_specs(specs, err) && check_pieces(sp, err) &&
        take_special(sp, specs, UNK_ID, NOMUL_TOKEN_UNKNOWN, &sp->unk_id, err) &&
        take_special(sp, specs, BOS_ID, NOMUL_TOKEN_CONTROL, &sp->bos_id, err) &&
        take_special(sp, specs, EOS_ID, NOMUL_TOKEN_CONTROL, &sp->eos_id, err)) {
        sp->add_dummy_prefix = specs[ADD_DUMMY_PREFIX];
        return true;
    }
    nm_sentencepiece_close(sp);
    return false;
}

void nm_sentencepiece_close(nm_sentencepiece *sp)
{
    nm_free(sp->pieces);
    *sp = (nm_sentencepiece){0};
}
