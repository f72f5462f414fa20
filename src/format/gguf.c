/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One walk over the keys, one over the tensor directory, one over the gaps between tensors' data.
 * Counts are held against the bytes left before memory is taken for them, so a file's own size
 * bounds both time and memory.
 */
#include "format/gguf.h"

#include "base/bytes.h"
#include "base/error.h"
#include "base/utf8.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_BYTES 24
#define MIN_KEY_BYTES 14    /* length of name, 1 byte of it, type, 1 byte of value */
#define MIN_TENSOR_BYTES 33 /* length of name, 1 byte of it, n_dims, 1 dimension, type, offset */
#define MAX_KEY_NAME 65535
#define MAX_TENSOR_NAME 64
#define DEFAULT_ALIGNMENT 32
#define MIN_ALIGNMENT 8

/* ---- Types ----------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    size_t      n_bytes; /* 0: not the same for all */
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

/* A block of `values` numbers, neighbours in the innermost dimension, takes n_bytes. */
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

/* ---- Names ----------------------------------------------------------------------------------- */

/* Both keys and tensors begin with their names, so one order serves both. */
_Static_assert(offsetof(nm_gguf_key, name) == 0 && offsetof(nm_gguf_tensor, name) == 0,
               "a pointer to either is one to its name");

static int compare_texts(const nm_gguf_text *a, const nm_gguf_text *b)
{
    int order = memcmp(a->data, b->data, a->size < b->size ? a->size : b->size);

    return order ? order : (a->size > b->size) - (a->size < b->size);
}

static int compare_names(const void *left, const void *right)
{
    return compare_texts(*(const nm_gguf_text *const *)left, *(const nm_gguf_text *const *)right);
}

/* Sorted, not hashed: names made to collide would cost the square of their number. */
static bool sort_names(const nm_gguf_text **names, size_t n, const char *what, nomul_error *err)
{
    if (n) qsort(names, n, sizeof *names, compare_names);
    for (size_t i = 1; i < n; i++)
        if (compare_texts(names[i - 1], names[i]) == 0)
            return nm_fail(err, NOMUL_E_FORMAT, "%s %.*s: twice", what, NM_GGUF_SHOW(*names[i]));
    return true;
}

/* The key or tensor of this name, or NULL. */
static const void *find_name(const nm_gguf_text *const *names, size_t n, const char *name)
{
    const nm_gguf_text         text = {name, strlen(name)};
    const nm_gguf_text *const  wanted = &text;
    const nm_gguf_text *const *found =
        n ? bsearch(&wanted, names, n, sizeof *names, compare_names) : NULL;

    return found ? *found : NULL;
}

const nm_gguf_key *nm_gguf_find_key(const nm_gguf *gguf, const char *name)
{
    return find_name(gguf->key_names, gguf->n_keys, name);
}

const nm_gguf_tensor *nm_gguf_find_tensor(const nm_gguf *gguf, const char *name)
{
    return find_name(gguf->tensor_names, gguf->n_tensors, name);
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* The bytes not read yet.  What doesn't fit into them says so. */
typedef struct cursor {
    const uint8_t *at, *end;
    nomul_error   *err;
} cursor;

static size_t left(const cursor *c)
{
    return (size_t)(c->end - c->at);
}

static bool fail_end(const cursor *c, const char *what)
{
    nm_fail(c->err, NOMUL_E_FORMAT, "file ends in its %s", what);
    return false; /* spelled out for compilers that otherwise see values used unset */
}

static bool take_u32(cursor *c, const char *what, uint32_t *value)
{
    if (left(c) < 4) return fail_end(c, what);
    *value = nm_load_u32(c->at);
    c->at += 4;
    return true;
}

static bool take_u64(cursor *c, const char *what, uint64_t *value)
{
    if (left(c) < 8) return fail_end(c, what);
    *value = nm_load_u64(c->at);
    c->at += 8;
    return true;
}

static bool check_name(cursor *c, nm_gguf_text name)
{
    if (!nm_utf8_valid(name.data, name.size))
        return nm_fail(c->err, NOMUL_E_FORMAT, "name is not valid UTF-8");
    if (memchr(name.data, '\0', name.size))
        return nm_fail(c->err, NOMUL_E_FORMAT, "name has a NUL in it");
    return true;
}

static bool take_name(cursor *c, size_t max_bytes, nm_gguf_text *name)
{
    uint64_t n;

    if (!take_u64(c, "name", &n)) return false;
    if (n == 0 || n > max_bytes)
        return nm_fail(c->err, NOMUL_E_FORMAT, "name of %" PRIu64 " bytes, expected 1 to %zu", n,
                       max_bytes);
    if (n > left(c)) return fail_end(c, "name");
    *name = (nm_gguf_text){(const char *)c->at, (size_t)n};
    c->at += n;
    return check_name(c, *name);
}

static bool take_string(cursor *c, const uint8_t **text)
{
    uint64_t n;

    if (!take_u64(c, "value", &n)) return false;
    if (n > left(c))
        return nm_fail(c->err, NOMUL_E_FORMAT, "string of %" PRIu64 " bytes, file ends after %zu",
                       n, left(c));
    *text = c->at;
    c->at += n;
    return true;
}

static bool take_strings(cursor *c, uint64_t n)
{
    const uint8_t *text;
    for (uint64_t i = 0; i < n; i++)
        if (!take_string(c, &text)) return nm_fail_in(c->err, "element %" PRIu64, i);
    return true;
}

static bool check_bools(const cursor *c, const uint8_t *bytes, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++)
        if (bytes[i] > 1)
            return nm_fail(c->err, NOMUL_E_FORMAT, "a bool is %d, expected 0 or 1", bytes[i]);
    return true;
}

