/* SPDX-License-Identifier: Apache-2.0 */
#define _DARWIN_C_SOURCE /* ru_maxrss */
#include "alloc.h"
#include "checkpoints.h"
#include "hf_directory.h"
#include "meter.h"
#include "test.h"

#include "base/half.h"
#include "base/xxh64.h"
#include "convert/convert.h"
#include "format/safetensors.h"
#include "kernels/ternary.h"
#include "model/tensors.h"

#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool convert_as(const char *from, const char *to, nomul_embedding embedding,
                       nm_packing_id packing, nomul_error *err)
{
    nomul_convert_options options = {.size = sizeof options, .no_tokenizer = true};

    options.embedding = embedding, options.pack = nomul_packing_name(packing);
    return nm_convert(from, to, &options, err);
}

static bool convert_to(const char *from, const char *to, nomul_error *err)
{
    return convert_as(from, to, NOMUL_EMBEDDING_F16, NM_T4, err);
}

/* ---- What is in the file --------------------------------------------------------------------- */

/* A checkpoint's tensor in binary32, freed by the caller; NULL with the case failed. */
static float *read_source(const nm_safetensors *st, const char *name, size_t n_values)
{
    const nm_safetensor *t = test_find_tensor(st, name);
    float               *values = malloc(n_values * sizeof *values);
    nomul_error          err;

    CHECK_THAT(t != NULL, "no tensor %s", name);
    if (!t) return values;
    uint8_t *raw = malloc((size_t)t->n_bytes);
    CHECK_OK(nm_file_read(&st->file, t->offset, raw, (size_t)t->n_bytes, &err), err);
    CHECK_INT(t->n_bytes, n_values * (t->dtype == NM_DTYPE_F32 ? 4 : 2));
    for (size_t i = 0; i < n_values; i++)
        values[i] = t->dtype == NM_DTYPE_F32   ? nm_load_f32(raw + 4 * i)
                    : t->dtype == NM_DTYPE_F16 ? nm_float_of_f16(nm_load_u16(raw + 2 * i))
                                               : nm_float_of_bf16(nm_load_u16(raw + 2 * i));
    free(raw);
    return values;
}

/* What a check of one file carries along. */
typedef struct opened {
    nm_safetensors st;
    nm_gguf        gguf;
    char          *bytes;
    nm_config      config;
    nm_packing_id  packing;
    nm_xxh64       model_id; /* as models/FORMAT.md defines it */
    size_t         n_checked;
} opened;

static const nm_gguf_tensor *next_tensor(opened *o, const char *name, const char *suffix,
                                         nm_gguf_type type, uint64_t inner, uint64_t outer)
{
    static const nm_gguf_tensor none;
    char                        full[NM_TENSOR_NAME];

    nm_tensor_name(full, name, suffix);
    const nm_gguf_tensor *t = &o->gguf.tensors[o->n_checked];
    if (o->n_checked == o->gguf.n_tensors) {
        test_fail(__FILE__, __LINE__, "no tensor %s", full);
        return &none;
    }
    CHECK_THAT(t->name.size == strlen(full) && memcmp(t->name.data, full, t->name.size) == 0,
               "tensor %zu is %.*s, not %s", o->n_checked, (int)t->name.size, t->name.data, full);
    CHECK_THAT(t->type == type, "%s: type %s", full, nm_gguf_type_name(t->type));
    CHECK_INT(t->n_dims, outer ? 2 : 1);
    CHECK_INT(t->dims[0], inner);
    if (outer) CHECK_INT(t->dims[1], outer);
    CHECK_INT(t->offset % 64, 0);

    const nm_gguf_key *hashes = nm_gguf_find_key(&o->gguf, "hgrn_bit.tensor_xxh64");
    CHECK(nm_load_u64(hashes->value + 8 * o->n_checked) ==
          nm_xxh64_of(t->data, (size_t)t->n_bytes));
    o->n_checked++;
    if (type == NM_GGUF_I32) return t; /* follows from other tensors */
    nm_xxh64_add(&o->model_id, full, strlen(full));
    if (type != NM_GGUF_I8) nm_xxh64_add(&o->model_id, t->data, (size_t)t->n_bytes);
    return t;
}

static void check_floats(opened *o, const nm_planned *p, const char *suffix, size_t rows)
{
    char name[NM_TENSOR_NAME];
    bool table = p->kind == NM_KIND_TABLE;

    nm_tensor_name(name, p->source_name, suffix);
    float                *want = read_source(&o->st, name, rows * p->cols);
    const nm_gguf_tensor *t =
        next_tensor(o, p->gguf_name, suffix, NM_GGUF_F32, p->cols, table ? rows : 0);
    CHECK_MEM(t->data, want, rows * p->cols * 4, name);
    free(want);
}

