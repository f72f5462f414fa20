/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the values of keys that gguf.c has found sound. */
#include "base/bytes.h"
#include "base/error.h"
#include "format/gguf.h"

#include <string.h>

/* "is a string", "is an array of f32" */
static bool fail_type(const nm_gguf_key *key, nomul_value_type wanted, const char *of,
                      const char *element, nomul_error *err)
{
    const char *name = nm_gguf_value_type_name(key->type);
    const char *article = strchr("aif", name[0]) ? "an" : "a"; /* an array, an i8, an f32 */
    bool        array = key->type == NOMUL_VALUE_ARRAY;

    return nm_fail(err, NOMUL_E_FORMAT, "key %.*s: is %s %s%s%s, expected %s%s%s",
                   NM_GGUF_SHOW(key->name), article, name, array ? " of " : "",
                   array ? nm_gguf_value_type_name(key->element_type) : "",
                   nm_gguf_value_type_name(wanted), of, element);
}

static bool find(const nm_gguf *gguf, const char *name, bool required, const nm_gguf_key **key,
                 nomul_error *err)
{
    *key = nm_gguf_find_key(gguf, name);
    return *key || !required || nm_fail(err, NOMUL_E_FORMAT, "key %s: missing", name);
}

/* The key of one type that is not array; NULL if it is absent and need not be there. */
static bool find_typed(const nm_gguf *gguf, const char *name, bool required, nomul_value_type type,
                       const nm_gguf_key **key, nomul_error *err)
{
    if (!find(gguf, name, required, key, err)) return false;
    return !*key || (*key)->type == type || fail_type(*key, type, "", "", err);
}

bool nm_gguf_get_u32(const nm_gguf *gguf, const char *name, bool required, uint32_t *value,
                     nomul_error *err)
{
    const nm_gguf_key *key;
    if (!find_typed(gguf, name, required, NOMUL_VALUE_U32, &key, err)) return false;
    if (key) *value = nm_load_u32(key->value);
    return true;
}

bool nm_gguf_get_u64(const nm_gguf *gguf, const char *name, bool required, uint64_t *value,
                     nomul_error *err)
{
    const nm_gguf_key *key;
    if (!find_typed(gguf, name, required, NOMUL_VALUE_U64, &key, err)) return false;
    if (key) *value = nm_load_u64(key->value);
    return true;
}

bool nm_gguf_get_f32(const nm_gguf *gguf, const char *name, bool required, float *value,
                     nomul_error *err)
{
    const nm_gguf_key *key;
    if (!find_typed(gguf, name, required, NOMUL_VALUE_F32, &key, err)) return false;
    if (key) *value = nm_load_f32(key->value);
    return true;
}

bool nm_gguf_get_bool(const nm_gguf *gguf, const char *name, bool required, bool *value,
                      nomul_error *err)
{
    const nm_gguf_key *key;
    if (!find_typed(gguf, name, required, NOMUL_VALUE_BOOL, &key, err)) return false;
    if (key) *value = *key->value != 0;
    return true;
}

bool nm_gguf_get_string(const nm_gguf *gguf, const char *name, bool required, nm_gguf_text *value,
                        nomul_error *err)
{
    const nm_gguf_key *key;
    if (!find_typed(gguf, name, required, NOMUL_VALUE_STRING, &key, err)) return false;
    if (key) *value = (nm_gguf_text){(const char *)key->value, key->n_bytes};
    return true;
}

bool nm_gguf_get_array(const nm_gguf *gguf, const char *name, bool required,
                       nomul_value_type element_type, const nm_gguf_key **key, nomul_error *err)
{
    if (!find(gguf, name, required, key, err)) return false;
    if (!*key) return true;
    if ((*key)->type == NOMUL_VALUE_ARRAY && (*key)->element_type == element_type) return true;
    return fail_type(*key, NOMUL_VALUE_ARRAY, " of ", nm_gguf_value_type_name(element_type), err);
}

nm_gguf_text nm_gguf_next_string(const uint8_t **at)
{
    nm_gguf_text text = {(const char *)*at + 8, (size_t)nm_load_u64(*at)};
    *at += 8 + text.size;
    return text;
}

void nm_gguf_number(const nm_gguf_key *key, uint64_t *u, int64_t *i, double *f)
{
    const uint8_t *at = key->value;

    switch (key->type) {
    case NOMUL_VALUE_U8:
    case NOMUL_VALUE_BOOL: *u = *at; break;
    case NOMUL_VALUE_U16: *u = nm_load_u16(at); break;
    case NOMUL_VALUE_U32: *u = nm_load_u32(at); break;
    case NOMUL_VALUE_U64: *u = nm_load_u64(at); break;
    case NOMUL_VALUE_I8: *i = (int8_t)*at; break;
    case NOMUL_VALUE_I16: *i = (int16_t)nm_load_u16(at); break;
    case NOMUL_VALUE_I32: *i = (int32_t)nm_load_u32(at); break;
    case NOMUL_VALUE_I64: *i = (int64_t)nm_load_u64(at); break;
    case NOMUL_VALUE_F32: *f = (double)nm_load_f32(at); break;
    case NOMUL_VALUE_F64: {
        uint64_t bits = nm_load_u64(at);
        memcpy(f, &bits, sizeof *f);
        break;
    }
    default: break;
    }
}
