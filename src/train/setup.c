/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens a training.  new and tune make the folder and everything in it that does not change:
 * config.json, the tokenizer, the texts as ids; then all commands open the folder the same way.
 *
 *     new      config.json, tokenizer; random values  ─┐
 *     tune     config.json, tokenizer; given values   ─┼─> begin: texts -> *.ids, arrays, log
 *     resume   all of it, and train.state             ─┘   (resume: texts are ids already)
 *     bench    no folder: random values, random ids
 *
 * Of several ranks the first does so, and for new and tune the others open what it has made; then
 * each opens its part of the streams.
 *
 * Whatever fails, nm_setup_close frees what is open: a trainer begins as zeros.
 */
#include "train/trainer.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/os.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "train/cuda_model.h"
#include "train/pretrained.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MICRO_TOKENS 4096 /* in memory at once, unless --micro-batch says otherwise */
#define BENCH_VOCAB 8192
#define LEAST_VOCAB 4  /* 3 special tokens, and one to draw */
#define NAME_BYTES 256 /* of general.name that is kept, with its '\0' */
#define LOCK "train.lock"
#define MOST_PIECES (1u << 18) /* of a tokenizer whose size is not known yet */

/* ---- The model's shape ----------------------------------------------------------------------- */

/* "L,D,FFN", and ",VOCAB" where there is no tokenizer that has one. */
static bool parse_shape(nm_config *config, const char *shape, bool with_vocab, nomul_error *err)
{
    uint32_t *fields[] = {&config->n_layers, &config->dim, &config->ffn, &config->vocab};
    char     *end;

    for (size_t i = 0, most = with_vocab ? 4 : 3; i < most; i++, shape = end + 1) {
        unsigned long n = strtoul(shape, &end, 10);
        bool          may_end = i >= 2, may_go_on = i + 1 < most;
        if (end == shape || n == 0 || n > NM_MAX_COLS ||
            !((*end == ',' && may_go_on) || (*end == '\0' && may_end)))
            return nm_fail(err, NOMUL_E_ARG,
                           "--shape: expected %s: layers, width, feed-forward width%s",
                           with_vocab ? "L,D,FFN or L,D,FFN,VOCAB" : "three numbers L,D,FFN",
                           with_vocab ? ", vocabulary" : "");
        *fields[i] = (uint32_t)n;
        if (*end == '\0') break;
    }
    if (config->vocab < LEAST_VOCAB)
        return nm_fail(err, NOMUL_E_ARG, "--shape: vocabulary %" PRIu32 ": expected at least %d",
                       config->vocab, LEAST_VOCAB);
    if (nm_config_check(config, err)) return true;
    err->code = NOMUL_E_ARG; /* not a file's */
    return nm_fail_in(err, "--shape");
}

/* Of a folder without config.json: the authors' defaults. */
static const nm_hf_ids no_ids = {.bos = -1, .eos = -1, .default_bos = 1, .default_eos = 2};

/* What is wrong with the folder is said here: nm_hf_tokenizer_open speaks to `nomul convert`. */
static bool open_tokenizer(nm_hf_tokenizer *t, const char *folder, uint32_t n_vocab,
                           const nm_hf_ids *ids, nomul_error *err)
{
    static const char *const names[] = {"tokenizer.model", "tokenizer.json"};
    char                     path[NM_EXPORT_PATH];
    nm_os_status             status;
    bool                     found = false;

    int failure = nm_os_stat(folder, &status);
    if (failure) {
        nm_fail_errno(err, NOMUL_E_IO, failure);
        return nm_fail_in(err, "%s", folder);
    }
    for (size_t i = 0; i < 2; i++) {
        if (!nm_export_path(path, folder, names[i], err)) return false;
        found = found || nm_file_exists(path);
    }
    if (!found)
        return nm_fail(err, NOMUL_E_IO, "%s: has neither %s nor %s, of which training needs one",
                       folder, names[0], names[1]);
    return nm_hf_tokenizer_open(t, folder, n_vocab, ids, (nm_hf_warn){NULL, NULL}, err);
}

