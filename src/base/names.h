/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of distinct strings, numbered 0, 1, 2 ... as they are added and found in constant time: the
 * keys and tensor names of a file, the pieces of a vocabulary.  The strings are not copied, so what
 * they point into, usually a mapped file, must outlive the set.
 */
#ifndef NM_NAMES_H
#define NM_NAMES_H

#include "nomul.h"

#define NM_NO_NAME SIZE_MAX

typedef struct nm_name {
    const char *text; /* not NUL-terminated */
    size_t      n_text;
} nm_name;

/* A zeroed struct is closed. */
typedef struct nm_names {
    nm_name  *names; /* owned, as the slots are */
    size_t    n_names, capacity;
    uint32_t *slots; /* open addressing: 1 + number, 0 where free */
    size_t    mask;
} nm_names;

/* Room for `capacity` names, less than 2^31. */
bool nm_names_open(nm_names *names, size_t capacity, nomul_error *err);
void nm_names_close(nm_names *names);

/* The number of a string, or NM_NO_NAME: also for a closed set. */
size_t nm_names_find(const nm_names *names, const char *text, size_t n_text);

/*
 * Adds a string, which gets the next number, unless it is there already.  The caller ensures that
 * there is room.  Strings chosen to collide are refused, so no file costs the square of its size.
 */
bool nm_names_add(nm_names *names, const char *text, size_t n_text, size_t *number,
                  nomul_error *err);

#endif
