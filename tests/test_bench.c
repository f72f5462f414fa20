/* SPDX-License-Identifier: Apache-2.0 */
/* The bench room: synthetic models are valid files; what a token reads is counted right. */
#include "alloc.h"
#include "test.h"

#include "base/xxh64.h"
#include "bench/bench.h"
#include "nomul_bench.h"

/* All of it is checked but the identity, which comes last: a synthetic model has none. */
static nomul_model *open_synthetic(const char *packing, void **bytes)
{
    static const char   says[] = "key hgrn_bit.model_id: is 0000000000000000, expected ";
    nomul_model_options o;
    nomul_error         err = {NOMUL_OK, ""};
    size_t              n_bytes = 0;

    *bytes = nomul_bench_synthesize("tiny", packing, NULL, NULL, &n_bytes, &err);
    CHECK_THAT(*bytes, "%s", err.text);
    if (!*bytes) return NULL;
    nomul_model_options_init(&o);
    o.check_tensors = true;
    nomul_model *model = nomul_model_open_memory(*bytes, n_bytes, &o, &err);
    CHECK_THAT(!model && strncmp(err.text, says, sizeof says - 1) == 0, "%s", err.text);
    o.check_tensors = false;
    model = nomul_model_open_memory(*bytes, n_bytes, &o, &err);
    CHECK_THAT(model, "%s", err.text);
    return model;
}

/* What a progress was told, and the last of it that it lets pass. */
typedef struct steps {
    uint64_t done, total, largest, n, until;
} steps;

static bool count_step(void *context, uint64_t done, uint64_t total)
{
    steps *s = context;

    if (done - s->done > s->largest) s->largest = done - s->done;
    s->done = done, s->total = total, s->n++;
    return done <= s->until;
}

/* A matrix of a model of 100 billion parameters takes seconds, and so does its embedding. */
static void test_progress(void)
{
    static const char shape[] = "2,224,160,500";
    nomul_error       err;
    size_t            n_bytes;
    steps             s = {.until = UINT64_MAX}, stopped = {.until = 0};

    test_case("random weights are made a few rows at a time, random floats 4096 bytes");
    void *bytes = nomul_bench_synthesize(shape, "t4", count_step, &s, &n_bytes, &err);
    CHECK_THAT(bytes, "%s", err.text);
    nomul_bench_free(bytes);
    CHECK_INT(s.done, s.total);
    CHECK_INT(s.largest, 128 * 224);
    CHECK(s.n > 500 * 224 * 2 / 4096);
    test_case("and each can be the last of it");
    CHECK_FAILS(nomul_bench_synthesize(shape, "t4", count_step, &stopped, &n_bytes, &err), err,
                "cancelled");
    CHECK_INT(stopped.done, 128 * 224);
}

/* By the names of the stored tensors: the ternary ones, the gains, one row of the embedding. */
static uint64_t count_weight_bytes(const nomul_model *model)
{
    nomul_tensor t = {.size = sizeof t};
    uint64_t     sum = 0;

    for (size_t i = 0; nomul_model_tensor(model, i, &t, NULL); i++) {
        if (t.n_name == 12 && memcmp(t.name, "lower_bounds", 12) == 0) continue;
        sum += t.n_dims == 2 ? t.n_bytes / t.dims[1] : t.n_bytes;
    }
    return sum;
}

