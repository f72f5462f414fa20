/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header grows at the end of one block of memory, which doubles when it is full.
 *
 *     magic, version 8 | n_tensors 8 | n_keys 8 | keys | tensor directory | padding
 *                        ^ zero until finish: only then are both known
 *
 * A tensor's offset is the padded size of those before it, so nothing else is filled in later.
 */
#include "format/gguf_write.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"

#include <assert.h>
#include <string.h>

#define COUNTS_AT 8
#define FIRST_CAPACITY 4096

/* Room for n_bytes more, which are then part of the header; NULL if there is no memory for them. */
static uint8_t *grow(nm_gguf_writer *w, size_t n_bytes)
{
    size_t   capacity = w->capacity ? w->capacity : FIRST_CAPACITY;
    uint8_t *bytes = NULL;

    if (w->n_missing) return NULL;
    if (n_bytes <= SIZE_MAX / 2 - w->n_bytes) { /* so capacity < SIZE_MAX / 2 when it doubles */
        while (capacity < w->n_bytes + n_bytes) capacity *= 2;
        bytes = capacity == w->capacity ? w->bytes : nm_alloc(capacity);
    }
    if (!bytes) return w->n_missing = n_bytes > capacity ? n_bytes : capacity, NULL;
    if (bytes != w->bytes) {
        if (w->n_bytes) memcpy(bytes, w->bytes, w->n_bytes);
        nm_free(w->bytes);
        w->bytes = bytes, w->capacity = capacity;
    }
    w->n_bytes += n_bytes;
    return w->bytes + w->n_bytes - n_bytes;
}

void nm_gguf_put_bytes(nm_gguf_writer *w, const void *bytes, size_t n_bytes)
{
    uint8_t *to = grow(w, n_bytes);
    if (to && n_bytes) memcpy(to, bytes, n_bytes);
}

/* A little-endian number of 1, 4 or 8 bytes. */
static void put_number(nm_gguf_writer *w, uint64_t value, size_t n_bytes)
{
    uint8_t bytes[8];
    nm_store_u64(bytes, value);
    nm_gguf_put_bytes(w, bytes, n_bytes);
}

void nm_gguf_put_element_string(nm_gguf_writer *w, const char *text, size_t n_text)
{
    put_number(w, n_text, 8);
    nm_gguf_put_bytes(w, text, n_text);
}

/* The start of any key: what follows is its value. */
static void put_name(nm_gguf_writer *w, const char *name, size_t n_name, nomul_value_type type)
{
    assert(w->n_tensors == 0); /* keys come first in the file */
    w->n_keys++;
    nm_gguf_put_element_string(w, name, n_name);
    put_number(w, (uint64_t)type, 4);
}

void nm_gguf_writer_begin(nm_gguf_writer *w, uint32_t alignment)
{
    static const uint8_t head[24] = {'G', 'G', 'U', 'F', 3};

    *w = (nm_gguf_writer){.alignment = alignment};
    nm_gguf_put_bytes(w, head, sizeof head);
}

void nm_gguf_writer_free(nm_gguf_writer *w)
{
    nm_free(w->bytes);
    *w = (nm_gguf_writer){0};
}

void nm_gguf_put_bits(nm_gguf_writer *w, const char *key, nomul_value_type type, uint64_t bits)
{
    put_name(w, key, strlen(key), type);
    put_number(w, bits, nm_gguf_value_bytes(type));
}

void nm_gguf_writer_init(nm_gguf_writer *w, uint32_t alignment)
{
    nm_gguf_writer_begin(w, alignment);
    nm_gguf_put_bits(w, "general.alignment", NOMUL_VALUE_U32, alignment);
}

void nm_gguf_put_string(nm_gguf_writer *w, const char *key, const char *value, size_t n_value)
{
    put_name(w, key, strlen(key), NOMUL_VALUE_STRING);
    nm_gguf_put_element_string(w, value, n_value);
}

void nm_gguf_put_array(nm_gguf_writer *w, const char *key, nomul_value_type element_type,
                       uint64_t n_elements)
{
    put_name(w, key, strlen(key), NOMUL_VALUE_ARRAY);
    put_number(w, (uint64_t)element_type, 4);
    put_number(w, n_elements, 8);
}

void nm_gguf_put_key(nm_gguf_writer *w, const nm_gguf_key *key)
{
    put_name(w, key->name.data, key->name.size, key->type);
    if (key->type == NOMUL_VALUE_STRING) put_number(w, key->n_bytes, 8);
    if (key->type == NOMUL_VALUE_ARRAY) {
        put_number(w, (uint64_t)key->element_type, 4);
        put_number(w, key->n_elements, 8);
    }
    nm_gguf_put_bytes(w, key->value, key->n_bytes);
}

bool nm_gguf_put_tensor(nm_gguf_writer *w, const char *name, nm_gguf_type type, uint32_t n_dims,
                        const uint64_t *dims, nomul_error *err)
{
    uint64_t n_bytes, offset = w->data_bytes, mask = w->alignment - 1;

    if (!nm_gguf_tensor_bytes(type, n_dims, dims, &n_bytes) ||
        !nm_add_u64(n_bytes, (0 - n_bytes) & mask, &n_bytes) || /* its padding */
        !nm_add_u64(offset, n_bytes, &w->data_bytes))
        return nm_fail(err, NOMUL_E_ARG, "tensor %s: no %s tensor has these dimensions", name,
                       nm_gguf_type_name(type));
    w->n_tensors++;
    nm_gguf_put_element_string(w, name, strlen(name));
    put_number(w, n_dims, 4);
    for (uint32_t i = 0; i < n_dims; i++) put_number(w, dims[i], 8);
    put_number(w, (uint64_t)type, 4);
    put_number(w, offset, 8);
    return true;
}

bool nm_gguf_writer_finish(nm_gguf_writer *w, nomul_error *err)
{
    size_t   n_zeros = (0 - w->n_bytes) & (w->alignment - 1);
    uint8_t *zeros = grow(w, n_zeros);

    if (!zeros) return nm_fail_memory(err, w->n_missing);
    memset(zeros, 0, n_zeros);
    nm_store_u64(w->bytes + COUNTS_AT, w->n_tensors);
    nm_store_u64(w->bytes + COUNTS_AT + 8, w->n_keys);
    return true;
}
