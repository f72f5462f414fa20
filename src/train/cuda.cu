/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The step on one GPU.  Products are cuBLAS's, in bf16 with binary32 sums: q and trits are exact in
 * bf16, so the forward products are exact.  Everything else is here, one kernel for what can be
 * done in one pass over memory:
 *
 *     forward   prologue -> norm -> quantize     (one block a token)    q in bf16, a
 *               product -> scaled where it is used: gates and scan, gate, glu, residual, loss
 *     backward  product dy'^T q, with dy' = dy / a in bf16: a belongs to the token, so it can go to
 *               the other factor, and q is the array of the forward pass
 *               product dy' C -> derivative of both norms and of the prologue, sums for the gains
 *
 * Sums over tokens are taken in a fixed order, in two stages: no atomics, the same bits each time.
 */
#include "train/cuda.h"

#include <cublas_v2.h>
#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <vector>

typedef __nv_bfloat16 bf16;

#define THREADS 256
#define AHEAD 8         /* tokens of a stream that are loaded before they are computed */
#define ROWS_OF_SUMS 16 /* rows of which one block adds up the gradients of gains */
#define SUM_COLS 32     /* columns of which a block adds up these sums */
#define HEAD_ROWS 2048  /* rows whose logits are in memory at once */
#define PIECES 1024     /* partial sums of a matrix, or of all gradients */
#define BITLINEAR_EPS 1e-6f
#define ADAMW_EPS 1e-8f

/* ---- Sums in a block ------------------------------------------------------------------------- */

/*
 * The sum, or the maximum, of one value of each thread of the block; all threads get it.  A warp
 * combines its 32 values in registers, then each thread adds up the warps' results in one order:
 * the first __syncthreads lets the reads of a call before finish.
 */
template <typename T, bool is_max> __device__ T reduce(T x)
{
    __shared__ T part[THREADS / 32];

    for (int apart = 16; apart; apart /= 2) {
        T other = __shfl_xor_sync(~0u, x, apart);
        x = is_max ? (other > x ? other : x) : x + other;
    }
    __syncthreads();
    if (threadIdx.x % 32 == 0) part[threadIdx.x / 32] = x;
    __syncthreads();
    x = part[0];
    for (int i = 1; i < THREADS / 32; i++) x = is_max ? (part[i] > x ? part[i] : x) : x + part[i];
    return x;
}

__device__ float block_sum(float x)
{
    return reduce<float, false>(x);
}

__device__ float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

/* The derivative of silu(x) = x s, s = sigmoid(x). */
__device__ float silu_slope(float x, float s)
{
    return s * (1.0f + x * (1.0f - s));
}

/* ---- Quantizing the weights ------------------------------------------------------------------ */

/*
 * A matrix is quantized by three kernels, as the mean of all |w| has to be known before the first
 * trit: partial sums, one for each block; one block adds them up to the scale; then the trits.
 */
__global__ void sum_sizes(double *partial, const float *w, size_t n)
{
    double x = 0;

    for (size_t i = blockIdx.x * (size_t)THREADS + threadIdx.x; i < n;
         i += (size_t)gridDim.x * THREADS)
        x += fabs((double)w[i]);
    x = reduce<double, false>(x);
    if (threadIdx.x == 0) partial[blockIdx.x] = x;
}

__global__ void find_scale(float *scale, const double *partial, int n_partial, size_t n)
{
    double x = 0;

    for (int i = threadIdx.x; i < n_partial; i += THREADS) x += partial[i];
    x = reduce<double, false>(x);
    float mean = (float)(x / (double)n);
    if (threadIdx.x == 0) *scale = mean > 1e-5f ? mean : 1e-5f;
}

/* round(w / s) cut to -1, 0 and 1; 0.5 rounds to even, so it is 0. */
__global__ void make_trits(bf16 *trits, const float *w, const float *scale, size_t n)
{
    float s = *scale;

    for (size_t i = blockIdx.x * (size_t)THREADS + threadIdx.x; i < n;
         i += (size_t)gridDim.x * THREADS) {
        float r = w[i] / s;
        trits[i] = __float2bfloat16((r > 0.5f) - (r < -0.5f));
    }
}

/* beta_l = p_1 + ... + p_l of a column, p = softmax over the layers: one thread a column. */
__global__ void make_bounds(float *bounds, const float *raw, int n_layers, int dim)
{
    int   col = blockIdx.x * THREADS + threadIdx.x;
    float highest, total = 0, beta = 0;

    if (col >= dim) return;
    highest = raw[col];
    for (int l = 1; l < n_layers; l++) highest = fmaxf(highest, raw[l * dim + col]);
    for (int l = 0; l < n_layers; l++) total += expf(raw[l * dim + col] - highest);
    for (int l = 0; l < n_layers; l++) {
        if (l) beta += expf(raw[l * dim + col] - highest) / total;
        bounds[l * dim + col] = beta;
    }
}

/*
 * d of the raw bounds from d_beta, which streams have left apart.  d p_l, the sum of d beta_l and
 * all after it, is summed up from the last layer on, twice: first for the inner product of p and
 * d p, then for the result, p_l (d p_l - inner).
 */
__global__ void bounds_back(float *grad, const float *raw, const float *d_beta, int n_layers,
                            int dim, int n_streams)
{
    int   col = blockIdx.x * THREADS + threadIdx.x;
    float highest, total = 0, after = 0, inner = 0;

    if (col >= dim) return;
    highest = raw[col];
    for (int l = 1; l < n_layers; l++) highest = fmaxf(highest, raw[l * dim + col]);
    for (int l = 0; l < n_layers; l++) total += expf(raw[l * dim + col] - highest);
    for (int pass = 0; pass < 2; pass++) {
        after = 0;
        for (int l = n_layers - 1; l >= 0; l--) {
            float p = expf(raw[l * dim + col] - highest) / total;
            for (int s = 0; l > 0 && s < n_streams; s++)
                after += d_beta[((size_t)l * n_streams + s) * dim + col];
            float d_p = l > 0 ? after : 0;
            if (pass == 0)
                inner += p * d_p;
            else
                grad[l * dim + col] += p * (d_p - inner);
        }
    }
}

/* ---- Forward --------------------------------------------------------------------------------- */

