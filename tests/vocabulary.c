/* SPDX-License-Identifier: Apache-2.0 */
#include "vocabulary.h"

#include "base/bytes.h"
#include "test.h"

#include <stdlib.h>

#define KEY "tokenizer.ggml."

void vocabulary_plan_init(vocabulary_plan *plan, const nm_sp_piece *pieces, size_t n_pieces)
{
    *plan = (vocabulary_plan){
        .pieces = pieces,
        .n_pieces = n_pieces,
        .n_scores = n_pieces,
        .n_types = n_pieces,
        .model = "llama",
        .bos_id = -1,
        .eos_id = -1,
        .unk_id = 0,
        .add_bos = -1,
        .add_eos = 0,
        .add_space_prefix = 1,
    };
}

void vocabulary_plan_of(vocabulary_plan *plan, const nm_sentencepiece *sp)
{
    vocabulary_plan_init(plan, sp->pieces, sp->n_pieces);
    plan->bos_id = sp->bos_id;
    plan->eos_id = sp->eos_id;
    plan->unk_id = sp->unk_id;
    plan->add_space_prefix = sp->add_dummy_prefix;
}

/* Is the key to be written as the caller would?  If not, it is left out or of another type. */
static bool sound(nm_gguf_writer *file, const vocabulary_plan *plan, const char *key)
{
    if (plan->omit && strcmp(plan->omit, key) == 0) return false;
    if (!plan->as_u64 || strcmp(plan->as_u64, key) != 0) return true;
    nm_gguf_put_bits(file, key, NOMUL_VALUE_U64, 0);
    return false;
}

static void put_tokens(nm_gguf_writer *file, const vocabulary_plan *plan)
{
    if (!sound(file, plan, KEY "tokens")) return;
    nm_gguf_put_array(file, KEY "tokens", NOMUL_VALUE_STRING, plan->n_pieces);
    for (size_t i = 0; i < plan->n_pieces; i++)
        nm_gguf_put_element_string(file, plan->pieces[i].text, plan->pieces[i].n_text);
}

static void put_numbers(nm_gguf_writer *file, const vocabulary_plan *plan)
{
    uint8_t bytes[4];

    if (sound(file, plan, KEY "scores")) {
        nm_gguf_put_array(file, KEY "scores", NOMUL_VALUE_F32, plan->n_scores);
        for (size_t i = 0; i < plan->n_scores; i++) {
            nm_store_f32(bytes, plan->pieces[i].score);
            nm_gguf_put_bytes(file, bytes, 4);
        }
    }
    if (sound(file, plan, KEY "token_type")) {
        nm_gguf_put_array(file, KEY "token_type", NOMUL_VALUE_I32, plan->n_types);
        for (size_t i = 0; i < plan->n_types; i++) {
            nm_store_u32(bytes, (uint32_t)plan->pieces[i].type);
            nm_gguf_put_bytes(file, bytes, 4);
        }
    }
}

static void put_id(nm_gguf_writer *file, const vocabulary_plan *plan, const char *key, int32_t id)
{
    if (id >= 0 && sound(file, plan, key))
        nm_gguf_put_bits(file, key, NOMUL_VALUE_U32, (uint32_t)id);
}

static void put_flag(nm_gguf_writer *file, const vocabulary_plan *plan, const char *key, int flag)
{
    if (flag >= 0 && sound(file, plan, key))
        nm_gguf_put_bits(file, key, NOMUL_VALUE_BOOL, flag != 0);
}

static void put_keys(nm_gguf_writer *file, const vocabulary_plan *plan)
{
    if (sound(file, plan, KEY "model"))
        nm_gguf_put_string(file, KEY "model", plan->model, strlen(plan->model));
    put_tokens(file, plan);
    put_numbers(file, plan);
    put_id(file, plan, KEY "bos_token_id", plan->bos_id);
    put_id(file, plan, KEY "eos_token_id", plan->eos_id);
    put_id(file, plan, KEY "unknown_token_id", plan->unk_id);
    put_flag(file, plan, KEY "add_bos_token", plan->add_bos);
    put_flag(file, plan, KEY "add_eos_token", plan->add_eos);
    put_flag(file, plan, KEY "add_space_prefix", plan->add_space_prefix);
    if (plan->more) plan->more(file);
}

