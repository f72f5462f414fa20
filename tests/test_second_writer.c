/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/fuzz/make_seeds.py writes model files from the description of the format alone, with its
 * own packing, hashes and quantization.  The converter must give the same bytes.
 */
#include "test.h"

#include <stdlib.h>

static void check_written(const char *file, const char *pack)
{
    nomul_convert_options how;
    nomul_model_options   options;
    nomul_error           err;
    size_t                n_got, n_want;

    test_case("convert makes of golden/small what a second writer made of it: %s", file);
    const char *output = test_scratch("second-writer.gguf");
    nomul_convert_options_init(&how);
    how.pack = pack;
    CHECK_OK(nomul_convert(test_path("golden/small"), output, &how, &err) == NOMUL_OK, err);
    char *got = test_read_file(output, &n_got);
    char *want = test_read_file(test_path(file), &n_want);
    CHECK_INT(n_got, n_want);
    if (n_got == n_want) CHECK_MEM(got, want, n_want, file);
    free(got);
    free(want);

    test_case("and it passes the check of all tensors");
    nomul_model_options_init(&options);
    options.check_tensors = true;
    nomul_model *model = nomul_model_open(test_path(file), &options, &err);
    CHECK_OK(model != NULL, err);
    nomul_model_close(model);
}

void test_second_writer(void)
{
    check_written("golden/small.gguf", "t4");
    check_written("golden/small-t5.gguf", "1.6bit");
}
