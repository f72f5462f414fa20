/* SPDX-License-Identifier: Apache-2.0 */
/* A file drawn byte by byte, read; wounded in every way; limits, with files from the writer. */
#include "test.h"

#include "base/bytes.h"
#include "format/gguf.h"
#include "format/gguf_write.h"

#include <stdlib.h>

static nomul_error err;

/* ---- Drawing a file -------------------------------------------------------------------------- */

typedef struct drawing {
    uint8_t bytes[4096];
    size_t  size;
} drawing;

static void add(drawing *d, const void *bytes, size_t n)
{
    memcpy(d->bytes + d->size, bytes, n);
    d->size += n;
}

static void add_number(drawing *d, uint64_t value, size_t n_bytes)
{
    uint8_t bytes[8];
    nm_store_u64(bytes, value);
    add(d, bytes, n_bytes);
}

static void add_text(drawing *d, const char *text)
{
    add_number(d, strlen(text), 8);
    add(d, text, strlen(text));
}

static void add_key(drawing *d, const char *name, nomul_value_type type)
{
    add_text(d, name);
    add_number(d, (uint64_t)type, 4);
}

static void add_array(drawing *d, const char *name, nomul_value_type type, uint64_t n)
{
    add_key(d, name, NOMUL_VALUE_ARRAY);
    add_number(d, (uint64_t)type, 4);
    add_number(d, n, 8);
}

static void pad_to(drawing *d, size_t alignment)
{
    while (d->size % alignment) add_number(d, 0, 1);
}

enum { N_KEYS = 17, N_TENSORS = 4 };

/* Every type of value, every type of tensor but one; data begins at a multiple of 64. */
static void draw(drawing *d)
{
    *d = (drawing){.size = 0};
    add(d, "GGUF", 4);
    add_number(d, 3, 4);
    add_number(d, N_TENSORS, 8);
    add_number(d, N_KEYS, 8);
    add_key(d, "general.alignment", NOMUL_VALUE_U32), add_number(d, 64, 4);
    add_key(d, "key.u8", NOMUL_VALUE_U8), add_number(d, 200, 1);
    add_key(d, "key.i8", NOMUL_VALUE_I8), add_number(d, 200, 1);
    add_key(d, "key.u16", NOMUL_VALUE_U16), add_number(d, 60000, 2);
    add_key(d, "key.i16", NOMUL_VALUE_I16), add_number(d, 60000, 2);
    add_key(d, "key.u32", NOMUL_VALUE_U32), add_number(d, 4000000000, 4);
    add_key(d, "key.i32", NOMUL_VALUE_I32), add_number(d, 5, 4);
    add_key(d, "key.f32", NOMUL_VALUE_F32), add_number(d, 0x3F800000, 4);
    add_key(d, "key.yes", NOMUL_VALUE_BOOL), add_number(d, 1, 1);
    add_key(d, "key.text", NOMUL_VALUE_STRING), add_text(d, "words");
    add_key(d, "key.u64", NOMUL_VALUE_U64), add_number(d, 1234567890123456789, 8);
    add_key(d, "key.i64", NOMUL_VALUE_I64), add_number(d, 6, 8);
    add_key(d, "key.f64", NOMUL_VALUE_F64), add_number(d, 0x3FF0000000000000, 8);
    add_array(d, "list.text", NOMUL_VALUE_STRING, 3);
    add_text(d, "one"), add_text(d, ""), add_text(d, "three");
    add_array(d, "list.f32", NOMUL_VALUE_F32, 2), add_number(d, 0, 8);
    add_array(d, "list.bool", NOMUL_VALUE_BOOL, 3), add_number(d, 0x010001, 3);
    add_array(d, "list.none", NOMUL_VALUE_U64, 0);
    add_text(d, "first.weight"), add_number(d, 1, 4), add_number(d, 3, 8);
    add_number(d, NM_GGUF_F32, 4), add_number(d, 0, 8);
    add_text(d, "blocks"), add_number(d, 2, 4), add_number(d, 32, 8), add_number(d, 2, 8);
    add_number(d, NM_GGUF_Q8_0, 4), add_number(d, 64, 8);
    add_text(d, "cube"), add_number(d, 4, 4);
    add_number(d, 2, 8), add_number(d, 1, 8), add_number(d, 3, 8), add_number(d, 2, 8);
    add_number(d, NM_GGUF_F16, 4), add_number(d, 192, 8);
    add_text(d, "bytes"), add_number(d, 1, 4), add_number(d, 64, 8);
    add_number(d, NM_GGUF_I8, 4), add_number(d, 256, 8);
    pad_to(d, 64);
    for (size_t i = 0; i < N_TENSORS; i++) {
        static const size_t n_bytes[N_TENSORS] = {12, 68, 24, 64};
        for (size_t j = 0; j < n_bytes[i]; j++) add_number(d, 0xA0 + i, 1);
        pad_to(d, 64);
    }
}

