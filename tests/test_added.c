/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Added tokens, ranks of pairs and the schemes of the leading space, from a checkpoint to ids: what
 * Hugging Face's tokenizers makes of the same files (golden/tokenizer-added.json), and what its
 * transformers makes of a tokenizer.model with tokens beside it.
 */
#include "test.h"

#include "hf_directory.h"
#include "vocabulary.h"

#include "base/json.h"

#include <stdlib.h>

/* ---- tokenizer.json -------------------------------------------------------------------------- */

/* The parts of a tokenizer.json, unescaped. */
typedef struct row {
    char  *name, *added, *normalizer, *pre_tokenizer, *vocab, *merges;
    size_t n_texts;
} row;

static char *take(const nm_json *json)
{
    char *text = calloc(json->n_text + 1, 1);

    nm_json_string(json, text);
    return text;
}

/* {"text": "..", "special": true, "ids": [..]} */
static void check_text(const vocabulary *v, nm_json *json)
{
    char    *text = NULL;
    int32_t  want[64];
    size_t   n_want = 0, n_ids = 0;
    bool     special = false;
    uint64_t id;

    while (nm_json_next(json) == NM_JSON_KEY) {
        bool is_text = nm_json_is(json, "text"), is_ids = nm_json_is(json, "ids");
        nm_json_next(json);
        if (is_text)
            text = take(json);
        else if (is_ids)
            while (nm_json_next(json) == NM_JSON_NUMBER && n_want < 64 && nm_json_u64(json, &id))
                want[n_want++] = (int32_t)id;
        else
            special = json->type == NM_JSON_TRUE;
    }
    unsigned flags = special ? NOMUL_TOKENIZE_PARSE_SPECIAL : 0;
    int32_t *ids = vocabulary_encode(v, text, strlen(text), flags, &n_ids);
    CHECK_THAT(n_ids == n_want && memcmp(ids, want, n_ids * sizeof *ids) == 0, "ids of \"%s\"%s",
               text, special ? " with special tokens" : "");
    free(ids);
    free(text);
}

/* From the OBJECT now: the parts come before the texts. */
static void check_row(nm_json *json)
{
    row          r = {.n_texts = 0};
    hf_directory d;
    vocabulary   v = {.present = false};
    nomul_error  err;
    struct {
        const char *key;
        char      **to;
    } parts[] = {{"name", &r.name},
                 {"added", &r.added},
                 {"normalizer", &r.normalizer},
                 {"pre_tokenizer", &r.pre_tokenizer},
                 {"vocab", &r.vocab},
                 {"merges", &r.merges}};

    while (nm_json_next(json) == NM_JSON_KEY && !nm_json_is(json, "texts")) {
        size_t i = 0;
        while (!nm_json_is(json, parts[i].key)) i++;
        nm_json_next(json);
        *parts[i].to = take(json);
    }
    test_case("tokenizer.json: %s", r.name);
    hf_directory_init(&d, "added");
    hf_directory_write_tokenizer(&d, &(hf_tokenizer_parts){.added = r.added,
                                                           .normalizer = r.normalizer,
                                                           .pre_tokenizer = r.pre_tokenizer,
                                                           .vocab = r.vocab,
                                                           .merges = r.merges});
    bool ok = vocabulary_open_directory(&v, d.path, HF_N_VOCAB, &hf_no_ids, &err);
    CHECK_OK(ok, err);
    nm_json_next(json);
    while (nm_json_next(json) == NM_JSON_OBJECT) {
        if (ok)
            check_text(&v, json);
        else
            nm_json_skip(json);
    }
    nm_json_next(json); /* the end of the object */
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) free(*parts[i].to);
    vocabulary_close(&v);
    hf_directory_free(&d);
}

static void test_golden(void)
{
    size_t size, n = 0;
    char  *text = test_read_file(test_path("golden/tokenizer-added.json"), &size);

    for (char *line = text, *end; line < text + size; line = end + 1, n++) {
        nm_json json;
        end = memchr(line, '\n', (size_t)(text + size - line));
        if (!end) break;
        nm_json_init(&json, line, (size_t)(end - line));
        nm_json_next(&json);
        check_row(&json);
        CHECK_INT(json.type, NM_JSON_OBJECT_END);
    }
    CHECK_INT(n, 16);
    free(text);
}

/* ---- tokenizer.model with tokens beside it --------------------------------------------------- */

#define TOKEN "\"8192\": {\"content\": \"<|x|>\", \"special\": true"
#define DECODER(tokens) "{\"added_tokens_decoder\": {" tokens "}}"
#define WORDS "\"8193\": {\"content\": \"a b\", \"special\": false}, "
#define ADDED "{\"<|x|>\": 8192}"
#define NOT_LEGACY "{\"legacy\": false, \"additional_special_tokens\": [\"<|x|>\"]}"