/* The config of a new model: --config, or --shape and the size of the tokenizer. */
static bool new_config(nm_config *config, const nm_train_options *o, nomul_error *err)
{
    nm_hf_ids       ids;
    nm_hf_tokenizer t = {.capacity = 0};
    nm_filemap      map = {.size = 0};

    *config = nm_config_defaults;
    if (o->config && o->shape)
        return nm_fail(err, NOMUL_E_ARG, "--config and --shape: expected one of them");
    if (o->config) {
        bool ok = nm_filemap_open(&map, o->config, false, NULL, err);
        if (ok && !nm_hf_config_parse(config, &ids, (const char *)map.data, map.size, err))
            ok = nm_fail_in(err, "%s", o->config);
        nm_filemap_close(&map);
        return ok;
    }
    if (!o->shape) return nm_fail(err, NOMUL_E_ARG, "new: needs --shape L,D,FFN or --config FILE");
    bool ok = parse_shape(config, o->shape, false, err) &&
              open_tokenizer(&t, o->tokenizer, MOST_PIECES, &no_ids, err);
    /* Ids above the last that the folder names are unused pieces. */
    config->vocab = MOST_PIECES;
    while (ok && config->vocab > 0 && t.pieces[config->vocab - 1].type == NOMUL_TOKEN_UNUSED)
        config->vocab--;
    nm_hf_tokenizer_close(&t);
    return ok && nm_config_check(config, err);
}

/* ---- The folder ------------------------------------------------------------------------------ */

/* For one training at a time: rank 0 holds the lock for all ranks. */
static bool lock_folder(nm_trainer *t, nomul_error *err)
{
    char path[NM_EXPORT_PATH];

    if (!nm_export_path(path, t->folder, LOCK, err)) return false;
    int failure = nm_os_lock(path, &t->lock_fd);
    t->is_locked = failure == 0;
    if (failure == EBUSY) {
        t->is_new_folder = false; /* the other one was quicker: what is in it stays */
        return nm_fail(err, NOMUL_E_IO,
                       "%s: another nomul-train is at work in this folder: wait for its end, or "
                       "choose another folder",
                       t->folder);
    }
    if (failure) {
        nm_fail_errno(err, NOMUL_E_IO, failure);
        return nm_fail_in(err, "%s", path);
    }
    return true;
}

/* A model that no training here has written: ours would take its place, or be mixed with it. */
static bool check_no_model(const char *folder, nomul_error *err)
{
    static const char *const names[] = {"model.gguf", "model.safetensors",
                                        "model.safetensors.index.json", "pytorch_model.bin",
                                        "pytorch_model.bin.index.json"};
    char                     path[NM_EXPORT_PATH];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!nm_export_path(path, folder, names[i], err)) return false;
        if (nm_file_exists(path))
            return nm_fail(err, NOMUL_E_ARG,
                           "%s: is a model that no training has written: choose another folder",
                           path);
    }
    return true;
}

/* A folder that has no training in it yet, nor one that begins at this moment, nor a model. */
static bool make_folder(nm_trainer *t, nomul_error *err)
{
    char         path[NM_EXPORT_PATH];
    nm_os_status status;

    if (!t->folder) return nm_fail(err, NOMUL_E_ARG, "needs -o DIR, the folder to write to");
    if (!nm_export_path(path, t->folder, "train.state", err)) return false;
    int failure = nm_os_make_folder(t->folder, 0777);
    t->is_new_folder = failure == 0;
    if (failure && nm_os_stat(t->folder, &status) != 0) {
        nm_fail_errno(err, NOMUL_E_IO, failure);
        return nm_fail_in(err, "-o %s", t->folder);
    }
    if (failure && status.kind != NM_OS_FOLDER)
        return nm_fail(err, NOMUL_E_IO, "-o %s: is not a folder", t->folder);
    /* Before the lock, whose file would stay in a folder that is refused. */
    if (!nm_file_exists(path) && !check_no_model(t->folder, err)) return false;
    if (!lock_folder(t, err)) return false;
    return !nm_file_exists(path) ||
           nm_fail(err, NOMUL_E_ARG,
                   "%s: there is a training already: nomul-train resume %s, or another folder",
                   path, t->folder);
}

/* Of a training that did not begin, what was written; only if the folder is as new. */
static void remove_folder(const nm_trainer *t)
{
    static const char *const names[] = {"config.json", "valid.ids", LOCK};
    char                     path[NM_EXPORT_PATH], name[64];

    nm_export_remove_tokenizer(t->folder);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (nm_export_path(path, t->folder, names[i], NULL)) nm_os_remove(path);
    for (size_t i = 0; i < 2 * NM_TRAIN_LIST; i++) {
        snprintf(name, sizeof name, "%s-%zu.ids", i % 2 ? "decay" : "data", i / 2);
        if (nm_export_path(path, t->folder, name, NULL)) nm_os_remove(path);
    }
    nm_os_remove_folder(t->folder);
}