/* Opens a copy of exactly n bytes, so that a read past them is seen; touches all it gives. */
static volatile uint8_t sink;

static bool opens(const uint8_t *bytes, size_t n)
{
    nm_gguf  gguf;
    uint8_t *copy = malloc(n + !n), sum = 0;

    if (n) memcpy(copy, bytes, n);
    bool ok = nm_gguf_open(&gguf, copy, n, NULL, &err);
    for (size_t i = 0; ok && i < gguf.n_keys; i++) {
        const nm_gguf_key *key = &gguf.keys[i];
        for (size_t j = 0; j < key->n_bytes; j++) sum ^= key->value[j];
        const uint8_t *at = key->value;
        if (key->type != NOMUL_VALUE_ARRAY || key->element_type != NOMUL_VALUE_STRING) continue;
        for (uint64_t j = 0; j < key->n_elements; j++) nm_gguf_next_string(&at);
        CHECK(at == key->value + key->n_bytes);
    }
    for (size_t i = 0; ok && i < gguf.n_tensors; i++)
        for (uint64_t j = 0; j < gguf.tensors[i].n_bytes; j++) sum ^= gguf.tensors[i].data[j];
    CHECK(ok || (gguf.keys == NULL && gguf.n_keys == 0));
    nm_gguf_close(&gguf);
    free(copy);
    sink = sum;
    return ok;
}

static size_t find_anchor(const drawing *d, const char *anchor)
{
    size_t n = strlen(anchor);
    for (size_t i = 0; i + n <= d->size; i++)
        if (memcmp(d->bytes + i, anchor, n) == 0) return i;
    CHECK_THAT(false, "no %s in the drawing", anchor);
    return 0;
}

/* ---- Reading --------------------------------------------------------------------------------- */

static void check_tensor(const nm_gguf *gguf, const char *name, nm_gguf_type type, uint32_t n_dims,
                         const uint64_t *dims, uint64_t n_bytes, int byte)
{
    const nm_gguf_tensor *tensor = nm_gguf_find_tensor(gguf, name);
    CHECK(tensor != NULL);
    if (!tensor) return;
    CHECK_INT(tensor->name.size, strlen(name));
    CHECK_INT(tensor->type, type);
    CHECK_INT(tensor->n_dims, n_dims);
    for (uint32_t i = 0; i < 4; i++) CHECK_INT(tensor->dims[i], i < n_dims ? dims[i] : 1);
    CHECK_INT(tensor->n_bytes, n_bytes);
    CHECK_INT(tensor->offset % 64, 0);
    CHECK(tensor->data == gguf->data + tensor->offset);
    for (uint64_t i = 0; i < n_bytes; i++) CHECK_INT(tensor->data[i], byte);
}

static void test_valid(void)
{
    nm_gguf gguf;
    drawing d;

    test_case("a drawn file is read");
    draw(&d);
    CHECK_OK(nm_gguf_open(&gguf, d.bytes, d.size, NULL, &err), err);
    CHECK_INT(gguf.n_keys, N_KEYS);
    CHECK_INT(gguf.n_tensors, N_TENSORS);
    CHECK_INT(gguf.alignment, 64);
    CHECK_MEM(gguf.keys[1].name.data, "key.u8", 6, "second key");
    CHECK_MEM(gguf.tensors[2].name.data, "cube", 4, "third tensor");
    check_tensor(&gguf, "first.weight", NM_GGUF_F32, 1, (uint64_t[]){3}, 12, 0xA0);
    check_tensor(&gguf, "blocks", NM_GGUF_Q8_0, 2, (uint64_t[]){32, 2}, 68, 0xA1);
    check_tensor(&gguf, "cube", NM_GGUF_F16, 4, (uint64_t[]){2, 1, 3, 2}, 24, 0xA2);
    check_tensor(&gguf, "bytes", NM_GGUF_I8, 1, (uint64_t[]){64}, 64, 0xA3);
    CHECK(!nm_gguf_find_tensor(&gguf, "byte") && !nm_gguf_find_tensor(&gguf, "bytes."));
    CHECK(!nm_gguf_find_key(&gguf, "key") && !nm_gguf_find_key(&gguf, ""));
    const nm_gguf_key *key = nm_gguf_find_key(&gguf, "key.i16");
    CHECK(key && key->type == NOMUL_VALUE_I16 && key->n_bytes == 2);

    test_case("an array of strings is walked");
    CHECK_OK(nm_gguf_get_array(&gguf, "list.text", true, NOMUL_VALUE_STRING, &key, &err), err);
    CHECK_INT(key->n_elements, 3);
    const uint8_t           *at = key->value;
    static const char *const texts[] = {"one", "", "three"};
    for (size_t i = 0; i < 3; i++) {
        nm_gguf_text text = nm_gguf_next_string(&at);
        CHECK_INT(text.size, strlen(texts[i]));
        CHECK_MEM(text.data, texts[i], text.size, "element");
    }
    CHECK(at == key->value + key->n_bytes);
    nm_gguf_close(&gguf);
    nm_gguf_close(&gguf);
    CHECK(!nm_gguf_find_key(&gguf, "key.u8") && !nm_gguf_find_tensor(&gguf, "cube"));
}

