/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "base/names.h"
#include "base/xxh64.h"

#include <stdlib.h>

#define N 5000

/* Of many texts those whose hashes lie in 16 slots of the table's 2048. */
static void test_collisions(void)
{
    static char texts[300][8];
    nm_names    names;
    nomul_error err = {.text = ""};
    size_t      n = 0, number;
    bool        ok = true;

    test_case("texts made to collide are refused, not searched one by one");
    CHECK_OK(nm_names_open(&names, 1000, &err), err);
    for (unsigned i = 0; ok && n < 300; i++) {
        size_t n_text = (size_t)snprintf(texts[n], 8, "%u", i);
        if (nm_xxh64_of(texts[n], n_text) % 2048 >= 16) continue;
        ok = nm_names_add(&names, texts[n++], n_text, &number, &err);
    }
    CHECK(!ok && n > 256 && n <= 256 + 16);
    CHECK(strstr(err.text, "\" collides with more than 256 names") != NULL);
    CHECK_INT(names.n_names, n - 1);
    for (size_t i = 0; i < n; i++)
        CHECK_INT(nm_names_find(&names, texts[i], strlen(texts[i])), i < n - 1 ? i : NM_NO_NAME);
    nm_names_close(&names);
}

void test_names(void)
{
    char       *texts = malloc(N * 8);
    nm_names    names;
    nomul_error err;
    size_t      number;

    test_case("numbers in the order of adding, found again, none twice");
    CHECK_OK(nm_names_open(&names, N + 1, &err), err);
    for (size_t i = 0; i < N; i++) {
        int n = snprintf(texts + 8 * i, 8, "n%zu", i);
        CHECK_INT(nm_names_find(&names, texts + 8 * i, (size_t)n), NM_NO_NAME);
        CHECK_OK(nm_names_add(&names, texts + 8 * i, (size_t)n, &number, &err), err);
        CHECK_INT(number, i);
    }
    for (size_t i = 0; i < N; i++) {
        const char *text = texts + 8 * i;
        CHECK_INT(nm_names_find(&names, text, strlen(text)), i);
        CHECK_OK(nm_names_add(&names, text, strlen(text), &number, &err), err);
        CHECK_INT(number, i);
    }
    CHECK_INT(names.n_names, N);

    test_case("the length counts, and a NUL is a byte as any");
    CHECK_INT(nm_names_find(&names, "n12", 2), 1);
    CHECK_INT(nm_names_find(&names, "n1\0", 3), NM_NO_NAME);
    CHECK_OK(nm_names_add(&names, "n1\0", 3, &number, &err), err);
    CHECK_INT(number, N);
    CHECK_INT(nm_names_find(&names, "n1\0", 3), N);
    nm_names_close(&names);
    free(texts);

    test_case("none at all");
    CHECK_OK(nm_names_open(&names, 0, &err), err);
    CHECK_INT(nm_names_find(&names, "", 0), NM_NO_NAME);
    nm_names_close(&names);

    test_collisions();

    test_case("more than can be numbered");
    CHECK_FAILS(nm_names_open(&names, (size_t)1 << 31, &err), err,
                "2147483648 names, expected less than 2147483648");
    nm_names_close(&names);
}
