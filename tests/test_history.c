/* SPDX-License-Identifier: Apache-2.0 */
/* The turns of a text that can be taken back: to the bit, as many as the ring has room for. */
#include "alloc.h"
#include "checkpoints.h"
#include "test.h"

#include "cli/run/history.h"

#define VOCAB 300
#define TURNS (NM_HISTORY_TURNS + 6)
#define STATE_MAX 256

/* All of a place that can be told apart. */
typedef struct shot {
    unsigned char       state[STATE_MAX];
    nomul_sampler_state sampler;
    bool                begun;
    int32_t             last_id;
    size_t              n_tail;
    char                tail[NM_PLACE_TAIL];
} shot;

static nomul_error  err;
static nomul_model *model;

static void open_place(nm_place *place)
{
    nomul_sampler_options o;

    nomul_sampler_options_init(&o);
    o.seed = 5;
    o.repeat_penalty = 1.5f;
    *place = (nm_place){.session = test_session(model, 1, 4)};
    place->sampler = nomul_sampler_new(VOCAB, &o, &err);
    CHECK_OK(place->sampler != NULL, err);
}

static void close_place(nm_place *place)
{
    nomul_session_free(place->session);
    nomul_sampler_free(place->sampler);
}

static shot look_at(const nm_place *place)
{
    size_t n = nomul_snapshot_bytes(model);
    shot   s;

    memset(&s, 0, sizeof s);
    CHECK(n <= sizeof s.state);
    CHECK_OK(nomul_session_snapshot(place->session, s.state, n, &err) == NOMUL_OK, err);
    nomul_sampler_get_state(place->sampler, &s.sampler);
    memset(s.sampler.last + s.sampler.n_last, 0,
           (NOMUL_SAMPLER_LAST - s.sampler.n_last) * sizeof *s.sampler.last);
    s.begun = place->begun;
    s.last_id = place->begun ? place->last_id : 0;
    s.n_tail = place->n_tail;
    memcpy(s.tail, place->tail, place->n_tail);
    return s;
}

static void check_same(const shot *got, const shot *want, const char *what)
{
    CHECK_MEM(got->state, want->state, sizeof want->state, what);
    CHECK_MEM(got->sampler.rng, want->sampler.rng, sizeof want->sampler.rng, what);
    CHECK_INT(got->sampler.n_last, want->sampler.n_last);
    CHECK_MEM(got->sampler.last, want->sampler.last, sizeof want->sampler.last, what);
    CHECK_INT(got->begun, want->begun);
    CHECK_INT(got->last_id, want->last_id);
    CHECK_INT(got->n_tail, want->n_tail);
    CHECK_MEM(got->tail, want->tail, sizeof want->tail, what);
}

/* One id further, as a text goes on: the one at rest is fed, another one drawn. */
static void step(nm_place *place)
{
    float   logits[VOCAB];
    int32_t id = place->begun ? place->last_id : 1;

    CHECK_OK(nomul_session_feed(place->session, &id, 1, NOMUL_LOGITS_LAST, logits, &err) ==
                 NOMUL_OK,
             err);
    place->last_id = nomul_sampler_sample(place->sampler, logits);
    nomul_sampler_accept(place->sampler, place->last_id);
    place->begun = true;
    nm_place_add_tail(place, "abc", 1 + (size_t)place->last_id % 3);
}

static void take_turn(nm_history *h, nm_place *place)
{
    CHECK_OK(nm_history_begin(h, place, &err), err);
    step(place);
    step(place);
    CHECK_OK(nm_history_asked(h, place, &err), err);
    step(place);
    step(place);
}