/* Returns the hash of its logits, 0 without a session. */
static uint64_t check_model(const char *packing)
{
    void          *bytes;
    nomul_model   *model = open_synthetic(packing, &bytes);
    nomul_error    err;
    float          logits[300];
    const int32_t  ids[3] = {1, 299, 7};
    double         sum = 0;
    nomul_session *session = model ? nomul_session_new(model, NULL, &err) : NULL;

    if (!session) return 0;
    CHECK_STR(nomul_model_get_info(model)->packing, packing);
    CHECK_INT(nomul_session_feed(session, ids, 3, NOMUL_LOGITS_LAST, logits, &err), NOMUL_OK);
    for (size_t i = 0; i < 300; i++) sum += (double)logits[i] * (double)logits[i];
    CHECK_THAT(sum / 300 > 0.2 && sum / 300 < 5, "logits' mean square is %g", sum / 300);
    CHECK_INT(nomul_bench_weight_bytes(session), count_weight_bytes(model));
    uint64_t n_read = nomul_bench_read(session),
             ternary = nomul_model_get_info(model)->ternary_bytes;
    CHECK_THAT(n_read >= ternary && n_read < ternary + 65536, "%llu bytes read of %llu",
               (unsigned long long)n_read, (unsigned long long)ternary);
    uint64_t hash = nomul_bench_hash(session, logits);
    nomul_session_free(session);
    nomul_model_close(model);
    nomul_bench_free(bytes);
    return hash;
}

/* A change of these hashes belongs into the CHANGELOG: it changes every logits_hash of a shape. */
static void check_bytes(const char *packing, size_t want_bytes, uint64_t want_hash)
{
    nomul_error err;
    size_t      n_bytes = 0;
    void       *bytes = nomul_bench_synthesize("tiny", packing, NULL, NULL, &n_bytes, &err);

    CHECK_INT(n_bytes, want_bytes);
    CHECK_THAT(bytes && nm_xxh64_of(bytes, n_bytes) == want_hash, "%s: other bytes", packing);
    nomul_bench_free(bytes);
}

/* ---- Shapes of any size ---- */

static void check_shape(const char *shape, const char *words)
{
    nomul_session_options o;
    nomul_error           err = {NOMUL_OK, ""};

    nomul_session_options_init(&o);
    CHECK_INT(nomul_bench_memory(shape, "t4", &o, 1, &err), 0);
    CHECK_THAT(strstr(err.text, words), "%s: %s", shape, err.text);
    CHECK(!nomul_bench_is_shape(shape, NULL) && nomul_bench_is_shape("1,2,3,4", NULL));
}

/* What a shape needs is what it gets: the bytes of its file, its engine, states and logits. */
static void check_need(const char *shape, const char *packing)
{
    nomul_session_options o;
    nomul_model_options   model_options;
    nomul_error           err = {NOMUL_OK, ""};
    size_t                n_bytes = 0;
    void *bytes = nomul_bench_synthesize(shape, packing, NULL, NULL, &n_bytes, &err);

    nomul_session_options_init(&o);
    nomul_model_options_init(&model_options);
    o.n_threads = 2, o.n_batch = 300;
    nomul_model *model = nomul_model_open_memory(bytes, n_bytes, &model_options, &err);
    CHECK_THAT(model, "%s", err.text);
    if (model) {
        size_t texts = 4 * ((size_t)nomul_model_get_info(model)->n_vocab * 4) +
                       3 * (nm_session_bytes(&(nm_weights){
                               .config = {.n_layers = nomul_model_get_info(model)->n_layers,
                                          .dim = nomul_model_get_info(model)->dim,
                                          .expand_ratio = 1}}));
        CHECK_INT(nomul_bench_memory(shape, packing, &o, 4, &err),
                  n_bytes + nomul_session_memory(model, &o) + texts);
    }
    nomul_model_close(model);
    nomul_bench_free(bytes);
}

