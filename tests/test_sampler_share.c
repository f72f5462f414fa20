/* SPDX-License-Identifier: Apache-2.0 */
/* Samplers that draw in another's memory draw what they would on their own. */
#include "test.h"

#include "base/rng.h"
#include "tokens/sampler.h"

#define VOCAB 60
#define N_TEXTS 5

static nomul_error err;

/* Every text has other settings: all ids, few, one, the likeliest. */
static nomul_sampler_options options_of(size_t text)
{
    static const nomul_logit_bias bias[] = {{3, 2.5f}, {4, -1.0f}};
    nomul_sampler_options         o;

    nomul_sampler_options_init(&o);
    o.seed = text;
    o.top_k = (int32_t)((text * 7) % 15); /* 0 7 14 6 13 */
    o.temp = text == 3 ? 0 : 1.5f;
    o.min_p = 0, o.top_p = 1;
    o.repeat_penalty = 1 + 0.2f * (float)text;
    o.repeat_last_n = (int32_t)(100 * text) - 1;
    if (text == 4) o.logit_bias = bias, o.n_logit_bias = 2;
    return o;
}

static void step(nomul_sampler *alone, nomul_sampler *shares, nm_rng *rng)
{
    float logits[VOCAB];

    for (int i = 0; i < VOCAB; i++) logits[i] = (float)(4 * nm_rng_double(rng));
    int32_t id = nomul_sampler_sample(alone, logits);
    CHECK_INT(nomul_sampler_sample(shares, logits), id);
    nomul_sampler_accept(alone, id);
    nomul_sampler_accept(shares, id);
}

static void test_side_by_side(void)
{
    nomul_sampler *alone[N_TEXTS], *shares[N_TEXTS];
    nm_rng         rng;

    test_case("texts side by side, the host among them");
    nm_rng_init(&rng, 1);
    for (size_t i = 0; i < N_TEXTS; i++) {
        nomul_sampler_options o = options_of(i);
        alone[i] = nomul_sampler_new(VOCAB, &o, &err);
        shares[i] = i == 0 ? nomul_sampler_new(VOCAB, &o, &err)
                           : nomul_sampler_share(shares[0], &o, &err);
        CHECK_OK(alone[i] && shares[i], err);
        if (!shares[i]) return;
    }
    for (int n = 0; n < 300; n++)
        for (size_t i = 0; i < N_TEXTS; i++) step(alone[i], shares[i], &rng);
    for (size_t i = N_TEXTS; i-- > 0;) {
        nomul_sampler_free(alone[i]);
        nomul_sampler_free(shares[i]);
    }
}

static void test_refused(void)
{
    nomul_sampler_options o;

    test_case("what does not fit");
    nomul_sampler_options_init(&o);
    CHECK_FAILS(nomul_sampler_share(NULL, &o, &err), err, "nomul_sampler_share: host is NULL");
    o.top_k = 10;
    nomul_sampler *host = nomul_sampler_new(VOCAB, &o, &err);
    o.top_k = 11;
    CHECK_FAILS(nomul_sampler_share(host, &o, &err), err,
                "top_k: keeps 11 ids, the host of this sampler 10");
    o.top_k = 0;
    CHECK_FAILS(nomul_sampler_share(host, &o, &err), err,
                "top_k: keeps 60 ids, the host of this sampler 10");
    o.top_k = 10, o.top_p = 2;
    CHECK_FAILS(nomul_sampler_share(host, &o, &err), err, "top_p: is 2, expected 0 to 1");
    nomul_sampler_free(host);
}

void test_sampler_share(void)
{
    test_side_by_side();
    test_refused();
}
