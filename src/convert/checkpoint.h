/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The weights of a checkpoint directory: model.safetensors, or shards with their index.  Finds a
 * tensor by name and reads its bytes; what they mean is the converter's business.
 */
#ifndef NM_CHECKPOINT_H
#define NM_CHECKPOINT_H

#include "convert/names.h"
#include "format/safetensors.h"

typedef struct nm_shard {
    const char    *name; /* of the file in the directory */
    nm_safetensors file;
} nm_shard;

/* One tensor: where it is. */
typedef struct nm_source {
    const nm_safetensor *tensor;
    const nm_shard      *shard;
    bool                 wanted; /* the caller's mark: nm_checkpoint_find has given it */
} nm_source;

/* Zeros are a closed one. */
typedef struct nm_checkpoint {
    const char *directory; /* the caller's */
    nm_shard   *shards;    /* owned, as all below */
    size_t      n_shards;
    nm_source  *sources; /* by number of the name */
    nm_names    names;   /* of tensors */
    char       *text;    /* names of the index, each with a NUL behind it */
} nm_checkpoint;

bool nm_checkpoint_open(nm_checkpoint *checkpoint, const char *directory, nomul_error *err);
void nm_checkpoint_close(nm_checkpoint *checkpoint);

/* The tensor of this name, now wanted; NULL with an error if there is none. */
const nm_source *nm_checkpoint_find(nm_checkpoint *checkpoint, const char *name, nomul_error *err);

/* Fails if there is a tensor that nobody wanted. */
bool nm_checkpoint_all_wanted(const nm_checkpoint *checkpoint, nomul_error *err);

/* Bytes [offset, offset + n_bytes) of a tensor.  Messages name file and tensor. */
bool nm_checkpoint_read(const nm_checkpoint *checkpoint, const nm_source *source, uint64_t offset,
                        void *to, size_t n_bytes, nomul_error *err);

/* Puts directory, file and tensor in front of an error of this tensor's.  Returns false. */
bool nm_checkpoint_fail_in(const nm_checkpoint *checkpoint, const nm_source *source,
                           nomul_error *err);

#endif
