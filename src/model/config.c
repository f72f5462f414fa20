/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything here is a loop over the rows of config.def: reading the keys of a model file, checking
 * ranges, writing them again, and adding the hyper-parameters to a model's identity.  A new
 * hyper-parameter is a row, and no line of this file.
 */
#include "model/config.h"

#include "base/bytes.h"
#include "base/error.h"
#include "kernels/ternary.h"

#include <stddef.h>
#include <string.h>

const nm_config_field nm_config_fields[] = {
#define FIELD(type, name, key, min, max, json_key, by_default, if_absent)                          \
    {key, json_key, NOMUL_VALUE_##type, offsetof(nm_config, name), min, max, by_default, if_absent},
#include "model/config.def"
#undef FIELD
};

const size_t nm_config_n_fields = sizeof nm_config_fields / sizeof nm_config_fields[0];

const nm_config nm_config_defaults = {
#define FIELD(type, name, key, min, max, json_key, by_default, if_absent)                          \
    .name = (NM_CONFIG_##type)by_default,
#include "model/config.def"
#undef FIELD
};

uint32_t nm_config_bits(const nm_config *config, const nm_config_field *field)
{
    uint32_t bits;

    memcpy(&bits, (const char *)config + field->offset, sizeof bits);
    return bits;
}

void nm_config_set_bits(nm_config *config, const nm_config_field *field, uint32_t bits)
{
    memcpy((char *)config + field->offset, &bits, sizeof bits);
}

bool nm_config_check(const nm_config *config, nomul_error *err)
{
    for (size_t i = 0; i < nm_config_n_fields; i++) {
        const nm_config_field *field = &nm_config_fields[i];
        uint32_t               bits = nm_config_bits(config, field);
        float                  number = nm_float_of_bits(bits);
        if (field->type == NOMUL_VALUE_F32) {
            /* Written so that a NaN fails too. */
            if (number > (float)field->min && number < (float)field->max) continue;
            return nm_fail(err, NOMUL_E_FORMAT,
                           "key %s: is %g, expected more than %u and less than %u", field->key,
                           (double)number, field->min, field->max);
        }
        if (bits < field->min || bits > field->max)
            return nm_fail(err, NOMUL_E_FORMAT, "key %s: is %u, expected %u to %u", field->key,
                           bits, field->min, field->max);
    }
    if (config->dim > NM_MAX_COLS / config->expand_ratio)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "key hgrn_bit.expand_ratio: %u times embedding_length %u is more than %d",
                       config->expand_ratio, config->dim, NM_MAX_COLS);
    if (config->use_lower_bound && config->expand_ratio != 1)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "key hgrn_bit.expand_ratio: is %u, expected 1 with lower bounds",
                       config->expand_ratio);
    return true;
}

bool nm_config_read(nm_config *config, const nm_gguf *gguf, nomul_error *err)
{
    nm_gguf_text architecture; /* nm_gguf_open has compared it */

    if (!nm_gguf_get_string(gguf, "general.architecture", true, &architecture, err)) return false;
    for (size_t i = 0; i < nm_config_n_fields; i++) {
        const nm_config_field *field = &nm_config_fields[i];
        bool                   required = isnan(field->if_absent);
        uint32_t               bits = 0;
        if (!required)
            bits = field->type == NOMUL_VALUE_F32 ? nm_bits_of_float((float)field->if_absent)
                                                  : (uint32_t)field->if_absent;
        if (!nm_gguf_get_bits(gguf, field->key, required, field->type, &bits, err)) return false;
        nm_config_set_bits(config, field, bits);
    }
    return nm_config_check(config, err);
}

void nm_config_identify(const nm_config *config, nm_xxh64 *id)
{
    uint8_t bytes[4];

    for (size_t i = 0; i < nm_config_n_fields; i++) {
        nm_store_u32(bytes, nm_config_bits(config, &nm_config_fields[i]));
        nm_xxh64_add(id, bytes, sizeof bytes);
    }
}

void nm_config_write(const nm_config *config, nm_gguf_writer *writer)
{
    for (size_t i = 0; i < nm_config_n_fields; i++) {
        const nm_config_field *field = &nm_config_fields[i];
        nm_gguf_put_bits(writer, field->key, field->type, nm_config_bits(config, field));
    }
}
