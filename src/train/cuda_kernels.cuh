/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernels of cuda.cu.  A token's row belongs to one block, whose thread t has the columns
 * t, t + blockDim.x, ...: COLS of them in registers, so that a row is read once.  The forward pass
 * is in binary32; what it keeps for the way back, beside the residual stream, is in binary16, and
 * gradients that go into products are in bf16.
 *
 * Sums over tokens are taken in a fixed order, in two stages: no atomics, the same bits each time.
 */
#ifndef NM_CUDA_KERNELS_CUH
#define NM_CUDA_KERNELS_CUH

#include "train/cuda.h"

#include <cuda_bf16.h>
#include <cuda_fp16.h>
#include <cuda_runtime.h>

typedef __nv_bfloat16 bf16;

#define THREADS 256
#define MOST_THREADS 512 /* of a block that has a row */
#define ROWS_OF_SUMS 8  /* rows of which one block adds up the gradients of gains */
#define SUM_COLS 32     /* columns of which a block adds up these sums */
#define SCAN_COLS 32    /* elements of the state that a block of the recurrence has */
#define SCAN_PARTS 32   /* parts of a stream's tokens, one a warp */
#define AHEAD 8         /* tokens that are loaded before they are computed */
#define BITLINEAR_EPS 1e-6f
#define ADAMW_EPS 1e-8f

/* ---- Sums in a block ------------------------------------------------------------------------- */

/*
 * Of each of N values the sum, or the largest, over the block; all threads get the same bits.  A
 * warp combines its 32 values in registers, then each thread adds up the warps' results in one
 * order: the first __syncthreads lets the reads of a call before finish.
 */
template <bool is_max, typename T, int N> __device__ void reduce(T (&x)[N])
{
    __shared__ T part[32][N];
    int          n_warps = blockDim.x / 32;

    for (int j = 0; j < N; j++)
        for (int apart = 16; apart; apart /= 2) {
            T other = __shfl_xor_sync(~0u, x[j], apart);
            x[j] = is_max ? (other > x[j] ? other : x[j]) : x[j] + other;
        }
    __syncthreads();
    if (threadIdx.x % 32 == 0)
        for (int j = 0; j < N; j++) part[threadIdx.x / 32][j] = x[j];
    __syncthreads();
    for (int j = 0; j < N; j++) {
        x[j] = part[0][j];
        for (int i = 1; i < n_warps; i++)
            x[j] = is_max ? (part[i][j] > x[j] ? part[i][j] : x[j]) : x[j] + part[i][j];
    }
}

template <bool is_max, typename T> __device__ T reduce(T x)
{
    T one[1] = {x};

    reduce<is_max>(one);
    return one[0];
}

__device__ inline float sigmoid(float x)
{
    return 1.0f / (1.0f + expf(-x));
}

/* A gate so large is as good as the largest. */
__device__ inline __half to_half(float x)
{
    return __float2half_rn(fminf(fmaxf(x, -65504.0f), 65504.0f));
}

/* The derivative of silu(x) = x s, s = sigmoid(x). */
__device__ inline float silu_slope(float x, float s)
{
    return s * (1.0f + x * (1.0f - s));
}

/* ---- Quantizing the weights ------------------------------------------------------------------ */

/*
 * Weights are quantized by three kernels, as the mean of all |w| of a matrix has to be known before
 * its first trit: partial sums, one a block; one block a matrix adds them up to the scale; the trits.
 */

/* Of one matrix: where its weights and its trits begin. */
struct matrix_place {
    const float *weights;
    bf16        *trits;
    size_t       n;
};

/* Each matrix has a row of blocks: partial[matrix][block] of the sum of |w|. */
__global__ void sum_sizes(double *partial, const matrix_place *matrices)
{
    matrix_place m = matrices[blockIdx.y];
    double       x = 0;

    for (size_t i = blockIdx.x * (size_t)THREADS + threadIdx.x; i < m.n;
         i += (size_t)gridDim.x * THREADS)
        x += fabs((double)m.weights[i]);
    x = reduce<false>(x);
    if (threadIdx.x == 0) partial[blockIdx.y * gridDim.x + blockIdx.x] = x;
}

