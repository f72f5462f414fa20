/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The fourth source of the model writer, and three small writers of the formats that convert reads:
 * config.json, model.safetensors, and the tokenizer as SentencePiece has it.  Every file is written
 * beside its name and renamed when it is complete.
 */
#include "train/export.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/error.h"
#include "base/file.h"
#include "base/json.h"
#include "base/os.h"
#include "convert/hf_sampling.h"
#include "convert/model_writer.h"
#include "format/token_keys.h"
#include "nomul_model.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool nm_export_path(char path[NM_EXPORT_PATH], const char *folder, const char *name,
                    nomul_error *err)
{
    int n = snprintf(path, NM_EXPORT_PATH, "%s/%s", folder, name);

    return (n > 0 && n < NM_EXPORT_PATH) ||
           nm_fail(err, NOMUL_E_ARG, "%.100s: the name of the folder is too long", folder);
}

/* ---- The model file -------------------------------------------------------------------------- */

/* The context of the source below. */
typedef struct exporter {
    const nm_latent       *latent;
    const nm_hf_tokenizer *tokenizer;
} exporter;

/* The tensor of this name, by a search: a file is written once, with a few hundred tensors. */
static const nm_latent_tensor *find_tensor(const nm_latent *l, const nm_planned *p,
                                           const char *suffix)
{
    const nm_latent_tensor *t = l->tensors;
    char                    name[NM_TENSOR_NAME];

    nm_tensor_name(name, p->source_name, suffix);
    while (strcmp(t->name, name) != 0) t++; /* both are made of the plan */
    return t;
}

static const nm_latent_matrix *find_matrix(const nm_latent *l, const nm_planned *p)
{
    const nm_latent_tensor *t = find_tensor(l, p, ".weight");
    const nm_latent_matrix *m = l->matrices;

    while (m->weight_at != t->at) m++;
    return m;
}

static void put_tokenizer(void *context, nm_gguf_writer *header)
{
    nm_hf_tokenizer_write(((exporter *)context)->tokenizer, header);
}

/* What is stored of a planned tensor beside codes: values, the scale of a matrix, the embedding. */
static bool put_floats(void *context, nm_model_writer *writer, const nm_planned *p,
                       const nm_stored *s)
{
    const nm_latent *l = ((exporter *)context)->latent;

    if (s->part == NM_PART_EMBEDDING)
        return nm_model_writer_put(writer, l->stored, (size_t)l->embedding.n_bytes);
    if (s->part == NM_PART_SCALE)
        return nm_model_writer_put(writer, &find_matrix(l, p)->layer->w.scale, sizeof(float));
    const nm_latent_tensor *t = find_tensor(l, p, s->suffix); /* the host is little-endian */
    return nm_model_writer_put(writer, l->values + t->at, t->rows * t->cols * sizeof(float));
}

/* The trits of the last quantization, row by row, into the writer's packing. */
static bool fill_codes(void *context, nm_model_writer *writer, const nm_planned *p)
{
    const nm_latent_matrix *m = find_matrix(((exporter *)context)->latent, p);

    for (size_t r = 0; r < m->rows; r++) nm_model_writer_pack(writer, r, m->trits + r * m->cols);
    return true;
}

static nm_model_spec spec_of(const nm_latent *l, const char *name)
{
    nm_model_spec spec = {.config = &l->config, .packing = NM_T4, .name = name};

    spec.embedding = l->embedding.type, spec.identified = true;
    return spec;
}

static nm_model_source source_of(exporter *x)
{
    return (nm_model_source){.context = x,
                             .put_tokenizer = x->tokenizer ? put_tokenizer : NULL,
                             .put_floats = put_floats,
                             .fill_codes = fill_codes};
}

bool nm_export_model(const nm_latent *l, const nm_hf_tokenizer *tokenizer, const char *name,
                     const char *folder, nomul_error *err)
{
    char                  path[NM_EXPORT_PATH];
    exporter              x = {l, tokenizer};
    const nm_model_source source = source_of(&x);
    nm_model_spec         spec = spec_of(l, name);

    return nm_export_path(path, folder, "model.gguf", err) &&
           nm_hf_sampling_read(folder, &spec.sampling, &spec.sampling_rows, err) &&
           nm_model_write_file(&spec, &source, path, err);
}

bool nm_export_memory(const nm_latent *l, const nm_hf_tokenizer *tokenizer, void **bytes,
                      size_t *n_bytes, nomul_error *err)
{
    exporter              x = {l, tokenizer};
    const nm_model_source source = source_of(&x);
    const nm_model_spec   spec = spec_of(l, NULL);

    return nm_model_write_memory(&spec, &source, bytes, n_bytes, err);
}

