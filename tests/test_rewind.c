/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks in memory: a text that is rewound stands exactly where it stood, with penalties that look
 * back on any number of tokens too; /undo and /retry are made of this.  A text without memory to
 * make, fork, mark, rewind or prompt it is unchanged.
 */
#include "alloc.h"
#include "checkpoints.h"
#include "test.h"

#include <stdlib.h>

#define VOCAB 300
#define TURNS 9
#define STEPS 5 /* tokens of an answer */
#define REST 150
#define PROMPT "the fox said to the moon"

static nomul_error    err;
static nomul_model   *model;
static nomul_session *session;

static nomul_text *new_text(int32_t repeat_last_n)
{
    nomul_sampler_options sampler;
    nomul_text_options    o;

    nomul_sampler_options_init(&sampler);
    sampler.seed = 5;
    sampler.temp = 1.5f;
    sampler.repeat_penalty = 1.5f;
    sampler.frequency_penalty = 0.3f;
    sampler.repeat_last_n = repeat_last_n;
    nomul_text_options_init(&o);
    o.sampler = &sampler;
    o.n_logprobs = 1;
    o.ignore_eos = true;
    nomul_text *text = nomul_text_new(session, &o, &err);
    CHECK_OK(text != NULL, err);
    return text;
}

static void prompt(nomul_text *text, const char *bytes)
{
    CHECK_OK(nomul_text_prompt(text, bytes, strlen(bytes), &err) == NOMUL_OK, err);
}

/* n tokens, their ids and log-probabilities; NULL: unwanted. */
static void generate(nomul_text *text, size_t n, nomul_logprob *out)
{
    for (size_t i = 0; i < n && nomul_text_finish(text) == NOMUL_FINISH_NONE;) {
        CHECK_OK(nomul_text_step(&text, 1, &err) == NOMUL_OK, err);
        if (nomul_text_id(text) < 0) continue; /* the prompt is read */
        if (out) out[i] = nomul_text_logprobs(text)[0];
        i++;
    }
}

static nomul_mark *mark_of(const nomul_text *text)
{
    nomul_mark *mark = nomul_text_mark(text, &err);

    CHECK_OK(mark != NULL, err);
    return mark;
}

static void rewind_to(nomul_text *text, const nomul_mark *mark, unsigned flags)
{
    CHECK_OK(nomul_text_rewind(text, mark, flags, &err) == NOMUL_OK, err);
}

static uint64_t n_tokens(const nomul_text *text)
{
    nomul_text_counts counts = {.size = sizeof counts};

    CHECK_OK(nomul_text_get_counts(text, &counts, &err) == NOMUL_OK, err);
    return counts.n_tokens;
}

/* Everything that a text of this place will generate depends on: what follows on a copy of it. */
static void look_at(const nomul_text *text, nomul_logprob *out)
{
    nomul_text *copy = nomul_text_fork(text, NULL, &err);

    CHECK_OK(copy != NULL, err);
    memset(out, 0, REST * sizeof *out);
    prompt(copy, "");
    generate(copy, REST, out);
    nomul_text_free(copy);
}

static void check_info(const nomul_text *text, const nomul_mark *want, bool same_generator)
{
    nomul_mark            *mark = mark_of(text);
    const nomul_mark_info *a = nomul_mark_get_info(mark), *b = nomul_mark_get_info(want);

    CHECK_INT(a->n_tokens, b->n_tokens);
    CHECK_INT(a->last_id, b->last_id);
    CHECK_INT(memcmp(a->rng, b->rng, sizeof a->rng) == 0, same_generator);
    CHECK_INT(a->n_ids, b->n_ids);
    if (a->n_ids && a->n_ids == b->n_ids)
        CHECK_MEM(a->ids, b->ids, a->n_ids * sizeof *a->ids, "the ids");
    CHECK_INT(a->n_tail, b->n_tail);
    if (a->n_tail && a->n_tail == b->n_tail) CHECK_MEM(a->tail, b->tail, a->n_tail, "the tail");
    nomul_mark_free(mark);
}

/* ---- Undo ------------------------------------------------------------------------------------ */

static void take_turn(nomul_text *text, int turn)
{
    static const char *const prompts[] = {"One day", "", " the moon", "\n", "\xC3"};

    prompt(text, prompts[turn % 5]);
    generate(text, STEPS, NULL);
}

