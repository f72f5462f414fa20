/* SPDX-License-Identifier: Apache-2.0 */
/* The history of a sampler, copied to another sampler, which then samples the same ids. */
#include "test.h"

#include "base/rng.h"
#include "tokens/sampler.h"

#define VOCAB 40

static nomul_error err;

static nomul_sampler *new_sampler(int32_t repeat_last_n, uint64_t seed)
{
    nomul_sampler_options o;

    nomul_sampler_options_init(&o);
    o.temp = 1.5f;
    o.repeat_penalty = 1.3f;
    o.presence_penalty = 0.1f;
    o.frequency_penalty = 0.2f;
    o.repeat_last_n = repeat_last_n;
    o.seed = seed;
    nomul_sampler *sampler = nomul_sampler_new(VOCAB, &o, &err);
    CHECK_OK(sampler != NULL, err);
    return sampler;
}

static void random_logits(nm_rng *rng, float *logits)
{
    for (int i = 0; i < VOCAB; i++) logits[i] = (float)(4 * nm_rng_double(rng));
}

/* One step of two samplers that must agree. */
static void step_both(nomul_sampler *a, nomul_sampler *b, nm_rng *rng)
{
    float logits[VOCAB];

    random_logits(rng, logits);
    int32_t id = nomul_sampler_next(a, logits);
    CHECK_INT(nomul_sampler_next(b, logits), id);
}

/* A sampler's history with the ids that it points to. */
typedef struct kept {
    nm_sampler_history history;
    int32_t            ids[1100];
    uint32_t           counts[VOCAB];
} kept;

static void keep(const nomul_sampler *sampler, kept *k)
{
    memset(k, 0, sizeof *k);
    k->history = nm_sampler_get_history(sampler, NULL);
    CHECK(k->history.n_ids <= sizeof k->ids / sizeof *k->ids);
    k->history = nm_sampler_get_history(sampler, k->ids);
    if (k->history.counts) {
        memcpy(k->counts, k->history.counts, sizeof k->counts);
        k->history.counts = k->counts;
    }
}

/* Exact also where penalties look back on more ids than a session file holds, or on all. */
static void test_continues(void)
{
    static const int32_t windows[] = {0, 1, 5, 63, 64, 65, 100, 1000, -1};

    for (size_t w = 0; w < sizeof windows / sizeof windows[0]; w++)
        for (int n = 0; n < 150; n = n * 3 / 2 + 1) {
            test_case("repeat_last_n %d: after %d ids another continues", (int)windows[w], n);
            nomul_sampler *a = new_sampler(windows[w], 7), *b = new_sampler(windows[w], 8);
            kept           k;
            nm_rng         rng;
            nm_rng_init(&rng, (uint64_t)n);
            for (int32_t i = 0; i < 90; i++) nomul_sampler_accept(b, i % VOCAB); /* to forget */
            for (int i = 0; i < n; i++) {
                float logits[VOCAB];
                random_logits(&rng, logits);
                nomul_sampler_next(a, logits);
            }
            keep(a, &k);
            nm_sampler_set_history(b, &k.history, false);
            for (int i = 0; i < 200; i++) step_both(a, b, &rng);
            nomul_sampler_free(a);
            nomul_sampler_free(b);
        }
}

/* Of a history without counts and with fewer ids than the window, these ids count, no others. */
static void test_last_ids(void)
{
    static const int32_t windows[] = {-1, 65, 1000};

    for (size_t w = 0; w < sizeof windows / sizeof windows[0]; w++) {
        test_case("repeat_last_n %d: the last 64 ids alone, as of a session file", (int)windows[w]);
        nomul_sampler *a = new_sampler(windows[w], 7), *b = new_sampler(windows[w], 9);
        nomul_sampler *c = new_sampler(windows[w], 7);
        kept           k;
        nm_rng         rng;
        nm_rng_init(&rng, 3);
        for (int32_t i = 0; i < 200; i++) nomul_sampler_accept(a, i * i % VOCAB);
        for (int32_t i = 136; i < 200; i++) nomul_sampler_accept(c, i * i % VOCAB);
        keep(a, &k);
        k.history.ids += k.history.n_ids - 64;
        k.history.n_ids = 64;
        k.history.counts = NULL;
        nm_sampler_set_history(b, &k.history, false);
        for (int i = 0; i < 200; i++) step_both(b, c, &rng);
        nomul_sampler_free(a);
        nomul_sampler_free(b);
        nomul_sampler_free(c);
    }
}

