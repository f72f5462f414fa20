/* SPDX-License-Identifier: Apache-2.0 */
/* What a directory's tokenizer files come to; of tokenizer.json alone: test_tokenizer_json.c. */
#include "hf_directory.h"
#include "test.h"
#include "vocabulary.h"

#include "convert/hf_tokenizer.h"

#include <stdlib.h>

#define BLANK "\xE2\x96\x81"
#define JSON "@/tokenizer.json: "
#define REPLACE                                                                                    \
    "{\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"" BLANK "\"}"

/* ---- Special ids ----------------------------------------------------------------------------- */

typedef struct side {
    const char *config, *specials, *generation; /* NULL: no such file */
    const char *post_processor;                 /* of tokenizer.json */
    nm_hf_ids   ids;
    int32_t     bos, eos; /* what must come of it */
    int32_t     ends[4];  /* then 0 */
    bool        add_bos, add_eos;
    const char *warns; /* NULL: nothing */
} side;

/* clang-format off */
#define IDS(...) {__VA_ARGS__, 0, {0}} /* of which the config names one end */
#define NOTHING IDS(-1, -1, -1, -1)
#define SPECIAL(text) "{\"SpecialToken\": {\"id\": \"" text "\", \"type_id\": 0}}"
#define SEQUENCE "{\"Sequence\": {\"id\": \"A\"}}"
#define TEMPLATE(before, after)                                                                    \
    "{\"type\": \"TemplateProcessing\", \"single\": [" before SEQUENCE after                       \
    "], \"special_tokens\": {\"</s>\": {\"id\": \"</s>\", \"ids\": [2]}, "                         \
    "\"<s>\": {\"id\": \"<s>\", \"ids\": [1]}}}"
#define BERT "{\"type\": \"BertProcessing\", \"sep\": [\"b\", 261], \"cls\": [\"a\", 260]}"
#define TOKENS "\"bos_token\": \"<s>\", \"eos_token\": \"</s>\""

