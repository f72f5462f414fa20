/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of two ways to compute the same is faster here and now.  Both are tried in turns a few
 * times, the one with the best time is kept for a period, then both are tried again: a machine's
 * load changes.  Threads are one way and a single thread the other: with CPUs that are far apart a
 * small model loses more by signals than threads gain.
 */
#ifndef NM_TRIAL_H
#define NM_TRIAL_H

#include <stddef.h>

#define NM_TRIAL_EACH 6   /* times that each way is tried; the best is not that of a disturbance */
#define NM_TRIAL_TURN 3   /* times in succession: the first of them wakes threads that sleep */
#define NM_TRIAL_FIRST 64 /* from one trial to the next, at first: new threads may share a CPU */
#define NM_TRIAL_PERIOD 1024 /* later: each time twice as many, up to this */
#define NM_TRIAL_GAIN 0.97   /* the second way is taken only where it is clearly faster */

typedef struct nm_trial {
    size_t n;       /* times done in this period */
    size_t doubled; /* how often its length has been */
    double best[2]; /* seconds of each way */
} nm_trial;

/* The way to go next: 0, the first, or 1. */
static inline size_t nm_trial_way(const nm_trial *t)
{
    if (t->n < 2 * NM_TRIAL_EACH) return t->n / NM_TRIAL_TURN % 2;
    return t->best[1] < NM_TRIAL_GAIN * t->best[0];
}

/* That way took so many seconds. */
static inline void nm_trial_took(nm_trial *t, double seconds)
{
    size_t way = nm_trial_way(t);

    if (t->n == way * NM_TRIAL_TURN || seconds < t->best[way]) t->best[way] = seconds;
    if (++t->n < (size_t)NM_TRIAL_FIRST << t->doubled) return;
    t->n = 0;
    if (NM_TRIAL_FIRST << t->doubled < NM_TRIAL_PERIOD) t->doubled++;
}

#endif
