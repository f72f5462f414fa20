/* SPDX-License-Identifier: Apache-2.0 */
/* All pairs that spell long pieces, against trying every split. */
#include "test.h"

#include "base/rng.h"
#include "base/utf8.h"
#include "vocabulary.h"

#define N_FIRST VOCABULARY_N_FIRST
#define N_LONG 60
#define ROOM 700

static char        texts[N_LONG + 2][ROOM];
static nm_sp_piece pieces[N_FIRST + N_LONG + 2];

/* What text[0..n) is as a neighbour: false if it is none. */
static bool as_neighbour(const nm_vocab *vocab, const char *text, size_t n, nm_symbol_key *key)
{
    int32_t  id = nm_vocab_find(vocab, text, n);
    uint32_t code_point;

    *key = id >= 0 ? (nm_symbol_key)id : 0;
    if (id >= 0) return vocab->pieces[id].type != NOMUL_TOKEN_USER_DEFINED;
    if (nm_utf8_char(text, n, &code_point) != n) return false;
    *key = NM_SYMBOL_CHAR | code_point;
    return true;
}

static void check_vocabulary(const nm_vocab *vocab)
{
    size_t n_pairs = 0, n_wrong = 0;

    for (size_t id = 0; id < vocab->n_pieces; id++) {
        const nm_piece *piece = &vocab->pieces[id];
        if (piece->n_text <= NM_LONG_PIECE || piece->type == NOMUL_TOKEN_CONTROL) continue;
        for (size_t at = 1; at < piece->n_text; at++) {
            nm_symbol_key left, right;
            if (!as_neighbour(vocab, piece->text, at, &left) ||
                !as_neighbour(vocab, piece->text + at, piece->n_text - at, &right))
                continue;
            const nm_pair_slot *slot = nm_pairs_find(&vocab->pairs, left, right);
            n_wrong += !slot || slot->id_plus_1 != id + 1 || slot->score != piece->score;
            n_pairs++;
        }
    }
    CHECK_INT(n_wrong, 0);
    CHECK_INT(vocab->pairs.n_pairs, n_pairs);
}

void test_long_pieces(void)
{
    static const nomul_token_type types[] = {NOMUL_TOKEN_NORMAL, NOMUL_TOKEN_NORMAL,
                                             NOMUL_TOKEN_UNUSED, NOMUL_TOKEN_USER_DEFINED,
                                             NOMUL_TOKEN_CONTROL};
    vocabulary_plan               plan;
    vocabulary                    v;
    nomul_error                   err;
    nm_rng                        rng;

    test_case("all pairs that spell long pieces");
    nm_rng_init(&rng, 8);
    vocabulary_first_pieces(pieces);
    for (int round = 0; round < 30; round++) {
        size_t n = N_FIRST, n_used = 0;
        for (size_t i = 0; i < N_LONG; i++) {
            char  *text = texts[n_used];
            size_t n_text = 1 + nm_rng_below(&rng, i % 4 ? ROOM - 4 : 40);
            bool   twice = false;
            memset(text, 'a', n_text);
            if (nm_rng_below(&rng, 3) == 0) memcpy(text, "\xC3\xA9", n_text > 2 ? 2 : 0);
            if (nm_rng_below(&rng, 3) == 0) text[n_text - 1] = "bz"[nm_rng_below(&rng, 2)];
            for (size_t k = N_FIRST; k < n; k++)
                twice |= pieces[k].n_text == n_text && !memcmp(pieces[k].text, text, n_text);
            if (twice || !nm_utf8_valid(text, n_text)) continue;
            n_used++;
            pieces[n++] = (nm_sp_piece){text, n_text, (float)i, types[nm_rng_below(&rng, 5)]};
        }
        vocabulary_plan_init(&plan, pieces, n);
        CHECK_OK(vocabulary_open(&v, &plan, &err), err);
        if (v.present) check_vocabulary(&v.tokenizer.vocab);
        vocabulary_close(&v);
    }
}
