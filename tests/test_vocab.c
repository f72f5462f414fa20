/* SPDX-License-Identifier: Apache-2.0 */
/* A vocabulary's keys: what is read, what is refused and in which words; finding pieces. */
#include "test.h"

#include "alloc.h"
#include "base/bytes.h"
#include "base/rng.h"
#include "tokens/vocab.h"
#include "vocabulary.h"

#include <math.h>
#include <stdlib.h>

#define N_FIRST VOCABULARY_N_FIRST
#define N_PIECES (N_FIRST + 8)

/* <unk> and the bytes, then: */
static void small_pieces(nm_sp_piece pieces[N_PIECES])
{
    static const nm_sp_piece more[8] = {
        {"<s>", 3, 0, NOMUL_TOKEN_CONTROL},
        {"</s>", 4, 0, NOMUL_TOKEN_CONTROL},
        {"a", 1, -1, NOMUL_TOKEN_NORMAL},
        {"b", 1, -2, NOMUL_TOKEN_NORMAL},
        {"ab", 2, -3, NOMUL_TOKEN_UNUSED},
        {"\xE2\x96\x81"
         "b",
         4, 0, NOMUL_TOKEN_USER_DEFINED},
        {"\xC3\xA9", 2, 0, NOMUL_TOKEN_NORMAL},
        {"<|x y|>", 7, 0, NOMUL_TOKEN_CONTROL},
    };
    vocabulary_first_pieces(pieces);
    memcpy(pieces + N_FIRST, more, sizeof more);
}

static void small_plan(vocabulary_plan *plan, nm_sp_piece pieces[N_PIECES])
{
    small_pieces(pieces);
    vocabulary_plan_init(plan, pieces, N_PIECES);
    plan->bos_id = N_FIRST;
    plan->eos_id = N_FIRST + 1;
}

static int32_t find(const nm_vocab *vocab, const char *text)
{
    return nm_vocab_find(vocab, text, strlen(text));
}

static void test_small(void)
{
    nm_sp_piece     pieces[N_PIECES];
    vocabulary_plan plan;
    vocabulary      v;
    nomul_error     err;

    test_case("a small vocabulary");
    small_plan(&plan, pieces);
    CHECK_OK(vocabulary_open(&v, &plan, &err), err);
    CHECK(v.present);
    const nm_vocab *vocab = &v.tokenizer.vocab;
    CHECK_INT(vocab->n_pieces, N_PIECES);
    CHECK_INT(vocab->bos_id, N_FIRST);
    CHECK_INT(vocab->eos_id, N_FIRST + 1);
    CHECK_INT(vocab->unk_id, 0);
    CHECK(vocab->add_bos && !vocab->add_eos && vocab->add_space_prefix && vocab->has_unused);
    CHECK_INT(vocab->max_piece, 7);
    for (int i = 0; i < 256; i++) CHECK_INT(vocab->bytes[i], i + 1);
    for (size_t i = 0; i < N_PIECES; i++) {
        CHECK_INT(vocab->pieces[i].type, pieces[i].type);
        CHECK(vocab->pieces[i].score == pieces[i].score);
        CHECK_INT(vocab->pieces[i].n_text, pieces[i].n_text);
        CHECK_MEM(vocab->pieces[i].text, pieces[i].text, pieces[i].n_text, "a piece");
    }

    test_case("only what merging may make is found");
    CHECK_INT(find(vocab, "a"), N_FIRST + 2);
    CHECK_INT(find(vocab, "ab"), N_FIRST + 4);
    CHECK_INT(find(vocab, "\xE2\x96\x81"
                          "b"),
              N_FIRST + 5);
    CHECK_INT(find(vocab, "\xC3\xA9"), N_FIRST + 6);
    CHECK_INT(find(vocab, "<unk>"), -1);
    CHECK_INT(find(vocab, "<s>"), -1);
    CHECK_INT(find(vocab, "<0x41>"), -1);
    CHECK_INT(find(vocab, "ba"), -1);
    CHECK_INT(find(vocab, ""), -1);
    CHECK_INT(nm_vocab_find(vocab, "a\0", 2), -1);

    test_case("which bytes are neighbours in pieces that may be found in a text");
    CHECK(nm_vocab_joins(vocab, 'a', 'b') && nm_vocab_joins(vocab, 0xC3, 0xA9));
    CHECK(!nm_vocab_joins(vocab, 'b', 'a'));
    CHECK(nm_vocab_joins(vocab, 0xE2, 0x96) && nm_vocab_joins(vocab, 0x81, 'b'));
    CHECK(!nm_vocab_joins(vocab, '<', 's') && !nm_vocab_joins(vocab, '0', 'x'));
    vocabulary_close(&v);
    CHECK(v.tokenizer.vocab.pieces == NULL);
}

