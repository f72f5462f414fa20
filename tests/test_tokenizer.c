/* SPDX-License-Identifier: Apache-2.0 */
/* Text to ids: flags, special pieces, bounds, errors, a megabyte; test_vectors.c has the rest. */
#include "test.h"

#include "alloc.h"
#include "tokens/tokenizer.h"
#include "vocabulary.h"

#include <stdlib.h>

#define N_FIRST VOCABULARY_N_FIRST
#define SPECIAL NOMUL_TOKENIZE_ADD_SPECIAL
#define PARSE NOMUL_TOKENIZE_PARSE_SPECIAL
#define NO_PREFIX NOMUL_TOKENIZE_NO_PREFIX

static void show(char *out, size_t size, const int32_t *ids, size_t n_ids)
{
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; i < n_ids && at + 16 < size; i++)
        at += (size_t)snprintf(out + at, size - at, "%s%d", i ? " " : "", (int)ids[i]);
}

/* Ids as text: "259 3". */
static void check_ids(const vocabulary *v, const char *text, size_t n_bytes, unsigned flags,
                      const char *want)
{
    char     got[1024];
    size_t   n_ids;
    int32_t *ids = vocabulary_encode(v, text, n_bytes, flags, &n_ids);

    show(got, sizeof got, ids, n_ids);
    CHECK_THAT(strcmp(got, want) == 0, "\"%.*s\" gives %s, not %s", (int)n_bytes, text, got, want);
    free(ids);
}

/* ---- Flags ----------------------------------------------------------------------------------- */

/* Ids: 257 <s>, 258 </s>, 259 blank, 260 a, 261 b, 262 ab, 263 blank a, then what a test adds. */
static size_t flag_pieces(nm_sp_piece *pieces)
{
    static const nm_sp_piece more[] = {
        {"<s>", 3, 0, NOMUL_TOKEN_CONTROL},        {"</s>", 4, 0, NOMUL_TOKEN_CONTROL},
        {NM_BLANK, 3, -9, NOMUL_TOKEN_NORMAL},     {"a", 1, -9, NOMUL_TOKEN_NORMAL},
        {"b", 1, -9, NOMUL_TOKEN_NORMAL},          {"ab", 2, -2, NOMUL_TOKEN_NORMAL},
        {NM_BLANK "a", 4, -1, NOMUL_TOKEN_NORMAL},
    };
    vocabulary_first_pieces(pieces);
    memcpy(pieces + N_FIRST, more, sizeof more);
    return N_FIRST + sizeof more / sizeof more[0];
}

static void open_flags(vocabulary *v, vocabulary_plan *plan)
{
    nomul_error err;
    CHECK_OK(vocabulary_open(v, plan, &err), err);
}

static void test_flags(void)
{
    nm_sp_piece     pieces[N_FIRST + 20];
    vocabulary_plan plan;
    vocabulary      v;

    test_case("BOS and EOS where the model wants them and the caller asks");
    vocabulary_plan_init(&plan, pieces, flag_pieces(pieces));
    plan.bos_id = 257, plan.eos_id = 258;
    open_flags(&v, &plan);
    check_ids(&v, "ab", 2, 0, "263 261");
    check_ids(&v, "ab", 2, SPECIAL, "257 263 261");
    check_ids(&v, "", 0, SPECIAL, "257");
    check_ids(&v, "", 0, 0, "");
    check_ids(&v, NULL, 0, SPECIAL, "257");
    check_ids(&v, "ab", 2, NO_PREFIX, "262");
    check_ids(&v, " ab", 3, NO_PREFIX, "263 261");

    test_case("control pieces in the text are text, unless parsed");
    check_ids(&v, "<s>", 3, 0, "259 61 116 63");
    check_ids(&v, "<s>", 3, PARSE, "257");
    check_ids(&v, "<s>", 3, PARSE | SPECIAL, "257 257");
    check_ids(&v, "<unk><0x41>", 11, PARSE | NO_PREFIX, "61 118 111 108 63 61 49 121 53 50 63");

    test_case("a blank in front of each stretch of text, also behind control pieces");
    check_ids(&v, "a<s>a</s></s>b", 14, PARSE, "263 257 263 258 258 259 261");
    check_ids(&v, "a<s>a", 5, PARSE | NO_PREFIX, "260 257 263");
    check_ids(&v, "<s>a", 4, PARSE | NO_PREFIX, "257 263");
    check_ids(&v, "<s", 2, PARSE, "259 61 116");
    vocabulary_close(&v);

    test_case("a vocabulary that wants EOS, no BOS and no blank in front");
    plan.add_bos = 0, plan.add_eos = 1, plan.add_space_prefix = 0;
    open_flags(&v, &plan);
    check_ids(&v, "a<s>b", 5, SPECIAL | PARSE, "260 257 261 258");
    check_ids(&v, "", 0, SPECIAL, "258");
    vocabulary_close(&v);
}