/* The path in "FILE=W". */
static bool text_path(char path[NM_EXPORT_PATH], const char *item, double *weight, nomul_error *err)
{
    size_t n_path;

    if (!nm_mix_weight(item, weight, &n_path, err)) return false;
    if (n_path >= NM_EXPORT_PATH)
        return nm_fail(err, NOMUL_E_ARG, "%.64s...: the path has %zu bytes, at most %d", item,
                       n_path, NM_EXPORT_PATH - 1);
    snprintf(path, NM_EXPORT_PATH, "%.*s", (int)n_path, item);
    return true;
}

/* Weights and files, before the first of them is tokenized, which may take minutes. */
static bool check_texts(const nm_train_options *o, nomul_error *err)
{
    const nm_train_list *lists[] = {&o->data, &o->decay_data};
    char                 path[NM_EXPORT_PATH];
    double               weight;
    size_t               n_stdin[] = {0, 0};

    if (o->data.n == 0) return nm_fail(err, NOMUL_E_ARG, "needs --data FILE, the text to train on");
    for (size_t m = 0; m < 2; m++)
        for (size_t i = 0; i < lists[m]->n; i++) {
            if (!text_path(path, lists[m]->items[i], &weight, err) ||
                !nm_token_cache_try(path, err))
                return nm_fail_in(err, m ? "--decay-data" : "--data");
            n_stdin[m] += strcmp(path, "-") == 0;
        }
    if (o->valid && !nm_token_cache_try(o->valid, err)) return nm_fail_in(err, "--valid");
    /* What is in both mixes is read once. */
    size_t n = (n_stdin[0] ? n_stdin[0] : n_stdin[1]) + (o->valid && strcmp(o->valid, "-") == 0);
    return n < 2 || nm_fail(err, NOMUL_E_ARG, "-: standard input is one text, expected once");
}

/* The tokenizer as the API's, in a model without layers' weights: of the latent as it is now. */
static bool make_caches(nm_trainer *t, const nomul_tokenizer *tokenizer, nomul_error *err)
{
    const nm_train_options *o = &t->options;
    const struct {
        const nm_train_list *list;
        const char          *name;
        double              *weights;
    } mixes[] = {{&o->data, "data", t->saved.weights},
                 {&o->decay_data, "decay", t->saved.weights + NM_TRAIN_LIST}};
    const nm_token_source by = {tokenizer, o->separator, t->work.pool, t->cancel};
    char   path[NM_EXPORT_PATH], name[64], text[NM_EXPORT_PATH], from[NM_EXPORT_PATH];
    double weight;

    for (size_t m = 0; m < 2; m++)
        for (size_t i = 0; i < mixes[m].list->n; i++) {
            size_t same = 0, n_data = m == 1 ? o->data.n : 0;
            snprintf(name, sizeof name, "%s-%zu.ids", mixes[m].name, i);
            if (!text_path(text, mixes[m].list->items[i], &mixes[m].weights[i], err) ||
                !nm_export_path(path, t->folder, name, err))
                return false;
            /* A text that is in both mixes is tokenized once. */
            for (; same < n_data; same++)
                if (text_path(from, o->data.items[same], &weight, err) && strcmp(from, text) == 0)
                    break;
            snprintf(name, sizeof name, "data-%zu.ids", same);
            bool ok = same < n_data ? nm_export_path(from, t->folder, name, err) &&
                                          nm_token_cache_copy(path, from, err)
                                    : nm_token_cache_make(path, text, &by, err);
            if (!ok) return false;
        }
    t->saved.counts.n_data = o->data.n, t->saved.counts.n_decay_data = o->decay_data.n;
    if (!nm_export_path(path, t->folder, "valid.ids", err)) return false;
    if (o->valid) return nm_token_cache_make(path, o->valid, &by, err);
    nm_os_remove(path); /* of a training that did not begin */
    return true;
}

/* ---- Parts that every training has ----------------------------------------------------------- */

/* Kernels and threads.  Ranks with other kernels would drift apart: they sum in other orders. */
static bool open_work(nm_trainer *t, nomul_error *err)
{
    size_t n_threads = (size_t)t->options.threads;
    char   names[2][16] = {""}; /* joined, and its complement: only equal ones stay complements */
    bool   same = true;

    if (!nm_kernels_choose(&t->work.kernels, t->options.kernels, err)) return false;
    snprintf(names[0], sizeof names[0], "%s", t->work.kernels->name);
    for (size_t i = 0; i < sizeof names[0]; i++) names[1][i] = (char)~names[0][i];
    if (!nm_ranks_join(&t->ranks, names, sizeof names, err)) return false;
    for (size_t i = 0; i < sizeof names[0]; i++) same = same && names[1][i] == (char)~names[0][i];
    if (!same)
        return nm_fail(err, NOMUL_E_UNSUPPORTED,
                       "ranks have other kernels, this one %s: choose one for all with --kernels",
                       t->work.kernels->name);
    if (!n_threads) n_threads = nm_larger(nm_os_processors() / t->ranks.n_on_machine, 1);
    t->work.pool = nm_pool_new(n_threads, NULL, NULL, err);
    return t->work.pool != NULL;
}

