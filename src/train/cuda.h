/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The CUDA back end: the step of tape.c and adamw.c on one NVIDIA GPU.  Latent weights, gradients
 * and the optimizer's means stay in its memory; they are fetched for checkpoints and measurements.
 * cuda.cu implements this; without CUDA=1 cuda_none.c does, where open fails.
 *
 * With several GPUs each has one of these, and a thread of its own to call it.
 *
 * This header is C and C++, so it describes the model with numbers of its own: cuda_model.c fills
 * them in.  Offsets count values of the latent.
 */
#ifndef NM_CUDA_H
#define NM_CUDA_H

#include "nomul.h"
#include "train/gpu_sum.h"
#include "train/step.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nm_cuda_tensor {
    size_t at, n;
    bool   is_matrix;
} nm_cuda_tensor;

typedef struct nm_cuda_matrix {
    size_t weight, gain, rows, cols;
} nm_cuda_matrix;

/* Matrices by number; i, f and g in the order of the latent, where they are evenly spaced. */
enum {
    NM_CUDA_I,
    NM_CUDA_F,
    NM_CUDA_G,
    NM_CUDA_O,
    NM_CUDA_GATE_UP,
    NM_CUDA_DOWN,
    NM_CUDA_PER_LAYER
};

typedef struct nm_cuda_layer {
    nm_cuda_matrix matrices[NM_CUDA_PER_LAYER];
    size_t         attn_gain, g_gain, ffn_gain;
} nm_cuda_layer;

/* What the embedding will be rounded to in the file. */
typedef enum nm_cuda_stored { NM_CUDA_F32, NM_CUDA_F16, NM_CUDA_Q8_0 } nm_cuda_stored;

typedef struct nm_cuda_model {
    size_t                n_layers, dim, state, ffn, vocab, n_values, n_tensors;
    float                 eps;
    bool                  use_lower_bound;
    nm_cuda_stored        stored;  /* Q8_0: dim is a multiple of 32 */
    bool                  is_full; /* weights and their inputs are not quantized but 16 bits wide */
    size_t                embedding, bounds, output_gain;
    const nm_cuda_tensor *tensors;
    const nm_cuda_layer  *layers;
    nm_cuda_matrix        head;
} nm_cuda_model;

typedef struct nm_cuda nm_cuda;

/* The parts of a step whose times are measured. */
enum { NM_CUDA_FORWARD, NM_CUDA_HEAD, NM_CUDA_BACKWARD, NM_CUDA_OPTIMIZER, NM_CUDA_PARTS };

/* Kinds of work, whose launches can be measured; their names are in train_bench.c. */
typedef enum nm_cuda_work {
    NM_CUDA_EMBEDDING,
    NM_CUDA_QUANTIZE,
    NM_CUDA_PRODUCTS,
    NM_CUDA_SCAN,
    NM_CUDA_HEAD_PRODUCTS,
    NM_CUDA_LOSS,
    NM_CUDA_PRODUCTS_BACK,
    NM_CUDA_INPUT_BACK,
    NM_CUDA_SCAN_BACK,
    NM_CUDA_PRODUCTS_WEIGHTS,
    NM_CUDA_GAINS,
    NM_CUDA_SUM,
    NM_CUDA_GRAD_NORM,
    NM_CUDA_ADAMW,
    NM_CUDA_TRITS,
    NM_CUDA_WORKS
} nm_cuda_work;

/* For passes of up to n_streams of n_tokens.  The model is copied; device is CUDA's number. */
nm_cuda *nm_cuda_open(const nm_cuda_model *model, int device, size_t n_streams, size_t n_tokens,
                      nomul_error *err);
/* From now on the last pass of a step sums gradients with other GPUs.  Closed by nm_cuda_close. */
void nm_cuda_link(nm_cuda *cuda, nm_gpu_link *link);
void nm_cuda_close(nm_cuda *cuda); /* NULL is fine */

/* values, m and v, to and from the GPU; sending also zeros the gradients and quantizes. */
bool nm_cuda_send(nm_cuda *cuda, const float *values, const float *m, const float *v,
                  nomul_error *err);
bool nm_cuda_fetch(nm_cuda *cuda, float *values, float *m, float *v, nomul_error *err);

/*
 * Adds the gradients of a pass; *loss is the sum of the tokens' losses.  With a link, after the
 * last pass of a step the gradients are those of all GPUs, each of which has to make this call.
 */
bool nm_cuda_run(nm_cuda *cuda, const nm_train_batch *batch, double *loss, nomul_error *err);
/* The norm of all gradients. */
bool nm_cuda_norm(nm_cuda *cuda, double *norm, nomul_error *err);
/* One step of AdamW; the next pass begins with gradients of zero; new values are quantized. */
bool nm_cuda_step(nm_cuda *cuda, const nm_adamw_factors *factors, nomul_error *err);

/* The memory that it has taken on the GPU. */
size_t nm_cuda_bytes(const nm_cuda *cuda);
/* Milliseconds on the GPU of each part since the last call. */
void nm_cuda_take_times(nm_cuda *cuda, float times[NM_CUDA_PARTS]);

/*
 * From the first call to the second all launches are measured, which takes time of its own and lets
 * nothing run beside another: their number, milliseconds, the bytes that they have to move and the
 * floating-point operations of products, by kind of work.
 */
typedef struct nm_cuda_measured {
    size_t n;
    double ms, bytes, flops;
} nm_cuda_measured;
void nm_cuda_measure(nm_cuda *cuda);
void nm_cuda_take_measured(nm_cuda *cuda, nm_cuda_measured totals[NM_CUDA_WORKS]);

#ifdef __cplusplus
}
#endif

#endif