__global__ void find_scales(float *scales, const double *partial, int n_partial,
                            const matrix_place *matrices)
{
    double x = 0;

    for (int i = threadIdx.x; i < n_partial; i += THREADS) x += partial[blockIdx.x * n_partial + i];
    x = reduce<false>(x);
    float mean = (float)(x / (double)matrices[blockIdx.x].n);
    if (threadIdx.x == 0) scales[blockIdx.x] = mean > 1e-5f ? mean : 1e-5f;
}

/* round(w / s) cut to -1, 0 and 1; 0.5 rounds to even, so it is 0. */
__global__ void make_trits(const matrix_place *matrices, const float *scales)
{
    matrix_place m = matrices[blockIdx.y];
    float        s = scales[blockIdx.y];

    for (size_t i = blockIdx.x * (size_t)THREADS + threadIdx.x; i < m.n;
         i += (size_t)gridDim.x * THREADS) {
        float r = m.weights[i] / s;
        m.trits[i] = __float2bfloat16((r > 0.5f) - (r < -0.5f));
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

/* ---- The input of BitLinears ----------------------------------------------------------------- */

/* x = embedding[id], one block a token; rounded as the file will have it. */
__global__ void embed(float *x, const float *table, const int32_t *ids, int dim, bool is_f16)
{
    for (int i = threadIdx.x; i < dim; i += THREADS) {
        float v = table[(size_t)ids[blockIdx.x] * dim + i];
        x[(size_t)blockIdx.x * dim + i] = is_f16 ? __half2float(__float2half_rn(v)) : v;
    }
}

/*
 * What BitLinears are applied to, before their own norm:
 *
 *     NORM   u = RMSNorm(x, gain)                x: the residual stream
 *     GATE   u = RMSNorm(g, gain) silu(h)
 *     GLU    u = silu(wide[0..n)) wide[n..2n)
 *
 * In all three u = v r, with v of one element alone and r one factor for the token; the BitLinears'
 * own norm is a second factor.  Both are kept for the way back, which then needs no sums to have u.
 */
enum mode { NORM, GATE, GLU };

struct prologue {
    const float  *x;       /* NORM: [rows][n] */
    const __half *in, *h;  /* GATE: g and h, [rows][n]; GLU: wide, [rows][2 n] */
    const float  *gain;    /* NORM, GATE */
    const float  *a;       /* GATE, GLU: of the BitLinear that made `in` */
    float        *r;       /* [rows][2] */
    float         eps;
    int           n;
};

/*
 * Where the forward pass has the input from: a product's sums, to be multiplied by s / a.  NORM adds
 * them to x and keeps x; GATE and GLU keep what they read.
 */
struct source {
    const float *sums, *scale, *a; /* NORM: sums may be NULL */
    const float *h;                /* GATE */
    float       *kept_x;
    __half      *kept, *kept_h;
};

/* The BitLinears that share an input: their gains, q and a of each token. */
struct linears {
    const float *gain[3];
    bf16        *q[3];
    float       *a[3];
};

/* v, from the element that is normalized and what it is multiplied with: h, or wide[n + i]. */
template <mode M> __device__ float make_v(const prologue &p, int col, float x, float other)
{
    if (M == NORM) return x * p.gain[col];
    if (M == GATE) return x * p.gain[col] * (other * sigmoid(other));
    return x * sigmoid(x) * other;
}

/* Reads the element, keeps it, and makes v of it. */
template <mode M>
__device__ float read_v(const prologue &p, const source &from, size_t row, int col, float factor,
                        float *x)
{
    size_t at = row * p.n + col;
    float  other = 0;

    if (M == NORM) {
        *x = p.x[at] + (from.sums ? from.sums[at] * factor : 0.0f);
        from.kept_x[at] = *x;
    } else {
        size_t wide = M == GLU ? at + row * p.n : at;
        *x = from.sums[wide] * factor;
        other = M == GLU ? from.sums[wide + p.n] * factor : from.h[at];
        from.kept[wide] = to_half(*x);
        (M == GLU ? from.kept[wide + p.n] : from.kept_h[at]) = to_half(other);
    }
    return make_v<M>(p, col, *x, other);
}

template <mode M, int N, int COLS>
__global__ void __launch_bounds__(MOST_THREADS) quantize(prologue p, source from, linears l)
{
    size_t row = blockIdx.x;
    float  v[COLS], squares[2] = {0, 0}, w[N][COLS], most[N];
    float  factor = from.sums ? *from.scale / from.a[row] : 0.0f;

#pragma unroll
    for (int k = 0; k < COLS; k++) {
        int   col = threadIdx.x + k * blockDim.x;
        float x = 0;
        v[k] = col < p.n ? read_v<M>(p, from, row, col, factor, &x) : 0.0f;
        squares[0] += x * x, squares[1] += v[k] * v[k];
    }
    reduce<false>(squares);
    float outer = M == GLU ? 1.0f : 1.0f / sqrtf(squares[0] / (float)p.n + p.eps);
    float own = 1.0f / sqrtf(outer * outer * squares[1] / (float)p.n + BITLINEAR_EPS);
    for (int j = 0; j < N; j++) {
        most[j] = 1e-5f;
#pragma unroll
        for (int k = 0; k < COLS; k++) {
            int col = threadIdx.x + k * blockDim.x;
            w[j][k] = col < p.n ? v[k] * (outer * own) * l.gain[j][col] : 0.0f;
            most[j] = fmaxf(most[j], fabsf(w[j][k]));
        }
    }
    reduce<true>(most);
    for (int j = 0; j < N; j++) {
        float a = 127.0f / most[j];
#pragma unroll
        for (int k = 0; k < COLS; k++) {
            int col = threadIdx.x + k * blockDim.x;
            if (col < p.n) l.q[j][row * p.n + col] = __float2bfloat16(rintf(w[j][k] * a));
        }
        if (threadIdx.x == 0) l.a[j][row] = a;
    }
    if (threadIdx.x == 0) p.r[2 * row] = outer, p.r[2 * row + 1] = own;
}

/*
 * The way back through a prologue and its BitLinears' own norms, from d_n = dy' C.  With
 * t_j = Σ d_n_j gain_j u (a s) over the columns, all that the derivatives of both norms sum up
 * follows from the t_j, so a token needs one reduction.  Writes q again, for dW; adds up the
 * gradients of gains for ROWS_OF_SUMS rows: partial[block][1 + N][n], the prologue's first.
 */
struct back_arguments {
    prologue     p;
    linears      l;
    const bf16  *d_n[3];   /* [rows][n]: times a s, the gradients of the normalized inputs */
    const float *scale[3]; /* s */
    float       *d_x;      /* NORM: added to */
    bf16        *d_out;    /* NORM: d_x / out_a, or NULL; GATE: dg / a; GLU: da | db / a */
    const float *out_a;    /* NORM: a of the BitLinear that added to x before */
    bf16        *d_h;      /* GATE */
    float       *partial;
    int          n_rows;
};

/* The elements that make_v has. */
template <mode M>
__device__ float kept_x(const prologue &p, size_t row, int col, float *other)
{
    size_t at = row * p.n + col, wide = at + row * p.n;

    if (M == NORM) return p.x[at];
    *other = __half2float(M == GATE ? p.h[at] : p.in[wide + p.n]);
    return __half2float(p.in[M == GATE ? at : wide]);
}

/* What follows of one element, with d_u the gradient of u and inner the mean of d_u u. */
template <mode M>
__device__ void element_back(const back_arguments &b, size_t row, int col, float d_u, float inner,
                             float outer, float *gain_sum)
{
    const prologue &p = b.p;
    size_t          at = row * p.n + col, wide = at + row * p.n;
    float           other = 0, x = kept_x<M>(p, row, col, &other), s = sigmoid(x);

    if (M == GLU) {
        float d = d_u / p.a[row];
        b.d_out[wide] = __float2bfloat16(d * other * silu_slope(x, s));
        b.d_out[wide + p.n] = __float2bfloat16(d * (x * s));
        return;
    }
    float normal = x * outer, gain = p.gain[col];
    if (M == GATE) { /* d_u: of norm silu(h) -> of norm */
        float o = sigmoid(other);
        b.d_h[at] = __float2bfloat16(d_u * (normal * gain) * silu_slope(other, o));
        d_u *= other * o;
    }
    *gain_sum += d_u * normal;
    float d = outer * (d_u * gain - normal * inner);
    if (M == NORM) {
        d += b.d_x[at];
        b.d_x[at] = d;
        if (b.d_out) b.d_out[at] = __float2bfloat16(d / b.out_a[row]);
    } else {
        b.d_out[at] = __float2bfloat16(d / p.a[row]);
    }
}

template <mode M, int N, int COLS>
__global__ void __launch_bounds__(MOST_THREADS) input_back(back_arguments b)
{
    const prologue &p = b.p;
    int             n = p.n;
    float           u[COLS], d[N][COLS], sums[1 + N][COLS] = {};

    for (int r = 0; r < ROWS_OF_SUMS; r++) {
        size_t row = (size_t)blockIdx.x * ROWS_OF_SUMS + r;
        if (row >= (size_t)b.n_rows) break;
        float outer = p.r[2 * row], own = p.r[2 * row + 1], t[N] = {};
#pragma unroll
        for (int k = 0; k < COLS; k++) {
            int    col = threadIdx.x + k * blockDim.x;
            size_t at = row * n + col;
            if (col >= n) continue;
            float other = 0, x = kept_x<M>(p, row, col, &other);
            float v = make_v<M>(p, col, x, other);
            u[k] = v * outer, v *= outer * own;
            for (int j = 0; j < N; j++) {
                float gain = b.l.gain[j][col], a = b.l.a[j][row];
                float d_n = __bfloat162float(b.d_n[j][at]) * (a * *b.scale[j]);
                b.l.q[j][at] = __float2bfloat16(rintf(v * gain * a));
                sums[1 + j][k] += d_n * (u[k] * own);
                d[j][k] = d_n * gain;
                t[j] += d[j][k] * u[k];
            }
        }
        reduce<false>(t);
        /* d_u = own Σ (d - u own² t / n), and so Σ d_u u = Σ t own³ eps: u's length hardly counts */
        float all = 0;
        for (int j = 0; j < N; j++) all += own * own * own * (t[j] / (float)n);
        float inner = all * BITLINEAR_EPS;
#pragma unroll
        for (int k = 0; k < COLS; k++) {
            int col = threadIdx.x + k * blockDim.x;
            if (col >= n) continue;
            float d_u = -u[k] * all;
            for (int j = 0; j < N; j++) d_u += own * d[j][k];
            element_back<M>(b, row, col, d_u, inner, outer, &sums[0][k]);
        }
    }
#pragma unroll
    for (int k = 0; k < COLS; k++) {
        int col = threadIdx.x + k * blockDim.x;
        for (int j = 0; j < 1 + N && col < n; j++)
            b.partial[((size_t)blockIdx.x * (1 + N) + j) * n + col] = sums[j][k];
    }
}

/* Where the sums of a block belong: the prologue's gain, then the BitLinears'; NULL: nowhere. */
struct gain_grads {
    float *grad[4];
};

/*
 * grad[y][n] += the partial sums of gain y of n_gains: SUM_COLS columns a block, each by 32 threads
 * that take every 32nd partial sum and are added in order.
 */
__global__ void add_partial(gain_grads g, const float *partial, int n_blocks, int n_gains, int n)
{
    const int        groups = 32;
    __shared__ float part[groups][SUM_COLS];
    int              lane = threadIdx.x, group = threadIdx.y;
    int              col = blockIdx.x * SUM_COLS + lane;

    if (!g.grad[blockIdx.y]) return;
    float x = 0;
    if (col < n)
#pragma unroll 8
        for (int i = group; i < n_blocks; i += groups)
            x += partial[((size_t)i * n_gains + blockIdx.y) * n + col];
    part[group][lane] = x;
    __syncthreads();
    if (group || col >= n) return;
    for (int i = 1; i < groups; i++) x += part[i][lane];
    g.grad[blockIdx.y][col] += x;
}

/* ---- The recurrence -------------------------------------------------------------------------- */

/*
 * h_t = forget_t h_{t-1} + in_t is linear in h, so a stream's tokens are cut into SCAN_PARTS parts
 * that run at once.  First each finds what it makes of a state h: product h + end.  Then each
 * follows the parts before it, which gives the state it begins with, and writes its tokens.
 */
struct scan_arguments {
    const float   *f_sums, *i_sums, *f_scale, *i_scale, *f_a, *i_a, *bound;
    __half        *f, *i, *h; /* kept: scaled, and the states */
    float         *all_h;     /* the states again, for the forward pass */
    float         *state, *before; /* [streams][state] */
    const int32_t *ids;
    int            n, n_tokens;
    int32_t        bos;
};

/* The tokens [begin, end) of the stream from *h on; *product becomes that of all forget gates. */
template <bool is_written>
__device__ void scan_part(const scan_arguments &s, size_t first, int col, int begin, int end,
                          float *h, float *product)
{
    float f_scale = *s.f_scale, i_scale = *s.i_scale, beta = s.bound ? s.bound[col] : 0.0f;
    float f[AHEAD], i[AHEAD];
    bool  reset[AHEAD];

    for (; begin < end; begin += AHEAD) {
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            size_t row = first + begin + k;
            if (begin + k >= end) continue;
            f[k] = s.f_sums[row * s.n + col] * (f_scale / s.f_a[row]);
            i[k] = s.i_sums[row * s.n + col] * (i_scale / s.i_a[row]);
            reset[k] = s.ids[row] == s.bos;
        }
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            if (begin + k >= end) continue;
            float forget = beta + (1.0f - beta) * sigmoid(f[k]);
            float in = i[k] * sigmoid(i[k]) * (1.0f - forget);
            if (reset[k]) forget = 0;
            *h = forget * *h + in, *product *= forget;
            size_t at = (first + begin + k) * s.n + col;
            if (!is_written) continue;
            s.f[at] = to_half(f[k]), s.i[at] = to_half(i[k]), s.h[at] = to_half(*h);
            s.all_h[at] = *h;
        }
    }
}

