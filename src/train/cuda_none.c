/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cuda.h in a build without CUDA=1.  Opening says so, with what to do about it; the rest is never
 * called, and is here so that the trainer links without a single #if.  A function that is new in
 * cuda.h needs a body here.
 */
#include "train/cuda.h"

#include "base/error.h"

nm_cuda *nm_cuda_open(const nm_cuda_model *model, int device, size_t n_streams, size_t n_tokens,
                      nomul_error *err)
{
    (void)model, (void)device, (void)n_streams, (void)n_tokens;
    nm_fail(err, NOMUL_E_UNSUPPORTED,
            "--device cuda: not in this build: make train CUDA=1, where nvcc is");
    return NULL;
}

void nm_cuda_link(nm_cuda *cuda, nm_gpu_link *link)
{
    (void)cuda, (void)link;
}

void nm_cuda_close(nm_cuda *cuda)
{
    (void)cuda;
}

bool nm_cuda_send(nm_cuda *cuda, const float *values, const float *m, const float *v,
                  nomul_error *err)
{
    (void)cuda, (void)values, (void)m, (void)v, (void)err;
    return false;
}

bool nm_cuda_fetch(nm_cuda *cuda, float *values, float *m, float *v, nomul_error *err)
{
    (void)cuda, (void)values, (void)m, (void)v, (void)err;
    return false;
}

bool nm_cuda_run(nm_cuda *cuda, const nm_train_batch *batch, double *loss, nomul_error *err)
{
    (void)cuda, (void)batch, (void)loss, (void)err;
    return false;
}

bool nm_cuda_norm(nm_cuda *cuda, double *norm, nomul_error *err)
{
    (void)cuda, (void)norm, (void)err;
    return false;
}

bool nm_cuda_step(nm_cuda *cuda, const nm_adamw_factors *factors, nomul_error *err)
{
    (void)cuda, (void)factors, (void)err;
    return false;
}

size_t nm_cuda_bytes(const nm_cuda *cuda)
{
    (void)cuda;
    return 0;
}

void nm_cuda_take_times(nm_cuda *cuda, float times[NM_CUDA_PARTS])
{
    (void)cuda, (void)times;
}

void nm_cuda_measure(nm_cuda *cuda)
{
    (void)cuda;
}

void nm_cuda_take_measured(nm_cuda *cuda, nm_cuda_measured totals[NM_CUDA_WORKS])
{
    (void)cuda, (void)totals;
}