/* x = embedding[id], one block a token; rounded as the file will have it. */
__global__ void embed(float *x, const float *table, const int32_t *ids, int dim, bool is_f16)
{
    for (int i = threadIdx.x; i < dim; i += THREADS) {
        float v = table[(size_t)ids[blockIdx.x] * dim + i];
        x[(size_t)blockIdx.x * dim + i] = is_f16 ? __half2float(__float2half_rn(v)) : v;
    }
}

/*
 * What a BitLinear is applied to, before its own norm:
 *
 *     NORM   u = RMSNorm(x, gain)             x: the residual stream
 *     GATE   u = RMSNorm(x, gain) silu(h)     x: g
 *     GLU    u = silu(x[0..n)) x[n..2n)
 */
enum mode { NORM, GATE, GLU };

struct prologue {
    const float *x, *gain, *h;
    float        eps;
    int          n;
};

/* u[n] in shared memory; returns r of the prologue's norm. */
template <mode M> __device__ float make_input(float *u, const prologue &p, size_t row)
{
    const float *x = p.x + row * p.n * (M == GLU ? 2 : 1);
    float        squares = 0, r = 0;

    for (int i = threadIdx.x; i < p.n && M != GLU; i += THREADS) squares += x[i] * x[i];
    if (M != GLU) r = 1.0f / sqrtf(block_sum(squares) / (float)p.n + p.eps);
    for (int i = threadIdx.x; i < p.n; i += THREADS) {
        if (M == NORM) u[i] = x[i] * r * p.gain[i];
        if (M == GATE) {
            float h = p.h[row * p.n + i];
            u[i] = x[i] * r * p.gain[i] * (h * sigmoid(h));
        }
        if (M == GLU) u[i] = x[i] * sigmoid(x[i]) * x[i + p.n];
    }
    __syncthreads();
    return r;
}

/* r of the norm that belongs to a BitLinear itself, before its gain. */
__device__ float own_scale(const float *u, int n)
{
    float squares = 0;

    for (int i = threadIdx.x; i < n; i += THREADS) squares += u[i] * u[i];
    return 1.0f / sqrtf(block_sum(squares) / (float)n + BITLINEAR_EPS);
}

/* The BitLinears that share an input: their gains, q and a of each token. */
struct linears {
    const float *gain[3];
    bf16        *q[3];
    float       *a[3];
    int          n;
};

/*
 * One block a token: its input u is made once, in shared memory, and normalized and rounded for
 * each BitLinear by itself, as each has a gain of its own.
 */
template <mode M> __global__ void quantize(prologue p, linears l)
{
    extern __shared__ float u[];
    size_t                  row = blockIdx.x;

    make_input<M>(u, p, row);
    float r = own_scale(u, p.n);
    for (int j = 0; j < l.n; j++) {
        float most = 1e-5f;
        for (int i = threadIdx.x; i < p.n; i += THREADS)
            most = fmaxf(most, fabsf(u[i] * r * l.gain[j][i]));
        float a = 127.0f / reduce<float, true>(most);
        for (int i = threadIdx.x; i < p.n; i += THREADS)
            l.q[j][row * p.n + i] = __float2bfloat16(rintf(u[i] * r * l.gain[j][i] * a));
        if (threadIdx.x == 0) l.a[j][row] = a;
    }
}

/* y = sums (s / a), in place: for the arrays that the backward pass needs scaled. */
__global__ void scale_rows(float *y, const float *scale, const float *a, int n)
{
    float factor = *scale / a[blockIdx.x];

    for (int i = threadIdx.x; i < n; i += THREADS) y[(size_t)blockIdx.x * n + i] *= factor;
}

/* x = x + sums (s / a) */
__global__ void add_rows(float *x, const float *sums, const float *scale, const float *a, int n)
{
    float factor = *scale / a[blockIdx.x];

    for (int i = threadIdx.x; i < n; i += THREADS)
        x[(size_t)blockIdx.x * n + i] += sums[(size_t)blockIdx.x * n + i] * factor;
}

struct scan_arguments {
    float         *f, *i, *h; /* f and i: sums, scaled here */
    const float   *f_scale, *i_scale, *f_a, *i_a, *bound;
    float         *state, *before; /* [streams][state] */
    const int32_t *ids;
    int            n, n_tokens;
    int32_t        bos;
};

/*
 * One thread a stream and element of the state, in the order of the tokens.  AHEAD tokens are
 * loaded at once: what waits for memory is not the chain of states.
 */
__global__ void scan(scan_arguments s)
{
    int col = blockIdx.x * THREADS + threadIdx.x, stream = blockIdx.y;

    if (col >= s.n) return;
    float  h = s.state[(size_t)stream * s.n + col], beta = s.bound ? s.bound[col] : 0.0f;
    float  f_scale = *s.f_scale, i_scale = *s.i_scale, f[AHEAD], i[AHEAD];
    size_t first = (size_t)stream * s.n_tokens;
    s.before[(size_t)stream * s.n + col] = h;
    for (int begin = 0; begin < s.n_tokens; begin += AHEAD) {
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            size_t row = first + begin + k;
            if (begin + k >= s.n_tokens) continue;
            f[k] = s.f[row * s.n + col] * (f_scale / s.f_a[row]);
            i[k] = s.i[row * s.n + col] * (i_scale / s.i_a[row]);
        }
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            size_t row = first + begin + k, at = row * s.n + col;
            if (begin + k >= s.n_tokens) continue;
            float forget = beta + (1.0f - beta) * sigmoid(f[k]);
            if (s.ids[row] == s.bos) h = 0;
            h = forget * h + i[k] * sigmoid(i[k]) * (1.0f - forget);
            s.f[at] = f[k], s.i[at] = i[k], s.h[at] = h;
        }
    }
    s.state[(size_t)stream * s.n + col] = h;
}

/* ---- The loss -------------------------------------------------------------------------------- */

/* Of a row of logits its loss, and d logits / a in bf16. */
__global__ void cross_entropy(bf16 *d_logits, float *nats, const float *sums, const float *scale,
                              const float *a, const int32_t *targets, int n, float weight)
{
    size_t       row = blockIdx.x;
    const float *x = sums + row * n;
    float        factor = *scale / a[row], most = -INFINITY, total = 0;

    for (int i = threadIdx.x; i < n; i += THREADS) most = fmaxf(most, x[i] * factor);
    most = reduce<float, true>(most);
    for (int i = threadIdx.x; i < n; i += THREADS) total += expf(x[i] * factor - most);
    total = block_sum(total);
    int target = targets[row];
    for (int i = threadIdx.x; i < n; i += THREADS) {
        float p = expf(x[i] * factor - most) / total;
        d_logits[row * n + i] = __float2bfloat16((p - (i == target)) * weight / a[row]);
    }
    if (threadIdx.x == 0) nats[row] = logf(total) - (x[target] * factor - most);
}

