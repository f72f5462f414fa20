/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening reads the keys, then the tensor directory, then the padding between the tensors' data:
 *
 *     header 24 | keys | tensor directory | padding | data | padding | data | padding | ...
 *
 *     header    "GGUF", u32 version, u64 n_tensors, u64 n_keys
 *     key       string name, u32 type, value
 *     tensor    string name, u32 n_dims, u64 dims[n_dims], u32 type, u64 offset
 *     string    u64 length, so many bytes
 *     array     u32 type of the elements, u64 count, the elements
 *
 * Everything is little-endian and unaligned.  Offsets count from the end of the first padding.
 *
 * A count is compared with the bytes left before memory is allocated for it, so the size of the
 * file bounds time and memory: a few times the bytes of the header.
 */
#include "format/gguf.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <string.h>

#define HEADER_BYTES 24
#define MIN_KEY_BYTES 14    /* length of name, 1 byte of it, type, 1 byte of value */
#define MIN_TENSOR_BYTES 33 /* length of name, 1 byte of it, n_dims, 1 dimension, type, offset */
#define MAX_KEY_NAME 65535
#define MAX_TENSOR_NAME 64
#define DEFAULT_ALIGNMENT 32
#define MIN_ALIGNMENT 8
#define MAX_ALIGNMENT 4096             /* the padding that is looked at after each tensor */
#define MAX_NESTING 256                /* arrays in arrays */
#define ARRAY_HEAD 12                  /* type and count of an array in an array */
#define MAX_HEADER ((size_t)128 << 20) /* keys and directory: of a sparse file more costs time */

/* ---- Types ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    size_t      n_bytes; /* 0: differs from value to value */
} value_types[] = {
    [NOMUL_VALUE_U8] = {"u8", 1},         [NOMUL_VALUE_I8] = {"i8", 1},
    [NOMUL_VALUE_U16] = {"u16", 2},       [NOMUL_VALUE_I16] = {"i16", 2},
    [NOMUL_VALUE_U32] = {"u32", 4},       [NOMUL_VALUE_I32] = {"i32", 4},
    [NOMUL_VALUE_F32] = {"f32", 4},       [NOMUL_VALUE_BOOL] = {"bool", 1},
    [NOMUL_VALUE_STRING] = {"string", 0}, [NOMUL_VALUE_ARRAY] = {"array", 0},
    [NOMUL_VALUE_U64] = {"u64", 8},       [NOMUL_VALUE_I64] = {"i64", 8},
    [NOMUL_VALUE_F64] = {"f64", 8},
};

#define N_VALUE_TYPES (sizeof value_types / sizeof value_types[0])

/* A block of `values` numbers, adjacent in the innermost dimension, takes n_bytes. */
static const struct {
    nm_gguf_type type;
    const char  *name;
    uint32_t     values, n_bytes;
} tensor_types[] = {
    {NM_GGUF_F32, "F32", 1, 4}, {NM_GGUF_F16, "F16", 1, 2}, {NM_GGUF_Q8_0, "Q8_0", 32, 34},
    {NM_GGUF_I8, "I8", 1, 1},   {NM_GGUF_I32, "I32", 1, 4},
};

#define N_TENSOR_TYPES (sizeof tensor_types / sizeof tensor_types[0])

const char *nm_gguf_value_type_name(nomul_value_type type)
{
    return (size_t)type < N_VALUE_TYPES ? value_types[type].name : "unknown type";
}

size_t nm_gguf_value_bytes(nomul_value_type type)
{
    return (size_t)type < N_VALUE_TYPES ? value_types[type].n_bytes : 0;
}

/* The row of a type in tensor_types, or N_TENSOR_TYPES. */
static size_t type_row(uint32_t type)
{
    size_t row = 0;
    while (row < N_TENSOR_TYPES && (uint32_t)tensor_types[row].type != type) row++;
    return row;
}

