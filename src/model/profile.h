/* SPDX-License-Identifier: Apache-2.0 */
/* Where the time of a pass goes, phase by phase, for those who ask. */
#ifndef NM_PROFILE_H
#define NM_PROFILE_H

#include <stddef.h>
#include <stdint.h>

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
    uint64_t last; /* when the phase before ended, in nanoseconds */
    uint64_t ns[NM_PHASES];
} nm_profile;

const char *nm_phase_name(size_t phase);

/* All from zero, and from now. */
void nm_profile_begin(nm_profile *profile);

/* What has passed since the last mark was this phase. */
void nm_profile_mark(nm_profile *profile, nm_phase phase);

#endif
