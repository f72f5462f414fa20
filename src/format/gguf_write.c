/* SPDX-License-Identifier: Apache-2.0 */
/* The header grows at the end of one block of memory, which doubles when it is full. */
#include "format/gguf_write.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"

#include <assert.h>
#include <string.h>

#define COUNTS_AT 8 /* n_tensors, then n_keys: after magic and version */
#define FIRST_CAPACITY 4096

static bool fail_writer(nm_gguf_writer *writer, size_t n_bytes, nomul_error *err)
{
    writer->failed = true;
    return nm_fail_memory(err, n_bytes);
}

/* Makes room for n_bytes more. */
static bool grow(nm_gguf_writer *writer, size_t n_bytes, nomul_error *err)
{
    size_t capacity = writer->capacity ? writer->capacity : FIRST_CAPACITY;

    if (writer->failed || n_bytes > SIZE_MAX / 2 - writer->n_bytes)
        return fail_writer(writer, n_bytes, err);
    size_t wanted = writer->n_bytes + n_bytes; /* so capacity < SIZE_MAX / 2 when it doubles */
    if (wanted <= writer->capacity) return true;
    while (capacity < wanted) capacity *= 2;

    uint8_t *bytes = nm_alloc(capacity);
    if (!bytes) return fail_writer(writer, capacity, err);
    if (writer->n_bytes) memcpy(bytes, writer->bytes, writer->n_bytes);
    nm_free(writer->bytes);
    writer->bytes = bytes;
    writer->capacity = capacity;
    return true;
}

bool nm_gguf_put_bytes(nm_gguf_writer *writer, const void *bytes, size_t n_bytes, nomul_error *err)
{
    if (!grow(writer, n_bytes, err)) return false;
    if (n_bytes) memcpy(writer->bytes + writer->n_bytes, bytes, n_bytes);
    writer->n_bytes += n_bytes;
    return true;
}

/* A little-endian number of 1, 4 or 8 bytes. */
static bool put_number(nm_gguf_writer *writer, uint64_t value, size_t n_bytes, nomul_error *err)
{
    uint8_t bytes[8];
    nm_store_u64(bytes, value);
    return nm_gguf_put_bytes(writer, bytes, n_bytes, err);
}

bool nm_gguf_put_element_string(nm_gguf_writer *writer, const char *text, size_t n_text,
                                nomul_error *err)
{
    return put_number(writer, n_text, 8, err) && nm_gguf_put_bytes(writer, text, n_text, err);
}

static bool put_name(nm_gguf_writer *writer, nm_gguf_text name, nomul_value_type type,
                     nomul_error *err)
{
    assert(writer->n_tensors == 0); /* keys come first in the file */
    writer->n_keys++;
    return nm_gguf_put_element_string(writer, name.data, name.size, err) &&
           put_number(writer, (uint64_t)type, 4, err);
}

static bool put_key(nm_gguf_writer *writer, const char *key, nomul_value_type type,
                    nomul_error *err)
{
    return put_name(writer, (nm_gguf_text){key, strlen(key)}, type, err);
}

bool nm_gguf_writer_begin(nm_gguf_writer *writer, uint32_t alignment, nomul_error *err)
{
    static const uint8_t head[24] = {'G', 'G', 'U', 'F', 3};

    *writer = (nm_gguf_writer){.alignment = alignment};
    return nm_gguf_put_bytes(writer, head, sizeof head, err);
}

bool nm_gguf_writer_init(nm_gguf_writer *writer, uint32_t alignment, nomul_error *err)
{
    return nm_gguf_writer_begin(writer, alignment, err) &&
           nm_gguf_put_u32(writer, "general.alignment", alignment, err);
}

void nm_gguf_writer_free(nm_gguf_writer *writer)
{
    nm_free(writer->bytes);
    *writer = (nm_gguf_writer){0};
}