/* ---- Backward -------------------------------------------------------------------------------- */

/* dy / a in bf16, of the residual stream's gradient. */
__global__ void divide_rows(bf16 *out, const float *d_y, const float *a, int n)
{
    float factor = 1.0f / a[blockIdx.x];

    for (int i = threadIdx.x; i < n; i += THREADS) {
        size_t at = (size_t)blockIdx.x * n + i;
        out[at] = __float2bfloat16(d_y[at] * factor);
    }
}

/*
 * From dy' C of the BitLinears that share an input to the gradient of what the prologue reads; the
 * gradients of gains are added up for ROWS_OF_SUMS rows: partial[block][1 + n][cols], the
 * prologue's first.
 */
struct back_arguments {
    prologue     p;
    linears      l;
    const float *d_n[3];   /* [rows][n]: times a s, the gradients of the normalized inputs */
    const float *scale[3]; /* s */
    float       *d_x;      /* NORM: added to */
    bf16        *d_out;    /* GATE: dg / a; GLU: da | db / a */
    float       *d_h;      /* GATE */
    const float *out_a;    /* a of the BitLinear whose output x is */
    float       *partial;
    int          n_rows;
};

template <mode M> __global__ void input_back(back_arguments b)
{
    extern __shared__ float shared[];
    int                     n = b.p.n, n_sums = b.l.n + 1;
    float                  *u = shared, *d_u = u + n, *sums = d_u + n; /* [n_sums][n] */

    for (int i = threadIdx.x; i < n_sums * n; i += THREADS) sums[i] = 0;
    for (int k = 0; k < ROWS_OF_SUMS; k++) {
        size_t row = (size_t)blockIdx.x * ROWS_OF_SUMS + k;
        if (row >= (size_t)b.n_rows) break;
        __syncthreads();
        float r_outer = make_input<M>(u, b.p, row), r = own_scale(u, n);
        for (int i = threadIdx.x; i < n; i += THREADS) d_u[i] = 0;
        for (int j = 0; j < b.l.n; j++) {
            const float *d_n = b.d_n[j] + row * n, *gain = b.l.gain[j];
            float        factor = b.l.a[j][row] * *b.scale[j], inner = 0;
            for (int i = threadIdx.x; i < n; i += THREADS) {
                float d = d_n[i] * factor, normal = u[i] * r;
                inner += d * gain[i] * normal;
                sums[(1 + j) * n + i] += d * normal;
            }
            inner = block_sum(inner) / (float)n;
            for (int i = threadIdx.x; i < n; i += THREADS)
                d_u[i] += r * (d_n[i] * factor * gain[i] - u[i] * r * inner);
        }
        const float *x = b.p.x + row * n * (M == GLU ? 2 : 1);
        if (M == GLU) {
            float factor = 1.0f / b.out_a[row];
            for (int i = threadIdx.x; i < n; i += THREADS) {
                float s = sigmoid(x[i]), d = d_u[i] * factor;
                b.d_out[row * 2 * n + i] = __float2bfloat16(d * x[i + n] * silu_slope(x[i], s));
                b.d_out[row * 2 * n + n + i] = __float2bfloat16(d * (x[i] * s));
            }
            continue;
        }
        float inner = 0;
        for (int i = threadIdx.x; i < n; i += THREADS) {
            if (M == GATE) { /* d_u: of o = norm silu(h) -> of norm */
                float h = b.p.h[row * n + i], s = sigmoid(h);
                b.d_h[row * n + i] = d_u[i] * (x[i] * r_outer * b.p.gain[i]) * silu_slope(h, s);
                d_u[i] *= h * s;
            }
            inner += d_u[i] * b.p.gain[i] * (x[i] * r_outer);
            sums[i] += d_u[i] * (x[i] * r_outer);
        }
        inner = block_sum(inner) / (float)n;
        float factor = M == GATE ? 1.0f / b.out_a[row] : 1.0f;
        for (int i = threadIdx.x; i < n; i += THREADS) {
            float d = r_outer * (d_u[i] * b.p.gain[i] - x[i] * r_outer * inner);
            if (M == NORM)
                b.d_x[row * n + i] += d;
            else
                b.d_out[row * n + i] = __float2bfloat16(d * factor);
        }
    }
    for (int i = threadIdx.x; i < n_sums * n; i += THREADS)
        b.partial[(size_t)blockIdx.x * n_sums * n + i] = sums[i];
}

/*
 * grad[n] += the partial sums of a gain: SUM_COLS columns a block, each by a few threads that take
 * every so-many-th block and are added in order.
 */
__global__ void add_partial(float *grad, const float *partial, int n_blocks, size_t stride, int n)
{
    const int        groups = THREADS / SUM_COLS;
    __shared__ float part[groups][SUM_COLS];
    int              lane = threadIdx.x % SUM_COLS, group = threadIdx.x / SUM_COLS;
    int              col = blockIdx.x * SUM_COLS + lane;

    float x = 0;
    for (int i = group; i < n_blocks && col < n; i += groups) x += partial[i * stride + col];
    part[group][lane] = x;
    __syncthreads();
    if (group || col >= n) return;
    for (int i = 1; i < groups; i++) x += part[i][lane];
    grad[col] += x;
}

/* Arrays are [rows][state], but for a of each row and the bound of each column. */
struct scan_back_arguments {
    const float   *f, *i, *h, *before, *d_h, *f_a, *i_a, *bound;
    bf16          *d_f, *d_i; /* / a */
    float         *d_bound;   /* [streams][state] */
    const int32_t *ids;
    int            n, n_tokens;
    int32_t        bos;
};

/*
 * As scan, backwards: `carried` is the gradient that the tokens after this one send to its h,
 * f_{t+1} delta_{t+1} in README.md.  A stream's part of d_bound is stored alone, so no two threads
 * add to one sum.
 */