__global__ void __launch_bounds__(SCAN_COLS *SCAN_PARTS) scan(scan_arguments s)
{
    __shared__ float products[SCAN_PARTS][SCAN_COLS], ends[SCAN_PARTS][SCAN_COLS];
    int              lane = threadIdx.x, part = threadIdx.y, stream = blockIdx.y;
    int              col = blockIdx.x * SCAN_COLS + lane;
    int              length = (s.n_tokens + SCAN_PARTS - 1) / SCAN_PARTS;
    int              begin = min(part * length, s.n_tokens), end = min(begin + length, s.n_tokens);
    size_t           first = (size_t)stream * s.n_tokens, own = (size_t)stream * s.n + col;
    float            product = 1, h = 0, unused = 1;
    bool             is_there = col < s.n;

    if (is_there) scan_part<false>(s, first, col, begin, end, &h, &product);
    products[part][lane] = product, ends[part][lane] = h;
    float start = is_there ? s.state[own] : 0.0f;
    __syncthreads();
    if (!is_there) return;
    if (part == 0) s.before[own] = start;
    for (int k = 0; k < part; k++) start = products[k][lane] * start + ends[k][lane];
    scan_part<true>(s, first, col, begin, end, &start, &unused);
    if (part == SCAN_PARTS - 1) s.state[own] = start;
}

