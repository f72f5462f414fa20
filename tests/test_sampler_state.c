/* SPDX-License-Identifier: Apache-2.0 */
/* Where a sampler stands: taken, given to another sampler, which then draws the same. */
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

/* One step of two texts that must be the same. */
static void step_both(nomul_sampler *a, nomul_sampler *b, nm_rng *rng)
{
    float logits[VOCAB];

    random_logits(rng, logits);
    int32_t id = nomul_sampler_sample(a, logits);
    CHECK_INT(nomul_sampler_sample(b, logits), id);
    nomul_sampler_accept(a, id);
    nomul_sampler_accept(b, id);
}

static void test_goes_on(void)
{
    static const int32_t windows[] = {0, 1, 5, 63, 64};

    for (size_t w = 0; w < sizeof windows / sizeof windows[0]; w++)
        for (int n = 0; n < 150; n = n * 3 / 2 + 1) {
            test_case("repeat_last_n %d: after %d ids another goes on", (int)windows[w], n);
            nomul_sampler      *a = new_sampler(windows[w], 7), *b = new_sampler(windows[w], 8);
            nomul_sampler_state state;
            nm_rng              rng;
            nm_rng_init(&rng, (uint64_t)n);
            for (int32_t i = 0; i < 90; i++) nomul_sampler_accept(b, i % VOCAB); /* to forget */
            for (int i = 0; i < n; i++) {
                float logits[VOCAB];
                random_logits(&rng, logits);
                nomul_sampler_accept(a, nomul_sampler_sample(a, logits));
            }
            nomul_sampler_get_state(a, &state);
            CHECK_OK(nomul_sampler_set_state(b, &state, &err) == NOMUL_OK, err);
            for (int i = 0; i < 200; i++) step_both(a, b, &rng);
            nomul_sampler_free(a);
            nomul_sampler_free(b);
        }
}

/* With -1 or a longer window the ids before the last 64 are forgotten, and no others. */
static void test_forgets(void)
{
    static const int32_t windows[] = {-1, 65, 1000};

    for (size_t w = 0; w < sizeof windows / sizeof windows[0]; w++) {
        test_case("repeat_last_n %d: a sampler told of the last 64", (int)windows[w]);
        nomul_sampler      *a = new_sampler(windows[w], 7), *b = new_sampler(windows[w], 9);
        nomul_sampler      *c = new_sampler(windows[w], 7);
        nomul_sampler_state state;
        nm_rng              rng;
        nm_rng_init(&rng, 3);
        for (int32_t i = 0; i < 200; i++) nomul_sampler_accept(a, i * i % VOCAB);
        for (int32_t i = 136; i < 200; i++) nomul_sampler_accept(c, i * i % VOCAB);
        nomul_sampler_get_state(a, &state);
        CHECK_INT(state.n_last, 64);
        CHECK_OK(nomul_sampler_set_state(b, &state, &err) == NOMUL_OK, err);
        for (int i = 0; i < 200; i++) step_both(b, c, &rng);
        nomul_sampler_free(a);
        nomul_sampler_free(b);
        nomul_sampler_free(c);
    }
}

/* All samplers remember, whatever their penalties see: another's may look further. */
static void test_remembers(void)
{
    static const int32_t windows[] = {-1, 0, 1, 64, 200};

    for (size_t w = 0; w < sizeof windows / sizeof windows[0]; w++)
        for (int32_t n = 0; n < 300; n += n < 70 ? 1 : 67) {
            test_case("repeat_last_n %d: the last ids of %d", (int)windows[w], (int)n);
            nomul_sampler      *sampler = new_sampler(windows[w], 1);
            nomul_sampler_state state;
            for (int32_t i = 0; i < n; i++) {
                nomul_sampler_accept(sampler, i % VOCAB);
                nomul_sampler_accept(sampler, VOCAB); /* no id: not seen */
            }
            nomul_sampler_get_state(sampler, &state);
            int32_t kept = n < 64 ? n : 64;
            CHECK_INT(state.n_last, kept);
            for (int32_t i = 0; i < kept; i++)
                CHECK_INT(state.last[i], (n - kept + i) % VOCAB);
            for (int32_t i = kept; i < 64; i++) CHECK_INT(state.last[i], 0);
            nomul_sampler_free(sampler);
        }
}

