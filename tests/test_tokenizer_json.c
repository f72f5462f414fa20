/* SPDX-License-Identifier: Apache-2.0 */
#include "hf_directory.h"
#include "test.h"

#include "convert/hf_tokenizer.h"

#define BLANK "\xE2\x96\x81"

static void open_json(hf_directory *d, nm_hf_tokenizer *t, const char *name,
                      const hf_tokenizer_parts *p)
{
    nomul_error err;

    hf_directory_init(d, name);
    hf_directory_write_tokenizer(d, p);
    CHECK_OK(nm_hf_tokenizer_open(t, d->path, HF_N_VOCAB, &hf_no_ids, hf_no_warn, &err), err);
}

static void test_json(void)
{
    nm_hf_tokenizer t;
    hf_directory    d;

    test_case("tokenizer.json: pieces, scores, types, unused ids");
    open_json(&d, &t, "json", &hf_sound_tokenizer);
    CHECK_INT(t.n_pieces, HF_N_VOCAB);
    hf_check_piece(&t, 0, "<unk>", -4, NOMUL_TOKEN_UNKNOWN);
    hf_check_piece(&t, 1, "<s>", -4, NOMUL_TOKEN_CONTROL);
    hf_check_piece(&t, 13, "<0x0A>", -4, NOMUL_TOKEN_BYTE);
    hf_check_piece(&t, 261, "b", -4, NOMUL_TOKEN_NORMAL);
    hf_check_piece(&t, 262, "ab", 0, NOMUL_TOKEN_NORMAL);
    hf_check_piece(&t, 264, BLANK "a", -1, NOMUL_TOKEN_NORMAL);
    hf_check_piece(&t, 263, BLANK "ab", -2, NOMUL_TOKEN_NORMAL);
    hf_check_piece(&t, 265, "<|x|>", -4, NOMUL_TOKEN_USER_DEFINED);
    hf_check_piece(&t, 266, "[PAD266]", 0, NOMUL_TOKEN_UNUSED);
    hf_check_piece(&t, 269, "[PAD269]", 0, NOMUL_TOKEN_UNUSED);
    CHECK_INT(t.unk_id, 0);
    CHECK_INT(t.bos_id, -1);
    CHECK_INT(t.eos_id, -1);
    CHECK(!t.add_bos && !t.add_eos && t.add_space_prefix);
    nm_hf_tokenizer_close(&t);
    hf_directory_free(&d);
}

static void check_prefix(const hf_tokenizer_parts *p, bool want)
{
    nm_hf_tokenizer t;
    hf_directory    d;

    test_case("a blank in front is %s: %s %s", want ? "wanted" : "not wanted", p->normalizer,
              p->pre_tokenizer ? p->pre_tokenizer : "");
    open_json(&d, &t, "prefix", p);
    CHECK_INT(t.add_space_prefix, want);
    nm_hf_tokenizer_close(&t);
    hf_directory_free(&d);
}

#define METASPACE(rest)                                                                            \
    "{\"type\": \"Metaspace\", \"replacement\": \"" BLANK "\", \"split\": false" rest "}"
#define REPLACE                                                                                    \
    "{\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": \"" BLANK "\"}"

static void test_prefix(void)
{
    check_prefix(&(hf_tokenizer_parts){.normalizer = REPLACE}, false);
    check_prefix(&(hf_tokenizer_parts){.normalizer = "null", .pre_tokenizer = METASPACE("")}, true);
    check_prefix(
        &(hf_tokenizer_parts){.normalizer = "null",
                              .pre_tokenizer = METASPACE(", \"prepend_scheme\": \"first\"")},
        true);
    check_prefix(
        &(hf_tokenizer_parts){.normalizer = "null",
                              .pre_tokenizer = METASPACE(", \"prepend_scheme\": \"never\"")},
        false);
    check_prefix(&(hf_tokenizer_parts){.normalizer = "null",
                                       .pre_tokenizer = METASPACE(", \"add_prefix_space\": false")},
                 false);
}

/* ---- Must fail ------------------------------------------------------------------------------- */