__global__ void scan_back(scan_back_arguments s)
{
    int col = blockIdx.x * THREADS + threadIdx.x, stream = blockIdx.y;

    if (col >= s.n) return;
    float  carried = 0, d_beta = 0, beta = s.bound ? s.bound[col] : 0.0f;
    float  f[AHEAD], i[AHEAD], d_h[AHEAD], before[AHEAD];
    size_t first = (size_t)stream * s.n_tokens;
    for (int end = s.n_tokens; end > 0; end -= AHEAD) {
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            int    t = end - 1 - k;
            size_t at = (first + t) * s.n + col;
            if (t < 0) continue;
            f[k] = s.f[at], i[k] = s.i[at], d_h[k] = s.d_h[at];
            before[k] = t ? s.h[at - s.n] : s.before[(size_t)stream * s.n + col];
        }
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            int    t = end - 1 - k;
            size_t row = first + t, at = row * s.n + col;
            if (t < 0) continue;
            float u = sigmoid(f[k]), v = sigmoid(i[k]), d = d_h[k] + carried;
            float forget = beta + (1.0f - beta) * u;
            bool  reset = s.ids[row] == s.bos;
            float d_gate = d * ((reset ? 0.0f : before[k]) - i[k] * v);
            s.d_f[at] = __float2bfloat16(d_gate * (1.0f - beta) * u * (1.0f - u) / s.f_a[row]);
            s.d_i[at] = __float2bfloat16(d * (1.0f - forget) * silu_slope(i[k], v) / s.i_a[row]);
            d_beta += d_gate * (1.0f - u);
            carried = reset ? 0.0f : d * forget;
        }
    }
    s.d_bound[(size_t)stream * s.n + col] = s.bound ? d_beta : 0.0f;
}

/* Each block adds the rows of one id: rows[starts[b] .. starts[b + 1]). */
__global__ void embedding_back(float *grad, const float *d_x, const int32_t *ids,
                               const int32_t *rows, const int32_t *starts, int dim)
{
    int first = starts[blockIdx.x], end = starts[blockIdx.x + 1];
    int id = ids[rows[first]];

    for (int i = threadIdx.x; i < dim; i += THREADS) {
        float x = 0;
        for (int k = first; k < end; k++) x += d_x[(size_t)rows[k] * dim + i];
        grad[(size_t)id * dim + i] += x;
    }
}

/* ---- The optimizer --------------------------------------------------------------------------- */

/* Partial sums of the norm of all gradients; the host adds them up in their order. */
__global__ void sum_squares(double *partial, const float *x, size_t n)
{
    double s = 0;

    for (size_t i = blockIdx.x * (size_t)THREADS + threadIdx.x; i < n;
         i += (size_t)gridDim.x * THREADS)
        s += (double)x[i] * (double)x[i];
    s = reduce<double, false>(s);
    if (threadIdx.x == 0) partial[blockIdx.x] = s;
}

/* nm_adamw_factors says what is computed; keep is that of this tensor. */
__global__ void adamw(float *w, float *m, float *v, float *g, nm_adamw_factors f, float keep,
                      size_t n)
{
    for (size_t i = blockIdx.x * (size_t)THREADS + threadIdx.x; i < n;
         i += (size_t)gridDim.x * THREADS) {
        float d = g[i] * f.clip;
        m[i] = f.beta1 * m[i] + (1.0f - f.beta1) * d;
        v[i] = f.beta2 * v[i] + (1.0f - f.beta2) * (d * d);
        w[i] = w[i] * keep - f.rate * m[i] / (sqrtf(v[i]) * f.root + ADAMW_EPS);
        g[i] = 0;
    }
}

/* ---- Memory ---------------------------------------------------------------------------------- */

/* What the way back needs of a layer: the arrays of nm_taped_layer, and a of each product. */
struct layer_memory {
    float *x, *f, *i, *g, *h, *middle, *gate_up, *before;
    float *a[NM_CUDA_PER_LAYER]; /* [rows] */
};

struct nm_cuda {
    nm_cuda_model               model;
    std::vector<nm_cuda_tensor> tensors;
    std::vector<nm_cuda_layer>  layer_plan;
    std::vector<nm_cuda_matrix> matrices; /* of all layers, then the head */
    std::vector<size_t>         trits_at;
    std::vector<void *>         blocks; /* all that close frees */
    cublasHandle_t              blas = nullptr;
    cudaError_t                 status = cudaSuccess; /* the first failure; check reports it */
    size_t                      n_streams, n_tokens, n_rows;

    /* The model, by the offsets of the latent. */
    float  *values, *grads, *m, *v; /* [n_values] */
    float  *scales;                 /* [matrices]: s */
    float  *bounds, *d_bounds;      /* beta [n_layers][dim], [n_layers][streams][dim] */
    float  *states;                 /* [n_layers][streams][state] */
    bf16   *trits;                  /* matrix i at trits_at[i] */
    double *partial;                /* [PIECES] */

    /*
     * A pass.  q and d_n are those of up to three BitLinears that share an input; d_y is dy' of
     * them, dy / a in bf16, which is what products of the way back read.
     */
    std::vector<layer_memory> layers;
    float                    *x, *d_x;             /* [rows][dim] */
    float                    *sums, *d_n[3], *d_h; /* [rows][widest operand], d_h [rows][state] */
    float                    *gain_sums;       /* [blocks of ROWS_OF_SUMS rows][1 + 3][columns] */
    float                    *logits, *head_a; /* of HEAD_ROWS rows */
    float                    *nats;            /* [rows] */
    bf16                     *q[3], *d_y[3], *d_wide, *d_logits;
    int32_t                  *ids, *targets; /* [rows] */
    int32_t *rows, *starts; /* rows in the order of their ids, and where each id's begin */
};

/* n elements; a failure is kept in status, so callers check once after all of their arrays. */
template <typename T> static void take(nm_cuda *c, T **at, size_t n)
{
    void *block = nullptr;

    if (c->status == cudaSuccess) c->status = cudaMalloc(&block, n * sizeof(T) + 256);
    if (block) c->blocks.push_back(block);
    *at = (T *)block;
}

static bool fail(nomul_error *err, nomul_status code, const char *what, const char *why)
{
    if (err) {
        err->code = code;
        snprintf(err->text, sizeof err->text, "GPU: %s: %s", what, why);
    }
    return false;
}