bool vocabulary_open(vocabulary *v, const vocabulary_plan *plan, nomul_error *err)
{
    *v = (vocabulary){0};
    nm_gguf_writer_init(&v->file, 64);
    put_keys(&v->file, plan);
    if (nm_gguf_writer_finish(&v->file, err) &&
        nm_gguf_open(&v->gguf, v->file.bytes, v->file.n_bytes, NULL, err) &&
        nm_vocab_open(&v->tokenizer.vocab, &v->gguf, plan->n_pieces, &v->present, err))
        return true;
    vocabulary_close(v);
    return false;
}

void vocabulary_close(vocabulary *v)
{
    nm_vocab_close(&v->tokenizer.vocab);
    nm_gguf_close(&v->gguf);
    nm_gguf_writer_free(&v->file);
    *v = (vocabulary){0};
}

bool vocabulary_open_model(vocabulary *v, const char *path)
{
    size_t           size;
    char            *data = test_read_file(path, &size);
    nm_sentencepiece sp = {0};
    vocabulary_plan  plan;
    nomul_error      err = {0};

    *v = (vocabulary){0};
    bool ok = nm_sentencepiece_open(&sp, data, size, &err);
    if (ok) {
        vocabulary_plan_of(&plan, &sp);
        ok = vocabulary_open(v, &plan, &err);
    }
    CHECK_THAT(ok, "%s: %s", path, err.text);
    nm_sentencepiece_close(&sp);
    free(data);
    return ok;
}

bool vocabulary_open_directory(vocabulary *v, const char *path, size_t n_vocab,
                               const nm_hf_ids *ids, nomul_error *err)
{
    nm_hf_tokenizer t;
    nm_hf_warn      silent = {NULL, NULL};

    *v = (vocabulary){0};
    bool ok = nm_hf_tokenizer_open(&t, path, n_vocab, ids, silent, err);
    if (ok) {
        nm_gguf_writer_init(&v->file, 64);
        nm_hf_tokenizer_write(&t, &v->file);
        ok = nm_gguf_writer_finish(&v->file, err) &&
             nm_gguf_open(&v->gguf, v->file.bytes, v->file.n_bytes, NULL, err) &&
             nm_vocab_open(&v->tokenizer.vocab, &v->gguf, n_vocab, &v->present, err);
    }
    nm_hf_tokenizer_close(&t);
    if (!ok) vocabulary_close(v);
    return ok;
}

int32_t *vocabulary_encode(const vocabulary *v, const char *text, size_t n_bytes, unsigned flags,
                           size_t *n_ids)
{
    size_t      bound = nomul_tokenize_bound(n_bytes);
    char       *copy = malloc(n_bytes ? n_bytes : 1);
    int32_t    *ids = malloc(bound * sizeof *ids);
    nomul_error err;

    *n_ids = 0;
    if (n_bytes) memcpy(copy, text, n_bytes);
    CHECK_THAT(nomul_tokenize(&v->tokenizer, copy, n_bytes, flags, ids, bound, n_ids, &err) ==
                   NOMUL_OK,
               "%s", err.text);
    free(copy);
    return ids;
}

char *vocabulary_decode(const vocabulary *v, const int32_t *ids, size_t n_ids, unsigned flags,
                        size_t *n_bytes)
{
    char          *text = malloc(n_ids * v->tokenizer.vocab.max_piece + 16);
    nomul_decoder *decoder = nomul_decoder_new(&v->tokenizer, flags, NULL);
    size_t         n;

    *n_bytes = 0;
    for (size_t i = 0; i <= n_ids; i++) {
        const char *bytes =
            i < n_ids ? nomul_decoder_push(decoder, ids[i], &n) : nomul_decoder_flush(decoder, &n);
        memcpy(text + *n_bytes, bytes, n);
        *n_bytes += n;
    }
    nomul_decoder_free(decoder);
    return text;
}

void vocabulary_first_pieces(nm_sp_piece pieces[VOCABULARY_N_FIRST])
{
    static char spelled[256][8];

    pieces[0] = (nm_sp_piece){"<unk>", 5, 0, NOMUL_TOKEN_UNKNOWN};
    for (unsigned i = 0; i < 256; i++) {
        snprintf(spelled[i], sizeof spelled[i], "<0x%02X>", i);
        pieces[i + 1] = (nm_sp_piece){spelled[i], 6, 0, NOMUL_TOKEN_BYTE};
    }
}