static const side sides[] = {
    {.ids = NOTHING, .bos = -1, .eos = -1},
    {.ids = IDS(-1, -1, 1, 2), .bos = 1, .eos = 2, .ends = {2}},
    {.ids = IDS(-1, -1, 260, 261), .bos = -1, .eos = -1}, /* ordinary pieces */
    {.ids = IDS(-1, -1, 1, 5000), .bos = 1, .eos = -1},
    {.ids = IDS(2, 1, -1, -1), .bos = 2, .eos = 1, .ends = {1}},
    {.generation = "{\"bos_token_id\": 3, \"eos_token_id\": [4, 5, 4]}",
     .ids = IDS(2, 1, -1, -1), .bos = 3, .eos = 4, .ends = {4, 5}},
    {.generation = "{\"eos_token_id\": null}",
     .ids = {2, 1, -1, -1, 1, {7}}, .bos = 2, .eos = 1, .ends = {1, 7}},
    {.generation = "{\"eos_token_id\": 9}",
     .ids = {2, 1, -1, -1, 1, {7}}, .bos = 2, .eos = 9, .ends = {9}},
    {.config = "{" TOKENS "}", .ids = NOTHING, .bos = 1, .eos = 2, .ends = {2}},
    {.config = "{\"bos_token\": {\"content\": \"<s>\", \"lstrip\": false}, \"eos_token\": null}",
     .ids = NOTHING, .bos = 1, .eos = -1},
    {.specials = "{\"bos_token\": \"<s>\", \"eos_token\": {\"content\": \"</s>\"}}",
     .ids = NOTHING, .bos = 1, .eos = 2, .ends = {2}},
    {.config = "{\"bos_token\": \"a\"}",
     .specials = "{\"bos_token\": \"<s>\", \"eos_token\": \"b\"}",
     .ids = NOTHING, .bos = 260, .eos = 261, .ends = {261}},
    /* the tokenizer's bos and eos are those of its texts; the model's eos ends a text, too */
    {.config = "{" TOKENS "}", .generation = "{\"bos_token_id\": 7, \"eos_token_id\": 8}",
     .ids = IDS(9, 10, 1, 2), .bos = 1, .eos = 2, .ends = {2, 8}, .warns =
     "@/tokenizer_config.json: eos_token is \"</s>\", id 2, and @/generation_config.json: "
     "eos_token_id is 8: both end a text"},
    {.specials = "{\"eos_token\": \"</s>\"}",
     .ids = IDS(9, 10, -1, -1), .bos = 9, .eos = 2, .ends = {2, 10}, .warns =
     "@/special_tokens_map.json: eos_token is \"</s>\", id 2, and @/config.json: "
     "eos_token_id is 10: both end a text"},
    {.config = "{" TOKENS "}",
     .ids = {9, 10, 1, 2, 1, {2}}, .bos = 1, .eos = 2, .ends = {2, 10}},
    /* who adds them: the flags, else a class that always does, else the post_processor */
    {.config = "{" TOKENS ", \"add_bos_token\": false, \"add_eos_token\": true}",
     .ids = NOTHING, .bos = 1, .eos = 2, .ends = {2}, .add_eos = true},
    {.config = "{\"bos_token\": \"<s>\", \"add_bos_token\": true, \"add_eos_token\": null}",
     .ids = NOTHING, .bos = 1, .eos = -1, .add_bos = true},
    {.config = "{" TOKENS ", \"tokenizer_class\": \"LlamaTokenizer\"}",
     .ids = NOTHING, .bos = 1, .eos = 2, .ends = {2}, .add_bos = true},
    {.config = "{" TOKENS ", \"tokenizer_class\": \"LlamaTokenizerFast\"}",
     .post_processor = TEMPLATE("", ", " SPECIAL("</s>")),
     .ids = NOTHING, .bos = 1, .eos = 2, .ends = {2}, .add_bos = true},
    {.config = "{" TOKENS ", \"tokenizer_class\": \"PreTrainedTokenizerFast\"}",
     .post_processor = TEMPLATE("", ", " SPECIAL("</s>")),
     .ids = NOTHING, .bos = 1, .eos = 2, .ends = {2}, .add_eos = true},
    {.post_processor = TEMPLATE(SPECIAL("<s>") ", ", ""),
     .ids = NOTHING, .bos = 1, .eos = -1, .add_bos = true},
    {.post_processor = TEMPLATE(SPECIAL("<s>") ", ", ", " SPECIAL("</s>")),
     .ids = IDS(7, 8, -1, -1), .bos = 1, .eos = 2, .ends = {8},
     .add_bos = true, .add_eos = true},
    {.post_processor = TEMPLATE("", ""),
     .ids = IDS(1, 2, -1, -1), .bos = 1, .eos = 2, .ends = {2}},
    {.post_processor = BERT,
     .ids = IDS(1, 2, -1, -1), .bos = 260, .eos = 261, .ends = {2},
     .add_bos = true, .add_eos = true},
    {.post_processor = "{\"type\": \"Sequence\", \"processors\": [{\"type\": \"ByteLevel\"}, "
                       TEMPLATE(SPECIAL("<s>") ", ", "") "]}",
     .ids = IDS(1, 2, -1, -1), .bos = 1, .eos = 2, .ends = {2}, .add_bos = true},
    {.config = "{\"add_bos_token\": false}", .post_processor = TEMPLATE(SPECIAL("<s>") ", ", ""),
     .ids = IDS(1, 2, -1, -1), .bos = 1, .eos = 2, .ends = {2}},
};
/* clang-format on */

static void write_sides(const hf_directory *d, const side *s)
{
    hf_tokenizer_parts parts = {.post_processor = s->post_processor};

    hf_directory_write_tokenizer(d, &parts);
    if (s->config) hf_directory_write(d, "tokenizer_config.json", s->config);
    if (s->specials) hf_directory_write(d, "special_tokens_map.json", s->specials);
    if (s->generation) hf_directory_write(d, "generation_config.json", s->generation);
}

/* The last warning. */
static void hear(void *heard, const char *text)
{
    snprintf(heard, 2048, "%s", text);
}

static void test_sides(void)
{
    static char heard[2048];

    for (size_t i = 0; i < sizeof sides / sizeof sides[0]; i++) {
        const side     *s = &sides[i];
        nm_hf_tokenizer t;
        hf_directory    d;
        nomul_error     err;
        char            name[32];

        test_case("special ids, row %zu", i);
        snprintf(name, sizeof name, "side-%zu", i);
        hf_directory_init(&d, name);
        write_sides(&d, s);
        heard[0] = '\0';
        CHECK_OK(
            nm_hf_tokenizer_open(&t, d.path, HF_N_VOCAB, &s->ids, (nm_hf_warn){hear, heard}, &err),
            err);
        CHECK_STR(heard, s->warns ? hf_with_path(&d, s->warns) : "");
        size_t n_ends = 0;
        while (s->ends[n_ends]) n_ends++;
        CHECK_INT(t.n_ends, n_ends);
        for (size_t k = 0; k < n_ends && k < t.n_ends; k++) CHECK_INT(t.ends[k], s->ends[k]);
        CHECK_INT(t.bos_id, s->bos);
        CHECK_INT(t.eos_id, s->eos);
        CHECK_INT(t.add_bos, s->add_bos);
        CHECK_INT(t.add_eos, s->add_eos);
        if (t.bos_id >= 0 && s->config) CHECK_INT(t.pieces[t.bos_id].type, NOMUL_TOKEN_CONTROL);
        nm_hf_tokenizer_close(&t);
        hf_directory_free(&d);
    }
}