#define BPE "\"type\": \"BPE\", \"byte_fallback\": true"
#define TEMPLATE(single)                                                                           \
    "{\"type\": \"TemplateProcessing\", \"single\": [" single "], \"special_tokens\": {\"<s>\": "  \
    "{\"ids\": [1]}, \"<m>\": {\"ids\": [1, 2]}, \"<n>\": {\"ids\": [270]}}}"
#define EXPECTED                                                                                   \
    ": not supported (expected Prepend \"" BLANK "\" and Replace \" \" by \"" BLANK "\")"
#define JSON "@/tokenizer.json: "

static const struct {
    hf_tokenizer_parts parts;
    const char        *says;
} json_wounds[] = {
    {{.options = "\"type\": \"Unigram\", \"unk_id\": 0"},
     JSON "model: type is \"Unigram\": not supported (expected \"BPE\")"},
    {{.options = "\"type\": 3"}, JSON "model: type is 3, expected a string"},
    {{.options = "\"type\": \"BPE\""}, JSON "model: byte_fallback is false: not supported"},
    {{.options = BPE ", \"dropout\": 0.1"}, JSON "model: dropout is not 0: not supported"},
    {{.options = BPE ", \"ignore_merges\": true"},
     JSON "model: ignore_merges is true: not supported"},
    {{.options = BPE ", \"continuing_subword_prefix\": \"##\""},
     JSON "model: continuing_subword_prefix is not empty: not supported"},
    {{.options = BPE ", \"end_of_word_suffix\": \"</w>\""},
     JSON "model: end_of_word_suffix is not empty: not supported"},
    {{.options = BPE ", \"unk_token\": \"none\""},
     JSON "unk_token \"none\" is not in the vocabulary"},
    {{.normalizer = "{\"type\": \"NFKC\"}"}, JSON "normalizer NFKC" EXPECTED},
    {{.normalizer =
          "{\"type\": \"Sequence\", \"normalizers\": [" REPLACE ", {\"type\": \"Lowercase\"}]}"},
     JSON "normalizer Lowercase" EXPECTED},
    {{.normalizer = "{\"type\": \"Prepend\", \"prepend\": \"_\"}"},
     JSON "normalizer Prepend" EXPECTED},
    {{.normalizer = "{\"type\": \"Prepend\", \"prepend\": \"" BLANK "\"}"},
     JSON "normalizer: does not write spaces as \"" BLANK "\": not supported"},
    {{.normalizer = "null"},
     JSON "normalizer: does not write spaces as \"" BLANK "\": not supported"},
    {{.normalizer = "7"}, JSON "normalizer is 7, expected an object"},
    {{.pre_tokenizer = "{\"type\": \"ByteLevel\"}"},
     JSON "pre_tokenizer is ByteLevel: not supported (expected none or Metaspace)"},
    {{.pre_tokenizer = METASPACE("")},
     JSON "pre_tokenizer: Metaspace beside a normalizer: not supported"},
    {{.pre_tokenizer = "{\"type\": \"Metaspace\", \"replacement\": \"_\"}", .normalizer = "null"},
     JSON "pre_tokenizer: replacement is \"_\": not supported (expected \"" BLANK "\")"},
    {{.vocab = "\"a\": 259, \"b\": 259"}, JSON "vocab: id 259 occurs twice"},
    {{.vocab = "\"a\": 259, \"\\u0061\": 260", .merges = "[]", .added = "[]"},
     JSON "\"a\" has ids 259 and 260, expected one"},
    {{.vocab = "\"a\": 270"}, JSON "vocab: \"a\" has id 270, expected less than vocab_size 270"},
    {{.vocab = "\"a\": -1"}, JSON "vocab: a is -1, expected a whole number from 0 up"},
    {{.vocab = "\"a\": 18446744073709551616"},
     JSON "vocab: a is 18446744073709551616, expected a whole number from 0 up"},
    {{.vocab = "\"\": 259"}, JSON "vocab: piece 259 has 0 bytes, expected 1 to 1024"},
    {{.vocab = "\"a\": 259, \"<0x0a>\": 14", .merges = "[]"}, JSON "vocab: id 14 occurs twice"},
    {{.merges = "[\"a c\"]"}, JSON "merges: merge 0: \"c\" is not in the vocabulary"},
    {{.merges = "[\"a b\", \"b a\"]"}, JSON "merges: merge 1: \"ba\" is not in the vocabulary"},
    {{.merges = "[\"ab\"]"}, JSON "merges: merge 0 is not \"A B\" nor [\"A\", \"B\"]"},
    {{.merges = "[\"a b \"]"}, JSON "merges: merge 0 is not \"A B\" nor [\"A\", \"B\"]"},
    {{.merges = "[[\"a\"]]"}, JSON "merges: merge 0 is not \"A B\" nor [\"A\", \"B\"]"},
    {{.merges = "[[\"a\", \"b\", \"c\"]]"},
     JSON "merges: merge 0 is not \"A B\" nor [\"A\", \"B\"]"},
    {{.merges = "{}"}, JSON "model: merges is an object, expected an array"},
    {{.merges = "[[\"<0x0A>\", \"<0x0B>\"]]", .vocab = "\"<0x0A><0x0B>\": 259", .added = "[]"},
     JSON "merges: merge 0: merges byte piece <0x0A>: not supported"},
    {{.vocab = "\"[PAD266]\": 259", .merges = "[]"},
     JSON "\"[PAD266]\" is a piece, and the name for the unused id 266"},
    {{.post_processor = "{\"type\": \"ByteLevel\", \"type\": \"X\"}"},
     JSON "post_processor: line 1: type occurs twice"},
    {{.post_processor = "{\"type\": \"X\"}"},
     JSON "post_processor: is X: not supported (expected TemplateProcessing)"},
    {{.post_processor = TEMPLATE("{\"SpecialToken\": {\"id\": \"<s>\"}}")},
     JSON "post_processor: single has the text 0 times: not supported"},
    {{.post_processor =
          TEMPLATE("{\"SpecialToken\": {\"id\": \"x\"}}, {\"Sequence\": {\"id\": \"A\"}}")},
     JSON "post_processor: special_tokens: \"x\" is missing"},
    {{.post_processor =
          TEMPLATE("{\"SpecialToken\": {\"id\": \"<m>\"}}, {\"Sequence\": {\"id\": \"A\"}}")},
     JSON "post_processor: adds 2 ids before a text: not supported (expected at most one)"},
    {{.post_processor =
          TEMPLATE("{\"Sequence\": {\"id\": \"A\"}}, {\"SpecialToken\": {\"id\": \"<n>\"}}")},
     JSON "post_processor: adds id 270, expected less than vocab_size 270"},
    {{.post_processor =
          "{\"type\": \"BertProcessing\", \"cls\": [\"<s>\"], \"sep\": [\"</s>\", 2]}"},
     JSON "post_processor: cls is missing, expected a whole number from 0 up"},
    {{.added = "[{\"id\": 270, \"content\": \"x\"}]"},
     JSON "added_tokens: \"x\" has id 270, expected less than vocab_size 270"},
    {{.added = "[{\"content\": \"x\"}]"}, JSON "added_tokens: \"x\" has no id"},
    {{.added = "[{\"id\": 14, \"content\": \"x\", \"special\": true}]"},
     JSON "added_tokens: \"x\" has id 14, expected <0x0B>"},
    {{.options = BPE ", \"unk_token\": \"<0x0B>\""},
     JSON "vocab has 255 byte pieces, expected <0x00> to <0xFF>"},
    {{.added = "[{\"id\": 265}]"}, JSON "added_tokens: a token without content"},
    {{.added = "[{\"id\": 265, \"content\": \"x\", \"normalized\": 1}]"},
     JSON "added_tokens: \"x\": normalized is 1, expected true or false"},
    {{.added = "[{\"id\": 265, \"content\": \"a\"}]"},
     JSON "\"a\" has ids 260 and 265, expected one"},
    {{.added = "[7]"}, JSON "added_tokens: an added token is 7, expected an object"},
};

