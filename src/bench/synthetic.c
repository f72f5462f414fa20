/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Model files of the published shapes with random weights, made in memory: the source of the model
 * writer is a generator of random numbers.  They are valid to the last checksum, so they are opened
 * like any file.
 */
#include "nomul_bench.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/os.h"
#include "base/rng.h"
#include "convert/model_writer.h"
#include "model/session.h"

#include <math.h>
#include <string.h>

/*
 * Zhu et al., arXiv 2406.02528, table 1 and the published checkpoints' config.json.  The first is
 * for tests: nothing in it is a multiple of what the packings pad to.  Nobody has trained the last:
 * it continues the others to 100 * 10^9 parameters.
 */
typedef struct shape {
    const char *name, *title;
    uint32_t    n_layers, dim, ffn, vocab;
} shape;

static const shape shapes[] = {
    {"tiny", "tiny", 2, 250, 383, 300},      {"370m", "370M", 24, 1024, 2816, 32000},
    {"1.3b", "1.3B", 24, 2048, 5632, 32000}, {"2.7b", "2.7B", 32, 2560, 6912, 32000},
    {"13b", "13B", 40, 5120, 13824, 32000},  {"100b", "100B", 79, 10240, 27392, 32000},
};

#define N_SHAPES (sizeof shapes / sizeof *shapes)
#define MOST_CODES 256

const char *nomul_bench_shape(size_t index)
{
    return index < N_SHAPES ? shapes[index].name : NULL;
}

/*
 * Ones for gains, zeros for bounds, a scale that gives results around 1; for the embedding values
 * in (-1, -0.5] and [0.5, 1): any sign and fraction, one exponent.
 */
static bool put_floats(void *context, nm_model_writer *writer, const nm_planned *p,
                       const nm_stored *s)
{
    nm_rng  *rng = context;
    uint8_t  bytes[4096];
    uint64_t n_left = 0;
    /* Two trits of three are not 0: sums of cols such trits times 1 come out around 1. */
    float value = s->part == NM_PART_SCALE  ? 1 / sqrtf((float)p->cols * 2 / 3)
                  : s->part == NM_PART_GAIN ? 1.0f
                                            : 0.0f;

    if (!nm_gguf_tensor_bytes(s->type, s->n_dims, s->dims, &n_left)) return false;
    for (size_t i = 0; i < sizeof bytes; i += 4) nm_store_f32(bytes + i, value);
    for (size_t n; n_left > 0; n_left -= n) {
        n = n_left < sizeof bytes ? (size_t)n_left : sizeof bytes;
        for (size_t i = 0; s->part == NM_PART_EMBEDDING && i < n; i += 8)
            nm_store_u64(bytes + i, (nm_rng_next(rng) & 0x83FF83FF83FF83FF) | 0x3800380038003800);
        if (!nm_model_writer_put(writer, bytes, n)) return false;
    }
    return true;
}

/*
 * The codes that pack writes for a group whose trits from column n_cols on are 0: the smallest of
 * those that decode to the same trits.  They are repeated to fill the table, so that a random byte
 * is an index.
 */
static void list_codes(nm_packing_id packing, size_t n_cols, uint8_t table[MOST_CODES])
{
    const nm_packing *p = &nm_packings[packing];
    size_t            n = 0;

    for (unsigned code = 0; code < 256; code++) {
        int8_t trits[NM_MAX_GROUP_COLS];
        p->decode((uint8_t)code, trits);
        bool fits = p->encode(trits) == code;
        for (size_t j = n_cols; j < p->group_cols; j++) fits &= trits[j] == 0;
        if (fits) table[n++] = (uint8_t)code;
    }
    for (size_t i = n; i < MOST_CODES; i++) table[i] = table[i - n];
}

static void fill_bytes(nm_rng *rng, const uint8_t table[MOST_CODES], uint8_t *data, size_t n_bytes)
{
    for (size_t i = 0; i < n_bytes; i += 8) {
        uint64_t eight = nm_rng_next(rng);
        for (size_t j = 0; j < 8; j++) data[i + j] = table[eight >> 8 * j & 0xFF];
    }
}

/* Random codes everywhere, then zeros again in the padding: columns first, then rows. */
static bool fill_codes(void *context, nm_model_writer *writer, const nm_planned *p)
{
    const nm_ternary *w = &writer->matrix;
    size_t            group_cols = nm_packings[w->packing].group_cols;
    uint8_t           table[MOST_CODES];

    list_codes(w->packing, group_cols, table);
    fill_bytes(context, table, writer->codes, nm_ternary_bytes(w));
    list_codes(w->packing, w->cols % group_cols, table);
    for (size_t tile = 0; tile < w->n_tiles; tile++)
        for (size_t group = w->cols / group_cols; group < w->n_groups; group++) {
            uint8_t *codes = writer->codes + nm_ternary_offset(w, tile, group);
            if (group * group_cols < w->cols) /* a group that is padding in part */
                fill_bytes(context, table, codes, NM_TILE_ROWS);
            else
                memset(codes, 0, NM_TILE_ROWS);
        }
    size_t n_rows = w->rows % NM_TILE_ROWS; /* of the last tile, if it is not whole */
    for (size_t group = 0; n_rows && group < w->n_groups; group++)
        memset(writer->codes + nm_ternary_offset(w, w->n_tiles - 1, group) + n_rows, 0,
               NM_TILE_ROWS - n_rows);
    return nm_model_writer_progress(writer, (uint64_t)p->rows * p->cols);
}

