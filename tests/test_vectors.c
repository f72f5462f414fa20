/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Texts to ids and back, compared with the sentencepiece library's own answers and with a slow
 * tokenizer written from the definition.
 */
#include "test.h"

#include "base/json.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "tokens/tokenizer.h"
#include "vocabulary.h"

#include <stdlib.h>

#define N_FIRST VOCABULARY_N_FIRST
#define NO_PREFIX NOMUL_TOKENIZE_NO_PREFIX

/* ---- Vectors --------------------------------------------------------------------------------- */

typedef struct vector {
    char    text[8192], decoded[8192];
    size_t  n_text, n_decoded, n_ids;
    int32_t ids[8192];
} vector;

static void read_ids(nm_json *json, vector *out)
{
    uint64_t id;

    for (out->n_ids = 0; nm_json_next(json) == NM_JSON_NUMBER && out->n_ids < 8192;)
        if (nm_json_u64(json, &id)) out->ids[out->n_ids++] = (int32_t)id;
}

/* Reads the next object with a "text"; false at the end. */
static bool read_vector(nm_json *json, vector *out)
{
    bool any = false;

    for (nm_json_type type = nm_json_next(json);; type = nm_json_next(json)) {
        if (type == NM_JSON_END || type == NM_JSON_ERROR) return false;
        if (type == NM_JSON_OBJECT_END && any) return true;
        if (type != NM_JSON_KEY) continue;
        bool text = nm_json_is(json, "text"), decoded = nm_json_is(json, "decoded");
        bool ids = nm_json_is(json, "ids");
        if (!text && !decoded && !ids) continue;
        nm_json_next(json);
        if (json->n_text > sizeof out->text && !ids) return false;
        if (text) out->n_text = nm_json_string(json, out->text), any = true;
        if (decoded) out->n_decoded = nm_json_string(json, out->decoded);
        if (ids) read_ids(json, out);
    }
}

static void check_vector(const vocabulary *v, const vector *want)
{
    size_t   n_ids, n_text;
    int32_t *ids = vocabulary_encode(v, want->text, want->n_text, 0, &n_ids);
    char    *text = vocabulary_decode(v, want->ids, want->n_ids, NOMUL_DECODE_STRIP_SPACE, &n_text);

    CHECK_THAT(n_ids == want->n_ids && memcmp(ids, want->ids, n_ids * sizeof *ids) == 0,
               "ids of \"%.*s\"", (int)want->n_text, want->text);
    CHECK_THAT(n_text == want->n_decoded && memcmp(text, want->decoded, n_text) == 0,
               "\"%.*s\", not \"%.*s\"", (int)n_text, text, (int)want->n_decoded, want->decoded);
    free(text);
    free(ids);
}

static void check_vectors(const char *model, const char *vectors, size_t n_vectors)
{
    static vector want;
    vocabulary    v;
    nm_json       json;
    size_t        size, n = 0;
    char         *data = test_read_file(vectors, &size);

    if (vocabulary_open_model(&v, model)) {
        nm_json_init(&json, data, size);
        for (; read_vector(&json, &want); n++) check_vector(&v, &want);
        CHECK_INT(json.type, NM_JSON_END);
        CHECK_INT(n, n_vectors);
    }
    vocabulary_close(&v);
    free(data);
}

static void test_all_vectors(void)
{
    test_case("the shipped model's vectors");
    check_vectors(test_path("golden/tokenizer-demo/tokenizer.model"),
                  test_path("golden/tokenizer-demo/vectors.json"), 442);
    test_case("vectors with user-defined pieces, unused pieces and equal scores");
    check_vectors(test_path("golden/tokenizer-mixed/tokenizer.model"),
                  test_path("golden/tokenizer-mixed/vectors.json"), 150);
    test_case("Mistral 7B v0.1's vectors");
    if (test_shared("tokenizers/mistral-7b-v0.1/tokenizer.model"))
        check_vectors(test_shared("tokenizers/mistral-7b-v0.1/tokenizer.model"),
                      test_shared("tokenizers/mistral-7b-v0.1/vectors.json"), 442);
    else
        test_skip("../shared is not there");
}

/* ---- A slow tokenizer, from the definition --------------------------------------------------- */

