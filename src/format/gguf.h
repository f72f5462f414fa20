/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading GGUF version 3 (ggml's docs/gguf.md): header, key/values, tensor directory.  Knows the
 * container, not what is in it.  Nothing is copied: keys, strings and arrays are views into the
 * file's bytes, every one of them checked to lie inside.
 */
#ifndef NM_GGUF_H
#define NM_GGUF_H

#include "base/arena.h"

#define NM_GGUF_MAX_KEYS 4096
#define NM_GGUF_MAX_TENSORS 65536
#define NM_GGUF_MAX_DIMS 4

typedef struct nm_gguf_text {
    const char *data; /* not NUL-terminated */
    size_t      size;
} nm_gguf_text;

/* What to pass for "%.*s": a name of 65,535 bytes would leave no room for the cause. */
#define NM_GGUF_SHOW(text) (int)((text).size < 500 ? (text).size : 500), (text).data

typedef struct nm_gguf_key {
    nm_gguf_text     name;
    nomul_value_type type;
    nomul_value_type element_type; /* ARRAY */
    uint64_t         n_elements;   /* ARRAY */
    const uint8_t   *value;        /* its first byte; STRING: of the text; ARRAY: of the elements */
    size_t           n_bytes;      /* of the value from there */
} nm_gguf_key;

/* ggml's numbers, those that we know. */
typedef enum nm_gguf_type {
    NM_GGUF_F32 = 0,
    NM_GGUF_F16 = 1,
    NM_GGUF_Q8_0 = 8,
    NM_GGUF_I8 = 24,
    NM_GGUF_I32 = 26,
} nm_gguf_type;

typedef struct nm_gguf_tensor {
    nm_gguf_text   name;
    nm_gguf_type   type;
    uint32_t       n_dims;
    uint64_t       dims[NM_GGUF_MAX_DIMS]; /* innermost first; 1 past n_dims */
    uint64_t       offset;                 /* from the beginning of the file */
    uint64_t       n_bytes;
    const uint8_t *data;
} nm_gguf_tensor;

/* Zeros are a closed one. */
typedef struct nm_gguf {
    const uint8_t       *data;
    size_t               size;
    uint32_t             alignment;
    nm_arena             arena; /* holds all below */
    nm_gguf_key         *keys;  /* in the order of the file, as the tensors are */
    size_t               n_keys;
    nm_gguf_tensor      *tensors;
    size_t               n_tensors;
    const nm_gguf_text **key_names; /* each one's name, sorted */
    const nm_gguf_text **tensor_names;
} nm_gguf;

/*
 * Validates everything but tensors' contents: magic, version, counts, lengths, types, array
 * nesting, repeated keys and tensors, alignment a power of two from 8 up, offsets ascending, each
 * aligned and next to the one before (less than one alignment of zero padding between), in bounds,
 * nothing behind the last but its padding.  data outlives the gguf.
 */
bool nm_gguf_open(nm_gguf *gguf, const void *data, size_t size, nomul_error *err);
void nm_gguf_close(nm_gguf *gguf);

const nm_gguf_key    *nm_gguf_find_key(const nm_gguf *gguf, const char *name);
const nm_gguf_tensor *nm_gguf_find_tensor(const nm_gguf *gguf, const char *name);

/*
 * Reads a key of one certain type.  An absent key leaves *value alone and is fine, unless
 * `required`; another type is an error that names the key, what was found, what was expected.
 */
bool nm_gguf_get_u32(const nm_gguf *gguf, const char *name, bool required, uint32_t *value,
                     nomul_error *err);
bool nm_gguf_get_u64(const nm_gguf *gguf, const char *name, bool required, uint64_t *value,
                     nomul_error *err);
bool nm_gguf_get_f32(const nm_gguf *gguf, const char *name, bool required, float *value,
                     nomul_error *err);
bool nm_gguf_get_bool(const nm_gguf *gguf, const char *name, bool required, bool *value,
                      nomul_error *err);
bool nm_gguf_get_string(const nm_gguf *gguf, const char *name, bool required, nm_gguf_text *value,
                        nomul_error *err);
/* The key of an array of element_type; *key is NULL if it is absent and not required. */
bool nm_gguf_get_array(const nm_gguf *gguf, const char *name, bool required,
                       nomul_value_type element_type, const nm_gguf_key **key, nomul_error *err);

/* Walks the strings of an array: begin with *at = key->value; give n_elements of them, no more. */
nm_gguf_text nm_gguf_next_string(const uint8_t **at);

/* The number of a scalar key, as the kind it is: *u, *i or *f; the others are left alone. */
void nm_gguf_number(const nm_gguf_key *key, uint64_t *u, int64_t *i, double *f);

/* "u32", "string", ... for messages; "F16" ...; never NULL. */
const char *nm_gguf_value_type_name(nomul_value_type type);
const char *nm_gguf_type_name(nm_gguf_type type);

/* Bytes of a tensor of this type and these dimensions; false if it wraps or doesn't divide. */
bool nm_gguf_tensor_bytes(nm_gguf_type type, uint32_t n_dims, const uint64_t *dims,
                          uint64_t *n_bytes);

#endif
