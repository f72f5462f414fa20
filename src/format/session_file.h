/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of a session file, and nothing else: bytes <-> nm_session_record.  Reading and writing
 * files, and whether the values make sense to a sampler and fit a model, is text/text_mark.c's
 * business.
 *
 * All numbers are little-endian, floats are IEEE 754 binary32.  Version 2:
 *
 *      0  char[8]   "NOMULSES"
 *      8  u32       version of this layout: 2
 *     12  u32       n_last, 0 to 64
 *     16  u64       model_id
 *     24  u64       state_bytes, S: a multiple of 4, 4 to 2^32
 *     32  u64       n_tokens, 1 to 2^63 - 1: ids of the text, the last one included
 *     40  i32       last_id, at least 0: not fed yet, the state is the one before it
 *     44  ...       sampler options, each at the slot of its row in NOMUL_SAMPLER_FIELDS
 *     76  u8        n_tail, 0 to 64
 *     77  u8        n_held, 0 to 3: so many of the tail are an unfinished character, not shown yet
 *     78  u8        0
 *     79  u8        1 if the text has bytes: its leading space is decided; else 0
 *     80  u64       seed, the slot of its row
 *     88  u64[4]    the generator, xoshiro256**, not all zero
 *    120  i32[64]   the last n_last ids, latest last; then zeros
 *    376  u64       0
 *    384  u8[64]    the last n_tail bytes of the text, latest last; then zeros: a stop string may
 *                   begin in them
 *    448  u8[64]    reserved for slots of later sampler options: 0 is such an option's default
 *    512  f32[S/4]  the state, [n_layers][state_dim]
 *  512+S  u64       XXH64, seed 0, of everything before it; the file ends here
 *
 * Version 1 ends its header at 384 and has 0 at 76: no tail, and the text has bytes if it has more
 * than one id.  It is read, not written.
 *
 * Each value has one spelling, so the same text saved twice gives the same bytes.  The state is
 * kept bit for bit, infinities and NaNs too: a model with extreme weights produces them, the pass
 * computes with them as with any float, and a resumed text is what it would have been.
 */
#ifndef NM_SESSION_FILE_H
#define NM_SESSION_FILE_H

#include "nomul.h"

#define NM_SESSION_FILE_HEADER 512   /* bytes before the state */
#define NM_SESSION_FILE_HEADER_1 384 /* in version 1 */
#define NM_SESSION_FILE_END 8        /* bytes after it */
#define NM_SESSION_FILE_MAX_STATE ((uint64_t)1 << 32)
#define NM_SESSION_FILE_MAX_TOKENS INT64_MAX

typedef struct nm_session_record {
    uint64_t              model_id, state_bytes, n_tokens;
    int32_t               last_id;
    bool                  has_text;
    nomul_sampler_options sampler; /* no logit bias */
    uint64_t              rng[4];
    uint32_t              n_last;
    int32_t               last[NOMUL_SAVED_IDS]; /* latest last */
    uint32_t              n_tail, n_held;
    char                  tail[NOMUL_SAVED_BYTES]; /* latest last */
} nm_session_record;

/* Fills all of header[NM_SESSION_FILE_HEADER]; the record holds what the table above allows. */
void nm_session_file_encode(const nm_session_record *record, uint8_t *header);

/*
 * Is this a session file of a known version, and as long as it says?  `header` holds the first
 * NM_SESSION_FILE_HEADER bytes of the file, or all file_bytes where it has fewer.  The state begins
 * at *header_bytes and has *state_bytes.
 */
bool nm_session_file_measure(const uint8_t *header, uint64_t file_bytes, size_t *header_bytes,
                             uint64_t *state_bytes, nomul_error *err);

/* `found` is the hash of what was read, `end` the last NM_SESSION_FILE_END bytes. */
bool nm_session_file_check(uint64_t found, const uint8_t *end, nomul_error *err);

/*
 * Of a header that was measured: its values, as the table above allows them.  Ranges of the
 * sampler's options, and whether ids are in a vocabulary, are not checked.  Untouched on failure.
 */
bool nm_session_file_decode(nm_session_record *record, const uint8_t *header, nomul_error *err);

#endif