#define MAX_SLOW 700
#define MAX_PIECES 400

typedef struct slow {
    const vocabulary_plan *plan;
    char                   text[3 * MAX_SLOW + 3];
    size_t                 n_text;
    size_t  begin[3 * MAX_SLOW + 3]; /* of each symbol; the next begins where it ends */
    bool    frozen[3 * MAX_SLOW + 3];
    size_t  n_symbols;
    size_t  halves[MAX_PIECES]; /* bytes of an unused piece's left half */
    int32_t ids[9 * MAX_SLOW];
    size_t  n_ids;
} slow;

/* The first pieces are the unknown one, controls and bytes: never found. */
static int slow_find(const slow *s, size_t begin, size_t end, bool user_defined)
{
    for (size_t i = N_FIRST; i < s->plan->n_pieces; i++) {
        const nm_sp_piece *piece = &s->plan->pieces[i];
        if (piece->n_text != end - begin || memcmp(piece->text, s->text + begin, end - begin))
            continue;
        bool is_user = piece->type == NOMUL_TOKEN_USER_DEFINED;
        if (user_defined ? !is_user
                         : piece->type != NOMUL_TOKEN_NORMAL && piece->type != NOMUL_TOKEN_UNUSED &&
                               !is_user)
            continue;
        return (int)i;
    }
    return -1;
}

static size_t end_of(const slow *s, size_t symbol)
{
    return symbol + 1 < s->n_symbols ? s->begin[symbol + 1] : s->n_text;
}

static void slow_split(slow *s)
{
    s->n_symbols = 0;
    for (size_t at = 0, step; at < s->n_text; at += step) {
        uint32_t code_point;
        step = nm_utf8_char(s->text + at, s->n_text - at, &code_point);
        if (step == 0) step = 1;
        bool frozen = false;
        for (size_t end = s->n_text; end > at && !frozen; end--)
            if (slow_find(s, at, end, true) >= 0) frozen = true, step = end - at;
        s->frozen[s->n_symbols] = frozen;
        s->begin[s->n_symbols++] = at;
    }
}

/* The piece that a symbol and the next make, or -1; new pairs of unused pieces are noted. */
static int slow_pair(slow *s, size_t symbol, bool is_new)
{
    if (symbol + 1 >= s->n_symbols || s->frozen[symbol] || s->frozen[symbol + 1]) return -1;
    int id = slow_find(s, s->begin[symbol], end_of(s, symbol + 1), false);
    if (id >= 0 && is_new) s->halves[id] = end_of(s, symbol) - s->begin[symbol];
    return id;
}

static bool slow_merge(slow *s)
{
    size_t best = 0;
    int    best_id = -1;

    for (size_t i = 0; i + 1 < s->n_symbols; i++) {
        int id = slow_pair(s, i, false);
        if (id < 0) continue;
        if (best_id < 0 || s->plan->pieces[id].score > s->plan->pieces[best_id].score)
            best = i, best_id = id;
    }
    if (best_id < 0) return false;
    size_t behind = s->n_symbols - best - 2;
    memmove(s->begin + best + 1, s->begin + best + 2, behind * sizeof *s->begin);
    memmove(s->frozen + best + 1, s->frozen + best + 2, behind * sizeof *s->frozen);
    s->n_symbols--;
    if (best > 0) slow_pair(s, best - 1, true);
    slow_pair(s, best, true);
    return true;
}

static void slow_put(slow *s, size_t begin, size_t end)
{
    int    id = slow_find(s, begin, end, false);
    size_t half = 0;

    if (id >= 0 && s->plan->pieces[id].type == NOMUL_TOKEN_UNUSED) {
        half = s->halves[id];
        id = -1;
    }
    if (half) {
        slow_put(s, begin, begin + half);
        slow_put(s, begin + half, end);
    } else if (id >= 0) {
        s->ids[s->n_ids++] = id;
    } else {
        for (; begin < end; begin++) s->ids[s->n_ids++] = 1 + (uint8_t)s->text[begin];
    }
}