bool nm_gguf_put_bits(nm_gguf_writer *writer, const char *key, nomul_value_type type, uint32_t bits,
                      nomul_error *err)
{
    return put_key(writer, key, type, err) &&
           put_number(writer, bits, type == NOMUL_VALUE_BOOL ? 1 : 4, err);
}

bool nm_gguf_put_u32(nm_gguf_writer *writer, const char *key, uint32_t value, nomul_error *err)
{
    return nm_gguf_put_bits(writer, key, NOMUL_VALUE_U32, value, err);
}

bool nm_gguf_put_u64(nm_gguf_writer *writer, const char *key, uint64_t value, nomul_error *err)
{
    return put_key(writer, key, NOMUL_VALUE_U64, err) && put_number(writer, value, 8, err);
}

bool nm_gguf_put_bool(nm_gguf_writer *writer, const char *key, bool value, nomul_error *err)
{
    return nm_gguf_put_bits(writer, key, NOMUL_VALUE_BOOL, value, err);
}

bool nm_gguf_put_string(nm_gguf_writer *writer, const char *key, const char *value, size_t n_value,
                        nomul_error *err)
{
    return put_key(writer, key, NOMUL_VALUE_STRING, err) &&
           nm_gguf_put_element_string(writer, value, n_value, err);
}

bool nm_gguf_put_array(nm_gguf_writer *writer, const char *key, nomul_value_type element_type,
                       uint64_t n_elements, nomul_error *err)
{
    return put_key(writer, key, NOMUL_VALUE_ARRAY, err) &&
           put_number(writer, (uint64_t)element_type, 4, err) &&
           put_number(writer, n_elements, 8, err);
}

bool nm_gguf_put_key(nm_gguf_writer *writer, const nm_gguf_key *key, nomul_error *err)
{
    if (!put_name(writer, key->name, key->type, err)) return false;
    /* Before the bytes of a string comes its length; of an array its element type and count. */
    if (key->type == NOMUL_VALUE_STRING && !put_number(writer, key->n_bytes, 8, err)) return false;
    if (key->type == NOMUL_VALUE_ARRAY &&
        (!put_number(writer, (uint64_t)key->element_type, 4, err) ||
         !put_number(writer, key->n_elements, 8, err)))
        return false;
    return nm_gguf_put_bytes(writer, key->value, key->n_bytes, err);
}

bool nm_gguf_put_tensor(nm_gguf_writer *writer, const char *name, nm_gguf_type type,
                        uint32_t n_dims, const uint64_t *dims, nomul_error *err)
{
    uint64_t n_bytes, offset = writer->data_bytes, mask = writer->alignment - 1;

    if (!nm_gguf_tensor_bytes(type, n_dims, dims, &n_bytes) ||
        !nm_add_u64(n_bytes, (0 - n_bytes) & mask, &n_bytes) || /* its padding */
        !nm_add_u64(offset, n_bytes, &writer->data_bytes))
        return nm_fail(err, NOMUL_E_ARG, "tensor %s: no %s tensor has these dimensions", name,
                       nm_gguf_type_name(type));
    if (!nm_gguf_put_element_string(writer, name, strlen(name), err) ||
        !put_number(writer, n_dims, 4, err))
        return false;
    for (uint32_t i = 0; i < n_dims; i++)
        if (!put_number(writer, dims[i], 8, err)) return false;
    writer->n_tensors++;
    return put_number(writer, (uint64_t)type, 4, err) && put_number(writer, offset, 8, err);
}

bool nm_gguf_writer_finish(nm_gguf_writer *writer, nomul_error *err)
{
    size_t n_zeros = (0 - writer->n_bytes) & (writer->alignment - 1);

    if (!grow(writer, n_zeros, err)) return false;
    memset(writer->bytes + writer->n_bytes, 0, n_zeros);
    writer->n_bytes += n_zeros;
    nm_store_u64(writer->bytes + COUNTS_AT, writer->n_tensors);
    nm_store_u64(writer->bytes + COUNTS_AT + 8, writer->n_keys);
    return true;
}
