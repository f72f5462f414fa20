/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The protobuf wire format (protobuf.dev/programming-guides/encoding), as much of it as ModelProto
 * uses.  Unknown fields are skipped, as protobuf wants it; a known field of another wire type is an
 * error that names it.
 */
#include "format/sentencepiece.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Wire format ----------------------------------------------------------------------------- */

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

/* at <= end always; file is where the offsets of messages count from. */
typedef struct cursor {
    const uint8_t *file, *at, *end;
} cursor;

typedef struct field {
    uint64_t       number;
    unsigned       wire;
    uint64_t       value; /* WIRE_VARINT */
    const uint8_t *bytes; /* all others */
    size_t         n_bytes;
} field;

static bool fail_at(const cursor *c, const uint8_t *at, nomul_error *err, const char *problem)
{
    return nm_fail(err, NOMUL_E_FORMAT, "byte %zu: %s", (size_t)(at - c->file), problem);
}

static bool read_varint(cursor *c, uint64_t *value, nomul_error *err)
{
    const uint8_t *begin = c->at;

    *value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (c->at == c->end) return fail_at(c, begin, err, "number cut short");
        uint8_t byte = *c->at++;
        if (shift == 63 && byte > 1) break;
        *value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) return true;
    }
    return fail_at(c, begin, err, "number of more than 64 bits");
}

