/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening a model: a sound file, then the same file with one wound each.  Wounds are put in place:
 * a name is looked up in the file's bytes and what stands at a distance behind it is overwritten.
 */
#include "checkpoints.h"
#include "test.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/xxh64.h"
#include "format/gguf.h"
#include "model/verify.h"

#include <stdlib.h>

/* Behind a key's name come four bytes of type, then the value. */
#define VALUE 4

typedef struct wound {
    const char *name;  /* of the case */
    const char *after; /* the text to look for */
    size_t      skip;  /* bytes behind it */
    const char *put;
    size_t      n_put;
    const char *says;
} wound;

/* Of models/tiny.gguf, in t4. */
static const wound wounds[] = {
    {"another architecture", "general.architecture", VALUE + 8, "llamabit", 8,
     "key general.architecture: this is a \"llamabit\" model; nomul runs MMfreeLM models "
     "(\"hgrn_bit\")"},
    {"no architecture", "general.architectur", 0, "X", 1, "key general.architecture: missing"},
    {"no layers", "hgrn_bit.block_count", VALUE, "\0\0\0\0", 4,
     "key hgrn_bit.block_count: is 0, expected 1 to 4096"},
    {"too many layers", "hgrn_bit.block_count", VALUE, "\377\377\377\377", 4,
     "key hgrn_bit.block_count: is 4294967295, expected 1 to 4096"},
    {"one layer more", "hgrn_bit.block_count", VALUE, "\4\0\0\0", 4,
     "tensor lower_bounds: has dimensions [96, 3], expected [96, 4]"},
    {"one layer fewer", "hgrn_bit.block_count", VALUE, "\2\0\0\0", 4,
     "tensor lower_bounds: has dimensions [96, 3], expected [96, 2]"},
    {"a key of another type", "hgrn_bit.block_count", 0, "\5", 1,
     "key hgrn_bit.block_count: is an i32, expected u32"},
    {"a wider stream", "hgrn_bit.embedding_length", VALUE, "\141", 1,
     "tensor token_embd.weight: has dimensions [96, 512], expected [97, 512]"},
    {"a width of zero", "hgrn_bit.embedding_length", VALUE, "\0\0\0\0", 4,
     "key hgrn_bit.embedding_length: is 0, expected 1 to 1048576"},
    {"a width past the bound of the sums", "hgrn_bit.feed_forward_length", VALUE, "\1\0\20\0", 4,
     "key hgrn_bit.feed_forward_length: is 1048577, expected 1 to 1048576"},
    {"another vocabulary", "hgrn_bit.vocab_size", VALUE, "\1\2\0\0", 4,
     "tensor token_embd.weight: has dimensions [96, 512], expected [96, 513]"},
    {"expansion with lower bounds", "hgrn_bit.expand_ratio", VALUE, "\2", 1,
     "key hgrn_bit.expand_ratio: is 2, expected 1 with lower bounds"},
    {"an expansion out of range", "hgrn_bit.expand_ratio", VALUE, "\101", 1,
     "key hgrn_bit.expand_ratio: is 65, expected 1 to 64"},
    {"no heads", "hgrn_bit.attention.head_count", VALUE, "\0", 1,
     "key hgrn_bit.attention.head_count: is 0, expected 1 to 1048576"},
    {"an epsilon that is no number", "hgrn_bit.attention.layer_norm_rms_epsilon", VALUE,
     "\0\0\300\177", 4,
     "key hgrn_bit.attention.layer_norm_rms_epsilon: is nan, expected more than 0 and less than 1"},
    {"an epsilon of zero", "hgrn_bit.attention.layer_norm_rms_epsilon", VALUE, "\0\0\0\0", 4,
     "key hgrn_bit.attention.layer_norm_rms_epsilon: is 0, expected more than 0 and less than 1"},
    {"bounds where none are said to be", "hgrn_bit.use_lower_bound", VALUE, "\0", 1,
     "tensor lower_bounds: not part of this model"},
    {"a layout of the future", "hgrn_bit.ternary.layout_version", VALUE, "\2", 1,
     "key hgrn_bit.ternary.layout_version: is 2, expected 1"},
    {"an unknown packing", "hgrn_bit.ternary.packing", VALUE + 8, "2b", 2,
     "key hgrn_bit.ternary.packing: is \"2b\", expected \"t4\" or \"t5\""},
    {"an unknown packing", "hgrn_bit.ternary.packing", VALUE + 8, "t9", 2,
     "key hgrn_bit.ternary.packing: is \"t9\", expected \"t4\" or \"t5\""},
    {"no identity", "hgrn_bit.model_i", 0, "X", 1, "key hgrn_bit.model_id: missing"},
    {"no checksums", "hgrn_bit.tensor_xxh6", 0, "X", 1, "key hgrn_bit.tensor_xxh64: missing"},
    {"a tensor misnamed", "blk.1.ffn_down.weigh", 0, "X", 1,
     "tensor blk.1.ffn_down.weight: missing"},
    {"a scale misnamed", "blk.2.attn_f.scal", 0, "X", 1, "tensor blk.2.attn_f.scale: missing"},
    {"a gain misnamed", "blk.0.ffn_down.norm.weigh", 0, "X", 1,
     "tensor blk.0.ffn_down.norm.weight: missing"},
};