static void test_shapes(void)
{
    nomul_session_options o;
    nomul_error           err = {NOMUL_OK, ""};

    test_case("a shape of four numbers");
    check_shape("", "shape : expected 370m");
    check_shape("1,2,3", "expected 370m");
    check_shape("1,2,3,", "expected 370m");
    check_shape("1,2,3,4,5", "expected 370m");
    check_shape("1,,3,4", "expected 370m");
    check_shape("1,2,3,-4", "expected 370m");
    check_shape("0,8,8,8", "hgrn_bit.block_count: is 0, expected 1 to 4096");
    check_shape("1,99999999999999999999,8,8", ": 99999999999999999999 is too large");
    check_shape("1,999999999,8,8", "hgrn_bit.embedding_length: is 999999999, expected");
    check_need("2,250,383,300", "t4");
    check_need("1,65,7,9", "t5");
    check_need("tiny", "t5");
    test_case("100b: 100.3 * 10^9 parameters in 20.7 GB with 1.6 bits");
    nomul_session_options_init(&o);
    o.n_threads = o.n_batch = 1;
    uint64_t need = nomul_bench_memory("100b", "t5", &o, 1, &err);
    CHECK_THAT(need > 20650000000 && need < 20850000000, "%llu bytes", (unsigned long long)need);
    uint64_t nameless = nomul_bench_memory("79,10240,27392,32000", "t5", &o, 1, &err);
    CHECK_THAT(need - nameless <= 64, "a name takes %llu bytes",
               (unsigned long long)(need - nameless));
    CHECK(nomul_bench_memory("64,65536,65536,32000", "t4", &o, 1, &err) > (uint64_t)4e11);
}

/* ---- The hash of logits ---- */

static uint64_t hash_of(const char *path, const char *kernels, size_t n_threads)
{
    nomul_model_options   options;
    nomul_session_options o;
    nomul_error           err = {NOMUL_OK, ""};
    float                 logits[2400], again[2400];
    const int32_t         ids[2] = {5, 6};
    uint64_t              hash = 0;

    nomul_model_options_init(&options);
    nomul_session_options_init(&o);
    options.kernels = kernels, o.n_threads = n_threads;
    nomul_model   *model = nomul_model_open(test_path(path), &options, &err);
    nomul_session *session = model ? nomul_session_new(model, &o, &err) : NULL;
    CHECK_THAT(session && nomul_model_get_info(model)->n_vocab <= 2400, "%s", err.text);
    if (session) {
        size_t n_bytes = nomul_model_get_info(model)->n_vocab * sizeof *logits;
        CHECK_INT(nomul_session_feed(session, ids, 2, NOMUL_LOGITS_LAST, again, &err), NOMUL_OK);
        hash = nomul_bench_hash(session, logits);
        CHECK_INT(nomul_session_feed(session, ids, 2, NOMUL_LOGITS_LAST, logits, &err), NOMUL_OK);
        CHECK_MEM(logits, again, n_bytes, "logits after the hash");
    }
    nomul_session_free(session);
    nomul_model_close(model);
    return hash;
}

static void test_hash(void)
{
    test_case("the hash of logits depends on the model alone, and leaves the session reset");
    uint64_t hash = hash_of("golden/small.gguf", "scalar", 1);
    CHECK(hash_of("golden/small.gguf", NULL, 1) == hash);
    CHECK(hash_of("golden/small.gguf", NULL, 2) == hash);
    CHECK(hash_of("golden/small-t5.gguf", NULL, 1) == hash);
    CHECK(hash_of("../models/tiny.gguf", NULL, 1) != hash);
}

/* ---- The self-test finds what is wrong ---- */

static const nm_kernels *scalar, *best;

static void wrong_tile(int32_t *y, const uint8_t *codes, const uint8_t *tables, size_t n_triples,
                       const uint8_t *ahead)
{
    best->ternary[NM_T5].add_tile(y, codes, tables, n_triples, ahead);
    if (n_triples == 15) y[127]++; /* 211 to 225 columns are the first to have so many */
}

static void wrong_many_tile(const nm_many_tile *tile)
{
    best->ternary[NM_T4].many->add_tile(tile);
    if (tile->n_triples == 1) tile->y[0]--;
}

static void wrong_glu(float *y, const float *a, const float *b, size_t n)
{
    scalar->floats->glu(y, a, b, n);
    if (n == 70) y[69] = -y[69];
}