static void slow_encode(slow *s, const vocabulary_plan *plan, const char *text, size_t n_bytes)
{
    *s = (slow){.plan = plan};
    for (size_t i = 0; n_bytes > 0 && i <= n_bytes; i++) {
        bool blank = i == 0 || text[i - 1] == ' ';
        if (blank) memcpy(s->text + s->n_text, NM_BLANK, 3);
        if (!blank) s->text[s->n_text] = text[i - 1];
        s->n_text += blank ? 3 : 1;
    }
    slow_split(s);
    for (size_t i = 0; i + 1 < s->n_symbols; i++) slow_pair(s, i, true);
    while (slow_merge(s)) continue;
    for (size_t i = 0; i < s->n_symbols; i++) slow_put(s, s->begin[i], end_of(s, i));
}

/* ---- Random vocabularies and texts ----------------------------------------------------------- */

static const char *const letters[] = {"a", "b", "c", NM_BLANK, "\xC3\xA9", "\xE7\x95\x8C"};

#define N_LETTERS (sizeof letters / sizeof letters[0])

typedef struct random_vocabulary {
    char        texts[MAX_PIECES][700];
    nm_sp_piece pieces[MAX_PIECES];
    size_t      n_pieces;
} random_vocabulary;

static size_t max_text = 32; /* of a piece, its end included */

static void add_piece(random_vocabulary *r, const char *a, const char *b, float score,
                      nomul_token_type type)
{
    char  *text = r->texts[r->n_pieces];
    size_t n_a = strlen(a), n_b = strlen(b);

    if (n_a + n_b >= max_text || r->n_pieces == MAX_PIECES) return;
    memcpy(text, a, n_a);
    memcpy(text + n_a, b, n_b + 1);
    for (size_t i = N_FIRST; i < r->n_pieces; i++)
        if (strcmp(r->texts[i], text) == 0) return;
    r->pieces[r->n_pieces++] = (nm_sp_piece){text, strlen(text), score, type};
}

/*
 * Letters, most of them, then pieces of two others joined; odd rounds without unused pieces.  Few
 * letters make pieces that come about in several ways.
 */
static void random_pieces(random_vocabulary *r, nm_rng *rng, size_t n_letters, bool odd)
{
    vocabulary_first_pieces(r->pieces);
    r->n_pieces = N_FIRST;
    for (size_t i = 0; i < n_letters; i++)
        if (nm_rng_below(rng, 8)) add_piece(r, letters[i], "", 0, NOMUL_TOKEN_NORMAL);
    for (size_t n = 5 + nm_rng_below(rng, 80); n > 0 && r->n_pieces > N_FIRST; n--) {
        uint64_t         kind = nm_rng_below(rng, 20);
        nomul_token_type type = kind < 5 && !odd ? NOMUL_TOKEN_UNUSED : NOMUL_TOKEN_NORMAL;
        if (kind == 19) type = NOMUL_TOKEN_USER_DEFINED;
        const char *a = r->texts[N_FIRST + nm_rng_below(rng, r->n_pieces - N_FIRST)];
        const char *b = r->texts[N_FIRST + nm_rng_below(rng, r->n_pieces - N_FIRST)];
        add_piece(r, a, b, -(float)nm_rng_below(rng, 6) / 2, type);
    }
    if (!odd) add_piece(r, "b", "", 0, NOMUL_TOKEN_UNUSED);
}

static size_t random_text(char *out, nm_rng *rng, size_t n_letters, size_t n_bytes)
{
    size_t n = 0;

    while (n < n_bytes) {
        uint64_t kind = nm_rng_below(rng, 40);
        if (kind == 0)
            out[n++] = (char)nm_rng_below(rng, 256);
        else if (kind < 6)
            out[n++] = ' ';
        else {
            const char *letter = letters[nm_rng_below(rng, n_letters)];
            size_t      length = strlen(letter);
            if (length > n_bytes - n) length = n_bytes - n; /* cut: invalid UTF-8 */
            memcpy(out + n, letter, length);
            n += length;
        }
    }
    return n;
}