static void test_keys(void)
{
    nm_sp_piece     pieces[N_PIECES];
    vocabulary_plan plan;
    vocabulary      v;
    nomul_error     err;

    test_case("no_vocab: sound, and nothing there");
    small_plan(&plan, pieces);
    plan.model = "no_vocab";
    CHECK_OK(vocabulary_open(&v, &plan, &err), err);
    CHECK(!v.present && v.tokenizer.vocab.n_pieces == 0);
    vocabulary_close(&v);

    test_case("without special ids and flags: none, no BOS, a blank in front");
    small_plan(&plan, pieces);
    plan.bos_id = plan.eos_id = plan.unk_id = -1;
    plan.add_bos = plan.add_eos = plan.add_space_prefix = -1;
    CHECK_OK(vocabulary_open(&v, &plan, &err), err);
    const nm_vocab *vocab = &v.tokenizer.vocab;
    CHECK(vocab->bos_id == -1 && vocab->eos_id == -1 && vocab->unk_id == -1);
    CHECK(!vocab->add_bos && !vocab->add_eos && vocab->add_space_prefix);
    vocabulary_close(&v);

    test_case("flags as they say");
    small_plan(&plan, pieces);
    plan.add_bos = 0, plan.add_eos = 1, plan.add_space_prefix = 0;
    CHECK_OK(vocabulary_open(&v, &plan, &err), err);
    CHECK(!vocab->add_bos && vocab->add_eos && !vocab->add_space_prefix);
    vocabulary_close(&v);

    test_case("without byte pieces");
    small_plan(&plan, pieces);
    pieces[N_FIRST - 1] = pieces[0];
    vocabulary_plan_init(&plan, pieces + N_FIRST - 1, 9);
    CHECK_OK(vocabulary_open(&v, &plan, &err), err);
    for (int i = 0; i < 256; i++) CHECK_INT(vocab->bytes[i], -1);
    vocabulary_close(&v);
}

/* ---- What must fail -------------------------------------------------------------------------- */

typedef void change(vocabulary_plan *plan, nm_sp_piece *pieces);

/* The piece that wounds are made to. */
#define LAST (N_PIECES - 1)

#define CHANGE(name, statement)                                                                    \
    static void name(vocabulary_plan *plan, nm_sp_piece *pieces)                                   \
    {                                                                                              \
        (void)plan, (void)pieces;                                                                  \
        statement;                                                                                 \
    }

#define T "tokenizer.ggml."

static char long_text[8000];

CHANGE(no_model, plan->omit = T "model")
CHANGE(no_tokens, plan->omit = T "tokens")
CHANGE(no_scores, plan->omit = T "scores")
CHANGE(no_types, plan->omit = T "token_type")
CHANGE(gpt2, plan->model = "gpt2")
CHANGE(empty_model, plan->model = "")
CHANGE(u64_model, plan->as_u64 = T "model")
CHANGE(u64_tokens, plan->as_u64 = T "tokens")
CHANGE(u64_bos, plan->as_u64 = T "bos_token_id")
CHANGE(u64_flag, plan->as_u64 = T "add_space_prefix")
CHANGE(few_scores, plan->n_scores--)
CHANGE(few_types, plan->n_types--)
CHANGE(empty, pieces[LAST].n_text = 0)
CHANGE(too_long, pieces[LAST].text = long_text; pieces[LAST].n_text = 8000)
CHANGE(no_utf8, pieces[LAST].text = "a\xC3"; pieces[LAST].n_text = 2)
CHANGE(surrogate, pieces[LAST].text = "\xED\xA0\x80"; pieces[LAST].n_text = 3)
CHANGE(twice, pieces[LAST] = pieces[N_FIRST + 2])
CHANGE(byte_twice, pieces[LAST] = pieces[1])
CHANGE(spelled_control, pieces[LAST].text = "<s>"; pieces[LAST].n_text = 3)
CHANGE(nan_score, pieces[LAST].score = NAN)
CHANGE(infinite_score, pieces[LAST].score = -INFINITY)
CHANGE(type_0, pieces[LAST].type = (nomul_token_type)0)
CHANGE(type_7, pieces[LAST].type = (nomul_token_type)7)
CHANGE(type_negative, pieces[LAST].type = (nomul_token_type)(1u << 31))
CHANGE(no_byte, pieces[LAST].type = NOMUL_TOKEN_BYTE)
CHANGE(small_hex, pieces[1].text = "<0x0a>")
CHANGE(long_byte, pieces[1].text = "<0x000>"; pieces[1].n_text = 7)
CHANGE(few_bytes, pieces[1].type = NOMUL_TOKEN_NORMAL)
CHANGE(nothing_unknown, {
    vocabulary_plan_init(plan, pieces + N_FIRST, 8);
    plan->unk_id = -1;
})
CHANGE(bos_outside, plan->bos_id = N_PIECES)
CHANGE(eos_outside, plan->eos_id = INT32_MAX)
CHANGE(unk_outside, plan->unk_id = N_PIECES + 1)
CHANGE(add_no_bos, plan->bos_id = -1; plan->add_bos = 1)
CHANGE(add_no_eos, plan->eos_id = -1; plan->add_eos = 1)

