/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Model files of the published shapes with random weights, made in memory.  They are whole and
 * valid to the last checksum, so that they go the way of any file.
 */
#include "nomul_bench.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/pages.h"
#include "base/rng.h"
#include "base/xxh64.h"
#include "format/gguf_write.h"
#include "kernels/ternary.h"
#include "model/tensors.h"

#include <math.h>
#include <string.h>

/*
 * Zhu et al., arXiv 2406.02528, table 1 and the published checkpoints' config.json.  The first is
 * for tests: nothing in it is a multiple of what the packings pad to.
 */
static const struct shape {
    const char *name, *title;
    uint32_t    n_layers, dim, ffn, vocab;
} shapes[] = {
    {"tiny", "tiny", 2, 250, 383, 300},      {"370m", "370M", 24, 1024, 2816, 32000},
    {"1.3b", "1.3B", 24, 2048, 5632, 32000}, {"2.7b", "2.7B", 32, 2560, 6912, 32000},
    {"13b", "13B", 40, 5120, 13824, 32000},
};

#define N_SHAPES (sizeof shapes / sizeof *shapes)
#define MOST_CODES 256
#define MOST_STORED 4 /* tensors of one row of the plan */

const char *nomul_bench_shape(size_t index)
{
    return index < N_SHAPES ? shapes[index].name : NULL;
}

/* What a stored tensor is filled with. */
typedef enum filling { ZEROS, ONES, SCALE, HALVES, CODES, NEG } filling;

typedef struct stored {
    const char  *suffix;
    nm_gguf_type type;
    uint32_t     n_dims;
    uint64_t     dims[2];
    filling      filling;
} stored;

typedef struct maker {
    nm_config      config;
    const char    *title;
    nm_packing_id  packing;
    nm_gguf_writer header;
    size_t         hashes_at;
    uint8_t       *bytes; /* the file */
    size_t         n_bytes;
    const uint8_t *codes; /* those filled last */
    nm_rng         rng;
    nomul_error   *err;
} maker;

/* The tensors that a row of the plan is stored as; gives their number. */
static size_t stored_of(const maker *m, const nm_planned *p, stored out[MOST_STORED])
{
    const char *suffix = nm_plain_suffix(p->id);
    nm_ternary  w;

    switch (p->kind) {
    case NM_KIND_EMBEDDING:
        out[0] = (stored){suffix, NM_GGUF_F16, 2, {p->cols, p->rows}, HALVES};
        return 1;
    case NM_KIND_FLOAT:
        out[0] = (stored){suffix, NM_GGUF_F32, 2, {p->cols, p->rows}, ZEROS};
        return 1;
    case NM_KIND_GAIN: out[0] = (stored){suffix, NM_GGUF_F32, 1, {p->cols}, ONES}; return 1;
    case NM_KIND_BITLINEAR: break;
    }
    nm_ternary_init(&w, m->packing, p->rows, p->cols);
    out[0] = (stored){".weight", NM_GGUF_I8, 1, {nm_ternary_bytes(&w)}, CODES};
    out[1] = (stored){".scale", NM_GGUF_F32, 1, {1}, SCALE};
    out[2] = (stored){".norm.weight", NM_GGUF_F32, 1, {p->cols}, ONES};
    out[3] = (stored){".neg", NM_GGUF_I32, 1, {w.n_tiles * NM_TILE_ROWS}, NEG};
    return nm_packings[m->packing].has_neg ? 4 : 3;
}

/* ---- The header ------------------------------------------------------------------------------ */

static bool put_text(maker *m, const char *key, const char *value)
{
    return nm_gguf_put_string(&m->header, key, value, strlen(value), m->err);
}

static bool put_config(maker *m)
{
    for (size_t i = 0; i < nm_config_n_fields; i++) {
        const nm_config_field *field = &nm_config_fields[i];
        uint32_t               value;
        bool                   ok;

        memcpy(&value, (const char *)&m->config + field->offset, sizeof value);
        switch (field->type) {
        case NOMUL_VALUE_F32:
            ok = nm_gguf_put_f32(&m->header, field->key, nm_float_of_bits(value), m->err);
            break;
        case NOMUL_VALUE_BOOL:
            ok = nm_gguf_put_bool(&m->header, field->key, value != 0, m->err);
            break;
        default: ok = nm_gguf_put_u32(&m->header, field->key, value, m->err);
        }
        if (!ok) return false;
    }
    return true;
}

static size_t count_stored(const maker *m)
{
    size_t n = 0;

    for (size_t i = 0; i < nm_plan_count(&m->config); i++) {
        nm_planned p;
        stored     s[MOST_STORED];
        nm_plan_get(&m->config, i, &p);
        n += stored_of(m, &p, s);
    }
    return n;
}