/* Waits for what was launched, and reports what went wrong in it. */
static bool check(nm_cuda *c, const char *what, nomul_error *err)
{
    cudaError_t status = c->status;

    if (status == cudaSuccess) status = cudaDeviceSynchronize();
    if (status == cudaSuccess) status = cudaGetLastError();
    return status == cudaSuccess ||
           fail(err, status == cudaErrorMemoryAllocation ? NOMUL_E_MEMORY : NOMUL_E_UNSUPPORTED,
                what, cudaGetErrorString(status));
}

/* What lives as long as the model: 16 bytes for each value, and 2 for each trit, in bf16. */
static void place_values(nm_cuda *c)
{
    const nm_cuda_model *m = &c->model;
    size_t               n_trits = 0;

    for (const nm_cuda_layer &l : c->layer_plan)
        for (const nm_cuda_matrix &x : l.matrices) c->matrices.push_back(x);
    c->matrices.push_back(m->head);
    for (const nm_cuda_matrix &x : c->matrices) {
        c->trits_at.push_back(n_trits);
        n_trits += x.rows * x.cols;
    }
    take(c, &c->values, m->n_values), take(c, &c->grads, m->n_values);
    take(c, &c->m, m->n_values), take(c, &c->v, m->n_values);
    take(c, &c->trits, n_trits), take(c, &c->scales, c->matrices.size());
    take(c, &c->bounds, m->n_layers * m->state), take(c, &c->partial, PIECES);
}

/* What a pass of n_rows needs; without the layers' it is reused from layer to layer. */
static void place_activations(nm_cuda *c)
{
    const nm_cuda_model *m = &c->model;
    size_t               n = c->n_rows, wide = std::max(2 * m->ffn, m->state);
    size_t               cols = std::max(std::max(m->dim, m->state), m->ffn),
           head = std::min<size_t>(n, HEAD_ROWS);

    c->layers.resize(m->n_layers);
    for (layer_memory &l : c->layers) {
        take(c, &l.x, n * m->dim), take(c, &l.middle, n * m->dim);
        take(c, &l.f, n * m->state), take(c, &l.i, n * m->state);
        take(c, &l.g, n * m->state), take(c, &l.h, n * m->state);
        take(c, &l.gate_up, n * 2 * m->ffn), take(c, &l.before, c->n_streams * m->state);
        for (float *&a : l.a) take(c, &a, n);
    }
    take(c, &c->x, n * m->dim), take(c, &c->d_x, n * m->dim), take(c, &c->sums, n * cols);
    take(c, &c->d_h, n * m->state), take(c, &c->d_wide, n * wide);
    for (int j = 0; j < 3; j++)
        take(c, &c->d_n[j], n * cols), take(c, &c->q[j], n * cols), take(c, &c->d_y[j], n * cols);
    take(c, &c->gain_sums, (n / ROWS_OF_SUMS + 1) * 4 * cols);
    take(c, &c->logits, head * m->vocab), take(c, &c->d_logits, head * m->vocab);
    take(c, &c->head_a, n), take(c, &c->nats, n);
    take(c, &c->d_bounds, m->n_layers * c->n_streams * m->state);
    take(c, &c->states, m->n_layers * c->n_streams * m->state);
    take(c, &c->ids, n), take(c, &c->targets, n), take(c, &c->rows, n), take(c, &c->starts, n + 1);
}

nm_cuda *nm_cuda_open(const nm_cuda_model *model, size_t n_streams, size_t n_tokens,
                      nomul_error *err)
{
    nm_cuda *c = new nm_cuda();

    c->model = *model;
    c->tensors.assign(model->tensors, model->tensors + model->n_tensors);
    c->layer_plan.assign(model->layers, model->layers + model->n_layers);
    c->n_streams = n_streams, c->n_tokens = n_tokens, c->n_rows = n_streams * n_tokens;
    c->status = cudaSetDevice(0);
    bool ok = check(c, "cannot be used", err);
    if (ok) {
        place_values(c);
        place_activations(c);
        ok = check(c, "memory: use a smaller --micro-batch", err);
    }

    /* Shared memory of input_back is the largest: u, d_u and up to four sums. */
    int most = 0,
        bytes = (int)(std::max(std::max(model->dim * 6, model->state * 4), model->ffn * 4) *
                      sizeof(float));
    const void *kernels[] = {(const void *)quantize<NORM>,   (const void *)quantize<GATE>,
                             (const void *)quantize<GLU>,    (const void *)input_back<NORM>,
                             (const void *)input_back<GATE>, (const void *)input_back<GLU>};
    if (ok) cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, 0);
    if (ok && bytes > most)
        ok = fail(err, NOMUL_E_UNSUPPORTED, "shared memory", "the model is too wide for this GPU");
    for (size_t i = 0; ok && i < sizeof kernels / sizeof *kernels; i++)
        cudaFuncSetAttribute(kernels[i], cudaFuncAttributeMaxDynamicSharedMemorySize, bytes);
    ok = ok && check(c, "shared memory", err);
    if (ok && cublasCreate(&c->blas) != CUBLAS_STATUS_SUCCESS)
        ok = fail(err, NOMUL_E_UNSUPPORTED, "cuBLAS", "cannot be opened");
    if (ok) return c;
    nm_cuda_close(c);
    return nullptr;
}

void nm_cuda_close(nm_cuda *c)
{
    if (!c) return;
    if (c->blas) cublasDestroy(c->blas);
    for (void *block : c->blocks) cudaFree(block);
    delete c;
}

/* ---- Products -------------------------------------------------------------------------------- */

static const bf16 *trits_of(const nm_cuda *c, size_t matrix)
{
    return c->trits + c->trits_at[matrix];
}

/*
 * y[m][n] = op(a) op(b) + beta y as cuBLAS has it, columns first: element (i, j) of y is
 * y[i + j m].  A failure is kept in status.
 */
static void gemm(nm_cuda *c, bool a_transposed, bool b_transposed, size_t m, size_t n, size_t k,
                 const bf16 *a, size_t lda, const bf16 *b, size_t ldb, float beta, float *y)
{
    const float one = 1;

    if (cublasGemmEx(c->blas, a_transposed ? CUBLAS_OP_T : CUBLAS_OP_N,
                     b_transposed ? CUBLAS_OP_T : CUBLAS_OP_N, (int)m, (int)n, (int)k, &one, a,
                     CUDA_R_16BF, (int)lda, b, CUDA_R_16BF, (int)ldb, &beta, y, CUDA_R_32F, (int)m,
                     CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT) != CUBLAS_STATUS_SUCCESS &&
        c->status == cudaSuccess)
        c->status = cudaErrorUnknown;
}