static const struct {
    change     *make;
    const char *words;
    int         code;
} wounds[] = {
    {no_scores, "key tokenizer.ggml.scores: missing", NOMUL_E_FORMAT},
    {no_types, "key tokenizer.ggml.token_type: missing", NOMUL_E_FORMAT},
    {no_tokens, "key tokenizer.ggml.tokens: missing", NOMUL_E_FORMAT},
    {no_model, "key tokenizer.ggml.model: missing", NOMUL_E_FORMAT},
    {gpt2, "key " T "model: is \"gpt2\", expected \"llama\" or \"no_vocab\"", NOMUL_E_UNSUPPORTED},
    {empty_model, "key " T "model: is \"\", expected \"llama\" or \"no_vocab\"",
     NOMUL_E_UNSUPPORTED},
    {u64_model, "key tokenizer.ggml.model: is a u64, expected string", NOMUL_E_FORMAT},
    {u64_tokens, "key tokenizer.ggml.tokens: is a u64, expected array of string", NOMUL_E_FORMAT},
    {u64_bos, "key tokenizer.ggml.bos_token_id: is a u64, expected u32", NOMUL_E_FORMAT},
    {u64_flag, "key tokenizer.ggml.add_space_prefix: is a u64, expected bool", NOMUL_E_FORMAT},
    {few_scores, "key " T "scores: has 264 elements, expected 265", NOMUL_E_FORMAT},
    {few_types, "key " T "token_type: has 264 elements, expected 265", NOMUL_E_FORMAT},
    {empty, "key " T "tokens[264]: is empty", NOMUL_E_FORMAT},
    {too_long, "key " T "tokens[264]: has 8000 bytes, expected at most 7999", NOMUL_E_FORMAT},
    {no_utf8, "key " T "tokens[264]: is not valid UTF-8", NOMUL_E_FORMAT},
    {surrogate, "key " T "tokens[264]: is not valid UTF-8", NOMUL_E_FORMAT},
    {twice, "key " T "tokens[264]: \"a\" is also tokens[259]", NOMUL_E_FORMAT},
    {byte_twice, "key " T "tokens[264]: \"<0x00>\" is also tokens[1]", NOMUL_E_FORMAT},
    {spelled_control, "key " T "tokens[264]: \"<s>\" is also tokens[257]", NOMUL_E_FORMAT},
    {nan_score, "key " T "scores[264]: is not a finite number", NOMUL_E_FORMAT},
    {infinite_score, "key " T "scores[264]: is not a finite number", NOMUL_E_FORMAT},
    {type_0, "key " T "token_type[264]: is 0, expected 1 to 6", NOMUL_E_FORMAT},
    {type_7, "key " T "token_type[264]: is 7, expected 1 to 6", NOMUL_E_FORMAT},
    {type_negative, "key " T "token_type[264]: is -2147483648, expected 1 to 6", NOMUL_E_FORMAT},
    {no_byte, "key " T "tokens[264]: \"<|x y|>\" is of type byte, expected <0x00> to <0xFF>",
     NOMUL_E_FORMAT},
    {small_hex, "key " T "tokens[1]: \"<0x0a>\" is of type byte, expected <0x00> to <0xFF>",
     NOMUL_E_FORMAT},
    {long_byte, "key " T "tokens[1]: \"<0x000>\" is of type byte, expected <0x00> to <0xFF>",
     NOMUL_E_FORMAT},
    {few_bytes, "key " T "token_type: has 255 pieces of type byte, expected 256 or none",
     NOMUL_E_FORMAT},
    {nothing_unknown,
     "key " T "unknown_token_id: is missing, and no pieces of type byte are there instead",
     NOMUL_E_FORMAT},
    {bos_outside, "key " T "bos_token_id: is 265, expected 0 to 264", NOMUL_E_FORMAT},
    {eos_outside, "key " T "eos_token_id: is 2147483647, expected 0 to 264", NOMUL_E_FORMAT},
    {unk_outside, "key " T "unknown_token_id: is 266, expected 0 to 264", NOMUL_E_FORMAT},
    {add_no_bos, "key " T "add_bos_token: is true without a bos_token_id", NOMUL_E_FORMAT},
    {add_no_eos, "key " T "add_eos_token: is true without an eos_token_id", NOMUL_E_FORMAT},
};