const char *nm_gguf_type_name(nm_gguf_type type)
{
    size_t row = type_row((uint32_t)type);
    return row < N_TENSOR_TYPES ? tensor_types[row].name : "unknown type";
}

bool nm_gguf_tensor_bytes(nm_gguf_type type, uint32_t n_dims, const uint64_t *dims,
                          uint64_t *n_bytes)
{
    size_t row = type_row((uint32_t)type);

    if (row == N_TENSOR_TYPES || n_dims == 0 || dims[0] % tensor_types[row].values != 0)
        return false;
    uint64_t total = dims[0] / tensor_types[row].values;
    for (uint32_t i = 1; i < n_dims; i++)
        if (!nm_mul_u64(total, dims[i], &total)) return false;
    return nm_mul_u64(total, tensor_types[row].n_bytes, n_bytes);
}

/* ---- Keys and tensor directory --------------------------------------------------------------- */

/* The bytes that are not read yet. */
typedef struct cursor {
    const uint8_t *at, *end;
    const char    *whole; /* what ends there, for messages */
    nomul_error   *err;
} cursor;

static size_t left(const cursor *c)
{
    return (size_t)(c->end - c->at);
}

/* The next n_bytes, for n_bytes <= 8, as a little-endian number; `what` is named if they lack. */
static bool take(cursor *c, size_t n_bytes, const char *what, uint64_t *value)
{
    *value = 0;
    if (left(c) < n_bytes)
        return nm_fail(c->err, NOMUL_E_FORMAT, "%s ends in its %s", c->whole, what);
    for (size_t i = 0; i < n_bytes; i++) *value |= (uint64_t)c->at[i] << 8 * i;
    c->at += n_bytes;
    return true;
}

/* UTF-8 without a NUL, so that a name can be printed and compared with a C string. */
static bool take_name(cursor *c, size_t max_bytes, nm_gguf_text *name)
{
    uint64_t n;

    if (!take(c, 8, "name", &n)) return false;
    if (n == 0 || n > max_bytes)
        return nm_fail(c->err, NOMUL_E_FORMAT, "name of %" PRIu64 " bytes, expected 1 to %zu", n,
                       max_bytes);
    if (n > left(c)) return nm_fail(c->err, NOMUL_E_FORMAT, "%s ends in its name", c->whole);
    *name = (nm_gguf_text){(const char *)c->at, (size_t)n};
    c->at += n;
    if (!nm_utf8_valid(name->data, name->size))
        return nm_fail(c->err, NOMUL_E_FORMAT, "name is not valid UTF-8");
    return !memchr(name->data, '\0', name->size) ||
           nm_fail(c->err, NOMUL_E_FORMAT, "name has a NUL in it");
}

static bool take_type(cursor *c, nomul_value_type *type)
{
    uint64_t number;

    if (!take(c, 4, "type", &number)) return false;
    if (number >= N_VALUE_TYPES)
        return nm_fail(c->err, NOMUL_E_FORMAT, "value type %" PRIu64 " is unknown", number);
    *type = (nomul_value_type)number;
    return true;
}

/* Any bytes: whether they are UTF-8 is for those to ask who know what they mean. */
static bool take_string(cursor *c, const uint8_t **text)
{
    uint64_t n;

    if (!take(c, 8, "value", &n)) return false;
    if (n > left(c))
        return nm_fail(c->err, NOMUL_E_FORMAT, "string of %" PRIu64 " bytes, %s ends after %zu", n,
                       c->whole, left(c));
    *text = c->at;
    c->at += n;
    return true;
}

/* Room for n values of a type, which take at least so much. */
static bool check_room(const cursor *c, nomul_value_type type, uint64_t n)
{
    size_t each = type == NOMUL_VALUE_STRING  ? 8
                  : type == NOMUL_VALUE_ARRAY ? ARRAY_HEAD
                                              : value_types[type].n_bytes;

    return n <= left(c) / each ||
           nm_fail(c->err, NOMUL_E_FORMAT, "needs %" PRIu64 " %s, %s ends after %zu bytes", n,
                   value_types[type].name, c->whole, left(c));
}

