/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Agreement with the numpy reference: logits of three tiny models within 1e-4, the layers of the
 * trained one each within 1e-5 but for a few flips of a rounding, its logits within a small
 * divergence.  And the other half of exactness: one result for any threads, batches, pieces,
 * kernels and packings.
 */
#include "checkpoints.h"
#include "test.h"

#include "model/session.h"
#include "nomul_bench.h"

#include <math.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const tiny_models[] = {"plain", "odd", "wide-no-bound"};
#define N_TINY (sizeof tiny_models / sizeof tiny_models[0])

/* What a model makes of ids, fed in pieces of `piece`; freed by the caller. */
static float *run_all(const nomul_model *model, const int32_t *ids, size_t n_ids, size_t n_threads,
                      size_t n_batch, size_t piece)
{
    size_t         n_vocab = nomul_model_get_info(model)->n_vocab;
    float         *logits = malloc(n_ids * n_vocab * sizeof *logits);
    nomul_session *session = test_session(model, n_threads, n_batch);
    nomul_error    err;

    for (size_t at = 0; session && at < n_ids; at += piece) {
        size_t n = piece < n_ids - at ? piece : n_ids - at;
        CHECK_OK(nomul_session_feed(session, ids + at, n, NOMUL_LOGITS_ALL, logits + at * n_vocab,
                                    &err) == NOMUL_OK,
                 err);
    }
    nomul_session_free(session);
    return logits;
}

static double largest_difference(const float *a, const float *b, size_t n)
{
    double largest = 0;
    for (size_t i = 0; i < n; i++) {
        double difference = fabs((double)a[i] - (double)b[i]);
        if (!(difference <= largest)) largest = difference; /* a NaN counts */
    }
    return largest;
}

/* Every row of kernels, in both packings: the logits that the best one makes of t4. */
static void test_packings(const char *name, const int32_t *ids, size_t n_ids, const float *want,
                          size_t n_bytes, uint64_t model_id)
{
    static const char *const packs[] = {"t4", "1.6bit"};
    const char              *kernels;

    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; (kernels = nomul_kernels_name(k)) != NULL; k++) {
            test_case("%s: %s, packing %zu: the same bits", name, kernels, i);
            nomul_model *model = test_open_tiny_as(name, packs[i], kernels);
            if (!model) continue;
            CHECK_STR(nomul_model_get_info(model)->packing, i ? "t5" : "t4");
            CHECK(nomul_model_get_info(model)->model_id == model_id);
            for (size_t piece = 1; piece <= n_ids; piece += 4) {
                float *got = run_all(model, ids, n_ids, 2, 0, piece);
                CHECK_MEM(got, want, n_bytes, "a logit");
                free(got);
            }
            nomul_model_close(model);
        }
}

/* A model as large ones go: no steps of a token are joined, and thread 0 quantizes for all. */
static void test_as_large(const char *name, const nomul_model *model, const int32_t *ids,
                          size_t n_ids, const float *want, size_t n_bytes)
{
    nomul_session *session = test_session(model, 1, 1);
    const size_t   n_layers = session ? session->weights->config.n_layers : 0;

    for (size_t l = 0; l < n_layers; l++) {
        nm_bitlinear *b = &session->weights->layers[l].mlgru.i_proj;
        for (; b && b != &session->weights->output; b = (nm_bitlinear *)b->next)
            b->n_runs = 0, b->each_quantizes = false;
    }
    for (size_t n_threads = 2; n_threads <= 9; n_threads += n_threads < 4 ? 1 : 5) {
        test_case("%s: %zu threads, one by one, as a large model: the same bits", name, n_threads);
        float *got = run_all(model, ids, n_ids, n_threads, 1, 1);
        CHECK_MEM(got, want, n_bytes, "a logit");
        free(got);
    }
    nomul_session_free(session);
}

/* Matrices of two to five panels, of which two threads share one. */
static void test_panels(nm_packing_id packing)
{
    static const char    shape[] = "1,2180,100,9000";
    static const int32_t ids[] = {1, 8999, 17, 300};
    const size_t         n_ids = sizeof ids / sizeof *ids, n_bytes = n_ids * 9000 * sizeof(float);
    const char          *name = nm_packings[packing].name;
    nomul_error          err;
    size_t               size;
    void                *bytes = nomul_bench_synthesize(shape, name, NULL, NULL, &size, &err);
    nomul_model         *model = bytes ? nomul_model_open_memory(bytes, size, NULL, &err) : NULL;

    test_case("%s: a product of several panels", name);
    CHECK_OK(model, err);
    if (model) {
        float *want = run_all(model, ids, n_ids, 1, 0, n_ids);
        test_as_large(shape, model, ids, n_ids, want, n_bytes);
        free(want);
    }
    nomul_model_close(model);
    nomul_bench_free(bytes);
}