/* ---- tokenizer.model ------------------------------------------------------------------------- */

static void test_model(void)
{
    nm_hf_tokenizer t;
    hf_directory    d;
    nomul_error     err;

    test_case("tokenizer.model is read where both are there, and tokens are added to it");
    hf_directory_init(&d, "model");
    hf_directory_copy(&d, test_path("golden/tokenizer-demo/tokenizer.model"), "tokenizer.model");
    hf_directory_write(&d, "tokenizer.json",
                       "{\"model\": 1, \"added_tokens\": ["
                       "{\"id\": 5, \"content\": \"x\"}, {\"id\": 1, \"content\": \"<s>\", "
                       "\"special\": true}, {\"id\": 8195, \"content\": \"<|z|>\", "
                       "\"special\": true, \"lstrip\": true}]}");
    hf_directory_write(&d, "tokenizer_config.json",
                       "{\"added_tokens_decoder\": {"
                       "\"8193\": {\"content\": \"<|y|>\", \"special\": false},"
                       "\"8192\": {\"content\": \"<|\\u0078|>\", \"special\": true},"
                       "\"0\": {\"content\": \"<unk>\", \"special\": true}},"
                       "\"add_prefix_space\": false}");
    CHECK_OK(nm_hf_tokenizer_open(&t, d.path, 8197, &hf_no_ids, hf_no_warn, &err), err);
    CHECK_INT(t.n_pieces, 8197);
    hf_check_piece(&t, 0, "<unk>", 0, NOMUL_TOKEN_UNKNOWN);
    hf_check_piece(&t, 1, "<s>", 0, NOMUL_TOKEN_CONTROL);
    hf_check_piece(&t, 3, "<0x00>", 0, NOMUL_TOKEN_BYTE);
    hf_check_piece(&t, 8192, "<|x|>", 0, NOMUL_TOKEN_CONTROL);
    hf_check_piece(&t, 8193, "<|y|>", 0, NOMUL_TOKEN_USER_DEFINED);
    hf_check_piece(&t, 8194, "[PAD8194]", 0, NOMUL_TOKEN_UNUSED);
    hf_check_piece(&t, 8195, "<|z|>", 0, NOMUL_TOKEN_CONTROL);
    hf_check_piece(&t, 8196, "[PAD8196]", 0, NOMUL_TOKEN_UNUSED);
    CHECK(t.lists_added);
    CHECK_INT(t.attr[1], NM_ATTR_ADDED | NM_ATTR_CONTROL);
    CHECK_INT(t.attr[5], 0);
    CHECK_INT(t.attr[8193], NM_ATTR_ADDED);
    CHECK_INT(t.attr[8195], NM_ATTR_ADDED | NM_ATTR_CONTROL | NM_ATTR_LSTRIP);
    CHECK_INT(t.unk_id, 0);
    CHECK_INT(t.bos_id, 1);
    CHECK_INT(t.eos_id, 2);
    CHECK(t.add_bos && !t.add_eos && !t.add_space_prefix);
    nm_hf_tokenizer_close(&t);
    hf_directory_free(&d);
}

/* ---- Both files, the same ids ---------------------------------------------------------------- */

static void check_ids(const nomul_tokenizer *tokenizer, const char *text, size_t n_text,
                      nm_json *json)
{
    int32_t    *ids = malloc((n_text + 2) * sizeof *ids);
    size_t      n_ids = 0, n = 0;
    nomul_error err;

    CHECK_OK(nomul_tokenize(tokenizer, text, n_text, 0, ids, n_text + 2, &n_ids, &err) == NOMUL_OK,
             err);
    for (uint64_t id; nm_json_next(json) == NM_JSON_NUMBER; n++)
        if (!nm_json_u64(json, &id) || n >= n_ids || ids[n] != (int32_t)id)
            test_fail(__FILE__, __LINE__, "id %zu of \"%.40s\" differs", n, text);
    CHECK_INT(n_ids, n);
    free(ids);
}