#define N_WOUNDS (sizeof wounds / sizeof wounds[0])

/* Behind a tensor's name come four bytes of n_dims, eight of each dimension, then the type. */
#define DIMS 4
#define TYPE (4 + 8)

/* Of golden/small-t5.gguf, whose matrices take as many bytes as in t4. */
static const wound t5_wounds[] = {
    {"an unknown packing", "hgrn_bit.ternary.packing", VALUE + 8, "t6", 2,
     "key hgrn_bit.ternary.packing: is \"t6\", expected \"t4\" or \"t5\""},
    {"counts in a t4 file", "hgrn_bit.ternary.packing", VALUE + 8, "t4", 2,
     "tensor blk.0.attn_i.neg: not part of this model"},
    {"counts misnamed", "blk.0.attn_i.ne", 0, "X", 1, "tensor blk.0.attn_i.neg: missing"},
    {"counts that are floats", "blk.0.attn_i.neg", TYPE, "\0", 1,
     "tensor blk.0.attn_i.neg: is F32, expected I32"},
    {"a count too few", "blk.1.ffn_down.neg", DIMS, "\177", 1,
     "tensor blk.1.ffn_down.neg: has dimensions [127], expected [128]"},
};

#define N_T5_WOUNDS (sizeof t5_wounds / sizeof t5_wounds[0])

/* Of golden/small.gguf: the counts of t5 are missed. */
static const wound t4_wound = {
    "no counts in a t5 file",          "hgrn_bit.ternary.packing", VALUE + 8, "t5", 2,
    "tensor blk.0.attn_i.neg: missing"};

/* A byte of a tensor of golden/small-t5.gguf with the checksum made to fit. */
static const struct {
    const char *name, *tensor;
    size_t      at;
    uint8_t     put;
    const char *says;
} lies[] = {
    {"a count that is wrong", "blk.0.attn_i.neg", 4 * 4, 77,
     "tensor blk.0.attn_i.neg: row 4 is 77, expected 2"},
    {"a count below zero", "blk.1.ffn_gate_up.neg", 4 * 3 + 3, 0x80,
     "tensor blk.1.ffn_gate_up.neg: row 3 is -2147483646, expected 2"},
    {"a count of the padding", "output.neg", 4 * 383, 1,
     "tensor output.neg: row 383 is 1, expected 0"},
    {"five zeros, not as the smallest code", "blk.0.attn_i.weight", 6, 0x01,
     "tensor blk.0.attn_i.weight: row 6, column 0: not a valid code"},
    {"five zeros, negated", "blk.0.attn_i.weight", 128 + 7, 0x80,
     "tensor blk.0.attn_i.weight: row 7, column 5: not a valid code"},
    {"a code in the padding's rows", "output.weight", 3 * 128 * 2 + 127, 0x03,
     "tensor output.weight: row 383, column 2: not a valid code"},
    {"a code in the padding's columns", "blk.0.attn_i.weight", 2 * 128, 0x03,
     "tensor blk.0.attn_i.weight: row 0, column 12: not a valid code"},
    {"a NaN in an embedding of binary16", "token_embd.weight", 2 * 5 + 1, 0x7E,
     "tensor token_embd.weight: element 5 is not finite"},
    {"another code", "blk.0.attn_i.weight", 6, 0x91,
     "key hgrn_bit.model_id: is ba89c1472870a26f, expected 069caf11681e6bb6"},
    {"another gain", "output_norm.weight", 0, 1,
     "key hgrn_bit.model_id: is ba89c1472870a26f, expected 14970efe8f6acd54"},
};

