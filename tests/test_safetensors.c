/* SPDX-License-Identifier: Apache-2.0 */
/* Headers right and wrong, each prefix, each byte changed, and files of the reference library. */
#include "checkpoints.h"
#include "test.h"

#include "base/bytes.h"
#include "format/safetensors.h"

#include <stdlib.h>

static nomul_error err;

/* Parses a copy of exactly n bytes, so that a read past them is seen. */
static bool parse(nm_safetensors *st, const char *json, size_t n, uint64_t data_bytes)
{
    char *copy = malloc(n + !n);

    if (n) memcpy(copy, json, n);
    *st = (nm_safetensors){.file = NM_FILE_CLOSED};
    bool ok = nm_safetensors_parse(st, copy, n, data_bytes, &err);
    free(copy); /* nothing may point into it */
    CHECK(ok || (!st->tensors && !st->text && st->n_tensors == 0));
    return ok;
}

static bool parses(const char *json, uint64_t data_bytes)
{
    nm_safetensors st;
    bool           ok = parse(&st, json, strlen(json), data_bytes);
    nm_safetensors_close(&st);
    return ok;
}

#define SPAN(begin, end) "\"data_offsets\":[" #begin "," #end "]"
#define TENSOR(name, dtype, shape, begin, end)                                                     \
    "\"" name "\":{\"dtype\":\"" dtype "\",\"shape\":" shape "," SPAN(begin, end) "}"

/* ---- Right ----------------------------------------------------------------------------------- */

/* clang-format off */
static const char sample[] =
    "{" TENSOR("last", "F16", "[3]", 16, 22) ",\n"
    "\"__metadata__\":{\"format\":\"pt\",\"\":\"\"},"
    TENSOR("a.\\u00e9\\n", "F32", "[2,1]", 0, 8) ","
    "\"middle\":{\"shape\":[ ]," SPAN(8, 16) ",\"dtype\":\"I64\"},"
    TENSOR("none", "BF16", "[0,7]", 8, 8) "} \n ";
/* clang-format on */

static void test_valid(void)
{
    static const struct {
        const char *name, *dtype_name;
        nm_dtype    dtype;
        uint32_t    n_dims;
        uint64_t    shape[2], offset, n_bytes;
    } rows[] = {
        {"a.\xC3\xA9\n", "F32", NM_DTYPE_F32, 2, {2, 1}, 0, 8},
        {"none", "BF16", NM_DTYPE_BF16, 2, {0, 7}, 8, 0},
        {"middle", "I64", NM_DTYPE_OTHER, 0, {0}, 8, 8},
        {"last", "F16", NM_DTYPE_F16, 1, {3}, 16, 6},
    };
    nm_safetensors st;

    test_case("tensors in the order of their data");
    CHECK_OK(parse(&st, sample, sizeof sample - 1, 22), err);
    CHECK_INT(st.n_tensors, 4);
    for (size_t i = 0; i < 4 && i < st.n_tensors; i++) {
        const nm_safetensor *tensor = &st.tensors[i];
        CHECK_STR(tensor->name, rows[i].name);
        CHECK_STR(tensor->dtype_name, rows[i].dtype_name);
        CHECK_INT(tensor->dtype, rows[i].dtype);
        CHECK_INT(tensor->n_dims, rows[i].n_dims);
        for (uint32_t j = 0; j < rows[i].n_dims; j++) CHECK_INT(tensor->shape[j], rows[i].shape[j]);
        CHECK_INT(tensor->offset, 8 + sizeof sample - 1 + rows[i].offset);
        CHECK_INT(tensor->n_bytes, rows[i].n_bytes);
    }
    nm_safetensors_close(&st);

    test_case("no tensors");
    CHECK_OK(parses("{}", 0), err);
    CHECK_OK(parses("{\"__metadata__\":{}}", 0), err);

    test_case("the shortest entry finds memory: 49 bytes are counted for it");
    CHECK_OK(parses("{" TENSOR("", "I8", "[]", 0, 1) "}", 1), err);
    CHECK(!parses("{" TENSOR("", "I8", "[]", 0, 1) "," TENSOR("", "I8", "[]", 1, 2) "}", 2));
}

