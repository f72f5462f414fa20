/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hyper-parameters are read by the rows of model/config.def; the rest of the file are options
 * of the authors' code (class HGRNBitConfig) that are refused where they change what the network
 * computes, and token ids.
 */
#include "convert/hf_config.h"

#include "base/bytes.h"
#include "base/error.h"
#include "kernels/ternary.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

#define DEFAULT_BOS 1
#define DEFAULT_EOS 2
#define MAX_PARAMETERS 16

/* What config.json says; values of other types than expected, or null, are refused later. */
typedef struct source {
    nm_hf_text model_type, hidden_act;
    bool       use_short_conv, tie_word_embeddings;
    double     hidden_ratio;
    nm_json    bos, eos;
    nm_json    parameters[MAX_PARAMETERS]; /* in the order of nm_config_fields */
} source;

#define F(name) offsetof(source, name)
static const nm_hf_field options[] = {
    {"model_type", NM_HF_TEXT, F(model_type), false},
    {"hidden_act", NM_HF_TEXT, F(hidden_act), false},
    {"use_short_conv", NM_HF_BOOL, F(use_short_conv), false},
    {"tie_word_embeddings", NM_HF_BOOL, F(tie_word_embeddings), false},
    {"hidden_ratio", NM_HF_NUMBER, F(hidden_ratio), true},
    {"bos_token_id", NM_HF_VALUE, F(bos), false},
    {"eos_token_id", NM_HF_VALUE, F(eos), false},
};
#undef F

#define N_OPTIONS (sizeof options / sizeof *options)

static bool check_supported(const source *s, nomul_error *err)
{
    const nm_hf_text *act = &s->hidden_act, *type = &s->model_type;

    if (type->given && !nm_hf_text_is(type, NM_ARCHITECTURE))
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "model_type is \"%s\": not supported (expected \"%s\")", type->data,
                       NM_ARCHITECTURE);
    if (act->given && !nm_hf_text_is(act, "swish") && !nm_hf_text_is(act, "silu"))
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "hidden_act is \"%s\": not supported (expected \"swish\" or \"silu\")",
                       act->data);
    if (s->use_short_conv)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "use_short_conv is true: not supported (no published model uses it)");
    if (s->tie_word_embeddings)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "tie_word_embeddings is true: not supported (the head is ternary, the "
                       "embedding is not)");
    return true;
}

/* One hyper-parameter, of those before it (hidden_size for intermediate_size) or its default. */
static bool read_parameter(nm_config *config, const source *s, size_t index, nomul_error *err)
{
    const nm_config_field *field = &nm_config_fields[index];
    const nm_json         *value = &s->parameters[index];
    uint64_t               whole;
    double                 number;
    bool                   flag = false;

    if (field->offset == offsetof(nm_config, ffn) && !nm_hf_given(value)) {
        /*
         * The authors' rule: int(hidden_size * hidden_ratio * 2 / 3), rounded up to a multiple of
         * 256.  The same binary64 operations as Python's, which for whole numbers are exact until
         * the division; hidden_size is within its limits already.
         */
        double t = (double)config->dim * s->hidden_ratio * 2 / 3;
        if (!(t >= 1 && t <= (double)field->max)) /* a NaN fails too */
            return nm_fail(err, NOMUL_E_FORMAT,
                           "hidden_ratio is %g: makes an %s of %.0f, expected 1 to %" PRIu32,
                           s->hidden_ratio, field->json_key, floor(t), field->max);
        whole = nm_round_up((size_t)t, 256);
    } else if (value->type == NM_JSON_ERROR) { /* absent */
        return true;
    } else if (field->type == NOMUL_VALUE_BOOL) {
        if (!nm_hf_bool(value, field->json_key, &flag, err)) return false;
        whole = flag;
    } else if (field->type == NOMUL_VALUE_F32) {
        if (!nm_hf_number(value, field->json_key, &number, err)) return false;
        if (!((float)number > (float)field->min && (float)number < (float)field->max))
            return nm_fail(err, NOMUL_E_FORMAT,
                           "%s is %g, expected more than %" PRIu32 " and less than %" PRIu32,
                           field->json_key, number, field->min, field->max);
        whole = nm_bits_of_float((float)number);
        nm_config_set_bits(config, field, (uint32_t)whole);
        return true;
    } else if (!nm_hf_whole(value, field->json_key, &whole, err)) {
        return false;
    }
    if (whole < field->min || whole > field->max)
        return nm_fail(err, NOMUL_E_FORMAT, "%s is %" PRIu64 ", expected %" PRIu32 " to %" PRIu32,
                       field->json_key, whole, field->min, field->max);
    nm_config_set_bits(config, field, (uint32_t)whole);
    return true;
}

