/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernels of cuda.cu.  They are limited by memory, so a thread reads and writes V neighbouring
 * values with one instruction: V is 4, or 1 where a width is no multiple of 4.  A token's row
 * belongs to one block, whose thread t has the vectors t, t + blockDim.x, ...: K of them, which
 * stay in registers, so that a row is read once.
 *
 * The forward pass computes in binary32.  Products leave their sums in binary16 (see struct sums);
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
#define ODD_COLS 24   /* values of a row that a thread has where V is 1 */
#define SUM_COLS 32   /* columns of which a block adds up gradients of gains */
#define SCAN_LANES 32 /* threads of a block of the recurrence that share a token */
#define SCAN_PARTS 32 /* parts of a stream's tokens, one a warp */
#define AHEAD 4       /* tokens that are loaded before they are computed */
#define BITLINEAR_EPS 1e-6f
#define ADAMW_EPS 1e-8f

/* ---- Vectors and sums in a block ------------------------------------------------------------- */

/* What one instruction loads. */
template <typename T, int V> struct alignas(sizeof(T) * V) vec {
    T e[V];
};

__device__ inline float to_float(float x)
{
    return x;
}

__device__ inline float to_float(__half x)
{
    return __half2float(x);
}

__device__ inline float to_float(bf16 x)
{
    return __bfloat162float(x);
}

__device__ inline void from_float(float *to, float x)
{
    *to = x;
}

/* Beyond its range a value is as good as the largest. */
__device__ inline float clamp(float x)
{
    return fminf(fmaxf(x, -65504.0f), 65504.0f);
}

__device__ inline void from_float(__half *to, float x)
{
    *to = __float2half_rn(clamp(x));
}

__device__ inline void from_float(bf16 *to, float x)
{
    *to = __float2bfloat16(x);
}

template <int V, typename T> __device__ vec<T, V> load(const T *from)
{
    return *(const vec<T, V> *)from;
}

template <int V, typename T> __device__ void load(float (&to)[V], const T *from)
{
    vec<T, V> x = load<V>(from);

    for (int v = 0; v < V; v++) to[v] = to_float(x.e[v]);
}

/* Of an array that the kernel does not write: the load may come before its stores. */
template <int V> __device__ void load_constant(float (&to)[V], const float *from)
{
    if constexpr (V == 4) {
        float4 x = __ldg((const float4 *)from);
        to[0] = x.x, to[1] = x.y, to[2] = x.z, to[3] = x.w;
    } else {
        for (int v = 0; v < V; v++) to[v] = __ldg(from + v);
    }
}

