/* SPDX-License-Identifier: Apache-2.0 */
#include "convert/hf_config.h"

#include "base/bytes.h"
#include "base/error.h"
#include "kernels/ternary.h"

#include <inttypes.h>
#include <math.h>
#include <stddef.h>
#include <string.h>

/* What config.json says; the authors' defaults where it doesn't (class HGRNBitConfig). */
typedef struct source {
    nm_hf_text model_type, hidden_act;
    uint64_t   vocab, dim, n_layers, n_heads, expand_ratio, n_ctx_train;
    bool       use_short_conv, use_lower_bound, tie_word_embeddings;
    double     hidden_ratio, rms_norm_eps;
    nm_json    ffn, bos, eos;
} source;

static const source defaults = {
    .vocab = 32000,
    .dim = 2048,
    .n_layers = 24,
    .n_heads = 1,
    .expand_ratio = 1,
    .n_ctx_train = 2048,
    .use_lower_bound = true,
    .hidden_ratio = 4,
    .rms_norm_eps = 1e-6,
};

#define BOS 1
#define EOS 2

#define F(name) offsetof(source, name)
static const nm_hf_field fields[] = {
    {"model_type", NM_HF_TEXT, F(model_type), false},
    {"hidden_act", NM_HF_TEXT, F(hidden_act), false},
    {"vocab_size", NM_HF_WHOLE, F(vocab), false},
    {"hidden_size", NM_HF_WHOLE, F(dim), false},
    {"num_hidden_layers", NM_HF_WHOLE, F(n_layers), false},
    {"num_heads", NM_HF_WHOLE, F(n_heads), false},
    {"expand_ratio", NM_HF_WHOLE, F(expand_ratio), false},
    {"intermediate_size", NM_HF_VALUE, F(ffn), true},
    {"max_position_embeddings", NM_HF_WHOLE, F(n_ctx_train), false},
    {"use_short_conv", NM_HF_BOOL, F(use_short_conv), false},
    {"use_lower_bound", NM_HF_BOOL, F(use_lower_bound), false},
    {"tie_word_embeddings", NM_HF_BOOL, F(tie_word_embeddings), false},
    {"hidden_ratio", NM_HF_NUMBER, F(hidden_ratio), true},
    {"rms_norm_eps", NM_HF_NUMBER, F(rms_norm_eps), false},
    {"bos_token_id", NM_HF_VALUE, F(bos), false},
    {"eos_token_id", NM_HF_VALUE, F(eos), false},
};
#undef F

/* Where each number of config.json goes; its limits are those of the field there. */
static const struct {
    const char *key;
    size_t      from, to;
} numbers[] = {
#define ROW(key, name)                                                                             \
    {                                                                                              \
        key, offsetof(source, name), offsetof(nm_config, name)                                     \
    }
    ROW("vocab_size", vocab),           ROW("hidden_size", dim),
    ROW("num_hidden_layers", n_layers), ROW("num_heads", n_heads),
    ROW("expand_ratio", expand_ratio),  ROW("max_position_embeddings", n_ctx_train),
#undef ROW
};

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
    if (s->use_lower_bound && s->expand_ratio > 1)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "expand_ratio is %" PRIu64 ": not supported with use_lower_bound (expected "
                       "1, as bounds of hidden_size can't bound a wider state)",
                       s->expand_ratio);
    return true;
}

static const nm_config_field *field_at(size_t offset)
{
    size_t i = 0;
    while (nm_config_fields[i].offset != offset) i++; /* every offset here has its row there */
    return &nm_config_fields[i];
}

static bool take_number(nm_config *config, const char *key, uint64_t value, size_t to,
                        nomul_error *err)
{
    const nm_config_field *field = field_at(to);
    uint32_t               narrow = (uint32_t)value;

    if (value < field->min || value > field->max)
        return nm_fail(err, NOMUL_E_FORMAT, "%s is %" PRIu64 ", expected %" PRIu32 " to %" PRIu32,
                       key, value, field->min, field->max);
    memcpy((char *)config + to, &narrow, sizeof narrow);
    return true;
}