static void check_embedding(opened *o, const nm_planned *p)
{
    float                *want = read_source(&o->st, "model.embeddings.weight", p->rows * p->cols);
    const nm_gguf_tensor *t =
        next_tensor(o, "token_embd", ".weight", NM_GGUF_F16, p->cols, p->rows);

    for (size_t i = 0; i < p->rows * p->cols; i++) {
        float got = nm_float_of_f16(nm_load_u16(t->data + 2 * i));
        /* Rounded to eleven bits: half a unit in the last place, or of the subnormals' grid. */
        if (fabsf(got - want[i]) > fmaxf(fabsf(want[i]) * 0x1p-11f, 0x1p-25f))
            test_fail(__FILE__, __LINE__, "element %zu is %g, not %g", i, (double)got,
                      (double)want[i]);
    }
    free(want);
}

/* The definition of model.md, word for word. */
static void quantize(const float *w, size_t n, float *scale, int8_t *codes)
{
    double sum = 0;

    for (size_t i = 0; i < n; i++) sum += fabs((double)w[i]);
    *scale = fmaxf((float)(sum / (double)n), 1e-5f);
    for (size_t i = 0; i < n; i++) codes[i] = (int8_t)fminf(fmaxf(rintf(w[i] / *scale), -1), 1);
}

/* Bytes of a row whose bit 7 is set: counted in the file's own order, a byte at a time. */
static void check_neg(opened *o, const nm_planned *p, const nm_ternary *w)
{
    size_t                n_rows = w->n_tiles * NM_TILE_ROWS;
    const nm_gguf_tensor *t = next_tensor(o, p->gguf_name, ".neg", NM_GGUF_I32, n_rows, 0);

    for (size_t r = 0; r < n_rows; r++) {
        uint32_t n = 0;
        for (size_t g = 0; g < w->n_groups; g++)
            n += w->codes[nm_ternary_offset(w, r / NM_TILE_ROWS, g) + r % NM_TILE_ROWS] >= 0x80;
        CHECK_INT(nm_load_u32(t->data + 4 * r), n);
    }
}

static void check_bitlinear(opened *o, const nm_planned *p)
{
    size_t     n = p->rows * p->cols;
    int8_t    *codes = malloc(n), *row = malloc(p->cols);
    char       name[NM_TENSOR_NAME];
    nm_ternary w;
    float      scale;

    nm_tensor_name(name, p->source_name, ".weight");
    float *source = read_source(&o->st, name, n);
    quantize(source, n, &scale, codes);
    nm_ternary_init(&w, o->packing, p->rows, p->cols);
    w.codes = next_tensor(o, p->gguf_name, ".weight", NM_GGUF_I8, nm_ternary_bytes(&w), 0)->data;
    for (size_t r = 0; r < p->rows; r++) {
        nm_ternary_unpack_row(&w, r, row);
        CHECK_MEM(row, codes + r * p->cols, p->cols, name);
    }
    size_t bad_row, bad_col;
    CHECK(nm_ternary_check(&w, &bad_row, &bad_col));
    nm_xxh64_add(&o->model_id, codes, n);

    const nm_gguf_tensor *t = next_tensor(o, p->gguf_name, ".scale", NM_GGUF_F32, 1, 0);
    CHECK(nm_load_f32(t->data) == scale);
    check_floats(o, p, ".norm.weight", 1);
    if (nm_packings[o->packing].has_neg) check_neg(o, p, &w);
    free(source);
    free(codes);
    free(row);
}

static void check_tensors(opened *o)
{
    for (size_t i = 0; i < nm_plan_count(&o->config); i++) {
        nm_planned p;
        nm_plan_get(&o->config, i, &p);
        if (p.kind == NM_KIND_EMBEDDING)
            check_embedding(o, &p);
        else if (p.kind == NM_KIND_BITLINEAR)
            check_bitlinear(o, &p);
        else
            check_floats(o, &p, p.kind == NM_KIND_TABLE ? "" : ".weight", p.rows);
    }
    CHECK_INT(o->n_checked, o->gguf.n_tensors);
}