static void test_specials(void)
{
    nm_sp_piece     pieces[N_FIRST + 20];
    vocabulary_plan plan;
    vocabulary      v;

    test_case("the longest control piece, leftmost first; user-defined pieces hide them");
    size_t n = flag_pieces(pieces);
    pieces[n++] = (nm_sp_piece){"<s>a", 4, 0, NOMUL_TOKEN_CONTROL};               /* 264 */
    pieces[n++] = (nm_sp_piece){"a<s>", 4, 0, NOMUL_TOKEN_USER_DEFINED};          /* 265 */
    pieces[n++] = (nm_sp_piece){NM_BLANK "</s>", 7, 0, NOMUL_TOKEN_USER_DEFINED}; /* 266 */
    pieces[n++] = (nm_sp_piece){"<s>b", 4, 0, NOMUL_TOKEN_USER_DEFINED};          /* 267 */
    vocabulary_plan_init(&plan, pieces, n);
    open_flags(&v, &plan);
    check_ids(&v, "<s>b<s>", 7, PARSE, "259 267 257");
    check_ids(&v, "<s>ab", 5, PARSE, "264 259 261");
    check_ids(&v, "a<s>a", 5, PARSE, "259 265 260");
    check_ids(&v, "b<s>a<s>", 8, PARSE, "259 261 264 257");
    check_ids(&v, "b </s>", 6, PARSE, "259 261 266");
    check_ids(&v, "b </s>", 6, 0, "259 261 266");
    check_ids(&v, "</s>", 4, PARSE, "258");
    check_ids(&v, "</s>", 4, 0, "266");
    vocabulary_close(&v);

    test_case("user-defined pieces never merge with their neighbours");
    n = flag_pieces(pieces);
    pieces[N_FIRST + 4].type = NOMUL_TOKEN_USER_DEFINED; /* b */
    vocabulary_plan_init(&plan, pieces, n);
    open_flags(&v, &plan);
    check_ids(&v, "ab", 2, NO_PREFIX, "260 261");
    vocabulary_close(&v);
}

static void test_unknown(void)
{
    nm_sp_piece     all[N_FIRST + 20];
    vocabulary_plan plan;
    vocabulary      v;

    test_case("without byte pieces: the unknown id, once for a run");
    size_t n = flag_pieces(all);
    all[N_FIRST - 1] = all[0];
    vocabulary_plan_init(&plan, all + N_FIRST - 1, n - N_FIRST + 1);
    open_flags(&v, &plan);
    check_ids(&v, "axyb\xFFz", 6, 0, "7 0 5 0");
    check_ids(&v, "x", 1, NO_PREFIX, "0");
    check_ids(&v, "x<s>y", 5, PARSE | NO_PREFIX, "0 1 3 0");
    vocabulary_close(&v);

    test_case("an unused piece of one character is unknown");
    all[N_FIRST + 4].type = NOMUL_TOKEN_UNUSED; /* b */
    vocabulary_plan_init(&plan, all + N_FIRST - 1, n - N_FIRST + 1);
    open_flags(&v, &plan);
    check_ids(&v, "bab", 3, NO_PREFIX, "0 6");
    check_ids(&v, "bxb", 3, NO_PREFIX, "0");
    vocabulary_close(&v);
}