static void test_json_wounds(void)
{
    for (size_t i = 0; i < sizeof json_wounds / sizeof json_wounds[0]; i++) {
        hf_directory d;
        hf_directory_init(&d, "json-wound");
        hf_directory_write_tokenizer(&d, &json_wounds[i].parts);
        hf_check_refused(&d, &hf_no_ids, json_wounds[i].says);
        hf_directory_free(&d);
    }
}

#define ABC                                                                                        \
    "\"" BLANK "\": 259, \"a\": 260, \"b\": 261, \"c\": 262, \"ab\": 263, \"bc\": 264, \"abc\": "  \
    "265"
#define AAA "\"" BLANK "\": 259, \"a\": 260, \"aa\": 261, \"aaa\": 262"
#define SAME "\"a b\", \"b c\", \"a bc\", \"ab c\""

/* Scores say the same as ranks only where no text can tell them apart. */
static void test_ranks(void)
{
    static const struct {
        const char *vocab, *merges; /* NULL: those of the sound one */
        size_t      n_kept;
    } rows[] = {
        {NULL, NULL, 0},
        {ABC, "[" SAME "]", 0},
        {AAA, "[\"a a\", \"a aa\", \"aa a\"]", 3}, /* of aa a aa the right pair goes first */
        {ABC, "[\"a b\", \"b c\", \"a bc\"]", 3},  /* ab c spells it, too */
        {ABC, "[\"a b\", \"b c\", \"a bc\", \"a bc\"]", 4},
        {ABC, "[\"a bc\", \"a b\", \"b c\", \"ab c\"]", 4},              /* not in a row */
        {ABC ", \"d\": 266, \"abcd\": 267", "[\"abc d\", " SAME "]", 5}, /* between two of abc */
        {ABC ", \"zz\": 266", "[" SAME "]", 4}, /* two characters that are no pieces spell it */
        {ABC ", \"za\": 266", "[" SAME "]", 4},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        nm_hf_tokenizer t;
        hf_directory    d;

        test_case("ranks as scores, row %zu", i);
        open_json(
            &d, &t, "ranks",
            &(hf_tokenizer_parts){.vocab = rows[i].vocab, .merges = rows[i].merges, .added = "[]"});
        CHECK_INT(t.n_merges, rows[i].n_kept);
        CHECK((t.merges != NULL) == (rows[i].n_kept > 0));
        nm_hf_tokenizer_close(&t);
        hf_directory_free(&d);
    }
}