/* ---- Checkpoint ------------------------------------------------------------------------------ */

/* printf to a file. */
static bool print(nm_outfile *out, nomul_error *err, const char *format, ...) NM_PRINTF(3, 4);
static bool print(nm_outfile *out, nomul_error *err, const char *format, ...)
{
    char    line[512];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(line, sizeof line, format, args);
    va_end(args);
    return nm_outfile_write(out, line, (size_t)n, err);
}

/* Commits if all went well; nothing is left otherwise. */
static bool finish(nm_outfile *out, bool ok, nomul_error *err)
{
    ok = ok && nm_outfile_commit(out, err);
    nm_outfile_abort(out);
    return ok;
}

/*
 * As the values are one array, in the order of the tensors, they are one write:
 *
 *     length of the header, u64 | {"name":{"dtype","shape","data_offsets"}, ..} and spaces | values
 *     0                           8                                            a multiple of 8
 *
 * The length is known last and written over the 0 that stood for it.
 */
bool nm_export_safetensors(const nm_latent *l, const char *path, nomul_error *err)
{
    nm_outfile out = {.fd = -1};
    uint8_t    length[8] = {0};

    bool ok = nm_outfile_open(&out, path, (nm_watch){0}, err) &&
              nm_outfile_write(&out, length, 8, err) &&
              print(&out, err, "{\"__metadata__\":{\"format\":\"pt\"}");
    for (const nm_latent_tensor *t = l->tensors; ok && t < l->tensors + l->n_tensors; t++) {
        size_t begin = t->at * sizeof(float), end = begin + t->rows * t->cols * sizeof(float);
        ok = t->is_matrix ? print(&out, err, ",\"%s\":{\"dtype\":\"F32\",\"shape\":[%zu,%zu],",
                                  t->name, t->rows, t->cols)
                          : print(&out, err, ",\"%s\":{\"dtype\":\"F32\",\"shape\":[%zu],", t->name,
                                  t->cols);
        ok = ok && print(&out, err, "\"data_offsets\":[%zu,%zu]}", begin, end);
    }
    ok = ok && print(&out, err, "}");
    if (ok) ok = print(&out, err, "%*s", (int)(-(out.at) & 7), "");
    if (ok) nm_store_u64(length, out.at - 8);
    ok = ok && nm_outfile_write(&out, l->values, l->n_values * sizeof(float), err) &&
         nm_outfile_rewrite(&out, 0, length, sizeof length, err);
    return finish(&out, ok, err);
}

/* config.json as the authors' code writes it; the fields are the rows of model/config.def. */
bool nm_export_config(const nm_config *config, int32_t bos, int32_t eos, const char *path,
                      nomul_error *err)
{
    nm_outfile out = {.fd = -1};

    bool ok = nm_outfile_open(&out, path, (nm_watch){0}, err) &&
              print(&out, err,
                    "{\n \"architectures\": [\n  \"HGRNBitForCausalLM\"\n ],\n"
                    " \"model_type\": \"%s\",\n \"hidden_act\": \"swish\",\n"
                    " \"use_short_conv\": false,\n \"tie_word_embeddings\": false,\n",
                    NM_ARCHITECTURE);
    for (size_t i = 0; ok && i < nm_config_n_fields; i++) {
        const nm_config_field *f = &nm_config_fields[i];
        uint32_t               bits = nm_config_bits(config, f);
        ok = f->type == NOMUL_VALUE_BOOL
                 ? print(&out, err, " \"%s\": %s,\n", f->json_key, bits ? "true" : "false")
             : f->type == NOMUL_VALUE_F32
                 ? print(&out, err, " \"%s\": %.9g,\n", f->json_key, (double)nm_float_of_bits(bits))
                 : print(&out, err, " \"%s\": %" PRIu32 ",\n", f->json_key, bits);
    }
    if (ok && bos >= 0) ok = print(&out, err, " \"bos_token_id\": %" PRId32 ",\n", bos);
    if (ok && eos >= 0) ok = print(&out, err, " \"eos_token_id\": %" PRId32 ",\n", eos);
    ok = ok && print(&out, err, " \"torch_dtype\": \"float32\"\n}\n");
    return finish(&out, ok, err);
}

/* ---- Tokenizer ------------------------------------------------------------------------------- */

/* What a folder may have of its tokenizer, and of how to sample. */
static const char *const names[] = {"tokenizer.model",        "tokenizer.json",
                                    "tokenizer_config.json",  "special_tokens_map.json",
                                    "generation_config.json", "added_tokens.json",
                                    "chat_template.jinja"};
enum { N_NAMES = sizeof names / sizeof *names };