/* From the OBJECT now to its end: text, then ids. */
static void check_vector(const nomul_tokenizer *tokenizer, nm_json *json)
{
    char  *text = NULL;
    size_t n_text = 0;

    while (nm_json_next(json) == NM_JSON_KEY) {
        bool is_text = nm_json_is(json, "text"), is_ids = nm_json_is(json, "ids");
        nm_json_next(json);
        if (is_text) {
            text = calloc(json->n_text + 1, 1);
            n_text = nm_json_string(json, text);
        } else if (is_ids) {
            check_ids(tokenizer, text, n_text, json);
        } else {
            nm_json_skip(json);
        }
    }
    free(text);
}

static size_t check_vectors(const nomul_tokenizer *tokenizer, const char *path)
{
    size_t  size, n = 0;
    char   *text = test_read_file(path, &size);
    nm_json json;

    nm_json_init(&json, text, size);
    while (nm_json_next(&json) != NM_JSON_ERROR && json.type != NM_JSON_END)
        if (json.type == NM_JSON_KEY && nm_json_is(&json, "vectors")) break;
    nm_json_next(&json);
    for (; nm_json_next(&json) == NM_JSON_OBJECT; n++) check_vector(tokenizer, &json);
    CHECK_INT(json.type, NM_JSON_ARRAY_END);
    free(text);
    return n;
}

static void check_file(const char *title, const char *name, const char *file, const char *vectors,
                       size_t n_vocab)
{
    vocabulary   v = {.present = false};
    hf_directory d;
    nomul_error  err;
    char         folder[64];

    test_case("%s: every vector from its %s", title, name);
    snprintf(folder, sizeof folder, "vectors-%zu-%s", n_vocab, name);
    hf_directory_init(&d, folder);
    hf_directory_copy(&d, file, name);
    if (vocabulary_open_directory(&v, d.path, n_vocab, &hf_no_ids, &err))
        CHECK(check_vectors(&v.tokenizer, vectors) > 100);
    else
        CHECK_OK(false, err);
    vocabulary_close(&v);
    hf_directory_free(&d);
}

static void test_vectors(void)
{
    static const char *const names[] = {"tokenizer.json", "tokenizer.model"};
    char                     path[128];

    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "golden/tokenizer-demo/%s", names[i]);
        check_file("demo", names[i], test_path(path),
                   test_path("golden/tokenizer-demo/vectors.json"), 8192);
        snprintf(path, sizeof path, "tokenizers/mistral-7b-v0.1/%s", names[i]);
        if (test_shared(path)) {
            check_file("Mistral", names[i], test_shared(path),
                       test_shared("tokenizers/mistral-7b-v0.1/vectors.json"), 32000);
        } else {
            test_case("Mistral: every vector from its %s", names[i]);
            test_skip("%s is not there", path);
        }
    }
}

/* ---- Chat templates -------------------------------------------------------------------------- */

static void check_templates(const char *config, const char *jinja, const char *want)
{
    nm_hf_tokenizer t;
    hf_directory    d;
    nomul_error     err;
    char            got[256] = "";

    test_case("chat_template %s", want);
    hf_directory_init(&d, "chat");
    hf_directory_write_tokenizer(&d, &hf_sound_tokenizer);
    hf_directory_write(&d, "tokenizer_config.json", config);
    if (jinja) hf_directory_write(&d, "chat_template.jinja", jinja);
    CHECK_OK(nm_hf_tokenizer_open(&t, d.path, HF_N_VOCAB, &hf_no_ids, hf_no_warn, &err), err);
    for (size_t i = 0; i < t.n_templates; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%.*s=%.*s;",
                 (int)t.templates[i].n_name, t.templates[i].name, (int)t.templates[i].n_text,
                 t.templates[i].text);
    CHECK_STR(got, want);
    nm_hf_tokenizer_close(&t);
    hf_directory_free(&d);
}

static void test_templates(void)
{
    check_templates("{}", NULL, "");
    check_templates("{\"chat_template\": null}", NULL, "");
    check_templates("{\"chat_template\": \"{{ \\\"\\u00e9\\n\\\" }}\"}", NULL,
                    "={{ \"\xC3\xA9\n\" }};");
    check_templates("{\"chat_template\": [{\"name\": \"default\", \"template\": \"a\"}, "
                    "{\"name\": \"tool_use\", \"template\": \"b\"}]}",
                    NULL, "=a;tool_use=b;");
    check_templates("{\"chat_template\": \"a\"}", "b\n", "=b\n;");
}

