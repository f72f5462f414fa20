/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of a session file, and nothing else: bytes <-> nomul_saved.  Reading and writing it,
 * and whether the values make sense to a sampler and fit a model, is nomul_saved.c's business.
 *
 * All numbers are little-endian, floats are IEEE 754 binary32.
 *
 *      0  char[8]   "NOMULSES"
 *      8  u32       version of this layout, 1
 *     12  u32       n_last, 0 to 64
 *     16  u64       model_id
 *     24  u64       state_bytes, S: a multiple of 4, 4 to 2^32
 *     32  u64       n_tokens, 1 to 2^63 - 1: ids of the text, the last one too
 *     40  i32       last_id, at least 0: not fed yet, the state is the one before it
 *     44  f32       temp
 *     48  i32       top_k
 *     52  f32       top_p
 *     56  f32       min_p
 *     60  f32       repeat_penalty
 *     64  i32       repeat_last_n
 *     68  f32       presence_penalty
 *     72  f32       frequency_penalty
 *     76  u32       0
 *     80  u64       seed
 *     88  u64[4]    the generator, xoshiro256**, not all zero
 *    120  i32[64]   the last n_last ids, the latest last; then zeros
 *    376  u64       0
 *    384  f32[S/4]  the state, [n_layers][state_dim]
 *  384+S  u64       XXH64, seed 0, of all that stands before it; the file ends here
 *
 * Each thing has one spelling, so the same text saved twice gives the same bytes.  The state is
 * kept bit for bit, infinities and NaNs too: a model with wild weights makes them, the pass
 * computes with them as with any float, and a resumed text is to be what it would have been.
 */
#ifndef NM_SESSION_FILE_H
#define NM_SESSION_FILE_H

#include "nomul.h"

#define NM_SESSION_FILE_VERSION 1
#define NM_SESSION_FILE_HEADER 384 /* bytes in front of the state */
#define NM_SESSION_FILE_END 8      /* bytes behind it */
#define NM_SESSION_FILE_MAX_STATE ((uint64_t)1 << 32)
#define NM_SESSION_FILE_MAX_TOKENS INT64_MAX

/* Fills all of header[NM_SESSION_FILE_HEADER]; saved holds what the table above allows. */
void nm_session_file_encode(const nomul_saved *saved, void *header);

/*
 * Is this a session file of a known version, and as long as it says?  `header` holds the first
 * NM_SESSION_FILE_HEADER bytes of the file, or all file_bytes where it has fewer.
 */
bool nm_session_file_measure(const void *header, uint64_t file_bytes, uint64_t *state_bytes,
                             nomul_error *err);

/* `found` is the hash of what was read, `end` the last NM_SESSION_FILE_END bytes. */
bool nm_session_file_check(uint64_t found, const void *end, nomul_error *err);

/*
 * Of a header that was measured: the values, as the table above allows them.  The sampler's
 * settings and what ids a vocabulary has are not looked at.  Untouched on failure.
 */
bool nm_session_file_decode(nomul_saved *saved, const void *header, nomul_error *err);

#endif