static void check_wrong(const nm_ternary_ops *ternary, const nm_float_ops *floats,
                        const char *words)
{
    nm_kernels  wrong = {.name = "wrong", .ternary = ternary, .floats = floats};
    nomul_error err = {NOMUL_OK, ""};
    uint64_t    n = 0;

    CHECK(!nm_selftest(&wrong, scalar, 8, &n, &err));
    CHECK_THAT(strncmp(err.text, words, strlen(words)) == 0, "said: %s", err.text);
}

static void test_selftest(void)
{
    nm_ternary_ops ternary[NM_PACKINGS];
    nm_float_ops   floats;
    nomul_error    err = {NOMUL_OK, ""};
    uint64_t       n = 0;

    scalar = nm_kernels_row(0);
    test_case("kernels that are right pass");
    CHECK_OK(nm_kernels_choose(&best, NULL, &err), err);
    CHECK_OK(nm_selftest(best, scalar, (size_t)test_trials(0, 100), &n, &err), err);
    CHECK(n > 100000);
    test_case("one wrong result is found and named");
    memcpy(ternary, best->ternary, sizeof ternary);
    ternary[NM_T5].add_tile = wrong_tile;
    check_wrong(ternary, scalar->floats, "kernels wrong: gemv of t5, 1 rows, 211 columns, token 0");
    memcpy(ternary, best->ternary, sizeof ternary);
    nm_many_ops many = *best->ternary[NM_T4].many;
    many.add_tile = wrong_many_tile;
    ternary[NM_T4].many = &many;
    check_wrong(ternary, scalar->floats,
                "kernels wrong: gemm of t4, 1 rows, 1 columns, token 0 of 2, row 0: ");
    floats = *scalar->floats;
    floats.glu = wrong_glu;
    check_wrong(best->ternary, &floats, "kernels wrong: glu of 70: element 69 differs");
}

/* ---- Profile and speeds ---- */

static void test_profile(void)
{
    void        *bytes;
    nomul_model *model = open_synthetic("t4", &bytes);
    nomul_error  err = {NOMUL_OK, ""};
    double       seconds[NOMUL_BENCH_PHASES], all = 0;
    float        logits[300], again[300];

    test_case("a profile changes nothing and has every phase of a token");
    nomul_session *session = model ? nomul_session_new(model, NULL, &err) : NULL;
    if (!session) return;
    const int32_t ids[2] = {5, 6};
    CHECK_INT(nomul_bench_profile(session, ids, 2, logits, seconds, &err), NOMUL_OK);
    for (size_t i = 0; i < NOMUL_BENCH_PHASES; i++) {
        CHECK_THAT((seconds[i] > 0) == (strcmp(nomul_bench_phase(i), "ternary gemm") != 0),
                   "%s: %g", nomul_bench_phase(i), seconds[i]);
        all += seconds[i];
    }
    CHECK(all > 0 && !nomul_bench_phase(NOMUL_BENCH_PHASES));
    nomul_session_reset(session);
    CHECK_INT(nomul_session_feed(session, ids, 2, NOMUL_LOGITS_LAST, again, &err), NOMUL_OK);
    CHECK_MEM(again, logits, sizeof logits, "logits");
    test_case("a profile is cancelled between two tokens");
    nomul_cancel          request = {1};
    nomul_session_options o;
    nomul_session_free(session);
    nomul_session_options_init(&o);
    o.cancel = &request;
    session = nomul_session_new(model, &o, &err);
    CHECK_INT(nomul_bench_profile(session, ids, 2, logits, seconds, &err), NOMUL_E_CANCELLED);
    CHECK_INT(nomul_session_n_tokens(session), 0);
    nomul_session_free(session);
    nomul_model_close(model);
    nomul_bench_free(bytes);
}