static void test_dtypes(void)
{
    static const struct {
        const char *name;
        int         n_bytes;
    } rows[] = {
        {"BOOL", 1}, {"U8", 1},  {"I8", 1},  {"F8_E5M2", 1}, {"F8_E4M3", 1},
        {"I16", 2},  {"U16", 2}, {"F16", 2}, {"BF16", 2},    {"I32", 4},
        {"U32", 4},  {"F32", 4}, {"F64", 8}, {"I64", 8},     {"U64", 8},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char json[128];
        test_case("dtype %s", rows[i].name);
        snprintf(json, sizeof json,
                 "{\"x\":{\"dtype\":\"%s\",\"shape\":[3],\"data_offsets\":[0,%d]}}", rows[i].name,
                 3 * rows[i].n_bytes);
        CHECK_OK(parses(json, (uint64_t)rows[i].n_bytes * 3), err);
        CHECK(!parses(json, (uint64_t)rows[i].n_bytes * 3 + 1));
    }
}

/* ---- Wrong ----------------------------------------------------------------------------------- */

#define X(inside) "{\"x\":{" inside "}}"
#define F32_4 "\"dtype\":\"F32\",\"shape\":[1]"
#define TWO_64 "18446744073709551616"

static const struct {
    const char  *json;
    uint64_t     data_bytes;
    nomul_status code;
    const char  *says;
} wounds[] = {
    {"", 0, NOMUL_E_FORMAT, "header does not begin with '{'"},
    {" {}", 0, NOMUL_E_FORMAT, "header does not begin with '{'"},
    {"[]", 0, NOMUL_E_FORMAT, "header does not begin with '{'"},
    {"{", 0, NOMUL_E_FORMAT, "header: line 1: ends in the middle"},
    {"{}x", 0, NOMUL_E_FORMAT, "header: line 1: text after the value"},
    {"{}{}", 0, NOMUL_E_FORMAT, "header: line 1: text after the value"},
    {"{\n\"x\"}", 0, NOMUL_E_FORMAT, "header: line 2: ':' expected"},
    {"{\"\xFF\":{}}", 0, NOMUL_E_FORMAT, "header: line 1: invalid UTF-8 in a string"},
    {"{\"x\":[]}", 0, NOMUL_E_FORMAT, "tensor x: is not an object"},
    {"{\"x\":null}", 0, NOMUL_E_FORMAT, "tensor x: is not an object"},
    {"{\"x\":nul}", 0, NOMUL_E_FORMAT, "tensor x: line 1: a value expected"},
    {X(""), 0, NOMUL_E_FORMAT, "tensor x: dtype: missing"},
    {X("\"dtype\":\"F32\""), 0, NOMUL_E_FORMAT, "tensor x: shape: missing"},
    {X(F32_4), 0, NOMUL_E_FORMAT, "tensor x: data_offsets: missing"},
    {X(F32_4 "," SPAN(0, 4) ","), 4, NOMUL_E_FORMAT, "tensor x: line 1: a key in quotes expected"},
    {X(F32_4 "," SPAN(0, 4) ",\"y\":1"), 4, NOMUL_E_FORMAT, "tensor x: key y is unknown"},
    {X(F32_4 "," SPAN(0, 4) "," SPAN(0, 4)), 4, NOMUL_E_FORMAT,
     "tensor x: data_offsets: occurs twice"},
    {X(F32_4 ",\"dtype\":\"F32\""), 4, NOMUL_E_FORMAT, "tensor x: dtype: occurs twice"},
    {X(F32_4 ",\"shape\":[1]"), 4, NOMUL_E_FORMAT, "tensor x: shape: occurs twice"},
    {X("\"dtype\":3"), 0, NOMUL_E_FORMAT, "tensor x: dtype is not a string"},
    {X("\"dtype\":\"F4\""), 0, NOMUL_E_FORMAT, "tensor x: dtype F4 is unknown"},
    {X("\"dtype\":\"f32\""), 0, NOMUL_E_FORMAT, "tensor x: dtype f32 is unknown"},
    {X("\"dtype\":\"\""), 0, NOMUL_E_FORMAT, "tensor x: dtype  is unknown"},
    {X("\"shape\":4"), 0, NOMUL_E_FORMAT, "tensor x: shape is not an array of whole numbers"},
    {X("\"shape\":[-1]"), 0, NOMUL_E_FORMAT, "tensor x: shape is not an array of whole numbers"},
    {X("\"shape\":[1.0]"), 0, NOMUL_E_FORMAT, "tensor x: shape is not an array of whole numbers"},
    {X("\"shape\":[\"1\"]"), 0, NOMUL_E_FORMAT, "tensor x: shape is not an array of whole numbers"},
    {X("\"shape\":[" TWO_64 "]"), 0, NOMUL_E_FORMAT,
     "tensor x: shape is not an array of whole numbers"},
    {X("\"shape\":[1,]"), 0, NOMUL_E_FORMAT, "tensor x: line 1: a value expected"},
    {X("\"shape\":[1,1,1,1,1,1,1,1,1]"), 0, NOMUL_E_UNSUPPORTED,
     "tensor x: has more than 8 dimensions"},
    {X("\"data_offsets\":[]"), 0, NOMUL_E_FORMAT,
     "tensor x: data_offsets is not an array of two whole numbers"},
    {X("\"data_offsets\":[0]"), 0, NOMUL_E_FORMAT,
     "tensor x: data_offsets is not an array of two whole numbers"},
    {X("\"data_offsets\":[0,1,2]"), 0, NOMUL_E_FORMAT,
     "tensor x: data_offsets is not an array of two whole numbers"},
    {X("\"data_offsets\":[0,-4]"), 0, NOMUL_E_FORMAT,
     "tensor x: data_offsets is not an array of two whole numbers"},
    {X("\"data_offsets\":{}"), 0, NOMUL_E_FORMAT,
     "tensor x: data_offsets is not an array of two whole numbers"},
    {X("\"data_offsets\":[0,"), 0, NOMUL_E_FORMAT, "tensor x: line 1: a value expected"},
    {X(F32_4 "," SPAN(4, 0)), 4, NOMUL_E_FORMAT,
     "tensor x: data_offsets run backwards, from 4 to 0"},
    {X(F32_4 "," SPAN(0, 5)), 5, NOMUL_E_FORMAT, "tensor x: has 5 bytes, expected 4"},
    {X(F32_4 "," SPAN(0, 3)), 3, NOMUL_E_FORMAT, "tensor x: has 3 bytes, expected 4"},
    {"{" TENSOR("x", "F32", "[4611686018427387904]", 0, 0) "}", 0, NOMUL_E_FORMAT,
     "tensor x: its size overflows"},
    {"{" TENSOR("x", "U8", "[4294967296,4294967296]", 0, 0) "}", 0, NOMUL_E_FORMAT,
     "tensor x: its size overflows"},
    {X(F32_4 "," SPAN(0, 4)), 0, NOMUL_E_FORMAT, "tensor x: needs 4 bytes, file ends after 0"},
    {X(F32_4 "," SPAN(0, 4)), 3, NOMUL_E_FORMAT, "tensor x: needs 4 bytes, file ends after 3"},
    {X(F32_4 "," SPAN(0, 4)), 5, NOMUL_E_FORMAT, "has 1 byte after its last tensor"},
    {"{}", 7, NOMUL_E_FORMAT, "has 7 bytes after its last tensor"},
    {X(F32_4 "," SPAN(4, 8)), 8, NOMUL_E_FORMAT, "tensor x: data begins at 4, expected 0"},
    {X(F32_4 "," SPAN(18446744073709551611, 18446744073709551615)), 4, NOMUL_E_FORMAT,
     "tensor x: data begins at 18446744073709551611, expected 0"},
    {"{" TENSOR("x", "U8", "[18446744073709551615]", 0, 18446744073709551615) "}", 4,
     NOMUL_E_FORMAT, "tensor x: needs 18446744073709551615 bytes, file ends after 4"},
    {"{" TENSOR("x", "U8", "[4]", 0, 4) "," TENSOR("y", "U8", "[4]", 5, 9) "}", 9, NOMUL_E_FORMAT,
     "tensor y: data begins at 5, expected 4"},
    {"{" TENSOR("x", "U8", "[4]", 0, 4) "," TENSOR("y", "U8", "[4]", 3, 7) "}", 7, NOMUL_E_FORMAT,
     "tensor y: data begins at 3, expected 4"},
    {"{" TENSOR("x", "U8", "[4]", 0, 4) "," TENSOR("y", "U8", "[4]", 0, 4) "}", 4, NOMUL_E_FORMAT,
     "tensor y: data begins at 0, expected 4"},
    {"{" TENSOR("x", "U8", "[4]", 0, 4) "," TENSOR("x", "U8", "[4]", 4, 8) "}", 8, NOMUL_E_FORMAT,
     "tensor x: occurs twice"},
    {"{" TENSOR("x", "U8", "[4]", 0, 4) "," TENSOR("\\u0078", "U8", "[4]", 4, 8) "}", 8,
     NOMUL_E_FORMAT, "tensor x: occurs twice"},
    {"{" TENSOR("x\\u0000", "U8", "[4]", 0, 4) "}", 4, NOMUL_E_FORMAT,
     "tensor x\\u0000: name has a NUL in it"},
    {"{\"__metadata__\":[]}", 0, NOMUL_E_FORMAT, "__metadata__: is not an object"},
    {"{\"__metadata__\":{\"a\":1}}", 0, NOMUL_E_FORMAT, "__metadata__: a value is not a string"},
    {"{\"__metadata__\":{\"a\":{}}}", 0, NOMUL_E_FORMAT, "__metadata__: a value is not a string"},
    {"{\"__metadata__\":{\"a\"}}", 0, NOMUL_E_FORMAT, "__metadata__: line 1: ':' expected"},
    {"{\"__metadata__\":{},\"__metadata__\":{}}", 0, NOMUL_E_FORMAT, "__metadata__: occurs twice"},
};

