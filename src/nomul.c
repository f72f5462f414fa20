/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public API of models, convert and repack: checks arguments and connects the modules; no
 * algorithm lives here.  Functions that concern one module are defined there: tokenizer, decoder
 * and sampler in tokens/, texts and marks in text/.  Sessions are in nomul_session.c.
 *
 * What all files of the API do alike:
 *
 *     err      may be NULL.  A function that returns a status needs err->code: nm_error_or
 *     options  NULL means the defaults.  Ours are initialized, then as many bytes as the caller's
 *              struct has are copied over them (nm_args_options)
 *     queries  answer 0, NULL or false for a NULL object; the others fail with NOMUL_E_ARG
 *     free     accepts NULL, and drops a reference where objects are shared
 */
#include "nomul_model.h"

#include "base/alloc.h"
#include "base/args.h"
#include "base/error.h"
#include "base/utf8.h"
#include "convert/convert.h"
#include "model/verify.h"

#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "nomul reads weights in place from little-endian files: this host is big-endian"
#endif

const char *nomul_version(void)
{
    return NOMUL_VERSION;
}

/* ---- Options --------------------------------------------------------------------------------- */

void nomul_model_options_init(nomul_model_options *options)
{
    if (options) *options = (nomul_model_options){.size = sizeof *options};
}

void nomul_convert_options_init(nomul_convert_options *options)
{
    if (options) *options = (nomul_convert_options){.size = sizeof *options};
}

void nomul_repack_options_init(nomul_repack_options *options)
{
    if (options) *options = (nomul_repack_options){.size = sizeof *options};
}

/* ---- Model ----------------------------------------------------------------------------------- */

/* What nomul_model_get_info returns, made once; the name is cut to the room that it has. */
static bool fill_info(nomul_model *model, size_t file_bytes, nomul_error *err)
{
    nm_gguf_text name = {.data = "", .size = 0};

    const nm_weights *w = &model->weights;
    const nm_config  *c = &w->config;

    if (!nm_gguf_get_string(&model->gguf, "general.name", false, &name, err) ||
        !nm_sampling_read(&model->gguf, &model->sampling, &model->sampling_rows, err))
        return false;
    size_t n = name.size < sizeof model->name - 1 ? name.size : sizeof model->name - 1;
    memcpy(model->name, name.data, n);
    model->name[n] = '\0';
    model->info = (nomul_model_info){
        .name = model->name,
        .packing = nm_packings[w->packing].name,
        .n_layers = c->n_layers,
        .dim = c->dim,
        .state_dim = nm_config_state_dim(c),
        .ffn_dim = c->ffn,
        .n_vocab = c->vocab,
        .n_heads = c->n_heads,
        .n_ctx_train = c->n_ctx_train,
        .use_lower_bound = c->use_lower_bound,
        .rms_norm_eps = c->rms_norm_eps,
        .model_id = w->model_id,
        .file_bytes = file_bytes,
        .n_params = w->n_params,
        .n_ternary_params = w->n_ternary_params,
        .ternary_bytes = w->ternary_bytes,
        .state_bytes = nm_config_state_bytes(c),
    };
    return true;
}

/* With the last reference.  Also for a model of which only a part could be opened. */
static void free_model(void *owner)
{
    nomul_model *model = owner;

    nm_vocab_close(&model->tokenizer.vocab);
    nm_weights_close(&model->weights);
    nm_gguf_close(&model->gguf);
    nm_filemap_close(&model->map);
    nm_free(model);
}

/*
 * The model in a file or, where path is NULL, in data[size].  Each step checks what the next one
 * relies on: the container, then that all tensors are there, of the right types and shapes, then
 * the vocabulary.  The values of the tensors are read only with check_tensors: everything else
 * reads the header and a few small tensors, however large the file is.
 */