/*
 * y[rows][M] = q C^T.  To cuBLAS our rows are columns, so it computes the transposed product:
 *
 *     y^T = C q^T      C is [M][K] here, K x M there: transposed      q^T is K x rows there
 */
static void product(nm_cuda *c, size_t matrix, float *y, const bf16 *q, size_t n_rows)
{
    const nm_cuda_matrix &w = c->matrices[matrix];

    gemm(c, true, false, w.rows, n_rows, w.cols, trits_of(c, matrix), w.cols, q, w.cols, 0, y);
}

/* dW += dy'^T q;  d_n = dy' C */
static void product_back(nm_cuda *c, size_t matrix, float *d_n, const bf16 *d_y, const bf16 *q,
                         size_t n_rows)
{
    const nm_cuda_matrix &w = c->matrices[matrix];

    gemm(c, false, true, w.cols, w.rows, n_rows, q, w.cols, d_y, w.rows, 1, c->grads + w.weight);
    gemm(c, false, false, w.cols, n_rows, w.rows, trits_of(c, matrix), w.cols, d_y, w.rows, 0, d_n);
}

/* ---- The pass -------------------------------------------------------------------------------- */

static int blocks_of(size_t n)
{
    return (int)((n + THREADS - 1) / THREADS);
}

/* matrices[first .. first + n) share the input that p makes. */
static linears linears_of(nm_cuda *c, size_t first, int n, float *const *a)
{
    linears l = {};

    l.n = n;
    for (int j = 0; j < n; j++) {
        l.gain[j] = c->values + c->matrices[first + j].gain;
        l.q[j] = c->q[j], l.a[j] = a[j];
    }
    return l;
}

/* q and a of n_rows tokens, also on the way back: q is not kept. */
template <mode M> static void run_quantize(const prologue &p, const linears &l, size_t n_rows)
{
    quantize<M><<<(int)n_rows, THREADS, p.n * sizeof(float)>>>(p, l);
}

/* The gradients of gains of matrices[first ...) and of the prologue's, where it has one. */
template <mode M>
static void run_input_back(nm_cuda *c, back_arguments b, size_t first, size_t outer_gain,
                           size_t n_rows)
{
    int n_blocks = (int)((n_rows + ROWS_OF_SUMS - 1) / ROWS_OF_SUMS), n = b.p.n;
    int n_sums = b.l.n + 1;

    b.partial = c->gain_sums, b.n_rows = (int)n_rows;
    for (int j = 0; j < b.l.n; j++) b.d_n[j] = c->d_n[j], b.scale[j] = c->scales + first + j;
    input_back<M><<<n_blocks, THREADS, (2 + n_sums) * n * sizeof(float)>>>(b);
    for (int j = M == GLU ? 1 : 0; j < n_sums; j++) {
        size_t at = j ? c->matrices[first + j - 1].gain : outer_gain;
        add_partial<<<(n + SUM_COLS - 1) / SUM_COLS, THREADS>>>(
            c->grads + at, c->gain_sums + (size_t)j * n, n_blocks, (size_t)n_sums * n, n);
    }
}

/* What the four groups of BitLinears of a layer read: f, i, g; o; gate_up; down. */
struct layer_prologues {
    prologue attn, gate, ffn, glu;
};

static layer_prologues prologues_of(const nm_cuda *c, size_t index)
{
    const nm_cuda_model &m = c->model;
    const nm_cuda_layer &plan = c->layer_plan[index];
    const layer_memory  &l = c->layers[index];
    const float         *w = c->values;

    return {{l.x, w + plan.attn_gain, nullptr, m.eps, (int)m.dim},
            {l.g, w + plan.g_gain, l.h, m.eps, (int)m.state},
            {l.middle, w + plan.ffn_gain, nullptr, m.eps, (int)m.dim},
            {l.gate_up, nullptr, nullptr, 0, (int)m.ffn}};
}

/* beta of a layer; the first has none, its bound is 0. */
static const float *bound_of(const nm_cuda *c, size_t index)
{
    return c->model.use_lower_bound && index ? c->bounds + index * c->model.dim : nullptr;
}

/* The steps of forward_layer in tape.c; sums of products are scaled where they are used next. */
static void forward_layer(nm_cuda *c, const nm_batch *b, size_t index, size_t n)
{
    const nm_cuda_model &m = c->model;
    layer_memory        &l = c->layers[index];
    size_t               first = index * NM_CUDA_PER_LAYER;
    layer_prologues      p = prologues_of(c, index);
    const float         *scale = c->scales + first;

    /* u = RMSNorm(x);  f, i, g = BitLinear(u) */
    cudaMemcpyAsync(l.x, c->x, n * m.dim * sizeof(float), cudaMemcpyDeviceToDevice);
    run_quantize<NORM>(p.attn, linears_of(c, first, 3, l.a), n);
    product(c, first + NM_CUDA_F, l.f, c->q[0], n);
    product(c, first + NM_CUDA_I, l.i, c->q[1], n);
    product(c, first + NM_CUDA_G, l.g, c->q[2], n);

    /* h = f h + silu(i) (1 - f);  x = x + BitLinear(RMSNorm(g) silu(h)) */
    scan_arguments s = {l.f,
                        l.i,
                        l.h,
                        scale + NM_CUDA_F,
                        scale + NM_CUDA_I,
                        l.a[NM_CUDA_F],
                        l.a[NM_CUDA_I],
                        bound_of(c, index),
                        c->states + index * b->n_streams * m.state,
                        l.before,
                        c->ids,
                        (int)m.state,
                        (int)c->n_tokens,
                        b->bos};
    scan<<<dim3(blocks_of(m.state), (unsigned)b->n_streams), THREADS>>>(s);
    scale_rows<<<(int)n, THREADS>>>(l.g, scale + NM_CUDA_G, l.a[NM_CUDA_G], (int)m.state);
    run_quantize<GATE>(p.gate, linears_of(c, first + NM_CUDA_O, 1, l.a + NM_CUDA_O), n);
    product(c, first + NM_CUDA_O, c->sums, c->q[0], n);
    add_rows<<<(int)n, THREADS>>>(c->x, c->sums, scale + NM_CUDA_O, l.a[NM_CUDA_O], (int)m.dim);

    /* a, b = BitLinear(RMSNorm(x));  x = x + BitLinear(silu(a) b) */
    cudaMemcpyAsync(l.middle, c->x, n * m.dim * sizeof(float), cudaMemcpyDeviceToDevice);
    run_quantize<NORM>(p.ffn, linears_of(c, first + NM_CUDA_GATE_UP, 1, l.a + NM_CUDA_GATE_UP), n);
    product(c, first + NM_CUDA_GATE_UP, l.gate_up, c->q[0], n);
    scale_rows<<<(int)n, THREADS>>>(l.gate_up, scale + NM_CUDA_GATE_UP, l.a[NM_CUDA_GATE_UP],
                                    (int)(2 * m.ffn));
    run_quantize<GLU>(p.glu, linears_of(c, first + NM_CUDA_DOWN, 1, l.a + NM_CUDA_DOWN), n);
    product(c, first + NM_CUDA_DOWN, c->sums, c->q[0], n);
    add_rows<<<(int)n, THREADS>>>(c->x, c->sums, scale + NM_CUDA_DOWN, l.a[NM_CUDA_DOWN],
                                  (int)m.dim);
}