static void test_values(void)
{
    nm_gguf            gguf;
    drawing            d;
    uint32_t           u32 = 1;
    uint64_t           u64 = 1;
    uint32_t           f32 = 2;
    bool               yes = false;
    nm_gguf_text       text = {NULL, 0};
    const nm_gguf_key *key;

    test_case("values of the type asked for");
    draw(&d);
    CHECK_OK(nm_gguf_open(&gguf, d.bytes, d.size, NULL, &err), err);
    CHECK_OK(nm_gguf_get_u32(&gguf, "key.u32", true, &u32, &err), err);
    CHECK_INT(u32, 4000000000);
    CHECK_OK(nm_gguf_get_u64(&gguf, "key.u64", true, &u64, &err), err);
    CHECK_INT(u64, 1234567890123456789);
    CHECK_OK(nm_gguf_get_bits(&gguf, "key.f32", true, NOMUL_VALUE_F32, &f32, &err), err);
    CHECK(f32 == 0x3F800000);
    CHECK_OK(nm_gguf_get_bool(&gguf, "key.yes", true, &yes, &err), err);
    CHECK(yes);
    CHECK_OK(nm_gguf_get_string(&gguf, "key.text", true, &text, &err), err);
    CHECK_INT(text.size, 5);
    CHECK_MEM(text.data, "words", 5, "string");

    test_case("an absent key leaves the value alone, unless it is required");
    CHECK_OK(nm_gguf_get_u32(&gguf, "no", false, &u32, &err), err);
    CHECK_OK(nm_gguf_get_string(&gguf, "no", false, &text, &err), err);
    CHECK(u32 == 4000000000 && text.size == 5);
    CHECK_OK(nm_gguf_get_array(&gguf, "no", false, NOMUL_VALUE_F32, &key, &err), err);
    CHECK(key == NULL);
    CHECK_FAILS(nm_gguf_get_u32(&gguf, "no", true, &u32, &err), err, "key no: missing");
    CHECK_FAILS(nm_gguf_get_array(&gguf, "no", true, NOMUL_VALUE_F32, &key, &err), err,
                "key no: missing");

    test_case("another type is an error");
    CHECK_FAILS(nm_gguf_get_u32(&gguf, "key.text", false, &u32, &err), err,
                "key key.text: is a string, expected u32");
    CHECK_INT(err.code, NOMUL_E_FORMAT);
    CHECK_FAILS(nm_gguf_get_u64(&gguf, "key.i8", false, &u64, &err), err,
                "key key.i8: is an i8, expected u64");
    CHECK_FAILS(nm_gguf_get_bits(&gguf, "key.f64", false, NOMUL_VALUE_F32, &f32, &err), err,
                "key key.f64: is an f64, expected f32");
    CHECK_FAILS(nm_gguf_get_bool(&gguf, "key.u8", false, &yes, &err), err,
                "key key.u8: is a u8, expected bool");
    CHECK_FAILS(nm_gguf_get_string(&gguf, "list.text", false, &text, &err), err,
                "key list.text: is an array of string, expected string");
    CHECK_FAILS(nm_gguf_get_array(&gguf, "list.f32", false, NOMUL_VALUE_STRING, &key, &err), err,
                "key list.f32: is an array of f32, expected array of string");
    CHECK_FAILS(nm_gguf_get_array(&gguf, "key.yes", false, NOMUL_VALUE_U64, &key, &err), err,
                "key key.yes: is a bool, expected array of u64");
    nm_gguf_close(&gguf);
}

/* ---- Arrays of arrays ------------------------------------------------------------------------ */

/* A file of one key, an array of `depth` levels of arrays of one element, around an empty one. */
static void draw_nested(drawing *d, size_t depth)
{
    *d = (drawing){.size = 0};
    add(d, "GGUF", 4);
    add_number(d, 3, 4);
    add_number(d, 0, 8);
    add_number(d, 1, 8);
    add_key(d, "deep", NOMUL_VALUE_ARRAY);
    for (; depth > 0; depth--) add_number(d, NOMUL_VALUE_ARRAY, 4), add_number(d, 1, 8);
    add_number(d, NOMUL_VALUE_U8, 4), add_number(d, 0, 8);
    pad_to(d, 32);
}