static void check_keys(opened *o)
{
    const nm_config *c = &o->config;
    nomul_error      err;
    nm_gguf_text     text = {.data = "", .size = 0};
    uint64_t         id = 0;
    uint8_t          eps[4];
    uint32_t         in_order[] = {c->n_layers,        c->dim,         c->ffn,
                                   c->vocab,           c->n_ctx_train, c->expand_ratio,
                                   c->use_lower_bound, c->n_heads};

    CHECK_OK(nm_gguf_get_string(&o->gguf, "hgrn_bit.ternary.packing", true, &text, &err), err);
    CHECK(text.size == 2 && memcmp(text.data, nm_packings[o->packing].name, 2) == 0);
    CHECK_OK(nm_gguf_get_string(&o->gguf, "tokenizer.ggml.model", true, &text, &err), err);
    CHECK(text.size == 8 && memcmp(text.data, "no_vocab", 8) == 0);
    CHECK(!nm_gguf_find_key(&o->gguf, "tokenizer.ggml.tokens"));
    CHECK(!nm_gguf_find_key(&o->gguf, "general.name"));
    CHECK_INT(o->gguf.alignment, 64);

    for (size_t i = 0; i < sizeof in_order / 4; i++) {
        uint8_t bytes[4];
        nm_store_u32(bytes, in_order[i]);
        nm_xxh64_add(&o->model_id, bytes, 4);
    }
    nm_store_f32(eps, c->rms_norm_eps);
    nm_xxh64_add(&o->model_id, eps, 4);
    CHECK_OK(nm_gguf_get_u64(&o->gguf, "hgrn_bit.model_id", true, &id, &err), err);
    CHECK(id == nm_xxh64_value(&o->model_id));
}

static void check_file(const char *name, nm_packing_id packing, const nm_config *want)
{
    opened      o = {.st = {.file = NM_FILE_CLOSED}, .packing = packing};
    nomul_error err;
    size_t      size;
    char        path[128], model[160];

    test_case("%s in %s: every key, code and number of the file", name, nm_packings[packing].name);
    snprintf(path, sizeof path, "golden/%s", name);
    snprintf(model, sizeof model, "%s/model.safetensors", path);
    const char *to = test_scratch("golden.gguf");
    CHECK_OK(convert_as(test_path(path), to, NOMUL_EMBEDDING_F16, packing, &err), err);
    CHECK_OK(nm_safetensors_open(&o.st, test_path(model), &err), err);
    o.bytes = test_read_file(test_scratch("golden.gguf"), &size);
    nm_xxh64_init(&o.model_id);
    if (nm_gguf_open(&o.gguf, o.bytes, size, NULL, &err)) {
        CHECK_OK(nm_config_read(&o.config, &o.gguf, &err), err);
        CHECK_MEM(&o.config, want, sizeof *want, "config");
        check_tensors(&o);
        check_keys(&o);
    } else {
        CHECK_OK(false, err);
    }
    nm_gguf_close(&o.gguf);
    nm_safetensors_close(&o.st);
    free(o.bytes);
}

static void check_golden(const char *name, const nm_config *want)
{
    for (nm_packing_id id = 0; id < NM_PACKINGS; id++) check_file(name, id, want);
}

static void test_golden(void)
{
    check_golden("odd", &(nm_config){.n_layers = 4,
                                     .dim = 51,
                                     .ffn = 77,
                                     .vocab = 259,
                                     .n_ctx_train = 2048,
                                     .expand_ratio = 1,
                                     .use_lower_bound = 1,
                                     .n_heads = 3,
                                     .rms_norm_eps = 1e-5f});
    check_golden("plain", &(nm_config){.n_layers = 3,
                                       .dim = 96,
                                       .ffn = 160,
                                       .vocab = 512,
                                       .n_ctx_train = 2048,
                                       .expand_ratio = 1,
                                       .use_lower_bound = 1,
                                       .n_heads = 1,
                                       .rms_norm_eps = 1e-6f});
    check_golden("wide-no-bound", &(nm_config){.n_layers = 2,
                                               .dim = 80,
                                               .ffn = 112,
                                               .vocab = 300,
                                               .n_ctx_train = 2048,
                                               .expand_ratio = 2,
                                               .n_heads = 1,
                                               .rms_norm_eps = 1e-6f});
}

/* ---- The same values, the same file ---------------------------------------------------------- */

static void check_same(const char *path, const char *want, size_t n_want)
{
    size_t n;
    char  *got = test_read_file(path, &n);

    CHECK_INT(n, n_want);
    if (n == n_want) CHECK_MEM(got, want, n, path);
    free(got);
}