static void test_undo(int32_t repeat_last_n)
{
    static nomul_logprob want[TURNS][REST];
    nomul_logprob        got[REST];
    nomul_mark          *marks[TURNS];
    nomul_text          *text = new_text(repeat_last_n);

    test_case("repeat_last_n %d: turns are undone one by one", (int)repeat_last_n);
    for (int i = 0; i < TURNS; i++) {
        marks[i] = mark_of(text);
        look_at(text, want[i]);
        take_turn(text, i);
    }
    CHECK(n_tokens(text) > TURNS * STEPS);
    for (int i = TURNS - 1; i >= 0; i--) {
        rewind_to(text, marks[i], 0);
        CHECK_INT(nomul_text_finish(text), NOMUL_FINISH_LENGTH);
        CHECK_INT(nomul_text_id(text), -1);
        check_info(text, marks[i], true);
        look_at(text, got);
        CHECK_MEM(got, want[i], sizeof got, "what follows");
    }
    CHECK_INT(n_tokens(text), 0);
    CHECK_INT(nomul_mark_get_info(marks[0])->last_id, -1);

    test_case("repeat_last_n %d: any mark, any number of times, in another text too",
              (int)repeat_last_n);
    nomul_text *other = new_text(repeat_last_n);
    for (int i = 0; i < test_trials(TURNS, 2 * TURNS); i++) {
        nomul_text *t = i % 3 ? text : other;
        int         turn = i * 4 % TURNS;
        take_turn(t, i);
        rewind_to(t, marks[turn], 0);
        look_at(t, got);
        CHECK_MEM(got, want[turn], sizeof got, "what follows");
    }
    for (int i = 0; i < TURNS; i++) nomul_mark_free(marks[i]);
    nomul_text_free(text), nomul_text_free(other);
}

/* A mark made while the prompt is read in part, or not at all, holds the rest of it. */
static void test_unread(void)
{
    nomul_logprob want[REST], got[REST];
    nomul_text   *text = new_text(64);

    test_case("a mark before the prompt was read");
    prompt(text, PROMPT);
    prompt(text, PROMPT);
    nomul_mark *mark = mark_of(text);
    uint64_t    n = n_tokens(text);
    CHECK(n > 16);
    look_at(text, want);
    generate(text, STEPS, NULL);
    rewind_to(text, mark, 0);
    CHECK_INT(n_tokens(text), n);
    look_at(text, got);
    CHECK_MEM(got, want, sizeof got, "what follows");
    nomul_mark_free(mark);
    nomul_text_free(text);
}

/* ---- Retry ----------------------------------------------------------------------------------- */

static void test_retry(int32_t repeat_last_n)
{
    nomul_logprob want[REST], got[REST], first[STEPS], again[STEPS];
    nomul_text   *text = new_text(repeat_last_n);

    test_case("repeat_last_n %d: the same prompt, other random numbers", (int)repeat_last_n);
    nomul_mark *empty = mark_of(text);
    look_at(text, want);
    prompt(text, PROMPT);
    CHECK_OK(nomul_text_read(text, &err) == NOMUL_OK, err);
    nomul_mark *asked = mark_of(text);
    generate(text, STEPS, first);
    for (int i = 0; i < 3; i++) {
        nomul_mark *answered = mark_of(text);
        rewind_to(text, asked, NOMUL_REWIND_KEEP_GENERATOR);
        check_info(text, asked, false);
        nomul_mark *now = mark_of(text);
        CHECK_MEM(nomul_mark_get_info(now)->rng, nomul_mark_get_info(answered)->rng, 32,
                  "the generator");
        nomul_mark_free(answered), nomul_mark_free(now);
        prompt(text, "");
        generate(text, STEPS, again);
        CHECK(memcmp(first, again, sizeof first) != 0);
    }

    test_case("repeat_last_n %d: with the mark's random numbers the answer is the first one",
              (int)repeat_last_n);
    rewind_to(text, asked, 0);
    prompt(text, "");
    generate(text, STEPS, again);
    CHECK_MEM(again, first, sizeof first, "the answer");

    test_case("repeat_last_n %d: the whole turn can still be undone", (int)repeat_last_n);
    rewind_to(text, empty, 0);
    check_info(text, empty, true);
    look_at(text, got);
    CHECK_MEM(got, want, sizeof got, "what follows");
    nomul_mark_free(empty), nomul_mark_free(asked);
    nomul_text_free(text);
}

/* ---- The tail -------------------------------------------------------------------------------- */

static void test_tail(void)
{
    nomul_text *text = new_text(64);
    char        all[700];
    size_t      at = 0;

    test_case("the tail is the last %d bytes, however they came", NOMUL_SAVED_BYTES);
    for (size_t i = 0; i < sizeof all; i++) all[i] = (char)('a' + i % 23);
    for (size_t n = 0; at + n <= sizeof all; at += n, n = (n + 7) % 90) {
        CHECK_OK(nomul_text_prompt(text, n > 0 ? all + at : NULL, n, &err) == NOMUL_OK, err);
        nomul_mark            *mark = mark_of(text);
        const nomul_mark_info *info = nomul_mark_get_info(mark);
        size_t                 want = at + n < NOMUL_SAVED_BYTES ? at + n : NOMUL_SAVED_BYTES;
        CHECK_INT(info->n_tail, want);
        if (info->n_tail == want) CHECK_MEM(info->tail, all + at + n - want, want, "the tail");
        nomul_mark_free(mark);
    }
    nomul_text_free(text);
}