static void test_nested(void)
{
    nm_gguf            gguf;
    drawing            d;
    const nm_gguf_key *key;

    test_case("arrays of arrays of any shape are passed over");
    draw(&d);
    d.size = 0;
    add(&d, "GGUF", 4);
    add_number(&d, 3, 4), add_number(&d, 0, 8), add_number(&d, 2, 8);
    add_array(&d, "nested", NOMUL_VALUE_ARRAY, 4);
    add_number(&d, NOMUL_VALUE_STRING, 4), add_number(&d, 2, 8), add_text(&d, "a"),
        add_text(&d, "");
    add_number(&d, NOMUL_VALUE_ARRAY, 4), add_number(&d, 0, 8);
    add_number(&d, NOMUL_VALUE_ARRAY, 4), add_number(&d, 2, 8);
    add_number(&d, NOMUL_VALUE_U16, 4), add_number(&d, 3, 8), add_number(&d, 0x030201, 6);
    add_number(&d, NOMUL_VALUE_BOOL, 4), add_number(&d, 1, 8), add_number(&d, 1, 1);
    add_number(&d, NOMUL_VALUE_F64, 4), add_number(&d, 0, 8);
    add_key(&d, "after", NOMUL_VALUE_U8), add_number(&d, 7, 1);
    size_t end = d.size;
    pad_to(&d, 32);
    CHECK_OK(nm_gguf_open(&gguf, d.bytes, d.size, NULL, &err), err);
    key = nm_gguf_find_key(&gguf, "nested");
    CHECK(key && key->element_type == NOMUL_VALUE_ARRAY && key->n_elements == 4);
    key = nm_gguf_find_key(&gguf, "after");
    CHECK(key && *key->value == 7);
    nm_gguf_close(&gguf);
    for (size_t n = 0; n < end; n++) CHECK_THAT(!opens(d.bytes, n), "%zu bytes are a file", n);

    test_case("a bool in an inner array is checked too");
    d.bytes[find_anchor(&d, "after") - 8 - 12 - 1] = 2;
    CHECK_FAILS(opens(d.bytes, d.size), err, "key nested: a bool is 2, expected 0 or 1");

    test_case("arrays are nested 256 levels deep at most");
    draw_nested(&d, 256);
    CHECK_OK(opens(d.bytes, d.size), err);
    draw_nested(&d, 257);
    CHECK_FAILS(opens(d.bytes, d.size), err, "key deep: arrays nested deeper than 256 levels");
}

/* ---- Wounds ---------------------------------------------------------------------------------- */

#define U64_MAX "18446744073709551615"

