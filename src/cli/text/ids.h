/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of token ids: growing ones, and those that a user writes: "1 2 3", "1,2,3". */
#ifndef NM_IDS_H
#define NM_IDS_H

#include "nomul.h"

/* Zeros are an empty one. */
typedef struct nm_ids {
    int32_t *at;
    size_t   n, capacity;
} nm_ids;

bool nm_ids_reserve(nm_ids *ids, size_t more, nomul_error *err);
bool nm_ids_add(nm_ids *ids, int32_t id, nomul_error *err);
void nm_ids_free(nm_ids *ids);

/* Are these whole numbers between commas and blanks, as many as they like? */
bool nm_ids_check(const char *text, size_t n_bytes, nomul_error *err);

/* Adds them, if they pass that check and each is an id below n_vocab. */
bool nm_ids_read(nm_ids *ids, const char *text, size_t n_bytes, size_t n_vocab, nomul_error *err);

#endif