#define N_LIES (sizeof lies / sizeof lies[0])

/* An aligned copy of a file's bytes. */
static uint8_t *copy_of(const void *data, size_t size)
{
    uint8_t *copy = nm_alloc(size);
    memcpy(copy, data, size);
    return copy;
}

static uint8_t *find_bytes(uint8_t *data, size_t size, const char *text)
{
    size_t n = strlen(text);
    for (size_t at = 0; at + n <= size; at++)
        if (memcmp(data + at, text, n) == 0) return data + at;
    test_fail(__FILE__, __LINE__, "no \"%s\" in the file", text);
    return data;
}

static bool opens(const void *data, size_t size, bool check_tensors, nomul_error *err)
{
    nomul_model_options options;

    nomul_model_options_init(&options);
    options.check_tensors = check_tensors;
    options.kernels = "scalar"; /* asks no CPU what it can do, which takes longer than opening */
    nomul_model *model = nomul_model_open_memory(data, size, &options, err);
    nomul_model_close(model);
    return model != NULL;
}

static void test_wounds(const char *file, size_t size, const wound *w, size_t n_wounds)
{
    nomul_error err;

    for (; n_wounds > 0; n_wounds--, w++) {
        test_case("must fail: %s", w->name);
        uint8_t *copy = copy_of(file, size);
        uint8_t *at = find_bytes(copy, size, w->after) + strlen(w->after);
        memcpy(at + w->skip, w->put, w->n_put);
        CHECK_FAILS(opens(copy, size, false, &err), err, w->says);
        nm_free(copy);
    }
}

/* Puts the byte and then the checksum of that tensor into the file. */
static void lie(uint8_t *file, size_t size, const char *tensor, size_t at, uint8_t byte)
{
    nm_gguf     gguf;
    nomul_error err;

    CHECK_OK(nm_gguf_open(&gguf, file, size, NULL, &err), err);
    const nm_gguf_tensor *t = nm_gguf_find_tensor(&gguf, tensor);
    const nm_gguf_key    *hashes = nm_gguf_find_key(&gguf, "hgrn_bit.tensor_xxh64");
    file[t->offset + at] = byte;
    nm_store_u64(file + (hashes->value - file) + 8 * (t - gguf.tensors),
                 nm_xxh64_of(t->data, (size_t)t->n_bytes));
    nm_gguf_close(&gguf);
}

/* Only check_tensors sees them: no kernel minds. */
static void test_lies(const char *file, size_t size)
{
    nomul_error err;

    for (size_t i = 0; i < N_LIES; i++) {
        test_case("check_tensors sees %s", lies[i].name);
        uint8_t *copy = copy_of(file, size);
        lie(copy, size, lies[i].tensor, lies[i].at, lies[i].put);
        CHECK_FAILS(opens(copy, size, true, &err), err, lies[i].says);
        CHECK_OK(opens(copy, size, false, &err), err);
        nm_free(copy);
    }
}

