/* SPDX-License-Identifier: Apache-2.0 */
/* The longest string at every place of random texts, against looking at each. */
#include "test.h"

#include "base/rng.h"
#include "format/sentencepiece.h"
#include "tokens/matcher.h"

#define N 40
#define ROOM 64

/* A text with its spaces spelled; its length. */
static size_t spell(const char *text, size_t n, char *out)
{
    size_t n_out = 0;

    for (size_t i = 0; i < n; i++) {
        bool space = text[i] == ' ';
        memcpy(out + n_out, space ? NM_BLANK : &text[i], space ? NM_BLANK_BYTES : 1);
        n_out += space ? NM_BLANK_BYTES : 1;
    }
    return n_out;
}

/* The longest pattern at a place; of equal ones the last. */
static int32_t slow_find(const nm_pattern *patterns, size_t n, const char *text, size_t n_text)
{
    int32_t best = -1;
    size_t  n_best = 0;

    for (size_t i = 0; i < n; i++) {
        const nm_pattern *p = &patterns[i];
        char              bytes[4 * ROOM];
        size_t            n_bytes = p->n_head;
        memcpy(bytes, p->head, p->n_head);
        if (p->spelled)
            n_bytes += spell(p->text, p->n_text, bytes + n_bytes);
        else
            memcpy(bytes + n_bytes, p->text, p->n_text), n_bytes += p->n_text;
        if (n_bytes == 0 || n_bytes < n_best || n_bytes > n_text) continue;
        if (memcmp(bytes, text, n_bytes) == 0) best = p->id, n_best = n_bytes;
    }
    return best;
}

static void test_random(void)
{
    static char texts[N][ROOM];
    nm_pattern  patterns[N];
    nm_matcher  m;
    nomul_error err;
    nm_rng      rng;

    test_case("random strings in random texts");
    nm_rng_init(&rng, 21);
    for (int round = 0; round < 200; round++) {
        bool   spelled = round % 2;
        size_t n = nm_rng_below(&rng, N);
        for (size_t i = 0; i < n; i++) {
            size_t n_text = 1 + nm_rng_below(&rng, i % 8 ? 6 : 30);
            for (size_t k = 0; k < n_text; k++) texts[i][k] = "ab\x96 "[nm_rng_below(&rng, 4)];
            patterns[i] = (nm_pattern){.head = NM_BLANK,
                                       .n_head = spelled && i % 3 == 0 ? NM_BLANK_BYTES : 0,
                                       .text = texts[i],
                                       .n_text = n_text,
                                       .id = (int32_t)i,
                                       .spelled = spelled};
        }
        CHECK_OK(nm_matcher_open(&m, patterns, n, &err), err);
        for (int i = 0; n && i < 20; i++) {
            char    text[ROOM], whole[4 * ROOM];
            int32_t found[ROOM];
            size_t  n_text = nm_rng_below(&rng, ROOM);
            for (size_t k = 0; k < n_text; k++) text[k] = "ab\x96 "[nm_rng_below(&rng, 4)];
            CHECK(nm_matcher_run(&m, text, n_text, spelled, NULL, found));
            for (size_t at = 0; at < n_text; at++) {
                size_t n_whole = n_text - at;
                if (spelled)
                    n_whole = spell(text + at, n_whole, whole);
                else
                    memcpy(whole, text + at, n_whole);
                CHECK_INT(found[at], slow_find(patterns, n, whole, n_whole));
            }
        }
        nm_matcher_close(&m);
    }
}

void test_matcher(void)
{
    static char    text[1 << 17];
    static int32_t found[sizeof text];
    nomul_cancel   cancel = {0};
    nm_pattern     p = {.head = "", .text = text, .n_text = sizeof text, .id = 5};
    nm_matcher     m;
    nomul_error    err;

    test_random();
    test_case("one long string, cancelled");
    memset(text, 'a', sizeof text);
    CHECK_OK(nm_matcher_open(&m, &p, 1, &err), err);
    CHECK(nm_matcher_run(&m, text, sizeof text, false, &cancel, found));
    CHECK(found[0] == 5 && found[1] == -1);
    nomul_cancel_request(&cancel);
    CHECK(!nm_matcher_run(&m, text, sizeof text, false, &cancel, found));
    nm_matcher_close(&m);
}
