/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: one row per tensor of a model (models/FORMAT.md lists them).  Loading, checking,
 * converting, repacking and synthetic models all walk it, so a tensor is described in one place.
 *
 *     row of the plan  -->  planned tensors: one, or one per layer  -->  stored tensors of a file
 *     blk.%u.attn_i         blk.0.attn_i ... blk.23.attn_i               blk.0.attn_i.weight,
 *                                                                        .scale, .norm.weight
 */
#ifndef NM_TENSORS_H
#define NM_TENSORS_H

#include "kernels/ternary.h"
#include "model/config.h"

typedef enum nm_tensor_kind {
    NM_KIND_EMBEDDING, /* float table [rows, cols]; F16, F32 or Q8_0 in the file */
    NM_KIND_TABLE,     /* F32 [rows, cols], whose name has no ".weight" */
    NM_KIND_GAIN,      /* F32 [cols] */
    NM_KIND_BITLINEAR, /* ternary [rows, cols], its scale, and the gain [cols] of its RMSNorm */
} nm_tensor_kind;

/* Where the loader puts a tensor: into a field of nm_weights, of nm_layer, or nowhere. */
typedef enum nm_tensor_home { NM_IN_MODEL, NM_IN_LAYER, NM_NOWHERE } nm_tensor_home;

typedef struct nm_planned {
    nm_tensor_kind kind;
    nm_tensor_home home;
    size_t         offset; /* of the field */
    uint32_t       layer;  /* 0 for a tensor of no layer */
    size_t         rows, cols;
    char           gguf_name[64];   /* both without suffix */
    char           source_name[64]; /* in a checkpoint */
} nm_planned;

/* How many tensors a model of this config has, and the index-th, in the order of the file. */
size_t nm_plan_count(const nm_config *config);
void   nm_plan_get(const nm_config *config, size_t index, nm_planned *planned);

/* The most rows of a matrix, and the most columns: what a row needs. */
size_t nm_plan_max_rows(const nm_config *config);
size_t nm_plan_max_cols(const nm_config *config);

typedef enum nm_part {
    NM_PART_EMBEDDING, /* rows of floats */
    NM_PART_TABLE,     /* rows of floats */
    NM_PART_GAIN,      /* one row of floats */
    NM_PART_CODES,     /* the packed trits */
    NM_PART_SCALE,     /* one float, of the codes */
    NM_PART_NEG,       /* counts of the codes: nm_ternary_neg */
} nm_part;

#define NM_TENSOR_NAME 80
#define NM_MAX_STORED 4 /* tensors of a file for one planned tensor */

/* One tensor of a model file. */
typedef struct nm_stored {
    nm_part      part;
    nm_gguf_type type;
    uint32_t     n_dims;
    uint64_t     dims[2]; /* innermost first */
    const char  *suffix;
    char         name[NM_TENSOR_NAME]; /* gguf_name and the suffix */
    bool         derived;              /* made by quantizing: a checkpoint does not have it */
} nm_stored;

/*
 * What a planned tensor is stored as.  Returns how many; a packing may add to the end of the list,
 * never change its beginning.  `embedding` is the type of an NM_PART_EMBEDDING.
 */
size_t nm_plan_stored(const nm_planned *planned, nm_packing_id packing, nm_gguf_type embedding,
                      nm_stored stored[NM_MAX_STORED]);

/* gguf_name or source_name with a suffix. */
void nm_tensor_name(char out[NM_TENSOR_NAME], const char *name, const char *suffix);

#define NM_DIMS_TEXT 176 /* 8 numbers of 20 digits, 7 times ", " and a NUL: 175 */
/* Up to 8 dimensions as "2, 3", for messages; returns out. */
const char *nm_dims_text(char out[NM_DIMS_TEXT], const uint64_t *dims, uint32_t n_dims);

#endif