static void test_wounds(void)
{
    nm_sp_piece     pieces[N_PIECES];
    vocabulary_plan plan;
    vocabulary      v;
    nomul_error     err;

    memset(long_text, 'z', sizeof long_text);
    for (size_t i = 0; i < sizeof wounds / sizeof wounds[0]; i++) {
        test_case("must fail: %s", wounds[i].words);
        small_plan(&plan, pieces);
        wounds[i].make(&plan, pieces);
        CHECK_FAILS(vocabulary_open(&v, &plan, &err), err, wounds[i].words);
        CHECK_INT(err.code, wounds[i].code);
        CHECK(v.tokenizer.vocab.pieces == NULL);
    }
}

/* ---- Optional keys --------------------------------------------------------------------------- */

static void put_u32s(nm_gguf_writer *file, const char *key, size_t n, const uint32_t *values)
{
    uint8_t bytes[4];

    nm_gguf_put_array(file, key, NOMUL_VALUE_U32, n);
    for (size_t i = 0; i < n; i++) {
        nm_store_u32(bytes, values[i]);
        nm_gguf_put_bytes(file, bytes, sizeof bytes);
    }
}

static void put_merge(nm_gguf_writer *file, const char *merge)
{
    nm_gguf_put_array(file, T "merges", NOMUL_VALUE_STRING, 1);
    nm_gguf_put_element_string(file, merge, strlen(merge));
}

static void put_pre(nm_gguf_writer *file, const char *pre)
{
    nm_gguf_put_string(file, T "pre", pre, strlen(pre));
}

#define MORE(name, statement)                                                                      \
    static void name(nm_gguf_writer *file)                                                         \
    {                                                                                              \
        statement;                                                                                 \
    }
#define U32S(key, ...)                                                                             \
    put_u32s(file, T key, sizeof(uint32_t[]){__VA_ARGS__} / 4, (const uint32_t[]){__VA_ARGS__})

MORE(ends_outside, U32S("eos_token_ids", 0, 265))
MORE(added_alone, U32S("added_token_ids", 1))
MORE(added_few, U32S("added_token_ids", 1, 2); U32S("added_token_attr", 0))
MORE(added_outside, U32S("added_token_ids", 265); U32S("added_token_attr", 0))
MORE(added_twice, U32S("added_token_ids", 3, 3); U32S("added_token_attr", 0, 0))
MORE(added_bits, U32S("added_token_ids", 3); U32S("added_token_attr", 1 << 13))
MORE(merge_one, put_merge(file, "a"))
MORE(merge_no_left, put_merge(file, " a"))
MORE(merge_no_right, put_merge(file, "a "))
MORE(merge_three, put_merge(file, "a b c"))
MORE(merge_unknown, put_merge(file, "a q"))
MORE(merge_makes_unknown, put_merge(file, "a a"))
MORE(pre_unknown, put_pre(file, "llama-bpe"))
MORE(pre_number, nm_gguf_put_bits(file, T "pre", NOMUL_VALUE_U32, 1))

