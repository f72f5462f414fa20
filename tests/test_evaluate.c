/* SPDX-License-Identifier: Apache-2.0 */
/* Groups of nomul eval: sums are those of each choice alone, split as the harness splits. */
#include "checkpoints.h"
#include "test.h"

#include "cli/eval/evaluate.h"

#include <math.h>

static const char *const lines[] = {
    "{\"query\":\"Once upon a time\",\"choices\":[\"there was a cat\",\"a\",\"in the sea\"],"
    "\"gold\":2}",
    "{\"query\":\"The cat \\n \",\"choices\":[\"sat\",\"ran away\"],\"gold\":0}",
    "{\"query\":\"\",\"choices\":[\"The end\",\"Yes\"],\"gold\":1}",
    "{\"query\":\" \",\"choices\":[\"The end\",\"Yes\"],\"gold\":1}",
    "{\"context_options\":[\"Tom fell as Tom\",\"Tom fell as Ben\"],\"continuation\":\"ran.\","
    "\"gold\":0}",
};
#define N_LINES (sizeof lines / sizeof *lines)

static nm_eval_item item;

/* ids[n] of a text, after BOS if bos. */
static size_t tokenize(const nomul_tokenizer *t, const char *text, bool bos, int32_t ids[64])
{
    size_t      n = 0;
    nomul_error err;

    if (bos) ids[0] = nomul_token_bos(t);
    CHECK_OK(nomul_tokenize(t, text, strlen(text), 0, ids + bos, 63, &n, &err) == NOMUL_OK, err);
    return n + bos;
}

/* The rule in its plainest form: ids of both texts, those of the context first. */
static double plain_sum(const nomul_model *model, const char *context, const char *stripped,
                        const char *continuation, bool bos, size_t *n_tokens)
{
    const nomul_tokenizer *t = nomul_model_tokenizer(model);
    nomul_session         *session = test_session(model, 1, 8);
    int32_t                ids[64], whole[64];
    float                  logprobs[64];
    char                   text[256];
    double                 sum = 0;
    nomul_error            err;

    snprintf(text, sizeof text, "%s%s", context, continuation);
    size_t n = tokenize(t, stripped, bos || !*context, ids);
    size_t n_whole = tokenize(t, text, bos && *context, whole), skip = *context ? n : 0;
    for (size_t i = skip; i < n_whole; i++) ids[n + i - skip] = whole[i];
    *n_tokens = n_whole - skip;
    CHECK_OK(nomul_session_score(session, ids, n + *n_tokens, logprobs, &err) == NOMUL_OK, err);
    for (size_t i = 0; i < *n_tokens; i++) sum += (double)logprobs[n - 1 + i];
    nomul_session_free(session);
    return sum;
}

static void check_choice(const nomul_model *model, const nm_eval_result *r, size_t choice,
                         const char *context, const char *stripped, const char *continuation,
                         bool bos)
{
    size_t n_tokens;
    double want = plain_sum(model, context, stripped, continuation, bos, &n_tokens);

    CHECK_INT(r->choices[choice].n_tokens, n_tokens);
    CHECK(fabs(r->choices[choice].logprob - want) < 1e-12);
}

/* All lines in one group. */
static void test_sums(const nomul_model *model, nm_eval_bos bos, size_t n_batch)
{
    nomul_session *session = test_session(model, 2, n_batch);
    nomul_error    err;
    bool           full, with = bos != NM_EVAL_BOS_NO;
    uint64_t       n_tokens = 0;

    test_case("sums of a group, batches of %zu, BOS %d", n_batch, (int)bos);
    nm_eval_group *group = nm_eval_group_new(session, bos, &err);
    if (!group) return;
    for (size_t i = 0; i < N_LINES; i++) {
        nm_span line = {lines[i], strlen(lines[i])};
        if (!with && i == 3) continue; /* nothing is left of this context */
        CHECK_OK(nm_eval_item_read(&item, NM_EVAL_LINES, line, NULL, &err), err);
        CHECK_OK(nm_eval_group_add(group, &item, &full, &err), err);
    }
    CHECK_OK(nm_eval_group_run(group, &n_tokens, &err), err);
    const nm_eval_result *r = nm_eval_group_result(group, 0);
    check_choice(model, r, 0, "Once upon a time", "Once upon a time", " there was a cat", with);
    check_choice(model, r, 1, "Once upon a time", "Once upon a time", " a", with);
    check_choice(model, r, 2, "Once upon a time", "Once upon a time", " in the sea", with);
    r = nm_eval_group_result(group, 1);
    check_choice(model, r, 0, "The cat \n ", "The cat", " sat", with);
    check_choice(model, r, 1, "The cat \n ", "The cat", " ran away", with);
    r = nm_eval_group_result(group, 2);
    check_choice(model, r, 0, "", "", " The end", with);
    check_choice(model, r, 1, "", "", " Yes", with);
    if (with) check_choice(model, nm_eval_group_result(group, 3), 0, " ", "", " The end", with);
    r = nm_eval_group_result(group, with ? 4 : 3);
    check_choice(model, r, 0, "Tom fell as Tom", "Tom fell as Tom", " ran.", with);
    check_choice(model, r, 1, "Tom fell as Ben", "Tom fell as Ben", " ran.", with);
    CHECK_INT(r->n_metrics, 1);
    CHECK(n_tokens > 0);
    nm_eval_group_free(group);
    nomul_session_free(session);
}

static void judge(double a, double b, size_t n_a, size_t n_b, size_t gold, int want)
{
    nm_eval_result r = {.gold = gold, .n_choices = 2, .n_metrics = NM_EVAL_METRICS};

    r.choices[0].logprob = a, r.choices[1].logprob = b;
    r.choices[0].n_chars = n_a, r.choices[1].n_chars = n_b;
    r.choices[0].n_bytes = 2 * n_a, r.choices[1].n_bytes = n_b;
    nm_eval_judge(&r);
    CHECK_INT(r.right[0] + 10 * r.right[1] + 100 * r.right[2], want);
}

static void test_judge(void)
{
    test_case("the best of the sums, the sums by character and by byte; the first of equal ones");
    judge(-4, -5, 1, 2, 0, 101);
    judge(-4, -5, 1, 2, 1, 10);
    judge(-4, -6, 2, 3, 0, 111);
    judge(-4, -4, 1, 1, 0, 111);
    judge(-4, -4, 1, 1, 1, 0);
    judge(-4, -6, 2, 4, 0, 101);
    judge(-4, -9, 0, 1, 0, 1); /* an empty choice is infinitely bad by length */
}

void test_evaluate(void)
{
    nomul_error  err;
    nomul_model *model = nomul_model_open(test_path("../models/tiny.gguf"), NULL, &err);

    test_case("the tiny model opens");
    CHECK_OK(model != NULL, err);
    if (!model) return;
    test_sums(model, NM_EVAL_BOS_MODEL, 7);
    test_sums(model, NM_EVAL_BOS_YES, 48);
    test_sums(model, NM_EVAL_BOS_NO, 1);
    nomul_model_close(model);
    nm_eval_item_free(&item);
    test_judge();
}
