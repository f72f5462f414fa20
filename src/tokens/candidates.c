/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A heap for the best few, a radix sort for many.  Both use one order, in which no two candidates
 * are equal, so that the result does not depend on the way.  Nothing is allocated: lists and
 * scratch memory are the caller's.
 */
#include "tokens/candidates.h"

#include "base/bytes.h"

static bool is_better(nomul_logprob a, nomul_logprob b)
{
    return a.logprob > b.logprob || (a.logprob == b.logprob && a.id < b.id);
}

/* Puts c where the worst of a heap was: parents are worse than their children. */
static void replace_worst(nomul_logprob *heap, size_t n, nomul_logprob c)
{
    size_t at = 0;

    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && is_better(heap[child], heap[child + 1])) child++;
        if (is_better(heap[child], c)) break;
        heap[at] = heap[child];
    }
    heap[at] = c;
}

/*
 * Most blocks of logits have none that is better than the k best so far, which one vector operation
 * on the block shows.  A later id has to be better, not equal.
 */
void nm_candidates_best(const nm_float_ops *floats, const float *logits, size_t n,
                        nomul_logprob *best, size_t k)
{
    const size_t block = 128;

    if (k == 0) return;
    for (size_t i = 0; i < k; i++) { /* the heap grows by c, which rises over better parents */
        nomul_logprob c = {(int32_t)i, nm_tame_logit(logits[i])};
        size_t        at = i;
        for (; at > 0 && is_better(best[(at - 1) / 2], c); at = (at - 1) / 2)
            best[at] = best[(at - 1) / 2];
        best[at] = c;
    }
    for (size_t i = k, end; i < n; i = end) {
        end = n - i < block ? n : i + block;
        if (!(floats->largest(logits + i, end - i) > best[0].logprob)) continue;
        for (size_t id = i; id < end; id++) {
            nomul_logprob c = {(int32_t)id, nm_tame_logit(logits[id])};
            if (c.logprob > best[0].logprob) replace_worst(best, k, c);
        }
    }
    for (size_t i = k - 1; i > 0; i--) {
        nomul_logprob worst = best[0];
        replace_worst(best, i, best[i]);
        best[i] = worst;
    }
}

void nm_candidates_all(const float *logits, size_t n, nomul_logprob *all)
{
    for (size_t i = 0; i < n; i++) all[i] = (nomul_logprob){(int32_t)i, nm_tame_logit(logits[i])};
}

/* Numbers that rise as floats fall.  Bits of negative floats do; -0 + 0 is +0. */
static uint32_t falling_bits(float logit)
{
    uint32_t bits = nm_bits_of_float(logit + 0.0f);
    return bits < 0x80000000u ? 0x7FFFFFFFu - bits : bits;
}

/* One stable pass of a radix sort: by byte `shift` / 8 of the falling bits. */
static void sort_by_byte(const nomul_logprob *from, nomul_logprob *to, size_t n, unsigned shift)
{
    size_t starts[257] = {0};

    for (size_t i = 0; i < n; i++) starts[(falling_bits(from[i].logprob) >> shift & 255) + 1]++;
    for (size_t byte = 0; byte < 256; byte++) starts[byte + 1] += starts[byte];
    for (size_t i = 0; i < n; i++)
        to[starts[falling_bits(from[i].logprob) >> shift & 255]++] = from[i];
}

void nm_candidates_sort(nomul_logprob *candidates, nomul_logprob *spare, size_t n)
{
    sort_by_byte(candidates, spare, n, 0);
    sort_by_byte(spare, candidates, n, 8);
    sort_by_byte(candidates, spare, n, 16);
    sort_by_byte(spare, candidates, n, 24);
}