bool nm_export_copy_tokenizer(const char *from, const char *to, nomul_error *err)
{
    char path[NM_EXPORT_PATH];

    for (size_t i = 0; i < N_NAMES; i++) {
        nm_filemap map = {.size = 0};
        nm_outfile out = {.fd = -1};
        if (!nm_export_path(path, from, names[i], err)) return false;
        if (!nm_file_exists(path)) continue;
        bool ok = nm_filemap_open(&map, path, false, NULL, err) &&
                  nm_export_path(path, to, names[i], err) &&
                  nm_outfile_open(&out, path, (nm_watch){0}, err) &&
                  nm_outfile_write(&out, map.data, map.size, err);
        ok = finish(&out, ok, err);
        nm_filemap_close(&map);
        if (!ok) return false;
    }
    return true;
}

void nm_export_remove_tokenizer(const char *folder)
{
    char path[NM_EXPORT_PATH];

    for (size_t i = 0; i < N_NAMES; i++)
        if (nm_export_path(path, folder, names[i], NULL)) nm_os_remove(path);
}

bool nm_export_sampling(const nomul_model *model, const char *folder, nomul_error *err)
{
    nomul_sampler_options options;
    nm_outfile            out = {.fd = -1};
    char                  path[NM_EXPORT_PATH];

    nomul_sampler_options_init(&options);
    uint64_t rows = nomul_model_sampling(model, &options);
    if (!rows) return true;
    bool ok = nm_export_path(path, folder, "generation_config.json", err) &&
              nm_outfile_open(&out, path, (nm_watch){0}, err) &&
              print(&out, err, "{\n \"do_sample\": true");
    for (size_t i = 0; ok && i < nm_n_sampler_fields; i++) {
        const nm_sampler_field *f = &nm_sampler_fields[i];
        if ((rows >> i & 1) && *f->hf)
            ok = print(&out, err, ",\n \"%s\": %.9g", f->hf, nm_sampler_field_number(f, &options));
    }
    ok = ok && print(&out, err, "\n}\n");
    return finish(&out, ok, err);
}

#define ADDED "tokenizer.ggml.added_token_"
enum { MAX_ADDED = 48 }; /* bytes of such a token that can be written: print has 512 */

/* Protobuf: a field's tag and number, or its tag and length. */
static bool put_varint(nm_outfile *out, uint32_t field, uint32_t wire, uint64_t value,
                       nomul_error *err)
{
    uint8_t  bytes[20];
    size_t   n = 0;
    uint64_t numbers[] = {field << 3 | wire, value};

    for (size_t i = 0; i < 2; i++) {
        for (; numbers[i] > 0x7F; numbers[i] >>= 7) bytes[n++] = (uint8_t)(numbers[i] | 0x80);
        bytes[n++] = (uint8_t)numbers[i];
    }
    return nm_outfile_write(out, bytes, n, err);
}

/*
 * trainer_spec and normalizer_spec: the fields that format/sentencepiece.c knows.  trainer_spec is
 * a message, which begins with its length: its fields are walked twice, to count and to write.  An
 * id of -1 (none) is a varint of 64 bits, ten bytes.
 *
 *     2: trainer_spec     3 model_type = BPE   35 byte_fallback   40 unk_id   41 bos_id   42 eos_id
 *     3: normalizer_spec  3 add_dummy_prefix   4 remove_extra_whitespaces
 */
static bool put_specs(nm_outfile *out, const nomul_tokenizer *t, bool add_prefix, nomul_error *err)
{
    const struct {
        uint32_t field;
        int32_t  value;
    } trainer[] = {{3, 2}, /* BPE */
                   {35, 1},
                   {40, nomul_token_unk(t)},
                   {41, nomul_token_bos(t)},
                   {42, nomul_token_eos(t)}};
    size_t n_bytes = 0;

    for (int writing = 0; writing < 2; writing++) {
        if (writing && !put_varint(out, 2, 2, n_bytes, err)) return false;
        for (size_t i = 0; i < 5; i++) {
            uint64_t value = (uint64_t)(int64_t)trainer[i].value;
            size_t   n_tag = trainer[i].field < 16 ? 1 : 2, n = 1;
            for (uint64_t rest = value; rest > 0x7F; rest >>= 7) n++;
            n_bytes += writing ? 0 : n_tag + n;
            if (writing && !put_varint(out, trainer[i].field, 0, value, err)) return false;
        }
    }
    return put_varint(out, 3, 2, 4, err) && put_varint(out, 3, 0, add_prefix, err) &&
           put_varint(out, 4, 0, 0, err);
}