/*
 * Memory for the weights; the packing is the one of the model file that is written.  Systems grant
 * more memory than there is, and kill who uses it: so what the training will take of it, beside
 * what passes keep, is compared with what is free.
 */
static bool open_latent(nm_trainer *t, const nm_config *config, nomul_error *err)
{
    static const struct {
        const char  *name;
        nm_gguf_type type;
    } types[] = {{"f16", NM_GGUF_F16}, {"f32", NM_GGUF_F32}, {"q8_0", NM_GGUF_Q8_0}};

    double values = 0, available = (double)nm_os_available_memory(), gib = 1u << 30;
    for (size_t i = 0; i < nm_plan_count(config); i++) {
        nm_planned p;
        nm_plan_get(config, i, &p);
        values += (double)p.rows * (double)p.cols;
    }
    double need = values * (4 * sizeof(float) + 1); /* value, gradient, two means; trit */
    if (need > available)
        return nm_fail(
            err, NOMUL_E_MEMORY,
            "weights and optimizer take %.1f GiB, %.1f are free: choose a smaller model, "
            "or free memory",
            need / gib, available / gib);
    for (size_t i = 0; i < 3; i++)
        if (strcmp(types[i].name, t->options.embedding) == 0)
            return nm_latent_open(&t->latent, config, NM_T4, types[i].type, err);
    return nm_fail(err, NOMUL_E_ARG, "--embedding %.32s: expected f16, f32 or q8_0",
                   t->options.embedding);
}

/* The streams of this rank's parts, and how many of them pass at once: activations take most. */
static bool divide_streams(nm_trainer *t, bool on_gpu, nomul_error *err)
{
    const nm_train_options *o = &t->options;
    size_t                  batch = (size_t)o->batch_size, block = (size_t)o->block_size;
    size_t                  n_all, first;

    t->n_parts = nm_larger((size_t)o->gpus, 1);
    n_all = t->ranks.n * t->n_parts, first = t->ranks.rank * t->n_parts;
    if (batch < n_all)
        return nm_fail(err, NOMUL_E_ARG,
                       "--batch-size %zu: expected at least %zu, one stream for %s", batch, n_all,
                       on_gpu ? "each GPU" : "each rank");
    for (size_t i = 0; i < t->n_parts; i++) {
        nm_train_part *p = &t->parts[i];
        p->first = nm_pool_share(batch, first + i, n_all);
        p->n = nm_pool_share(batch, first + i + 1, n_all) - p->first;
    }
    batch = (batch + n_all - 1) / n_all;
    t->n_micro = (size_t)o->micro_batch;
    if (!t->n_micro)
        t->n_micro = on_gpu ? nm_cuda_model_streams(&t->latent, batch, block)
                            : nm_larger(MICRO_TOKENS / block, 1);
    t->n_micro = nm_smaller(t->n_micro, batch);
    t->callers = nm_pool_new(t->n_parts, NULL, NULL, err);
    return t->callers != NULL;
}

/* The GPUs of this rank, which sum their gradients with those of all ranks. */
static bool open_gpus(nm_trainer *t, nomul_error *err)
{
    nm_gpu_link *links[NM_TRAIN_GPUS] = {NULL};
    int          devices[NM_TRAIN_GPUS];
    char         id[NM_GPU_SUM_ID] = {0};
    size_t       n = t->n_parts, n_all = n * t->ranks.n;
    bool         is_full = strcmp(t->options.weights, "full") == 0;

    for (size_t i = 0; i < n; i++) {
        devices[i] = (int)(t->ranks.local * n + i);
        t->parts[i].cuda = nm_cuda_model_open(&t->latent, devices[i], t->n_micro,
                                              (size_t)t->options.block_size, is_full, err);
        if (!t->parts[i].cuda) return false;
    }
    if (n_all == 1) return true;
    bool ok = (t->ranks.rank > 0 || nm_gpu_sum_id(id, err)) &&
              nm_ranks_join(&t->ranks, id, sizeof id, err) &&
              nm_gpu_sum_open(links, devices, n, t->ranks.rank * n, n_all, id, err);
    for (size_t i = 0; i < n; i++) nm_cuda_link(t->parts[i].cuda, links[i]);
    return ok;
}

