/* SPDX-License-Identifier: Apache-2.0 */
/* A progress callback that notes its calls, and cancels with call number stop_at. */
#ifndef METER_H
#define METER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct meter {
    uint64_t last, total, stop_at;
    size_t   n_calls;
    bool     backwards;
} meter;

static bool count_progress(void *context, uint64_t done, uint64_t total)
{
    meter *m = context;

    m->backwards |= done < m->last;
    m->last = done, m->total = total;
    return ++m->n_calls < m->stop_at;
}

#endif
