/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A loop that only reads, as fast as this CPU can: the bandwidth that decoding is compared with.
 * It gives nomul bench the figure read_bandwidth_gbs, an upper limit for any program that reads all
 * weights once a token.
 */
#ifndef NM_READ_H
#define NM_READ_H

#include <stddef.h>
#include <stdint.h>

#define NM_READ_STEP 256 /* what n_bytes is a multiple of */

/* Reads bytes[0..n_bytes), aligned to 64. */
typedef void (*nm_read)(const uint8_t *bytes, size_t n_bytes);

/* The widest loop that this CPU runs. */
nm_read nm_read_best(void);

#endif