/* n values of one type that is not array. */
static bool take_values(cursor *c, nomul_value_type type, uint64_t n)
{
    size_t each = type == NOMUL_VALUE_STRING ? 8 : value_types[type].n_bytes; /* at least */

    if (n > left(c) / each)
        return nm_fail(c->err, NOMUL_E_FORMAT, "needs %" PRIu64 " %s, file ends after %zu bytes", n,
                       value_types[type].name, left(c));
    if (type == NOMUL_VALUE_STRING) return take_strings(c, n);
    c->at += n * each;
    return type != NOMUL_VALUE_BOOL || check_bools(c, c->at - n, n);
}

static bool take_type(cursor *c, nomul_value_type *type)
{
    uint32_t number;

    if (!take_u32(c, "type", &number)) return false;
    if (number >= N_VALUE_TYPES)
        return nm_fail(c->err, NOMUL_E_FORMAT, "value type %" PRIu32 " is unknown", number);
    *type = (nomul_value_type)number;
    return true;
}

static bool take_array(cursor *c, nm_gguf_key *key)
{
    if (!take_type(c, &key->element_type)) return false;
    if (key->element_type == NOMUL_VALUE_ARRAY)
        return nm_fail(c->err, NOMUL_E_UNSUPPORTED, "an array of arrays is not read");
    if (!take_u64(c, "value", &key->n_elements)) return false;
    key->value = c->at;
    return take_values(c, key->element_type, key->n_elements);
}

static bool take_value(cursor *c, nm_gguf_key *key)
{
    if (!take_type(c, &key->type)) return false;
    key->value = c->at;
    bool ok = key->type == NOMUL_VALUE_ARRAY    ? take_array(c, key)
              : key->type == NOMUL_VALUE_STRING ? take_string(c, &key->value)
                                                : take_values(c, key->type, 1);
    if (ok) key->n_bytes = (size_t)(c->at - key->value);
    return ok;
}

static bool read_key(nm_gguf *gguf, cursor *c, size_t index)
{
    nm_gguf_key *key = &gguf->keys[index];

    if (!take_name(c, MAX_KEY_NAME, &key->name))
        return nm_fail_in(c->err, "key %zu of %zu", index + 1, gguf->n_keys);
    gguf->key_names[index] = &key->name;
    return take_value(c, key) || nm_fail_in(c->err, "key %.*s", NM_GGUF_SHOW(key->name));
}

static bool take_dims(cursor *c, nm_gguf_tensor *tensor)
{
    if (!take_u32(c, "dimensions", &tensor->n_dims)) return false;
    if (tensor->n_dims == 0 || tensor->n_dims > NM_GGUF_MAX_DIMS)
        return nm_fail(c->err, NOMUL_E_FORMAT, "has %" PRIu32 " dimensions, expected 1 to %d",
                       tensor->n_dims, NM_GGUF_MAX_DIMS);
    for (uint32_t i = 0; i < NM_GGUF_MAX_DIMS; i++) {
        tensor->dims[i] = 1;
        if (i >= tensor->n_dims) continue;
        if (!take_u64(c, "dimensions", &tensor->dims[i])) return false;
        if (tensor->dims[i] == 0)
            return nm_fail(c->err, NOMUL_E_FORMAT, "dimension %" PRIu32 " is 0", i);
    }
    return true;
}