/* Two values of 16 bits as one word, by one instruction, which limits them as clamp does. */
__device__ inline unsigned to_pair(const __half *, float low, float high)
{
    unsigned pair;

    asm("cvt.rn.satfinite.f16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}

__device__ inline unsigned to_pair(const bf16 *, float low, float high)
{
    __nv_bfloat162 x = __floats2bfloat162_rn(low, high);

    return *(unsigned *)&x;
}

template <int V, typename T> __device__ void store(T *to, const float (&from)[V])
{
    if constexpr (sizeof(T) == 2 && V % 2 == 0) {
        vec<unsigned, V / 2> x;
        for (int v = 0; v < V; v += 2) x.e[v / 2] = to_pair(to, from[v], from[v + 1]);
        *(vec<unsigned, V / 2> *)to = x;
    } else {
        vec<T, V> x;
        for (int v = 0; v < V; v++) from_float(&x.e[v], from[v]);
        *(vec<T, V> *)to = x;
    }
}

/*
 * Over a warp, for all of its threads: the sum, or the largest.  For a size, a float that is not
 * negative, the bits are in the order of the values, and for whole numbers there is an instruction.
 */
enum over { SUM, LARGEST, LARGEST_SIZE };

template <over O, typename T> __device__ T over_warp(T x)
{
    if constexpr (O == LARGEST_SIZE) {
        return __uint_as_float(__reduce_max_sync(~0u, __float_as_uint(x)));
    } else {
        for (int apart = 16; apart; apart /= 2) {
            T other = __shfl_xor_sync(~0u, x, apart);
            x = O == SUM ? x + other : (other > x ? other : x);
        }
        return x;
    }
}

/*
 * Over the block, of each of the first SUMS values the sum, of each of the others O; all threads
 * get the same bits.  First a warp combines its values, then each warp those of all warps.  Calls
 * that follow one another take slot 0 and 1 in turn: a thread that writes to a slot again has
 * passed the other slot's barrier, which all threads reach after reading this one.
 */
template <int SUMS, over O = LARGEST, typename T, int N> __device__ void reduce(T (&x)[N], int slot)
{
    __shared__ T part[2][N][32];
    int          lane = threadIdx.x % 32, warp = threadIdx.x / 32;

#pragma unroll
    for (int j = 0; j < N; j++) {
        x[j] = j < SUMS ? over_warp<SUM>(x[j]) : over_warp<O>(x[j]);
        if (lane == 0) part[slot][j][warp] = x[j];
    }
    __syncthreads();
    if (blockDim.x == 32) return;
#pragma unroll
    for (int j = 0; j < N; j++) {
        /* Of a warp that is not there: nothing to a sum, and the first warp's to the largest. */
        bool is_there = lane < blockDim.x / 32;
        T    y = part[slot][j][is_there ? lane : 0];
        if (j < SUMS && !is_there) y = 0;
        x[j] = j < SUMS ? over_warp<SUM>(y) : over_warp<O>(y);
    }
}

/* With the GPU's own e^x and 1 / x, which are right to some units in the last place. */
__device__ inline float sigmoid(float x)
{
    return __fdividef(1.0f, 1.0f + __expf(-x));
}

/*
 * round(x), half to even, for |x| < 2^22: two sums, as rintf has an eighth of their speed.  The
 * number that is added and taken away again is 0 where x is not to be rounded.
 */
__device__ inline float rounding_of(bool is_full)
{
    return is_full ? 0.0f : 12582912.0f;
}

/* 1 / x and 1 / sqrt(x): the GPU's own, and a step of Newton's, which leaves about one ulp. */
__device__ inline float reciprocal(float x)
{
    float y = __fdividef(1.0f, x);

    return y * (2.0f - x * y);
}

__device__ inline float reciprocal_root(float x)
{
    float y = rsqrtf(x);

    return y * (1.5f - 0.5f * x * y * y);
}

/* The derivative of silu(x) = x s, s = sigmoid(x). */
__device__ inline float silu_slope(float x, float s)
{
    return s * (1.0f + x * (1.0f - s));
}

/* ---- Quantizing the weights ------------------------------------------------------------------ */

/*
 * Values are cut into pieces, each of one tensor, and a block has a piece.  As the mean of all |w|
 * of a matrix has to be known before its first trit, adamw, or sum_sizes where values are new,
 * leaves the sum of each piece, find_scales adds up those of a matrix, and make_trits follows.
 */
struct piece {
    size_t at;        /* of the values */
    size_t trits;     /* where its trits are, if it is of a ternary matrix */
    int    n, matrix; /* number of the matrix; -1: none */
    bool   is_decayed;
};

struct matrix_pieces {
    int    first, end;
    size_t n; /* values */
};

template <int V>
__global__ void sum_sizes(double *partial, const float *values, const piece *pieces)
{
    piece  p = pieces[blockIdx.x];
    double x[1] = {0};

    if (p.matrix < 0) return;
    for (int i = threadIdx.x * V; i < p.n; i += THREADS * V) {
        float w[V];
        load(w, values + p.at + i);
        for (int v = 0; v < V; v++) x[0] += fabs((double)w[v]);
    }
    reduce<1>(x, 0);
    if (threadIdx.x == 0) partial[blockIdx.x] = x[0];
}

__global__ void find_scales(float *scales, const double *partial, const matrix_pieces *matrices)
{
    matrix_pieces m = matrices[blockIdx.x];
    double        x[1] = {0};

    for (int i = m.first + threadIdx.x; i < m.end; i += THREADS) x[0] += partial[i];
    reduce<1>(x, 0);
    float mean = (float)(x[0] / (double)m.n);
    if (threadIdx.x == 0) scales[blockIdx.x] = mean > 1e-5f ? mean : 1e-5f;
}

/*
 * round(w / s) cut to -1, 0 and 1; 0.5 rounds to even, so it is 0.  With halves, for full weights,
 * w / s as it is: in both formats, since a number has not the same bits in binary16 as a trit has.
 */
template <int V>
__global__ void make_trits(bf16 *trits, __half *halves, const float *values, const float *scales,
                           const piece *pieces)
{
    piece p = pieces[blockIdx.x];

    if (p.matrix < 0) return;
    float s = scales[p.matrix];
    for (int i = threadIdx.x * V; i < p.n; i += THREADS * V) {
        float w[V];
        load(w, values + p.at + i);
        for (int v = 0; v < V; v++) {
            float r = w[v] / s;
            w[v] = halves ? r : (float)((r > 0.5f) - (r < -0.5f));
        }
        if (halves) store(halves + p.trits + i, w);
        store(trits + p.trits + i, w);
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

/*
 * V columns as the file will have them.  In Q8_0 the 32 columns of `block`, to which they belong,
 * share a scale, in binary16: see encode_q8_0 in convert/quantize.c.
 */
template <int V>
__device__ void round_as_stored(float (&x)[V], const float *block, nm_cuda_stored stored)
{
    float largest = 0, part[V];

    if (stored == NM_CUDA_F32) return;
    for (int i = 0; stored == NM_CUDA_Q8_0 && i < 32; i += V) {
        load(part, block + i);
        for (int v = 0; v < V; v++) largest = fmaxf(largest, fabsf(part[v]));
    }
    float d = largest / 127.0f, scale = __half2float(__float2half_rn(d));
    float inverse = d > 0 ? 1.0f / d : 0.0f;
    if (inverse > 3e38f) inverse = 0; /* d is then stored as 0 */
    for (int v = 0; v < V; v++)
        x[v] = stored == NM_CUDA_F16 ? __half2float(__float2half_rn(x[v]))
                                     : scale * roundf(x[v] * inverse);
}

/* x = embedding[id], one block a token. */
template <int V>
__global__ void embed(float *x, const float *table, const int32_t *ids, int dim,
                      nm_cuda_stored stored)
{
    const float *from = table + (size_t)ids[blockIdx.x] * dim;

    for (int i = threadIdx.x * V; i < dim; i += THREADS * V) {
        float e[V];
        load(e, from + i);
        round_as_stored(e, from + i / 32 * 32, stored);
        store(x + (size_t)blockIdx.x * dim + i, e);
    }
}

/*
 * What a product leaves of a BitLinear, [rows][n]: its sums in units of `unit`, a power of two with
 * which the largest possible one fits binary16.  Sums are integers: up to 2048 they are exact.
 * Times s / a they are the BitLinear's output; whoever reads them scales them.
 */
struct sums {
    const __half *at;
    const float  *scale, *a;
    float         unit;
};

__device__ inline float factor_of(const sums &s, size_t row)
{
    return *s.scale * s.unit * reciprocal(s.a[row]);
}

/*
 * What BitLinears are applied to, before their own norm:
 *
 *     NORM   u = RMSNorm(x, gain)                x: the residual stream
 *     GATE   u = RMSNorm(g, gain) silu(h)
 *     GLU    u = silu(wide[0..n)) wide[n..2n)
 *
 * In all three u = v r, with v of one element alone and r one factor for the token; the BitLinears'
 * own norm is a second factor.  Both are kept: the backward pass then needs no sums to have u.
 */
enum mode { NORM, GATE, GLU };

struct prologue {
    const float  *x;     /* NORM, forward: [rows][n] */
    const __half *kept;  /* NORM, backward: x */
    sums          in;    /* GATE: g; GLU: wide, [rows][2 n] */
    const float  *all_h; /* GATE, forward: a rounded state would change too many q */
    const __half *h;     /* GATE, backward */
    const float  *gain;  /* NORM, GATE */
    float        *r;     /* [rows][2] */
    float         eps;
    int           n;
};

/*
 * Forward, NORM: what is added to x before, unless at is NULL; where the result goes, for the next
 * prologue, and where it is kept for the backward pass.
 */
struct residual {
    sums    added;
    float  *x;
    __half *kept;
};

/* The BitLinears that share an input: gains, and a of each token; arrays of one are `apart`. */
struct linears {
    const float *gain[3];
    float       *a[3];
    size_t       apart;
    bool         is_full; /* q is not rounded */
};

/* The threads of a block that has a row, at most, with K vectors each: see with_layout. */
__host__ __device__ constexpr int row_threads(int v, int k)
{
    return v == 1 ? 512 : k == 8 ? 384 : k == 4 ? 352 : k == 2 ? 192 : 64;
}

/*
 * Registers that a thread of input_back may have: with more, a multiprocessor has too few threads
 * to wait for memory; with fewer, sums would go through memory.
 */
__host__ __device__ constexpr int back_registers(mode m, int n_linears, int v, int k)
{
    if (v == 1) return 128;
    if (k == 8 || n_linears * k == 12) return 168;
    if (n_linears == 3) return 120;
    if (k == 4) return m == GLU ? 88 : 120;
    return m == GATE ? 64 : 80;
}

/*
 * A warp has K neighbouring vectors of 32 V columns, so a thread's first_col(k) are a constant
 * apart: the address of one serves all.
 */
template <int V, int K> __device__ int first_col(int k)
{
    return (threadIdx.x / 32 * K * 32 + threadIdx.x % 32) * V + k * 32 * V;
}

/* What is not in the row counts as 0. */
template <int V, typename T> __device__ vec<T, V> load_if(bool is_there, const T *from)
{
    vec<T, V> x = {};

    if (is_there) x = load<V>(from);
    return x;
}

template <int V, typename T> __device__ void load_if(bool is_there, float (&to)[V], const T *from)
{
    vec<T, V> x = load_if<V>(is_there, from);

    for (int v = 0; v < V; v++) to[v] = to_float(x.e[v]);
}

/* x, what is normalized, and what it is multiplied with: h, or the other half of wide. */
template <mode M, int V>
__device__ void read_input(const prologue &p, size_t row, int col, float (&x)[V], float (&other)[V])
{
    size_t at = row * p.n + col, wide = at + row * p.n;
    bool   is_there = col < p.n;

    if (M == NORM) {
        load_if(is_there, x, p.x + at);
    } else {
        load_if(is_there, x, p.in.at + (M == GATE ? at : wide));
        if (M == GLU)
            load_if(is_there, other, p.in.at + wide + p.n);
        else
            load_if(is_there, other, p.all_h + at);
    }
}

/* The sigmoid in v, and v. */
template <mode M> __device__ float sigmoid_in(float x, float other)
{
    return M == NORM ? 0.0f : sigmoid(M == GATE ? other : x);
}

template <mode M> __device__ float make_v(float x, float other, float gain, float s)
{
    if (M == NORM) return x * gain;
    if (M == GATE) return x * gain * (other * s);
    return x * s * other;
}

/* q = w to_q, rounded, of a thread's columns. */
template <int V, int K>
__device__ void store_codes(const linears &l, __half *q, int n, float (&w)[K][V], float to_q)
{
    float rounding = rounding_of(l.is_full);

#pragma unroll
    for (int k = 0; k < K; k++) {
        for (int v = 0; v < V; v++) w[k][v] = (w[k][v] * to_q + rounding) - rounding;
        if (first_col<V, K>(k) < n) store(q + first_col<V, K>(k), w[k]);
    }
}

/* A thread's columns of a row: x and other; NORM: with what is added to x, which is then kept. */
template <mode M, int V, int K>
__device__ void read_row(const prologue &p, const residual &from, size_t row, float (&x)[K][V],
                         float (&other)[K][V])
{
#pragma unroll
    for (int k = 0; k < K; k++) read_input<M>(p, row, first_col<V, K>(k), x[k], other[k]);
    if (M != NORM) return;
    if (from.added.at) {
        float         factor = factor_of(from.added, row), add[K][V];
        const __half *added = from.added.at + row * p.n;
#pragma unroll
        for (int k = 0; k < K; k++)
            load_if(first_col<V, K>(k) < p.n, add[k], added + first_col<V, K>(k));
#pragma unroll
        for (int k = 0; k < K; k++)
            for (int v = 0; v < V; v++) x[k][v] += add[k][v] * factor;
    }
#pragma unroll
    for (int k = 0; k < K; k++) {
        size_t at = row * p.n + first_col<V, K>(k);
        if (first_col<V, K>(k) < p.n) store(from.x + at, x[k]), store(from.kept + at, x[k]);
    }
}

template <mode M, int N, int V, int K>
__global__ void __launch_bounds__(row_threads(V, K))
    quantize(prologue p, residual from, linears l, __half *q)
{
    size_t row = blockIdx.x;
    float  x[K][V], other[K][V] = {}, w[N][K][V], found[2 + N] = {};
    float  factor = M == NORM ? 1.0f : factor_of(p.in, row);

    /* w = u times the gain of each BitLinear; the sums of both norms' squares, the largest |w| */
    read_row<M>(p, from, row, x, other);
#pragma unroll
    for (int k = 0; k < K; k++) {
        int   col = first_col<V, K>(k);
        float gain[V] = {}, own_gain[V], u[V];
        if (M != GLU) load_if(col < p.n, gain, p.gain + col);
        for (int v = 0; v < V; v++) {
            float y = x[k][v] * factor, o = other[k][v] * (M == GLU ? factor : 1.0f);
            u[v] = make_v<M>(y, o, gain[v], sigmoid_in<M>(y, o));
            found[0] += y * y, found[1] += u[v] * u[v];
        }
        for (int j = 0; j < N; j++) {
            load_if(col < p.n, own_gain, l.gain[j] + col);
            for (int v = 0; v < V; v++) {
                w[j][k][v] = u[v] * own_gain[v];
                found[2 + j] = fmaxf(found[2 + j], fabsf(w[j][k][v]));
            }
        }
    }
    reduce<2, LARGEST_SIZE>(found, 0);
    float per_n = __fdividef(1.0f, (float)p.n);
    float outer = M == GLU ? 1.0f : reciprocal_root(found[0] * per_n + p.eps);
    float own = reciprocal_root(outer * outer * found[1] * per_n + BITLINEAR_EPS);
    if (threadIdx.x == 0) p.r[2 * row] = outer, p.r[2 * row + 1] = own;
#pragma unroll
    for (int j = 0; j < N; j++) {
        float a = 127.0f * reciprocal(fmaxf(outer * own * found[2 + j], 1e-5f));
        if (threadIdx.x == 0) l.a[j][row] = a;
        store_codes(l, q + j * l.apart + row * p.n, p.n, w[j], outer * own * a);
    }
}

/*
 * The backward pass through a prologue and its BitLinears' own norms, from d_n = dy' C.  With
 * t = Σ d_n gain u (a s) over BitLinears and columns, all that the derivatives of both norms sum up
 * follows from t, so a token needs one reduction.  Writes q again, for dW, in bf16 as dy' is; adds
 * up the gradients of gains of a block's rows: partial[block][1 + N][n], the prologue's first.
 */
struct back_arguments {
    prologue     p;
    linears      l;
    const bf16  *d_n;      /* [N][rows][n]: times a s, the gradients of the normalized inputs */
    bf16        *q;        /* [N][rows][n] */
    const float *scale[3]; /* s */
    float       *d_x;      /* NORM: added to */
    bf16        *d_out;    /* NORM: d_x / out_a, or NULL; GATE: dg / a; GLU: da | db / a */
    const float *out_a;    /* NORM: a of the BitLinear that added to x before */
    bf16        *d_h;      /* GATE */
    float       *partial;
    size_t       n_rows;
};

/* Of a row: both norms' factors, the mean of d_u u, and 1 / a of what d_out is divided by. */
struct row_factors {
    float outer, own, inner, per_a;
};

/* What follows of V elements, with d_u the gradient of u, and s the sigmoid in it. */
template <mode M, int V>
__device__ void element_back(const back_arguments &b, size_t row, int col, const row_factors &f,
                             const float (&x)[V], const float (&other)[V], const float (&s)[V],
                             const float (&gain)[V], float (&d_u)[V], float (&d_x)[V],
                             float (&gain_sum)[V])
{
    size_t at = row * b.p.n + col, wide = at + row * b.p.n;
    float  out[V], second[V];

    for (int v = 0; v < V; v++) {
        float normal = x[v] * f.outer;
        if (M == GLU) {
            float d = d_u[v] * f.per_a;
            out[v] = d * other[v] * silu_slope(x[v], s[v]), second[v] = d * (x[v] * s[v]);
            continue;
        }
        if (M == GATE) { /* d_u: of norm silu(h) -> of norm */
            second[v] = d_u[v] * (normal * gain[v]) * silu_slope(other[v], s[v]);
            d_u[v] *= other[v] * s[v];
        }
        gain_sum[v] += d_u[v] * normal;
        d_x[v] += f.outer * (d_u[v] * gain[v] - normal * f.inner);
        out[v] = d_x[v] * f.per_a;
    }
    if (M == NORM) store(b.d_x + at, d_x);
    if (M == GATE) store(b.d_h + at, second);
    if (M == GLU) store(b.d_out + wide + b.p.n, second);
    if (M != NORM || b.d_out) store(b.d_out + (M == GLU ? wide : at), out);
}

/* x and other of V columns: read_input's, kept in 16 bits until they are used. */
template <mode M, int V> struct kept_input {
    vec<__half, V> x, other;

    __device__ void read(const prologue &p, size_t row, int col)
    {
        size_t at = row * p.n + col, wide = at + row * p.n;
        bool   is_there = col < p.n;
        x = load_if<V>(is_there, M == NORM ? p.kept + at : p.in.at + (M == GLU ? wide : at));
        if (M != NORM) other = load_if<V>(is_there, M == GATE ? p.h + at : p.in.at + wide + p.n);
    }
    /* Has the compiler make everything of it again, instead of keeping that in registers. */
    __device__ void forget()
    {
        if constexpr (V == 4) {
            uint2 &a = *(uint2 *)&x, &b = *(uint2 *)&other;
            asm volatile("" : "+r"(a.x), "+r"(a.y));
            if (M != NORM) asm volatile("" : "+r"(b.x), "+r"(b.y));
        }
    }
    __device__ void scaled(float (&to)[V], float (&to_other)[V], float factor) const
    {
        for (int v = 0; v < V; v++) {
            to[v] = to_float(x.e[v]) * factor;
            to_other[v] = M == NORM ? 0.0f : to_float(other.e[v]) * (M == GLU ? factor : 1.0f);
        }
    }
};

/* A thread's columns of a row, backwards. */
template <mode M, int N, int V, int K> struct back_row {
    size_t           row;
    kept_input<M, V> in[K];
    vec<bf16, V>     d_n[N][K];
    float            d[K][V], d_x[K][V]; /* of u; NORM: what d_x is so far */
    row_factors      f;
    float            factor, to_q[N], of_n[N]; /* of in; of q; of the gradient of n */

    __device__ back_row(const back_arguments &b, size_t r) : row(r), d{}, d_x{}
    {
        f = {b.p.r[2 * row], b.p.r[2 * row + 1], 0, 0};
        factor = M == NORM ? 1.0f : factor_of(b.p.in, row);
        f.per_a = M != NORM ? reciprocal(b.p.in.a[row]) : b.out_a ? reciprocal(b.out_a[row]) : 0.0f;
        for (int j = 0; j < N; j++) {
            to_q[j] = f.outer * f.own * b.l.a[j][row];
            of_n[j] = b.l.a[j][row] * *b.scale[j];
        }
#pragma unroll
        for (int k = 0; k < K; k++) {
            int    col = first_col<V, K>(k);
            size_t at = row * b.p.n + col;
            in[k].read(b.p, row, col);
            for (int j = 0; j < N; j++)
                d_n[j][k] = load_if<V>(col < b.p.n, b.d_n + j * b.l.apart + at);
            if (M == NORM) load_if(col < b.p.n, d_x[k], b.d_x + at);
        }
    }

    /* Through the BitLinears' norms of the k'th columns: q, d, sums of gains; returns Σ d u. */
    __device__ float through_linears(const back_arguments &b, int k,
                                     float (&gain_sums)[1 + N][K][V])
    {
        int   col = first_col<V, K>(k);
        float x[V], other[V], u[V], gain[V] = {}, t = 0, rounding = rounding_of(b.l.is_full);

        if (col >= b.p.n) return 0;
        if (M != GLU) load_constant(gain, b.p.gain + col);
        in[k].scaled(x, other, factor);
        for (int v = 0; v < V; v++)
            u[v] = make_v<M>(x[v], other[v], gain[v], sigmoid_in<M>(x[v], other[v]));
        for (int j = 0; j < N; j++) {
            float own_gain[V], q[V];
            load_constant(own_gain, b.l.gain[j] + col);
            for (int v = 0; v < V; v++) {
                float d_normal = to_float(d_n[j][k].e[v]), share = u[v] * to_q[j];
                q[v] = (share * own_gain[v] + rounding) - rounding;
                gain_sums[1 + j][k][v] += d_normal * share; /* times scale: see store_gain_sums */
                d[k][v] += d_normal * of_n[j] * own_gain[v];
            }
            store(b.q + j * b.l.apart + row * b.p.n + col, q);
        }
        for (int v = 0; v < V; v++) t += d[k][v] * u[v];
        return t;
    }

    /* Then through the prologue, when `all` is known: d_u = own d - all outer u. */
    __device__ void through_prologue(const back_arguments &b, int k, float all,
                                     float (&gain_sum)[V])
    {
        int   col = first_col<V, K>(k);
        float x[V], other[V], s[V], gain[V] = {};

        if (col >= b.p.n) return;
        if (M != GLU) load_constant(gain, b.p.gain + col);
        in[k].forget();
        in[k].scaled(x, other, factor);
        for (int v = 0; v < V; v++) {
            s[v] = sigmoid_in<M>(x[v], other[v]);
            float u = make_v<M>(x[v], other[v], gain[v], s[v]);
            d[k][v] = f.own * d[k][v] - (all * f.outer) * u;
        }
        element_back<M>(b, row, col, f, x, other, s, gain, d[k], d_x[k], gain_sum);
    }
};

/* Of a block's rows, for add_partial. */
template <int N, int V, int K>
__device__ void store_gain_sums(const back_arguments &b, float (&gain_sums)[1 + N][K][V])
{
#pragma unroll
    for (int j = 0; j < 1 + N; j++) {
        float  scale = j ? *b.scale[j ? j - 1 : 0] : 1.0f;
        float *to = b.partial + ((size_t)blockIdx.x * (1 + N) + j) * b.p.n;
#pragma unroll
        for (int k = 0; k < K; k++) {
            for (int v = 0; v < V; v++) gain_sums[j][k][v] *= scale;
            if (first_col<V, K>(k) < b.p.n) store(to + first_col<V, K>(k), gain_sums[j][k]);
        }
    }
}

template <mode M, int N, int V, int K>
__global__ void __maxnreg__(back_registers(M, N, V, K)) input_back(back_arguments b)
{
    float gain_sums[1 + N][K][V] = {}, per_n = __fdividef(1.0f, (float)b.p.n);
    int   slot = 0;

    for (size_t row = blockIdx.x; row < b.n_rows; row += gridDim.x, slot ^= 1) {
        back_row<M, N, V, K> r(b, row);
        float                t[1] = {0};
#pragma unroll
        for (int k = 0; k < K; k++) t[0] += r.through_linears(b, k, gain_sums);
        reduce<1>(t, slot);
        /* d_u = own (d - u own² t / n), and so Σ d_u u = t own³ eps: u's length hardly counts */
        float all = r.f.own * r.f.own * r.f.own * r.f.outer * t[0] * per_n;
        r.f.inner = all * BITLINEAR_EPS;
#pragma unroll
        for (int k = 0; k < K; k++) r.through_prologue(b, k, all, gain_sums[0][k]);
    }
    store_gain_sums<N, V, K>(b, gain_sums);
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
 * that run at once, each by a warp whose lanes have V columns.  First each finds what it makes of a
 * state h: product h + end.  Then each follows the parts before it, which gives the state it begins
 * with, and writes its tokens.
 */
struct scan_arguments {
    sums           f, i;
    const float   *bound;
    __half        *h;              /* kept: the states */
    float         *all_h;          /* the states again, for the forward pass */
    float         *state, *before; /* [streams][state] */
    const int32_t *ids;
    int            n, n_tokens;
    int32_t        bos;
};

/* A block's share: the tokens [begin, end) of a stream, for each thread the V columns from col. */
struct scan_place {
    int    begin, end, col;
    size_t first_row, state; /* of the stream */
    bool   is_there;         /* else the columns are others', and are not written */
};

template <int V> __device__ scan_place place_of(const scan_arguments &s)
{
    int        length = (s.n_tokens + SCAN_PARTS - 1) / SCAN_PARTS;
    scan_place p;

    p.begin = min((int)threadIdx.y * length, s.n_tokens);
    p.end = min(p.begin + length, s.n_tokens);
    p.col = (blockIdx.x * SCAN_LANES + threadIdx.x) * V;
    p.is_there = p.col < s.n;
    if (!p.is_there) p.col = s.n - V;
    p.first_row = (size_t)blockIdx.y * s.n_tokens;
    p.state = (size_t)blockIdx.y * s.n + p.col;
    return p;
}

/*
 * Of the tokens begin, begin + 1, .. of a part, one a lane: what their sums are scaled with, and
 * whether a document begins.  A warp has a part, so its lanes tell each other.
 */
struct scan_tokens {
    float f, i; /* f: < 0 where the state is reset; so 1 / a of it has no sign */
    float f_a, i_a;
};

__device__ inline scan_tokens tokens_of(const scan_arguments &s, const scan_place &p, int begin)
{
    int         t_in = min(max(begin + (int)threadIdx.x, 0), s.n_tokens - 1);
    size_t      row = p.first_row + t_in;
    scan_tokens t;

    t.f_a = reciprocal(s.f.a[row]), t.i_a = reciprocal(s.i.a[row]);
    t.f = *s.f.scale * s.f.unit * t.f_a, t.i = *s.i.scale * s.i.unit * t.i_a;
    if (s.ids[row] == s.bos) t.f = -t.f;
    return t;
}

/* How many tokens are loaded at once. */
template <int A> struct tokens_ahead {
    static constexpr int value = A;
};

/* What a lane has; but for f only where is_all. */
template <bool is_all> __device__ scan_tokens of_lane(const scan_tokens &t, int lane)
{
    scan_tokens its = {__shfl_sync(~0u, t.f, lane), 0, 0, 0};

    if (is_all) its.i = __shfl_sync(~0u, t.i, lane);
    if (is_all) its.f_a = __shfl_sync(~0u, t.f_a, lane);
    if (is_all) its.i_a = __shfl_sync(~0u, t.i_a, lane);
    return its;
}

/* From the state h on; product becomes that of all forget gates. */
template <bool is_written, int V>
__device__ void scan_part(const scan_arguments &s, const scan_place &p, float (&h)[V],
                          float (&product)[V])
{
    float       beta[V] = {}, rest[V];
    scan_tokens tokens = {};
    size_t      at = (p.first_row + p.begin) * s.n + p.col;
    int         lane = 0, t = p.begin;
    auto        step = [&](auto ahead) {
        constexpr int  A = decltype(ahead)::value;
        vec<__half, V> f[A], i[A];
        if (lane == 0) tokens = tokens_of(s, p, t);
#pragma unroll
        for (int k = 0; k < A; k++) {
            f[k] = load<V>(s.f.at + at + k * (size_t)s.n);
            i[k] = load<V>(s.i.at + at + k * (size_t)s.n);
        }
#pragma unroll
        for (int k = 0; k < A; k++, at += s.n) {
            float f_factor = __shfl_sync(~0u, tokens.f, lane + k);
            float i_factor = __shfl_sync(~0u, tokens.i, lane + k);
            bool  reset = f_factor < 0;
            for (int v = 0; v < V; v++) {
                float x = to_float(i[k].e[v]) * i_factor;
                float u = sigmoid(to_float(f[k].e[v]) * fabsf(f_factor));
                float forget = beta[v] + rest[v] * u;
                float in = x * sigmoid(x) * (1.0f - forget);
                if (reset) forget = 0;
                h[v] = forget * h[v] + in, product[v] *= forget;
            }
            if (is_written && p.is_there) store(s.h + at, h), store(s.all_h + at, h);
        }
        t += A, lane = (lane + A) % SCAN_LANES;
    };

    if (s.bound) load(beta, s.bound + p.col);
    for (int v = 0; v < V; v++) rest[v] = 1.0f - beta[v];
    while (t + AHEAD <= p.end) step(tokens_ahead<AHEAD>());
#pragma unroll 1
    while (t < p.end) step(tokens_ahead<1>());
}

template <int V> __global__ void __launch_bounds__(SCAN_LANES *SCAN_PARTS) scan(scan_arguments s)
{
    __shared__ float products[SCAN_PARTS][SCAN_LANES][V], ends[SCAN_PARTS][SCAN_LANES][V];
    scan_place       p = place_of<V>(s);
    int              lane = threadIdx.x, part = threadIdx.y;
    float            product[V], h[V] = {}, start[V];

    for (int v = 0; v < V; v++) product[v] = 1;
    scan_part<false>(s, p, h, product);
    load(start, s.state + p.state);
    for (int v = 0; v < V; v++) products[part][lane][v] = product[v], ends[part][lane][v] = h[v];
    __syncthreads();
    if (part == 0 && p.is_there) store(s.before + p.state, start);
    for (int k = 0; k < part; k++)
        for (int v = 0; v < V; v++) start[v] = products[k][lane][v] * start[v] + ends[k][lane][v];
    scan_part<true>(s, p, start, product);
    if (part == SCAN_PARTS - 1 && p.is_there) store(s.state + p.state, start);
}

struct scan_back_arguments {
    scan_arguments s;
    const bf16    *d_h;
    bf16          *d_f, *d_i; /* / a */
    float         *d_bound;   /* [streams][state] */
};

/* What a token's step backwards reads, of V columns: h is the state before it. */
template <int V> struct scan_loaded {
    vec<__half, V> f, i, h;
    vec<bf16, V>   d_h;
};

/* What it changes: carried is what the token after gives to the gradient of h. */
template <int V> struct scan_carried {
    float carried[V], product[V], d_beta[V];
};

/* A token's step backwards, to d f and d i / a where is_written. */
template <bool is_written, int V>
__device__ void scan_back_token(scan_carried<V> &c, const scan_loaded<V> &x, const scan_tokens &t,
                                const float (&beta)[V], const float *before, float (&d_f)[V],
                                float (&d_i)[V])
{
    bool reset = t.f < 0;

    for (int v = 0; v < V; v++) {
        float u = sigmoid(to_float(x.f.e[v]) * fabsf(t.f)), rest = 1.0f - beta[v];
        float forget = beta[v] + rest * u, kept = reset ? 0.0f : forget;
        float d = to_float(x.d_h.e[v]) + c.carried[v];
        c.carried[v] = d * kept, c.product[v] *= kept;
        if (!is_written) continue;
        float in = to_float(x.i.e[v]) * t.i, g = sigmoid(in);
        float h = reset ? 0.0f : before ? before[v] : to_float(x.h.e[v]);
        float d_gate = d * (h - in * g), d_bound = d_gate * (1.0f - u);
        d_f[v] = d_bound * rest * u * t.f_a;
        d_i[v] = d * (1.0f - forget) * silu_slope(in, g) * t.i_a;
        c.d_beta[v] += d_bound;
    }
}

/* As scan_part, backwards.  before_all: the state before the stream's first token. */
template <bool is_written, int V>
__device__ void scan_back_part(const scan_back_arguments &b, const scan_place &p,
                               const float (&before_all)[V], scan_carried<V>  &c)
{
    const scan_arguments &s = b.s;
    float                 beta[V] = {};
    scan_tokens           tokens = {};
    int                   lane = SCAN_LANES - 1, t = p.end - 1; /* the token that is next */
    size_t                at = (p.first_row + t) * s.n + p.col;
    auto                  step = [&](auto ahead) {
        constexpr int  A = decltype(ahead)::value;
        scan_loaded<V> x[A];
        if (lane == SCAN_LANES - 1) tokens = tokens_of(s, p, t - lane);
#pragma unroll
        for (int k = 0; k < A; k++) {
            size_t here = at - k * (size_t)s.n;
            x[k].f = load<V>(s.f.at + here), x[k].d_h = load<V>(b.d_h + here);
            if (!is_written) continue;
            x[k].i = load<V>(s.i.at + here);
            x[k].h = load<V>(s.h + (t > k ? here - s.n : here));
        }
#pragma unroll
        for (int k = 0; k < A; k++, at -= s.n) {
            float d_f[V], d_i[V];
            scan_back_token<is_written>(c, x[k], of_lane<is_written>(tokens, lane - k), beta,
                                        t > k ? nullptr : before_all, d_f, d_i);
            if (is_written && p.is_there) store(b.d_f + at, d_f), store(b.d_i + at, d_i);
        }
        t -= A, lane = (lane + SCAN_LANES - A) % SCAN_LANES;
    };

    if (s.bound) load(beta, s.bound + p.col);
    while (t - AHEAD + 1 >= p.begin) step(tokens_ahead<AHEAD>());
#pragma unroll 1
    while (t >= p.begin) step(tokens_ahead<1>());
}

template <int V>
__global__ void __launch_bounds__(SCAN_LANES *SCAN_PARTS) scan_back(scan_back_arguments b)
{
    __shared__ float products[SCAN_PARTS][SCAN_LANES][V], ends[SCAN_PARTS][SCAN_LANES][V];
    scan_place       p = place_of<V>(b.s);
    int              lane = threadIdx.x, part = threadIdx.y;
    scan_carried<V>  c = {};
    float            before_all[V] = {};

    for (int v = 0; v < V; v++) c.product[v] = 1;
    scan_back_part<false>(b, p, before_all, c);
    for (int v = 0; v < V; v++)
        products[part][lane][v] = c.product[v], ends[part][lane][v] = c.carried[v];
    __syncthreads();
    for (int v = 0; v < V; v++) {
        c.carried[v] = 0;
        for (int k = SCAN_PARTS - 1; k > part; k--)
            c.carried[v] = products[k][lane][v] * c.carried[v] + ends[k][lane][v];
    }
    __syncthreads();
    load(before_all, b.s.before + p.state);
    scan_back_part<true>(b, p, before_all, c);
    for (int v = 0; v < V; v++) ends[part][lane][v] = c.d_beta[v];
    __syncthreads();
    if (part || !p.is_there) return;
    for (int v = 0; v < V; v++) {
        for (int k = 1; k < SCAN_PARTS; k++) c.d_beta[v] += ends[k][lane][v];
        if (!b.s.bound) c.d_beta[v] = 0;
    }
    store(b.d_bound + p.state, c.d_beta);
}

/* ---- The loss -------------------------------------------------------------------------------- */

/*
 * Of a row of logits its loss, and d logits / a in bf16.  The sum of e^(x - most) is taken while
 * most, each thread's largest so far, is still being found.
 */
template <int V>
__global__ void cross_entropy(bf16 *d_logits, float *nats, const float *logits, const float *scale,
                              const float *a, const int32_t *targets, int n, float weight)
{
    size_t       row = blockIdx.x;
    const float *x = logits + row * n;
    float        factor = *scale / a[row], highest[1] = {-INFINITY}, total[1] = {0}, y[V];

    for (int i = threadIdx.x * V; i < n; i += THREADS * V) {
        float most = highest[0];
        load(y, x + i);
        for (int v = 0; v < V; v++) most = fmaxf(most, y[v] *= factor);
        if (most > highest[0]) total[0] *= __expf(highest[0] - most), highest[0] = most;
        for (int v = 0; v < V; v++) total[0] += __expf(y[v] - most);
    }
    float own = highest[0];
    reduce<0>(highest, 0);
    total[0] = own > -INFINITY ? total[0] * __expf(own - highest[0]) : 0.0f;
    reduce<1>(total, 1);
    int   target = targets[row];
    float share = weight / a[row], per_total = 1.0f / total[0];
    for (int i = threadIdx.x * V; i < n; i += THREADS * V) {
        load(y, x + i);
        for (int v = 0; v < V; v++)
            y[v] = (__expf(y[v] * factor - highest[0]) * per_total - (i + v == target)) * share;
        store(d_logits + row * n + i, y);
    }
    if (threadIdx.x == 0) nats[row] = logf(total[0]) - (x[target] * factor - highest[0]);
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
template <int V> __global__ void sum_squares(double *partial, const float *x, size_t n)
{
    double s[1] = {0};

#pragma unroll 4
    for (size_t i = (blockIdx.x * (size_t)THREADS + threadIdx.x) * V; i < n;
         i += (size_t)gridDim.x * THREADS * V) {
        float g[V];
        load(g, x + i);
        for (int v = 0; v < V; v++) s[0] += (double)g[v] * (double)g[v];
    }
    reduce<1>(s, 0);
    if (threadIdx.x == 0) partial[blockIdx.x] = s[0];
}

/*
 * nm_adamw_factors says what is computed.  Gradients become zeros, but for those of ternary
 * matrices, which the next product writes without adding to them.  The sum of |w| is taken in
 * the order of sum_sizes.
 */
template <int V>
__global__ void adamw(float *values, float *means, float *squares, float *grads, double *partial,
                      const piece *pieces, nm_adamw_factors f)
{
    piece       p = pieces[blockIdx.x];
    double      size[1] = {0};
    float       keep = p.is_decayed ? f.decayed : f.keep;
    const float zeros[V] = {};

    for (int i = threadIdx.x * V; i < p.n; i += THREADS * V) {
        size_t at = p.at + i;
        float  w[V], m[V], v[V], g[V];
        load(w, values + at), load(m, means + at), load(v, squares + at), load(g, grads + at);
        for (int k = 0; k < V; k++) {
            float d = g[k] * f.clip;
            m[k] = f.beta1 * m[k] + (1.0f - f.beta1) * d;
            v[k] = f.beta2 * v[k] + (1.0f - f.beta2) * (d * d);
            w[k] = w[k] * keep - f.rate * m[k] / (sqrtf(v[k]) * f.root + ADAMW_EPS);
            size[0] += fabs((double)w[k]);
        }
        store(values + at, w), store(means + at, m), store(squares + at, v);
        if (p.matrix < 0) store(grads + at, zeros);
    }
    reduce<1>(size, 0);
    if (threadIdx.x == 0) partial[blockIdx.x] = size[0];
}

#endif
