/* SPDX-License-Identifier: Apache-2.0 */
/* Advice changes nothing that can be seen: not what is in the block, nor what lies around it. */
#include "test.h"

#include "base/alloc.h"
#include "base/pages.h"

#define N_BYTES ((size_t)9 << 20)

static void test_block(size_t from, size_t n_bytes)
{
    uint8_t *block = nm_alloc(N_BYTES);

    test_case("%zu bytes from byte %zu of a block", n_bytes, from);
    for (size_t i = 0; i < N_BYTES; i++) block[i] = (uint8_t)(i * 7 + (i >> 12));
    nm_pages_large(block + from, n_bytes);
    size_t n_wrong = 0;
    for (size_t i = 0; i < N_BYTES; i++) n_wrong += block[i] != (uint8_t)(i * 7 + (i >> 12));
    CHECK_INT(n_wrong, 0);
    memset(block, 1, N_BYTES);
    nm_free(block);
}

void test_pages(void)
{
    test_block(0, N_BYTES);
    test_block(4097, N_BYTES - 4098);
    test_block(1, 4096);
    test_block(0, 0);
}