/* ---- Bounds and errors ----------------------------------------------------------------------- */

static void test_bound(void)
{
    nm_sp_piece     pieces[N_FIRST + 20];
    vocabulary_plan plan;
    vocabulary      v;
    size_t          n_ids;
    char            text[101];

    test_case("no text makes more ids than the bound");
    vocabulary_first_pieces(pieces);
    pieces[N_FIRST] = (nm_sp_piece){"c", 1, 0, NOMUL_TOKEN_CONTROL};
    vocabulary_plan_init(&plan, pieces, N_FIRST + 1);
    plan.bos_id = plan.eos_id = N_FIRST;
    plan.add_eos = 1;
    open_flags(&v, &plan);
    for (size_t n = 0; n <= sizeof text; n++) {
        for (size_t i = 0; i < n; i++) text[i] = i % 2 ? 'c' : ' ';
        free(vocabulary_encode(&v, text, n, SPECIAL | PARSE,
                               &n_ids)); /* fails if the bound is too small */
        size_t stretches = (n + 1) / 2;
        CHECK_INT(n_ids, 6 * stretches + n / 2 + 2);
        CHECK(n_ids <= nomul_tokenize_bound(n));
    }
    vocabulary_close(&v);
    CHECK(nomul_tokenize_bound(SIZE_MAX / 4) == SIZE_MAX);
    CHECK(nomul_tokenize_bound(SIZE_MAX) == SIZE_MAX);
    CHECK(nomul_tokenize_bound(SIZE_MAX / 4 - 2) < SIZE_MAX);
}

static bool try_tokenize(const vocabulary *v, const char *text, size_t n_bytes, unsigned flags,
                         int32_t *ids, size_t capacity, size_t *n_ids, nomul_error *err)
{
    return nomul_tokenize(v ? &v->tokenizer : NULL, text, n_bytes, flags, ids, capacity, n_ids,
                          err) == NOMUL_OK;
}

static void test_errors(void)
{
    nm_sp_piece     pieces[N_FIRST + 20];
    vocabulary_plan plan;
    vocabulary      v;
    nomul_error     err;
    int32_t         ids[4];
    size_t          n;

    test_case("arguments");
    vocabulary_plan_init(&plan, pieces, flag_pieces(pieces));
    open_flags(&v, &plan);
    CHECK_FAILS(try_tokenize(NULL, "a", 1, 0, ids, 4, &n, &err), err,
                "nomul_tokenize: an argument is NULL");
    CHECK_FAILS(try_tokenize(&v, NULL, 1, 0, ids, 4, &n, &err), err,
                "nomul_tokenize: an argument is NULL");
    CHECK_FAILS(try_tokenize(&v, "a", 1, 0, NULL, 4, &n, &err), err,
                "nomul_tokenize: an argument is NULL");
    CHECK_FAILS(try_tokenize(&v, "a", 1, 0, ids, 4, NULL, &err), err,
                "nomul_tokenize: an argument is NULL");
    CHECK_FAILS(try_tokenize(&v, "a", 1, 9, ids, 4, &n, &err), err, "flags: 0x8 is unknown");
    CHECK_FAILS(try_tokenize(&v, "a", ((size_t)1 << 29) + 1, 0, ids, 4, &n, &err), err,
                "text: has 536870913 bytes, expected at most 536870912");
    CHECK_INT(err.code, NOMUL_E_ARG);
    CHECK_INT(nomul_tokenize(NULL, "a", 1, 0, ids, 4, &n, NULL), NOMUL_E_ARG);

    test_case("ids that do not fit are counted, and nothing is written after the array");
    ids[2] = 12345;
    CHECK_FAILS(try_tokenize(&v, "abb", 3, 0, ids, 2, &n, &err), err, "ids: room for 2, 3 needed");
    CHECK_INT(err.code, NOMUL_E_SPACE);
    CHECK_INT(n, 3);
    CHECK(ids[0] == 263 && ids[1] == 261 && ids[2] == 12345);
    CHECK(!try_tokenize(&v, "abb", 3, 0, NULL, 0, &n, NULL) && n == 3);

    test_case("out of memory");
    size_t before = alloc_live();
    alloc_fail_at(1);
    CHECK_INT(nomul_tokenize(&v.tokenizer, "a", 1, 0, ids, 4, &n, &err), NOMUL_E_MEMORY);
    alloc_fail_at(0);
    CHECK_INT(alloc_live(), before);
    vocabulary_close(&v);
}

