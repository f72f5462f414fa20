/* SPDX-License-Identifier: Apache-2.0 */
/* gpu_sum.h over NCCL 2 (https://docs.nvidia.com/deeplearning/nccl). */
#include "train/gpu_sum.h"

#include "base/error.h"

#include <nccl.h>
#include <string.h>

static bool check(ncclResult_t status, nomul_error *err)
{
    return status == ncclSuccess ||
           nm_fail(err, NOMUL_E_UNSUPPORTED, "NCCL: %.200s (NCCL_DEBUG=INFO says more)",
                   ncclGetErrorString(status));
}

bool nm_gpu_sum_id(char id[NM_GPU_SUM_ID], nomul_error *err)
{
    ncclUniqueId unique;

    _Static_assert(sizeof unique == NM_GPU_SUM_ID, "an id has 128 bytes");
    if (!check(ncclGetUniqueId(&unique), err)) return false;
    memcpy(id, &unique, sizeof unique);
    return true;
}

/* One thread opens several links: they wait for each other, so NCCL has to know all of them. */
bool nm_gpu_sum_open(nm_gpu_link **links, const int *devices, size_t n, size_t first, size_t n_all,
                     const char id[NM_GPU_SUM_ID], nomul_error *err)
{
    ncclUniqueId unique;
    ncclResult_t status = ncclGroupStart();

    memcpy(&unique, id, sizeof unique);
    for (size_t i = 0; i < n && status == ncclSuccess; i++) {
        if (cudaSetDevice(devices[i]) != cudaSuccess) status = ncclUnhandledCudaError;
        if (status == ncclSuccess)
            status = ncclCommInitRank(&links[i], (int)n_all, unique, (int)(first + i));
    }
    ncclResult_t end = ncclGroupEnd();
    return check(status == ncclSuccess ? end : status, err);
}

void nm_gpu_sum_close(nm_gpu_link *link)
{
    if (link) ncclCommAbort(link); /* nothing runs: as Destroy, without waiting for the others */
}

bool nm_gpu_sum_add(nm_gpu_link *link, float *x, size_t n, void *stream)
{
    return ncclAllReduce(x, x, n, ncclFloat32, ncclSum, link, stream) == ncclSuccess;
}
