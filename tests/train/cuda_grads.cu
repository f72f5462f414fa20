/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cuda.cu with a look at the gradients, which only tests want: they stay on the GPU in training.
 * It is linked in the place of cuda.cu.
 */
#include "train/cuda.cu"

extern "C" bool cuda_fetch_grads(nm_cuda *c, float *grads, nomul_error *err)
{
    cudaMemcpy(grads, c->grads, c->model.n_values * sizeof(float), cudaMemcpyDeviceToHost);
    return check(c, "fetching the gradients", err);
}