static bool take_bytes(cursor *c, uint64_t n_bytes, field *f, nomul_error *err)
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
static bool next_field(cursor *c, field *f, nomul_error *err)
{
    const uint8_t *begin = c->at;
    uint64_t       tag, n_bytes;

    if (!read_varint(c, &tag, err)) return false;
    *f = (field){.number = tag >> 3, .wire = (unsigned)(tag & 7)};
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

static bool expect_wire(const field *f, unsigned wire, const char *name, nomul_error *err)
{
    return f->wire == wire ||
           nm_fail(err, NOMUL_E_FORMAT, "%s: has wire type %u, expected %u", name, f->wire, wire);
}

/* An enum or int32: protobuf keeps the low 32 bits, a negative number takes 10 bytes. */
static bool get_int(const field *f, const char *name, int32_t *value, nomul_error *err)
{
    if (!expect_wire(f, WIRE_VARINT, name, err)) return false;
    uint32_t low = (uint32_t)f->value;
    *value = low > INT32_MAX ? -(int32_t)(UINT32_MAX - low) - 1 : (int32_t)low;
    return true;
}

static bool get_bool(const field *f, const char *name, bool *value, nomul_error *err)
{
    if (!expect_wire(f, WIRE_VARINT, name, err)) return false;
    *value = f->value != 0;
    return true;
}

static cursor inside(const cursor *c, const field *f)
{
    return (cursor){c->file, f->bytes, f->bytes + f->n_bytes};
}

/* ---- Messages -------------------------------------------------------------------------------- */

/* What decides whether we read a model; begins with the proto's defaults. */
typedef struct specs {
    int32_t model_type, unk_id, bos_id, eos_id;
    bool    byte_fallback, whitespace_as_suffix;
    bool    remove_extra_whitespaces, escape_whitespaces;
    size_t  n_charsmap, n_decode_charsmap; /* bytes of compiled rules */
} specs;

static const specs default_specs = {
    .model_type = 1,
    .unk_id = 0,
    .bos_id = 1,
    .eos_id = 2,
    .remove_extra_whitespaces = true,
    .escape_whitespaces = true,
};

static bool read_trainer_field(const field *f, specs *s, nomul_error *err)
{
    switch (f->number) {
    case 3: return get_int(f, "trainer_spec.model_type", &s->model_type, err);
    case 24:
        return get_bool(f, "trainer_spec.treat_whitespace_as_suffix", &s->whitespace_as_suffix,
                        err);
    case 35: return get_bool(f, "trainer_spec.byte_fallback", &s->byte_fallback, err);
    case 40: return get_int(f, "trainer_spec.unk_id", &s->unk_id, err);
    case 41: return get_int(f, "trainer_spec.bos_id", &s->bos_id, err);
    case 42: return get_int(f, "trainer_spec.eos_id", &s->eos_id, err);
    }
    return true;
}

static bool read_trainer(cursor c, specs *s, nomul_error *err)
{
    field f;

    while (c.at < c.end)
        if (!next_field(&c, &f, err) || !read_trainer_field(&f, s, err)) return false;
    return true;
}

static bool read_normalizer_field(const field *f, specs *s, nm_sentencepiece *sp, nomul_error *err)
{
    switch (f->number) {
    case 2:
        s->n_charsmap = f->n_bytes;
        return expect_wire(f, WIRE_BYTES, "normalizer_spec.precompiled_charsmap", err);
    case 3: return get_bool(f, "normalizer_spec.add_dummy_prefix", &sp->add_dummy_prefix, err);
    case 4:
        return get_bool(f, "normalizer_spec.remove_extra_whitespaces", &s->remove_extra_whitespaces,
                        err);
    case 5: return get_bool(f, "normalizer_spec.escape_whitespaces", &s->escape_whitespaces, err);
    }
    return true;
}

static bool read_normalizer(cursor c, specs *s, nm_sentencepiece *sp, nomul_error *err)
{
    field f;

    while (c.at < c.end)
        if (!next_field(&c, &f, err) || !read_normalizer_field(&f, s, sp, err)) return false;
    return true;
}

static bool read_denormalizer(cursor c, specs *s, nomul_error *err)
{
    field f;

    while (c.at < c.end) {
        if (!next_field(&c, &f, err)) return false;
        if (f.number != 2) continue;
        if (!expect_wire(&f, WIRE_BYTES, "denormalizer_spec.precompiled_charsmap", err))
            return false;
        s->n_decode_charsmap = f.n_bytes;
    }
    return true;
}

static bool read_piece_field(const field *f, nm_sp_piece *piece, int32_t *type, nomul_error *err)
{
    switch (f->number) {
    case 1:
        piece->text = (const char *)f->bytes;
        piece->n_text = f->n_bytes;
        return expect_wire(f, WIRE_BYTES, "piece", err);
    case 2:
        if (!expect_wire(f, WIRE_FIXED32, "score", err)) return false;
        piece->score = nm_load_f32(f->bytes);
        return true;
    case 3: return get_int(f, "type", type, err);
    }
    return true;
}

static bool check_piece(const nm_sp_piece *piece, nomul_error *err)
{
    if (piece->n_text == 0) return nm_fail(err, NOMUL_E_FORMAT, "is empty");
    if (piece->n_text > NM_MAX_PIECE)
        return nm_fail(err, NOMUL_E_FORMAT, "has %zu bytes, expected at most %d", piece->n_text,
                       NM_MAX_PIECE);
    if (!nm_utf8_valid(piece->text, piece->n_text))
        return nm_fail(err, NOMUL_E_FORMAT, "is not valid UTF-8");
    if (memchr(piece->text, '\0', piece->n_text))
        return nm_fail(err, NOMUL_E_FORMAT, "has a NUL in it");
    if (!isfinite(piece->score)) return nm_fail(err, NOMUL_E_FORMAT, "has a score of no number");
    return true;
}

static bool read_piece(cursor c, nm_sp_piece *piece, nomul_error *err)
{
    int32_t type = NOMUL_TOKEN_NORMAL;
    field   f;

    while (c.at < c.end)
        if (!next_field(&c, &f, err) || !read_piece_field(&f, piece, &type, err)) return false;
    if (type < NOMUL_TOKEN_NORMAL || type > NOMUL_TOKEN_BYTE)
        return nm_fail(err, NOMUL_E_FORMAT, "has type %" PRId32 ", expected 1 to 6", type);
    piece->type = (nomul_token_type)type;
    return check_piece(piece, err);
}

static bool read_model_field(const cursor *c, const field *f, specs *s, nm_sentencepiece *sp,
                             nomul_error *err)
{
    static const char *const names[] = {
        "", "pieces", "trainer_spec", "normalizer_spec", "self_test_data", "denormalizer_spec"};

    if (f->number > 5 || f->number == 4) return true;
    if (!expect_wire(f, WIRE_BYTES, names[f->number], err)) return false;
    switch (f->number) {
    case 2: return read_trainer(inside(c, f), s, err);
    case 3: return read_normalizer(inside(c, f), s, sp, err);
    case 5: return read_denormalizer(inside(c, f), s, err);
    }
    size_t index = sp->n_pieces++;
    return read_piece(inside(c, f), &sp->pieces[index], err) || nm_fail_in(err, "piece %zu", index);
}

static bool count_pieces(cursor c, size_t *n_pieces, nomul_error *err)
{
    field f;

    *n_pieces = 0;
    while (c.at < c.end) {
        if (!next_field(&c, &f, err)) return false;
        if (f.number == 1) ++*n_pieces;
    }
    if (*n_pieces == 0) return nm_fail(err, NOMUL_E_FORMAT, "has no pieces");
    if (*n_pieces > INT32_MAX)
        return nm_fail(err, NOMUL_E_FORMAT, "has %zu pieces, expected at most %d", *n_pieces,
                       INT32_MAX);
    return true;
}

static bool read_model(cursor c, specs *s, nm_sentencepiece *sp, nomul_error *err)
{
    size_t n_pieces;
    field  f;

    /* A piece takes at least 2 bytes of the file, so n_pieces * sizeof can wrap on 32 bits only. */
    if (!count_pieces(c, &n_pieces, err)) return false;
    size_t n_bytes = n_pieces * sizeof *sp->pieces;
    if (n_bytes / sizeof *sp->pieces == n_pieces) sp->pieces = nm_alloc(n_bytes);
    if (!sp->pieces) return nm_fail_memory(err, n_bytes);
    memset(sp->pieces, 0, n_bytes);

    while (c.at < c.end)
        if (!next_field(&c, &f, err) || !read_model_field(&c, &f, s, sp, err)) return false;
    return true;
}

/* ---- What we read and what we don't ---------------------------------------------------------- */

static bool refuse_bool(bool is, bool wanted, const char *name, nomul_error *err)
{
    return is == wanted || nm_fail(err, NOMUL_E_UNSUPPORTED, "%s: is %s, only %s is read", name,
                                   is ? "true" : "false", wanted ? "true" : "false");
}

static bool refuse_rules(size_t n_bytes, const char *name, nomul_error *err)
{
    return n_bytes == 0 ||
           nm_fail(err, NOMUL_E_UNSUPPORTED, "%s: has %zu bytes of rules, only identity is read",
                   name, n_bytes);
}

static bool check_specs(const specs *s, nomul_error *err)
{
    static const char *const types[] = {"unknown", "unigram", "BPE", "word", "char"};
    int                      known = s->model_type >= 1 && s->model_type <= 4 ? s->model_type : 0;

    if (known != 2)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "trainer_spec.model_type: is %" PRId32 " (%s), only 2 (BPE) is read",
                       s->model_type, types[known]);
    return refuse_bool(s->byte_fallback, true, "trainer_spec.byte_fallback", err) &&
           refuse_bool(s->whitespace_as_suffix, false, "trainer_spec.treat_whitespace_as_suffix",
                       err) &&
           refuse_rules(s->n_charsmap, "normalizer_spec.precompiled_charsmap", err) &&
           refuse_bool(s->remove_extra_whitespaces, false,
                       "normalizer_spec.remove_extra_whitespaces", err) &&
           refuse_bool(s->escape_whitespaces, true, "normalizer_spec.escape_whitespaces", err) &&
           refuse_rules(s->n_decode_charsmap, "denormalizer_spec.precompiled_charsmap", err);
}