/* Logits, loss and the gradient of x, HEAD_ROWS at a time. */
static void run_head(nm_cuda *c, const nm_batch *b, size_t n_rows)
{
    const nm_cuda_model &m = c->model;
    size_t               head = c->matrices.size() - 1;

    for (size_t at = 0, n; at < n_rows; at += n) {
        n = std::min<size_t>(HEAD_ROWS, n_rows - at);
        prologue p = {c->x + at * m.dim, c->values + m.output_gain, nullptr, m.eps, (int)m.dim};
        linears  l = linears_of(c, head, 1, &c->head_a);
        run_quantize<NORM>(p, l, n);
        product(c, head, c->logits, c->q[0], n);

        cross_entropy<<<(int)n, THREADS>>>(c->d_logits, c->nats + at, c->logits, c->scales + head,
                                           c->head_a, c->targets + at, (int)m.vocab, b->weight);
        product_back(c, head, c->d_n[0], c->d_logits, c->q[0], n);
        back_arguments back = {};
        back.p = p, back.l = l, back.d_x = c->d_x + at * m.dim;
        run_input_back<NORM>(c, back, head, m.output_gain, n);
    }
}

/*
 * From d_x of the layer's output to that of its input.  Each group of BitLinears takes three steps:
 * q is made again, products give d_n and the gradients of the weights, and input_back goes through
 * norms and prologue to what the group's input was made of.
 */
static void backward_layer(nm_cuda *c, const nm_batch *b, size_t index, size_t n)
{
    const nm_cuda_model &m = c->model;
    layer_memory        &l = c->layers[index];
    const nm_cuda_layer &plan = c->layer_plan[index];
    size_t               first = index * NM_CUDA_PER_LAYER;
    layer_prologues      p = prologues_of(c, index);
    back_arguments       back = {};

    /* down, glu */
    back.p = p.glu, back.l = linears_of(c, first + NM_CUDA_DOWN, 1, l.a + NM_CUDA_DOWN);
    back.d_out = c->d_wide, back.out_a = l.a[NM_CUDA_GATE_UP];
    run_quantize<GLU>(back.p, back.l, n);
    divide_rows<<<(int)n, THREADS>>>(c->d_y[0], c->d_x, l.a[NM_CUDA_DOWN], (int)m.dim);
    product_back(c, first + NM_CUDA_DOWN, c->d_n[0], c->d_y[0], c->q[0], n);
    run_input_back<GLU>(c, back, first + NM_CUDA_DOWN, 0, n);

    /* gate_up, the channel mixer's norm */
    back.p = p.ffn, back.l = linears_of(c, first + NM_CUDA_GATE_UP, 1, l.a + NM_CUDA_GATE_UP);
    back.d_x = c->d_x;
    run_quantize<NORM>(back.p, back.l, n);
    product_back(c, first + NM_CUDA_GATE_UP, c->d_n[0], c->d_wide, c->q[0], n);
    run_input_back<NORM>(c, back, first + NM_CUDA_GATE_UP, plan.ffn_gain, n);

    /* o, the gate: dg / a and dh */
    back.p = p.gate, back.l = linears_of(c, first + NM_CUDA_O, 1, l.a + NM_CUDA_O);
    back.d_out = c->d_y[2], back.d_h = c->d_h, back.out_a = l.a[NM_CUDA_G];
    run_quantize<GATE>(back.p, back.l, n);
    divide_rows<<<(int)n, THREADS>>>(c->d_y[0], c->d_x, l.a[NM_CUDA_O], (int)m.dim);
    product_back(c, first + NM_CUDA_O, c->d_n[0], c->d_y[0], c->q[0], n);
    run_input_back<GATE>(c, back, first + NM_CUDA_O, plan.g_gain, n);

    /* the recurrence, f, i, g, the token mixer's norm */
    scan_back_arguments s = {l.f,
                             l.i,
                             l.h,
                             l.before,
                             c->d_h,
                             l.a[NM_CUDA_F],
                             l.a[NM_CUDA_I],
                             bound_of(c, index),
                             c->d_y[0],
                             c->d_y[1],
                             c->d_bounds + index * b->n_streams * m.state,
                             c->ids,
                             (int)m.state,
                             (int)c->n_tokens,
                             b->bos};
    scan_back<<<dim3(blocks_of(m.state), (unsigned)b->n_streams), THREADS>>>(s);
    back.p = p.attn, back.l = linears_of(c, first, 3, l.a);
    run_quantize<NORM>(back.p, back.l, n);
    for (int j = 0; j < 3; j++) product_back(c, first + j, c->d_n[j], c->d_y[j], c->q[j], n);
    run_input_back<NORM>(c, back, first, plan.attn_gain, n);
}

