/* SPDX-License-Identifier: Apache-2.0 */
/*
 * XXH64 with seed 0, incremental (Collet; github.com/Cyan4973/xxHash, doc/xxhash_spec.md): the
 * checksum of tensors, session files and saved trainings, and the identity of a model.  It finds
 * damage, not forgery.
 */
#ifndef NM_XXH64_H
#define NM_XXH64_H

#include <stddef.h>
#include <stdint.h>

typedef struct nm_xxh64 {
    uint64_t lane[4];
    uint64_t total;
    uint8_t  tail[32];
} nm_xxh64;

void     nm_xxh64_init(nm_xxh64 *hash);
void     nm_xxh64_add(nm_xxh64 *hash, const void *data, size_t n_bytes);
uint64_t nm_xxh64_value(const nm_xxh64 *hash); /* of all so far; more may follow */
uint64_t nm_xxh64_of(const void *data, size_t n_bytes);

#endif
