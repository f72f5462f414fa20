/* SPDX-License-Identifier: Apache-2.0 */
/* Structs of callers that were built with another version of nomul.h; test_api.c has real ones. */
#include "test.h"

#include "base/args.h"

typedef struct grown {
    size_t size;
    int    a, b;
} grown;

void test_args(void)
{
    nomul_error err;
    grown       ours = {sizeof ours, 1, 2}, theirs = {offsetof(grown, b), 7, 8};
    const grown wrong = {sizeof wrong + 1, 0, 0};

    test_case("options of an older caller: what it does not know keeps its default");
    CHECK_OK(nm_args_options(&ours, &theirs, sizeof ours, &err), err);
    CHECK(ours.a == 7 && ours.b == 2);
    CHECK_OK(nm_args_options(&ours, NULL, sizeof ours, &err), err);
    CHECK(ours.a == 7 && ours.b == 2);

    test_case("an older caller's struct is filled as far as it goes, and keeps its size");
    ours = (grown){sizeof ours, 3, 4};
    CHECK_OK(nm_args_fill(&theirs, &ours, sizeof ours, "grown", &err), err);
    CHECK_INT(theirs.size, offsetof(grown, b));
    CHECK(theirs.a == 3 && theirs.b == 8);

    test_case("a size of no version");
    CHECK_FAILS(nm_args_options(&ours, &wrong, sizeof ours, &err), err,
                sizeof(size_t) == 4 ? "options: size is 13, expected 4 to 12: was init called?"
                                    : "options: size is 17, expected 8 to 16: was init called?");
    CHECK_INT(err.code, NOMUL_E_ARG);
    theirs.size = sizeof theirs.size - 1;
    CHECK_FAILS(nm_args_fill(&theirs, &ours, sizeof ours, "grown", &err), err,
                sizeof(size_t) == 4 ? "grown: size is 3, expected 4 to 12: was it set?"
                                    : "grown: size is 7, expected 8 to 16: was it set?");
    CHECK(ours.a == 3 && ours.b == 4 && theirs.a == 3 && theirs.b == 8);
}