static bool take_tensor_type(cursor *c, nm_gguf_tensor *tensor)
{
    uint32_t number;

    if (!take_u32(c, "type", &number)) return false;
    size_t row = type_row(number);
    if (row == N_TENSOR_TYPES)
        return nm_fail(c->err, NOMUL_E_UNSUPPORTED, "type %" PRIu32 " is not read", number);
    tensor->type = tensor_types[row].type;
    if (tensor->dims[0] % tensor_types[row].values != 0)
        return nm_fail(c->err, NOMUL_E_FORMAT,
                       "is %s with rows of %" PRIu64 ", expected a multiple of %" PRIu32,
                       tensor_types[row].name, tensor->dims[0], tensor_types[row].values);
    if (!nm_gguf_tensor_bytes(tensor->type, tensor->n_dims, tensor->dims, &tensor->n_bytes))
        return nm_fail(c->err, NOMUL_E_FORMAT, "its size overflows");
    return true;
}

static bool read_tensor(nm_gguf *gguf, cursor *c, size_t index)
{
    nm_gguf_tensor *tensor = &gguf->tensors[index];

    if (!take_name(c, MAX_TENSOR_NAME, &tensor->name))
        return nm_fail_in(c->err, "tensor %zu of %zu", index + 1, gguf->n_tensors);
    gguf->tensor_names[index] = &tensor->name;
    if (take_dims(c, tensor) && take_tensor_type(c, tensor) &&
        take_u64(c, "offset", &tensor->offset))
        return true;
    return nm_fail_in(c->err, "tensor %.*s", NM_GGUF_SHOW(tensor->name));
}

/* ---- The file as a whole --------------------------------------------------------------------- */

static bool fail_magic(const uint8_t *data, size_t size, nomul_error *err)
{
    bool printable = true;

    for (size_t i = 0; i < size; i++) printable = printable && data[i] >= 0x20 && data[i] < 0x7F;
    if (size == 0) return nm_fail(err, NOMUL_E_FORMAT, "not a GGUF file: it is empty");
    if (size < 4) return nm_fail(err, NOMUL_E_FORMAT, "not a GGUF file: has %zu bytes", size);
    if (printable)
        return nm_fail(err, NOMUL_E_FORMAT, "not a GGUF file: begins with '%.4s'",
                       (const char *)data);
    return nm_fail(err, NOMUL_E_FORMAT, "not a GGUF file: begins with %02x %02x %02x %02x", data[0],
                   data[1], data[2], data[3]);
}

/* A count from the header against our limit and what the rest of the file could hold. */
static bool check_count(const char *what, uint64_t n, size_t max, uint64_t room, nomul_error *err)
{
    if (n > max)
        return nm_fail(err, NOMUL_E_FORMAT, "says %" PRIu64 " %s, at most %zu are read", n, what,
                       max);
    if (n > room)
        return nm_fail(err, NOMUL_E_FORMAT, "says %" PRIu64 " %s, too many for its size", n, what);
    return true;
}

static bool read_header(nm_gguf *gguf, nomul_error *err)
{
    if (gguf->size < 4 || memcmp(gguf->data, "GGUF", 4) != 0)
        return fail_magic(gguf->data, gguf->size < 4 ? gguf->size : 4, err);
    if (gguf->size < HEADER_BYTES)
        return nm_fail(err, NOMUL_E_FORMAT, "file ends after %zu bytes, in its header", gguf->size);
    uint32_t version = nm_load_u32(gguf->data + 4);
    if (version && (version & 0xFFFF) == 0)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "a big-endian GGUF file: only little-endian ones are read");
    if (version != 3)
        return nm_fail(err, NOMUL_E_UNSUPPORTED, "GGUF version %" PRIu32 ": only version 3 is read",
                       version);

    uint64_t n_tensors = nm_load_u64(gguf->data + 8), n_keys = nm_load_u64(gguf->data + 16);
    size_t   room = gguf->size - HEADER_BYTES;
    if (!check_count("keys", n_keys, NM_GGUF_MAX_KEYS, room / MIN_KEY_BYTES, err)) return false;
    room -= (size_t)n_keys * MIN_KEY_BYTES;
    if (!check_count("tensors", n_tensors, NM_GGUF_MAX_TENSORS, room / MIN_TENSOR_BYTES, err))
        return false;
    gguf->n_keys = (size_t)n_keys;
    gguf->n_tensors = (size_t)n_tensors;
    return true;
}

static void layout(nm_gguf *gguf)
{
    nm_arena *a = &gguf->arena;

    gguf->keys = nm_arena_take(a, gguf->n_keys, sizeof *gguf->keys);
    gguf->tensors = nm_arena_take(a, gguf->n_tensors, sizeof *gguf->tensors);
    gguf->key_names = nm_arena_take(a, gguf->n_keys, sizeof *gguf->key_names);
    gguf->tensor_names = nm_arena_take(a, gguf->n_tensors, sizeof *gguf->tensor_names);
}