static const struct {
    void (*more)(nm_gguf_writer *file);
    const char *words;
    int         code;
} more_wounds[] = {
    {ends_outside, "key " T "eos_token_ids[1]: is 265, expected less than 265", NOMUL_E_FORMAT},
    {added_alone, "key " T "added_token_attr: missing", NOMUL_E_FORMAT},
    {added_few, "key " T "added_token_attr: has 1 element, expected 2 as " T "added_token_ids",
     NOMUL_E_FORMAT},
    {added_outside, "key " T "added_token_ids[0]: is 265, expected an id", NOMUL_E_FORMAT},
    {added_twice, "key " T "added_token_ids[1]: is 3, expected each id once", NOMUL_E_FORMAT},
    {added_bits, "key " T "added_token_attr[0]: is 0x2000, expected bits of 0x1fc8",
     NOMUL_E_FORMAT},
    {merge_one, "key " T "merges[0]: is not two pieces with a space between them", NOMUL_E_FORMAT},
    {merge_no_left, "key " T "merges[0]: is not two pieces with a space between them",
     NOMUL_E_FORMAT},
    {merge_no_right, "key " T "merges[0]: is not two pieces with a space between them",
     NOMUL_E_FORMAT},
    {merge_three, "key " T "merges[0]: is not two pieces with a space between them",
     NOMUL_E_FORMAT},
    {merge_unknown, "key " T "merges[0]: \"a q\" is not in the vocabulary", NOMUL_E_FORMAT},
    {merge_makes_unknown, "key " T "merges[0]: \"a a\" is not in the vocabulary", NOMUL_E_FORMAT},
    {pre_unknown,
     "key " T "pre: is \"llama-bpe\", expected default, first, metaspace or "
     "metaspace-first",
     NOMUL_E_UNSUPPORTED},
    {pre_number, "key " T "pre: is a u32, expected string", NOMUL_E_FORMAT},
};

MORE(two_ends, U32S("eos_token_ids", 259, 3))

static void test_more(void)
{
    nm_sp_piece     pieces[N_PIECES];
    vocabulary_plan plan;
    vocabulary      v;
    nomul_error     err;

    test_case("what ends a text: EOS, or the ids of a list");
    small_plan(&plan, pieces);
    CHECK_OK(vocabulary_open(&v, &plan, &err), err);
    for (int32_t id = 0; id < N_PIECES; id++)
        CHECK_INT(nomul_token_ends_text(&v.tokenizer, id), id == plan.eos_id);
    CHECK(!nomul_token_ends_text(&v.tokenizer, -1));
    CHECK(!nomul_token_ends_text(&v.tokenizer, N_PIECES));
    vocabulary_close(&v);
    plan.more = two_ends;
    CHECK_OK(vocabulary_open(&v, &plan, &err), err);
    for (int32_t id = 0; id < N_PIECES; id++)
        CHECK_INT(nomul_token_ends_text(&v.tokenizer, id), id == 259 || id == 3);
    vocabulary_close(&v);

    for (size_t i = 0; i < sizeof more_wounds / sizeof more_wounds[0]; i++) {
        test_case("must fail: %s", more_wounds[i].words);
        small_plan(&plan, pieces);
        plan.more = more_wounds[i].more;
        CHECK_FAILS(vocabulary_open(&v, &plan, &err), err, more_wounds[i].words);
        CHECK_INT(err.code, more_wounds[i].code);
    }

    test_case("a set of pieces that is too large to search for");
    static char        texts[600][NM_MAX_PIECE];
    static nm_sp_piece many[N_FIRST + 600];
    vocabulary_first_pieces(many);
    for (size_t i = 0; i < 600; i++) {
        memset(texts[i], 'a', sizeof texts[i]);
        texts[i][0] = (char)('a' + i % 26), texts[i][1] = (char)('a' + i / 26);
        many[N_FIRST + i] = (nm_sp_piece){texts[i], sizeof texts[i], 0, NOMUL_TOKEN_USER_DEFINED};
    }
    vocabulary_plan_init(&plan, many, N_FIRST + 600);
    CHECK_FAILS(vocabulary_open(&v, &plan, &err), err,
                "key " T "tokens: special and user-defined: 600 pieces have more than 4194304 "
                "bytes together");
}

/* ---- The longest match ----------------------------------------------------------------------- */

/* The bytes of the text that the longest piece at its beginning covers. */
static size_t match_n(const nm_vocab *vocab, bool user, const char *text, size_t n, int32_t *id)
{
    int32_t           found[256];
    const nm_matcher *set = user ? &vocab->symbols : &vocab->raw;
    size_t            n_match = 0;

    *id = -1;
    if (n == 0) return 0;
    CHECK(nm_matcher_run(set, text, n, user, NULL, found));
    *id = found[0];
    if (*id < 0) return 0;
    for (size_t i = 0; i < vocab->pieces[*id].n_text; n_match++)
        i += user && text[n_match] == ' ' ? NM_BLANK_BYTES : 1;
    return n_match;
}