static void test_signal(void)
{
    void                 *bytes;
    nomul_model          *model = open_synthetic("t4", &bytes);
    nomul_session_options o;
    nomul_error           err = {NOMUL_OK, ""};

    test_case("a signal between threads takes time, but not long; alone there is none");
    for (size_t n = 1; model && n <= 3; n++) {
        nomul_session_options_init(&o);
        o.n_threads = n;
        nomul_session *session = nomul_session_new(model, &o, &err);
        CHECK_THAT(session, "%s", err.text);
        if (!session || nomul_session_n_threads(session) != n) continue;
        double seconds = nomul_bench_signal(session);
        CHECK_THAT(seconds == 0 || (n > 1 && seconds > 1e-9 && seconds < 0.05 / 16),
                   "%zu threads: %g s", n, seconds);
        nomul_session_free(session);
    }
    nomul_model_close(model);
    nomul_bench_free(bytes);
}

static bool take_one(void *context, const nomul_bench_speed *speed)
{
    *(nomul_bench_speed *)context = *speed;
    return false;
}

static void test_speeds(void)
{
    nomul_bench_speed speed = {.kernels = ""};
    nomul_error       err = {NOMUL_OK, ""};

    test_case("speeds are reported, and stop when told");
    CHECK_INT(nomul_bench_speeds(0, true, take_one, &speed, &err), NOMUL_E_CANCELLED);
    CHECK_STR(speed.kernels, "scalar");
    CHECK_STR(speed.op, "rmsnorm");
    CHECK_THAT(speed.per_cycle > 1e-4 && speed.per_cycle < 64, "%g a cycle", speed.per_cycle);
}

static void test_sampling(void)
{
    static const float logits[300] = {0, 1, 2};
    void              *bytes;
    nomul_model       *model = open_synthetic("t4", &bytes);
    nomul_error        err;
    nomul_session     *session = model ? nomul_session_new(model, NULL, &err) : NULL;
    size_t             n = 0;

    test_case("choosing an id takes a time; without memory, none");
    for (; session && nomul_bench_sampling_name(n); n++) {
        double seconds = nomul_bench_sampling(session, n, logits, &err);
        CHECK_THAT(seconds > 0 && seconds < 0.1, "%s: %g s", nomul_bench_sampling_name(n), seconds);
    }
    CHECK_INT(n, 5);
    for (size_t call = 1; session && call <= 2; call++) {
        alloc_fail_at(call);
        CHECK(nomul_bench_sampling(session, 2, logits, &err) == 0);
        alloc_fail_at(0);
        CHECK_INT(err.code, NOMUL_E_MEMORY);
    }
    nomul_session_free(session);
    nomul_model_close(model);
    nomul_bench_free(bytes);
}

void test_bench(void)
{
    nomul_error err;
    size_t      n_bytes;

    test_case("a synthetic model is valid to the last code, and computes");
    CHECK(check_model("t4") == check_model("t5")); /* the same trits */
    test_case("a synthetic model is the same bytes on every machine");
    check_bytes("t4", 477248, 0xda6be87fd78c2823);
    check_bytes("t5", 439104, 0xfba34aaed52fd363);
    test_case("names that are none");
    CHECK_FAILS(
        nomul_bench_synthesize("7b", "t4", NULL, NULL, &n_bytes, &err), err,
        "shape 7b: expected 370m, 1.3b, 2.7b, 13b, 100b or layers,width,feed-forward,vocabulary");
    CHECK_FAILS(nomul_bench_synthesize("370m", "t6", NULL, NULL, &n_bytes, &err), err,
                "packing t6: unknown, expected t4 or t5");
    CHECK_STR(nomul_bench_shape(0), "tiny");
    CHECK_STR(nomul_bench_shape(4), "13b");
    CHECK_STR(nomul_bench_shape(5), "100b");
    CHECK(!nomul_bench_shape(6));
    test_progress();
    test_shapes();
    test_selftest();
    test_hash();
    test_profile();
    test_signal();
    test_speeds();
    test_sampling();
}