static bool read_alignment(nm_gguf *gguf, nomul_error *err)
{
    static const char name[] = "general.alignment";

    gguf->alignment = DEFAULT_ALIGNMENT;
    if (!nm_gguf_get_u32(gguf, name, false, &gguf->alignment, err)) return false;
    if (gguf->alignment >= MIN_ALIGNMENT && (gguf->alignment & (gguf->alignment - 1)) == 0)
        return true;
    return nm_fail(err, NOMUL_E_FORMAT,
                   "key %s: is %" PRIu32 ", expected a power of two from %d up", name,
                   gguf->alignment, MIN_ALIGNMENT);
}

/* Goes from `at` to the next multiple of the alignment, over zeros. */
static bool skip_padding(const nm_gguf *gguf, uint64_t *at, nomul_error *err)
{
    uint64_t n = (0 - *at) & (gguf->alignment - 1);

    if (n > gguf->size - *at)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "file ends after %zu bytes, expected padding to %" PRIu64, gguf->size,
                       *at + n);
    for (; n; n--, ++*at)
        if (gguf->data[*at] != 0)
            return nm_fail(err, NOMUL_E_FORMAT, "padding behind it is not zero");
    return true;
}

/* Makes a tensor's offset one from the beginning of the file; goes behind its data and padding. */
static bool place_tensor(const nm_gguf *gguf, nm_gguf_tensor *tensor, uint64_t data_at,
                         uint64_t *at, nomul_error *err)
{
    uint64_t room = gguf->size - *at; /* at <= size */

    if (tensor->offset % gguf->alignment != 0)
        return nm_fail(err, NOMUL_E_FORMAT, "offset %" PRIu64 " is not a multiple of %" PRIu32,
                       tensor->offset, gguf->alignment);
    if (tensor->offset != *at - data_at)
        return nm_fail(err, NOMUL_E_FORMAT, "offset %" PRIu64 ", expected %" PRIu64, tensor->offset,
                       *at - data_at);
    if (tensor->n_bytes > room)
        return nm_fail(err, NOMUL_E_FORMAT, "needs %" PRIu64 " bytes, file ends after %" PRIu64,
                       tensor->n_bytes, room);
    tensor->offset = *at;
    tensor->data = gguf->data + *at;
    *at += tensor->n_bytes;
    return skip_padding(gguf, at, err);
}

static bool place_tensors(nm_gguf *gguf, uint64_t at, nomul_error *err)
{
    if (!skip_padding(gguf, &at, err)) return nm_fail_in(err, "tensor directory");
    uint64_t data_at = at;
    for (size_t i = 0; i < gguf->n_tensors; i++) {
        nm_gguf_tensor *tensor = &gguf->tensors[i];
        if (!place_tensor(gguf, tensor, data_at, &at, err))
            return nm_fail_in(err, "tensor %.*s", NM_GGUF_SHOW(tensor->name));
    }
    if (at == gguf->size) return true;
    return nm_fail(err, NOMUL_E_FORMAT, "has %" PRIu64 " bytes behind its last tensor",
                   gguf->size - at);
}

static bool read_all(nm_gguf *gguf, nomul_error *err)
{
    if (!read_header(gguf, err)) return false;
    layout(gguf);
    if (!nm_arena_back(&gguf->arena, err)) return false;
    layout(gguf);

    cursor c = {gguf->data + HEADER_BYTES, gguf->data + gguf->size, err};
    for (size_t i = 0; i < gguf->n_keys; i++)
        if (!read_key(gguf, &c, i)) return false;
    if (!sort_names(gguf->key_names, gguf->n_keys, "key", err) || !read_alignment(gguf, err))
        return false;
    for (size_t i = 0; i < gguf->n_tensors; i++)
        if (!read_tensor(gguf, &c, i)) return false;
    return sort_names(gguf->tensor_names, gguf->n_tensors, "tensor", err) &&
           place_tensors(gguf, (uint64_t)(c.at - gguf->data), err);
}

bool nm_gguf_open(nm_gguf *gguf, const void *data, size_t size, nomul_error *err)
{
    *gguf = (nm_gguf){.data = data, .size = size};
    if (read_all(gguf, err)) return true;
    nm_gguf_close(gguf);
    return false;
}

void nm_gguf_close(nm_gguf *gguf)
{
    nm_arena_free(&gguf->arena);
    *gguf = (nm_gguf){0};
}