/* ---- Must fail ------------------------------------------------------------------------------- */

static const struct {
    side        side;
    const char *says;
} side_wounds[] = {
    {{.config = "{"}, "@/tokenizer_config.json: line 1: ends in the middle"},
    {{.config = "{\"add_bos_token\": 1}"},
     "@/tokenizer_config.json: add_bos_token is 1, expected true or false"},
    {{.config = "{\"bos_token\": \"none\"}"},
     "@/tokenizer_config.json: bos_token is \"none\", which is not in the vocabulary"},
    {{.config = "{\"bos_token\": {}}"}, "@/tokenizer_config.json: bos_token has no content"},
    {{.config = "{\"eos_token\": 3}"},
     "@/tokenizer_config.json: eos_token is 3, expected an object"},
    {{.config = "{\"add_eos_token\": true}"},
     "@/tokenizer_config.json: add_eos_token is true, and no file names the token"},
    {{.config = "{\"add_prefix_space\": \"x\"}"},
     "@/tokenizer_config.json: add_prefix_space is a string, expected true or false"},
    {{.specials = "{\"unk_token\": \"none\"}"},
     "@/special_tokens_map.json: unk_token is \"none\", which is not in the vocabulary"},
    {{.generation = "{\"eos_token_id\": \"x\"}"},
     "@/generation_config.json: eos_token_id is a string, expected a whole number from 0 up"},
    {{.generation = "{\"eos_token_id\": 270}"},
     "@/generation_config.json: eos_token_id is 270, expected less than vocab_size 270"},
    {{.generation = "{\"eos_token_id\": [2, 270]}"},
     "@/generation_config.json: eos_token_id is 270, expected less than vocab_size 270"},
    {{.config = "{\"chat_template\": 3}"},
     "@/tokenizer_config.json: chat_template is 3, expected a string"},
    {{.config = "{\"chat_template\": [{\"template\": \"a\"}]}"},
     "@/tokenizer_config.json: name is missing, expected a string"},
    {{.config = "{\"additional_special_tokens\": [3]}"},
     "@/tokenizer_config.json: additional_special_tokens is 3, expected an object"},
    {{.config = "{\"added_tokens_decoder\": {\"x\": {}}}"},
     "@/tokenizer_config.json: added_tokens_decoder: \"x\" is not an id"},
    {{.config = "{\"added_tokens_decoder\": {\"270\": {\"content\": \"x\"}}}"},
     "@/tokenizer_config.json: added_tokens_decoder: \"x\" has id 270, expected less than "
     "vocab_size 270"},
    {{.ids = IDS(270, -1, -1, -1)},
     "@/config.json: bos_token_id is 270, expected less than vocab_size 270"},
};

static void test_side_wounds(void)
{
    for (size_t i = 0; i < sizeof side_wounds / sizeof side_wounds[0]; i++) {
        const side  *s = &side_wounds[i].side;
        hf_directory d;
        char         name[32];

        snprintf(name, sizeof name, "side-wound-%zu", i);
        hf_directory_init(&d, name);
        write_sides(&d, s);
        hf_check_refused(&d, s->ids.bos ? &s->ids : &hf_no_ids, side_wounds[i].says);
        hf_directory_free(&d);
    }
}

static void test_missing(void)
{
    hf_directory d;

    hf_directory_init(&d, "no-tokenizer");
    hf_check_refused(
        &d, &hf_no_ids,
        "@: has neither tokenizer.model nor tokenizer.json (--no-tokenizer converts without "
        "one)");
    hf_directory_write(&d, "tokenizer.json", "{\"model\": 1}");
    hf_check_refused(&d, &hf_no_ids,
                     JSON "normalizer: does not write spaces as \"" BLANK "\": not supported");
    hf_directory_write(&d, "tokenizer.json", "{\"normalizer\": " REPLACE "}");
    hf_check_refused(&d, &hf_no_ids, JSON "model is missing, expected an object");
    hf_directory_copy(&d, test_path("golden/tokenizer-demo/tokenizer.model"), "tokenizer.model");
    hf_check_refused(&d, &hf_no_ids,
                     "@/tokenizer.model: has 8192 pieces, expected at most vocab_size 270");
    hf_directory_free(&d);
}

void test_hf_tokenizer(void)
{
    test_sides();
    test_model();
    test_vectors();
    test_templates();
    test_side_wounds();
    test_missing();
}