/* Optimizer, tape or GPUs, the ids of each part; states are those of all streams. */
static bool open_arrays(nm_trainer *t, nomul_error *err)
{
    const nm_config *c = &t->latent.config;
    size_t           batch = (size_t)t->options.batch_size, block = (size_t)t->options.block_size;
    nm_saved_counts *counts = &t->saved.counts;
    bool             on_gpu = strcmp(t->options.device, "cuda") == 0;

    if (!divide_streams(t, on_gpu, err)) return false;
    counts->n_values = t->latent.n_values, counts->n_streams = batch;
    counts->n_states = (uint64_t)c->n_layers * batch * nm_config_state_dim(c);
    for (int placing = 0; placing < 2; placing++) {
        if (placing && !nm_arena_back(&t->arena, err)) return false;
        t->states = nm_arena_take(&t->arena, (size_t)counts->n_states, sizeof *t->states);
        for (nm_train_part *p = t->parts; p < t->parts + t->n_parts; p++) {
            p->ids = nm_arena_take(&t->arena, t->n_micro * block, sizeof *p->ids);
            p->targets = nm_arena_take(&t->arena, t->n_micro * block, sizeof *p->targets);
        }
    }
    if (!nm_adamw_open(&t->adamw, &t->latent, err)) return false;
    if (on_gpu ? !open_gpus(t, err)
               : !nm_tape_open(&t->tape, &t->latent, &t->work, t->n_micro, block, err))
        return on_gpu ? false : nm_fail_in(err, "use a smaller --micro-batch or --block-size");
    t->tape.in_16_bits = strcmp(t->options.products, "int16") == 0;
    t->saved.values = t->latent.values, t->saved.states = t->states;
    t->saved.m = t->adamw.m, t->saved.v = t->adamw.v;
    return true;
}

/* The texts NAME-0.ids .. of a mix with their weights; a mix of no texts stays closed. */
static bool open_mix(nm_trainer *t, nm_mix *mix, const char *name, size_t n, const double *weights,
                     nomul_error *err)
{
    char path[NM_EXPORT_PATH], file[64];

    for (; mix->n_texts < n; mix->n_texts++) {
        mix->weights[mix->n_texts] = weights[mix->n_texts];
        snprintf(file, sizeof file, "%s-%zu.ids", name, mix->n_texts);
        if (!nm_export_path(path, t->folder, file, err) ||
            !nm_token_cache_open(&mix->texts[mix->n_texts], path, t->latent.config.vocab, err))
            return false;
    }
    return n == 0 || nm_mix_open(mix, (size_t)t->options.batch_size, err);
}

/* What counts.n_data, n_decay_data and weights say; valid.ids only if there is one. */
static bool open_texts(nm_trainer *t, nomul_error *err)
{
    const nm_saved_state *s = &t->saved;
    char                  path[NM_EXPORT_PATH];

    if (!open_mix(t, &t->data, "data", (size_t)s->counts.n_data, s->weights, err) ||
        !open_mix(t, &t->decay_data, "decay", (size_t)s->counts.n_decay_data,
                  s->weights + NM_TRAIN_LIST, err) ||
        !nm_export_path(path, t->folder, "valid.ids", err))
        return false;
    return !nm_file_exists(path) ||
           nm_token_cache_open(&t->valid, path, t->latent.config.vocab, err);
}

/* A resumed training appends to its log, on a new line: a kill may have cut the last one off. */
static bool open_log(nm_trainer *t, nomul_error *err)
{
    char    path[NM_EXPORT_PATH], last = '\n';
    nm_file file = NM_FILE_CLOSED;

    if (t->ranks.rank) return true;
    if (!nm_export_path(path, t->folder, "train.jsonl", err)) return false;
    const char *name = t->options.log ? t->options.log : path;
    bool        appends = t->saved.counts.step > 0;
    if (appends && nm_file_open(&file, name, NULL) && file.size > 0)
        nm_file_read(&file, file.size - 1, &last, 1, NULL);
    nm_file_close(&file);
    t->log = fopen(name, appends ? "ab" : "wb");
    if (t->log && last != '\n') fputc('\n', t->log);
    return t->log || nm_fail(err, NOMUL_E_IO, "%s: cannot be written", name);
}

