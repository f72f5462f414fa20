/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The image: the bytes of the model file as they are; then a record per layer and one for the head;
 * then the lower bounds, computed, or a vector of zeros for all layers without any, which changes
 * nothing: 0 + (1 - 0) f = f; then the embedding as floats if the core cannot read the stored one,
 * which is so if it is Q8_0 or its rows are not whole beats.
 */
#include "rtl/host/rtl_image.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"

#include <string.h>

#define UNIT 16 /* addresses count so many bytes */
#define ADDRESSES ((uint64_t)UINT32_MAX * UNIT)
#define RECORD_WORDS 32 /* addresses, from word 16 on scales */
#define FIRST_SCALE 16
#define MAX_COLS (1 << 15)  /* what 24 bits of a sum are enough for */
#define MAX_VOCAB (1 << 17) /* ids have 17 bits */
#define MAX_LAYERS 1023

enum { CONTROL, ID, LAYERS, RECORDS, EMBEDDING, EMBEDDING_ROW, FLAGS };
enum { COUNTS = 0x08, BLOCKS = 0x10, GAINS = 0x14, SCALARS = 0x18, POINTERS = 0x20 };
enum { N_GAINS = 4, N_POINTERS = 11 };
enum { FLAG_T5 = 1, FLAG_HALF = 2 };

/* What is appended to the file, as offsets in the image. */
typedef struct layout {
    size_t records, bounds, bounds_step, embedding, size;
    bool   own_embedding;
} layout;

static size_t beats(size_t bytes, const nm_rtl_core *core)
{
    return (bytes + 4 * core->lanes - 1) / (4 * core->lanes);
}

/*
 * Addresses of the image, each region aligned:
 *
 *     model file | records: one per layer, the head's | bounds of the layers | own embedding
 */
static layout lay_out(const nm_rtl_core *core, const nomul_model *model)
{
    const nm_weights *w = &model->weights;
    const nm_config  *c = &w->config;
    size_t            e = nm_config_state_dim(c), file = nm_round_up(model->gguf.size, NM_ALIGN);
    size_t            row = w->embedding->n_bytes / c->vocab;
    layout            l = {.records = file};

    l.own_embedding = w->embedding->type == NM_GGUF_Q8_0 || row % (4 * core->lanes) != 0;
    l.bounds = l.records + (c->n_layers + 1) * RECORD_WORDS * sizeof(uint32_t);
    l.bounds = nm_round_up(l.bounds, NM_ALIGN);
    l.bounds_step = nm_round_up(e * sizeof(float), NM_ALIGN);
    l.embedding = l.bounds + (w->bounds ? c->n_layers : 1) * l.bounds_step;
    l.size = l.embedding;
    if (l.own_embedding) l.size += c->vocab * nm_round_up(c->dim * sizeof(float), NM_ALIGN);
    return l;
}

static void put_word(nm_rtl_image *image, size_t record, size_t word, uint32_t value)
{
    nm_store_u32(image->bytes + record + word * sizeof value, value);
}

static void put_address(nm_rtl_image *image, size_t record, size_t word, size_t offset)
{
    put_word(image, record, word, (uint32_t)(offset / UNIT));
}

/* The order of the words in a record, as program.txt has it. */
static void put_layer(nm_rtl_image *image, const nomul_model *model, size_t record,
                      const nm_layer *layer, size_t bounds)
{
    const uint8_t      *file = model->gguf.data;
    const nm_mlgru     *m = &layer->mlgru;
    const nm_glu       *glu = &layer->glu;
    const nm_bitlinear *products[] = {&m->f_proj, &m->i_proj,         &m->g_proj,
                                      &m->o_proj, &glu->gate_up_proj, &glu->down_proj};
    /* clang-format off */
    const float *gains[] = {
        layer->attn_gain, m->f_proj.gain, m->i_proj.gain, m->g_proj.gain, NULL, m->g_gain,
        m->o_proj.gain, layer->ffn_gain, glu->gate_up_proj.gain, glu->down_proj.gain,
    };
    /* clang-format on */
    size_t n_gains = sizeof gains / sizeof *gains, n_products = sizeof products / sizeof *products;

    for (size_t i = 0; i < n_gains; i++)
        put_address(image, record, i,
                    gains[i] ? (size_t)((const uint8_t *)gains[i] - file) : bounds);
    for (size_t i = 0; i < n_products; i++) {
        if (!products[i]->w.codes) continue;
        put_address(image, record, n_gains + i, (size_t)(products[i]->w.codes - file));
        put_word(image, record, FIRST_SCALE + i, nm_bits_of_float(products[i]->w.scale));
    }
}