static void test_tiny(const char *name)
{
    char   path[256];
    size_t n_ids, n_logits;

    test_case("%s: every logit within 1e-4 of the reference", name);
    snprintf(path, sizeof path, "golden/%s/golden.safetensors", name);
    int32_t     *ids = test_read_tensor(test_path(path), "input_ids", &n_ids);
    float       *want = test_read_tensor(test_path(path), "logits", &n_logits);
    nomul_model *model = test_open_tiny(name);
    if (ids && want && model) {
        size_t n_bytes = n_logits * sizeof(float);
        float *got = run_all(model, ids, n_ids, 1, 0, n_ids);
        double worst = largest_difference(got, want, n_logits);
        CHECK_THAT(worst <= 1e-4, "largest difference %g", worst);
        /* Of nine, some have no step of the smallest products. */
        for (size_t n_threads = 1; n_threads <= 9; n_threads += n_threads < 4 ? 1 : 5) {
            test_case("%s: %zu threads, whole, in batches, in pieces: the same bits", name,
                      n_threads);
            for (size_t n_batch = 1; n_batch <= 13; n_batch += 3) {
                for (size_t piece = 1; piece <= n_ids; piece += 5) {
                    float *again = run_all(model, ids, n_ids, n_threads, n_batch, piece);
                    CHECK_MEM(again, got, n_bytes, "a logit");
                    free(again);
                }
            }
        }
        test_packings(name, ids, n_ids, got, n_bytes, nomul_model_get_info(model)->model_id);
        test_as_large(name, model, ids, n_ids, got, n_bytes);
        free(got);
    }
    nomul_model_close(model);
    free(ids), free(want);
}

static void test_fork(void)
{
    const int32_t ids[] = {1, 5, 9, 2};
    float         logits[4096], again[4096];
    nomul_error   err;
    int           status;

    test_case("a forked child computes the same bits, and frees its session");
    nomul_model *model = test_open_tiny("plain");
    if (!model) return;
    size_t         n_bytes = nomul_model_get_info(model)->n_vocab * sizeof *logits;
    nomul_session *session = test_session(model, 3, 0);
    CHECK(n_bytes <= sizeof logits);
    nomul_session_feed(session, ids, 4, NOMUL_LOGITS_LAST, logits, &err);
    fflush(NULL);
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        nomul_session_reset(session);
        nomul_session_feed(session, ids, 4, NOMUL_LOGITS_LAST, again, &err);
        nomul_session_free(session);
        _exit(memcmp(again, logits, n_bytes) != 0);
    }
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    CHECK_INT(WEXITSTATUS(status), 0);
    nomul_session_free(session);
    nomul_model_close(model);
}

static double norm_of_difference(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
    return sqrt(sum);
}

/* A model of this one layer, whose embedding is the rows of x, [n_tokens][dim]: id t is row t. */
static void run_layer(const nomul_session *whole, size_t layer, float *x, size_t n_tokens)
{
    const nm_weights *w = whole->weights;
    size_t            dim = w->config.dim;
    nm_weights        one = *w;
    nomul_error       err;
    int32_t           ids[8];

    nm_gguf_tensor embedding = {
        .type = NM_GGUF_F32, .data = (uint8_t *)x, .n_bytes = n_tokens * dim * sizeof *x};
    one.config.n_layers = 1;
    one.config.vocab = (uint32_t)n_tokens;
    one.layers = w->layers + layer;
    one.embedding = &embedding;
    nm_engine     *engine = nm_engine_new(&one, whole->engine->work.kernels, 2, n_tokens, &err);
    nomul_session *session = engine ? nm_session_new(engine, &err) : NULL;
    if (engine) nm_refs_drop(&engine->refs); /* the session has its own reference */
    CHECK_OK(session != NULL, err);
    if (!session) return;
    for (size_t t = 0; t < n_tokens; t++) ids[t] = (int32_t)t;
    nm_session_feed(session, ids, n_tokens, NOMUL_LOGITS_NONE, NULL);
    memcpy(x, engine->activations.x, n_tokens * dim * sizeof *x);
    nm_session_free(session);
}