static void test_wounds(void)
{
    for (size_t i = 0; i < sizeof wounds / sizeof wounds[0]; i++) {
        test_case("wound %zu: %s", i, wounds[i].json);
        CHECK_FAILS(parses(wounds[i].json, wounds[i].data_bytes), err, wounds[i].says);
        CHECK_INT(err.code, wounds[i].code);
    }
    test_case("an escaped backslash makes no NUL");
    CHECK_OK(parses("{" TENSOR("x\\\\u0000", "U8", "[1]", 0, 1) "}", 1), err);
}

static void test_prefixes_and_flips(void)
{
    static const char puts[] = "\0\"\\{}[],:09-\x80";
    nm_safetensors    st;
    size_t            n = sizeof sample - 1, n_space = 3; /* white space behind the last '}' */
    char              text[sizeof sample];

    test_case("no prefix of a header is one, white space at its end aside");
    for (size_t cut = 0; cut < n - n_space; cut++) {
        CHECK_THAT(!parse(&st, sample, cut, 22), "the first %zu bytes are a header", cut);
        nm_safetensors_close(&st);
    }
    test_case("any one byte changed does no harm");
    memcpy(text, sample, sizeof text);
    for (size_t at = 0; at < n; at++) {
        for (size_t i = 0; i < sizeof puts - 1; i++) {
            text[at] = puts[i];
            if (parse(&st, text, n, 22)) CHECK(st.tensors[0].name[0] != '\0');
            nm_safetensors_close(&st);
        }
        text[at] = sample[at];
    }
}

