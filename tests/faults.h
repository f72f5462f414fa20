/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A system that refuses: base/os_posix.c once more, linked before the library's, and the command
 * line's output.c, with their system calls (and stdio's) counted.  Any of them can be told to
 * fail; reads and writes can be told to do little at a time.  Each thread has its own faults.
 */
#ifndef NM_TEST_FAULTS_H
#define NM_TEST_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The k-th call from now fails with this errno, and only that one: 1 is the next.  0: none. */
void faults_at(size_t k, int number);

/* The name of the call that was made to fail, or NULL if it did not come to that. */
const char *faults_failed(void);

/* Has a file been renamed since faults_at?  And was it, before that call failed? */
bool faults_renamed(void);
bool faults_failed_late(void);

/* No read or write moves more bytes than this; 0: no limit. */
void faults_trickle(size_t n_bytes);

/* What output.c remembers of a failed stdout is forgotten. */
void faults_forget_output(void);

/* What control groups allow, were `root` the root folder; false if the system has none. */
bool faults_quota(const char *root, size_t *n_processors, uint64_t *memory);

/*
 * Of CPUs 0 to 63 in a set of bits, those of the fastest kind, were `root` the root folder; false
 * if the system's files do not tell.
 */
bool faults_fast(const char *root, uint64_t *cpus);

/* For the calls themselves: is it this one's turn?  And how many bytes it may move. */
bool   faults_turn(const char *call);
size_t faults_part(size_t n_bytes);

#endif