/* The states of the batch's streams, which may be some of more; to the GPU or back. */
static void copy_states(nm_cuda *c, const nm_batch *b, bool to_gpu)
{
    size_t n = c->model.state, bytes = b->n_streams * n * sizeof(float);

    for (size_t l = 0; l < c->model.n_layers; l++) {
        float *host = b->states + l * b->state_streams * n, *gpu = c->states + l * b->n_streams * n;
        if (to_gpu)
            cudaMemcpy(gpu, host, bytes, cudaMemcpyHostToDevice);
        else
            cudaMemcpy(host, gpu, bytes, cudaMemcpyDeviceToHost);
    }
}

/* Work is queued in order on one stream; the copies to the host wait for it. */
bool nm_cuda_run(nm_cuda *c, const nm_batch *b, double *loss, nomul_error *err)
{
    const nm_cuda_model &m = c->model;
    size_t               n = b->n_streams * c->n_tokens;
    std::vector<float>   nats(n);

    cudaMemcpy(c->ids, b->ids, n * sizeof *b->ids, cudaMemcpyHostToDevice);
    cudaMemcpy(c->targets, b->targets, n * sizeof *b->targets, cudaMemcpyHostToDevice);
    copy_states(c, b, true);
    embed<<<(int)n, THREADS>>>(c->x, c->values + m.embedding, c->ids, (int)m.dim, m.embedding_f16);
    for (size_t l = 0; l < m.n_layers; l++) forward_layer(c, b, l, n);
    cudaMemsetAsync(c->d_x, 0, n * m.dim * sizeof(float));
    run_head(c, b, n);
    for (size_t l = m.n_layers; l-- > 0;) backward_layer(c, b, l, n);
    if (m.use_lower_bound)
        bounds_back<<<blocks_of(m.dim), THREADS>>>(c->grads + m.bounds, c->values + m.bounds,
                                                   c->d_bounds, (int)m.n_layers, (int)m.dim,
                                                   (int)b->n_streams);

    /* Rows by id, so that each id's gradient is one sum in the order of the rows. */
    std::vector<int32_t> rows(n), starts;
    std::iota(rows.begin(), rows.end(), 0);
    std::stable_sort(rows.begin(), rows.end(),
                     [&](int32_t x, int32_t y) { return b->ids[x] < b->ids[y]; });
    for (size_t i = 0; i < n; i++)
        if (i == 0 || b->ids[rows[i]] != b->ids[rows[i - 1]]) starts.push_back((int32_t)i);
    int n_ids = (int)starts.size();
    starts.push_back((int32_t)n);
    cudaMemcpy(c->rows, rows.data(), n * sizeof(int32_t), cudaMemcpyHostToDevice);
    cudaMemcpy(c->starts, starts.data(), starts.size() * sizeof(int32_t), cudaMemcpyHostToDevice);
    embedding_back<<<n_ids, THREADS>>>(c->grads + m.embedding, c->d_x, c->ids, c->rows, c->starts,
                                       (int)m.dim);
    copy_states(c, b, false);
    cudaMemcpy(nats.data(), c->nats, n * sizeof(float), cudaMemcpyDeviceToHost);
    *loss = std::accumulate(nats.begin(), nats.end(), 0.0);
    return check(c, "step", err);
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* As nm_latent_quantize; the embedding is rounded where it is read. */
static void quantize_weights(nm_cuda *c)
{
    for (size_t i = 0; i < c->matrices.size(); i++) {
        const nm_cuda_matrix &w = c->matrices[i];
        size_t                n = w.rows * w.cols;
        int                   blocks = (int)std::min<size_t>(PIECES, (n + THREADS - 1) / THREADS);
        sum_sizes<<<blocks, THREADS>>>(c->partial, c->values + w.weight, n);
        find_scale<<<1, THREADS>>>(c->scales + i, c->partial, blocks, n);
        make_trits<<<blocks, THREADS>>>(c->trits + c->trits_at[i], c->values + w.weight,
                                        c->scales + i, n);
    }
    if (c->model.use_lower_bound)
        make_bounds<<<blocks_of(c->model.dim), THREADS>>>(
            c->bounds, c->values + c->model.bounds, (int)c->model.n_layers, (int)c->model.dim);
}

bool nm_cuda_send(nm_cuda *c, const float *values, const float *m, const float *v, nomul_error *err)
{
    size_t bytes = c->model.n_values * sizeof(float);

    cudaMemcpy(c->values, values, bytes, cudaMemcpyHostToDevice);
    cudaMemcpy(c->m, m, bytes, cudaMemcpyHostToDevice);
    cudaMemcpy(c->v, v, bytes, cudaMemcpyHostToDevice);
    cudaMemset(c->grads, 0, bytes);
    quantize_weights(c);
    return check(c, "sending the weights", err);
}

bool nm_cuda_fetch(nm_cuda *c, float *values, float *m, float *v, nomul_error *err)
{
    size_t bytes = c->model.n_values * sizeof(float);

    cudaMemcpy(values, c->values, bytes, cudaMemcpyDeviceToHost);
    cudaMemcpy(m, c->m, bytes, cudaMemcpyDeviceToHost);
    cudaMemcpy(v, c->v, bytes, cudaMemcpyDeviceToHost);
    return check(c, "fetching the weights", err);
}

bool nm_cuda_fetch_grads(nm_cuda *c, float *grads, nomul_error *err)
{
    cudaMemcpy(grads, c->grads, c->model.n_values * sizeof(float), cudaMemcpyDeviceToHost);
    return check(c, "fetching the gradients", err);
}

bool nm_cuda_norm(nm_cuda *c, double *norm, nomul_error *err)
{
    double partial[PIECES]; /* added up here, in one order */

    sum_squares<<<PIECES, THREADS>>>(c->partial, c->grads, c->model.n_values);
    cudaMemcpy(partial, c->partial, sizeof partial, cudaMemcpyDeviceToHost);
    *norm = sqrt(std::accumulate(partial, partial + PIECES, 0.0));
    return check(c, "norm of the gradients", err);
}

bool nm_cuda_step(nm_cuda *c, const nm_adamw_factors *f, nomul_error *err)
{
    for (const nm_cuda_tensor &t : c->tensors)
        adamw<<<(int)std::min<size_t>(4096, (t.n + THREADS - 1) / THREADS), THREADS>>>(
            c->values + t.at, c->m + t.at, c->v + t.at, c->grads + t.at, *f,
            t.is_matrix ? f->decayed : f->keep, t.n);
    quantize_weights(c);
    return check(c, "optimizer", err);
}
