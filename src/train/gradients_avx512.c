/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The products of the trainer with AVX-512: gradients_body.h in 512-bit registers of x86, of which
 * 24 of 32 hold sums.  Products of 16-bit integers take two instructions here, one in
 * gradients_vnni.c.
 */
#include "train/gradients.h"

#if defined(__x86_64__)

#include "train/gradients_512.h"

#define OPS nm_gradients_avx512
#define TARGET NM_TARGET(NM_AVX512F ",avx512bw" WIDE)
#define i_dot(c, a, b)                                                                             \
    ((ints)_mm512_add_epi32((__m512i)(c), _mm512_madd_epi16((__m512i)(a), (__m512i)(b))))

#include "train/gradients_body.h"

#endif