/* Words that the table takes as any text. */
static bool check_options(const nm_train_options *o, nomul_error *err)
{
    if (strcmp(o->lr_decay, "linear") != 0 && strcmp(o->lr_decay, "cosine") != 0)
        return nm_fail(err, NOMUL_E_ARG, "--lr-decay %.32s: expected linear or cosine",
                       o->lr_decay);
    if (strcmp(o->device, "cpu") != 0 && strcmp(o->device, "cuda") != 0)
        return nm_fail(err, NOMUL_E_ARG, "--device %.32s: expected cpu or cuda", o->device);
    if (o->gpus > 1 && strcmp(o->device, "cuda") != 0)
        return nm_fail(err, NOMUL_E_ARG, "--gpus %" PRIu64 ": needs --device cuda", o->gpus);
    if (strcmp(o->weights, "ternary") != 0 &&
        (strcmp(o->weights, "full") != 0 || strcmp(o->device, "cuda") != 0))
        return nm_fail(err, NOMUL_E_ARG,
                       "--weights %.32s: expected ternary, or full with --device cuda", o->weights);
    if (strcmp(o->products, "float") != 0 && strcmp(o->products, "int16") != 0)
        return nm_fail(err, NOMUL_E_ARG, "--products %.32s: expected float or int16", o->products);
    /* Room for a name that tune finds in the model, with escapes. */
    if (nm_train_options_write(o, NULL, 0) >= NM_TRAIN_SAVED - 2 * NAME_BYTES)
        return nm_fail(err, NOMUL_E_ARG, "--sample, --name: too long to be saved");
    if (o->name && !nm_utf8_valid(o->name, strlen(o->name)))
        return nm_fail(err, NOMUL_E_ARG, "--name: is not UTF-8");
    if (o->name && strchr(o->name, '\n'))
        return nm_fail(err, NOMUL_E_ARG, "--name cannot contain a newline");
    if (strchr(o->separator, '\n'))
        return nm_fail(err, NOMUL_E_ARG, "--separator cannot contain a newline");
    return true;
}

/* What the first rank knows of the texts that it has made, and its values. */
static bool join_texts(nm_trainer *t, nomul_error *err)
{
    return nm_ranks_join(&t->ranks, &t->saved.counts, sizeof t->saved.counts, err) &&
           nm_ranks_join(&t->ranks, t->saved.weights, sizeof t->saved.weights, err);
}

static bool join_values(nm_trainer *t, nomul_error *err)
{
    return nm_ranks_join(&t->ranks, t->latent.values, t->latent.n_values * sizeof(float), err);
}

/*
 * The folder has config.json and the tokenizer; the values are there.  What tokenizes is a model
 * like any other, made of the latent in memory.
 */
static bool begin(nm_trainer *t, nomul_error *err)
{
    void  *bytes = NULL;
    size_t n_bytes = 0;

    bool ok = nm_latent_quantize(&t->latent, t->work.pool, err) &&
              nm_export_memory(&t->latent, &t->tokenizer, &bytes, &n_bytes, err);
    nomul_model *model = ok ? nomul_model_open_memory(bytes, n_bytes, NULL, err) : NULL;
    ok = model && make_caches(t, nomul_model_tokenizer(model), err) && join_texts(t, err) &&
         open_arrays(t, err) && join_values(t, err) && nm_trainer_send(t, err) &&
         open_texts(t, err) && open_log(t, err);
    nomul_model_close(model);
    nm_free(bytes);
    t->is_new_folder = t->is_new_folder && !ok; /* what is there now stays */
    return ok;
}

/*
 * new and tune for all ranks but the first.  That joins once everything is in the folder, and once
 * more with the values.
 */
static bool follow(nm_trainer *t, const nm_train_options *o, nomul_error *err)
{
    nm_config config;
    nm_hf_ids ids;

    t->options = *o, t->folder = o->out;
    return open_work(t, err) && join_texts(t, err) &&
           nm_hf_config_read(&config, &ids, t->folder, err) &&
           open_tokenizer(&t->tokenizer, t->folder, config.vocab, &ids, err) &&
           open_latent(t, &config, err) && open_arrays(t, err) && join_values(t, err) &&
           nm_latent_quantize(&t->latent, t->work.pool, err) && nm_trainer_send(t, err) &&
           open_texts(t, err);
}

/* ---- The commands ---------------------------------------------------------------------------- */

/* The tokenizer is read after it was copied: vocab_size and its pieces have to fit. */
bool nm_setup_new(nm_trainer *t, const nm_train_options *o, nomul_error *err)
{
    char      path[NM_EXPORT_PATH];
    nm_config config;

    if (t->ranks.rank) return follow(t, o, err);
    t->options = *o, t->folder = o->out;
    if (!o->tokenizer)
        return nm_fail(err, NOMUL_E_ARG,
                       "new: needs --tokenizer DIR, a folder with "
                       "tokenizer.model or tokenizer.json");
    if (o->model) return nm_fail(err, NOMUL_E_ARG, "new: --model %.200s: is for tune", o->model);
    if (!check_options(o, err) || !check_texts(o, err) || !new_config(&config, o, err) ||
        !open_work(t, err) || !make_folder(t, err) ||
        !nm_export_copy_tokenizer(o->tokenizer, o->out, err))
        return false;
    if (!open_tokenizer(&t->tokenizer, o->tokenizer, config.vocab, &no_ids, err))
        return nm_fail_in(err, "vocab_size %" PRIu32, config.vocab);
    return nm_export_path(path, o->out, "config.json", err) &&
           nm_export_config(&config, t->tokenizer.bos_id, t->tokenizer.eos_id, path, err) &&
           open_latent(t, &config, err) &&
           (nm_latent_randomize(&t->latent, o->seed), begin(t, err));
}