static void test_generator(void)
{
    test_case("the generator's numbers are the state's");
    nomul_sampler      *sampler = new_sampler(64, 42);
    nomul_sampler_state state;
    nm_rng              rng;
    float               logits[VOCAB] = {0};

    nm_rng_init(&rng, 42);
    nomul_sampler_get_state(sampler, &state);
    CHECK_MEM(state.rng, rng.s, sizeof rng.s, "a new one");
    nomul_sampler_sample(sampler, logits);
    nm_rng_next(&rng);
    nomul_sampler_get_state(sampler, &state);
    CHECK_MEM(state.rng, rng.s, sizeof rng.s, "after a draw");
    nomul_sampler_free(sampler);
}

static void check_refused(nomul_sampler *sampler, const nomul_sampler_state *wrong,
                          const char *words)
{
    nomul_sampler_state before, after;

    test_case("must fail: %s", words);
    nomul_sampler_get_state(sampler, &before);
    CHECK_FAILS(nomul_sampler_set_state(sampler, wrong, &err) == NOMUL_OK, err, words);
    CHECK_INT(err.code, NOMUL_E_ARG);
    CHECK_INT(nomul_sampler_set_state(sampler, wrong, NULL), NOMUL_E_ARG);
    nomul_sampler_get_state(sampler, &after);
    CHECK_MEM(&before, &after, sizeof before, "the state");
}

static void test_refused(void)
{
    nomul_sampler      *sampler = new_sampler(64, 5);
    nomul_sampler_state good, wrong;

    for (int32_t i = 0; i < 20; i++) nomul_sampler_accept(sampler, i);
    nomul_sampler_get_state(sampler, &good);
    good.rng[0]++;
    wrong = good;
    memset(wrong.rng, 0, sizeof wrong.rng);
    check_refused(sampler, &wrong, "rng: is all zero, which makes only zeros");
    wrong = good;
    wrong.n_last = 65;
    check_refused(sampler, &wrong, "n_last: is 65, expected 0 to 64");
    wrong = good;
    wrong.last[19] = VOCAB;
    check_refused(sampler, &wrong, "last[19]: is 40, expected 0 to 39");
    wrong.last[19] = -1;
    check_refused(sampler, &wrong, "last[19]: is -1, expected 0 to 39");
    check_refused(sampler, NULL, "nomul_sampler_set_state: an argument is NULL");
    CHECK_FAILS(nomul_sampler_set_state(NULL, &good, &err) == NOMUL_OK, err,
                "nomul_sampler_set_state: an argument is NULL");

    test_case("ids behind the last one are not looked at; of no sampler the state is empty");
    good.last[20] = -5;
    CHECK_OK(nomul_sampler_set_state(sampler, &good, &err) == NOMUL_OK, err);
    nomul_sampler_get_state(NULL, &good);
    CHECK_INT(good.n_last, 0);
    nomul_sampler_get_state(sampler, NULL);
    nomul_sampler_free(sampler);
}

static void test_settings(void)
{
    test_case("the settings, defaults filled in");
    nomul_sampler *sampler = new_sampler(5, 77);

    CHECK_INT(nm_sampler_settings(sampler)->repeat_last_n, 5);
    CHECK_INT(nm_sampler_settings(sampler)->top_k, 40);
    CHECK_INT(nm_sampler_settings(sampler)->seed, 77);
    nomul_sampler_free(sampler);
}

void test_sampler_state(void)
{
    test_goes_on();
    test_forgets();
    test_remembers();
    test_generator();
    test_refused();
    test_settings();
}
