/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds a GGUF v3 header in memory: first the keys, then the tensors, then finish.  The caller
 * writes the header to the file and after it each tensor's bytes in the order added, each padded
 * with zeros to the alignment, the last one too.  A key whose value is known only at the end (a
 * checksum) is overwritten in `bytes` later.
 *
 * Running out of memory is remembered: the calls that follow do nothing, and finish reports it.
 */
#ifndef NM_GGUF_WRITE_H
#define NM_GGUF_WRITE_H

#include "format/gguf.h"

typedef struct nm_gguf_writer {
    uint8_t *bytes; /* the header so far; owned */
    size_t   n_bytes, capacity;
    uint64_t n_keys, n_tensors;
    uint64_t data_bytes; /* of the tensors added, each padded */
    uint32_t alignment;
    size_t   n_missing; /* bytes that there was no memory for; 0: none */
} nm_gguf_writer;

/* Writes magic, version and general.alignment; the counts are filled in by finish. */
void nm_gguf_writer_init(nm_gguf_writer *writer, uint32_t alignment);
/* The same without the key, which will be copied from another file. */
void nm_gguf_writer_begin(nm_gguf_writer *writer, uint32_t alignment);
void nm_gguf_writer_free(nm_gguf_writer *writer);

/* A number of any type, an f32 by its bits, a bool as 0 or 1. */
void nm_gguf_put_bits(nm_gguf_writer *writer, const char *key, nomul_value_type type,
                      uint64_t bits);
void nm_gguf_put_string(nm_gguf_writer *writer, const char *key, const char *value, size_t n_value);
/* A key of another file, whatever its type. */
void nm_gguf_put_key(nm_gguf_writer *writer, const nm_gguf_key *key);
/* The start of an array; its elements follow with nm_gguf_put_bytes or _element_string. */
void nm_gguf_put_array(nm_gguf_writer *writer, const char *key, nomul_value_type element_type,
                       uint64_t n_elements);
void nm_gguf_put_bytes(nm_gguf_writer *writer, const void *bytes, size_t n_bytes);
void nm_gguf_put_element_string(nm_gguf_writer *writer, const char *text, size_t n_text);

/*
 * Adds a tensor, dims innermost first, whose data follows that of the one before it.  False if the
 * type has no tensor of these dimensions.
 */
bool nm_gguf_put_tensor(nm_gguf_writer *writer, const char *name, nm_gguf_type type,
                        uint32_t n_dims, const uint64_t *dims, nomul_error *err);

/*
 * Pads the header to the alignment, where the data begins, and fills in the counts: bytes[n_bytes]
 * are then complete, and the file has n_bytes + data_bytes.  False if memory ran out on the way.
 */
bool nm_gguf_writer_finish(nm_gguf_writer *writer, nomul_error *err);

#endif