/* ---- Without memory -------------------------------------------------------------------------- */

/* One call that allocates, on a text; false: it failed, as err says. */
typedef bool attempt(nomul_text *text, const nomul_mark *mark);

static bool try_new(nomul_text *text, const nomul_mark *mark)
{
    nomul_text *other = nomul_text_new(session, NULL, &err);

    (void)text, (void)mark;
    nomul_text_free(other);
    return other != NULL;
}

static bool try_fork(nomul_text *text, const nomul_mark *mark)
{
    nomul_text *fork = nomul_text_fork(text, NULL, &err);

    (void)mark;
    nomul_text_free(fork);
    return fork != NULL;
}

static bool try_mark(nomul_text *text, const nomul_mark *mark)
{
    nomul_mark *other = nomul_text_mark(text, &err);

    (void)mark;
    nomul_mark_free(other);
    return other != NULL;
}

static bool try_prompt(nomul_text *text, const nomul_mark *mark)
{
    bool ok = nomul_text_prompt(text, PROMPT PROMPT, 2 * strlen(PROMPT), &err) == NOMUL_OK;

    if (ok) nomul_text_rewind(text, mark, 0, NULL);
    return ok;
}

static void fail_each(const char *name, attempt *call)
{
    nomul_logprob want[REST], got[REST];
    nomul_text   *text = new_text(-1);
    bool          reached = true;
    size_t        k = 1;

    test_case("%s: every allocation fails, and nothing has changed", name);
    prompt(text, "Once");
    CHECK_OK(nomul_text_read(text, &err) == NOMUL_OK, err);
    nomul_mark *mark = mark_of(text);
    look_at(text, want);
    for (; reached; k++) {
        size_t live = alloc_live();
        alloc_fail_at(k);
        bool ok = call(text, mark);
        reached = alloc_failed();
        alloc_fail_at(0);
        CHECK_INT(ok, !reached);
        if (reached) CHECK_INT(err.code, NOMUL_E_MEMORY);
        if (reached) CHECK_INT(alloc_live(), live);
        check_info(text, mark, true);
    }
    CHECK_THAT(k > 2, "nothing was allocated: the test tests nothing");
    look_at(text, got);
    CHECK_MEM(got, want, sizeof got, "what follows");
    nomul_mark_free(mark);
    nomul_text_free(text);
}

static void test_rewind_without_memory(void)
{
    nomul_text *text = new_text(64), *small = new_text(64);

    test_case("rewind: the list of ids cannot grow, and nothing has changed");
    prompt(text, PROMPT PROMPT PROMPT);
    prompt(small, "a");
    nomul_mark *mark = mark_of(text), *here = mark_of(small);
    alloc_fail_at(1);
    nomul_status status = nomul_text_rewind(small, mark, 0, &err);
    CHECK(alloc_failed());
    alloc_fail_at(0);
    CHECK_INT(status, NOMUL_E_MEMORY);
    check_info(small, here, true);
    nomul_mark_free(mark), nomul_mark_free(here);
    nomul_text_free(text), nomul_text_free(small);
}

static void test_misuse(void)
{
    nomul_text *text = new_text(64);
    nomul_mark *mark = mark_of(text);

    test_case("misuse");
    CHECK_FAILS(nomul_text_rewind(text, mark, 2, &err) == NOMUL_OK, err, "flags: 0x2 is unknown");
    CHECK_INT(err.code, NOMUL_E_ARG);
    CHECK_FAILS(nomul_text_rewind(NULL, mark, 0, &err) == NOMUL_OK, err,
                "nomul_text_rewind: an argument is NULL");
    CHECK_FAILS(nomul_text_rewind(text, NULL, 0, &err) == NOMUL_OK, err,
                "nomul_text_rewind: an argument is NULL");
    CHECK_FAILS(nomul_text_mark(NULL, &err), err, "nomul_text_mark: an argument is NULL");
    CHECK(!nomul_mark_get_info(NULL));
    nomul_mark_free(NULL);
    nomul_mark_free(mark);
    nomul_text_free(text);
}

void test_rewind(void)
{
    static const int32_t windows[] = {64, 0, 100, 1000, -1};
    size_t               live = alloc_live();

    test_case("a model for texts");
    model = nomul_model_open(test_path("golden/small.gguf"), NULL, &err);
    CHECK_OK(model != NULL, err);
    if (!model) return;
    session = test_session(model, 1, 4);
    for (size_t i = 0; i < sizeof windows / sizeof *windows; i++) {
        test_undo(windows[i]);
        test_retry(windows[i]);
    }
    test_unread();
    test_tail();
    fail_each("new", try_new);
    fail_each("fork", try_fork);
    fail_each("mark", try_mark);
    fail_each("prompt", try_prompt);
    test_rewind_without_memory();
    test_misuse();
    nomul_session_free(session);
    nomul_model_close(model);
    CHECK_INT(alloc_live(), live);
}
