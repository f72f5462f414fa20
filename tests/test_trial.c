/* SPDX-License-Identifier: Apache-2.0 */
#include "test.h"

#include "model/trial.h"

/* A period in which the ways take these times, the first time of each much longer. */
static size_t count_second_way(nm_trial *t, double first, double second)
{
    size_t n = 0;

    for (size_t i = 0; i < NM_TRIAL_PERIOD; i++) {
        size_t way = nm_trial_way(t);
        n += way;
        nm_trial_took(t, (way ? second : first) * (i < 2 ? 100 : 1));
    }
    return n;
}

void test_trial(void)
{
    nm_trial t = {0};

    test_case("the faster way is kept, after both were tried");
    CHECK_INT(count_second_way(&t, 1.0, 2.0), NM_TRIAL_EACH);
    test_case("each period tries again");
    CHECK_INT(count_second_way(&t, 2.0, 1.0), NM_TRIAL_PERIOD - NM_TRIAL_EACH);
    CHECK_INT(count_second_way(&t, 1.0, 2.0), NM_TRIAL_EACH);
    test_case("a small difference is none");
    CHECK_INT(count_second_way(&t, 1.0, 0.98), NM_TRIAL_EACH);
}