static nomul_model *open_model(const char *path, const void *data, size_t size,
                               const nomul_model_options *options, nomul_error *err)
{
    const nm_kernels   *kernels = NULL;
    nomul_model_options ours;

    nomul_model_options_init(&ours);
    if (!nm_args_options(&ours, options, sizeof ours, err) ||
        !nm_kernels_choose(&kernels, ours.kernels, err))
        return NULL;
    nomul_model *model = nm_alloc(sizeof *model);
    if (!model) return nm_fail_memory(err, sizeof *model), NULL;
    *model = (nomul_model){.kernels = kernels, .cancel = ours.cancel};
    nomul_tokenizer *tokenizer = &model->tokenizer;
    tokenizer->refs = &model->refs;
    tokenizer->cancel = ours.cancel;
    nm_refs_init(&model->refs, model, free_model);

    if (path && nm_file_is_directory(path)) {
        nm_fail(err, NOMUL_E_IO,
                "%s: is a directory; nomul convert %s makes a model file of a checkpoint", path,
                path);
        nomul_model_close(model);
        return NULL;
    }
    const nm_watched watched = {ours.cancel, ours.progress, ours.progress_context};
    bool mapped = !path || nm_filemap_open(&model->map, path, ours.in_memory, &watched, err);
    if (path) data = model->map.data, size = model->map.size;
    if (mapped && nm_gguf_open(&model->gguf, data, size, NM_ARCHITECTURE, err) &&
        nm_weights_open(&model->weights, &model->gguf, err) &&
        nm_vocab_open(&tokenizer->vocab, &model->gguf, model->weights.config.vocab,
                      &model->has_tokenizer, err) &&
        fill_info(model, size, err) &&
        (!ours.check_tensors || nm_verify_model(&model->weights, &model->gguf, &watched, err)))
        return model;
    if (mapped && path) nm_fail_in(err, "%s", path); /* that of mapping has it */
    nomul_model_close(model);
    return NULL;
}

nomul_model *nomul_model_open(const char *path, const nomul_model_options *options,
                              nomul_error *err)
{
    if (!path) return nm_fail_null(err, "nomul_model_open"), NULL;
    return open_model(path, NULL, 0, options, err);
}

nomul_model *nomul_model_open_memory(const void *data, size_t n_bytes,
                                     const nomul_model_options *options, nomul_error *err)
{
    if (!data) return nm_fail_null(err, "nomul_model_open_memory"), NULL;
    if ((uintptr_t)data % NM_ALIGN != 0)
        return nm_fail(err, NOMUL_E_ARG, "nomul_model_open_memory: data is not aligned to %d bytes",
                       NM_ALIGN),
               NULL;
    return open_model(NULL, data, n_bytes, options, err);
}

void nomul_model_close(nomul_model *model)
{
    if (model) nm_refs_drop(&model->refs);
}

const char *nomul_kernels_name(size_t index)
{
    const nm_kernels *kernels = nm_kernels_row(index);
    return kernels ? kernels->name : NULL;
}

const char *nomul_model_kernels(const nomul_model *model)
{
    return model ? model->kernels->name : NULL;
}

const char *nomul_model_best_packing(const nomul_model *model)
{
    return model ? nm_packings[model->kernels->best_packing].name : NULL;
}

const nomul_model_info *nomul_model_get_info(const nomul_model *model)
{
    return model ? &model->info : NULL;
}

const nomul_tokenizer *nomul_model_tokenizer(const nomul_model *model)
{
    return model && model->has_tokenizer ? &model->tokenizer : NULL;
}

/*
 * Keys and tensors are told as the file has them, strings without a NUL.  Both structs are built
 * here and then copied as far as the caller's version of them goes.
 */
bool nomul_model_metadata(const nomul_model *model, size_t index, nomul_metadata *out,
                          nomul_error *err)
{
    if (!model || !out) return nm_fail_null(err, "nomul_model_metadata"), false;
    if (index >= model->gguf.n_keys) return false;
    const nm_gguf_key *key = &model->gguf.keys[index];
    nomul_metadata     m = {.key = key->name.data, .n_key = key->name.size, .type = key->type};

    switch (key->type) { /* the elements of an array are not part of the API */
    case NOMUL_VALUE_ARRAY:
        m.element_type = key->element_type;
        m.n_elements = key->n_elements;
        break;
    case NOMUL_VALUE_STRING:
        m.string = (const char *)key->value;
        m.n_string = key->n_bytes;
        break;
    default: nm_gguf_number(key, &m.u, &m.i, &m.f); /* one of the three, by its type */
    }
    return nm_args_fill(out, &m, sizeof m, "metadata", err);
}

