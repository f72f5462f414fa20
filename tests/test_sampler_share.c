/* SPDX-License-Identifier: Apache-2.0 */
/* Samplers in the scratch memory of another, with scalar code, sample what they would alone. */
#include "alloc.h"
#include "test.h"

#include "base/rng.h"
#include "tokens/sampler.h"

#define VOCAB 60
#define N_SAMPLERS 5

static nomul_error err;

/* Every sampler has other options: all ids, few, one, the likeliest. */
static nomul_sampler_options options_of(size_t index)
{
    static const nomul_logit_bias bias[] = {{3, 2.5f}, {4, -1.0f}};
    nomul_sampler_options         o;

    nomul_sampler_options_init(&o);
    o.seed = index;
    o.top_k = (int32_t)((index * 7) % 15); /* 0 7 14 6 13 */
    o.temp = index == 3 ? 0 : 1.5f;
    o.min_p = 0, o.top_p = 1;
    o.repeat_penalty = 1 + 0.2f * (float)index;
    o.repeat_last_n = (int32_t)(100 * index) - 1;
    if (index == 4) o.logit_bias = bias, o.n_logit_bias = 2;
    return o;
}

static void step(nomul_sampler *alone, nomul_sampler *shares, nm_rng *rng)
{
    float logits[VOCAB];

    for (int i = 0; i < VOCAB; i++) logits[i] = (float)(4 * nm_rng_double(rng));
    int32_t id = nomul_sampler_sample(alone, logits);
    CHECK_INT(nomul_sampler_next(shares, logits), id);
    nomul_sampler_accept(alone, id);
}

static void test_side_by_side(void)
{
    nomul_sampler        *alone[N_SAMPLERS], *shares[N_SAMPLERS], *host;
    nomul_sampler_options all;
    nm_rng                rng;

    test_case("samplers in turn, the host among them");
    nm_rng_init(&rng, 1);
    nomul_sampler_options_init(&all);
    all.top_k = 0;
    host = nomul_sampler_new(VOCAB, &all, &err);
    CHECK_OK(host != NULL, err);
    for (size_t i = 0; i < N_SAMPLERS; i++) {
        nomul_sampler_options o = options_of(i);
        alone[i] = nomul_sampler_new(VOCAB, &o, &err);
        shares[i] = nm_sampler_new(VOCAB, &o, host, nm_kernels_row(0)->floats, &err);
        CHECK_OK(alone[i] && shares[i], err);
        if (!shares[i]) return;
    }
    nomul_sampler *host_alone = nomul_sampler_new(VOCAB, &all, &err);
    for (int n = 0; n < 300; n++) {
        for (size_t i = 0; i < N_SAMPLERS; i++) step(alone[i], shares[i], &rng);
        step(host_alone, host, &rng);
    }
    for (size_t i = 0; i < N_SAMPLERS; i++) {
        nomul_sampler_free(alone[i]);
        nomul_sampler_free(shares[i]);
    }
    nomul_sampler_free(host_alone);
    nomul_sampler_free(host);
}

static size_t bytes_of_one(const nomul_sampler_options *o, const nomul_sampler *host)
{
    nomul_sampler *sampler = nm_sampler_new(VOCAB, o, host, nm_kernels_row(0)->floats, &err);

    CHECK_OK(sampler != NULL, err);
    size_t bytes = alloc_last_bytes();
    nomul_sampler_free(sampler);
    return bytes;
}

/* Scratch memory is 28 bytes for each id: logits, candidates twice, weights. */
static void test_memory(void)
{
    nomul_sampler_options o;

    test_case("a sampler with a host has no scratch memory of its own");
    nomul_sampler_options_init(&o);
    o.top_k = 0;
    nomul_sampler *host = nomul_sampler_new(VOCAB, &o, &err);
    CHECK(bytes_of_one(&o, host) + VOCAB * 28 <= bytes_of_one(&o, NULL));
    nomul_sampler_free(host);
}

static void test_refused(void)
{
    nomul_sampler_options o;

    test_case("options are checked with a host, too");
    nomul_sampler_options_init(&o);
    o.top_k = 0;
    nomul_sampler *host = nomul_sampler_new(VOCAB, &o, &err);
    o.top_p = 2;
    CHECK_FAILS(nm_sampler_new(VOCAB, &o, host, nm_kernels_row(0)->floats, &err), err,
                "top_p: is 2, expected 0 to 1");
    nomul_sampler_free(host);
}

void test_sampler_share(void)
{
    test_side_by_side();
    test_memory();
    test_refused();
}
