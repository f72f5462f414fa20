/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The products of the trainer with AVX-512 VNNI: as gradients_avx512.c, with an instruction of its
 * own for sums of 16-bit products, which is exact like the two that it replaces.  So both give the
 * same bits.
 */
#include "train/gradients.h"

#if defined(__x86_64__)

#include "train/gradients_512.h"

#define OPS nm_gradients_vnni
#define TARGET NM_TARGET(NM_AVX512F ",avx512bw,avx512vnni" WIDE)
#define i_dot(c, a, b) ((ints)_mm512_dpwssd_epi32((__m512i)(c), (__m512i)(a), (__m512i)(b)))

#include "train/gradients_body.h"

#endif
