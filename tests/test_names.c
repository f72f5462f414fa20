/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "convert/names.h"

#include <stdlib.h>

#define N 5000

void test_names(void)
{
    char       *texts = malloc(N * 8);
    nm_names    names;
    nomul_error err;

    test_case("numbers in the order of adding, found again, none twice");
    CHECK_OK(nm_names_open(&names, N + 1, &err), err);
    for (size_t i = 0; i < N; i++) {
        int n = snprintf(texts + 8 * i, 8, "n%zu", i);
        CHECK_INT(nm_names_find(&names, texts + 8 * i, (size_t)n), NM_NO_NAME);
        CHECK_INT(nm_names_add(&names, texts + 8 * i, (size_t)n), i);
    }
    for (size_t i = 0; i < N; i++) {
        const char *text = texts + 8 * i;
        CHECK_INT(nm_names_find(&names, text, strlen(text)), i);
        CHECK_INT(nm_names_add(&names, text, strlen(text)), NM_NO_NAME);
    }
    CHECK_INT(names.n_names, N);

    test_case("the length counts, and a NUL is a byte as any");
    CHECK_INT(nm_names_find(&names, "n12", 2), 1);
    CHECK_INT(nm_names_find(&names, "n1\0", 3), NM_NO_NAME);
    CHECK_INT(nm_names_add(&names, "n1\0", 3), N);
    CHECK_INT(nm_names_find(&names, "n1\0", 3), N);
    nm_names_close(&names);
    free(texts);

    test_case("none at all");
    CHECK_OK(nm_names_open(&names, 0, &err), err);
    CHECK_INT(nm_names_find(&names, "", 0), NM_NO_NAME);
    nm_names_close(&names);

    test_case("more than can be numbered");
    CHECK_FAILS(nm_names_open(&names, (size_t)1 << 31, &err), err,
                "2147483648 names, expected less than 2147483648");
    nm_names_close(&names);
}
