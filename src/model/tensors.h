/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The plan: every tensor of a model, once.  The loader walks it to find each one in a GGUF file and
 * the converter walks it to make that file from a checkpoint, so the two can't disagree.
 */
#ifndef NM_TENSORS_H
#define NM_TENSORS_H

#include "model/config.h"

typedef enum nm_tensor_kind {
    NM_KIND_EMBEDDING, /* float table [rows, cols]; F16, F32 or Q8_0 in the file */
    NM_KIND_FLOAT,     /* F32 [rows, cols] in the file */
    NM_KIND_GAIN,      /* F32 [cols] in the file */
    NM_KIND_BITLINEAR, /* ternary [rows, cols], its scale, and the gain [cols] of its norm */
} nm_tensor_kind;

typedef enum nm_tensor_id {
    NM_TOKEN_EMBD,
    NM_LOWER_BOUNDS,
    NM_ATTN_NORM,
    NM_ATTN_I,
    NM_ATTN_F,
    NM_ATTN_G,
    NM_ATTN_G_NORM,
    NM_ATTN_OUTPUT,
    NM_FFN_NORM,
    NM_FFN_GATE_UP,
    NM_FFN_DOWN,
    NM_OUTPUT_NORM,
    NM_OUTPUT,
    NM_TENSOR_IDS,
} nm_tensor_id;

/*
 * Names have no ".weight": the parts of a bitlinear are NAME.weight, NAME.scale, NAME.norm.weight
 * and, if the packing has it, NAME.neg in a GGUF file, NAME.weight and NAME.norm.weight in a
 * checkpoint; all others are NAME.weight, but for lower_bounds, which is bare in both.
 */
typedef struct nm_planned {
    nm_tensor_id   id;
    nm_tensor_kind kind;
    uint32_t       layer; /* 0 where the tensor is of no layer */
    size_t         rows, cols;
    char           gguf_name[64];
    char           source_name[64];
} nm_planned;

/* How many tensors the plan has for this config, and the index-th, in the order of the file. */
size_t nm_plan_count(const nm_config *config);
void   nm_plan_get(const nm_config *config, size_t index, nm_planned *planned);

#define NM_TENSOR_NAME 80
/* gguf_name or source_name with a suffix: "" ".weight" ".scale" ".norm.weight" ".neg". */
void nm_tensor_name(char out[NM_TENSOR_NAME], const char *name, const char *suffix);

/* The suffix of the one stored tensor of a plain row: ".weight", or "" for lower_bounds. */
const char *nm_plain_suffix(nm_tensor_id id);

#endif