/* The name of the model that is tuned goes along, unless --name says another. */
static bool keep_name(nm_trainer *t, const nomul_model *model, nomul_error *err)
{
    nm_gguf_text name = {.size = 0};

    if (t->options.name) return true;
    if (!nm_gguf_get_string(&model->gguf, "general.name", false, &name, err)) return false;
    /* A saved state has lines. */
    if (!name.size || name.size >= NAME_BYTES || memchr(name.data, '\n', name.size)) return true;
    memcpy(t->saved_options, name.data, name.size);
    t->saved_options[name.size] = '\0';
    t->options.name = t->saved_options;
    return true;
}

/*
 * From a folder as convert reads it, or from a model file.  That has no config.json: its config is
 * taken over, its tokenizer written as files, and the ids of BOS and EOS are read from these.
 */
bool nm_setup_tune(nm_trainer *t, const nm_train_options *o, nomul_error *err)
{
    char         path[NM_EXPORT_PATH];
    nm_config    config;
    nm_hf_ids    ids;
    nm_os_status status;

    if (t->ranks.rank) return follow(t, o, err);
    t->options = *o, t->folder = o->out;
    if (!o->model) return nm_fail(err, NOMUL_E_ARG, "tune: needs -m FILE or DIR, the model");
    int failure = nm_os_stat(o->model, &status);
    if (failure) {
        nm_fail_errno(err, NOMUL_E_IO, failure);
        return nm_fail_in(err, "%s", o->model);
    }
    if (o->shape || o->config || o->tokenizer)
        return nm_fail(
            err, NOMUL_E_ARG,
            "tune: --shape, --config and --tokenizer are for new: the model has its own");
    if (!check_options(o, err) || !check_texts(o, err) || !open_work(t, err) ||
        !make_folder(t, err))
        return false;
    if (status.kind == NM_OS_FOLDER) {
        if (!nm_hf_config_read(&config, &ids, o->model, err) || !open_latent(t, &config, err) ||
            !nm_pretrained_directory(&t->latent, o->model, err) ||
            !nm_export_copy_tokenizer(o->model, t->folder, err))
            return false;
    } else {
        nomul_model *model = nomul_model_open(o->model, NULL, err);
        if (!model) return false;
        config = model->weights.config;
        ids = (nm_hf_ids){.bos = -1, .eos = -1, .default_bos = -1, .default_eos = -1};
        bool ok = keep_name(t, model, err) && nm_export_tokenizer(model, t->folder, err) &&
                  nm_export_sampling(model, t->folder, err) && open_latent(t, &config, err) &&
                  nm_pretrained_model(&t->latent, model, err);
        nomul_model_close(model);
        if (!ok) return false;
    }
    const char *folder = status.kind == NM_OS_FOLDER ? o->model : t->folder; /* in messages */
    return open_tokenizer(&t->tokenizer, folder, config.vocab, &ids, err) &&
           nm_export_path(path, o->out, "config.json", err) &&
           nm_export_config(&config, t->tokenizer.bos_id, t->tokenizer.eos_id, path, err) &&
           begin(t, err);
}

