/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Four lanes of 8 bytes each; bytes that do not fill a stripe of 32 wait in `tail`.
 *
 *     data   | 8 | 8 | 8 | 8 | 8 | 8 | 8 | 8 | rest: 8s, a 4, bytes |
 *     lane     0   1   2   3   0   1   2   3    into the value at last
 *
 * The lanes do not depend on each other, so a CPU works on all four at once.  The value is made of
 * a copy: hashing may go on.
 */
#include "base/xxh64.h"

#include "base/bytes.h"

#define P1 0x9E3779B185EBCA87u
#define P2 0xC2B2AE3D27D4EB4Fu
#define P3 0x165667B19E3779F9u
#define P4 0x85EBCA77C2B2AE63u
#define P5 0x27D4EB2F165667C5u

static uint64_t round_lane(uint64_t lane, uint64_t input)
{
    return nm_rotate_left(lane + input * P2, 31) * P1;
}

static void take_stripes(uint64_t lane[4], const uint8_t *data, size_t n_stripes)
{
    for (; n_stripes; n_stripes--, data += 32)
        for (int i = 0; i < 4; i++) lane[i] = round_lane(lane[i], nm_load_u64(data + 8 * i));
}

void nm_xxh64_init(nm_xxh64 *hash)
{
    *hash = (nm_xxh64){.lane = {P1 + P2, P2, 0, 0 - P1}};
}

void nm_xxh64_add(nm_xxh64 *hash, const void *data, size_t n_bytes)
{
    const uint8_t *p = data;
    size_t         held = (size_t)(hash->total % 32);

    hash->total += n_bytes;
    if (held) {
        size_t part = n_bytes < 32 - held ? n_bytes : 32 - held;
        if (part) memcpy(hash->tail + held, p, part);
        if (held + part < 32) return;
        take_stripes(hash->lane, hash->tail, 1);
        p += part, n_bytes -= part;
    }
    take_stripes(hash->lane, p, n_bytes / 32);
    if (n_bytes % 32) memcpy(hash->tail, p + n_bytes / 32 * 32, n_bytes % 32);
}

uint64_t nm_xxh64_value(const nm_xxh64 *hash)
{
    const uint64_t *lane = hash->lane;
    const uint8_t  *p = hash->tail;
    size_t          left = (size_t)(hash->total % 32);
    uint64_t        h = P5;

    if (hash->total >= 32) {
        h = nm_rotate_left(lane[0], 1) + nm_rotate_left(lane[1], 7) + nm_rotate_left(lane[2], 12) +
            nm_rotate_left(lane[3], 18);
        for (int i = 0; i < 4; i++) h = (h ^ round_lane(0, lane[i])) * P1 + P4;
    }
    h += hash->total;
    for (; left >= 8; p += 8, left -= 8)
        h = nm_rotate_left(h ^ round_lane(0, nm_load_u64(p)), 27) * P1 + P4;
    if (left >= 4) {
        h = nm_rotate_left(h ^ nm_load_u32(p) * P1, 23) * P2 + P3;
        p += 4, left -= 4;
    }
    for (; left; p++, left--) h = nm_rotate_left(h ^ *p * P5, 11) * P1;
    h = (h ^ h >> 33) * P2;
    h = (h ^ h >> 29) * P3;
    return h ^ h >> 32;
}

uint64_t nm_xxh64_of(const void *data, size_t n_bytes)
{
    nm_xxh64 hash;
    nm_xxh64_init(&hash);
    nm_xxh64_add(&hash, data, n_bytes);
    return nm_xxh64_value(&hash);
}