static void check_variant(const char *dtype, bool shards, const char *want, size_t n_want)
{
    hf_directory d;
    nomul_error  err;
    char         name[64];

    test_case("%s in %s: the same file", dtype, shards ? "two shards" : "one");
    snprintf(name, sizeof name, "same-%s-%d", dtype, shards);
    hf_directory_init(&d, name);
    if (shards)
        hf_directory_save_shards(&d, dtype);
    else
        hf_directory_save_single(&d, dtype);
    CHECK_OK(convert_to(d.path, test_scratch("variant.gguf"), &err), err);
    check_same(test_scratch("variant.gguf"), want, n_want);
    hf_directory_free(&d);
}

static void test_same(void)
{
    static const char *const dtypes[] = {"F32", "F16", "BF16"};
    hf_directory             d;
    nomul_error              err;
    size_t                   n;

    test_case("two runs, the same file");
    hf_directory_init(&d, "same");
    hf_directory_save_single(&d, "F32");
    CHECK_OK(convert_to(d.path, test_scratch("same.gguf"), &err), err);
    char *want = test_read_file(test_scratch("same.gguf"), &n);
    CHECK_OK(convert_to(d.path, test_scratch("same.gguf"), &err), err);
    check_same(test_scratch("same.gguf"), want, n);
    hf_directory_free(&d);
    for (size_t i = 0; i < 3; i++)
        for (int shards = 0; shards < 2; shards++) check_variant(dtypes[i], shards, want, n);
    free(want);
}

/* ---- Options --------------------------------------------------------------------------------- */

static nm_gguf open_file(const char *path, char **bytes)
{
    nm_gguf     gguf = {.data = NULL};
    nomul_error err;
    size_t      size;

    *bytes = test_read_file(path, &size);
    CHECK_OK(nm_gguf_open(&gguf, *bytes, size, NULL, &err), err);
    return gguf;
}

static void check_q8_0(const nm_gguf_tensor *t, const float *values)
{
    size_t n = (size_t)(t->dims[0] * t->dims[1]);

    CHECK_INT(t->n_bytes, n / 32 * 34);
    for (size_t i = 0; i < n; i++) {
        const uint8_t *block = t->data + i / 32 * 34;
        float          amax = 0, d = nm_float_of_f16(nm_load_u16(block));
        for (size_t k = i / 32 * 32; k < i / 32 * 32 + 32; k++)
            amax = fmaxf(amax, fabsf(values[k]));
        CHECK(d == nm_float_of_f16(nm_f16_of_float(amax / 127)));
        CHECK_INT((int8_t)block[2 + i % 32], amax > 0 ? roundf(values[i] * (1 / (amax / 127))) : 0);
    }
}

static void check_embedding_type(hf_directory *d, nomul_embedding embedding, nm_gguf_type type)
{
    const hf_tensor *source = hf_directory_find(d, "model.embeddings.weight");
    nomul_error      err;
    char            *bytes;

    test_case("embedding as %s", nm_gguf_type_name(type));
    CHECK_OK(convert_as(d->path, test_scratch("option.gguf"), embedding, NM_T4, &err), err);
    nm_gguf               gguf = open_file(test_scratch("option.gguf"), &bytes);
    const nm_gguf_tensor *t = nm_gguf_find_tensor(&gguf, "token_embd.weight");
    CHECK(t && t->type == type);
    if (t && type == NM_GGUF_F32)
        CHECK_MEM(t->data, source->values, source->n_values * 4, "values");
    if (t && type == NM_GGUF_Q8_0) check_q8_0(t, source->values);
    nm_gguf_close(&gguf);
    free(bytes);
}

static void check_name(const hf_directory *d)
{
    nomul_convert_options options = {.size = sizeof options, .no_tokenizer = true, .name = "nomen"};
    nm_gguf_text          text = {.data = "", .size = 0};
    nomul_error           err;
    char                 *bytes;

    test_case("general.name is what the option says");
    CHECK_OK(nm_convert(d->path, test_scratch("option.gguf"), &options, &err), err);
    nm_gguf gguf = open_file(test_scratch("option.gguf"), &bytes);
    CHECK_OK(nm_gguf_get_string(&gguf, "general.name", true, &text, &err), err);
    CHECK(text.size == 5 && memcmp(text.data, "nomen", 5) == 0);
    nm_gguf_close(&gguf);
    free(bytes);
}

