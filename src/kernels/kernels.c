/* SPDX-License-Identifier: Apache-2.0 */
#include "kernels/kernels.h"

#include "kernels/scalar.h"

const nm_kernels nm_kernels_scalar = {
    .name = "scalar",
    .ternary_product = nm_scalar_ternary_product,
    .rmsnorm = nm_scalar_rmsnorm,
    .quantize = nm_scalar_quantize,
    .dequantize = nm_scalar_dequantize,
    .mlgru_step = nm_scalar_mlgru_step,
    .glu = nm_scalar_glu,
    .add = nm_scalar_add,
    .multiply = nm_scalar_multiply,
};