/* ---- Shapes ---------------------------------------------------------------------------------- */

/* One of the names, or "L,d,ffn,vocab"; returns its title, "" for a shape of numbers, or NULL. */
static const char *find_shape(const char *text, nm_config *c, nomul_error *err)
{
    uint32_t   *to[] = {&c->n_layers, &c->dim, &c->ffn, &c->vocab};
    const char *at = text;
    size_t      n = 0;

    *c = nm_config_defaults;
    for (const shape *s = shapes; s < shapes + N_SHAPES; s++) {
        if (strcmp(text, s->name) != 0) continue;
        c->n_layers = s->n_layers, c->dim = s->dim, c->ffn = s->ffn, c->vocab = s->vocab;
        return s->title;
    }
    for (; n < 4 && *at >= '0' && *at <= '9'; n++, at += *at == ',') {
        uint64_t number = 0;
        for (; *at >= '0' && *at <= '9'; at++)
            if (number < UINT32_MAX) number = 10 * number + (uint64_t)(*at - '0');
        *to[n] = number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
    }
    if (n < 4 || *at != '\0' || at[-1] == ',')
        nm_fail(err, NOMUL_E_ARG, "expected 370m, 1.3b, 2.7b, 13b, 100b or L,d,ffn,vocab");
    else if (nm_config_check(c, err))
        return "";
    return nm_fail_in(err, "shape %.64s", text), NULL;
}

bool nomul_bench_is_shape(const char *text, nomul_error *err)
{
    nm_config config;

    return find_shape(text, &config, NM_ERROR(err)) != NULL;
}

/* What the writer is to write; everything but the progress. */
static bool make_spec(const char *text, const char *packing, nm_config *config, nm_model_spec *spec,
                      nomul_error *err)
{
    char        names[NM_PACKING_LIST];
    const char *title = find_shape(text, config, err);

    if (!title) return false;
    *spec = (nm_model_spec){
        .config = config, .embedding = NM_GGUF_F16, .name = *title != '\0' ? title : NULL};
    if (!nm_packing_find(packing, strlen(packing), &spec->packing))
        return nm_fail(err, NOMUL_E_ARG, "packing %.32s: unknown, expected %s", packing,
                       nm_packing_list(names, false, " or "));
    for (size_t i = 0; i < nm_plan_count(config); i++) {
        nm_planned p;
        nm_plan_get(config, i, &p);
        if (p.kind == NM_KIND_BITLINEAR) spec->total += (uint64_t)p.rows * p.cols;
    }
    return true;
}

/* The writer's matrix is freed before the engine is made. */
uint64_t nomul_bench_memory(const char *text, const char *packing,
                            const nomul_session_options *options, size_t n_texts, nomul_error *err)
{
    nm_weights        weights = {0};
    nm_model_spec     spec;
    const nm_kernels *kernels = NULL;
    uint64_t          file, working;

    err = NM_ERROR(err);
    if (!make_spec(text, packing, &weights.config, &spec, err) ||
        !nm_model_write_sizes(&spec, &file, &working, err) ||
        !nm_kernels_choose(&kernels, NULL, err))
        return 0;
    weights.packing = spec.packing;
    size_t n_threads = options->n_threads ? options->n_threads : nm_os_processors();
    size_t n_batch =
        options->n_batch ? options->n_batch : nm_engine_default_batch(&weights, kernels);
    uint64_t text_bytes = nm_session_bytes(&weights) + spec.config->vocab * sizeof(float);
    uint64_t running = nm_engine_bytes(&weights, kernels, n_threads, n_batch);
    running += n_texts * text_bytes;
    return file + (running > working ? running : working);
}

void *nomul_bench_synthesize(const char *text, const char *packing, nomul_progress progress,
                             void *context, size_t *n_bytes, nomul_error *err)
{
    nm_rng                rng;
    nm_config             config;
    nm_model_spec         spec;
    void                 *bytes = NULL;
    const nm_model_source source = {
        .context = &rng, .put_floats = put_floats, .fill_codes = fill_codes};

    err = NM_ERROR(err);
    if (!make_spec(text, packing, &config, &spec, err)) return NULL;
    spec.progress = progress, spec.progress_context = context;
    nm_rng_init(&rng, 1);
    nm_model_write_memory(&spec, &source, &bytes, n_bytes, err);
    return bytes;
}

void nomul_bench_free(void *data)
{
    nm_free(data);
}