/* Room for the checksums, filled in at the end. */
static bool put_hashes(maker *m)
{
    static const uint8_t zeros[8] = {0};
    size_t               n_stored = count_stored(m);

    if (!nm_gguf_put_array(&m->header, "hgrn_bit.tensor_xxh64", NOMUL_VALUE_U64, n_stored, m->err))
        return false;
    m->hashes_at = m->header.n_bytes;
    for (size_t i = 0; i < n_stored; i++)
        if (!nm_gguf_put_bytes(&m->header, zeros, sizeof zeros, m->err)) return false;
    return nm_gguf_put_u64(&m->header, "hgrn_bit.model_id", 0, m->err);
}

static bool put_tensors(maker *m, const nm_planned *p)
{
    stored s[MOST_STORED];
    size_t n = stored_of(m, p, s);

    for (size_t i = 0; i < n; i++) {
        char name[NM_TENSOR_NAME];
        nm_tensor_name(name, p->gguf_name, s[i].suffix);
        if (!nm_gguf_put_tensor(&m->header, name, s[i].type, s[i].n_dims, s[i].dims, m->err))
            return false;
    }
    return true;
}

static bool make_header(maker *m)
{
    if (!nm_gguf_writer_init(&m->header, NM_ALIGNMENT, m->err) ||
        !put_text(m, "general.architecture", NM_ARCHITECTURE) ||
        !put_text(m, "general.name", m->title) || !put_config(m) ||
        !put_text(m, "hgrn_bit.ternary.packing", nm_packings[m->packing].name) ||
        !nm_gguf_put_u32(&m->header, "hgrn_bit.ternary.layout_version", 1, m->err) ||
        !put_hashes(m) || !put_text(m, "tokenizer.ggml.model", "no_vocab"))
        return false;
    for (size_t i = 0; i < nm_plan_count(&m->config); i++) {
        nm_planned p;
        nm_plan_get(&m->config, i, &p);
        if (!put_tensors(m, &p)) return false;
    }
    return nm_gguf_writer_finish(&m->header, m->err);
}

/* ---- The tensors ----------------------------------------------------------------------------- */

static void fill_ones(uint8_t *data, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i += 4) nm_store_f32(data + i, 1.0f);
}

/* Values in (-1, -0.5] and [0.5, 1): any sign and fraction, one exponent. */
static void fill_halves(maker *m, uint8_t *data, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i += 8) {
        uint64_t four = (nm_rng_next(&m->rng) & 0x83FF83FF83FF83FF) | 0x3800380038003800;
        nm_store_u64(data + i, four);
    }
}

/*
 * The bytes that pack writes for groups whose trits from n_cols on are 0: of those that decode to
 * the same trits the smallest.  Repeated to fill the table, so that any random byte finds one.
 */
static void list_codes(nm_packing_id packing, size_t n_cols, uint8_t table[MOST_CODES])
{
    size_t n_trits = nm_packings[packing].group_cols, n = 0;
    bool   seen[243] = {false}; /* 3^5 */

    for (unsigned code = 0; code < 256; code++) {
        int8_t   trits[NM_MAX_GROUP_COLS];
        unsigned number = 0;
        bool     fits = true;

        nm_ternary_decode(packing, (uint8_t)code, trits);
        for (size_t j = 0; j < n_trits; j++) {
            number = 3 * number + (unsigned)(trits[j] + 1);
            if (j >= n_cols && trits[j] != 0) fits = false;
        }
        if (fits && !seen[number]) table[n++] = (uint8_t)code;
        seen[number] = true;
    }
    for (size_t i = n; i < MOST_CODES; i++) table[i] = table[i - n];
}

static void fill_bytes(maker *m, const uint8_t table[MOST_CODES], uint8_t *data, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i += 8) {
        uint64_t eight = nm_rng_next(&m->rng);
        for (size_t j = 0; j < 8; j++) data[i + j] = table[eight >> 8 * j & 0xFF];
    }
}

/* From column n_cols of the row on: some trits of one group, then whole groups. */
static void clear_columns(maker *m, const nm_ternary *w, uint8_t *data)
{
    size_t  group_cols = nm_packings[m->packing].group_cols;
    uint8_t table[MOST_CODES];

    list_codes(m->packing, w->cols % group_cols, table);
    for (size_t tile = 0; tile < w->n_tiles; tile++)
        for (size_t group = w->cols / group_cols; group < w->n_groups; group++) {
            uint8_t *codes = data + nm_ternary_offset(w, tile, group);
            if (group * group_cols < w->cols)
                fill_bytes(m, table, codes, NM_TILE_ROWS);
            else
                memset(codes, 0, NM_TILE_ROWS);
        }
}

static void clear_rows(const nm_ternary *w, uint8_t *data)
{
    size_t n_rows = w->rows % NM_TILE_ROWS; /* of the last tile, if it is not whole */

    for (size_t group = 0; n_rows && group < w->n_groups; group++)
        memset(data + nm_ternary_offset(w, w->n_tiles - 1, group) + n_rows, 0,
               NM_TILE_ROWS - n_rows);
}