/* ---- Many, and files ------------------------------------------------------------------------- */

/* n tensors of a byte each, the last in the header first in the file; freed by the caller. */
static char *many(size_t n)
{
    char *json = malloc(n * 100 + 3), *at = json;

    *at++ = '{';
    for (size_t i = 0; i < n; i++)
        at += sprintf(at, "%s\"t.%zu\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[%zu,%zu]}",
                      i ? "," : "", i, n - 1 - i, n - i);
    strcpy(at, "}");
    return json;
}

static void test_many(void)
{
    enum { N = 100000 };
    nm_safetensors st;
    char           name[32], *json = many(N);

    test_case("100,000 tensors, each under its name");
    CHECK_OK(parse(&st, json, strlen(json), N), err);
    CHECK_INT(st.n_tensors, N);
    for (size_t i = 0; i < st.n_tensors; i++) {
        snprintf(name, sizeof name, "t.%zu", i);
        CHECK_STR(st.tensors[N - 1 - i].name, name);
    }
    nm_safetensors_close(&st);

    test_case("two of them with one name");
    memcpy(strstr(json, "\"t.77777\""), "\"t.77778\"", 9);
    CHECK_FAILS(parses(json, N), err, "tensor t.77778: occurs twice");
    free(json);
}

static const char *write_sample(size_t header_bytes, size_t size)
{
    const char *path = test_scratch("x.safetensors");
    uint8_t     bytes[1024] = {0};

    nm_store_u64(bytes, header_bytes);
    memcpy(bytes + 8, sample, sizeof sample - 1);
    memcpy(bytes + 8 + sizeof sample - 1, "0123456789abcdefghijkl", 22);
    test_rewrite_file(path, bytes, size);
    return path;
}