static bool check_special(const nm_sentencepiece *sp, int32_t id, nomul_token_type type,
                          const char *name, nomul_error *err)
{
    if (id == -1 && type == NOMUL_TOKEN_CONTROL) return true;
    if (id < 0 || (size_t)id >= sp->n_pieces)
        return nm_fail(err, NOMUL_E_FORMAT, "%s: is %" PRId32 ", there are %zu pieces", name, id,
                       sp->n_pieces);
    if (sp->pieces[id].type != type)
        return nm_fail(err, NOMUL_E_FORMAT, "%s: piece %" PRId32 " has type %d, expected %d", name,
                       id, (int)sp->pieces[id].type, (int)type);
    return true;
}

static bool take_special_ids(nm_sentencepiece *sp, const specs *s, nomul_error *err)
{
    sp->unk_id = s->unk_id, sp->bos_id = s->bos_id, sp->eos_id = s->eos_id;
    return check_special(sp, s->unk_id, NOMUL_TOKEN_UNKNOWN, "trainer_spec.unk_id", err) &&
           check_special(sp, s->bos_id, NOMUL_TOKEN_CONTROL, "trainer_spec.bos_id", err) &&
           check_special(sp, s->eos_id, NOMUL_TOKEN_CONTROL, "trainer_spec.eos_id", err);
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

/* With no piece twice (checked by now), 256 well-formed ones are all there can be. */
static bool check_types(const nm_sentencepiece *sp, nomul_error *err)
{
    size_t n_bytes = 0, n_unknown = 0;

    for (size_t i = 0; i < sp->n_pieces; i++) {
        const nm_sp_piece *piece = &sp->pieces[i];
        n_unknown += piece->type == NOMUL_TOKEN_UNKNOWN;
        if (piece->type != NOMUL_TOKEN_BYTE) continue;
        if (nm_sentencepiece_byte(piece->text, piece->n_text) < 0)
            return nm_fail(err, NOMUL_E_FORMAT,
                           "piece %zu: is of type byte, but not one of <0x00> to <0xFF>", i);
        n_bytes++;
    }
    if (n_unknown != 1)
        return nm_fail(err, NOMUL_E_FORMAT, "has %zu pieces of type unknown, expected 1",
                       n_unknown);
    if (n_bytes != 256)
        return nm_fail(err, NOMUL_E_FORMAT, "has %zu pieces of type byte, expected 256", n_bytes);
    return true;
}

/* By text, then by place in the file. */
static int compare_pieces(const void *left, const void *right)
{
    const nm_sp_piece *a = *(const nm_sp_piece *const *)left;
    const nm_sp_piece *b = *(const nm_sp_piece *const *)right;
    size_t             n_both = a->n_text < b->n_text ? a->n_text : b->n_text;
    int                order = memcmp(a->text, b->text, n_both);

    if (order) return order;
    if (a->n_text != b->n_text) return a->n_text < b->n_text ? -1 : 1;
    return a < b ? -1 : a > b;
}

static bool check_twins(const nm_sentencepiece *sp, nomul_error *err)
{
    const nm_sp_piece **sorted = nm_alloc(sp->n_pieces * sizeof *sorted); /* <= that of pieces */
    bool                ok = true;

    if (!sorted) return nm_fail_memory(err, sp->n_pieces * sizeof *sorted);
    for (size_t i = 0; i < sp->n_pieces; i++) sorted[i] = &sp->pieces[i];
    qsort(sorted, sp->n_pieces, sizeof *sorted, compare_pieces);
    for (size_t i = 1; ok && i < sp->n_pieces; i++) {
        const nm_sp_piece *a = sorted[i - 1], *b = sorted[i];
        if (a->n_text == b->n_text && memcmp(a->text, b->text, a->n_text) == 0)
            ok = nm_fail(err, NOMUL_E_FORMAT, "piece %zu: is the same as piece %zu",
                         (size_t)(b - sp->pieces), (size_t)(a - sp->pieces));
    }
    nm_free(sorted);
    return ok;
}

bool nm_sentencepiece_open(nm_sentencepiece *sp, const void *data, size_t size, nomul_error *err)
{
    static const uint8_t nothing;
    const uint8_t       *bytes = size ? data : &nothing;
    specs                s = default_specs;

    *sp = (nm_sentencepiece){.add_dummy_prefix = true};
    if (read_model((cursor){bytes, bytes, bytes + size}, &s, sp, err) && check_specs(&s, err) &&
        check_twins(sp, err) && check_types(sp, err) && take_special_ids(sp, &s, err))
        return true;
    nm_sentencepiece_close(sp);
    return false;
}

void nm_sentencepiece_close(nm_sentencepiece *sp)
{
    nm_free(sp->pieces);
    *sp = (nm_sentencepiece){0};
}