/* `width` bytes at a distance from where `anchor` first stands in the file. */
static const struct {
    const char  *anchor;
    size_t       distance;
    int          width;
    uint64_t     put;
    nomul_status code;
    const char  *says;
} wounds[] = {
    {"GGUF", 0, 4, 0x46554758, NOMUL_E_FORMAT, "not a GGUF file: begins with 'XGUF'"},
    {"GGUF", 0, 4, 0x04034B50, NOMUL_E_FORMAT, "not a GGUF file: begins with 50 4b 03 04"},
    {"GGUF", 4, 4, 99, NOMUL_E_UNSUPPORTED, "GGUF version 99: only version 3 is read"},
    {"GGUF", 4, 4, 2, NOMUL_E_UNSUPPORTED, "GGUF version 2: only version 3 is read"},
    {"GGUF", 4, 4, 0, NOMUL_E_UNSUPPORTED, "GGUF version 0: only version 3 is read"},
    {"GGUF", 4, 4, 0x03000000, NOMUL_E_UNSUPPORTED,
     "a big-endian GGUF file: only little-endian ones are read"},
    {"GGUF", 8, 8, UINT64_MAX, NOMUL_E_FORMAT, "says " U64_MAX " tensors, at most 65536 are read"},
    {"GGUF", 8, 8, 65536, NOMUL_E_FORMAT, "says 65536 tensors, too many for its size"},
    {"GGUF", 16, 8, UINT64_MAX, NOMUL_E_FORMAT, "says " U64_MAX " keys, at most 4096 are read"},
    {"GGUF", 16, 8, 4096, NOMUL_E_FORMAT, "says 4096 keys, too many for its size"},
    {"general.alignment", 17, 4, 5, NOMUL_E_FORMAT,
     "key general.alignment: is an i32, expected u32"},
    {"general.alignment", 21, 4, 0, NOMUL_E_FORMAT,
     "key general.alignment: is 0, expected a power of two from 8 to 4096"},
    {"general.alignment", 21, 4, 4, NOMUL_E_FORMAT,
     "key general.alignment: is 4, expected a power of two from 8 to 4096"},
    {"general.alignment", 21, 4, 96, NOMUL_E_FORMAT,
     "key general.alignment: is 96, expected a power of two from 8 to 4096"},
    {"general.alignment", 21, 4, 128, NOMUL_E_FORMAT,
     "tensor directory: padding after it is not zero"},
    {"general.alignment", 21, 4, 32, NOMUL_E_FORMAT, "tensor blocks: offset 64, expected 32"},
    {"general.alignment", 21, 4, 0x80000000, NOMUL_E_FORMAT,
     "key general.alignment: is 2147483648, expected a power of two from 8 to 4096"},
    {"general.alignment", 21, 4, 4096, NOMUL_E_FORMAT,
     "tensor directory: file ends after 1024 bytes, expected padding to 4096"},
    {"general.alignment", 3, 1, 'x', NOMUL_E_FORMAT, "tensor blocks: offset 64, expected 32"},
    {"key.u8", 4, 2, '8' << 8 | 'i', NOMUL_E_FORMAT, "key key.i8: occurs twice"},
    {"key.u8", 6, 4, 13, NOMUL_E_FORMAT, "key key.u8: value type 13 is unknown"},
    {"key.u8", 6, 4, UINT32_MAX, NOMUL_E_FORMAT, "key key.u8: value type 4294967295 is unknown"},
    {"key.u8", 0, 1, 0xFF, NOMUL_E_FORMAT, "key 2 of 17: name is not valid UTF-8"},
    {"key.u8", 3, 1, 0, NOMUL_E_FORMAT, "key 2 of 17: name has a NUL in it"},
    {"key.u8", 3, 1, '\n', NOMUL_OK, ""},
    {"key.i8", 3, 1, 0x80, NOMUL_E_FORMAT, "key 3 of 17: name is not valid UTF-8"},
    {"general.alignment", 17 + 8, 8, 0, NOMUL_E_FORMAT,
     "key 2 of 17: name of 0 bytes, expected 1 to 65535"},
    {"general.alignment", 17 + 8, 8, 65536, NOMUL_E_FORMAT,
     "key 2 of 17: name of 65536 bytes, expected 1 to 65535"},
    {"general.alignment", 17 + 8, 8, UINT64_MAX, NOMUL_E_FORMAT,
     "key 2 of 17: name of " U64_MAX " bytes, expected 1 to 65535"},
    {"general.alignment", 17 + 8, 8, 60000, NOMUL_E_FORMAT, "key 2 of 17: file ends in its name"},
    {"key.yes", 11, 1, 2, NOMUL_E_FORMAT, "key key.yes: a bool is 2, expected 0 or 1"},
    {"key.text", 12, 8, 5000, NOMUL_E_FORMAT,
     "key key.text: string of 5000 bytes, file ends after 770"},
    {"key.text", 12, 8, UINT64_MAX, NOMUL_E_FORMAT,
     "key key.text: string of " U64_MAX " bytes, file ends after 770"},
    {"list.text", 13, 4, 9, NOMUL_E_FORMAT,
     "key list.text: needs 28550395668201472 i16, file ends after 639 bytes"},
    {"list.text", 13, 4, 77, NOMUL_E_FORMAT, "key list.text: value type 77 is unknown"},
    {"list.text", 17, 8, UINT64_MAX, NOMUL_E_FORMAT,
     "key list.text: needs " U64_MAX " string, file ends after 651 bytes"},
    {"list.text", 25, 8, 5000, NOMUL_E_FORMAT,
     "key list.text: element 0: string of 5000 bytes, file ends after 643"},
    {"list.text", 36, 8, UINT64_MAX - 2, NOMUL_E_FORMAT,
     "key list.text: element 1: string of 18446744073709551613 bytes, file ends after 632"},
    {"list.f32", 16, 8, (uint64_t)1 << 62, NOMUL_E_FORMAT,
     "key list.f32: needs 4611686018427387904 f32, file ends after 587 bytes"},
    {"list.bool", 25, 1, 3, NOMUL_E_FORMAT, "key list.bool: a bool is 3, expected 0 or 1"},
    {"list.bool", 27, 1, 255, NOMUL_E_FORMAT, "key list.bool: a bool is 255, expected 0 or 1"},
    {"list.none", 17, 8, UINT64_MAX, NOMUL_E_FORMAT,
     "key list.none: needs " U64_MAX " u64, file ends after 510 bytes"},
    {"first.weight", 0, 1, 0xFF, NOMUL_E_FORMAT, "tensor 1 of 4: name is not valid UTF-8"},
    {"first.weight", 5, 1, 0, NOMUL_E_FORMAT, "tensor 1 of 4: name has a NUL in it"},
    {"list.none", 25, 8, 0, NOMUL_E_FORMAT, "tensor 1 of 4: name of 0 bytes, expected 1 to 64"},
    {"list.none", 25, 8, 65, NOMUL_E_FORMAT, "tensor 1 of 4: name of 65 bytes, expected 1 to 64"},
    {"first.weight", 12, 4, 0, NOMUL_E_FORMAT,
     "tensor first.weight: has 0 dimensions, expected 1 to 4"},
    {"first.weight", 12, 4, 5, NOMUL_E_FORMAT,
     "tensor first.weight: has 5 dimensions, expected 1 to 4"},
    {"first.weight", 16, 8, 0, NOMUL_E_FORMAT, "tensor first.weight: dimension 0 is 0"},
    {"first.weight", 16, 8, UINT64_MAX, NOMUL_E_FORMAT, "tensor first.weight: its size overflows"},
    {"first.weight", 16, 8, 4096, NOMUL_E_FORMAT,
     "tensor first.weight: needs 16384 bytes, file ends after 320"},
    {"first.weight", 16, 8, 2, NOMUL_E_FORMAT, "tensor first.weight: padding after it is not zero"},
    {"first.weight", 24, 4, 12, NOMUL_E_UNSUPPORTED, "tensor first.weight: type 12 is not read"},
    {"first.weight", 28, 8, 1, NOMUL_E_FORMAT,
     "tensor first.weight: offset 1 is not a multiple of 64"},
    {"first.weight", 28, 8, 64, NOMUL_E_FORMAT, "tensor first.weight: offset 64, expected 0"},
    {"blocks", 10, 8, 33, NOMUL_E_FORMAT,
     "tensor blocks: is Q8_0 with rows of 33, expected a multiple of 32"},
    {"blocks", 18, 8, (uint64_t)1 << 60, NOMUL_E_FORMAT, "tensor blocks: its size overflows"},
    {"blocks", 30, 8, 0, NOMUL_E_FORMAT, "tensor blocks: offset 0, expected 64"},
    {"blocks", 30, 8, UINT64_MAX - 63, NOMUL_E_FORMAT,
     "tensor blocks: offset 18446744073709551552, expected 64"},
    {"cube", 16, 8, (uint64_t)1 << 32, NOMUL_E_FORMAT,
     "tensor cube: needs 103079215104 bytes, file ends after 128"},
    {"cube", 24, 8, (uint64_t)1 << 63, NOMUL_E_FORMAT, "tensor cube: its size overflows"},
    {"bytes", 9, 8, 65, NOMUL_E_FORMAT, "tensor bytes: needs 65 bytes, file ends after 64"},
    {"bytes", 29, 1, 1, NOMUL_E_FORMAT, "tensor directory: padding after it is not zero"},
    {"\xA0\xA0\xA0\xA0", 12, 1, 1, NOMUL_E_FORMAT,
     "tensor first.weight: padding after it is not zero"},
    {"\xA2\xA2\xA2\xA2", 63, 1, 1, NOMUL_E_FORMAT, "tensor cube: padding after it is not zero"},
};