static void test_against_slow(void)
{
    static random_vocabulary r;
    static slow              s;
    vocabulary_plan          plan;
    vocabulary               v;
    nomul_error              err;
    nm_rng                   rng;
    char                     text[200];

    test_case("random vocabularies and texts, against the slow tokenizer");
    nm_rng_init(&rng, 1);
    for (int round = 0; round < test_trials(12, 200); round++) {
        size_t n_letters = 2 + nm_rng_below(&rng, N_LETTERS - 1);
        random_pieces(&r, &rng, n_letters, round % 2);
        vocabulary_plan_init(&plan, r.pieces, r.n_pieces);
        CHECK_OK(vocabulary_open(&v, &plan, &err), err);
        for (int i = 0; i < 50; i++) {
            size_t n_text = nm_rng_below(&rng, i % 10 ? 30 : sizeof text), n_ids;
            n_text = random_text(text, &rng, n_letters, n_text);
            int32_t *ids = vocabulary_encode(&v, text, n_text, 0, &n_ids);
            slow_encode(&s, &plan, text, n_text);
            CHECK_THAT(n_ids == s.n_ids && memcmp(ids, s.ids, n_ids * sizeof *ids) == 0,
                       "round %d, text %d: \"%.*s\"", round, i, (int)n_text, text);
            free(ids);
        }
        vocabulary_close(&v);
    }
}

/*
 * Pieces of more than NM_LONG_PIECE bytes: runs of one letter, each the double of another, and
 * joins of two of all of them, or of one and a letter that is no piece.
 */
static void long_pieces(random_vocabulary *r, nm_rng *rng)
{
    static const char *const ends[] = {"z", "\xC3\xA9", "b"};

    vocabulary_first_pieces(r->pieces);
    r->n_pieces = N_FIRST;
    max_text = sizeof r->texts[0];
    add_piece(r, "a", "", 0, NOMUL_TOKEN_NORMAL);
    for (size_t i = 0; i < 8; i++) {
        const char *last = r->texts[r->n_pieces - 1];
        add_piece(r, last, last, (float)nm_rng_below(rng, 3), NOMUL_TOKEN_NORMAL);
    }
    add_piece(r, "b", "", 0, NOMUL_TOKEN_NORMAL);
    for (size_t i = 0; i < 60; i++) {
        const char *a = r->texts[N_FIRST + nm_rng_below(rng, r->n_pieces - N_FIRST)];
        const char *b = r->texts[N_FIRST + nm_rng_below(rng, r->n_pieces - N_FIRST)];
        const char *end = ends[nm_rng_below(rng, 3)];
        uint64_t    kind = nm_rng_below(rng, 12);
        add_piece(r, kind == 0 ? end : a, kind == 1 ? end : b, (float)nm_rng_below(rng, 4),
                  kind == 2   ? NOMUL_TOKEN_UNUSED
                  : kind == 3 ? NOMUL_TOKEN_USER_DEFINED
                              : NOMUL_TOKEN_NORMAL);
    }
    max_text = 32;
}

static void test_long_pieces(void)
{
    static random_vocabulary r;
    static slow              s;
    vocabulary_plan          plan;
    vocabulary               v;
    nomul_error              err;
    nm_rng                   rng;
    char                     text[MAX_SLOW];

    test_case("long pieces and texts, against the slow tokenizer");
    nm_rng_init(&rng, 4);
    for (int round = 0; round < 12; round++) {
        long_pieces(&r, &rng);
        vocabulary_plan_init(&plan, r.pieces, r.n_pieces);
        plan.add_space_prefix = 1;
        CHECK_OK(vocabulary_open(&v, &plan, &err), err);
        for (int i = 0; v.present && i < 3; i++) {
            size_t n_text = 300 + nm_rng_below(&rng, MAX_SLOW - 300), n_ids;
            for (size_t k = 0; k < n_text; k++)
                text[k] = nm_rng_below(&rng, 150) ? 'a' : "bz\xC3\xA9 "[nm_rng_below(&rng, 5)];
            int32_t *ids = vocabulary_encode(&v, text, n_text, 0, &n_ids);
            slow_encode(&s, &plan, text, n_text);
            CHECK_THAT(n_ids == s.n_ids && memcmp(ids, s.ids, n_ids * sizeof *ids) == 0,
                       "round %d, text %d: \"%.*s\"", round, i, (int)n_text, text);
            free(ids);
        }
        vocabulary_close(&v);
    }
}

