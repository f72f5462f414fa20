/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The weights of a checkpoint directory: model.safetensors, or several files (shards) and their
 * index.  Finds a tensor by name and reads its bytes; it does not know what they mean.  A tensor
 * that nobody has asked for is an error at the end, as the model would lack it.
 */
#ifndef NM_CHECKPOINT_H
#define NM_CHECKPOINT_H

#include "base/names.h"
#include "format/safetensors.h"

typedef struct nm_shard {
    const char    *name; /* of the file in the directory */
    nm_safetensors file;
} nm_shard;

/* Where a tensor is. */
typedef struct nm_source {
    const nm_safetensor *tensor;
    const nm_shard      *shard;
    bool                 wanted; /* nm_checkpoint_find was asked for it */
} nm_source;

/* A zeroed struct is closed. */
typedef struct nm_checkpoint {
    const char *directory; /* the caller's */
    nm_shard   *shards;    /* owned, as all below */
    size_t      n_shards;
    nm_source  *sources; /* by number of the name */
    nm_names    names;   /* of tensors */
    char       *text;    /* names of the index, each followed by a NUL */
} nm_checkpoint;

/*
 * Opens all files of the checkpoint and reads their headers; they stay open until close.  directory
 * must outlive the checkpoint.  On failure it is closed, and err names the file.
 */
bool nm_checkpoint_open(nm_checkpoint *checkpoint, const char *directory, nomul_error *err);
void nm_checkpoint_close(nm_checkpoint *checkpoint);

/* The tensor of this name, which is marked as wanted; NULL with an error if there is none. */
const nm_source *nm_checkpoint_find(nm_checkpoint *checkpoint, const char *name, nomul_error *err);

/* Fails if the checkpoint has a tensor that is not wanted. */
bool nm_checkpoint_all_wanted(const nm_checkpoint *checkpoint, nomul_error *err);

/*
 * Reads bytes [offset, offset + n_bytes) of a tensor, as the file stores them; the caller keeps
 * within its n_bytes.  Errors name file and tensor.
 */
bool nm_checkpoint_read(const nm_checkpoint *checkpoint, const nm_source *source, uint64_t offset,
                        void *to, size_t n_bytes, nomul_error *err);

/* Prefixes an error with the directory, file and tensor it belongs to.  Returns false. */
bool nm_checkpoint_fail_in(const nm_checkpoint *checkpoint, const nm_source *source,
                           nomul_error *err);

#endif
