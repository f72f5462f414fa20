/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/bench/counts.h"

#include <inttypes.h>
#include <string.h>

#include "base/error.h"

#define MOST_DIGITS 12 /* so that no sum or product of two counts wraps */

/* first[-last[+step|*factor]], what is not written filled in. */
typedef struct range {
    int64_t first, last, step;
    char    op; /* '+' or '*' */
} range;

/* Digits at *at, which moves behind them. */
static bool take_number(const char **at, int64_t *number)
{
    size_t n_digits = strspn(*at, "0123456789");

    *number = 0;
    if (n_digits == 0 || n_digits > MOST_DIGITS) return false;
    for (size_t i = 0; i < n_digits; i++) *number = 10 * *number + (*(*at)++ - '0');
    return true;
}

static bool take_range(const char **at, range *r)
{
    *r = (range){.step = 1, .op = '+'};
    if (!take_number(at, &r->first)) return false;
    r->last = r->first;
    if (**at != '-') return true;
    ++*at;
    if (!take_number(at, &r->last)) return false;
    if (**at != '+' && **at != '*') return true;
    r->op = *(*at)++;
    return take_number(at, &r->step);
}

static bool advances(const range *r)
{
    return r->op == '+' ? r->step > 0 : r->step > 1 && r->first > 0;
}

static bool add_range(nm_counts *counts, const range *r, const char *text, int64_t least,
                      int64_t most, nomul_error *err)
{
    if (r->first > r->last || (r->first < r->last && !advances(r)))
        return nm_fail(err, NOMUL_E_ARG, "'%.120s': a range goes up", text);
    if (r->first < least || r->last > most)
        return nm_fail(err, NOMUL_E_ARG, "%.120s is out of range (%" PRId64 " to %" PRId64 ")",
                       text, least, most);
    for (int64_t i = r->first; i <= r->last; i = r->op == '+' ? i + r->step : i * r->step) {
        if (counts->n == NM_MOST_COUNTS)
            return nm_fail(err, NOMUL_E_ARG, "'%.120s': more than %d values", text, NM_MOST_COUNTS);
        counts->at[counts->n++] = i;
        if (r->first == r->last) break;
    }
    return true;
}

bool nm_counts_add(nm_counts *counts, const char *text, int64_t least, int64_t most,
                   nomul_error *err)
{
    const char *at = text;
    range       r;

    for (;; at++) {
        if (!take_range(&at, &r) || (*at != '\0' && *at != ','))
            return nm_fail(err, NOMUL_E_ARG,
                           "'%.120s' is not like 4 or 1,2,4 or 2-8 or 2-8+2 or 2-16*2", text);
        if (!add_range(counts, &r, text, least, most, err)) return false;
        if (*at == '\0') return true;
    }
}