/* n values of one type, which is not array. */
static bool take_values(cursor *c, nomul_value_type type, uint64_t n)
{
    if (!check_room(c, type, n)) return false;
    if (type == NOMUL_VALUE_STRING) {
        const uint8_t *text;
        for (uint64_t i = 0; i < n; i++)
            if (!take_string(c, &text)) return nm_fail_in(c->err, "element %" PRIu64, i);
        return true;
    }
    for (uint64_t i = 0; type == NOMUL_VALUE_BOOL && i < n; i++)
        if (c->at[i] > 1)
            return nm_fail(c->err, NOMUL_E_FORMAT, "a bool is %d, expected 0 or 1", c->at[i]);
    c->at += n * value_types[type].n_bytes;
    return true;
}

/*
 * A type and a value of it.  Afterwards the bytes of the value can be read without any check.
 *
 * In an array of arrays each element has a type and a count of its own:
 *
 *     value           array, array, 2 | u32, 3, 1 2 3 | u32, 2, 4 5 |
 *     awaited[0]                    2   1               0             the end
 *
 * awaited[depth] elements are still to come at each depth; no recursion, as a file chooses it.
 */
static bool take_value(cursor *c, nm_gguf_key *key)
{
    uint64_t         awaited[MAX_NESTING], n = 1;
    nomul_value_type type;
    size_t           depth = 0;

    if (!take_type(c, &type)) return false;
    key->type = type;
    if (type == NOMUL_VALUE_ARRAY) {
        if (!take_type(c, &type) || !take(c, 8, "value", &n)) return false;
        key->element_type = type;
        key->n_elements = n;
    }
    key->value = c->at;
    if (key->type == NOMUL_VALUE_STRING) {
        if (!take_string(c, &key->value)) return false;
    } else {
        for (;;) {
            if (type != NOMUL_VALUE_ARRAY) {
                if (!take_values(c, type, n)) return false;
            } else {
                if (depth == MAX_NESTING)
                    return nm_fail(c->err, NOMUL_E_UNSUPPORTED,
                                   "arrays nested deeper than %d levels", MAX_NESTING);
                if (!check_room(c, type, n)) return false;
                awaited[depth++] = n;
            }
            while (depth > 0 && awaited[depth - 1] == 0) depth--;
            if (depth == 0) break;
            awaited[depth - 1]--;
            if (!take_type(c, &type) || !take(c, 8, "value", &n)) return false;
        }
    }
    key->n_bytes = (size_t)(c->at - key->value);
    return true;
}

/* An entry of the directory after its name: dimensions, type, offset. */
static bool take_tensor(cursor *c, nm_gguf_tensor *tensor)
{
    uint64_t n_dims, type;

    if (!take(c, 4, "dimensions", &n_dims)) return false;
    if (n_dims == 0 || n_dims > NM_GGUF_MAX_DIMS)
        return nm_fail(c->err, NOMUL_E_FORMAT, "has %" PRIu64 " dimensions, expected 1 to %d",
                       n_dims, NM_GGUF_MAX_DIMS);
    tensor->n_dims = (uint32_t)n_dims;
    for (uint32_t i = 0; i < NM_GGUF_MAX_DIMS; i++) {
        tensor->dims[i] = 1;
        if (i < n_dims && !take(c, 8, "dimensions", &tensor->dims[i])) return false;
        if (tensor->dims[i] == 0)
            return nm_fail(c->err, NOMUL_E_FORMAT, "dimension %" PRIu32 " is 0", i);
    }
    if (!take(c, 4, "type", &type)) return false;
    size_t row = type_row((uint32_t)type);
    if (row == N_TENSOR_TYPES)
        return nm_fail(c->err, NOMUL_E_UNSUPPORTED, "type %" PRIu64 " is not read", type);
    tensor->type = tensor_types[row].type;
    if (tensor->dims[0] % tensor_types[row].values != 0)
        return nm_fail(c->err, NOMUL_E_FORMAT,
                       "is %s with rows of %" PRIu64 ", expected a multiple of %" PRIu32,
                       tensor_types[row].name, tensor->dims[0], tensor_types[row].values);
    if (!nm_gguf_tensor_bytes(tensor->type, tensor->n_dims, tensor->dims, &tensor->n_bytes))
        return nm_fail(c->err, NOMUL_E_FORMAT, "its size overflows");
    return take(c, 8, "offset", &tensor->offset);
}

