/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the time of a pass goes, phase by phase.  Off unless a profile hangs in nm_work: a pass
 * then asks the clock after every phase, about 20 ns each time.  The names of the phases are in
 * bench/decoding.c.
 */
#ifndef NM_PROFILE_H
#define NM_PROFILE_H

#include <stddef.h>

typedef enum nm_phase {
    NM_PHASE_EMBEDDING,
    NM_PHASE_NORM,
    NM_PHASE_QUANTIZE,
    NM_PHASE_GEMV,
    NM_PHASE_GEMM,
    NM_PHASE_SCAN,
    NM_PHASE_GATE,
    NM_PHASE_ADD,
    NM_PHASES
} nm_phase;

typedef struct nm_profile {
    double last; /* when the previous phase ended: nm_clock */
    double seconds[NM_PHASES];
} nm_profile;

/* The time since `last`, which the caller sets at first, belongs to this phase. */
void nm_profile_mark(nm_profile *profile, nm_phase phase);

#endif
