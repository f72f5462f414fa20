/* SPDX-License-Identifier: Apache-2.0 */
/* What config.json must not say is among the wounds of test_convert.c. */
#include "test.h"

#include "convert/hf_config.h"

static nm_config parse(const char *text, nm_hf_ids *ids)
{
    nm_config   config = {.dim = 0};
    nomul_error err;

    CHECK_OK(nm_hf_config_parse(&config, ids, text, strlen(text), &err), err);
    return config;
}

static void test_defaults(void)
{
    nm_hf_ids ids;
    nm_config c = parse("{}", &ids);

    test_case("an empty config.json is the authors' defaults");
    CHECK_INT(c.vocab, 32000);
    CHECK_INT(c.dim, 2048);
    CHECK_INT(c.n_layers, 24);
    CHECK_INT(c.n_heads, 1);
    CHECK_INT(c.expand_ratio, 1);
    CHECK_INT(c.use_lower_bound, 1);
    CHECK_INT(c.n_ctx_train, 2048);
    CHECK_INT(c.ffn, 5632);
    CHECK(c.rms_norm_eps == 1e-6f);
    CHECK(ids.bos == -1 && ids.eos == -1);
    CHECK(ids.default_bos == 1 && ids.default_eos == 2);
}

static void test_ffn(void)
{
    static const struct {
        const char *text;
        uint32_t    ffn;
    } cases[] = {
        {"{\"hidden_size\": 1024, \"intermediate_size\": null}", 2816}, /* the published ones */
        {"{\"hidden_size\": 2048, \"intermediate_size\": null}", 5632},
        {"{\"hidden_size\": 2560, \"intermediate_size\": null}", 6912},
        {"{\"hidden_size\": 5120}", 13824},
        {"{\"hidden_size\": 96}", 256},
        {"{\"hidden_size\": 97}", 512}, /* int(258.67) */
        {"{\"hidden_size\": 1024, \"hidden_ratio\": 2.5}", 1792},
        {"{\"hidden_size\": 1024, \"hidden_ratio\": null}", 2816},
        {"{\"hidden_size\": 1, \"hidden_ratio\": 1.5}", 256},
        {"{\"hidden_size\": 1, \"hidden_ratio\": 385}", 256}, /* int(256.67) */
        {"{\"hidden_size\": 1048576, \"hidden_ratio\": 1.5}", 1048576},
        {"{\"intermediate_size\": 77, \"hidden_ratio\": 0}", 77},
    };
    nm_hf_ids   ids;
    nomul_error err;
    nm_config   config;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        test_case("intermediate_size of %s", cases[i].text);
        CHECK_INT(parse(cases[i].text, &ids).ffn, cases[i].ffn);
    }
#define FAILS(text, says)                                                                          \
    CHECK_FAILS(nm_hf_config_parse(&config, &ids, text, strlen(text), &err), err, says)
    test_case("a hidden_ratio that makes no size");
    FAILS("{\"hidden_ratio\": 0}",
          "hidden_ratio is 0: makes an intermediate_size of 0, expected 1 to 1048576");
    FAILS("{\"hidden_ratio\": -4}",
          "hidden_ratio is -4: makes an intermediate_size of -5462, expected 1 to 1048576");
    FAILS("{\"hidden_ratio\": 1e9}", "hidden_ratio is 1e+09: makes an intermediate_size of "
                                     "1365333333333, expected 1 to 1048576");
    FAILS("{\"intermediate_size\": 1.5}",
          "intermediate_size is 1.5, expected a whole number from 0 up");
    test_case("a state that is too wide, in config.json's own words");
    FAILS("{\"hidden_size\": 524288, \"expand_ratio\": 3, \"use_lower_bound\": false,"
          " \"intermediate_size\": 64}",
          "expand_ratio is 3, expected at most 2 for a hidden_size of 524288");
    test_case("a token id that is none");
    FAILS("{\"eos_token_id\": -1}", "eos_token_id is -1, expected a whole number from 0 up");
    FAILS("{\"eos_token_id\": 2147483648}",
          "eos_token_id is 2147483648, expected at most 2147483647");
    FAILS("{\"bos_token_id\": {}}", "bos_token_id is an object, expected a whole number from 0 up");
#undef FAILS
}

static void test_ids(void)
{
    nm_hf_ids ids;

    test_case("token ids: a number, a list, null");
    parse("{\"bos_token_id\": 7, \"eos_token_id\": [9, 10, 11]}", &ids);
    CHECK(ids.n_more == 2 && ids.more_eos[0] == 10 && ids.more_eos[1] == 11);
    CHECK(ids.bos == 7 && ids.eos == 9 && ids.default_bos == -1 && ids.default_eos == -1);
    parse("{\"bos_token_id\": null, \"eos_token_id\": null}", &ids);
    CHECK(ids.bos == -1 && ids.eos == -1 && ids.default_bos == -1 && ids.default_eos == -1);
}

static void test_unknown(void)
{
    nm_hf_ids ids;

    test_case("members of other uses are not read, whatever they are, escaped keys are");
    nm_config c =
        parse("{\"architectures\": [{\"hidden_size\": 3}], \"conv_size\": {}, \"x\": null,"
              " \"hidden_\\u0073ize\": 64, \"torch_dtype\": \"float16\"}",
              &ids);
    CHECK_INT(c.dim, 64);
}

void test_hf_config(void)
{
    test_defaults();
    test_ffn();
    test_ids();
    test_unknown();
}