/* Reads all keys or all tensors: of each its name, which must be new, and what follows the name. */
static bool read_entries(nm_gguf *gguf, cursor *c, bool tensors)
{
    const char *what = tensors ? "tensor" : "key";
    nm_names   *names = tensors ? &gguf->tensor_names : &gguf->key_names;
    size_t      n = tensors ? gguf->n_tensors : gguf->n_keys, number;

    for (size_t i = 0; i < n; i++) {
        nm_gguf_text *name = tensors ? &gguf->tensors[i].name : &gguf->keys[i].name;
        if (!take_name(c, tensors ? MAX_TENSOR_NAME : MAX_KEY_NAME, name))
            return nm_fail_in(c->err, "%s %zu of %zu", what, i + 1, n);
        if (!(tensors ? take_tensor(c, &gguf->tensors[i]) : take_value(c, &gguf->keys[i])))
            return nm_fail_in(c->err, "%s %.*s", what, NM_GGUF_SHOW(*name));
        if (!nm_names_add(names, name->data, name->size, &number, c->err))
            return nm_fail_in(c->err, "%s", what);
        if (number != i)
            return nm_fail(c->err, NOMUL_E_FORMAT, "%s %.*s: occurs twice", what,
                           NM_GGUF_SHOW(*name));
    }
    return true;
}

/* ---- The whole file -------------------------------------------------------------------------- */

/* A count in the header must be within our limit and fit into the rest of the file. */
static bool check_count(const char *what, uint64_t n, size_t max, uint64_t room, nomul_error *err)
{
    if (n > max)
        return nm_fail(err, NOMUL_E_FORMAT, "says %" PRIu64 " %s, at most %zu are read", n, what,
                       max);
    return n <= room ||
           nm_fail(err, NOMUL_E_FORMAT, "says %" PRIu64 " %s, too many for its size", n, what);
}

