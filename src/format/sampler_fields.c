/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table is made of NOMUL_SAMPLER_FIELDS in nomul.h; everything after it is a loop over its
 * rows: defaults, range checks, the keys of a model file.  A value is moved by its offset and size,
 * so no function here names an option.
 */
#include "format/sampler_fields.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/bytes.h"
#include "base/error.h"

const nm_sampler_field nm_sampler_fields[] = {
#define ROW(TYPE, name, preset, least, most, slot, option, key, gguf, hf, ...)                     \
    {#name,                                                                                        \
     NM_SAMPLER_##TYPE,                                                                            \
     offsetof(nomul_sampler_options, name),                                                        \
     sizeof(NOMUL_SAMPLER_##TYPE),                                                                 \
     least,                                                                                        \
     most,                                                                                         \
     slot,                                                                                         \
     gguf,                                                                                         \
     hf},
    NOMUL_SAMPLER_FIELDS(ROW)
#undef ROW
};
const size_t nm_n_sampler_fields = sizeof nm_sampler_fields / sizeof *nm_sampler_fields;

_Static_assert(sizeof nm_sampler_fields / sizeof *nm_sampler_fields <= 64, "a bit each");

void nomul_sampler_options_init(nomul_sampler_options *options)
{
    if (!options) return;
    *options = (nomul_sampler_options){.size = sizeof *options};
#define ROW(TYPE, name, preset, ...) options->name = (NOMUL_SAMPLER_##TYPE)preset;
    NOMUL_SAMPLER_FIELDS(ROW)
#undef ROW
}

void nm_sampling_copy(nomul_sampler_options *to, const nomul_sampler_options *from, uint64_t rows)
{
    for (size_t i = 0; i < nm_n_sampler_fields; i++) {
        const nm_sampler_field *f = &nm_sampler_fields[i];
        if (rows >> i & 1)
            memcpy((char *)to + f->offset, (const char *)from + f->offset, f->n_bytes);
    }
}

double nm_sampler_field_number(const nm_sampler_field *f, const nomul_sampler_options *options)
{
    const char *at = (const char *)options + f->offset;

    if (f->type == NM_SAMPLER_FLOAT) return (double)*(const float *)(const void *)at;
    return f->type == NM_SAMPLER_INT ? *(const int32_t *)(const void *)at : 0;
}

bool nm_sampler_field_check(const nm_sampler_field *f, double value, nomul_error *err)
{
    bool   is_float = f->type == NM_SAMPLER_FLOAT, unlimited = f->most >= 3.4e38;
    double most = unlimited ? (double)FLT_MAX : f->most;

    if (f->type == NM_SAMPLER_SEED) return true;
    if (value >= f->least && value <= most && (is_float || value == floor(value)))
        return true; /* a NaN is neither */
    if (unlimited)
        return nm_fail(err, NOMUL_E_ARG, "is %g, expected a number of at least %g", value,
                       f->least);
    return nm_fail(err, NOMUL_E_ARG, "is %.*g, expected %g to %.10g", is_float ? 6 : 10, value,
                   f->least, f->most);
}

bool nm_sampler_check_fields(const nomul_sampler_options *options, nomul_error *err)
{
    for (size_t i = 0; i < nm_n_sampler_fields; i++) {
        const nm_sampler_field *f = &nm_sampler_fields[i];
        if (!nm_sampler_field_check(f, nm_sampler_field_number(f, options), err))
            return nm_fail_in(err, "%s", f->name);
    }
    return true;
}

void nm_sampler_field_set(const nm_sampler_field *f, nomul_sampler_options *options, double value)
{
    char *at = (char *)options + f->offset;

    if (f->type == NM_SAMPLER_FLOAT) *(float *)(void *)at = (float)value;
    if (f->type == NM_SAMPLER_INT) *(int32_t *)(void *)at = (int32_t)value;
}

/* ---- In a model file ------------------------------------------------------------------------- */

enum { MAX_KEY = 64 };

/* "general.sampling.temp"; "" for a field without a key. */
static void key_of(const nm_sampler_field *f, char key[MAX_KEY])
{
    snprintf(key, MAX_KEY, "%s%s", *f->gguf ? "general.sampling." : "", f->gguf);
}

bool nm_sampling_read(const nm_gguf *gguf, nomul_sampler_options *options, uint64_t *rows,
                      nomul_error *err)
{
    *rows = 0;
    for (size_t i = 0; i < nm_n_sampler_fields; i++) {
        const nm_sampler_field *f = &nm_sampler_fields[i];
        char                    name[MAX_KEY];

        key_of(f, name);
        const nm_gguf_key *key = *name ? nm_gguf_find_key(gguf, name) : NULL;
        if (!key) continue;
        uint64_t u = 0;
        int64_t  n = 0;
        double   d = 0, value;
        bool     ok = key->type != NOMUL_VALUE_STRING && key->type != NOMUL_VALUE_ARRAY &&
                  key->type != NOMUL_VALUE_BOOL;
        if (!ok)
            nm_fail(err, NOMUL_E_FORMAT, "is of type %s, expected a number",
                    nm_gguf_value_type_name(key->type));
        nm_gguf_number(key, &u, &n, &d); /* sets one of them */
        value = (double)u + (double)n + d;
        if (!ok || !nm_sampler_field_check(f, value, err)) {
            if (err) err->code = NOMUL_E_FORMAT;
            return nm_fail_in(err, "key %s", name);
        }
        nm_sampler_field_set(f, options, value);
        *rows |= UINT64_C(1) << i;
    }
    return true;
}

void nm_sampling_write(nm_gguf_writer *writer, const nomul_sampler_options *options, uint64_t rows)
{
    for (size_t i = 0; i < nm_n_sampler_fields; i++) {
        const nm_sampler_field *f = &nm_sampler_fields[i];
        double                  value = nm_sampler_field_number(f, options);
        char                    name[MAX_KEY];

        key_of(f, name);
        if (!(rows >> i & 1) || !*name) continue;
        if (f->type == NM_SAMPLER_FLOAT)
            nm_gguf_put_bits(writer, name, NOMUL_VALUE_F32, nm_bits_of_float((float)value));
        else
            nm_gguf_put_bits(writer, name, NOMUL_VALUE_I32, (uint32_t)(int32_t)value);
    }
}

bool nm_sampling_is_key(const nm_gguf_key *key, uint64_t rows)
{
    for (size_t i = 0; i < nm_n_sampler_fields; i++) {
        char name[MAX_KEY];

        key_of(&nm_sampler_fields[i], name);
        if ((rows >> i & 1) && nm_gguf_text_is(key->name, name)) return true;
    }
    return false;
}
