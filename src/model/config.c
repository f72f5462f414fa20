/* SPDX-License-Identifier: Apache-2.0 */
#include "model/config.h"

#include "base/bytes.h"
#include "base/error.h"
#include "kernels/ternary.h"

#include <stddef.h>
#include <string.h>

#define FIELD(name) offsetof(nm_config, name)

/* The limits keep every product of two fields, and of three with 4 bytes, far inside 64 bits. */
const nm_config_field nm_config_fields[] = {
    {"hgrn_bit.block_count", NOMUL_VALUE_U32, FIELD(n_layers), 1, 4096},
    {"hgrn_bit.embedding_length", NOMUL_VALUE_U32, FIELD(dim), 1, NM_MAX_COLS},
    {"hgrn_bit.feed_forward_length", NOMUL_VALUE_U32, FIELD(ffn), 1, NM_MAX_COLS},
    {"hgrn_bit.vocab_size", NOMUL_VALUE_U32, FIELD(vocab), 1, 1 << 24},
    {"hgrn_bit.context_length", NOMUL_VALUE_U32, FIELD(n_ctx_train), 0, UINT32_MAX},
    {"hgrn_bit.expand_ratio", NOMUL_VALUE_U32, FIELD(expand_ratio), 1, 64},
    {"hgrn_bit.use_lower_bound", NOMUL_VALUE_BOOL, FIELD(use_lower_bound), 0, 1},
    {"hgrn_bit.attention.head_count", NOMUL_VALUE_U32, FIELD(n_heads), 1, NM_MAX_COLS},
    {"hgrn_bit.attention.layer_norm_rms_epsilon", NOMUL_VALUE_F32, FIELD(rms_norm_eps), 0, 0},
};

const size_t nm_config_n_fields = sizeof nm_config_fields / sizeof nm_config_fields[0];

uint32_t nm_config_bits(const nm_config *config, const nm_config_field *field)
{
    uint32_t bits;
    memcpy(&bits, (const char *)config + field->offset, sizeof bits);
    return bits;
}

static uint32_t *integer_at(nm_config *config, const nm_config_field *field)
{
    return (uint32_t *)(void *)((char *)config + field->offset);
}

static bool check_field(const nm_config *config, const nm_config_field *field, nomul_error *err)
{
    if (field->type == NOMUL_VALUE_F32) {
        /* Written so that a NaN fails too. */
        if (config->rms_norm_eps > 0 && config->rms_norm_eps < 1) return true;
        return nm_fail(err, NOMUL_E_FORMAT, "key %s: is %g, expected more than 0 and less than 1",
                       field->key, (double)config->rms_norm_eps);
    }
    uint32_t value = nm_config_bits(config, field);
    if (value >= field->min && value <= field->max) return true;
    return nm_fail(err, NOMUL_E_FORMAT, "key %s: is %u, expected %u to %u", field->key, value,
                   field->min, field->max);
}

bool nm_config_check(const nm_config *config, nomul_error *err)
{
    for (size_t i = 0; i < nm_config_n_fields; i++)
        if (!check_field(config, &nm_config_fields[i], err)) return false;
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

static bool read_field(nm_config *config, const nm_config_field *field, const nm_gguf *gguf,
                       nomul_error *err)
{
    bool flag = false;

    switch (field->type) {
    case NOMUL_VALUE_F32:
        return nm_gguf_get_f32(gguf, field->key, true, &config->rms_norm_eps, err);
    case NOMUL_VALUE_BOOL:
        if (!nm_gguf_get_bool(gguf, field->key, true, &flag, err)) return false;
        *integer_at(config, field) = flag;
        return true;
    default: return nm_gguf_get_u32(gguf, field->key, true, integer_at(config, field), err);
    }
}

bool nm_config_read(nm_config *config, const nm_gguf *gguf, nomul_error *err)
{
    nm_gguf_text architecture;

    if (!nm_gguf_get_string(gguf, "general.architecture", true, &architecture, err)) return false;
    if (architecture.size != strlen(NM_ARCHITECTURE) ||
        memcmp(architecture.data, NM_ARCHITECTURE, architecture.size) != 0)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "key general.architecture: is \"%.*s\", expected \"%s\"",
                       (int)(architecture.size < 64 ? architecture.size : 64), architecture.data,
                       NM_ARCHITECTURE);
    *config = (nm_config){0};
    for (size_t i = 0; i < nm_config_n_fields; i++)
        if (!read_field(config, &nm_config_fields[i], gguf, err)) return false;
    return nm_config_check(config, err);
}

bool nm_config_write(const nm_config *config, nm_gguf_writer *writer, nomul_error *err)
{
    for (size_t i = 0; i < nm_config_n_fields; i++) {
        const nm_config_field *field = &nm_config_fields[i];
        uint32_t               bits = nm_config_bits(config, field);
        bool                   ok;
        switch (field->type) {
        case NOMUL_VALUE_F32:
            ok = nm_gguf_put_f32(writer, field->key, nm_float_of_bits(bits), err);
            break;
        case NOMUL_VALUE_BOOL: ok = nm_gguf_put_bool(writer, field->key, bits != 0, err); break;
        default: ok = nm_gguf_put_u32(writer, field->key, bits, err);
        }
        if (!ok) return false;
    }
    return true;
}