static void put_records(nm_rtl_image *image, const nomul_model *model, const layout *l)
{
    const nm_weights *w = &model->weights;
    size_t            n_layers = w->config.n_layers, step = RECORD_WORDS * sizeof(uint32_t);
    size_t            e = nm_config_state_dim(&w->config);

    for (size_t i = 0; i < n_layers; i++) {
        size_t bounds = l->bounds + (w->bounds ? i * l->bounds_step : 0);
        if (w->layers[i].mlgru.bound)
            for (size_t k = 0; k < e; k++)
                nm_store_u32(image->bytes + bounds + k * sizeof(float),
                             nm_bits_of_float(w->layers[i].mlgru.bound[k]));
        put_layer(image, model, l->records + i * step, &w->layers[i], bounds);
    }
    const nm_layer head = {.attn_gain = w->output_gain, .mlgru.f_proj = w->output};
    put_layer(image, model, l->records + n_layers * step, &head, l->bounds);
}

static void put_embedding(nm_rtl_image *image, const nomul_model *model, const layout *l)
{
    const nm_weights *w = &model->weights;
    size_t            dim = w->config.dim, row = nm_round_up(dim * sizeof(float), NM_ALIGN);
    bool              half = !l->own_embedding && w->embedding->type == NM_GGUF_F16;
    size_t            at = (size_t)(w->embedding->data - model->gguf.data);

    if (l->own_embedding)
        for (size_t id = 0; id < w->config.vocab; id++) {
            float *x = (float *)(void *)(image->bytes + l->embedding + id * row);
            nm_weights_embedding(w, x, (int32_t)id);
        }
    image->registers[EMBEDDING] = (uint32_t)((l->own_embedding ? l->embedding : at) / UNIT);
    image->registers[EMBEDDING_ROW] =
        (uint32_t)((l->own_embedding ? row : w->embedding->n_bytes / w->config.vocab) / UNIT);
    image->registers[FLAGS] =
        (w->packing == NM_T5 ? FLAG_T5 : 0u) | (half ? (uint32_t)FLAG_HALF : 0u);
    image->registers[SCALARS + 4] = nm_bits_of_float(half ? 0x1p112f : 1.0f);
}

/* Full K blocks of a row, and the groups beyond. */
static uint32_t k_blocks(const nm_weights *w, size_t cols)
{
    nm_ternary matrix;

    nm_ternary_init(&matrix, w->packing, 1, cols);
    size_t full = nm_packings[w->packing].block_groups;
    return (uint32_t)(matrix.n_groups / full | matrix.n_groups % full << 8);
}

/*
 * Where the vectors lie in the core's own memories, in strips; how many strips of each memory that
 * takes.  u is no longer needed when i is written, nor v when g is, nor f, i and g when sa and the
 * ring of two blocks are.  The gain memory has room for two gains of d or e elements and for one of
 * n, in whose place the bounds are before that is read.
 *
 *     main   x   f u v     h of layer 0, 1, ...        gains   gain0 gain1 gain2
 *                f i g                                                     bound
 *                sa ring
 *
 * The block before the ring's first one is its second one, so `up` may begin there.
 */
static void put_vectors(nm_rtl_image *image, const nm_rtl_core *core, const nm_config *c)
{
    size_t d = beats(c->dim * sizeof(float), core), n = c->ffn;
    size_t e = beats(nm_config_state_dim(c) * sizeof(float), core);
    size_t wide = nm_larger(d, e), first = d;
    size_t elements = core->lanes == 4 ? 64 : 128, block = elements / core->lanes;
    size_t blocks = nm_round_up(n, elements) / elements;
    size_t ring = nm_round_up(first + blocks * block, 2 * block);
    size_t h = nm_larger(first + 3 * wide, ring + 2 * block);
    size_t ab = ring + blocks % 2 * block;
    size_t up =
        ring + (2 * block - (blocks * elements - n + core->lanes - 1) / core->lanes) % (2 * block);
    const size_t strips[N_POINTERS] = {
        0,  first + wide, first + 2 * wide, first, first + wide, first + 2 * wide, h, first, ab,
        up, ring};
    uint32_t *to = image->registers + POINTERS, *gains = image->registers + GAINS;

    for (size_t i = 0; i < N_POINTERS; i++) to[i] = (uint32_t)strips[i];
    to[9] |= (uint32_t)(n % core->lanes) << 28;
    wide++; /* a beat of binary16 is two strips */
    for (size_t i = 0; i < 3; i++) gains[i] = (uint32_t)(i * wide);
    gains[3] = gains[2];
    image->state_strip = h;
    image->state_step = e;
    image->main_strips = h + c->n_layers * e;
    image->gain_strips = 2 * wide + nm_larger(beats(n * sizeof(float), core), e);
}

