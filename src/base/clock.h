/* SPDX-License-Identifier: Apache-2.0 */
/* Time that only moves forward. */
#ifndef NM_CLOCK_H
#define NM_CLOCK_H

/* Seconds since some moment in the past. */
double nm_clock(void);

#endif