static size_t match(const nm_vocab *vocab, bool user, const char *text, int32_t *id)
{
    return match_n(vocab, user, text, strlen(text), id);
}

static void test_match(void)
{
    nm_sp_piece     pieces[N_PIECES];
    vocabulary_plan plan;
    vocabulary      v;
    nomul_error     err;
    int32_t         id;

    test_case("a match spells blanks in user-defined pieces, and is literal in control pieces");
    small_plan(&plan, pieces);
    CHECK_OK(vocabulary_open(&v, &plan, &err), err);
    const nm_vocab *vocab = &v.tokenizer.vocab;
    CHECK_INT(match(vocab, true, " bc", &id), 2);
    CHECK_INT(id, N_FIRST + 5);
    CHECK_INT(match(vocab, true,
                    "\xE2\x96\x81"
                    "b",
                    &id),
              4);
    CHECK_INT(id, N_FIRST + 5);
    CHECK_INT(match(vocab, true, " ", &id), 0);
    CHECK_INT(match(vocab, true, "b", &id), 0);
    CHECK_INT(match(vocab, false, "<|x y|>!", &id), 7);
    CHECK_INT(id, N_FIRST + 7);
    CHECK_INT(match(vocab, false, "<|x\xE2\x96\x81y|>", &id), 0);
    CHECK_INT(match(vocab, false, "</s>", &id), 4);
    CHECK_INT(match(vocab, false, "</s", &id), 0);
    CHECK_INT(match(vocab, false, "", &id), 0);
    vocabulary_close(&v);
}

/* Of many texts those whose hashes, by FNV-1a as vocab.c has it, lie in 16 slots of 2048. */
static bool is_crowded(const char *text)
{
    uint32_t hash = 2166136261u;

    for (; *text; text++) hash = (hash ^ (uint8_t)*text) * 16777619u;
    return ((hash ^ hash >> 15) & 2047) < 16;
}

static void test_collisions(void)
{
    enum { N = 700 };
    static char        texts[N][8];
    static nm_sp_piece pieces[N];
    vocabulary_plan    plan;
    vocabulary         v;
    nomul_error        err = {.text = ""};

    test_case("pieces made to collide are refused, not searched one by one");
    vocabulary_first_pieces(pieces);
    for (unsigned n = N_FIRST, i = 0; n < N; i++) {
        snprintf(texts[n], sizeof texts[n], "%u", i);
        if (!is_crowded(texts[n])) continue;
        pieces[n] = (nm_sp_piece){texts[n], strlen(texts[n]), 0, NOMUL_TOKEN_NORMAL};
        n++;
    }
    vocabulary_plan_init(&plan, pieces, N);
    CHECK(!vocabulary_open(&v, &plan, &err));
    CHECK_INT(err.code, NOMUL_E_UNSUPPORTED);
    CHECK_THAT(strstr(err.text, "\" collides with more than 256 pieces") != NULL, "%s", err.text);
    vocabulary_close(&v);
}

/* What follows a piece in the file, here the next one's length, 98 or 'b', is none of it. */
static void test_prefix_of_another(void)
{
    static char     zs[98];
    nm_sp_piece     pieces[N_FIRST + 3];
    vocabulary_plan plan;
    vocabulary      v;
    nomul_error     err;
    int32_t         id;

    test_case("a piece that another begins with");
    memset(zs, 'z', sizeof zs);
    vocabulary_first_pieces(pieces);
    pieces[N_FIRST] = (nm_sp_piece){"a", 1, 0, NOMUL_TOKEN_CONTROL};
    pieces[N_FIRST + 1] = (nm_sp_piece){zs, 98, 0, NOMUL_TOKEN_NORMAL};
    pieces[N_FIRST + 2] = (nm_sp_piece){"ab", 2, 0, NOMUL_TOKEN_CONTROL};
    vocabulary_plan_init(&plan, pieces, N_FIRST + 3);
    CHECK_OK(vocabulary_open(&v, &plan, &err), err);
    CHECK_INT(match(&v.tokenizer.vocab, false, "abc", &id), 2);
    CHECK_INT(match(&v.tokenizer.vocab, false, "acb", &id), 1);
    vocabulary_close(&v);
}