/* Each would take seconds if a look-up cost as much as the longest piece. */
static void test_hostile_lengths(void)
{
    static char        a[NM_MAX_PIECE], b[NM_MAX_PIECE], text[1 << 20];
    static nm_sp_piece pieces[N_FIRST + 3 + 300];
    vocabulary_plan    plan;
    vocabulary         v;
    nomul_error        err;
    size_t             n_ids, n_text = (size_t)test_trials(1 << 18, sizeof text);

    memset(a, 'a', sizeof a), memset(b, 'a', sizeof b), memset(text, 'a', n_text);
    b[NM_MAX_PIECE - 1] = 'b';
    for (int normal = 0; normal < 2; normal++) {
        size_t n = N_FIRST;
        test_case("%zu letters and %s pieces of thousands of them", n_text,
                  normal ? "merged" : "user-defined");
        vocabulary_first_pieces(pieces);
        pieces[n++] = (nm_sp_piece){"a", 1, 0, NOMUL_TOKEN_NORMAL};
        pieces[n++] =
            (nm_sp_piece){b, sizeof b, 0, normal ? NOMUL_TOKEN_NORMAL : NOMUL_TOKEN_USER_DEFINED};
        /* a, aa, aaa ...: each letter is merged into the run before it */
        for (size_t i = 2; normal && i <= 300; i++)
            pieces[n++] = (nm_sp_piece){a, i, (float)i, NOMUL_TOKEN_NORMAL};
        if (!normal) pieces[n++] = (nm_sp_piece){a, sizeof a, 0, NOMUL_TOKEN_USER_DEFINED};
        vocabulary_plan_init(&plan, pieces, n);
        plan.add_space_prefix = 0;
        CHECK_OK(vocabulary_open(&v, &plan, &err), err);
        free(vocabulary_encode(&v, text, n_text, 0, &n_ids));
        CHECK_INT(n_ids, normal ? n_text / 300 + 1 : n_text / sizeof a + n_text % sizeof a);
        vocabulary_close(&v);
    }
}

/* ---- Bytes there and back -------------------------------------------------------------------- */

/* U+2581 comes back as a blank: it is how pieces spell one. */
static bool has_blank_sign(const char *text, size_t n_bytes)
{
    for (size_t i = 0; i + 3 <= n_bytes; i++)
        if (memcmp(text + i, NM_BLANK, 3) == 0) return true;
    return false;
}

static void check_round_trip(const vocabulary *v, const char *text, size_t n_text, unsigned flags)
{
    size_t   n_ids, n_back;
    unsigned how = flags & NO_PREFIX ? 0 : NOMUL_DECODE_STRIP_SPACE;
    int32_t *ids = vocabulary_encode(v, text, n_text, flags, &n_ids);
    char    *back = vocabulary_decode(v, ids, n_ids, how, &n_back);

    CHECK(n_back == n_text && memcmp(back, text, n_text) == 0);
    free(back);
    free(ids);
}

static void test_round_trip(void)
{
    vocabulary v;
    nm_rng     rng;
    char       text[300];

    test_case("any bytes come back");
    if (!vocabulary_open_model(&v, test_path("golden/tokenizer-demo/tokenizer.model"))) return;
    for (unsigned i = 0; i < 256; i++) text[i] = (char)i;
    check_round_trip(&v, text, 256, 0);
    check_round_trip(&v, "", 0, 0);
    check_round_trip(&v, "\0", 1, 0);
    check_round_trip(&v, " \0 \0 ", 5, NO_PREFIX);
    nm_rng_init(&rng, 2);
    for (int i = 0; i < 1000; i++) {
        size_t n_text = nm_rng_below(&rng, sizeof text);
        if (i % 2)
            n_text = random_text(text, &rng, N_LETTERS, n_text);
        else
            for (size_t k = 0; k < n_text; k++) text[k] = (char)nm_rng_below(&rng, 256);
        if (!has_blank_sign(text, n_text))
            check_round_trip(&v, text, n_text, i % 3 ? NO_PREFIX : 0);
    }
    vocabulary_close(&v);
}

void test_vectors(void)
{
    test_all_vectors();
    test_against_slow();
    test_long_pieces();
    test_hostile_lengths();
    test_round_trip();
}
