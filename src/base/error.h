/* SPDX-License-Identifier: Apache-2.0 */
/* Filling the caller's error.  What can fail returns bool; false always leaves an error behind. */
#ifndef NM_ERROR_H
#define NM_ERROR_H

#include "nomul.h"

#if defined(__GNUC__)
#define NM_PRINTF(at, first) __attribute__((format(printf, at, first)))
#else
#define NM_PRINTF(at, first)
#endif

/* Fills *err (may be NULL) and returns false.  Control bytes become '?': one line it stays. */
bool nm_fail(nomul_error *err, nomul_status code, const char *format, ...) NM_PRINTF(3, 4);

/*
 * Puts the outer room's place in front: "place: what was there".  Where both don't fit, the place
 * loses its beginning and the cause stays whole.  Returns false.
 */
bool nm_fail_in(nomul_error *err, const char *format, ...) NM_PRINTF(2, 3);

bool nm_fail_memory(nomul_error *err, size_t n_bytes);

/* What the system says to errno, as words. */
bool nm_fail_errno(nomul_error *err, nomul_status code, int number);

#endif
