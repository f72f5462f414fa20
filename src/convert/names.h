/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distinct texts, numbered 0, 1, 2 ... in the order in which they were added, and found in constant
 * time: a file's tensor names, a vocabulary's pieces.  The texts stay their owner's.
 */
#ifndef NM_NAMES_H
#define NM_NAMES_H

#include "nomul.h"

#define NM_NO_NAME SIZE_MAX

typedef struct nm_name {
    const char *text; /* not NUL-terminated */
    size_t      n_text;
} nm_name;

/* Zeros are closed ones. */
typedef struct nm_names {
    nm_name  *names; /* owned, as the slots are */
    size_t    n_names, capacity;
    uint32_t *slots; /* open addressing: 1 + number, 0 where free */
    size_t    mask;
} nm_names;

/* Room for `capacity` names, less than 2^31. */
bool nm_names_open(nm_names *names, size_t capacity, nomul_error *err);
void nm_names_close(nm_names *names);

/* The number of a text, or NM_NO_NAME. */
size_t nm_names_find(const nm_names *names, const char *text, size_t n_text);

/*
 * Adds a text unless it is there already: *number is its own, the highest so far if it is new.
 * The room must suffice.  Texts made to collide are refused: no file may cost the square of its
 * size.
 */
bool nm_names_add(nm_names *names, const char *text, size_t n_text, size_t *number,
                  nomul_error *err);

#endif
