/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sum of an array over several GPUs, by NCCL: gpu_sum_nccl.c, with NCCL=1; without it
 * gpu_sum_none.c says so.  Each GPU of each rank takes part through a link.  This header is C and
 * C++, and needs neither NCCL's nor CUDA's.
 */
#ifndef NM_GPU_SUM_H
#define NM_GPU_SUM_H

#include "nomul.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NM_GPU_SUM_ID 128 /* bytes that tell one set of links from others */

typedef struct ncclComm nm_gpu_link; /* NCCL's own */

/* What one rank makes and all ranks open their links with. */
bool nm_gpu_sum_id(char id[NM_GPU_SUM_ID], nomul_error *err);

/*
 * The links of this process's n GPUs, devices[i] the numbers that CUDA gives them.  Among n_all of
 * all ranks they are number first, first + 1, ...  Returns when all ranks have called it.
 */
bool nm_gpu_sum_open(nm_gpu_link **links, const int *devices, size_t n, size_t first, size_t n_all,
                     const char id[NM_GPU_SUM_ID], nomul_error *err);
void nm_gpu_sum_close(nm_gpu_link *link); /* NULL is fine */

/* x = the sum over all GPUs, on this CUDA stream; each link's from a thread of its own. */
bool nm_gpu_sum_add(nm_gpu_link *link, float *x, size_t n, void *stream);

#ifdef __cplusplus
}
#endif

#endif
