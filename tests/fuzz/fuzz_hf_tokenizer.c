/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as tokenizer.json: every piece that it makes is read, and the tokenizer that the model
 * file would have tokenizes the same bytes.
 */
#include "fuzz/fuzz.h"

#include "base/alloc.h"
#include "convert/hf_tokenizer.h"
#include "convert/tokenizer_json.h"
#include "tokens/tokenizer.h"

#include <string.h>

#define CAPACITY 300 /* vocab_size: some inputs have more, some have fewer pieces */

static void check_pieces(const nm_hf_tokenizer *t)
{
    MUST(t->n_pieces == CAPACITY && t->unk_id < CAPACITY);
    for (size_t id = 0; id < t->n_pieces; id++) {
        const nm_sp_piece *piece = &t->pieces[id];
        MUST(piece->type >= NOMUL_TOKEN_NORMAL && piece->type <= NOMUL_TOKEN_BYTE);
        fuzz_touch(piece->text, piece->n_text);
        MUST(nm_names_find(&t->names, piece->text, piece->n_text) == id);
    }
    for (size_t i = 0; i < t->n_merges; i++)
        MUST(t->merges[i].left < CAPACITY && t->merges[i].right < CAPACITY);
}

static void tokenize(const nomul_tokenizer *tokenizer, const char *text, size_t n_text)
{
    size_t   bound = nomul_tokenize_bound(n_text), n_ids, n;
    int32_t *ids = malloc((bound + 1) * sizeof *ids);

    MUST(ids);
    for (unsigned flags = 0; flags < 8; flags++) {
        MUST(nomul_tokenize(tokenizer, text, n_text, flags, ids, bound, &n_ids, NULL) == NOMUL_OK);
        MUST(n_ids <= bound);
        nomul_decoder *decoder = nomul_decoder_new(tokenizer, NOMUL_DECODE_STRIP_SPACE, NULL);
        for (size_t i = 0; i < n_ids; i++) {
            const char *bytes = nomul_decoder_push(decoder, ids[i], &n);
            MUST(bytes);
            fuzz_touch(bytes, n);
        }
        nomul_decoder_free(decoder);
    }
    MUST(nomul_tokenize_cut(tokenizer, text, n_text, 0) <= n_text);
    free(ids);
}

/* What convert would write, opened as a model's.  A name for an unused id may be a piece's text. */
static void check_file(nm_hf_tokenizer *t, const char *text, size_t n_text)
{
    nm_gguf_writer  file;
    nm_gguf         gguf = {0};
    nomul_tokenizer tokenizer = {.refs = NULL};
    nomul_error     err;
    bool            present = false;

    t->add_bos = t->add_bos && t->bos_id >= 0;
    nm_gguf_writer_init(&file, 64);
    nm_hf_tokenizer_write(t, &file);
    MUST(nm_gguf_writer_finish(&file, &err));
    MUST(nm_gguf_open(&gguf, file.bytes, file.n_bytes, NULL, &err));
    if (nm_vocab_open(&tokenizer.vocab, &gguf, CAPACITY, &present, &err) && present)
        tokenize(&tokenizer, text, n_text);
    else
        MUST(err.text[0]);
    nm_vocab_close(&tokenizer.vocab);
    nm_gguf_close(&gguf);
    nm_gguf_writer_free(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nm_hf_tokenizer   t = {.capacity = CAPACITY, .unk_id = -1, .bos_id = -1, .eos_id = -1};
    nm_tokenizer_json json;
    nomul_error       err = {.code = NOMUL_OK};
    const char       *text = (const char *)data;

    t.pieces = nm_alloc(CAPACITY * sizeof *t.pieces);
    t.attr = nm_alloc(CAPACITY * sizeof *t.attr);
    t.text = t.text_end = nm_alloc(size);
    MUST(t.pieces && t.attr && t.text);
    memset(t.pieces, 0, CAPACITY * sizeof *t.pieces);
    memset(t.attr, 0, CAPACITY * sizeof *t.attr);
    t.lists_added = true;
    if (nm_tokenizer_json_read(&t, &json, text, size, &err) && nm_hf_tokenizer_index(&t, &err) &&
        nm_tokenizer_json_merges(&t, &json, &err)) {
        check_pieces(&t);
        check_file(&t, text, size < 4096 ? size : 4096);
    } else {
        MUST(err.code != NOMUL_OK && err.text[0]);
    }
    nm_hf_tokenizer_close(&t);
    return 0;
}