static void test_wounds(void)
{
    for (size_t i = 0; i < sizeof wounds / sizeof wounds[0]; i++) {
        drawing d;
        uint8_t bytes[8];
        test_case("wound %zu, %s + %zu: %s", i, wounds[i].anchor, wounds[i].distance,
                  wounds[i].says);
        draw(&d);
        nm_store_u64(bytes, wounds[i].put);
        size_t at = find_anchor(&d, wounds[i].anchor) + wounds[i].distance;
        memcpy(d.bytes + at, bytes, (size_t)wounds[i].width);
        if (wounds[i].code == NOMUL_OK) {
            CHECK_OK(opens(d.bytes, d.size), err);
        } else {
            CHECK_FAILS(opens(d.bytes, d.size), err, wounds[i].says);
            CHECK_INT(err.code, wounds[i].code);
        }
    }
}

static void test_sizes(void)
{
    drawing d;
    uint8_t zeros[16] = {0};

    draw(&d);
    test_case("too short to be told");
    CHECK_FAILS(opens(d.bytes, 0), err, "not a GGUF file: it is empty");
    CHECK_FAILS(opens(d.bytes, 3), err, "not a GGUF file: has 3 bytes");
    CHECK_FAILS(opens(d.bytes, 4), err, "file ends after 4 bytes, in its header");
    CHECK_FAILS(opens(d.bytes, 23), err, "file ends after 23 bytes, in its header");

    test_case("a file that ends in a value");
    size_t at = find_anchor(&d, "key.u32");
    nm_store_u64(d.bytes + 8, 0);
    nm_store_u64(d.bytes + 16, 6);
    CHECK_FAILS(opens(d.bytes, at - 4), err, "key 6 of 6: file ends in its name");
    CHECK_FAILS(opens(d.bytes, at + 6), err, "key 6 of 6: file ends in its name");
    CHECK_FAILS(opens(d.bytes, at + 10), err, "key key.u32: file ends in its type");
    CHECK_FAILS(opens(d.bytes, at + 14), err, "key key.u32: needs 1 u32, file ends after 3 bytes");
    draw(&d);

    test_case("the last padding is missing, or too much of it there");
    CHECK_FAILS(opens(d.bytes, d.size - 1), err,
                "tensor bytes: needs 64 bytes, file ends after 63");
    add(&d, zeros, 1);
    CHECK_FAILS(opens(d.bytes, d.size), err, "has 1 byte after its last tensor");
    d.size--;
    nm_store_u64(d.bytes + find_anchor(&d, "bytes") + 9, 63);
    d.bytes[d.size - 1] = 0;
    CHECK(opens(d.bytes, d.size));
    CHECK_FAILS(opens(d.bytes, d.size - 1), err,
                "tensor bytes: file ends after 1023 bytes, expected padding to 1024");

    test_case("no prefix of a file is one");
    draw(&d);
    for (size_t n = 0; n < d.size; n++) {
        CHECK_THAT(!opens(d.bytes, n), "%zu bytes of %zu are a file", n, d.size);
        CHECK(err.text[0] != '\0');
    }
}