/* ModelProto.pieces, a message for each: {1 text, 2 score, 3 type}. */
static bool put_pieces(nm_outfile *out, const nomul_model *model, nomul_error *err)
{
    const nomul_tokenizer *t = nomul_model_tokenizer(model);
    const nm_gguf_key     *scores = nm_gguf_find_key(&model->gguf, "tokenizer.ggml.scores");

    for (size_t id = 0; id < nomul_token_count(t); id++) {
        size_t           n = 0;
        nomul_token_type type = NOMUL_TOKEN_NORMAL;
        const char      *text = nomul_token_piece(t, (int32_t)id, &n, &type);
        uint8_t          score[5] = {2 << 3 | 5}; /* the field's tag and a float */
        size_t           n_length = n < 1 << 7 ? 1 : n < 1 << 14 ? 2 : 3;
        if (scores && id < scores->n_elements)
            nm_store_f32(score + 1, nm_load_f32(scores->value + 4 * id));
        /* tag, length and bytes of the text; the score; tag and value of the type */
        if (!put_varint(out, 1, 2, 1 + n_length + n + sizeof score + 2, err) ||
            !put_varint(out, 1, 2, n, err) || !nm_outfile_write(out, text, n, err) ||
            !nm_outfile_write(out, score, sizeof score, err) || !put_varint(out, 3, 0, type, err))
            return false;
    }
    return true;
}

/* tokenizer_config.json: are BOS and EOS added, and which control tokens a text may have. */
static bool put_tokenizer_config(nm_outfile *out, const nomul_model *model, nomul_error *err)
{
    const nomul_tokenizer *t = nomul_model_tokenizer(model);
    const nm_gguf_key     *ids = nm_gguf_find_key(&model->gguf, ADDED "ids");
    const nm_gguf_key     *attr = nm_gguf_find_key(&model->gguf, ADDED "attr");
    char                   text[6 * MAX_ADDED];

    if (!print(out, err, "{\n \"add_bos_token\": %s,\n \"add_eos_token\": %s",
               nomul_tokenizer_adds_bos(t) ? "true" : "false",
               nomul_tokenizer_adds_eos(t) ? "true" : "false"))
        return false;
    for (size_t i = 0; ids && attr && i < ids->n_elements; i++) { /* equally many, when opened */
        uint32_t    id = nm_load_u32(ids->value + 4 * i);
        size_t      n = 0;
        const char *piece = nomul_token_piece(t, (int32_t)id, &n, NULL);
        if (nm_load_u32(attr->value + 4 * i) != NM_ATTR_CONTROL || n > MAX_ADDED)
            return nm_fail(err, NOMUL_E_UNSUPPORTED,
                           ADDED "attr: token %" PRIu32 " is not a plain control token: tune the "
                                 "model's Hugging Face folder instead",
                           id);
        if (!print(out, err,
                   "%s  \"%" PRIu32 "\": {\"content\": \"%.*s\", \"single_word\": false, "
                   "\"lstrip\": false, \"rstrip\": false, \"normalized\": false, "
                   "\"special\": true}",
                   i ? ",\n" : ",\n \"added_tokens_decoder\": {\n", id,
                   (int)nm_json_escape(piece, n, text), text))
            return false;
    }
    return print(out, err, "%s\n}\n", ids && ids->n_elements ? "\n }" : "");
}

bool nm_export_tokenizer(const nomul_model *model, const char *folder, nomul_error *err)
{
    static const char *const beyond[] = {"tokenizer.ggml.merges", "tokenizer.ggml.pre",
                                         "tokenizer.ggml.eos_token_ids"};
    const nomul_tokenizer   *t = nomul_model_tokenizer(model);
    char                     path[NM_EXPORT_PATH];
    nm_outfile               out = {.fd = -1};

    if (!t) return nm_fail(err, NOMUL_E_UNSUPPORTED, "the model has no tokenizer to train with");
    /* Only what such a file can say may be in the model: its tokenizer must stay the same. */
    for (size_t i = 0; i < sizeof beyond / sizeof *beyond; i++)
        if (nm_gguf_find_key(&model->gguf, beyond[i]))
            return nm_fail(err, NOMUL_E_UNSUPPORTED,
                           "%s: tokenizer.model has no place for it: tune the model's Hugging Face "
                           "folder instead",
                           beyond[i]);
    bool ok = nm_export_path(path, folder, "tokenizer.model", err) &&
              nm_outfile_open(&out, path, (nm_watch){0}, err) && put_pieces(&out, model, err) &&
              put_specs(&out, t, model->tokenizer.vocab.add_space_prefix, err);
    if (!finish(&out, ok, err)) return false;
    ok = nm_export_path(path, folder, "tokenizer_config.json", err) &&
         nm_outfile_open(&out, path, (nm_watch){0}, err) && put_tokenizer_config(&out, model, err);
    return finish(&out, ok, err);
}