/* Magic, version and counts; the magic's error shows what the file is instead. */
static bool read_header(nm_gguf *gguf, nomul_error *err)
{
    const uint8_t *data = gguf->data;
    size_t         n = gguf->size < 4 ? gguf->size : 4, n_printable = 0;

    while (n_printable < n && data[n_printable] >= 0x20 && data[n_printable] < 0x7F) n_printable++;
    if (n == 0) return nm_fail(err, NOMUL_E_FORMAT, "not a GGUF file: it is empty");
    if (n < 4) return nm_fail(err, NOMUL_E_FORMAT, "not a GGUF file: has %zu bytes", n);
    if (gguf->size > 8 && data[8] == '{' && nm_load_u64(data) <= gguf->size - 8)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "is a safetensors file, a part of a checkpoint: nomul convert DIR makes a "
                       "model file of its directory");
    if (memcmp(data, "NOMU", 4) == 0)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "is a nomul session, not a model: --load-session continues it");
    if (memcmp(data, "GGUF", 4) != 0 && n_printable == 4)
        return nm_fail(err, NOMUL_E_FORMAT, "not a GGUF file: begins with '%.4s'",
                       (const char *)data);
    if (memcmp(data, "GGUF", 4) != 0)
        return nm_fail(err, NOMUL_E_FORMAT, "not a GGUF file: begins with %02x %02x %02x %02x",
                       data[0], data[1], data[2], data[3]);
    if (gguf->size < HEADER_BYTES)
        return nm_fail(err, NOMUL_E_FORMAT, "file ends after %zu bytes, in its header", gguf->size);
    uint32_t version = nm_load_u32(data + 4);
    if (version && (version & 0xFFFF) == 0) /* a small number with its bytes reversed */
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "a big-endian GGUF file: only little-endian ones are read");
    if (version != 3)
        return nm_fail(err, NOMUL_E_UNSUPPORTED, "GGUF version %" PRIu32 ": only version 3 is read",
                       version);

    uint64_t n_tensors = nm_load_u64(data + 8), n_keys = nm_load_u64(data + 16);
    size_t   room = gguf->size - HEADER_BYTES;
    if (!check_count("keys", n_keys, NM_GGUF_MAX_KEYS, room / MIN_KEY_BYTES, err)) return false;
    room -= (size_t)n_keys * MIN_KEY_BYTES;
    if (!check_count("tensors", n_tensors, NM_GGUF_MAX_TENSORS, room / MIN_TENSOR_BYTES, err))
        return false;
    gguf->n_keys = (size_t)n_keys;
    gguf->n_tensors = (size_t)n_tensors;
    return true;
}

/* Moves `at` to the next multiple of the alignment; the bytes skipped must be zero. */
static bool skip_padding(const nm_gguf *gguf, uint64_t *at, nomul_error *err)
{
    uint64_t n = (0 - *at) & (gguf->alignment - 1);

    if (n > gguf->size - *at)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "file ends after %zu bytes, expected padding to %" PRIu64, gguf->size,
                       *at + n);
    for (; n; n--, ++*at)
        if (gguf->data[*at] != 0)
            return nm_fail(err, NOMUL_E_FORMAT, "padding after it is not zero");
    return true;
}

/*
 * Each tensor's data begins at `at`, where the padding of the one before ended, and lies within the
 * file.  Invariant: at <= size, so size - at does not wrap.  Offsets become those from the start of
 * the file.
 */
static bool place_tensors(nm_gguf *gguf, uint64_t at, nomul_error *err)
{
    if (!skip_padding(gguf, &at, err)) return nm_fail_in(err, "tensor directory");
    uint64_t data_at = at;
    for (nm_gguf_tensor *t = gguf->tensors; t < gguf->tensors + gguf->n_tensors; t++) {
        bool ok = false;
        if (t->offset % gguf->alignment != 0)
            nm_fail(err, NOMUL_E_FORMAT, "offset %" PRIu64 " is not a multiple of %" PRIu32,
                    t->offset, gguf->alignment);
        else if (t->offset != at - data_at)
            nm_fail(err, NOMUL_E_FORMAT, "offset %" PRIu64 ", expected %" PRIu64, t->offset,
                    at - data_at);
        else if (t->n_bytes > gguf->size - at)
            nm_fail(err, NOMUL_E_FORMAT, "needs %" PRIu64 " bytes, file ends after %" PRIu64,
                    t->n_bytes, gguf->size - at);
        else {
            t->offset = at;
            t->data = gguf->data + at;
            at += t->n_bytes;
            ok = skip_padding(gguf, &at, err);
        }
        if (!ok) return nm_fail_in(err, "tensor %.*s", NM_GGUF_SHOW(t->name));
    }
    return at == gguf->size ||
           nm_fail(err, NOMUL_E_FORMAT, "has %" PRIu64 " bytes after its last tensor",
                   gguf->size - at);
}