static bool read_id(const nm_json *json, const char *key, int64_t *id, nomul_error *err)
{
    uint64_t number;

    if (!nm_hf_whole(json, key, &number, err)) return false;
    if (number > INT32_MAX)
        return nm_fail(err, NOMUL_E_FORMAT, "%s is %" PRIu64 ", expected at most %d", key, number,
                       INT32_MAX);
    *id = (int64_t)number;
    return true;
}

bool nm_hf_token_id(const nm_json *value, const char *key, int64_t *id, nomul_error *err)
{
    nm_json json = *value;

    if (!nm_hf_given(&json)) return true;
    if (json.type == NM_JSON_ARRAY && !nm_hf_next(&json, err)) return false;
    return read_id(&json, key, id, err);
}

bool nm_hf_eos_ids(const nm_json *value, nm_hf_ids *ids, nomul_error *err)
{
    static const char key[] = "eos_token_id";
    nm_json           json = *value;

    if (!nm_hf_given(&json)) return true;
    if (!nm_hf_token_id(value, key, &ids->eos, err)) return false;
    ids->n_more = 0;
    if (json.type != NM_JSON_ARRAY || !nm_hf_next(&json, err)) return json.type == NM_JSON_NUMBER;
    while (nm_hf_more(&json, err)) {
        if (ids->n_more == NM_HF_MAX_EOS)
            return nm_fail(err, NOMUL_E_UNSUPPORTED, "%s: has more than %d ids", key,
                           NM_HF_MAX_EOS + 1);
        if (!read_id(&json, key, &ids->more_eos[ids->n_more++], err)) return false;
    }
    return json.type != NM_JSON_ERROR;
}

bool nm_hf_config_parse(nm_config *config, nm_hf_ids *ids, const char *text, size_t n_text,
                        nomul_error *err)
{
    nm_hf_field fields[N_OPTIONS + MAX_PARAMETERS];
    source      s = {.hidden_ratio = 4};

    assert(nm_config_n_fields <= MAX_PARAMETERS);
    memcpy(fields, options, sizeof options);
    for (size_t i = 0; i < nm_config_n_fields; i++)
        fields[N_OPTIONS + i] =
            (nm_hf_field){nm_config_fields[i].json_key, NM_HF_VALUE,
                          offsetof(source, parameters) + i * sizeof(nm_json), false};
    if (!nm_hf_read_text(text, n_text, fields, N_OPTIONS + nm_config_n_fields, &s, err) ||
        !check_supported(&s, err))
        return false;
    *config = nm_config_defaults;
    for (size_t i = 0; i < nm_config_n_fields; i++)
        if (!read_parameter(config, &s, i, err)) return false;
    /* nm_config_check refuses these two combinations too, in other words than config.json's. */
    if (config->use_lower_bound && config->expand_ratio > 1)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "expand_ratio is %" PRIu32 ": not supported with use_lower_bound (expected "
                       "1, as bounds of hidden_size can't bound a wider state)",
                       config->expand_ratio);
    if (config->dim > NM_MAX_COLS / config->expand_ratio)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "expand_ratio is %" PRIu32 ", expected at most %" PRIu32
                       " for a hidden_size of %" PRIu32,
                       config->expand_ratio, NM_MAX_COLS / config->dim, config->dim);
    if (!nm_config_check(config, err)) return false;
    *ids = (nm_hf_ids){
        .bos = -1,
        .eos = -1,
        .default_bos = s.bos.type == NM_JSON_ERROR ? DEFAULT_BOS : -1, /* absent */
        .default_eos = s.eos.type == NM_JSON_ERROR ? DEFAULT_EOS : -1,
    };
    return nm_hf_token_id(&s.bos, "bos_token_id", &ids->bos, err) &&
           nm_hf_eos_ids(&s.eos, ids, err);
}

bool nm_hf_config_read(nm_config *config, nm_hf_ids *ids, const char *directory, nomul_error *err)
{
    char       path[NM_HF_PATH];
    nm_filemap map = {0};

    bool ok = nm_hf_open(path, &map, directory, "config.json", err) &&
              (nm_hf_config_parse(config, ids, (const char *)map.data, map.size, err) ||
               nm_fail_in(err, "%s", path));
    nm_filemap_close(&map);
    return ok;
}
