/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time that only moves forward, whatever happens to the date of the machine.  Only differences of
 * two readings mean something: progress, pacing and speeds are made of them.  CPU time of a thread
 * is another clock: nm_os_thread_nanoseconds.
 */
#ifndef NM_CLOCK_H
#define NM_CLOCK_H

/* Seconds since some moment in the past. */
double nm_clock(void);

#endif