static void test_options(void)
{
    hf_directory d;

    hf_directory_init(&d, "options");
    memset(hf_directory_find(&d, "model.embeddings.weight")->values + 32, 0, 32 * sizeof(float));
    hf_directory_save_single(&d, "F32");
    check_embedding_type(&d, NOMUL_EMBEDDING_F32, NM_GGUF_F32);
    check_embedding_type(&d, NOMUL_EMBEDDING_Q8_0, NM_GGUF_Q8_0);
    check_name(&d);
    hf_directory_free(&d);
}

/* ---- Warnings -------------------------------------------------------------------------------- */

static void hear(void *heard, const char *text)
{
    snprintf(heard, 2048, "%s", text);
}

/* The checkpoint's embedding has one value that F16 rounds. */
static void test_narrowed(void)
{
    static const struct {
        nomul_embedding embedding;
        const char     *says;
    } rows[] = {
        {NOMUL_EMBEDDING_F16, ": 1 of 9600 values of the embedding were rounded to F16 "
                              "(--embedding f32 keeps them as they are)"},
        {NOMUL_EMBEDDING_F32, ""},
        {NOMUL_EMBEDDING_Q8_0, ""},
    };
    nomul_convert_options options;
    nomul_error           err;
    hf_directory          d;
    char                  heard[2048], output[1024];

    test_case("a binary32 embedding says what F16 rounds");
    hf_directory_init(&d, "narrowed");
    snprintf(output, sizeof output, "%s", test_scratch("narrowed.gguf"));
    for (int changed = 0; changed < 2; changed++) {
        if (changed) hf_directory_find(&d, "model.embeddings.weight")->values[5] = 0.1f;
        hf_directory_save_single(&d, "F32");
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            nomul_convert_options_init(&options);
            options.no_tokenizer = true;
            options.embedding = rows[i].embedding;
            options.warning = hear, options.warning_context = heard;
            heard[0] = '\0';
            CHECK_OK(nomul_convert(d.path, output, &options, &err) == NOMUL_OK, err);
            const char *says = changed && rows[i].says[0] ? heard + strlen(output) : heard;
            CHECK_STR(says, changed ? rows[i].says : "");
        }
    }
    hf_directory_free(&d);
}

/* ---- Progress -------------------------------------------------------------------------------- */

static void test_progress(void)
{
    meter                 m = {.stop_at = UINT64_MAX};
    nomul_convert_options options = {.size = sizeof options,
                                     .no_tokenizer = true,
                                     .progress = count_progress,
                                     .progress_context = &m};
    const char  *folder = test_scratch("cancelled"), *output = test_scratch("cancelled/out.gguf");
    hf_directory d;
    nomul_error  err;

    test_case("progress rises from 0 to all bytes of tensors");
    mkdir(folder, 0777);
    hf_directory_init(&d, "progress");
    hf_directory_save_single(&d, "F32");
    CHECK_OK(nm_convert(d.path, output, &options, &err), err);
    CHECK(!m.backwards && m.last == m.total);
    CHECK_INT(m.total, 127648);
    CHECK_INT(m.n_calls, 1 + d.n_tensors);
    CHECK(remove(output) == 0);

    test_case("cancelled anywhere, nothing is left");
    for (size_t stop = 1, n = m.n_calls; stop <= n; stop++) {
        m = (meter){.stop_at = stop};
        CHECK_FAILS(nm_convert(d.path, output, &options, &err), err, "cancelled");
        CHECK_INT(err.code, NOMUL_E_CANCELLED);
        CHECK_INT(hf_count_files(folder), 0);
    }
    hf_directory_free(&d);
}

/* ---- Memory ---------------------------------------------------------------------------------- */

static void test_no_memory(void)
{
    const char           *folder = test_scratch("no-memory");
    const char           *output = test_scratch("no-memory/out.gguf");
    nomul_convert_options options = {.size = sizeof options};
    hf_directory          d;
    nomul_error           err;
    size_t                k = 1, live = alloc_live();

    test_case("whichever allocation fails, nothing is left");
    mkdir(folder, 0777);
    hf_directory_init(&d, "no-memory-model");
    hf_directory_save_shards(&d, "BF16");
    hf_directory_copy(&d, test_path("golden/small/tokenizer.json"), "tokenizer.json");
    for (;; k++) {
        alloc_fail_at(k);
        bool ok = nm_convert(d.path, output, &options, &err);
        bool failed = alloc_failed();
        alloc_fail_at(0);
        CHECK_INT(alloc_live(), live);
        if (!failed) {
            CHECK_OK(ok, err);
            break;
        }
        CHECK_THAT(!ok && err.code == NOMUL_E_MEMORY, "allocation %zu: %s", k,
                   ok ? "fine" : err.text);
        CHECK_INT(hf_count_files(folder), 0);
    }
    CHECK(k > 10);
    hf_directory_free(&d);
}

