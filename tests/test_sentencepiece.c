/* SPDX-License-Identifier: Apache-2.0 */
/* tokenizer.model: trained ones, and one built here with one wound after another. */
#include "test.h"

#include "alloc.h"
#include "base/bytes.h"
#include "format/sentencepiece.h"

#include <math.h>
#include <stdlib.h>

/* ---- Writing protobuf ------------------------------------------------------------------------ */

typedef struct message {
    uint8_t bytes[16384];
    size_t  n_bytes;
} message;

static void put_byte(message *m, uint8_t byte)
{
    if (m->n_bytes == sizeof m->bytes) abort();
    m->bytes[m->n_bytes++] = byte;
}

static void put_bytes(message *m, const void *data, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i++) put_byte(m, ((const uint8_t *)data)[i]);
}

static void put_varint(message *m, uint64_t value)
{
    for (; value > 127; value >>= 7) put_byte(m, (uint8_t)(value & 127) | 128);
    put_byte(m, (uint8_t)value);
}

static void put_number(message *m, unsigned field, int64_t value)
{
    put_varint(m, field << 3);
    put_varint(m, (uint64_t)value);
}

static void put_chunk(message *m, unsigned field, const void *data, size_t n_bytes)
{
    put_varint(m, field << 3 | 2);
    put_varint(m, n_bytes);
    put_bytes(m, data, n_bytes);
}

static void put_message(message *m, unsigned field, const message *inner)
{
    put_chunk(m, field, inner->bytes, inner->n_bytes);
}

static void put_score(message *m, float score)
{
    uint8_t bytes[4];
    nm_store_f32(bytes, score);
    put_varint(m, 2 << 3 | 5);
    put_bytes(m, bytes, 4);
}

/* type 0: no such field. */
static void put_piece(message *m, const char *text, size_t n_text, float score, int type)
{
    message piece = {.n_bytes = 0};

    put_chunk(&piece, 1, text, n_text);
    put_score(&piece, score);
    if (type) put_number(&piece, 3, type);
    put_message(m, 1, &piece);
}

/* ---- A small model --------------------------------------------------------------------------- */

/* What may be wrong with it: extra bytes behind each part, a part replaced. */
typedef struct wound {
    const char *words;
    int         code;
    const char *pieces;   /* fields of the model before the others, as bytes ... */
    size_t      n_pieces; /* ... of this number */
    const char *trainer;  /* fields behind the sound ones, which they replace: the last counts */
    size_t      n_trainer;
    const char *normalizer; /* the same */
    size_t      n_normalizer;
    const char *end; /* fields of the model behind the others */
    size_t      n_end;
} wound;

#define BYTES(text) text, sizeof text - 1
#define PIECES(text) .pieces = text, .n_pieces = sizeof text - 1
#define TRAINER(text) .trainer = text, .n_trainer = sizeof text - 1
#define NORMALIZER(text) .normalizer = text, .n_normalizer = sizeof text - 1
#define END(text) .end = text, .n_end = sizeof text - 1

/* Ids: <unk> 0, <s> 1, </s> 2, bytes from 3 on, the letter a 259. */
static void put_sound_pieces(message *m)
{
    char text[8];

    put_piece(m, BYTES("<unk>"), 0, NOMUL_TOKEN_UNKNOWN);
    put_piece(m, BYTES("<s>"), 0, NOMUL_TOKEN_CONTROL);
    put_piece(m, BYTES("</s>"), 0, NOMUL_TOKEN_CONTROL);
    for (unsigned i = 0; i < 256; i++) {
        snprintf(text, sizeof text, "<0x%02X>", i);
        put_piece(m, text, 6, 0, NOMUL_TOKEN_BYTE);
    }
    put_piece(m, "a", 1, -1.5f, 0);
}

static void put_sound_specs(message *trainer, message *normalizer)
{
    put_number(trainer, 3, 2);
    put_number(trainer, 35, 1);
    put_number(trainer, 40, 0);
    put_number(trainer, 41, 1);
    put_number(trainer, 42, 2);
    put_number(trainer, 43, -1);
    put_chunk(normalizer, 1, BYTES("identity"));
    put_number(normalizer, 3, 1);
    put_number(normalizer, 4, 0);
}