bool nomul_model_tensor(const nomul_model *model, size_t index, nomul_tensor *out, nomul_error *err)
{
    if (!model || !out) return nm_fail_null(err, "nomul_model_tensor"), false;
    if (index >= model->gguf.n_tensors) return false;
    const nm_gguf_tensor *t = &model->gguf.tensors[index];
    nomul_tensor          tensor = {
                 .name = t->name.data,
                 .n_name = t->name.size,
                 .type = nm_gguf_type_name(t->type),
                 .n_dims = t->n_dims,
                 .offset = t->offset,
                 .n_bytes = t->n_bytes,
                 .xxh64 = nm_weights_checksum(&model->weights, index),
    };

    memcpy(tensor.dims, t->dims, sizeof tensor.dims);
    return nm_args_fill(out, &tensor, sizeof tensor, "tensor", err);
}

uint64_t nomul_model_sampling(const nomul_model *model, nomul_sampler_options *options)
{
    if (!model || !options) return 0;
    nm_sampling_copy(options, &model->sampling, model->sampling_rows);
    return model->sampling_rows;
}

/* ---- Convert and repack ---------------------------------------------------------------------- */

const char *nomul_packing_name(size_t index)
{
    return index < NM_PACKINGS ? nm_packings[index].name : NULL;
}

const char *nomul_packing_option(size_t index)
{
    return index < NM_PACKINGS ? nm_packings[index].option : NULL;
}

/* Is it the name of a packing, or NULL?  Checked before a checkpoint of gigabytes is read. */
static bool check_pack(const char *pack, nomul_error *err)
{
    nm_packing_id packing;
    char          names[NM_PACKING_LIST];

    if (nm_packing_named(pack, &packing)) return true;
    return nm_fail(err, NOMUL_E_ARG, "pack: is '%.40s', expected %s", pack,
                   nm_packing_list(names, true, " or "));
}

nomul_status nomul_convert(const char *directory, const char *output,
                           const nomul_convert_options *options, nomul_error *err)
{
    nomul_error           own;
    nomul_convert_options ours;

    err = nm_error_or(err, &own);
    nomul_convert_options_init(&ours);
    if (!directory || !output) return nm_fail_null(err, "nomul_convert");
    if (!nm_args_options(&ours, options, sizeof ours, err)) return err->code;
    if ((unsigned)ours.embedding > NOMUL_EMBEDDING_Q8_0)
        return nm_fail(err, NOMUL_E_ARG, "embedding: is %d, expected 0 to %d", (int)ours.embedding,
                       NOMUL_EMBEDDING_Q8_0),
               err->code;
    if (ours.name && !nm_utf8_valid(ours.name, strlen(ours.name)))
        return nm_fail(err, NOMUL_E_ARG, "name: is not valid UTF-8"), err->code;
    if (!check_pack(ours.pack, err)) return err->code;
    return nm_convert(directory, output, &ours, err) ? NOMUL_OK : err->code;
}

/* The input is opened as a model, so what is repacked has passed all checks of opening. */
nomul_status nomul_repack(const char *input, const char *output,
                          const nomul_repack_options *options, nomul_error *err)
{
    nomul_error          own;
    nomul_repack_options ours;

    err = nm_error_or(err, &own);
    nomul_repack_options_init(&ours);
    if (!input || !output) return nm_fail_null(err, "nomul_repack");
    if (!nm_args_options(&ours, options, sizeof ours, err) || !check_pack(ours.pack, err))
        return err->code;
    if (ours.sampling && !nm_sampler_check_fields(ours.sampling, err)) return err->code;
    nomul_model *model = nomul_model_open(input, NULL, err);
    if (!model) return err->code;
    bool ok = nm_repack(&model->weights, &model->gguf, input, output, &ours, err);
    nomul_model_close(model);
    return ok ? NOMUL_OK : err->code;
}