static void test_undo(void)
{
    static shot shots[TURNS + 1];
    nm_history  h;
    nm_place    place;

    test_case("the last %d of %d turns are taken back, one by one", NM_HISTORY_TURNS, TURNS);
    open_place(&place);
    CHECK_OK(nm_history_init(&h, model, &err), err);
    for (int i = 0; i < TURNS; i++) {
        shots[i] = look_at(&place);
        take_turn(&h, &place);
    }
    CHECK_INT(nm_place_n_tokens(&place), 4 * TURNS + 1);
    for (int i = TURNS - 1; i >= TURNS - NM_HISTORY_TURNS; i--) {
        CHECK_OK(nm_history_undo(&h, &place, &err), err);
        shot now = look_at(&place);
        check_same(&now, &shots[i], "a turn taken back");
    }
    shot before = look_at(&place);
    CHECK_FAILS(nm_history_undo(&h, &place, &err), err, "nothing to take back");
    CHECK_FAILS(nm_history_retry(&h, &place, &err), err, "nothing to try again");
    shot after = look_at(&place);
    check_same(&after, &before, "nothing taken back");

    test_case("turns after that are kept as before, across the ring's end");
    for (int i = 0; i < TURNS; i++) {
        before = look_at(&place);
        take_turn(&h, &place);
        take_turn(&h, &place);
        CHECK_OK(nm_history_undo(&h, &place, &err), err);
    }
    CHECK_OK(nm_history_undo(&h, &place, &err), err);
    after = look_at(&place);
    check_same(&after, &before, "two turns and two back");

    test_case("what was cleared is gone");
    take_turn(&h, &place);
    nm_history_clear(&h);
    CHECK_FAILS(nm_history_undo(&h, &place, &err), err, "nothing to take back");
    nm_history_free(&h);
    close_place(&place);
}

static void test_retry(void)
{
    nm_history h;
    nm_place   place;

    test_case("an answer begins again behind its words, and other random numbers follow");
    open_place(&place);
    CHECK_OK(nm_history_init(&h, model, &err), err);
    shot empty = look_at(&place);
    CHECK_OK(nm_history_begin(&h, &place, &err), err);
    step(&place);
    shot asked = look_at(&place);
    CHECK_OK(nm_history_asked(&h, &place, &err), err);
    for (int i = 0; i < 3; i++) {
        step(&place);
        shot answered = look_at(&place);
        CHECK_OK(nm_history_retry(&h, &place, &err), err);
        shot now = look_at(&place);
        CHECK_MEM(now.sampler.rng, answered.sampler.rng, sizeof now.sampler.rng, "generator");
        CHECK(memcmp(now.sampler.rng, asked.sampler.rng, sizeof now.sampler.rng) != 0);
        memcpy(now.sampler.rng, asked.sampler.rng, sizeof now.sampler.rng);
        check_same(&now, &asked, "tried again");
    }

    test_case("and the whole turn can still be taken back, with its random numbers");
    CHECK_OK(nm_history_undo(&h, &place, &err), err);
    shot now = look_at(&place);
    check_same(&now, &empty, "taken back");
    CHECK_INT(nm_place_n_tokens(&place), 0);
    nm_history_free(&h);
    close_place(&place);
}

static void test_tail(void)
{
    nm_place place = {.begun = false};
    char     all[300];

    test_case("the tail is the last %d bytes, however they came", NM_PLACE_TAIL);
    for (size_t i = 0; i < sizeof all; i++) all[i] = (char)('a' + i % 23);
    for (size_t at = 0, n = 0; at + n <= sizeof all; at += n, n = (n + 7) % 90) {
        nm_place_add_tail(&place, n > 0 ? all + at : NULL, n);
        size_t want = at + n < NM_PLACE_TAIL ? at + n : NM_PLACE_TAIL;
        CHECK_INT(place.n_tail, want);
        CHECK_MEM(place.tail, all + at + n - want, want, "tail");
    }
}

static void test_memory(void)
{
    nm_history h;

    test_case("all memory is taken at the start; none for it is an error");
    for (size_t k = 1; k <= 2; k++) {
        alloc_fail_at(k);
        CHECK(!nm_history_init(&h, model, &err));
        CHECK(alloc_failed() && err.code == NOMUL_E_MEMORY);
        nm_history_free(&h);
    }
    alloc_fail_at(0);
    nm_place place;
    open_place(&place);
    CHECK_OK(nm_history_init(&h, model, &err), err);
    size_t calls = alloc_calls();
    CHECK_OK(nm_history_begin(&h, &place, &err) && nm_history_asked(&h, &place, &err) &&
                 nm_history_retry(&h, &place, &err) && nm_history_undo(&h, &place, &err),
             err);
    CHECK_INT(alloc_calls(), calls);
    nm_history_free(&h);
    close_place(&place);
}

void test_history(void)
{
    model = nomul_model_open(test_path("golden/small.gguf"), NULL, &err);
    test_case("a model to take turns with");
    CHECK_OK(model != NULL, err);
    if (!model) return;
    size_t live = alloc_live();
    test_undo();
    test_retry();
    test_tail();
    test_memory();
    CHECK_INT(alloc_live(), live);
    nomul_model_close(model);
}