/* The longest of all pieces of a type that a text begins with, by looking at each. */
static size_t slow_match(const vocabulary_plan *plan, nomul_token_type type, const char *text,
                         size_t n_text, int32_t *id)
{
    size_t best = 0;

    for (size_t i = 0; i < plan->n_pieces; i++) {
        const nm_sp_piece *piece = &plan->pieces[i];
        if (piece->type != type || piece->n_text > n_text || piece->n_text <= best) continue;
        if (memcmp(piece->text, text, piece->n_text) != 0) continue;
        best = piece->n_text;
        *id = (int32_t)i;
    }
    return best;
}

static void test_random_matches(void)
{
    enum { N = N_FIRST + 60 };
    static char     texts[60][8];
    nm_sp_piece     pieces[N];
    vocabulary_plan plan;
    vocabulary      v;
    nomul_error     err;
    nm_rng          rng;

    test_case("the longest match of random pieces, against looking at each; all are found");
    nm_rng_init(&rng, 3);
    for (int round = 0; round < 50; round++) {
        size_t n = N_FIRST;
        vocabulary_first_pieces(pieces);
        for (size_t i = 0; i < 60; i++) {
            size_t n_text = 1 + nm_rng_below(&rng, 7);
            for (size_t k = 0; k < n_text; k++) texts[i][k] = "abc"[nm_rng_below(&rng, 3)];
            bool twice = false;
            for (size_t k = N_FIRST; k < n; k++)
                twice |= pieces[k].n_text == n_text && !memcmp(pieces[k].text, texts[i], n_text);
            if (!twice)
                pieces[n++] = (nm_sp_piece){texts[i], n_text, 0,
                                            nm_rng_below(&rng, 2) ? NOMUL_TOKEN_USER_DEFINED
                                                                  : NOMUL_TOKEN_CONTROL};
        }
        vocabulary_plan_init(&plan, pieces, n);
        CHECK_OK(vocabulary_open(&v, &plan, &err), err);
        const nm_vocab *vocab = &v.tokenizer.vocab;
        for (size_t i = N_FIRST; i < n; i++)
            CHECK_INT(nm_vocab_find(vocab, pieces[i].text, pieces[i].n_text),
                      pieces[i].type == NOMUL_TOKEN_CONTROL ? -1 : (int32_t)i);
        for (int i = 0; i < 200; i++) {
            char    text[9];
            size_t  n_text = nm_rng_below(&rng, 10);
            int32_t want = -1, got = -1;
            for (size_t k = 0; k < n_text; k++) text[k] = "abcd"[nm_rng_below(&rng, 4)];
            nomul_token_type type = i % 2 ? NOMUL_TOKEN_USER_DEFINED : NOMUL_TOKEN_CONTROL;
            CHECK_INT(match_n(vocab, i % 2, text, n_text, &got),
                      slow_match(&plan, type, text, n_text, &want));
            CHECK_INT(got, want);
        }
        vocabulary_close(&v);
    }
}

static void test_memory(void)
{
    nm_sp_piece     pieces[N_PIECES];
    vocabulary_plan plan;
    vocabulary      v;
    nm_vocab        vocab;
    nomul_error     err;
    bool            present;

    test_case("out of memory");
    small_plan(&plan, pieces);
    CHECK_OK(vocabulary_open(&v, &plan, &err), err);
    size_t before = alloc_live();
    alloc_fail_at(1);
    CHECK(!nm_vocab_open(&vocab, &v.gguf, N_PIECES, &present, &err));
    alloc_fail_at(0);
    CHECK_INT(err.code, NOMUL_E_MEMORY);
    CHECK_INT(alloc_live(), before);
    vocabulary_close(&v);

    test_case("a vocabulary of another size than the model's");
    CHECK_OK(vocabulary_open(&v, &plan, &err), err);
    CHECK_FAILS(nm_vocab_open(&vocab, &v.gguf, 300, &present, &err), err,
                "key " T "tokens: has 265 elements, expected 300");
    CHECK_FAILS(nm_vocab_open(&vocab, &v.gguf, 0, &present, &err), err,
                "key " T "tokens: a vocabulary of 0 pieces");
    vocabulary_close(&v);
}

void test_vocab(void)
{
    test_small();
    test_keys();
    test_wounds();
    test_more();
    test_collisions();
    test_match();
    test_prefix_of_another();
    test_random_matches();
    test_memory();
}
