/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Structs of nomul.h that grow from one version to the next; all begin with a size_t size, which
 * the caller's compiler has filled in.  Fields are added at the end only, so two versions of a
 * struct agree in the bytes that both have:
 *
 *     a program of 0.3   size = 24 | a | b |
 *     a library of 0.4          32 | a | b | c |     c keeps its default, or is not reported
 *
 * A struct larger than ours is refused: it may ask for something that this library cannot do.
 */
#ifndef NM_ARGS_H
#define NM_ARGS_H

#include "base/error.h"

/*
 * Copies the caller's options over ours, which hold the defaults: the first `size` bytes of them.
 * `theirs` may be NULL.
 */
bool nm_args_options(void *ours, const void *theirs, size_t our_size, nomul_error *err);

/*
 * Fills the caller's struct, whose size it has set, with the beginning of ours; name: what an error
 * calls it.
 */
bool nm_args_fill(void *theirs, const void *ours, size_t our_size, const char *name,
                  nomul_error *err);

#endif