/*
 * The authors' rule for intermediate_size null: int(hidden_size * hidden_ratio * 2 / 3), rounded up
 * to a multiple of 256.  The same binary64 operations as Python's, which for whole numbers are
 * exact until the division; hidden_size is within its limits already.
 */
static bool compute_ffn(const source *s, uint64_t *ffn, nomul_error *err)
{
    double   t = (double)s->dim * s->hidden_ratio * 2 / 3;
    uint32_t max = field_at(offsetof(nm_config, ffn))->max;

    if (!(t >= 1 && t <= (double)max)) /* a NaN fails too */
        return nm_fail(
            err, NOMUL_E_FORMAT,
            "hidden_ratio is %g: makes an intermediate_size of %.0f, expected 1 to %" PRIu32,
            s->hidden_ratio, floor(t), max);
    *ffn = nm_round_up((size_t)t, 256);
    return true;
}

static bool take_ffn(nm_config *config, const source *s, nomul_error *err)
{
    static const char key[] = "intermediate_size";
    uint64_t          ffn;

    if (nm_hf_given(&s->ffn) ? !nm_hf_whole(&s->ffn, key, &ffn, err) : !compute_ffn(s, &ffn, err))
        return false;
    return take_number(config, key, ffn, offsetof(nm_config, ffn), err);
}

static bool take_all(nm_config *config, const source *s, nomul_error *err)
{
    float eps = (float)s->rms_norm_eps;

    *config = (nm_config){.use_lower_bound = s->use_lower_bound, .rms_norm_eps = eps};
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uint64_t value;
        memcpy(&value, (const char *)s + numbers[i].from, sizeof value);
        if (!take_number(config, numbers[i].key, value, numbers[i].to, err)) return false;
    }
    if (!take_ffn(config, s, err)) return false;
    if (config->dim > NM_MAX_COLS / config->expand_ratio)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "expand_ratio is %" PRIu32 ", expected at most %" PRIu32
                       " for a hidden_size of %" PRIu32,
                       config->expand_ratio, NM_MAX_COLS / config->dim, config->dim);
    if (!(eps > 0 && eps < 1))
        return nm_fail(err, NOMUL_E_FORMAT,
                       "rms_norm_eps is %g, expected more than 0 and less than 1", s->rms_norm_eps);
    return nm_config_check(config, err);
}

bool nm_hf_token_id(const nm_json *value, const char *key, int64_t *id, nomul_error *err)
{
    nm_json  json = *value;
    uint64_t number;

    if (!nm_hf_given(&json)) return true;
    if (json.type == NM_JSON_ARRAY && !nm_hf_next(&json, err)) return false;
    if (!nm_hf_whole(&json, key, &number, err)) return false;
    if (number > INT32_MAX)
        return nm_fail(err, NOMUL_E_FORMAT, "%s is %" PRIu64 ", expected at most %d", key, number,
                       INT32_MAX);
    *id = (int64_t)number;
    return true;
}

bool nm_hf_config_parse(nm_config *config, nm_hf_ids *ids, const char *text, size_t n_text,
                        nomul_error *err)
{
    source s = defaults;

    if (!nm_hf_read_text(text, n_text, fields, sizeof fields / sizeof fields[0], &s, err) ||
        !check_supported(&s, err) || !take_all(config, &s, err))
        return false;
    *ids = (nm_hf_ids){
        .bos = -1,
        .eos = -1,
        .default_bos = s.bos.type == NM_JSON_ERROR ? BOS : -1, /* absent */
        .default_eos = s.eos.type == NM_JSON_ERROR ? EOS : -1,
    };
    return nm_hf_token_id(&s.bos, "bos_token_id", &ids->bos, err) &&
           nm_hf_token_id(&s.eos, "eos_token_id", &ids->eos, err);
}

bool nm_hf_config_read(nm_config *config, nm_hf_ids *ids, const char *directory, nomul_error *err)
{
    char       path[NM_HF_PATH];
    nm_filemap map = {0};

    bool ok = nm_hf_path(path, directory, "config.json", err) &&
              nm_filemap_open(&map, path, true, err) &&
              (nm_hf_config_parse(config, ids, (const char *)map.data, map.size, err) ||
               nm_fail_in(err, "%s", path));
    nm_filemap_close(&map);
    return ok;
}