/* Every sampler keeps 64 ids at least, whatever its penalties see: another's may look further. */
static void test_keeps(void)
{
    static const int32_t windows[] = {-1, 0, 1, 64, 200};

    for (size_t w = 0; w < sizeof windows / sizeof windows[0]; w++)
        for (int32_t n = 0; n < 300; n += n < 70 ? 1 : 67) {
            test_case("repeat_last_n %d: the last ids of %d", (int)windows[w], (int)n);
            nomul_sampler *sampler = new_sampler(windows[w], 1);
            kept           k;
            int32_t        room = windows[w] > 64 ? windows[w] : 64, n_kept = n < room ? n : room;
            for (int32_t i = 0; i < n; i++) {
                nomul_sampler_accept(sampler, i % VOCAB);
                nomul_sampler_accept(sampler, VOCAB); /* no id: ignored */
            }
            keep(sampler, &k);
            CHECK_INT(k.history.n_ids, n_kept);
            for (int32_t i = 0; i < n_kept; i++) CHECK_INT(k.ids[i], (n - n_kept + i) % VOCAB);
            CHECK((k.history.counts != NULL) == (windows[w] == -1));
            for (int32_t id = 0; k.history.counts && id < VOCAB; id++)
                CHECK_INT(k.counts[id], n / VOCAB + (id < n % VOCAB));
            nomul_sampler_free(sampler);
        }
}

/* -1 without penalties: their first ids are not forgotten by the time that they are switched on. */
static void test_switched_on(void)
{
    nomul_sampler_options o;
    kept                  k;
    nm_rng                rng;

    test_case("repeat_last_n -1: ids count that were accepted while penalties were off");
    nomul_sampler_options_init(&o);
    o.repeat_last_n = -1;
    nomul_sampler *off = nomul_sampler_new(VOCAB, &o, &err);
    nomul_sampler *on = new_sampler(-1, 7), *all = new_sampler(-1, 7);
    for (int32_t i = 0; i < 200; i++) {
        int32_t id = i < 100 ? 0 : i % VOCAB;
        nomul_sampler_accept(off, id);
        nomul_sampler_accept(all, id);
    }
    keep(off, &k);
    nm_sampler_set_history(on, &k.history, true);
    nm_rng_init(&rng, 3);
    for (int i = 0; i < 200; i++) step_both(on, all, &rng);
    nomul_sampler_free(off), nomul_sampler_free(on), nomul_sampler_free(all);
}

static void test_generator(void)
{
    test_case("the history has the generator's numbers");
    nomul_sampler *sampler = new_sampler(64, 42), *other = new_sampler(64, 43);
    kept           k, kept_by_other;
    nm_rng         rng;
    float          logits[VOCAB] = {0};

    nm_rng_init(&rng, 42);
    keep(sampler, &k);
    CHECK_MEM(k.history.rng, rng.s, sizeof rng.s, "a new one");
    nomul_sampler_sample(sampler, logits);
    nm_rng_next(&rng);
    keep(sampler, &k);
    CHECK_MEM(k.history.rng, rng.s, sizeof rng.s, "after a sample");

    test_case("the generator is replaced, or it is kept");
    nm_rng_init(&rng, 43);
    nm_sampler_set_history(other, &k.history, true);
    keep(other, &kept_by_other);
    CHECK_MEM(kept_by_other.history.rng, rng.s, sizeof rng.s, "one that is kept");
    nm_sampler_set_history(other, &k.history, false);
    keep(other, &kept_by_other);
    CHECK_MEM(kept_by_other.history.rng, k.history.rng, sizeof rng.s, "one that is replaced");
    nomul_sampler_free(sampler);
    nomul_sampler_free(other);
}

static void test_options(void)
{
    test_case("the options, defaults filled in");
    nomul_sampler *sampler = new_sampler(5, 77);

    CHECK_INT(nm_sampler_options(sampler)->repeat_last_n, 5);
    CHECK_INT(nm_sampler_options(sampler)->top_k, 40);
    CHECK_INT(nm_sampler_options(sampler)->seed, 77);
    nomul_sampler_free(sampler);
}

void test_sampler_history(void)
{
    test_continues();
    test_last_ids();
    test_keeps();
    test_switched_on();
    test_generator();
    test_options();
}
