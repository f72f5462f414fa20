/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Little-endian numbers at any alignment, and arithmetic on sizes from files that cannot wrap.
 *
 * Numbers are put together byte by byte, which is defined on every machine; compilers make one load
 * or store of it where the machine allows that.  Casting a byte pointer to uint32_t * would be
 * undefined for its alignment and its type.
 */
#ifndef NM_BYTES_H
#define NM_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline uint16_t nm_load_u16(const void *from)
{
    const uint8_t *p = from;
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t nm_load_u32(const void *from)
{
    const uint8_t *p = from;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static inline uint64_t nm_load_u64(const void *from)
{
    const uint8_t *p = from;
    return nm_load_u32(p) | (uint64_t)nm_load_u32(p + 4) << 32;
}

static inline void nm_store_u16(void *to, uint16_t value)
{
    uint8_t *p = to;
    p[0] = (uint8_t)value;
    p[1] = (uint8_t)(value >> 8);
}

static inline void nm_store_u32(void *to, uint32_t value)
{
    uint8_t *p = to;
    nm_store_u16(p, (uint16_t)value);
    nm_store_u16(p + 2, (uint16_t)(value >> 16));
}

static inline void nm_store_u64(void *to, uint64_t value)
{
    uint8_t *p = to;
    nm_store_u32(p, (uint32_t)value);
    nm_store_u32(p + 4, (uint32_t)(value >> 32));
}

static inline float nm_float_of_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t nm_bits_of_float(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static inline float nm_load_f32(const void *from)
{
    return nm_float_of_bits(nm_load_u32(from));
}

static inline void nm_store_f32(void *to, float value)
{
    nm_store_u32(to, nm_bits_of_float(value));
}

/* Sum and product; false if they overflow, and then the result is to be thrown away. */
static inline bool nm_add_u64(uint64_t a, uint64_t b, uint64_t *sum)
{
    *sum = a + b;
    return *sum >= a;
}

static inline bool nm_mul_u64(uint64_t a, uint64_t b, uint64_t *product)
{
    *product = a * b;
    return a == 0 || *product / a == b;
}

static inline size_t nm_smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t nm_larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static inline size_t nm_round_up(size_t n, size_t step)
{
    return (n + step - 1) / step * step;
}

/* 0 < by < 64. */
static inline uint64_t nm_rotate_left(uint64_t x, int by)
{
    return x << by | x >> (64 - by);
}

#endif
