/* SPDX-License-Identifier: Apache-2.0 */
/* The bench room: synthetic models are valid files; what a token reads is counted right. */
#include "test.h"

#include "nomul_bench.h"

static nomul_model *open_synthetic(const char *packing, void **bytes)
{
    nomul_model_options o;
    nomul_error         err = {NOMUL_OK, ""};
    size_t              n_bytes = 0;

    *bytes = nomul_bench_synthesize("tiny", packing, &n_bytes, &err);
    CHECK_THAT(*bytes, "%s", err.text);
    if (!*bytes) return NULL;
    nomul_model_options_init(&o);
    o.check_tensors = true;
    nomul_model *model = nomul_model_open_memory(*bytes, n_bytes, &o, &err);
    CHECK_THAT(model, "%s", err.text);
    return model;
}

/* By the names of the stored tensors: the ternary ones, the gains, one row of the embedding. */
static uint64_t count_weight_bytes(const nomul_model *model)
{
    nomul_tensor t;
    uint64_t     sum = 0;

    for (size_t i = 0; nomul_model_tensor(model, i, &t); i++) {
        if (t.n_name == 12 && memcmp(t.name, "lower_bounds", 12) == 0) continue;
        sum += t.n_dims == 2 ? t.n_bytes / t.dims[1] : t.n_bytes;
    }
    return sum;
}

static void check_model(const char *packing)
{
    void          *bytes;
    nomul_model   *model = open_synthetic(packing, &bytes);
    nomul_error    err;
    float          logits[300];
    const int32_t  ids[3] = {1, 299, 7};
    double         sum = 0;
    nomul_session *session = model ? nomul_session_new(model, NULL, &err) : NULL;

    if (!session) return;
    CHECK_STR(nomul_model_get_info(model)->packing, packing);
    CHECK_INT(nomul_session_feed(session, ids, 3, NOMUL_LOGITS_LAST, logits, &err), NOMUL_OK);
    for (size_t i = 0; i < 300; i++) sum += (double)logits[i] * (double)logits[i];
    CHECK_THAT(sum / 300 > 0.2 && sum / 300 < 5, "logits' mean square is %g", sum / 300);
    CHECK_INT(nomul_bench_weight_bytes(session), count_weight_bytes(model));
    uint64_t n_read = nomul_bench_read(session),
             ternary = nomul_model_get_info(model)->ternary_bytes;
    CHECK_THAT(n_read >= ternary && n_read < ternary + 65536, "%llu bytes read of %llu",
               (unsigned long long)n_read, (unsigned long long)ternary);
    nomul_session_free(session);
    nomul_model_close(model);
    nomul_bench_free(bytes);
}

void test_bench(void)
{
    nomul_error err;
    size_t      n_bytes;

    test_case("a synthetic model is valid to the last code, and computes");
    check_model("t4");
    check_model("t5");
    test_case("names that are none");
    CHECK_FAILS(nomul_bench_synthesize("7b", "t4", &n_bytes, &err), err,
                "shape 7b: not one of those published");
    CHECK_FAILS(nomul_bench_synthesize("370m", "t6", &n_bytes, &err), err,
                "packing t6: not one of nomul's");
    CHECK_STR(nomul_bench_shape(0), "tiny");
    CHECK_STR(nomul_bench_shape(4), "13b");
    CHECK(!nomul_bench_shape(5));
}
