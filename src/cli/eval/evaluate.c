/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A group holds the ids of all its contexts and choices in one list.  What a choice is scored with
 * begins with the last id of the context, which is therefore not fed with the context: the ids
 * c0 c1 c2 | d0 d1 of a context and a choice become the context c0 c1 and the scored c2 d0 d1.
 */
#include "cli/eval/evaluate.h"

#include <string.h>

#include "base/alloc.h"
#include "base/error.h"

const char *const nm_eval_metric_names[NM_EVAL_METRICS] = {"acc", "acc_norm", "acc_bytes"};

/* Tokens of a group, as a multiple of the engine's batch: less wastes ends of batches. */
#define GROUP_BATCHES 2

typedef struct sequence {
    size_t         at, n;   /* ids of the list */
    size_t         context; /* of a choice: which one it continues */
    nomul_session *session; /* NULL outside a run */
} sequence;

/* Growing arrays are buffers: their elements lie in `data`. */
#define AT(type, buffer) ((type *)(void *)(buffer).data)
#define COUNT(type, buffer) ((buffer).n_bytes / sizeof(type))

struct nm_eval_group {
    nomul_session         *session;
    const nomul_tokenizer *tokenizer;
    bool                   add_bos;
    nm_ids                 ids;
    nm_buffer              contexts, choices; /* of sequence */
    nm_buffer              results;           /* of nm_eval_result */
    nm_buffer              logprobs, calls;   /* of float; of what a call of the library takes */
};

/* Appends an element to a growing array. */
#define PUSH(buffer, element) nm_buffer_add(buffer, (const char *)(element), sizeof *(element), err)

/* ---- Results --------------------------------------------------------------------------------- */

void nm_eval_judge(nm_eval_result *r)
{
    for (size_t m = 0; m < r->n_metrics; m++) {
        size_t best = 0;
        double most = 0;

        for (size_t i = 0; i < r->n_choices; i++) {
            double by[NM_EVAL_METRICS] = {1, (double)r->choices[i].n_chars,
                                          (double)r->choices[i].n_bytes};
            double value = r->choices[i].logprob / by[m];

            if (i == 0 || value > most) most = value, best = i;
        }
        r->right[m] = best == r->gold;
    }
}

size_t nm_eval_group_size(const nm_eval_group *g)
{
    return COUNT(nm_eval_result, g->results);
}

const nm_eval_result *nm_eval_group_result(const nm_eval_group *g, size_t index)
{
    return &AT(nm_eval_result, g->results)[index];
}

/* ---- Groups ---------------------------------------------------------------------------------- */

nm_eval_group *nm_eval_group_new(nomul_session *session, nm_eval_bos bos, nomul_error *err)
{
    nm_eval_group         *g = nm_alloc(sizeof *g);
    const nomul_tokenizer *tokenizer = nomul_model_tokenizer(nomul_session_model(session));

    if (!g) return nm_fail_memory(err, sizeof *g), NULL;
    *g = (nm_eval_group){.session = session, .tokenizer = tokenizer};
    g->add_bos =
        bos == NM_EVAL_BOS_MODEL ? nomul_tokenizer_adds_bos(tokenizer) : bos == NM_EVAL_BOS_YES;
    return g;
}

static void free_sessions(nm_buffer *sequences)
{
    sequence *s = AT(sequence, *sequences);

    for (size_t i = 0; i < COUNT(sequence, *sequences); i++) {
        nomul_session_free(s[i].session);
        s[i].session = NULL;
    }
}

void nm_eval_group_clear(nm_eval_group *g)
{
    free_sessions(&g->contexts);
    free_sessions(&g->choices);
    g->ids.n = g->contexts.n_bytes = g->choices.n_bytes = g->results.n_bytes = 0;
}

void nm_eval_group_free(nm_eval_group *g)
{
    if (!g) return;
    nm_eval_group_clear(g);
    nm_ids_free(&g->ids);
    nm_buffer_free(&g->contexts);
    nm_buffer_free(&g->choices);
    nm_buffer_free(&g->results);
    nm_buffer_free(&g->logprobs);
    nm_buffer_free(&g->calls);
    nm_free(g);
}

/* ---- Splitting ------------------------------------------------------------------------------- */

/*
 * Appends the ids of a text, with BOS or not.  `more` continues it: both are tokenized as one text,
 * and only the ids after the first n_skip are kept.
 */
static bool add_ids(nm_eval_group *g, nm_span text, nm_span more, bool bos, size_t n_skip,
                    nomul_error *err)
{
    nm_buffer whole = {0};
    size_t    from = g->ids.n;
    bool      ok = nm_buffer_add(&whole, text.text, text.n_bytes, err) &&
              nm_buffer_add(&whole, more.text, more.n_bytes, err) &&
              (!bos || nm_ids_add(&g->ids, nomul_token_bos(g->tokenizer), err)) &&
              nm_prompt_tokenize(&g->ids, g->tokenizer, &whole, 0, err);

    nm_buffer_free(&whole);
    size_t n = ok ? g->ids.n - from : 0;
    if (n_skip > n) n_skip = n;
    if (n > 0)
        memmove(g->ids.at + from, g->ids.at + from + n_skip, (n - n_skip) * sizeof *g->ids.at);
    g->ids.n = from + n - n_skip;
    return ok;
}

static nm_span text_of(const nm_eval_item *item, nm_eval_part part)
{
    return (nm_span){item->bytes.data + part.at, part.n_bytes};
}

