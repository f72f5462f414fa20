/* SPDX-License-Identifier: Apache-2.0 */
/* generation_config.json, by itself and through a conversion. */
#include "test.h"

#include "convert/hf_sampling.h"
#include "hf_directory.h"

static nomul_error err;

static bool read(const hf_directory *d, const char *text, nomul_sampler_options *o, uint64_t *rows)
{
    hf_directory_write(d, "generation_config.json", text);
    nomul_sampler_options_init(o);
    return nm_hf_sampling_read(d->path, o, rows, &err);
}

static void test_values(const hf_directory *d)
{
    nomul_sampler_options o;
    uint64_t              rows = 1;

    test_case("no file recommends nothing");
    CHECK_OK(nm_hf_sampling_read(d->path, &o, &rows, &err), err);
    CHECK_INT(rows, 0);

    test_case("what it says is taken, among keys that nobody reads");
    CHECK_OK(read(d,
                  "{\"temperature\": 0.6, \"top_k\": 20, \"repetition_penalty\": 1.25,"
                  " \"eos_token_id\": [1, 2], \"do_sample\": true, \"top_p\": null}",
                  &o, &rows),
             err);
    CHECK(o.temp == 0.6f && o.top_k == 20 && o.repeat_penalty == 1.25f && o.top_p == 0.95f);
    CHECK_INT(__builtin_popcountll(rows), 3);

    test_case("a greedy model recommends no sampling");
    CHECK_OK(read(d, "{\"do_sample\": false, \"temperature\": 0.6}", &o, &rows), err);
    CHECK_INT(rows, 0);
}

static void test_refused(const hf_directory *d)
{
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"{\"temperature\": -1}", "@/generation_config.json: temperature: is -1, expected a number "
                                  "of at least 0"},
        {"{\"top_k\": 1.5}", "@/generation_config.json: top_k: is 1.5, expected 0 to 1000000000"},
        {"{\"min_p\": \"a\"}", "@/generation_config.json: min_p is a string, expected a number"},
        {"{\"do_sample\": 1}", "@/generation_config.json: do_sample is 1, expected true or false"},
    };
    nomul_sampler_options o;
    uint64_t              rows;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        test_case("must fail: %s", cases[i].says);
        CHECK_FAILS(read(d, cases[i].text, &o, &rows), err, hf_with_path(d, cases[i].says));
    }
}

static void test_convert_keeps(hf_directory *d)
{
    nomul_convert_options options;
    nomul_sampler_options o;

    test_case("a converted model recommends it");
    hf_directory_save_single(d, "F32");
    hf_directory_write(d, "generation_config.json", "{\"min_p\": 0.25}");
    nomul_convert_options_init(&options);
    options.no_tokenizer = true;
    CHECK_OK(nomul_convert(d->path, hf_directory_path(d, "out.gguf"), &options, &err) == NOMUL_OK,
             err);
    nomul_model *model = nomul_model_open(hf_directory_path(d, "out.gguf"), NULL, &err);
    CHECK_OK(model, err);
    nomul_sampler_options_init(&o);
    CHECK(nomul_model_sampling(model, &o) != 0);
    CHECK(o.min_p == 0.25f && o.temp == 0.8f);
    CHECK_INT(nomul_model_sampling(model, NULL), 0);
    nomul_model_close(model);
    hf_directory_remove(d, "out.gguf");
}

void test_hf_sampling(void)
{
    hf_directory d;

    hf_directory_init(&d, "hf_sampling");
    test_values(&d);
    test_refused(&d);
    test_convert_keeps(&d);
    hf_directory_free(&d);
}