static void hear(void *heard, const char *text)
{
    snprintf((char *)heard + strlen(heard), 1024 - strlen(heard), "%s;", text);
}

static void test_numbers(void)
{
    char            heard[1024] = "";
    nm_hf_tokenizer t;
    hf_directory    d;
    nomul_error     err;

    test_case("an added token keeps the id of the file, and the caller hears of another one");
    hf_directory_init(&d, "numbers");
    hf_directory_write_tokenizer(
        &d, &(hf_tokenizer_parts){.added = "[{\"id\": 0, \"content\": \"<unk>\"},"
                                           "{\"id\": 265, \"content\": \"x\"},"
                                           "{\"id\": 268, \"content\": \"y\"},"
                                           "{\"id\": 269, \"content\": \"z\"}]"});
    CHECK_OK(
        nm_hf_tokenizer_open(&t, d.path, HF_N_VOCAB, &hf_no_ids, (nm_hf_warn){hear, heard}, &err),
        err);
    CHECK_STR(heard, "tokenizer.json: added token \"y\" has id 268, which is kept; Hugging Face's "
                     "tokenizers gives it 266;");
    hf_check_piece(&t, 268, "y", -4, NOMUL_TOKEN_USER_DEFINED);
    hf_check_piece(&t, 266, "[PAD266]", 0, NOMUL_TOKEN_UNUSED);
    nm_hf_tokenizer_close(&t);
    hf_directory_free(&d);
}

void test_tokenizer_json(void)
{
    test_json();
    test_prefix();
    test_ranks();
    test_numbers();
    test_json_wounds();
}