/* Options come from the state, then from the arguments; FIXED ones only from the state. */
bool nm_setup_resume(nm_trainer *t, int argc, char **argv, nomul_error *err)
{
    char      path[NM_EXPORT_PATH];
    nm_config config;
    nm_hf_ids ids;
    bool      help;

    /* Arguments are read twice: first only for the folder, which has the saved options. */
    nm_train_options_init(&t->options);
    if (!nm_train_options_parse(&t->options, argc, argv, true, &help, err)) return false;
    if (!t->options.operand)
        return nm_fail(err, NOMUL_E_ARG, "resume: needs DIR, the folder of a training");
    t->folder = t->options.operand;
    if (!nm_export_path(path, t->folder, "train.state", err) ||
        (!t->ranks.rank && nm_file_exists(path) && !lock_folder(t, err)) ||
        !nm_saved_state_peek(&t->saved, path, err))
        return false;

    nm_train_options_init(&t->options);
    memcpy(t->saved_options, t->saved.options, sizeof t->saved_options);
    if (!nm_train_options_read(&t->options, t->saved_options, err))
        return nm_fail_in(err, "%s", path);
    if (!nm_train_options_parse(&t->options, argc, argv, true, &help, err) ||
        !check_options(&t->options, err) || !nm_hf_config_read(&config, &ids, t->folder, err) ||
        !open_tokenizer(&t->tokenizer, t->folder, config.vocab, &ids, err) || !open_work(t, err) ||
        !open_latent(t, &config, err) || !open_arrays(t, err) || !open_texts(t, err))
        return false;

    /* The weights, the optimizer and the streams as they were. */
    nm_mix *mix = t->saved.counts.is_decaying ? &t->decay_data : &t->data;
    t->saved.at = mix->at;
    if (!nm_saved_state_read(&t->saved, path, err)) return false;
    for (size_t i = 0; i < mix->n_streams; i++)
        if (mix->at[i] >= mix->texts[mix->text_of[i]].n_ids)
            return nm_fail(err, NOMUL_E_FORMAT, "%s: a stream is outside its text", path);
    t->adamw.n_steps = t->saved.counts.optimizer_steps;
    t->adamw.power1 = t->saved.counts.power1, t->adamw.power2 = t->saved.counts.power2;
    return nm_latent_quantize(&t->latent, t->work.pool, err) && nm_trainer_send(t, err) &&
           open_log(t, err);
}

/* Ids from 3 on at random, and a BOS now and then, as documents would have. */
bool nm_setup_bench(nm_trainer *t, const nm_train_options *o, nomul_error *err)
{
    nm_token_cache *text = &t->data.texts[0];
    nm_config       config = nm_config_defaults;
    size_t          n_ids = (size_t)(o->batch_size * o->block_size) + 1;
    nm_rng          rng;

    t->options = *o;
    if (!check_options(o, err)) return false;
    config.n_layers = 12, config.dim = 512, config.ffn = 1536, config.vocab = BENCH_VOCAB;
    if ((o->shape && !parse_shape(&config, o->shape, true, err)) || !open_work(t, err) ||
        !open_latent(t, &config, err))
        return false;
    /* Uniform, by a product of the index: a thousand million values in two seconds. */
    for (const nm_latent_tensor *x = t->latent.tensors; x < t->latent.tensors + t->latent.n_tensors;
         x++)
        for (size_t i = x->at; i < x->at + x->rows * x->cols; i++) {
            int64_t bits = (int64_t)(((uint64_t)i * 0x9E3779B97F4A7C15u) >> 40) - (1 << 23);
            t->latent.values[i] = x->is_matrix ? (float)bits * (0.035f / (1 << 23)) : 1.0f;
        }
    t->bench_ids = nm_zeros(0, n_ids, sizeof *t->bench_ids, err);
    if (!t->bench_ids) return false;
    nm_rng_init(&rng, o->seed);
    for (size_t i = 0; i < n_ids; i++)
        t->bench_ids[i] = i % 500 ? 3 + (uint32_t)nm_rng_below(&rng, config.vocab - 3) : 1;
    *text = (nm_token_cache){.ids = (const uint8_t *)t->bench_ids, .n_ids = n_ids, .id_bytes = 4};
    text->text_bytes = n_ids;
    t->data.weights[0] = 1, t->data.n_texts = 1;
    t->tokenizer.bos_id = 1;
    /* The GPU makes its own trits. */
    bool ok = strcmp(o->device, "cuda") == 0 || nm_latent_quantize(&t->latent, t->work.pool, err);
    return ok && open_arrays(t, err) && nm_trainer_send(t, err) &&
           nm_mix_open(&t->data, (size_t)o->batch_size, err);
}

void nm_setup_close(nm_trainer *t)
{
    if (t->log) fclose(t->log);
    nm_free(t->bench_ids);
    for (size_t i = 0; i < t->n_parts; i++) nm_cuda_close(t->parts[i].cuda);
    nm_mix_close(&t->data);
    nm_mix_close(&t->decay_data);
    nm_token_cache_close(&t->valid);
    nm_tape_close(&t->tape);
    nm_adamw_close(&t->adamw);
    nm_arena_free(&t->arena);
    nm_latent_close(&t->latent);
    nm_hf_tokenizer_close(&t->tokenizer);
    nm_pool_free(t->work.pool);
    nm_pool_free(t->callers);
    if (t->is_locked) nm_os_close(t->lock_fd);
    if (t->is_new_folder) remove_folder(t);
}