static void check_open_fails(const char *path, const char *words)
{
    char           says[1200];
    nm_safetensors st;

    snprintf(says, sizeof says, "%s: %s", path, words);
    CHECK_FAILS(nm_safetensors_open(&st, path, &err), err, says);
    CHECK_INT(st.file.fd, -1);
    nm_safetensors_close(&st);
}

static void test_file_rules(void)
{
    size_t         n = sizeof sample - 1, size = 8 + n + 22;
    nm_safetensors st;
    char           data[7] = {0}, says[128];

    test_case("a file is opened and its tensors read");
    CHECK_OK(nm_safetensors_open(&st, write_sample(n, size), &err), err);
    const nm_safetensor *last = test_find_tensor(&st, "last");
    CHECK(last && nm_file_read(&st.file, last->offset, data, 6, &err));
    CHECK_STR(data, "ghijkl");
    nm_safetensors_close(&st);

    test_case("lengths that don't fit");
    check_open_fails(write_sample(n, 0), "not a safetensors file: has 0 bytes");
    check_open_fails(write_sample(n, 7), "not a safetensors file: has 7 bytes");
    check_open_fails(write_sample(0, 8), "header does not begin with '{'");
    check_open_fails(
        write_sample(100000001, size),
        "not a safetensors file: header of 100000001 bytes, expected at most 100000000");
    snprintf(says, sizeof says, "header of 100000000 bytes, file ends after %zu", n + 22);
    check_open_fails(write_sample(100000000, size), says);
    check_open_fails(write_sample(n, size - 1), "tensor last: needs 6 bytes, file ends after 5");
    check_open_fails(write_sample(n, size + 1), "has 1 byte after its last tensor");
    check_open_fails(write_sample(n - 1, size), "has 1 byte after its last tensor");
    check_open_fails(test_scratch("none.safetensors"), "No such file or directory");

    test_case("no prefix of a file is one");
    for (size_t cut = 0; cut < size; cut++) {
        CHECK(!nm_safetensors_open(&st, write_sample(n, cut), &err));
        nm_safetensors_close(&st);
    }
}

static void test_reference_files(void)
{
    static const struct {
        const char *file, *tensor;
        nm_dtype    dtype;
        uint64_t    shape[2];
    } rows[] = {
        {"tiny/odd/model.safetensors", "model.embeddings.weight", NM_DTYPE_F16, {259, 51}},
        {"tiny/plain/model.safetensors", "model.embeddings.weight", NM_DTYPE_BF16, {512, 96}},
        {"tiny/wide-no-bound/model.safetensors",
         "model.embeddings.weight",
         NM_DTYPE_F32,
         {300, 80}},
        {"tiny/odd/golden.safetensors", "logits", NM_DTYPE_F32, {12, 259}},
        {"demo/layers.safetensors", "input", NM_DTYPE_F32, {12, 16}},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        nm_safetensors st;
        const char    *path = test_shared(rows[i].file);
        test_case("a file of the reference library: %s", rows[i].file);
        if (!path) {
            test_skip("not here");
            continue;
        }
        CHECK_OK(nm_safetensors_open(&st, path, &err), err);
        const nm_safetensor *tensor = test_find_tensor(&st, rows[i].tensor);
        CHECK(tensor && tensor->dtype == rows[i].dtype);
        for (uint32_t j = 0; tensor && j < 2; j++) CHECK_INT(tensor->shape[j], rows[i].shape[j]);
        nm_safetensors_close(&st);
    }
}

void test_safetensors(void)
{
    test_valid();
    test_dtypes();
    test_wounds();
    test_prefixes_and_flips();
    test_many();
    test_file_rules();
    test_reference_files();
}