/* Adds the ids from s->at on to a list, of which there have to be at least so many. */
static bool add_sequence(const nm_eval_group *g, nm_buffer *to, sequence *s, size_t least,
                         const char *problem, nomul_error *err)
{
    s->n = g->ids.n - s->at;
    return s->n < least ? nm_fail(err, NOMUL_E_FORMAT, "%s", problem) : PUSH(to, s);
}

/*
 * A context is tokenized without the white space at its end, which goes with the continuation.  An
 * empty one is BOS alone; the continuation is then tokenized without BOS of its own.
 */
bool nm_eval_group_add(nm_eval_group *g, const nm_eval_item *item, bool *full, nomul_error *err)
{
    sequence       context = {0};
    nm_eval_result result = {.gold = item->gold,
                             .n_choices = item->n_choices,
                             .n_metrics = item->one_context ? NM_EVAL_METRICS : 1};

    for (size_t i = 0; i < item->n_choices; i++) {
        const nm_eval_choice *c = &item->choices[i];
        nm_span before = text_of(item, c->context), more = text_of(item, c->continuation);
        bool    empty = before.n_bytes == 0, bos = g->add_bos || empty;

        if (i == 0 || !item->one_context) {
            context.at = g->ids.n;
            if (bos && nomul_token_bos(g->tokenizer) < 0)
                return nm_fail(err, NOMUL_E_UNSUPPORTED,
                               "the model has no BOS to begin a context with");
            if (!add_ids(g, nm_pystr_rstrip(before), (nm_span){"", 0}, bos, 0, err) ||
                !add_sequence(g, &g->contexts, &context, 1, "a context has no token", err))
                return false;
        }
        /* The last id of the context, and the ids of both that come after the context's. */
        sequence s = {.at = g->ids.n, .context = COUNT(sequence, g->contexts) - 1};
        if (!nm_ids_add(&g->ids, g->ids.at[context.at + context.n - 1], err) ||
            !add_ids(g, before, more, g->add_bos && !empty, empty ? 0 : context.n, err) ||
            !add_sequence(g, &g->choices, &s, 2, "a choice adds no token to its context", err))
            return false;
        result.choices[i].n_tokens = s.n - 1;
        result.choices[i].n_chars = c->n_chars;
        result.choices[i].n_bytes = c->n_bytes;
    }
    *full = g->ids.n >= GROUP_BATCHES * nomul_session_n_batch(g->session);
    return PUSH(&g->results, &result);
}

/* ---- Computing ------------------------------------------------------------------------------- */

/* Scores all choices together, then sums up and judges. */
static bool score_choices(nm_eval_group *g, uint64_t *n_tokens, nomul_error *err)
{
    sequence       *s = AT(sequence, g->choices);
    nm_eval_result *r = AT(nm_eval_result, g->results);
    size_t          n = COUNT(sequence, g->choices), n_scores = 0;

    /* Room for all first: the calls point into it. */
    for (size_t i = 0; i < n; i++) n_scores += s[i].n - 1;
    g->calls.n_bytes = g->logprobs.n_bytes = 0;
    for (size_t i = 0; i < n_scores; i++)
        if (!PUSH(&g->logprobs, &(float){0})) return false;
    float *logprob = AT(float, g->logprobs);
    for (size_t i = 0; i < n; logprob += s[i++].n - 1) {
        nomul_score score = {s[i].session, g->ids.at + s[i].at, s[i].n, logprob};

        if (!PUSH(&g->calls, &score)) return false;
    }
    *n_tokens += n_scores;
    if (nomul_session_score_many(AT(nomul_score, g->calls), n, err) != NOMUL_OK) return false;
    /* Choices lie in the order of the items, and their tokens too; sums are binary64. */
    logprob = AT(float, g->logprobs);
    for (size_t i = 0; i < COUNT(nm_eval_result, g->results); i++) {
        for (size_t c = 0; c < r[i].n_choices; c++)
            for (size_t t = 0; t < r[i].choices[c].n_tokens; t++)
                r[i].choices[c].logprob += (double)*logprob++;
        nm_eval_judge(&r[i]);
    }
    return true;
}

bool nm_eval_group_run(nm_eval_group *g, uint64_t *n_tokens, nomul_error *err)
{
    sequence *contexts = AT(sequence, g->contexts), *choices = AT(sequence, g->choices);
    size_t    n = COUNT(sequence, g->contexts);
    bool      ok = true;

    for (size_t i = 0; ok && i < n; i++)
        ok = (contexts[i].session = nomul_session_share(g->session, err)) != NULL;

    /* 1. Contexts up to their last id. */
    g->calls.n_bytes = 0;
    for (size_t i = 0; ok && i < n; i++) {
        sequence  *c = &contexts[i];
        nomul_feed feed = {c->session, g->ids.at + c->at, c->n - 1, false};

        ok = PUSH(&g->calls, &feed);
    }
    ok = ok && nomul_session_feed_many(AT(nomul_feed, g->calls), n, NULL, err) == NOMUL_OK;
    for (size_t i = 0; i < n; i++) *n_tokens += nomul_session_n_tokens(contexts[i].session);

    /* 2. A copy of the state for each choice. */
    for (size_t i = 0; ok && i < COUNT(sequence, g->choices); i++)
        ok = (choices[i].session = nomul_session_clone(contexts[choices[i].context].session, err));
    free_sessions(&g->contexts);

    /* 3. The choices. */
    ok = ok && score_choices(g, n_tokens, err);
    free_sessions(&g->choices);
    return ok;
}