static void put_model(message *m, const wound *w)
{
    static message trainer, normalizer;

    m->n_bytes = trainer.n_bytes = normalizer.n_bytes = 0;
    put_sound_specs(&trainer, &normalizer);
    put_bytes(&trainer, w->trainer, w->n_trainer);
    put_bytes(&normalizer, w->normalizer, w->n_normalizer);
    put_sound_pieces(m);
    put_bytes(m, w->pieces, w->n_pieces);
    put_message(m, 2, &trainer);
    put_message(m, 3, &normalizer);
    put_bytes(m, w->end, w->n_end);
}

/* In a block of its own, so that a sanitizer sees what reads too far. */
static bool open_copy(nm_sentencepiece *sp, const void *data, size_t size, nomul_error *err)
{
    void *copy = malloc(size ? size : 1);

    memcpy(copy, data, size);
    bool ok = nm_sentencepiece_open(sp, copy, size, err);
    free(copy); /* pieces' texts are gone with it; sp is only closed */
    return ok;
}

/* ---- Tests ----------------------------------------------------------------------------------- */

static void test_small(void)
{
    static message   m;
    nm_sentencepiece sp;
    nomul_error      err;

    test_case("a small model");
    put_model(&m, &(wound){0});
    CHECK_OK(nm_sentencepiece_open(&sp, m.bytes, m.n_bytes, &err), err);
    CHECK_INT(sp.n_pieces, 260);
    CHECK_INT(sp.unk_id, 0);
    CHECK_INT(sp.bos_id, 1);
    CHECK_INT(sp.eos_id, 2);
    CHECK(sp.add_dummy_prefix);
    CHECK_INT(sp.pieces[0].type, NOMUL_TOKEN_UNKNOWN);
    CHECK_INT(sp.pieces[1].type, NOMUL_TOKEN_CONTROL);
    CHECK_INT(sp.pieces[258].type, NOMUL_TOKEN_BYTE);
    CHECK_INT(sp.pieces[259].type, NOMUL_TOKEN_NORMAL);
    CHECK(sp.pieces[259].score == -1.5f);
    CHECK(sp.pieces[259].n_text == 1 && sp.pieces[259].text[0] == 'a');
    nm_sentencepiece_close(&sp);
    CHECK(sp.pieces == NULL);

    test_case("unknown fields of any sound wire type are skipped");
    put_model(&m, &(wound){END("\x98\x0d\x05"                             /* 211: varint */
                               "\xa1\x0d\x01\x02\x03\x04\x05\x06\x07\x08" /* 212: 8 bytes */
                               "\xaa\x0d\x02hi"                           /* 213: bytes */
                               "\xb5\x0d\x01\x02\x03\x04"                 /* 214: 4 bytes */
                               "\x22\x02\xff\xff")}); /* self_test_data: not looked at */
    CHECK_OK(nm_sentencepiece_open(&sp, m.bytes, m.n_bytes, &err), err);
    nm_sentencepiece_close(&sp);

    test_case("no BOS, no EOS, no blank in front");
    put_model(&m, &(wound){
                      TRAINER("\xc8\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"   /* bos_id -1 */
                              "\xd0\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), /* eos_id -1 */
                      NORMALIZER("\x18\x00"),
                  });
    CHECK_OK(nm_sentencepiece_open(&sp, m.bytes, m.n_bytes, &err), err);
    CHECK(sp.bos_id == -1 && sp.eos_id == -1 && !sp.add_dummy_prefix);
    nm_sentencepiece_close(&sp);
}

/* Tags of fields: a piece is \x0a, its text \x0a, score \x15, type \x18; trainer_spec is \x12. */
static const wound wounds[] = {
    {"trainer_spec.model_type: is 1 (unigram), only 2 (BPE) is read", NOMUL_E_UNSUPPORTED,
     TRAINER("\x18\x01")},
    {"trainer_spec.model_type: is 3 (word), only 2 (BPE) is read", NOMUL_E_UNSUPPORTED,
     TRAINER("\x18\x03")},
    {"trainer_spec.model_type: is 4 (char), only 2 (BPE) is read", NOMUL_E_UNSUPPORTED,
     TRAINER("\x18\x04")},
    {"trainer_spec.model_type: is 9 (unknown), only 2 (BPE) is read", NOMUL_E_UNSUPPORTED,
     TRAINER("\x18\x09")},
    {"trainer_spec.model_type: is -2147483648 (unknown), only 2 (BPE) is read", NOMUL_E_UNSUPPORTED,
     TRAINER("\x18\x80\x80\x80\x80\x08")},
    {"trainer_spec.byte_fallback: is false, only true is read", NOMUL_E_UNSUPPORTED,
     TRAINER("\x98\x02\x00")},
    {"trainer_spec.treat_whitespace_as_suffix: is true, only false is read", NOMUL_E_UNSUPPORTED,
     TRAINER("\xc0\x01\x01")},
    {"normalizer_spec.precompiled_charsmap: has 3 bytes of rules, only identity is read",
     NOMUL_E_UNSUPPORTED, NORMALIZER("\x12\x03xyz")},
    {"normalizer_spec.remove_extra_whitespaces: is true, only false is read", NOMUL_E_UNSUPPORTED,
     NORMALIZER("\x20\x01")},
    {"normalizer_spec.escape_whitespaces: is false, only true is read", NOMUL_E_UNSUPPORTED,
     NORMALIZER("\x28\x00")},
    {"denormalizer_spec.precompiled_charsmap: has 1 byte of rules, only identity is read",
     NOMUL_E_UNSUPPORTED, END("\x2a\x03\x12\x01x")},

    {"trainer_spec.model_type: has wire type 5, expected 0", NOMUL_E_FORMAT,
     TRAINER("\x1d\x02\x00\x00\x00")},
    {"trainer_spec.byte_fallback: has wire type 2, expected 0", NOMUL_E_FORMAT,
     TRAINER("\x9a\x02\x01\x01")},
    {"normalizer_spec.precompiled_charsmap: has wire type 0, expected 2", NOMUL_E_FORMAT,
     NORMALIZER("\x10\x00")},
    {"denormalizer_spec.precompiled_charsmap: has wire type 0, expected 2", NOMUL_E_FORMAT,
     END("\x2a\x02\x10\x00")},
    {"pieces: has wire type 0, expected 2", NOMUL_E_FORMAT, END("\x08\x00")},
    {"trainer_spec: has wire type 0, expected 2", NOMUL_E_FORMAT, END("\x10\x00")},
    {"normalizer_spec: has wire type 5, expected 2", NOMUL_E_FORMAT, END("\x1d\x00\x00\x00\x00")},
    {"piece 260: piece: has wire type 0, expected 2", NOMUL_E_FORMAT, PIECES("\x0a\x02\x08\x00")},
    {"piece 260: score: has wire type 1, expected 5", NOMUL_E_FORMAT,
     PIECES("\x0a\x0c\x0a\x01z\x11\x00\x00\x00\x00\x00\x00\x00\x00")},
    {"piece 260: type: has wire type 5, expected 0", NOMUL_E_FORMAT,
     PIECES("\x0a\x08\x0a\x01z\x1d\x01\x00\x00\x00")},

    {"piece 260: is empty", NOMUL_E_FORMAT, PIECES("\x0a\x02\x0a\x00")},
    {"piece 260: is empty", NOMUL_E_FORMAT, PIECES("\x0a\x00")},
    {"piece 260: is not valid UTF-8", NOMUL_E_FORMAT, PIECES("\x0a\x04\x0a\x02\xc3(")},
    {"piece 260: has a NUL in it", NOMUL_E_FORMAT, PIECES("\x0a\x04\x0a\x02z\x00")},
    {"piece 260: has a score that is not a finite number", NOMUL_E_FORMAT,
     PIECES("\x0a\x08\x0a\x01z\x15\x00\x00\xc0\x7f")},
    {"piece 260: has a score that is not a finite number", NOMUL_E_FORMAT,
     PIECES("\x0a\x08\x0a\x01z\x15\x00\x00\x80\xff")},
    {"piece 260: has type 0, expected 1 to 6", NOMUL_E_FORMAT, PIECES("\x0a\x05\x0a\x01z\x18\x00")},
    {"piece 260: has type 7, expected 1 to 6", NOMUL_E_FORMAT, PIECES("\x0a\x05\x0a\x01z\x18\x07")},
    {"piece 260: is the same as piece 259", NOMUL_E_FORMAT,
     PIECES("\x0a\x03\x0a\x01"
            "a")},
    {"piece 260: is the same as piece 1", NOMUL_E_FORMAT, PIECES("\x0a\x05\x0a\x03<s>")},
    {"piece 260: is of type byte, but not one of <0x00> to <0xFF>", NOMUL_E_FORMAT,
     PIECES("\x0a\x0a\x0a\x06<0x0g>\x18\x06")},
    {"piece 260: is of type byte, but not one of <0x00> to <0xFF>", NOMUL_E_FORMAT,
     PIECES("\x0a\x0a\x0a\x06<0xff>\x18\x06")},
    {"has 2 pieces of type unknown, expected 1", NOMUL_E_FORMAT,
     PIECES("\x0a\x05\x0a\x01z\x18\x02")},
    {"trainer_spec.unk_id: piece 1 has type 3, expected 2", NOMUL_E_FORMAT,
     TRAINER("\xc0\x02\x01")},
    {"trainer_spec.unk_id: is -1, there are 260 pieces", NOMUL_E_FORMAT,
     TRAINER("\xc0\x02\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
    {"trainer_spec.bos_id: is 260, there are 260 pieces", NOMUL_E_FORMAT,
     TRAINER("\xc8\x02\x84\x02")},
    {"trainer_spec.bos_id: is -2, there are 260 pieces", NOMUL_E_FORMAT,
     TRAINER("\xc8\x02\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
    {"trainer_spec.eos_id: piece 259 has type 1, expected 3", NOMUL_E_FORMAT,
     TRAINER("\xd0\x02\x83\x02")},
};

static void test_wounds(void)
{
    static message   m;
    nm_sentencepiece sp;
    nomul_error      err;

    for (size_t i = 0; i < sizeof wounds / sizeof wounds[0]; i++) {
        test_case("must fail: %s", wounds[i].words);
        put_model(&m, &wounds[i]);
        CHECK_FAILS(open_copy(&sp, m.bytes, m.n_bytes, &err), err, wounds[i].words);
        CHECK_INT(err.code, wounds[i].code);
        CHECK(sp.pieces == NULL);
    }
}

/* The wire format itself, where the byte of the file is what is named. */
static void test_wire(void)
{
    static const struct {
        const char *words, *bytes;
        size_t      n_bytes;
    } files[] = {
        {"has no pieces", BYTES("")},
        {"has no pieces", BYTES("\x12\x02\x18\x02")},
        {"byte 0: number is cut off", BYTES("\x80")},
        {"byte 1: number is cut off", BYTES("\x08\xff\xff")},
        {"byte 1: number has more than 64 bits",
         BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
        {"byte 1: number has more than 64 bits",
         BYTES("\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02")},
        {"byte 0: field number 0", BYTES("\x00\x00")},
        {"byte 0: field number 536870912", BYTES("\x80\x80\x80\x80\x10\x00")},
        {"byte 0: field 1 has wire type 3 (a group)", BYTES("\x0b\x0c")},
        {"byte 0: field 1 has wire type 4 (a group)", BYTES("\x0c")},
        {"byte 0: field 1 has wire type 6", BYTES("\x0e")},
        {"byte 0: field 1 has wire type 7", BYTES("\x0f")},
        {"byte 2: field 1 has 5 bytes, 1 are left", BYTES("\x0a\x05x")},
        {"byte 11: field 1 has 18446744073709551615 bytes, 0 are left",
         BYTES("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01")},
        {"byte 2: field 25 has 8 bytes, 3 are left", BYTES("\xc9\x01zzz")},
        {"byte 1: field 2 has 4 bytes, 0 are left", BYTES("\x15")},
        {"piece 0: byte 4: field 1 has 3 bytes, 1 are left", BYTES("\x0a\x03\x0a\x03x")},
    };
    nm_sentencepiece sp;
    nomul_error      err;

    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        test_case("must fail: %zu bytes: %s", files[i].n_bytes, files[i].words);
        CHECK_FAILS(open_copy(&sp, files[i].bytes, files[i].n_bytes, &err), err, files[i].words);
        CHECK_INT(err.code, NOMUL_E_FORMAT);
    }
}

static void test_lengths(void)
{
    static message   m;
    static char      text[8000];
    nm_sentencepiece sp;
    nomul_error      err;

    memset(text, 'z', sizeof text);
    for (size_t n = 7999; n <= 8000; n++) {
        test_case("a piece of %zu bytes", n);
        m.n_bytes = 0;
        put_piece(&m, text, n, 0, 0);
        wound          w = {.pieces = (const char *)m.bytes, .n_pieces = m.n_bytes};
        static message whole;
        put_model(&whole, &w);
        if (n == 7999) {
            CHECK_OK(nm_sentencepiece_open(&sp, whole.bytes, whole.n_bytes, &err), err);
            CHECK_INT(sp.pieces[260].n_text, 7999);
        } else {
            CHECK_FAILS(nm_sentencepiece_open(&sp, whole.bytes, whole.n_bytes, &err), err,
                        "piece 260: has 8000 bytes, expected at most 7999");
        }
        nm_sentencepiece_close(&sp);
    }

    test_case("a byte piece too few");
    put_model(&m, &(wound){0});
    uint8_t *byte = m.bytes;
    while (memcmp(byte, "<0x41>", 6) != 0) byte++;
    byte[12] = NOMUL_TOKEN_NORMAL; /* behind the text: 5 bytes of score, the type's tag, the type */
    CHECK_FAILS(nm_sentencepiece_open(&sp, m.bytes, m.n_bytes, &err), err,
                "has 255 pieces of type byte, expected 256");
}

/* What is read last is what makes it whole, so every shorter file must fail. */
static void test_prefixes(void)
{
    static message   m;
    nm_sentencepiece sp;
    nomul_error      err;

    test_case("every prefix of a small model fails");
    put_model(&m, &(wound){0});
    for (size_t n = 0; n < m.n_bytes; n++) {
        err.text[0] = '\0';
        CHECK_THAT(!open_copy(&sp, m.bytes, n, &err), "%zu bytes are enough", n);
        CHECK(err.text[0] && sp.pieces == NULL);
        nm_sentencepiece_close(&sp);
    }

    test_case("any byte changed: an error or a model, never more");
    for (size_t i = 0; i < m.n_bytes; i++) {
        m.bytes[i] ^= 0x41;
        open_copy(&sp, m.bytes, m.n_bytes, &err);
        nm_sentencepiece_close(&sp);
        m.bytes[i] ^= 0x41;
    }
}

static void test_memory(void)
{
    static message   m;
    nm_sentencepiece sp;
    nomul_error      err;
    size_t           before = alloc_live();

    test_case("out of memory at any call");
    put_model(&m, &(wound){0});
    for (size_t k = 1;; k++) {
        alloc_fail_at(k);
        bool ok = nm_sentencepiece_open(&sp, m.bytes, m.n_bytes, &err);
        bool failed = alloc_failed();
        alloc_fail_at(0);
        nm_sentencepiece_close(&sp);
        CHECK(ok == !failed);
        CHECK_INT(alloc_live(), before);
        if (ok) break;
        CHECK_INT(err.code, NOMUL_E_MEMORY);
    }
}

static void test_trained(const char *path, size_t n_pieces, const char *piece, size_t id)
{
    size_t           size;
    char            *data = test_read_file(path, &size);
    nm_sentencepiece sp;
    nomul_error      err;

    CHECK_OK(nm_sentencepiece_open(&sp, data, size, &err), err);
    CHECK_INT(sp.n_pieces, n_pieces);
    CHECK(sp.unk_id == 0 && sp.bos_id == 1 && sp.eos_id == 2 && sp.add_dummy_prefix);
    if (id < sp.n_pieces)
        CHECK(sp.pieces[id].n_text == strlen(piece) &&
              memcmp(sp.pieces[id].text, piece, strlen(piece)) == 0);
    nm_sentencepiece_close(&sp);
    free(data);
}

static void test_byte(void)
{
    static const char *const others[] = {"<0x0a>", "<0x0G>",  "<0X41>",
                                         "<0x41",  "<0x041>", "(0x41>"};
    char                     text[8];

    test_case("the byte that <0xNN> stands for");
    for (int byte = 0; byte < 256; byte++) {
        snprintf(text, sizeof text, "<0x%02X>", (unsigned)byte);
        CHECK_INT(nm_sentencepiece_byte(text, 6), byte);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        CHECK_INT(nm_sentencepiece_byte(others[i], strlen(others[i])), -1);
}

void test_sentencepiece(void)
{
    test_byte();
    test_small();
    test_wounds();
    test_wire();
    test_lengths();
    test_prefixes();
    test_memory();

    test_case("the shipped model's");
    test_trained(test_path("golden/tokenizer-demo/tokenizer.model"), 8192,
                 "\xE2\x96\x81"
                 "a",
                 261);
    test_case("Mistral 7B v0.1's");
    const char *path = test_shared("tokenizers/mistral-7b-v0.1/tokenizer.model");
    if (path)
        test_trained(path, 32000,
                     "\xE2\x96\x81"
                     "a",
                     264);
    else
        test_skip("../shared is not there");
}