static void test_pieces(void)
{
    nm_sp_piece      pieces[N_FIRST + 20];
    vocabulary_plan  plan;
    vocabulary       v;
    size_t           n;
    nomul_token_type type;

    test_case("the vocabulary, for callers");
    size_t n_pieces = flag_pieces(pieces);
    vocabulary_plan_init(&plan, pieces, n_pieces);
    plan.bos_id = 257;
    open_flags(&v, &plan);
    CHECK_INT(nomul_token_count(&v.tokenizer), n_pieces);
    CHECK_INT(nomul_token_bos(&v.tokenizer), 257);
    CHECK_INT(nomul_token_eos(&v.tokenizer), -1);
    CHECK_INT(nomul_token_unk(&v.tokenizer), 0);
    const char *text = nomul_token_piece(&v.tokenizer, 262, &n, &type);
    CHECK(text && n == 2 && memcmp(text, "ab", 2) == 0 && type == NOMUL_TOKEN_NORMAL);
    CHECK(nomul_token_piece(&v.tokenizer, 257, NULL, NULL) != NULL);
    CHECK(!nomul_token_piece(&v.tokenizer, -1, &n, &type));
    CHECK(!nomul_token_piece(&v.tokenizer, (int32_t)n_pieces, &n, &type));
    CHECK(!nomul_token_piece(NULL, 0, &n, &type));
    CHECK(nomul_token_count(NULL) == 0 && nomul_token_bos(NULL) == -1);
    vocabulary_close(&v);
}

/* ---- A megabyte ------------------------------------------------------------------------------ */

/* If time were not n log n, this would not end. */
static void test_long(void)
{
    enum { LONG = 1 << 18 };
    nm_sp_piece     pieces[N_FIRST + 20];
    vocabulary_plan plan;
    vocabulary      v;
    size_t          n_ids, n_read, n_back;
    char           *text = malloc(LONG);

    test_case("256 KiB of one letter");
    size_t n = N_FIRST;
    vocabulary_first_pieces(pieces);
    for (size_t length = 1; length <= 8; length *= 2, n++)
        pieces[n] = (nm_sp_piece){"aaaaaaaa", length, -(float)n, NOMUL_TOKEN_NORMAL};
    vocabulary_plan_init(&plan, pieces, n);
    open_flags(&v, &plan);
    memset(text, 'a', LONG);
    int32_t *ids = vocabulary_encode(&v, text, LONG, NO_PREFIX, &n_ids);
    CHECK_INT(n_ids, LONG / 8);
    for (size_t i = 0; i < n_ids; i++)
        if (ids[i] != N_FIRST + 3) CHECK_INT(ids[i], N_FIRST + 3);
    free(ids);
    vocabulary_close(&v);

    test_case("256 KiB of text comes back");
    if (!vocabulary_open_model(&v, test_path("golden/tokenizer-demo/tokenizer.model"))) return;
    char *data = test_read_file(test_path("golden/tokenizer-demo/vectors.json"), &n_read);
    for (size_t i = 0; i < LONG; i++) text[i] = data[i % n_read] & 0x7F;
    ids = vocabulary_encode(&v, text, LONG, 0, &n_ids);
    char *back = vocabulary_decode(&v, ids, n_ids, NOMUL_DECODE_STRIP_SPACE, &n_back);
    CHECK(n_ids < LONG && n_back == LONG && memcmp(back, text, n_back) == 0);
    free(back);
    free(ids);
    vocabulary_close(&v);
    free(data);
    free(text);
}

void test_tokenizer(void)
{
    test_flags();
    test_specials();
    test_unknown();
    test_bound();
    test_errors();
    test_pieces();
    test_long();
}