/*
 * A value next to a tie falls to its other side when it is rounded to 8 bits: the reference in
 * binary32 is off by 1.5e-2 for such a token of the shipped model, and without rounding by 3e-2.
 */
static void check_layers(const nomul_session *session, const float *input, const float *output)
{
    const nm_config *c = &session->weights->config;
    size_t           n_tokens = 8, dim = c->dim, n_close = 0, n_pairs = n_tokens * c->n_layers;
    float           *x = malloc(n_tokens * dim * sizeof *x);
    double           worst = 0;

    for (size_t layer = 0; layer < c->n_layers; layer++) {
        memcpy(x, input + layer * n_tokens * dim, n_tokens * dim * sizeof *x);
        run_layer(session, layer, x, n_tokens);
        for (size_t t = 0; t < n_tokens; t++) {
            size_t at = (layer * n_tokens + t) * dim;
            double error = norm_of_difference(x + t * dim, output + at, dim) /
                           norm_of_difference(output + at, input + at, dim);
            if (!(error <= worst)) worst = error;
            if (error <= 1e-5) n_close++;
        }
    }
    CHECK_THAT(n_close * 100 >= n_pairs * 95, "%zu of %zu pairs within 1e-5", n_close, n_pairs);
    CHECK_THAT(worst <= 2e-2, "worst pair %g", worst);
    free(x);
}

static void test_layers(const nomul_model *model)
{
    size_t         n_input, n_output;
    const char    *path = test_path("golden/demo/layers.safetensors");
    float         *input = test_read_tensor(path, "input", &n_input);
    float         *output = test_read_tensor(path, "output", &n_output);
    nomul_session *session = test_session(model, 2, 16);

    if (input && output && session) {
        CHECK_INT(n_input, 20 * 8 * 512);
        check_layers(session, input, output);
    }
    nomul_session_free(session);
    free(input), free(output);
}

/* KL(softmax(p) || softmax(q)) in nats. */
static double divergence(const float *p, const float *q, size_t n)
{
    double max_p = p[0], max_q = q[0], sum_p = 0, sum_q = 0, kl = 0;

    for (size_t i = 1; i < n; i++) {
        if (p[i] > max_p) max_p = p[i];
        if (q[i] > max_q) max_q = q[i];
    }
    for (size_t i = 0; i < n; i++) sum_p += exp(p[i] - max_p), sum_q += exp(q[i] - max_q);
    for (size_t i = 0; i < n; i++) {
        double log_p = p[i] - max_p - log(sum_p), log_q = q[i] - max_q - log(sum_q);
        kl += exp(log_p) * (log_p - log_q);
    }
    return kl;
}

static void test_trained(const nomul_model *model)
{
    size_t      n_ids, n_logits;
    double      mean = 0, worst = 0;
    const char *path = test_path("golden/demo/golden.safetensors");
    int32_t    *ids = test_read_tensor(path, "input_ids", &n_ids);
    float      *want = test_read_tensor(path, "logits", &n_logits);

    if (ids && want) {
        size_t n_vocab = n_logits / n_ids;
        float *got = run_all(model, ids, n_ids, 2, 0, n_ids);
        for (size_t t = 0; t < n_ids; t++) {
            double kl = divergence(want + t * n_vocab, got + t * n_vocab, n_vocab);
            mean += kl / (double)n_ids;
            if (!(kl <= worst)) worst = kl;
        }
        CHECK_INT(n_ids, 24);
        CHECK_THAT(mean <= 3e-3 && worst <= 5e-2, "KL mean %g, max %g", mean, worst);
        for (size_t n_threads = 1; n_threads <= 4; n_threads++) {
            test_case("stories-77m: one by one, %zu threads: the same bits", n_threads);
            float *again = run_all(model, ids, n_ids, n_threads, 1, 1);
            CHECK_MEM(again, got, n_logits * sizeof *got, "a logit");
            free(again);
        }
        free(got);
    }
    free(ids), free(want);
}

void test_agreement(void)
{
    for (size_t i = 0; i < N_TINY; i++) test_tiny(tiny_models[i]);
    for (nm_packing_id p = 0; p < NM_PACKINGS; p++) test_panels(p);
    test_fork();

    test_case("stories-77m: each layer within 1e-5 of the reference, but for a few flips");
    nomul_model *model = test_open_stories("77m");
    if (!model) return;
    test_layers(model);
    test_case("stories-77m: mean and largest KL from the reference's logits");
    test_trained(model);
    nomul_model_close(model);
}