static void test_flips(void)
{
    static const uint8_t puts[] = {0x00, 0x01, 0x7F, 0x80, 0xFF};
    drawing              d;

    test_case("any one byte changed does no harm");
    draw(&d);
    for (size_t at = 0; at < d.size; at++) {
        uint8_t was = d.bytes[at];
        for (size_t i = 0; i < sizeof puts; i++) d.bytes[at] = puts[i], opens(d.bytes, d.size);
        for (int bit = 0; bit < 8; bit++)
            d.bytes[at] = (uint8_t)(was ^ 1 << bit), opens(d.bytes, d.size);
        d.bytes[at] = was;
    }
    CHECK(opens(d.bytes, d.size));
}

/* ---- Limits ---------------------------------------------------------------------------------- */

static void test_empty(void)
{
    nm_gguf gguf;
    drawing d = {.size = 0};

    test_case("a file of nothing, and the default alignment");
    add(&d, "GGUF\3\0\0", 8);
    add_number(&d, 0, 8), add_number(&d, 0, 8);
    CHECK_FAILS(opens(d.bytes, d.size), err,
                "tensor directory: file ends after 24 bytes, expected padding to 32");
    pad_to(&d, 32);
    CHECK_OK(nm_gguf_open(&gguf, d.bytes, d.size, NULL, &err), err);
    CHECK_INT(gguf.alignment, 32);
    CHECK(!nm_gguf_find_key(&gguf, "x") && !nm_gguf_find_tensor(&gguf, "x"));
    nm_gguf_close(&gguf);
}

/* The writer's bytes with zeros for the tensors' data; freed by the caller. */
static uint8_t *finish(nm_gguf_writer *writer, size_t *size)
{
    CHECK_OK(nm_gguf_writer_finish(writer, &err), err);
    *size = writer->n_bytes + (size_t)writer->data_bytes;
    uint8_t *bytes = calloc(1, *size);
    memcpy(bytes, writer->bytes, writer->n_bytes);
    nm_gguf_writer_free(writer);
    return bytes;
}

static void test_many(void)
{
    char           name[32];
    size_t         size;
    nm_gguf        gguf;
    nm_gguf_writer writer;

    test_case("65,536 tensors and 4,096 keys, each found; one more of either is refused");
    nm_gguf_writer_init(&writer, 8);
    for (uint32_t i = 1; i < NM_GGUF_MAX_KEYS; i++) {
        snprintf(name, sizeof name, "key.%u", (unsigned)i);
        nm_gguf_put_bits(&writer, name, NOMUL_VALUE_U32, i);
    }
    for (unsigned i = 0; i < NM_GGUF_MAX_TENSORS; i++) {
        snprintf(name, sizeof name, "tensor.%u", i);
        CHECK_OK(nm_gguf_put_tensor(&writer, name, NM_GGUF_I8, 1, (uint64_t[]){1}, &err), err);
    }
    uint8_t *bytes = finish(&writer, &size);
    CHECK_OK(nm_gguf_open(&gguf, bytes, size, NULL, &err), err);
    for (uint32_t i = 1, got; i < NM_GGUF_MAX_KEYS; i++) {
        snprintf(name, sizeof name, "key.%u", (unsigned)i);
        CHECK_OK(nm_gguf_get_u32(&gguf, name, true, &got, &err), err);
        CHECK_INT(got, i);
    }
    for (unsigned i = 0; i < NM_GGUF_MAX_TENSORS; i++) {
        snprintf(name, sizeof name, "tensor.%u", i);
        CHECK(nm_gguf_find_tensor(&gguf, name) == &gguf.tensors[i]);
    }
    nm_gguf_close(&gguf);
    nm_store_u64(bytes + 16, NM_GGUF_MAX_KEYS + 1);
    CHECK_FAILS(opens(bytes, size), err, "says 4097 keys, at most 4096 are read");
    nm_store_u64(bytes + 16, NM_GGUF_MAX_KEYS);
    nm_store_u64(bytes + 8, NM_GGUF_MAX_TENSORS + 1);
    CHECK_FAILS(opens(bytes, size), err, "says 65537 tensors, at most 65536 are read");
    free(bytes);
}

