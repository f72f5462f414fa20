/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the header of a safetensors file (github.com/huggingface/safetensors) and enforces the
 * rules of the reference implementation: at most 100 MB of JSON that begins with '{', no duplicate
 * names, sizes equal to shape times dtype, data without gaps up to the end of the file.  The caller
 * reads a tensor's bytes with nm_file_read.
 */
#ifndef NM_SAFETENSORS_H
#define NM_SAFETENSORS_H

#include "base/file.h"

#define NM_SAFETENSORS_MAX_HEADER 100000000
#define NM_SAFETENSORS_MAX_DIMS 8

typedef enum nm_dtype {
    NM_DTYPE_F32,
    NM_DTYPE_F16,
    NM_DTYPE_BF16,
    NM_DTYPE_OTHER, /* one that we don't compute with */
} nm_dtype;

typedef struct nm_safetensor {
    const char *name; /* NUL-terminated, unescaped, owned by the safetensors */
    const char *dtype_name;
    nm_dtype    dtype;
    uint32_t    n_dims;
    uint64_t    shape[NM_SAFETENSORS_MAX_DIMS]; /* outermost first, as written */
    uint64_t    offset;                         /* from the start of the file */
    uint64_t    n_bytes;
} nm_safetensor;

/* Closed: zeros, with file = NM_FILE_CLOSED. */
typedef struct nm_safetensors {
    nm_file        file;
    nm_safetensor *tensors; /* in the order of their data; owned */
    size_t         n_tensors;
    char          *text; /* names; owned */
} nm_safetensors;

/* On failure st is closed, and err begins with the path. */
bool nm_safetensors_open(nm_safetensors *st, const char *path, nomul_error *err);

/*
 * The part of open that needs no file: the header's JSON, and how many bytes of data follow it.  st
 * is closed, and so it is after a failure.  json need not outlive the call.
 */
bool nm_safetensors_parse(nm_safetensors *st, const char *json, size_t n_json, uint64_t data_bytes,
                          nomul_error *err);
void nm_safetensors_close(nm_safetensors *st);

#endif