/* The scale of a block, which is not at an even place of the file, and every kind of float. */
static void test_finite(void)
{
    static const struct {
        nm_gguf_type type;
        size_t       n_bytes, at;
        uint8_t      low, high; /* the bytes of something infinite or NaN */
        const char  *says;
    } rows[] = {
        {NM_GGUF_F32, 12, 6, 0x80, 0x7F, "tensor x: element 1 is not finite"},
        {NM_GGUF_F16, 12, 10, 0x00, 0xFC, "tensor x: element 5 is not finite"},
        {NM_GGUF_F16, 12, 0, 0x01, 0x7C, "tensor x: element 0 is not finite"},
        {NM_GGUF_Q8_0, 68, 0, 0x00, 0x7C, "tensor x: element 0 is not finite"},
        {NM_GGUF_Q8_0, 68, 34, 0xFF, 0xFF, "tensor x: element 32 is not finite"},
        {NM_GGUF_Q8_0, 68, 36, 0xFF, 0xFF, NULL}, /* -1, -1 */
        {NM_GGUF_I8, 12, 0, 0xFF, 0xFF, NULL},
    };
    nomul_error err;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        uint8_t        data[68] = {0}, checksum[8];
        nm_gguf_tensor tensor = {{"x", 1}, rows[i].type, 1, {1}, 0, rows[i].n_bytes, data};
        nm_gguf        gguf = {.tensors = &tensor, .n_tensors = 1};
        nm_weights     weights = {.checksums = checksum};

        test_case("check_tensors: %s, byte %zu", nm_gguf_type_name(rows[i].type), rows[i].at);
        data[rows[i].at] = rows[i].low, data[rows[i].at + 1] = rows[i].high;
        nm_store_u64(checksum, nm_xxh64_of(data, rows[i].n_bytes));
        if (rows[i].says)
            CHECK_FAILS(nm_verify_tensor(&weights, &gguf, 0, &err), err, rows[i].says);
        else
            CHECK_OK(nm_verify_tensor(&weights, &gguf, 0, &err), err);
    }
}

/* `step` in the header, 97 of them in the data. */
static void test_prefixes(const char *file, size_t size, size_t n_header, size_t step)
{
    nomul_error err;

    test_case("no prefix of %zu bytes more opens, in the data of %zu", step, 97 * step);
    for (size_t n = 0; n < size; n += n < n_header ? step : 97 * step) {
        uint8_t *copy = copy_of(file, n);
        CHECK_THAT(!opens(copy, n, false, &err), "the first %zu bytes open", n);
        nm_free(copy);
    }
}

/* One bit anywhere in the data is seen by check_tensors: by a checksum, or as padding. */
static void test_damage(const char *file, size_t size, size_t n_header, size_t step)
{
    nomul_error err;
    uint8_t    *copy = copy_of(file, size);

    test_case("check_tensors passes a sound file");
    CHECK_OK(opens(copy, size, true, &err), err);
    test_case("check_tensors sees a flipped bit at every %zuth byte of the data", step);
    for (size_t at = n_header; at < size; at += step) {
        copy[at] ^= 1;
        CHECK_THAT(!opens(copy, size, true, &err), "bit 0 of byte %zu", at);
        copy[at] ^= 1;
    }
    nm_free(copy);
}

static size_t data_begins(const nomul_model *model)
{
    nomul_tensor first = {.size = sizeof first};
    return nomul_model_tensor(model, 0, &first, NULL) ? (size_t)first.offset : 0;
}

/* The file is cut at every step-th byte. */
static void test_model(const char *path, size_t step, const wound *w, size_t n_wounds)
{
    nomul_model_options options;
    nomul_error         err;
    size_t              size;

    test_case("%s, read into memory", path);
    nomul_model_options_init(&options);
    options.in_memory = true;
    char        *file = test_read_file(test_path(path), &size);
    nomul_model *model = nomul_model_open(test_path(path), &options, &err);
    CHECK_OK(model != NULL, err);
    if (model) {
        size_t n_header = data_begins(model);
        nomul_model_close(model);
        test_wounds(file, size, w, n_wounds);
        test_prefixes(file, size, n_header, step);
        test_damage(file, size, n_header, 48 * step + 1);
    }
    free(file);
}

void test_weights(void)
{
    size_t size;

    test_model("../models/tiny.gguf", (size_t)test_trials(13, 1), wounds, N_WOUNDS);
    test_model("golden/small-t5.gguf", 1, t5_wounds, N_T5_WOUNDS);
    char *file = test_read_file(test_path("golden/small.gguf"), &size);
    test_wounds(file, size, &t4_wound, 1);
    free(file);
    file = test_read_file(test_path("golden/small-t5.gguf"), &size);
    test_lies(file, size);
    free(file);
    test_finite();
}