static void test_architecture(void)
{
    static const char says[] = "key general.architecture: this is a \"llama\" model; nomul runs "
                               "MMfreeLM models (\"hgrn_bit\")";
    nm_gguf           gguf;
    drawing           d = {.size = 0};

    add(&d, "GGUF", 4), add_number(&d, 3, 4), add_number(&d, 1, 8), add_number(&d, 1, 8);
    add_key(&d, "general.architecture", NOMUL_VALUE_STRING), add_text(&d, "llama");
    add_text(&d, "a"), add_number(&d, 1, 4), add_number(&d, 256, 8);
    add_number(&d, 12, 4), add_number(&d, 0, 8); /* Q4_K, which is not read */

    test_case("another architecture is named before its tensors are judged");
    CHECK_FAILS(nm_gguf_open(&gguf, d.bytes, d.size, "hgrn_bit", &err), err, says);
    CHECK_INT(err.code, NOMUL_E_UNSUPPORTED);
    CHECK_FAILS(nm_gguf_open(&gguf, d.bytes, d.size, "llama", &err), err,
                "tensor a: type 12 is not read");
}

static void test_names(void)
{
    static char    name[65537];
    char           says[700];
    size_t         size;
    nm_gguf_writer writer;
    uint8_t       *bytes;

    test_case("names as long as they may be, and one longer");
    for (size_t more = 0; more < 2; more++) {
        memset(name, 'k', sizeof name - 1);
        name[65535 + more] = '\0';
        nm_gguf_writer_init(&writer, 32);
        nm_gguf_put_bits(&writer, name, NOMUL_VALUE_BOOL, true);
        name[64 + more] = '\0';
        CHECK_OK(nm_gguf_put_tensor(&writer, name, NM_GGUF_I32, 1, (uint64_t[]){2}, &err), err);
        bytes = finish(&writer, &size);
        if (more)
            CHECK_FAILS(opens(bytes, size), err,
                        "key 2 of 2: name of 65536 bytes, expected 1 to 65535");
        else
            CHECK_OK(opens(bytes, size), err);
        free(bytes);
    }
    test_case("a tensor's name of several-byte characters, twice");
    nm_gguf_writer_init(&writer, 32);
    for (int i = 0; i < 2; i++)
        CHECK_OK(nm_gguf_put_tensor(&writer, "\xC3\xA9\xE2\x82\xAC", NM_GGUF_F32, 1,
                                    (uint64_t[]){2}, &err),
                 err);
    bytes = finish(&writer, &size);
    CHECK_FAILS(opens(bytes, size), err, "tensor \xC3\xA9\xE2\x82\xAC: occurs twice");
    free(bytes);

    test_case("of a long name the beginning is shown");
    nm_gguf_writer_init(&writer, 32);
    memset(name, 'k', 1000);
    name[1000] = '\0';
    for (int i = 0; i < 2; i++) nm_gguf_put_bits(&writer, name, NOMUL_VALUE_BOOL, true);
    bytes = finish(&writer, &size);
    snprintf(says, sizeof says, "key %.500s: occurs twice", name);
    CHECK_FAILS(opens(bytes, size), err, says);
    free(bytes);
}

static void test_tensor_bytes(void)
{
    static const struct {
        nm_gguf_type type;
        uint32_t     n_dims;
        uint64_t     dims[4];
        bool         ok;
        uint64_t     n_bytes;
    } rows[] = {
        {NM_GGUF_F32, 1, {5}, true, 20},
        {NM_GGUF_F16, 2, {5, 3}, true, 30},
        {NM_GGUF_I8, 4, {2, 3, 5, 7}, true, 210},
        {NM_GGUF_I32, 1, {1}, true, 4},
        {NM_GGUF_Q8_0, 2, {64, 3}, true, 204},
        {NM_GGUF_Q8_0, 2, {65, 32}, false, 0},
        {NM_GGUF_F32, 2, {(uint64_t)1 << 32, (uint64_t)1 << 30}, false, 0},
        {NM_GGUF_F32, 2, {(uint64_t)1 << 31, (uint64_t)1 << 30}, true, (uint64_t)1 << 63},
        {NM_GGUF_F32, 0, {0}, false, 0},
        {(nm_gguf_type)2, 1, {32}, false, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        uint64_t n_bytes = 0;
        test_case("bytes of a tensor, row %zu", i);
        CHECK_INT(nm_gguf_tensor_bytes(rows[i].type, rows[i].n_dims, rows[i].dims, &n_bytes),
                  rows[i].ok);
        if (rows[i].ok) CHECK(n_bytes == rows[i].n_bytes);
    }
    test_case("types have names");
    CHECK_STR(nm_gguf_type_name(NM_GGUF_Q8_0), "Q8_0");
    CHECK_STR(nm_gguf_type_name((nm_gguf_type)77), "unknown type");
    CHECK_STR(nm_gguf_value_type_name(NOMUL_VALUE_F64), "f64");
    CHECK_STR(nm_gguf_value_type_name((nomul_value_type)13), "unknown type");
}

void test_gguf(void)
{
    test_valid();
    test_values();
    test_nested();
    test_wounds();
    test_sizes();
    test_flips();
    test_empty();
    test_many();
    test_architecture();
    test_names();
    test_tensor_bytes();
}