bool nm_gguf_open(nm_gguf *gguf, const void *data, size_t size, const char *architecture,
                  nomul_error *err)
{
    static const char alignment[] = "general.alignment", kind[] = "general.architecture";
    nm_gguf_text      found = {.data = NULL};

    *gguf = (nm_gguf){.data = data, .size = size, .alignment = DEFAULT_ALIGNMENT};
    if (!read_header(gguf, err)) return nm_gguf_close(gguf), false;
    bool   whole = size <= MAX_HEADER;
    cursor c = {gguf->data + HEADER_BYTES, gguf->data + (whole ? size : MAX_HEADER),
                whole ? "file" : "what is read of a header (128 MiB)", err};
    do {
        gguf->keys = nm_arena_take(&gguf->arena, gguf->n_keys, sizeof *gguf->keys);
        gguf->tensors = nm_arena_take(&gguf->arena, gguf->n_tensors, sizeof *gguf->tensors);
    } while (!gguf->keys && nm_arena_back(&gguf->arena, err));
    bool ok = gguf->keys && nm_names_open(&gguf->key_names, gguf->n_keys, err) &&
              nm_names_open(&gguf->tensor_names, gguf->n_tensors, err) &&
              read_entries(gguf, &c, false) &&
              (!architecture || nm_gguf_get_string(gguf, kind, false, &found, err));
    if (ok && found.data && !nm_gguf_text_is(found, architecture)) /* without one: it is GGUF */
        ok = nm_fail(err, NOMUL_E_UNSUPPORTED,
                     "key %s: this is a \"%.*s\" model; nomul runs MMfreeLM models (\"%s\")", kind,
                     (int)(found.size < 64 ? found.size : 64), found.data, architecture);
    ok = ok && nm_gguf_get_u32(gguf, alignment, false, &gguf->alignment, err);
    if (ok && (gguf->alignment < MIN_ALIGNMENT || gguf->alignment > MAX_ALIGNMENT ||
               (gguf->alignment & (gguf->alignment - 1))))
        ok = nm_fail(err, NOMUL_E_FORMAT,
                     "key %s: is %" PRIu32 ", expected a power of two from %d to %d", alignment,
                     gguf->alignment, MIN_ALIGNMENT, MAX_ALIGNMENT);
    ok = ok && read_entries(gguf, &c, true) &&
         place_tensors(gguf, (uint64_t)(c.at - gguf->data), err);
    if (!ok) nm_gguf_close(gguf);
    return ok;
}

void nm_gguf_close(nm_gguf *gguf)
{
    nm_names_close(&gguf->key_names);
    nm_names_close(&gguf->tensor_names);
    nm_arena_free(&gguf->arena);
    *gguf = (nm_gguf){0};
}

const nm_gguf_key *nm_gguf_find_key(const nm_gguf *gguf, const char *name)
{
    size_t number = nm_names_find(&gguf->key_names, name, strlen(name));
    return number == NM_NO_NAME ? NULL : &gguf->keys[number];
}

const nm_gguf_tensor *nm_gguf_find_tensor(const nm_gguf *gguf, const char *name)
{
    size_t number = nm_names_find(&gguf->tensor_names, name, strlen(name));
    return number == NM_NO_NAME ? NULL : &gguf->tensors[number];
}

/* ---- Values of keys -------------------------------------------------------------------------- */

/*
 * The key of a type, and of an element type if that is array.  *key is NULL if the key is absent,
 * which is an error if it is required.
 */
static bool find_typed(const nm_gguf *gguf, const char *name, bool required, nomul_value_type type,
                       nomul_value_type element_type, const nm_gguf_key **key, nomul_error *err)
{
    *key = nm_gguf_find_key(gguf, name);
    const nm_gguf_key *k = *key;
    if (!k) return !required || nm_fail(err, NOMUL_E_FORMAT, "key %s: missing", name);
    bool is_array = k->type == NOMUL_VALUE_ARRAY, wants_array = type == NOMUL_VALUE_ARRAY;
    if (k->type == type && (!wants_array || k->element_type == element_type)) return true;

    const char *found = nm_gguf_value_type_name(k->type);
    return nm_fail(err, NOMUL_E_FORMAT, "key %s: is %s %s%s%s, expected %s%s%s", name,
                   strchr("aif", found[0]) ? "an" : "a", found, is_array ? " of " : "",
                   is_array ? nm_gguf_value_type_name(k->element_type) : "",
                   nm_gguf_value_type_name(type), wants_array ? " of " : "",
                   wants_array ? nm_gguf_value_type_name(element_type) : "");
}