/*
 * A file whose tensors are holes, but for one number each: it takes no disk.  Embedding and head
 * are in BF16, the layers in F32.
 */
static void write_sparse(const hf_directory *d, const char *name)
{
    static const uint8_t one[4] = {0, 0, 0x80, 0x3F}; /* 1 as F32, and behind its zero as BF16 */
    char                *header = calloc(d->n_tensors + 1, 256);
    uint64_t             at = 0;
    uint64_t             begin[64];

    strcpy(header, "........{");
    for (size_t i = 0; i < d->n_tensors; i++) {
        const hf_tensor *t = &d->tensors[i];
        bool             wide = strstr(t->name, "layers") != NULL;
        uint64_t         n = t->shape[0] * (t->n_dims == 2 ? t->shape[1] : 1) * (wide ? 4 : 2);
        char             second[24] = "";
        if (t->n_dims == 2) snprintf(second, sizeof second, ",%" PRIu64, t->shape[1]);
        sprintf(header + strlen(header),
                "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[%" PRIu64 "%s],\"data_offsets\":[%" PRIu64
                ",%" PRIu64 "]}",
                i ? "," : "", t->name, wide ? "F32" : "BF16", t->shape[0], second, at, at + n);
        begin[i] = at;
        at += n;
    }
    strcat(header, "}");
    size_t n_header = strlen(header);
    nm_store_u64(header, n_header - 8);
    int fd = open(hf_directory_path(d, name), O_WRONLY | O_CREAT | O_TRUNC, 0666);
    CHECK(pwrite(fd, header, n_header, 0) == (ssize_t)n_header);
    CHECK(ftruncate(fd, (off_t)(n_header + at)) == 0);
    for (size_t i = 0; i < d->n_tensors; i++)
        CHECK(pwrite(fd, one, 4, (off_t)(n_header + begin[i])) == 4);
    close(fd);
    free(header);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif

/* Peak resident kilobytes of a process that converts, or 0 where it fails. */
static long measure_peak(const char *from, const char *to)
{
    int  ends[2];
    long peak = 0;

    CHECK(pipe(ends) == 0);
    pid_t child = fork();
    if (child == 0) {
        struct rusage usage;
        nomul_error   err;
        bool          ok = convert_to(from, to, &err) && getrusage(RUSAGE_SELF, &usage) == 0;
        if (ok) peak = usage.ru_maxrss;
#ifdef __APPLE__
        peak /= 1024; /* bytes there */
#endif
        _exit(write(ends[1], &peak, sizeof peak) != sizeof peak);
    }
    CHECK(child > 0 && waitpid(child, NULL, 0) == child);
    CHECK(read(ends[0], &peak, sizeof peak) == sizeof peak);
    close(ends[0]), close(ends[1]);
    return peak;
}

static void test_peak(void)
{
    nm_config    config = {.n_layers = 4,
                           .dim = 1024,
                           .ffn = 1024,
                           .vocab = 256,
                           .n_ctx_train = 2048,
                           .expand_ratio = 1,
                           .n_heads = 1,
                           .rms_norm_eps = 1e-6f};
    hf_directory d;

    test_case("peak memory below twice the largest tensor + 64 MB");
#ifdef SANITIZED
    (void)config, (void)d, (void)measure_peak, (void)write_sparse;
    test_skip("a sanitizer's own memory can't be told from ours");
#else
    /* 29 MB a layer, 8 of them gate_proj: together 117, beyond the bound of 84. */
    long bound = (2 * 4L * 2 * config.ffn * config.dim + (64L << 20)) / 1024;
    hf_directory_init_sized(&d, "peak", &config);
    write_sparse(&d, "model.safetensors");
    long peak = measure_peak(d.path, test_scratch("peak.gguf"));
    CHECK_THAT(peak > 0 && peak < bound, "%ld kB, expected less than %ld", peak, bound);
    CHECK(remove(hf_directory_path(&d, "model.safetensors")) == 0);
    CHECK(remove(test_scratch("peak.gguf")) == 0);
    hf_directory_free(&d);
#endif
}

void test_convert(void)
{
    test_golden();
    test_same();
    test_options();
    test_narrowed();
    test_progress();
    test_no_memory();
    test_peak();
}