struct scan_back_arguments {
    scan_arguments s;
    const bf16    *d_h;
    bf16          *d_f, *d_i; /* / a */
    float         *d_bound;   /* [streams][state] */
};

/* As scan_part, backwards: *carried is what the token after gives to the gradient of h. */
template <bool is_written>
__device__ void scan_back_part(const scan_back_arguments &b, size_t first, int col, int begin,
                               int end, float before_all, float *carried, float *product,
                               float *d_beta)
{
    const scan_arguments &s = b.s;
    float beta = s.bound ? s.bound[col] : 0.0f, f[AHEAD], i[AHEAD], d_h[AHEAD], before[AHEAD];
    bool  reset[AHEAD];

    for (; end > begin; end -= AHEAD) {
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            int    t = end - 1 - k;
            size_t row = first + t, at = row * s.n + col;
            if (t < begin) continue;
            f[k] = __half2float(s.f[at]);
            d_h[k] = __bfloat162float(b.d_h[at]);
            reset[k] = s.ids[row] == s.bos;
            if (!is_written) continue;
            i[k] = __half2float(s.i[at]);
            before[k] = t ? __half2float(s.h[at - s.n]) : before_all;
        }
#pragma unroll
        for (int k = 0; k < AHEAD; k++) {
            int t = end - 1 - k;
            if (t < begin) continue;
            float u = sigmoid(f[k]), forget = beta + (1.0f - beta) * u, d = d_h[k] + *carried;
            float kept = reset[k] ? 0.0f : forget;
            *carried = d * kept, *product *= kept;
            if (!is_written) continue;
            size_t row = first + t, at = row * s.n + col;
            float  v = sigmoid(i[k]);
            float  d_gate = d * ((reset[k] ? 0.0f : before[k]) - i[k] * v);
            b.d_f[at] = __float2bfloat16(d_gate * (1.0f - beta) * u * (1.0f - u) / s.f_a[row]);
            b.d_i[at] = __float2bfloat16(d * (1.0f - forget) * silu_slope(i[k], v) / s.i_a[row]);
            *d_beta += d_gate * (1.0f - u);
        }
    }
}