static const struct {
    const char *config, *added; /* tokenizer_config.json, added_tokens.json */
    const char *text;
    int32_t     ids[12]; /* then 0 */
} beside[] = {
    {"{}", ADDED, "the<|x|>the", {265, 8192, 265}},
    {"{\"eos_token\": \"<|x|>\"}",
     "{\"<|x|>\": 8192, \"a b\": 8193}",
     "the<|x|>a b",
     {265, 8192, 8193}},
    {DECODER(WORDS TOKEN "}"), NULL, "the<|x|> the", {265, 8192, 8127, 265}},
    {DECODER(TOKEN ", \"lstrip\": true}"), NULL, "the \n<|x|> the", {265, 8192, 8127, 265}},
    {DECODER(TOKEN ", \"rstrip\": true}"), NULL, "the<|x|> \nthe", {265, 8192, 265}},
    {DECODER(TOKEN ", \"single_word\": true}"), NULL, "<|x|> the", {8192, 8127, 265}},
    /* legacy false: a space before the whole text only, unless a special token begins it */
    {NOT_LEGACY, ADDED, "the<|x|> the", {265, 8192, 265}},
    {NOT_LEGACY, ADDED, "<|x|> the", {8192, 265}},
    {"{\"legacy\": false}", ADDED, "<|x|> the", {8127, 8192, 265}},
};

static void test_beside(void)
{
    for (size_t i = 0; i < sizeof beside / sizeof beside[0]; i++) {
        hf_directory d;
        vocabulary   v = {.present = false};
        nomul_error  err;
        size_t       n = 0, n_want = 0;

        test_case("tokens beside a tokenizer.model, row %zu: %s", i, beside[i].text);
        hf_directory_init(&d, "beside");
        hf_directory_copy(&d, test_path("golden/tokenizer-demo/tokenizer.model"),
                          "tokenizer.model");
        hf_directory_write(&d, "tokenizer_config.json", beside[i].config);
        if (beside[i].added) hf_directory_write(&d, "added_tokens.json", beside[i].added);
        bool ok = vocabulary_open_directory(&v, d.path, 8200, &hf_no_ids, &err);
        CHECK_OK(ok, err);
        while (beside[i].ids[n_want]) n_want++;
        if (ok) {
            int32_t *ids = vocabulary_encode(&v, beside[i].text, strlen(beside[i].text),
                                             NOMUL_TOKENIZE_PARSE_SPECIAL, &n);
            CHECK_INT(n, n_want);
            if (n == n_want) CHECK_MEM(ids, beside[i].ids, n * sizeof *ids, "ids");
            free(ids);
        }
        vocabulary_close(&v);
        hf_directory_free(&d);
    }
}

/* ---- There and back -------------------------------------------------------------------------- */

static void test_decode(void)
{
    static const char *const texts[] = {" the",   "the",    "  the",   " ",
                                        "a<t> b", "my tok", "a my tok"};
    static const struct {
        const char *normalizer, *pre_tokenizer;
    } schemes[] = {
        {NULL, NULL},
        {"{\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"" NM_BLANK "\"}",
         NULL},
        {"null", "{\"type\": \"Metaspace\", \"prepend_scheme\": \"never\", \"split\": false}"},
    };

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        hf_tokenizer_parts parts = {
            .added = "[{\"id\": 265, \"content\": \"my tok\", \"normalized\": true}]",
            .normalizer = schemes[i].normalizer,
            .pre_tokenizer = schemes[i].pre_tokenizer};
        hf_directory d;
        vocabulary   v = {.present = false};
        nomul_error  err;

        test_case("a text comes back with its first space, scheme %zu", i);
        hf_directory_init(&d, "decode");
        hf_directory_write_tokenizer(&d, &parts);
        CHECK_OK(vocabulary_open_directory(&v, d.path, HF_N_VOCAB, &hf_no_ids, &err), err);
        for (size_t k = 0; v.present && k < sizeof texts / sizeof texts[0]; k++) {
            size_t   n_ids, n;
            int32_t *ids = vocabulary_encode(&v, texts[k], strlen(texts[k]), 0, &n_ids);
            char    *back = vocabulary_decode(&v, ids, n_ids, NOMUL_DECODE_STRIP_SPACE, &n);
            CHECK_THAT(n == strlen(texts[k]) && memcmp(back, texts[k], n) == 0,
                       "\"%.*s\", not \"%s\"", (int)n, back, texts[k]);
            free(back);
            free(ids);
        }
        vocabulary_close(&v);
        hf_directory_free(&d);
    }
}

void test_added(void)
{
    test_golden();
    test_beside();
    test_decode();
}
