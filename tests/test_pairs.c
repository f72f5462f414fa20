/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "tokens/pairs.h"

void test_pairs(void)
{
    nm_pairs    pairs = {.slots = NULL};
    nomul_error err;
    size_t      n_wrong = 0;

    test_case("nothing is found in an empty table");
    CHECK(nm_pairs_find(&pairs, 0, 0) == NULL);
    CHECK_OK(nm_pairs_open(&pairs, 0, &err), err);
    CHECK(nm_pairs_find(&pairs, 0, 0) == NULL);
    nm_pairs_close(&pairs);

    test_case("thousands of pairs, ids and characters");
    CHECK_OK(nm_pairs_open(&pairs, 9000, &err), err);
    for (uint32_t i = 0; i < 9000; i++)
        nm_pairs_add(&pairs, i / 90, i % 2 ? NM_SYMBOL_CHAR | i : i, (int32_t)i, -(float)i);
    CHECK_INT(pairs.n_pairs, 9000);
    for (uint32_t i = 0; i < 9000; i++) {
        const nm_pair_slot *slot = nm_pairs_find(&pairs, i / 90, i % 2 ? NM_SYMBOL_CHAR | i : i);
        n_wrong += !slot || slot->id_plus_1 != i + 1 || slot->score != -(float)i;
        n_wrong += nm_pairs_find(&pairs, i / 90, i % 2 ? i : NM_SYMBOL_CHAR | i) != NULL;
        n_wrong += nm_pairs_find(&pairs, i / 90, NM_SYMBOL_BYTE) != NULL;
    }
    CHECK_INT(n_wrong, 0);

    test_case("a pair that is added again is replaced");
    nm_pairs_add(&pairs, 0, 0, 7, 2);
    CHECK_INT(pairs.n_pairs, 9000);
    CHECK_INT(nm_pairs_find(&pairs, 0, 0)->id_plus_1, 8);
    CHECK(nm_pairs_find(&pairs, 0, 0)->score == 2);
    nm_pairs_close(&pairs);

    test_case("too many");
    CHECK_FAILS(nm_pairs_open(&pairs, NM_MAX_PAIRS + 1, &err), err,
                "has 4194305 pairs to be merged, expected at most 4194304");
    CHECK(pairs.slots == NULL);
    nm_pairs_close(&pairs);
}