bool nm_gguf_get_bits(const nm_gguf *gguf, const char *name, bool required, nomul_value_type type,
                      uint32_t *bits, nomul_error *err)
{
    const nm_gguf_key *key;
    if (!find_typed(gguf, name, required, type, 0, &key, err)) return false;
    if (key) *bits = type == NOMUL_VALUE_BOOL ? *key->value : nm_load_u32(key->value);
    return true;
}

bool nm_gguf_get_u32(const nm_gguf *gguf, const char *name, bool required, uint32_t *value,
                     nomul_error *err)
{
    return nm_gguf_get_bits(gguf, name, required, NOMUL_VALUE_U32, value, err);
}

bool nm_gguf_get_u64(const nm_gguf *gguf, const char *name, bool required, uint64_t *value,
                     nomul_error *err)
{
    const nm_gguf_key *key;
    if (!find_typed(gguf, name, required, NOMUL_VALUE_U64, 0, &key, err)) return false;
    if (key) *value = nm_load_u64(key->value);
    return true;
}

bool nm_gguf_get_bool(const nm_gguf *gguf, const char *name, bool required, bool *value,
                      nomul_error *err)
{
    uint32_t bits = *value;
    if (!nm_gguf_get_bits(gguf, name, required, NOMUL_VALUE_BOOL, &bits, err)) return false;
    *value = bits;
    return true;
}

bool nm_gguf_get_string(const nm_gguf *gguf, const char *name, bool required, nm_gguf_text *value,
                        nomul_error *err)
{
    const nm_gguf_key *key;
    if (!find_typed(gguf, name, required, NOMUL_VALUE_STRING, 0, &key, err)) return false;
    if (key) *value = (nm_gguf_text){(const char *)key->value, key->n_bytes};
    return true;
}

bool nm_gguf_get_array(const nm_gguf *gguf, const char *name, bool required,
                       nomul_value_type element_type, const nm_gguf_key **key, nomul_error *err)
{
    return find_typed(gguf, name, required, NOMUL_VALUE_ARRAY, element_type, key, err);
}

nm_gguf_text nm_gguf_next_string(const uint8_t **at)
{
    nm_gguf_text text = {(const char *)*at + 8, (size_t)nm_load_u64(*at)};
    *at += 8 + text.size;
    return text;
}

void nm_gguf_number(const nm_gguf_key *key, uint64_t *u, int64_t *i, double *f)
{
    const uint8_t *at = key->value;

    switch (key->type) {
    case NOMUL_VALUE_U8:
    case NOMUL_VALUE_BOOL: *u = *at; break;
    case NOMUL_VALUE_U16: *u = nm_load_u16(at); break;
    case NOMUL_VALUE_U32: *u = nm_load_u32(at); break;
    case NOMUL_VALUE_U64: *u = nm_load_u64(at); break;
    case NOMUL_VALUE_I8: *i = (int8_t)*at; break;
    case NOMUL_VALUE_I16: *i = (int16_t)nm_load_u16(at); break;
    case NOMUL_VALUE_I32: *i = (int32_t)nm_load_u32(at); break;
    case NOMUL_VALUE_I64: *i = (int64_t)nm_load_u64(at); break;
    case NOMUL_VALUE_F32: *f = (double)nm_load_f32(at); break;
    case NOMUL_VALUE_F64: {
        uint64_t bits = nm_load_u64(at);
        memcpy(f, &bits, sizeof *f);
        break;
    }
    default: break;
    }
}
