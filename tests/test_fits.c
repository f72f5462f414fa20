/* SPDX-License-Identifier: Apache-2.0 */
/* What does not fit into memory is refused before it is allocated, with what would fit. */
#include "test.h"

#include "cli/bench/bench_plan.h"
#include "cli/open.h"

#define GB ((uint64_t)1000000000)

static void check_shape(const nm_bench_plan *plan, const char *shape, uint64_t available,
                        const char *needs, const char *advice)
{
    nomul_error err = {NOMUL_OK, ""};
    bool        fits = nm_bench_fits(plan, shape, available, &err);

    CHECK_THAT(fits == !advice, "%s in %llu: %s", shape, (unsigned long long)available, err.text);
    if (fits || !advice) return;
    CHECK_INT(err.code, NOMUL_E_MEMORY);
    CHECK_THAT(strncmp(err.text, needs, strlen(needs)) == 0, "said: %s", err.text);
    CHECK_THAT(strstr(err.text, advice), "said: %s", err.text);
}

static void test_shapes(void)
{
    nm_bench_args args = {.pack = -1};
    nm_bench_plan plan = {.args = &args, .n_texts = 1};

    plan.n_threads = plan.n_batch = (nm_counts){.at = {2}, .n = 1};
    test_case("a shape that does not fit is refused, with what would fit");
    check_shape(&plan, "100b", 26 * GB, "", NULL);
    check_shape(&plan, "100b", 23 * GB, "--shape 100b: needs 25.8 GB, but 23.0 GB are available; ",
                "--pack 1.6bit needs 20.8 GB");
    check_shape(&plan, "100b", 20 * GB, "--shape 100b: needs 25.8 GB, but 20.0 GB are available; ",
                "--shape 13b needs 3.6 GB");
    check_shape(&plan, "13b", 1 * GB, "--shape 13b: needs 3.6 GB, but 1.0 GB are available; ",
                "--shape 2.7b needs 84");
    check_shape(&plan, "370m", 1000, "--shape 370m: needs ", "none of the named shapes fits");
    check_shape(&plan, "64,65536,65536,32000", 64 * GB,
                "--shape 64,65536,65536,32000: needs 488.1 GB, but 64.0 GB are available; ",
                "--shape 100b needs 25.8 GB");
    plan.pack = 1;
    check_shape(&plan, "100b", 16400000000,
                "--shape 100b: needs 20.8 GB, but 16.4 GB are available; ",
                "--shape 13b needs 3.0 GB");
    plan.pack = 0;
    test_case("the states of texts count, and what their number costs is said");
    plan.n_texts = 4096;
    check_shape(&plan, "100b", 26 * GB, "--shape 100b: needs 39.", "--shape 13b needs 7.");
    check_shape(&plan, "1,8,8,32000", GB / 4, "--shape 1,8,8,32000: needs 5",
                "a smaller -b, --parallel or -t fits");
}

static void test_texts(void)
{
    nomul_error  err = {NOMUL_OK, ""};
    nm_open_args args = {.n_threads = 1, .n_batch = 1, .n_texts = 1000};

    test_case("so many texts at once do not fit, but fewer do, or a smaller batch");
    nomul_model *model = nomul_model_open(test_path("../models/tiny.gguf"), NULL, &err);
    CHECK_THAT(model, "%s", err.text);
    if (!model) return;
    const nomul_model_info *info = nomul_model_get_info(model);
    nomul_session_options   o;
    nomul_session_options_init(&o);
    o.n_threads = o.n_batch = 1;
    uint64_t one = info->state_bytes + info->n_vocab * 4, engine = nomul_session_memory(model, &o);

    CHECK_OK(nm_open_fits(model, &args, engine + 1000 * one, &err), err);
    CHECK(!nm_open_fits(model, &args, engine + 10 * one + one / 2, &err));
    CHECK_INT(err.code, NOMUL_E_MEMORY);
    CHECK_THAT(strncmp(err.text, "1,000 texts at once: ", 21) == 0, "said: %s", err.text);
    CHECK_THAT(strstr(err.text, " available; --parallel 10 fits"), "said: %s", err.text);
    CHECK(!nm_open_fits(model, &args, 1000, &err));
    CHECK_THAT(strstr(err.text, " needed, 1.0 kB available") && !strstr(err.text, "fits"),
               "said: %s", err.text);
    args.n_batch = 4096, args.n_texts = 0;
    CHECK(!nm_open_fits(model, &args, engine + one, &err));
    CHECK_THAT(strncmp(err.text, "a session: ", 11) == 0 && strstr(err.text, "; a smaller -b fits"),
               "said: %s", err.text);
    nomul_model_close(model);
}

void test_fits(void)
{
    test_shapes();
    test_texts();
}
