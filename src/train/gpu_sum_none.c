/* SPDX-License-Identifier: Apache-2.0 */
/* gpu_sum.h in a build without NCCL=1: there is no id to begin with, the rest is never called. */
#include "train/gpu_sum.h"

#include "base/error.h"

bool nm_gpu_sum_id(char id[NM_GPU_SUM_ID], nomul_error *err)
{
    (void)id;
    return nm_fail(err, NOMUL_E_UNSUPPORTED,
                   "several GPUs: not in this build: make train CUDA=1 NCCL=1, where NCCL is");
}

bool nm_gpu_sum_open(nm_gpu_link **links, const int *devices, size_t n, size_t first, size_t n_all,
                     const char id[NM_GPU_SUM_ID], nomul_error *err)
{
    (void)links, (void)devices, (void)n, (void)first, (void)n_all, (void)id, (void)err;
    return false;
}

void nm_gpu_sum_close(nm_gpu_link *link)
{
    (void)link;
}

bool nm_gpu_sum_add(nm_gpu_link *link, float *x, size_t n, void *stream)
{
    (void)link, (void)x, (void)n, (void)stream;
    return false;
}