const char *nm_rtl_error_text(uint32_t status)
{
    return status & NM_RTL_E_LIMITS    ? "the registers ask for more than the core has"
           : status & NM_RTL_E_SILENCE ? "the memory does not answer"
           : status & NM_RTL_E_BUS     ? "the memory answered with an error"
                                       : "";
}

static bool check_fits(const char *what, size_t needed, size_t limit, nomul_error *err)
{
    if (needed <= limit) return true;
    return nm_fail(err, NOMUL_E_ARG, "%s: the model needs %zu, the core has %zu", what, needed,
                   limit);
}

bool nm_rtl_image_make(nm_rtl_image *image, const nm_rtl_core *core, const nomul_model *model,
                       nomul_error *err)
{
    const nm_config *c = &model->weights.config;
    const size_t counts[] = {c->dim, nm_config_state_dim(c), c->ffn, c->vocab, (size_t)2 * c->ffn};
    size_t       widest = nm_plan_max_cols(c);
    layout       l = lay_out(core, model);

    *image = (nm_rtl_image){.size = l.size};
    uint32_t blocks = k_blocks(&model->weights, widest);
    size_t   full = nm_packings[model->weights.packing].block_groups;
    put_vectors(image, core, c);
    if (!check_fits("columns", widest, MAX_COLS, err) ||
        !check_fits("tokens", c->vocab, MAX_VOCAB, err) ||
        !check_fits("layers", c->n_layers, MAX_LAYERS, err) ||
        !check_fits("groups of q", (blocks & 255) * full + (blocks >> 8), core->q_groups, err) ||
        !check_fits("strips of the main memory", image->main_strips, core->m_strips, err) ||
        !check_fits("strips of the gain memory", image->gain_strips, core->g_strips, err) ||
        !check_fits("units of 16 bytes", l.size / UNIT, UINT32_MAX, err))
        return false;
    image->bytes = nm_alloc(l.size);
    if (!image->bytes) return nm_fail(err, NOMUL_E_MEMORY, "no memory for an image of %zu", l.size);
    memset(image->bytes, 0, l.size);
    memcpy(image->bytes, model->gguf.data, model->gguf.size);
    image->registers[RECORDS] = (uint32_t)(l.records / UNIT);
    image->registers[LAYERS] = c->n_layers;
    for (size_t i = 0; i < 5; i++) image->registers[COUNTS + i] = (uint32_t)counts[i];
    for (size_t i = 0; i < 3; i++) {
        image->registers[BLOCKS + i] = k_blocks(&model->weights, counts[i]);
        image->registers[SCALARS + i] = nm_bits_of_float((float)counts[i]);
    }
    image->registers[SCALARS + 3] = nm_bits_of_float(c->rms_norm_eps);
    put_records(image, model, &l);
    put_embedding(image, model, &l);
    return true;
}

bool nm_rtl_image_move(nm_rtl_image *image, uint64_t base, nomul_error *err)
{
    uint32_t units = (uint32_t)(base / UNIT);
    uint8_t *record = image->bytes + (size_t)image->registers[RECORDS] * UNIT;

    if (base % 64) return nm_fail(err, NOMUL_E_ARG, "base: not a multiple of 64");
    if (base > ADDRESSES || image->size > ADDRESSES - base)
        return nm_fail(err, NOMUL_E_ARG, "base: the image of %zu bytes would end beyond 2^36 - 16",
                       image->size);
    for (size_t i = 0; i <= image->registers[LAYERS]; i++, record += RECORD_WORDS * 4)
        for (size_t word = 0; word < FIRST_SCALE; word++)
            nm_store_u32(record + 4 * word, nm_load_u32(record + 4 * word) + units);
    image->registers[RECORDS] += units;
    image->registers[EMBEDDING] += units;
    return true;
}

void nm_rtl_image_place(nm_rtl_image *image, size_t main, size_t gain)
{
    for (size_t i = 0; i < N_POINTERS; i++) image->registers[POINTERS + i] += (uint32_t)main;
    for (size_t i = 0; i < N_GAINS; i++) image->registers[GAINS + i] += (uint32_t)gain;
    image->state_strip += main;
}

void nm_rtl_image_close(nm_rtl_image *image)
{
    nm_free(image->bytes);
    *image = (nm_rtl_image){0};
}