/* All of it, then what is padding again. */
static void fill_codes(maker *m, const nm_planned *p, uint8_t *data)
{
    nm_ternary w;
    uint8_t    table[MOST_CODES];

    nm_ternary_init(&w, m->packing, p->rows, p->cols);
    list_codes(m->packing, nm_packings[m->packing].group_cols, table);
    fill_bytes(m, table, data, nm_ternary_bytes(&w));
    clear_columns(m, &w, data);
    clear_rows(&w, data);
    m->codes = data;
}

/* Of the codes that were filled just before. */
static void fill_neg(const maker *m, const nm_planned *p, uint8_t *data)
{
    nm_ternary w;
    int32_t    neg[NM_TILE_ROWS];

    nm_ternary_init(&w, m->packing, p->rows, p->cols);
    w.codes = m->codes;
    for (size_t tile = 0; tile < w.n_tiles; tile++, data += sizeof neg) {
        nm_ternary_neg(&w, tile, neg);
        memcpy(data, neg, sizeof neg);
    }
}

static void fill(maker *m, const nm_planned *p, const stored *s, uint8_t *data, size_t n_bytes)
{
    switch (s->filling) {
    case ZEROS: break;
    case ONES: fill_ones(data, n_bytes); break;
    /* Two trits of three are not 0: sums of cols such trits times 1 come out around 1. */
    case SCALE: nm_store_f32(data, 1 / sqrtf((float)p->cols * 2 / 3)); break;
    case HALVES: fill_halves(m, data, n_bytes); break;
    case CODES: fill_codes(m, p, data); break;
    case NEG: fill_neg(m, p, data); break;
    }
}

/* The file is opened half made: so it says itself where its tensors lie. */
static void fill_tensors(maker *m, const nm_gguf *gguf)
{
    size_t n = 0;

    for (size_t i = 0; i < nm_plan_count(&m->config); i++) {
        nm_planned p;
        stored     s[MOST_STORED];

        nm_plan_get(&m->config, i, &p);
        size_t n_stored = stored_of(m, &p, s);
        for (size_t j = 0; j < n_stored; j++, n++) {
            const nm_gguf_tensor *t = &gguf->tensors[n];
            uint8_t              *data = m->bytes + t->offset;
            fill(m, &p, &s[j], data, (size_t)t->n_bytes);
            nm_store_u64(m->bytes + m->hashes_at + 8 * n, nm_xxh64_of(data, (size_t)t->n_bytes));
        }
    }
}

static bool make_file(maker *m)
{
    nm_gguf gguf = {0};

    if (m->header.data_bytes > SIZE_MAX - m->header.n_bytes)
        return nm_fail(m->err, NOMUL_E_MEMORY, "out of memory: sizes overflow");
    m->n_bytes = m->header.n_bytes + (size_t)m->header.data_bytes;
    m->bytes = nm_alloc(m->n_bytes);
    if (!m->bytes) return nm_fail_memory(m->err, m->n_bytes);
    nm_pages_large(m->bytes, m->n_bytes);
    memset(m->bytes, 0, m->n_bytes);
    memcpy(m->bytes, m->header.bytes, m->header.n_bytes);
    bool ok = nm_gguf_open(&gguf, m->bytes, m->n_bytes, m->err);
    if (ok) fill_tensors(m, &gguf);
    nm_gguf_close(&gguf);
    return ok;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static bool choose_shape(maker *m, const char *name)
{
    for (size_t i = 0; i < N_SHAPES; i++) {
        const struct shape *s = &shapes[i];
        if (strcmp(s->name, name) != 0) continue;
        m->title = s->title;
        m->config = (nm_config){.n_layers = s->n_layers,
                                .dim = s->dim,
                                .ffn = s->ffn,
                                .vocab = s->vocab,
                                .n_ctx_train = 2048,
                                .expand_ratio = 1,
                                .use_lower_bound = 1,
                                .n_heads = 1,
                                .rms_norm_eps = 1e-6f};
        return true;
    }
    return nm_fail(m->err, NOMUL_E_ARG, "shape %.32s: not one of those published", name);
}

static bool choose_packing(maker *m, const char *name)
{
    for (int i = 0; i < NM_PACKINGS; i++) {
        m->packing = (nm_packing_id)i;
        if (strcmp(nm_packings[i].name, name) == 0) return true;
    }
    return nm_fail(m->err, NOMUL_E_ARG, "packing %.32s: not one of nomul's", name);
}

void *nomul_bench_synthesize(const char *shape, const char *packing, size_t *n_bytes,
                             nomul_error *err)
{
    maker m = {.err = err};

    nm_rng_init(&m.rng, 1);
    bool ok =
        choose_shape(&m, shape) && choose_packing(&m, packing) && make_header(&m) && make_file(&m);
    nm_gguf_writer_free(&m.header);
    if (!ok) {
        nm_free(m.bytes);
        return NULL;
    }
    *n_bytes = m.n_bytes;
    return m.bytes;
}

void nomul_bench_free(void *data)
{
    nm_free(data);
}
