/* SPDX-License-Identifier: Apache-2.0 */
/* The hyper-parameters of a model, their limits, and their keys in a GGUF file. */
#ifndef NM_CONFIG_H
#define NM_CONFIG_H

#include "format/gguf_write.h"

#define NM_ARCHITECTURE "hgrn_bit"
#define NM_ALIGNMENT 64

typedef struct nm_config {
    uint32_t n_layers;
    uint32_t dim;   /* d: width of the residual stream */
    uint32_t ffn;   /* n */
    uint32_t vocab; /* V */
    uint32_t n_ctx_train;
    uint32_t expand_ratio;
    uint32_t use_lower_bound; /* 0 or 1 */
    uint32_t n_heads;
    float    rms_norm_eps;
} nm_config;

/* e, the width of the recurrent state.  Call after nm_config_check only. */
static inline uint32_t nm_config_state_dim(const nm_config *c)
{
    return c->dim * c->expand_ratio;
}

/* All that a text leaves behind: a state for each layer. */
static inline size_t nm_config_state_bytes(const nm_config *c)
{
    return (size_t)c->n_layers * nm_config_state_dim(c) * sizeof(float);
}

/*
 * One row per hyper-parameter, in the order in which they are written and hashed into model_id (as
 * u32, little-endian; the float as its bits; the bool as 0 or 1).
 */
typedef struct nm_config_field {
    const char      *key; /* whole GGUF key */
    nomul_value_type type;
    size_t           offset;   /* into nm_config */
    uint32_t         min, max; /* of integers */
} nm_config_field;

extern const nm_config_field nm_config_fields[];
extern const size_t          nm_config_n_fields;

/* A field as 32 bits: the integer, the float's bits, the bool as 0 or 1. */
uint32_t nm_config_bits(const nm_config *config, const nm_config_field *field);

/* Every field inside its limits, and the combinations that the authors' code can compute. */
bool nm_config_check(const nm_config *config, nomul_error *err);

/* Reads and checks all, general.architecture first. */
bool nm_config_read(nm_config *config, const nm_gguf *gguf, nomul_error *err);

/* Adds all to a header. */
bool nm_config_write(const nm_config *config, nm_gguf_writer *writer, nomul_error *err);

#endif
