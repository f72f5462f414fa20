/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the container GGUF version 3 (docs/gguf.md in ggml): header, key/value pairs, tensor
 * directory; it does not know what the keys and tensors mean.  Nothing is copied: names, strings
 * and arrays point into the file's bytes, and each is checked to lie inside.
 */
#ifndef NM_GGUF_H
#define NM_GGUF_H

#include "base/arena.h"
#include "base/names.h"

#include <string.h>

#define NM_GGUF_MAX_KEYS 4096
#define NM_GGUF_MAX_TENSORS 65536
#define NM_GGUF_MAX_DIMS 4

typedef struct nm_gguf_text {
    const char *data; /* not NUL-terminated */
    size_t      size;
} nm_gguf_text;

static inline bool nm_gguf_text_is(nm_gguf_text text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

/* Arguments for "%.*s": a message with a name of 65,535 bytes would have no room for the cause. */
#define NM_GGUF_SHOW(text) (int)((text).size < 500 ? (text).size : 500), (text).data

typedef struct nm_gguf_key {
    nm_gguf_text     name;
    nomul_value_type type;
    nomul_value_type element_type; /* ARRAY */
    uint64_t         n_elements;   /* ARRAY */
    const uint8_t   *value;        /* STRING: its text; ARRAY: its elements */
    size_t           n_bytes;      /* from `value` on */
} nm_gguf_key;

/* The types of ggml that are read, with its numbers. */
typedef enum nm_gguf_type {
    NM_GGUF_F32 = 0,
    NM_GGUF_F16 = 1,
    NM_GGUF_Q8_0 = 8,
    NM_GGUF_I8 = 24,
    NM_GGUF_I32 = 26,
} nm_gguf_type;

#define NM_Q8_0_BLOCK 32
#define NM_Q8_0_BYTES 34 /* a binary16 scale, then 32 int8 */

typedef struct nm_gguf_tensor {
    nm_gguf_text   name;
    nm_gguf_type   type;
    uint32_t       n_dims;
    uint64_t       dims[NM_GGUF_MAX_DIMS]; /* innermost first; 1 past n_dims */
    uint64_t       offset;                 /* from the beginning of the file */
    uint64_t       n_bytes;
    const uint8_t *data;
} nm_gguf_tensor;

/* A zeroed struct is closed. */
typedef struct nm_gguf {
    const uint8_t  *data;
    size_t          size;
    uint32_t        alignment;
    nm_names        key_names, tensor_names; /* numbered as the arrays are */
    nm_arena        arena;                   /* holds the arrays */
    nm_gguf_key    *keys;                    /* in the order of the file, as the tensors are */
    size_t          n_keys;
    nm_gguf_tensor *tensors;
    size_t          n_tensors;
} nm_gguf;

/*
 * Validates everything except the tensors' contents: magic, version, counts, lengths, types, the
 * elements of arrays (which may be arrays), repeated names; keys and directory have 128 MiB at
 * most; the alignment is a power of two from 8 to 4096; each tensor's data is
 * aligned and follows the one before, with only zero padding between, and the last one's padding
 * ends the file.  A file whose general.architecture is another than `architecture` (NULL: any) is
 * refused before its tensors are judged.  data must outlive the gguf, which points into it.  On
 * failure it is closed and err says which key or tensor is wrong; the caller adds the path.  An
 * open gguf does not change: threads may read it together.
 */
bool nm_gguf_open(nm_gguf *gguf, const void *data, size_t size, const char *architecture,
                  nomul_error *err);
void nm_gguf_close(nm_gguf *gguf);

/* In constant time, by the whole name; NULL if there is none. */
const nm_gguf_key    *nm_gguf_find_key(const nm_gguf *gguf, const char *name);
const nm_gguf_tensor *nm_gguf_find_tensor(const nm_gguf *gguf, const char *name);

/*
 * Reads the value of a key of one type.  If the key is absent, *value is unchanged, which is an
 * error only if it is `required`.  Another type is an error that names the key and both types.
 */
bool nm_gguf_get_u32(const nm_gguf *gguf, const char *name, bool required, uint32_t *value,
                     nomul_error *err);
bool nm_gguf_get_u64(const nm_gguf *gguf, const char *name, bool required, uint64_t *value,
                     nomul_error *err);
bool nm_gguf_get_bool(const nm_gguf *gguf, const char *name, bool required, bool *value,
                      nomul_error *err);
bool nm_gguf_get_string(const nm_gguf *gguf, const char *name, bool required, nm_gguf_text *value,
                        nomul_error *err);
/* A u32, the bits of an f32, or a bool as 0 or 1. */
bool nm_gguf_get_bits(const nm_gguf *gguf, const char *name, bool required, nomul_value_type type,
                      uint32_t *bits, nomul_error *err);
/* The key of an array of element_type; *key is NULL if it is absent and not required. */
bool nm_gguf_get_array(const nm_gguf *gguf, const char *name, bool required,
                       nomul_value_type element_type, const nm_gguf_key **key, nomul_error *err);

/* Iterates over the strings of an array: start with *at = key->value, call it n_elements times. */
nm_gguf_text nm_gguf_next_string(const uint8_t **at);

/* The number of a scalar key in *u, *i or *f, by its type; the other two are unchanged. */
void nm_gguf_number(const nm_gguf_key *key, uint64_t *u, int64_t *i, double *f);

/* "u32" or "string", "F16" or "I8", for messages; never NULL. */
const char *nm_gguf_value_type_name(nomul_value_type type);
const char *nm_gguf_type_name(nm_gguf_type type);

/* Bytes of a value of this type in a file; 0 for strings and arrays, which differ. */
size_t nm_gguf_value_bytes(nomul_value_type type);

/*
 * Bytes of a tensor of this type and these dimensions; false if the product overflows or a row is
 * not a whole number of blocks.
 */
bool nm_gguf_tensor_bytes(nm_gguf_type type, uint32_t n_dims, const uint64_t *dims,
                          uint64_t *n_bytes);

#endif
