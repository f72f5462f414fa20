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
        if (!nm_model_writer_put(writer, bytes, n) || !nm_model_writer_progress(writer, 0))
            return false;
    }
    return true;
}

/*
 * Random trits, the same in every packing: 32 bits, read as a fraction, have so many digits to base
 * 3, and a code of the packing is the next four or five of them.
 */
#define DRAWN_COLS 20 /* 3^20 < 2^32; each packing's group_cols divides it */

/* The codes of a group, by its digits; trits from column n_cols on are 0.  Returns their number. */
static uint32_t list_codes(const nm_packing *p, size_t n_cols, uint8_t table[MOST_CODES])
{
    uint32_t n_codes = 1;

    for (size_t j = 0; j < p->group_cols; j++) n_codes *= 3;
    for (uint32_t i = 0; i < n_codes; i++) {
        int8_t   trits[NM_MAX_GROUP_COLS] = {0};
        uint32_t digits = i;
        for (size_t j = p->group_cols; j-- > 0; digits /= 3)
            if (j < n_cols) trits[j] = (int8_t)(digits % 3) - 1;
        table[i] = p->encode(trits);
    }
    return n_codes;
}

/* The codes are zeros, and stay so in the padding. */
static bool fill_codes(void *context, nm_model_writer *writer, const nm_planned *planned)
{
    const nm_ternary *w = &writer->matrix;
    const nm_packing *p = &nm_packings[w->packing];
    size_t            cols = p->group_cols;
    uint8_t           whole[MOST_CODES], part[MOST_CODES];
    uint32_t          rest[NM_TILE_ROWS], n_codes = list_codes(p, cols, whole);

    (void)planned;
    list_codes(p, w->cols % cols, part);
    for (size_t tile = 0; tile < w->n_tiles; tile++) {
        size_t n_rows = nm_smaller(w->rows - tile * NM_TILE_ROWS, NM_TILE_ROWS);
        for (size_t col = 0; col < w->cols; col += cols) {
            uint8_t       *codes = writer->codes + nm_ternary_offset(w, tile, col / cols);
            const uint8_t *table = col + cols <= w->cols ? whole : part;
            for (size_t row = 0; col % DRAWN_COLS == 0 && row < NM_TILE_ROWS; row += 2) {
                uint64_t two = nm_rng_next(context);
                rest[row] = (uint32_t)two, rest[row + 1] = (uint32_t)(two >> 32);
            }
            for (size_t row = 0; row < n_rows; row++) {
                uint64_t digits = (uint64_t)rest[row] * n_codes;
                codes[row] = table[digits >> 32], rest[row] = (uint32_t)digits;
            }
        }
        if (!nm_model_writer_progress(writer, (uint64_t)n_rows * w->cols)) return false;
    }
    return true;
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
        size_t n_digits = strspn(at, "0123456789");
        if (n_digits > 9) {
            nm_fail(err, NOMUL_E_ARG, "%.*s is too large", (int)nm_smaller(n_digits, 64), at);
            return nm_fail_in(err, "shape %.64s", text), NULL;
        }
        for (*to[n] = 0; n_digits > 0; n_digits--) *to[n] = 10 * *to[n] + (uint32_t)(*at++ - '0');
    }
    if (n < 4 || *at != '\0' || at[-1] == ',')
        nm_fail(err, NOMUL_E_ARG,
                "expected 370m, 1.3b, 2.7b, 13b, 100b or layers,width,feed-forward,vocabulary");
    else if (nm_config_check(c, err))
        return "";
    return nm_fail_in(err, "shape %.64s", text), NULL;
}

bool nomul_bench_is_shape(const char *text, nomul_error *err)
{
    nomul_error own;
    nm_config   config;

    return find_shape(text, &config, nm_error_or(err, &own)) != NULL;
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
    nomul_error       own;
    nm_weights        weights = {0};
    nm_model_spec     spec;
    const nm_kernels *kernels = NULL;
    uint64_t          file, working;

    err = nm_error_or(err, &own);
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
    nomul_error           own;
    nm_rng                rng;
    nm_config             config;
    nm_model_spec         spec;
    void                 *bytes = NULL;
    const nm_model_source source = {
        .context = &rng, .put_floats = put_floats, .fill_codes = fill_codes};

    err = nm_error_or(err, &own);
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