__global__ void __launch_bounds__(SCAN_COLS *SCAN_PARTS) scan_back(scan_back_arguments b)
{
    __shared__ float products[SCAN_PARTS][SCAN_COLS], ends[SCAN_PARTS][SCAN_COLS];
    const scan_arguments &s = b.s;
    int    lane = threadIdx.x, part = threadIdx.y, stream = blockIdx.y;
    int    col = blockIdx.x * SCAN_COLS + lane;
    int    length = (s.n_tokens + SCAN_PARTS - 1) / SCAN_PARTS;
    int    begin = min(part * length, s.n_tokens), end = min(begin + length, s.n_tokens);
    size_t first = (size_t)stream * s.n_tokens, own = (size_t)stream * s.n + col;
    float  carried = 0, product = 1, d_beta = 0, unused = 1;
    bool   is_there = col < s.n;

    if (is_there)
        scan_back_part<false>(b, first, col, begin, end, 0, &carried, &product, &d_beta);
    products[part][lane] = product, ends[part][lane] = carried;
    __syncthreads();
    carried = 0, d_beta = 0;
    for (int k = SCAN_PARTS - 1; k > part; k--)
        carried = products[k][lane] * carried + ends[k][lane];
    __syncthreads();
    if (is_there)
        scan_back_part<true>(b, first, col, begin, end, s.before[own], &carried, &unused, &d_beta);
    ends[part][lane] = d_beta;
    __syncthreads();
    if (part || !is_there) return;
    for (int k = 1; k < SCAN_PARTS; k++) d_beta += ends[k][lane];
    b.d_bound[own] = s.bound ? d_beta : 0.0f;
}

/* ---- The loss -------------------------------------------------------------------------------- */

/* Of a row of logits its loss, and d logits / a in bf16. */
__global__ void cross_entropy(bf16 *d_logits, float *nats, const float *sums, const float *scale,
                              const float *a, const int32_t *targets, int n, float weight)
{
    size_t       row = blockIdx.x;
    const float *x = sums + row * n;
    float        factor = *scale / a[row], most = -INFINITY, total = 0;

    /* The sum of e^(x - most) while most is still being found. */
    for (int i = threadIdx.x; i < n; i += THREADS) {
        float y = x[i] * factor;
        if (y > most) total *= expf(most - y), most = y;
        total += expf(y - most);
    }
    float highest = reduce<true>(most);
    total = reduce<false>(most > -INFINITY ? total * expf(most - highest) : 0.0f);
    int   target = targets[row];
    float share = weight / a[row];
    for (int i = threadIdx.x; i < n; i += THREADS) {
        float p = expf(x[i] * factor - highest) / total;
        d_logits[row * n + i] = __float2bfloat16((p - (i == target)) * share);
    }
    if (threadIdx.x == 0) nats[row] = logf(total) - (x[target] * factor - highest);
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
    s = reduce<false>(s);
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

#endif
