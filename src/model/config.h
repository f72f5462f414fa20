/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hyper-parameters of a model.  config.def has one row for each: its type, limits, and its key
 * in a GGUF file and in a checkpoint's config.json.  A config that was read has been checked, so
 * sizes computed from it do not overflow.
 */
#ifndef NM_CONFIG_H
#define NM_CONFIG_H

#include "base/xxh64.h"
#include "format/gguf_write.h"

#include <math.h>

#define NM_ARCHITECTURE "hgrn_bit"
#define NM_ALIGNMENT 64

#define NM_CONFIG_U32 uint32_t
#define NM_CONFIG_BOOL uint32_t /* 0 or 1 */
#define NM_CONFIG_F32 float
typedef struct nm_config {
#define FIELD(type, name, ...) NM_CONFIG_##type name;
#include "model/config.def"
#undef FIELD
} nm_config;

/* e, the width of the recurrent state.  Call it after nm_config_check only. */
static inline uint32_t nm_config_state_dim(const nm_config *c)
{
    return c->dim * c->expand_ratio;
}

/* The whole state of a sequence: one per layer. */
static inline size_t nm_config_state_bytes(const nm_config *c)
{
    return (size_t)c->n_layers * nm_config_state_dim(c) * sizeof(float);
}

#define NM_REQUIRED ((double)NAN)

/* A row of config.def. */
typedef struct nm_config_field {
    const char      *key, *json_key;
    nomul_value_type type;
    size_t           offset;     /* into nm_config; every field has 32 bits */
    uint32_t         min, max;   /* an F32 is strictly between them */
    double           by_default; /* in config.json */
    double           if_absent;  /* in a model file; NM_REQUIRED: the key must be there */
} nm_config_field;

extern const nm_config_field nm_config_fields[];
extern const size_t          nm_config_n_fields;
extern const nm_config       nm_config_defaults;

/* A field as 32 bits: an integer, a float's bits, a bool as 0 or 1. */
uint32_t nm_config_bits(const nm_config *config, const nm_config_field *field);
void     nm_config_set_bits(nm_config *config, const nm_config_field *field, uint32_t bits);

/* Every field is within its limits, and the fields together make a model that can be computed. */
bool nm_config_check(const nm_config *config, nomul_error *err);

/* Reads general.architecture and all fields of a model file, and checks them. */
bool nm_config_read(nm_config *config, const nm_gguf *gguf, nomul_error *err);

/* Adds all fields to the hash that becomes model_id. */
void nm_config_identify(const nm_config *config, nm_xxh64 *id);

/* Adds all fields to a header. */
void nm_config_write(const nm_config *config, nm_gguf_writer *writer);

#endif
