/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The step on one GPU.  Products are cuBLAS's, with binary32 sums: q and trits are exact in bf16
 * and in binary16, so the forward products are exact.  Everything else is in cuda_kernels.cuh, one
 * kernel for what can be done in one pass over memory:
 *
 *     forward   (residual +) prologue -> both norms -> quantize    q, a and both factors
 *               product -> sums in binary16, which the backward pass needs too and which are scaled
 *               where they are read: recurrence, gate, glu, residual
 *     backward  dy' = dy / a in bf16: a belongs to the token, so it can go to the other factor, and
 *               q is the array of the forward pass
 *               d_n = dy' C -> derivative of both norms and of the prologue, q, sums for the gains
 *               dW += dy'^T q, beside what follows, on a second stream
 */
#include "train/cuda_kernels.cuh"

#include <cublas_v2.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <string>
#include <type_traits>
#include <vector>

#define HEAD_ROWS 2048      /* rows whose logits are in memory at once */
#define PIECES 1024         /* partial sums of all gradients */
#define PIECE 65536         /* values of a tensor that a block of the optimizer has */
#define LEAST_ROWS 8        /* of which a block adds up the gradients of gains */
#define TRIT_AS_HALF 1.875f /* the bits of 1.0 in bf16, read as binary16 */

/* ---- Memory ---------------------------------------------------------------------------------- */

/* What the backward pass needs of a layer. */
struct layer_memory {
    __half *x, *middle;                      /* [rows][dim]: inputs of the two mixers */
    __half *ifg, *h;                         /* [3][rows][state]: sums; [rows][state]: the state */
    __half *gate_up;                         /* [rows][2 ffn]: sums */
    float  *before;                          /* [streams][state] */
    float  *r_attn, *r_gate, *r_ffn, *r_glu; /* [rows][2] */
    float  *a[NM_CUDA_PER_LAYER];
};

/* The BitLinears of a layer that share an input, in the order of the backward pass. */
enum group { DOWN, GATE_UP, OUT, IFG, GROUPS };

/* How many there are of a group, and the first. */
static const struct {
    size_t n, first;
} group_matrices[GROUPS] = {
    {1, NM_CUDA_DOWN}, {1, NM_CUDA_GATE_UP}, {1, NM_CUDA_O}, {3, NM_CUDA_I}};

/*
 * What a group leaves for its dW, on the second stream.  That stream says when it is done; what
 * writes to these arrays, in the next layer, waits for it.
 */
struct group_memory {
    bf16       *q, *d_y;
    float      *gain_sums;
    cudaEvent_t is_ready, is_done;
};

/* A launch whose time is measured. */
struct measured {
    nm_cuda_work work;
    cudaEvent_t  begin, end;
    double       bytes, flops;
};

struct nm_cuda {
    nm_cuda_model               model;
    std::vector<nm_cuda_tensor> tensors;
    std::vector<nm_cuda_layer>  layer_plan;
    std::vector<nm_cuda_matrix> matrices; /* of all layers, then the head */
    std::vector<size_t>         trits_at;
    std::vector<void *>         blocks;
    cudaStream_t                stream = nullptr, side = nullptr, sums_stream = nullptr;
    cublasHandle_t              blas = nullptr, side_blas = nullptr;
    cudaError_t                 status = cudaSuccess;
    size_t                      n_streams, n_tokens, n_rows, n_pieces;
    int                         device, n_multiprocessors;
    nm_gpu_link                *link = nullptr;  /* to other GPUs */
    bool                        has_run = false; /* a last pass: every kernel is loaded */
    cudaEvent_t                 is_summable = nullptr;
    bool                        is_vector; /* all widths are multiples of 4 */
    bool                        has_grads; /* else those of ternary matrices are not added to */

    piece         *pieces;        /* of all tensors, on the GPU */
    matrix_pieces *matrix_places; /* which of them a matrix has */
    float         *values, *grads, *m, *v, *scales, *bounds, *d_bounds, *states;
    bf16          *trits;
    __half        *halves; /* full weights: in binary16; else NULL, and trits serve */
    double        *partial;

    std::vector<layer_memory> layers;
    group_memory              groups[GROUPS];
    float                    *x, *d_x, *all_h, *logits, *nats, *head_a, *head_r;
    __half                   *q, *sums; /* forward: of up to three BitLinears; of what adds to x */
    __half                   *head_x;
    bf16                     *d_n, *d_h, *d_logits;
    int32_t                  *ids, *targets, *rows, *starts;
    size_t                    n_bytes;
    cudaEvent_t               events[NM_CUDA_PARTS + 1];
    float                     times[NM_CUDA_PARTS];
    bool                      is_measuring;
    std::vector<measured>     launches;
};

/*
 * While measuring, the time between construction and destruction on the stream counts as one launch
 * of this kind of work, with the bytes that have to be moved and the operations of products.
 */
class launch
{
    nm_cuda *c;

  public:
    launch(nm_cuda *cuda, nm_cuda_work work, double bytes, double flops = 0) : c(cuda)
    {
        measured x = {work, nullptr, nullptr, bytes, flops};

        if (!c->is_measuring) return;
        cudaEventCreate(&x.begin), cudaEventCreate(&x.end);
        cudaEventRecord(x.begin, c->stream);
        c->launches.push_back(x);
    }
    ~launch()
    {
        if (c->is_measuring) cudaEventRecord(c->launches.back().end, c->stream);
    }
};

/* n elements; a failure is kept in status, so callers check once after all of their arrays. */
template <typename T> static void take(nm_cuda *c, T **at, size_t n)
{
    void *block = nullptr;

    if (c->status == cudaSuccess) c->status = cudaMalloc(&block, n * sizeof(T) + 256);
    if (block) c->blocks.push_back(block), c->n_bytes += n * sizeof(T);
    *at = (T *)block;
}

/* And filled with what the host has. */
template <typename T> static void send(nm_cuda *c, T **at, const std::vector<T> &from)
{
    take(c, at, from.size());
    if (*at) cudaMemcpy(*at, from.data(), from.size() * sizeof(T), cudaMemcpyHostToDevice);
}

static bool fail(nomul_error *err, nomul_status code, const char *what, const char *why)
{
    if (err) {
        err->code = code;
        snprintf(err->text, sizeof err->text, "GPU: %s: %s", what, why);
    }
    return false;
}

/* A thread's calls go to the GPU that it has used last.  Comes first in what a thread may call. */
static void use(const nm_cuda *c)
{
    cudaSetDevice(c->device);
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

/*
 * What lives as long as the model: 16 bytes for each value, 2 for each trit, in bf16, and the
 * tables of pieces.
 */
static void place_values(nm_cuda *c)
{
    const nm_cuda_model       *m = &c->model;
    size_t                     n_trits = 0;
    std::vector<piece>         pieces;
    std::vector<matrix_pieces> places;

    for (const nm_cuda_layer &l : c->layer_plan)
        for (const nm_cuda_matrix &x : l.matrices) c->matrices.push_back(x);
    c->matrices.push_back(m->head);
    for (const nm_cuda_matrix &x : c->matrices) {
        c->trits_at.push_back(n_trits);
        n_trits += x.rows * x.cols;
    }
    places.resize(c->matrices.size());
    for (const nm_cuda_tensor &t : c->tensors) {
        size_t i = 0, first = pieces.size();
        while (i < places.size() && c->matrices[i].weight != t.at) i++;
        bool is_ternary = i < places.size();
        for (size_t at = 0; at < t.n; at += PIECE)
            pieces.push_back({t.at + at, is_ternary ? c->trits_at[i] + at : 0,
                              (int)std::min<size_t>(PIECE, t.n - at), is_ternary ? (int)i : -1,
                              t.is_matrix});
        if (is_ternary) places[i] = {(int)first, (int)pieces.size(), t.n};
    }
    c->n_pieces = pieces.size();
    for (float **x : {&c->values, &c->grads, &c->m, &c->v}) take(c, x, m->n_values);
    take(c, &c->trits, n_trits), take(c, &c->scales, places.size());
    if (m->is_full) take(c, &c->halves, n_trits);
    take(c, &c->bounds, m->n_layers * m->state);
    take(c, &c->partial, std::max<size_t>(PIECES, c->n_pieces));
    send(c, &c->pieces, pieces), send(c, &c->matrix_places, places);
}

/* What a pass of n_rows needs; without the layers' it is reused from layer to layer. */
static void place_activations(nm_cuda *c)
{
    const nm_cuda_model *m = &c->model;
    size_t               n = c->n_rows, head = std::min<size_t>(n, HEAD_ROWS);
    size_t               three = std::max(3 * std::max(m->dim, m->state), m->ffn);

    c->layers.resize(m->n_layers);
    for (layer_memory &l : c->layers) {
        take(c, &l.x, n * m->dim), take(c, &l.middle, n * m->dim);
        take(c, &l.ifg, 3 * n * m->state), take(c, &l.h, n * m->state);
        take(c, &l.gate_up, n * 2 * m->ffn), take(c, &l.before, c->n_streams * m->state);
        for (float **r : {&l.r_attn, &l.r_gate, &l.r_ffn, &l.r_glu}) take(c, r, 2 * n);
        for (float *&a : l.a) take(c, &a, n);
    }
    take(c, &c->x, n * m->dim), take(c, &c->d_x, n * m->dim), take(c, &c->sums, n * m->dim);
    take(c, &c->q, n * three), take(c, &c->d_h, n * m->state);
    c->d_n = (bf16 *)c->q; /* backwards q is made in groups */
    for (int g = 0; g < GROUPS; g++) {
        const nm_cuda_matrix &w = c->layer_plan[0].matrices[group_matrices[g].first];
        size_t                n_linears = group_matrices[g].n, blocks = n / LEAST_ROWS + 1;
        take(c, &c->groups[g].q, n * n_linears * std::max(w.cols, m->dim)); /* DOWN: the head's */
        take(c, &c->groups[g].d_y, n * n_linears * std::max(w.rows, 2 * m->state / n_linears));
        take(c, &c->groups[g].gain_sums, blocks * (1 + n_linears) * std::max(w.cols, m->dim));
    }
    c->all_h = (float *)c->groups[GATE_UP].d_y; /* forward only; ffn may be small: see above */
    take(c, &c->logits, head * m->vocab), take(c, &c->d_logits, head * m->vocab);
    take(c, &c->head_x, head * m->dim), take(c, &c->head_a, head), take(c, &c->head_r, 2 * head),
        take(c, &c->nats, n);
    take(c, &c->d_bounds, m->n_layers * c->n_streams * m->state);
    take(c, &c->states, m->n_layers * c->n_streams * m->state);
    take(c, &c->ids, n), take(c, &c->targets, n), take(c, &c->rows, n), take(c, &c->starts, n + 1);
}

/* Streams, events, cuBLAS.  The stream of dW only fills what the other leaves free. */
static bool open_device(nm_cuda *c, nomul_error *err)
{
    int  lowest = 0, highest = 0, n_devices = 0;
    char there[64];

    c->status = cudaGetDeviceCount(&n_devices);
    if (c->status == cudaSuccess && c->device >= n_devices) {
        snprintf(there, sizeof there, "there are %d: use fewer --gpus", n_devices);
        return fail(err, NOMUL_E_UNSUPPORTED, std::to_string(c->device).c_str(), there);
    }
    if (c->status == cudaSuccess) c->status = cudaSetDevice(c->device);
    if (!check(c, "cannot be used", err)) return false;
    cudaDeviceGetAttribute(&c->n_multiprocessors, cudaDevAttrMultiProcessorCount, c->device);
    cudaDeviceGetStreamPriorityRange(&lowest, &highest);
    cudaStreamCreateWithPriority(&c->stream, cudaStreamDefault, highest);
    cudaStreamCreateWithPriority(&c->side, cudaStreamNonBlocking, lowest);
    cudaStreamCreateWithPriority(&c->sums_stream, cudaStreamNonBlocking, highest);
    cudaEventCreateWithFlags(&c->is_summable, cudaEventDisableTiming);
    for (cudaEvent_t &e : c->events) cudaEventCreate(&e);
    for (group_memory &g : c->groups)
        for (cudaEvent_t *e : {&g.is_ready, &g.is_done})
            cudaEventCreateWithFlags(e, cudaEventDisableTiming);
    if (!check(c, "cannot be used", err)) return false;
    if (cublasCreate(&c->blas) != CUBLAS_STATUS_SUCCESS ||
        cublasCreate(&c->side_blas) != CUBLAS_STATUS_SUCCESS ||
        cublasSetStream(c->blas, c->stream) != CUBLAS_STATUS_SUCCESS ||
        cublasSetStream(c->side_blas, c->side) != CUBLAS_STATUS_SUCCESS)
        return fail(err, NOMUL_E_UNSUPPORTED, "cuBLAS", "cannot be opened");
    return true;
}

nm_cuda *nm_cuda_open(const nm_cuda_model *model, int device, size_t n_streams, size_t n_tokens,
                      nomul_error *err)
{
    nm_cuda *c = new nm_cuda();
    size_t   widest = std::max(std::max(model->dim, model->state), model->ffn);
    bool     ok;

    c->model = *model, c->device = device;
    c->tensors.assign(model->tensors, model->tensors + model->n_tensors);
    c->layer_plan.assign(model->layers, model->layers + model->n_layers);
    c->n_streams = n_streams, c->n_tokens = n_tokens, c->n_rows = n_streams * n_tokens;
    c->is_vector = model->dim % 4 == 0 && model->state % 4 == 0 && model->ffn % 4 == 0;
    ok = widest <= 12288 ||
         fail(err, NOMUL_E_UNSUPPORTED, "width", "no row may have more than 12288 columns");
    ok = ok && open_device(c, err);
    if (ok) place_values(c), place_activations(c);
    if (ok && check(c, "memory: use a smaller --micro-batch", err)) return c;
    nm_cuda_close(c);
    return nullptr;
}

void nm_cuda_close(nm_cuda *c)
{
    if (!c) return;
    use(c);
    nm_gpu_sum_close(c->link);
    for (cublasHandle_t blas : {c->blas, c->side_blas})
        if (blas) cublasDestroy(blas);
    for (void *block : c->blocks) cudaFree(block);
    for (cudaEvent_t e : c->events)
        if (e) cudaEventDestroy(e);
    for (const group_memory &g : c->groups)
        for (cudaEvent_t e : {g.is_ready, g.is_done})
            if (e) cudaEventDestroy(e);
    if (c->is_summable) cudaEventDestroy(c->is_summable);
    for (cudaStream_t stream : {c->stream, c->side, c->sums_stream})
        if (stream) cudaStreamDestroy(stream);
    delete c;
}

/* ---- Products -------------------------------------------------------------------------------- */

/* One operand of a product of n matrices that lie `apart` values from one another. */
struct operand {
    const void    *at;
    bool           is_transposed;
    size_t         stride, apart;
    cudaDataType_t type;
};

/* y[m][n] = factor a b (+ y), as cuBLAS counts: columns first. */
static void gemm(nm_cuda *c, cublasHandle_t blas, size_t n_products, size_t m, size_t n, size_t k,
                 operand a, operand b, float factor, float beta, operand y)
{
    if (cublasGemmStridedBatchedEx(
            blas, a.is_transposed ? CUBLAS_OP_T : CUBLAS_OP_N,
            b.is_transposed ? CUBLAS_OP_T : CUBLAS_OP_N, (int)m, (int)n, (int)k, &factor, a.at,
            a.type, (int)a.stride, (long long)a.apart, b.at, b.type, (int)b.stride,
            (long long)b.apart, &beta, (void *)y.at, y.type, (int)y.stride, (long long)y.apart,
            (int)n_products, CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT) != CUBLAS_STATUS_SUCCESS &&
        c->status == cudaSuccess)
        c->status = cudaErrorUnknown;
}

/* Where the trits of matrices[first ...) are, which have one shape. */
static operand trits_of(const nm_cuda *c, size_t first, bool is_transposed, cudaDataType_t type)
{
    const nm_cuda_matrix &w = c->matrices[first];
    bool                  is_half = type == CUDA_R_16F && c->halves;
    const void           *at = c->trits + c->trits_at[first];

    if (is_half) at = c->halves + c->trits_at[first];
    return {at, is_transposed, w.cols, w.rows * w.cols, type};
}

/* The bytes of a product's operands, and its operations. */
static double bytes_of(const nm_cuda_matrix &w, size_t n, size_t n_rows, size_t y_bytes)
{
    return (double)n * ((double)n_rows * (double)(2 * w.cols + y_bytes * w.rows) +
                        2.0 * (double)(w.rows * w.cols));
}

static double flops_of(const nm_cuda_matrix &w, size_t n, size_t n_rows)
{
    return 2.0 * (double)n * (double)n_rows * (double)(w.rows * w.cols);
}

/*
 * The unit of a product's sums in binary16: |q| <= 127, so the largest is 127 columns.  Full
 * weights are larger than s, so they have 3 bits more.
 */
static float unit_of(const nm_cuda *c, const nm_cuda_matrix &w)
{
    float unit = c->halves ? 8.0f : 1.0f;

    while (127.0f * (float)w.cols / unit > 65504.0f) unit *= 2;
    return unit;
}

static sums sums_of(const nm_cuda *c, size_t matrix, const __half *at, const float *a)
{
    return {at, c->scales + matrix, a, unit_of(c, c->matrices[matrix])};
}

/*
 * To cuBLAS our rows are columns.  y[j][rows][M] = q[j] C_j^T for the n matrices from `first`, in
 * their unit, or in binary32 unscaled.  Trits are read as binary16, as q and y are: one array
 * serves both directions.
 */
static void product(nm_cuda *c, size_t first, size_t n, void *y, cudaDataType_t type, size_t n_rows)
{
    const nm_cuda_matrix &w = c->matrices[first];
    bool                  is_half = type == CUDA_R_16F;
    launch                measure(c, is_half ? NM_CUDA_PRODUCTS : NM_CUDA_HEAD_PRODUCTS,
                                  bytes_of(w, n, n_rows, is_half ? 2 : 4), flops_of(w, n, n_rows));

    gemm(c, c->blas, n, w.rows, n_rows, w.cols, trits_of(c, first, true, CUDA_R_16F),
         {c->q, false, w.cols, n_rows * w.cols, CUDA_R_16F},
         1.0f / ((c->halves ? 1.0f : TRIT_AS_HALF) * (is_half ? unit_of(c, w) : 1.0f)), 0,
         {y, false, w.rows, n_rows * w.rows, type});
}

/* d_n[j] = dy'[j] C_j */
static void product_back(nm_cuda *c, size_t first, size_t n, const bf16 *d_y, size_t n_rows)
{
    const nm_cuda_matrix &w = c->matrices[first];
    bool                  is_head = first + 1 == c->matrices.size();
    launch                measure(c, is_head ? NM_CUDA_HEAD_PRODUCTS : NM_CUDA_PRODUCTS_BACK,
                                  bytes_of(w, n, n_rows, 2), flops_of(w, n, n_rows));

    gemm(c, c->blas, n, w.cols, n_rows, w.rows, trits_of(c, first, false, CUDA_R_16BF),
         {d_y, false, w.rows, n_rows * w.rows, CUDA_R_16BF}, 1, 0,
         {c->d_n, false, w.cols, n_rows * w.cols, CUDA_R_16BF});
}

/*
 * dW_j = dy'[j]^T q[j] (+ dW_j), where the weights of i, f and g are as far apart from one another.
 */
static void add_weights(nm_cuda *c, cublasHandle_t blas, size_t first, size_t n, const bf16 *d_y,
                        const bf16 *q, size_t n_rows, bool adds)
{
    const nm_cuda_matrix *w = &c->matrices[first];
    size_t                apart = n > 1 ? w[1].weight - w[0].weight : 0;
    bool                  is_head = first + 1 == c->matrices.size();
    double                bytes = bytes_of(*w, n, n_rows, 2);

    bytes += (adds ? 6.0 : 2.0) * (double)(n * w->rows * w->cols);
    launch measure(c, is_head ? NM_CUDA_HEAD_PRODUCTS : NM_CUDA_PRODUCTS_WEIGHTS, bytes,
                   flops_of(*w, n, n_rows));

    gemm(c, blas, n, w->cols, w->rows, n_rows, {q, false, w->cols, n_rows * w->cols, CUDA_R_16BF},
         {d_y, true, w->rows, n_rows * w->rows, CUDA_R_16BF}, 1, adds ? 1.0f : 0.0f,
         {c->grads + w->weight, false, w->cols, apart, CUDA_R_32F});
}

/* ---- Kernels by the width of a row ----------------------------------------------------------- */

static unsigned blocks_of(size_t n)
{
    return (unsigned)((n + THREADS - 1) / THREADS);
}

template <int N> using number = std::integral_constant<int, N>;

/*
 * Calls run(threads, V, K) so that a block has the n columns of a row.  More vectors a thread are
 * fewer reductions; backwards a thread needs its registers for sums.
 */
template <bool is_back, typename F> static void with_layout(const nm_cuda *c, int n, F run)
{
    auto call = [&](auto v, auto k) {
        int cols = v.value * k.value * 32;
        run(32 * ((n + cols - 1) / cols), v, k);
    };
    if (!c->is_vector)
        call(number<1>(), number<ODD_COLS>());
    else if (n < 256)
        call(number<4>(), number<1>());
    else if (n <= (is_back ? 2816 : 1535))
        call(number<4>(), number<2>());
    else if (n <= 5632)
        call(number<4>(), number<4>());
    else
        call(number<4>(), number<8>());
}

/* Calls run(V) for kernels that go through n values in any order. */
template <typename F> static void with_vectors(bool is_vector, F run)
{
    if (is_vector)
        run(number<4>());
    else
        run(number<1>());
}

/* Of the n_rows tokens that p describes; matrices[first ...) share the input that p makes. */
static linears linears_of(nm_cuda *c, size_t first, int n, float *const *a, size_t n_rows)
{
    linears l = {};

    l.apart = n_rows * c->matrices[first].cols, l.is_full = c->halves;
    for (int j = 0; j < n; j++) l.gain[j] = c->values + c->matrices[first + j].gain, l.a[j] = a[j];
    return l;
}

template <mode M, int N>
static void run_quantize(nm_cuda *c, const prologue &p, const residual &from, const linears &l,
                         size_t n_rows)
{
    const int read[] = {4 + 4 + 2 + (from.added.at ? 2 : 0), 2 + 4, 4}; /* and what NORM keeps */
    launch    measure(c, NM_CUDA_QUANTIZE, (double)n_rows * p.n * (read[M] + 2 * N));

    with_layout<false>(c, p.n, [&](int threads, auto v, auto k) {
        quantize<M, N, v.value, k.value>
            <<<(unsigned)n_rows, threads, 0, c->stream>>>(p, from, l, c->q);
    });
}

/*
 * input_back for the matrices from `first`, then their dW and the gradients of the gains, and of
 * the prologue's where it has one.  Those of the head stay on the stream: it has a part of the
 * rows.
 */
template <mode M, int N>
static void run_group_back(nm_cuda *c, back_arguments b, group g, size_t first, size_t outer_gain,
                           const bf16 *d_y, bool adds)
{
    const group_memory &own = c->groups[g];
    bool                is_head = first + 1 == c->matrices.size();
    bool                is_aside = !is_head && !c->is_measuring;
    cudaStream_t        stream = is_aside ? c->side : c->stream;
    unsigned            n = (unsigned)b.p.n, n_blocks = 0;
    gain_grads          gains = {};

    if (M != GLU) gains.grad[0] = c->grads + outer_gain;
    for (size_t j = 0; j < N; j++) {
        b.scale[j] = c->scales + first + j;
        gains.grad[1 + j] = c->grads + c->matrices[first + j].gain;
    }
    b.d_n = c->d_n, b.q = own.q, b.partial = own.gain_sums;
    if (is_aside) {
        cudaStreamWaitEvent(c->stream, own.is_done);
        cudaStreamWaitEvent(c->stream, c->groups[(g + 1) % GROUPS].is_done); /* b.d_out */
    }
    with_layout<true>(c, b.p.n, [&](int threads, auto v, auto k) {
        const int bytes[] = {2 + 8 + 2, 4 + 4, 4 + 4};
        launch    measure(c, NM_CUDA_INPUT_BACK, (double)b.n_rows * n * (bytes[M] + 4 * N));
        auto      kernel = input_back<M, N, v.value, k.value>;
        int       at_once = 1;
        cudaOccupancyMaxActiveBlocksPerMultiprocessor(&at_once, kernel, threads, 0);
        n_blocks = (unsigned)std::min<size_t>((size_t)(at_once * c->n_multiprocessors),
                                              (b.n_rows + LEAST_ROWS - 1) / LEAST_ROWS);
        kernel<<<n_blocks, threads, 0, c->stream>>>(b);
    });
    if (is_aside) {
        cudaEventRecord(own.is_ready, c->stream);
        cudaStreamWaitEvent(c->side, own.is_ready);
    }
    {
        launch measure(c, NM_CUDA_GAINS, 4.0 * n_blocks * (1 + N) * n);
        add_partial<<<dim3((n + SUM_COLS - 1) / SUM_COLS, 1 + N), dim3(SUM_COLS, 32), 0, stream>>>(
            gains, own.gain_sums, (int)n_blocks, 1 + N, (int)n);
    }
    add_weights(c, is_aside ? c->side_blas : c->blas, first, N, d_y, own.q, b.n_rows, adds);
    if (is_aside) cudaEventRecord(own.is_done, c->side);
}

/* ---- The pass -------------------------------------------------------------------------------- */

/* What the four groups of BitLinears of a layer read. */
struct layer_prologues {
    prologue attn, gate, ffn, glu;
};

static layer_prologues prologues_of(const nm_cuda *c, size_t index, size_t n_rows)
{
    const nm_cuda_model &m = c->model;
    const nm_cuda_layer &plan = c->layer_plan[index];
    const layer_memory  &l = c->layers[index];
    const float         *w = c->values;
    size_t               first = index * NM_CUDA_PER_LAYER;
    layer_prologues      p = {};

    p.attn.kept = l.x, p.attn.gain = w + plan.attn_gain, p.attn.r = l.r_attn;
    p.gate.in = sums_of(c, first + NM_CUDA_G, l.ifg + NM_CUDA_G * n_rows * m.state, l.a[NM_CUDA_G]);
    p.gate.h = l.h, p.gate.gain = w + plan.g_gain, p.gate.r = l.r_gate;
    p.ffn.kept = l.middle, p.ffn.gain = w + plan.ffn_gain, p.ffn.r = l.r_ffn;
    p.glu.in = sums_of(c, first + NM_CUDA_GATE_UP, l.gate_up, l.a[NM_CUDA_GATE_UP]);
    p.glu.r = l.r_glu;
    p.attn.eps = p.gate.eps = p.ffn.eps = m.eps;
    p.attn.n = p.ffn.n = (int)m.dim, p.gate.n = (int)m.state, p.glu.n = (int)m.ffn;
    return p;
}

static scan_arguments scan_of(const nm_cuda *c, const nm_train_batch *b, size_t index)
{
    const nm_cuda_model &m = c->model;
    const layer_memory  &l = c->layers[index];
    size_t               first = index * NM_CUDA_PER_LAYER;
    size_t               apart = b->n_streams * c->n_tokens * m.state;
    scan_arguments       s = {};

    s.f = sums_of(c, first + NM_CUDA_F, l.ifg + NM_CUDA_F * apart, l.a[NM_CUDA_F]);
    s.i = sums_of(c, first + NM_CUDA_I, l.ifg + NM_CUDA_I * apart, l.a[NM_CUDA_I]);
    s.h = l.h, s.all_h = c->all_h, s.before = l.before,
    s.state = c->states + index * b->n_streams * m.state;
    if (m.use_lower_bound && index) s.bound = c->bounds + index * m.dim;
    s.ids = c->ids, s.n = (int)m.state, s.n_tokens = (int)c->n_tokens, s.bos = b->bos;
    return s;
}

/* Calls run(grid, threads, V) for the kernels of the recurrence. */
template <typename F> static void with_scan(const nm_cuda *c, const nm_train_batch *b, F run)
{
    auto call = [&](auto v) {
        unsigned cols = SCAN_LANES * v.value;
        run(dim3(((unsigned)c->model.state + cols - 1) / cols, (unsigned)b->n_streams),
            dim3(SCAN_LANES, SCAN_PARTS), v);
    };
    if (c->is_vector)
        call(number<2>());
    else
        call(number<1>());
}

/* What the layer before the index'th has left to be added to x. */
static residual residual_of(const nm_cuda *c, size_t index)
{
    residual r = {};

    r.x = c->x;
    if (index)
        r.added = sums_of(c, (index - 1) * NM_CUDA_PER_LAYER + NM_CUDA_DOWN, c->sums,
                          c->layers[index - 1].a[NM_CUDA_DOWN]);
    return r;
}

/* The steps of forward_layer in tape.c; sums of products are scaled where they are read next. */
static void forward_layer(nm_cuda *c, const nm_train_batch *b, size_t index, size_t n)
{
    layer_memory   &l = c->layers[index];
    size_t          first = index * NM_CUDA_PER_LAYER, out = first + NM_CUDA_O;
    size_t          wide = first + NM_CUDA_GATE_UP, down = first + NM_CUDA_DOWN;
    layer_prologues p = prologues_of(c, index, n);
    residual        attn = residual_of(c, index), ffn = {};

    p.attn.x = p.ffn.x = c->x, p.gate.all_h = c->all_h, attn.kept = l.x;
    run_quantize<NORM, 3>(c, p.attn, attn, linears_of(c, first, 3, l.a, n), n);
    product(c, first, 3, l.ifg, CUDA_R_16F, n);
    with_scan(c, b, [&](dim3 grid, dim3 threads, auto v) {
        launch measure(c, NM_CUDA_SCAN, (double)n * (double)c->model.state * (4 + 6));
        scan<v.value><<<grid, threads, 0, c->stream>>>(scan_of(c, b, index));
    });
    run_quantize<GATE, 1>(c, p.gate, {}, linears_of(c, out, 1, l.a + NM_CUDA_O, n), n);
    product(c, out, 1, c->sums, CUDA_R_16F, n);

    ffn.added = sums_of(c, out, c->sums, l.a[NM_CUDA_O]), ffn.x = c->x, ffn.kept = l.middle;
    run_quantize<NORM, 1>(c, p.ffn, ffn, linears_of(c, wide, 1, l.a + NM_CUDA_GATE_UP, n), n);
    product(c, wide, 1, l.gate_up, CUDA_R_16F, n);
    run_quantize<GLU, 1>(c, p.glu, {}, linears_of(c, down, 1, l.a + NM_CUDA_DOWN, n), n);
    product(c, down, 1, c->sums, CUDA_R_16F, n);
}

/* Logits, loss and the gradient of x, HEAD_ROWS at a time. */
static void run_head(nm_cuda *c, const nm_train_batch *b, size_t n_rows)
{
    const nm_cuda_model &m = c->model;
    size_t               head = c->matrices.size() - 1;
    residual             from = residual_of(c, m.n_layers);
    const float         *down_a = from.added.a;

    for (size_t at = 0, n; at < n_rows; at += n) {
        n = std::min<size_t>(HEAD_ROWS, n_rows - at);
        prologue p = {};
        p.x = from.x = c->x + at * m.dim, p.gain = c->values + m.output_gain, p.r = c->head_r;
        p.eps = m.eps, p.n = (int)m.dim;
        linears l = linears_of(c, head, 1, &c->head_a, n);
        from.added.at = c->sums + at * m.dim, from.added.a = down_a + at;
        from.kept = c->head_x;
        run_quantize<NORM, 1>(c, p, from, l, n);
        product(c, head, 1, c->logits, CUDA_R_32F, n);
        with_vectors(m.vocab % 4 == 0, [&](auto v) {
            launch measure(c, NM_CUDA_LOSS, (double)n * (double)m.vocab * (4 + 4 + 2));
            cross_entropy<v.value><<<(unsigned)n, THREADS, 0, c->stream>>>(
                c->d_logits, c->nats + at, c->logits, c->scales + head, c->head_a, c->targets + at,
                (int)m.vocab, b->weight);
        });
        product_back(c, head, 1, c->d_logits, n);
        back_arguments back = {};
        back.p = p, back.p.x = nullptr, back.p.kept = c->head_x, back.l = l, back.n_rows = n;
        back.d_x = c->d_x + at * m.dim, back.d_out = c->groups[DOWN].d_y + at * m.dim;
        back.out_a = down_a + at;
        run_group_back<NORM, 1>(c, back, DOWN, head, m.output_gain, c->d_logits,
                                c->has_grads || at > 0);
    }
}

/*
 * The channel mixer: from d_x of the layer's output, and d_y of down, which is d_x / a, to those of
 * the token mixer's output.  Each group of BitLinears takes three steps: a product gives d_n,
 * input_back goes through norms and prologue to d_y of the next group and makes q again, a product
 * gives dW.
 */
static void back_channels(nm_cuda *c, size_t index, size_t n)
{
    layer_memory        &l = c->layers[index];
    const nm_cuda_layer &plan = c->layer_plan[index];
    size_t               first = index * NM_CUDA_PER_LAYER;
    layer_prologues      p = prologues_of(c, index, n);
    group_memory        *groups = c->groups;
    back_arguments       back = {};

    back.n_rows = n, back.d_x = c->d_x, back.d_h = c->d_h;

    /* down, glu */
    size_t at = first + NM_CUDA_DOWN;
    back.p = p.glu, back.l = linears_of(c, at, 1, l.a + NM_CUDA_DOWN, n);
    back.d_out = groups[GATE_UP].d_y;
    product_back(c, at, 1, groups[DOWN].d_y, n);
    run_group_back<GLU, 1>(c, back, DOWN, at, 0, groups[DOWN].d_y, c->has_grads);

    /* gate_up, the channel mixer's norm */
    at = first + NM_CUDA_GATE_UP;
    back.p = p.ffn, back.l = linears_of(c, at, 1, l.a + NM_CUDA_GATE_UP, n);
    back.d_out = groups[OUT].d_y, back.out_a = l.a[NM_CUDA_O];
    product_back(c, at, 1, groups[GATE_UP].d_y, n);
    run_group_back<NORM, 1>(c, back, GATE_UP, at, plan.ffn_gain, groups[GATE_UP].d_y, c->has_grads);
}

/* The token mixer: from there to d_x of the layer's input, in the same steps. */
static void back_tokens(nm_cuda *c, const nm_train_batch *b, size_t index, size_t n)
{
    const nm_cuda_model &m = c->model;
    layer_memory        &l = c->layers[index];
    const nm_cuda_layer &plan = c->layer_plan[index];
    size_t               first = index * NM_CUDA_PER_LAYER, n_state = n * m.state;
    layer_prologues      p = prologues_of(c, index, n);
    group_memory        *groups = c->groups;
    bf16                *d_ifg = groups[IFG].d_y;
    back_arguments       back = {};

    back.n_rows = n, back.d_x = c->d_x, back.d_h = c->d_h;

    /* o, the gate: dg / a and dh */
    size_t at = first + NM_CUDA_O;
    back.p = p.gate, back.l = linears_of(c, at, 1, l.a + NM_CUDA_O, n);
    back.d_out = d_ifg + NM_CUDA_G * n_state, back.out_a = l.a[NM_CUDA_O];
    product_back(c, at, 1, groups[OUT].d_y, n);
    run_group_back<GATE, 1>(c, back, OUT, at, plan.g_gain, groups[OUT].d_y, c->has_grads);

    /* the recurrence, f, i, g, the token mixer's norm */
    with_scan(c, b, [&](dim3 grid, dim3 threads, auto v) {
        launch measure(c, NM_CUDA_SCAN_BACK, (double)n_state * (3 * 2 + 2 + 4));
        scan_back<v.value><<<grid, threads, 0, c->stream>>>(
            {scan_of(c, b, index), c->d_h, d_ifg + NM_CUDA_F * n_state, d_ifg + NM_CUDA_I * n_state,
             c->d_bounds + index * b->n_streams * m.state});
    });
    back.p = p.attn, back.l = linears_of(c, first, 3, l.a, n);
    back.d_out = index ? groups[DOWN].d_y : nullptr;
    back.out_a = index ? c->layers[index - 1].a[NM_CUDA_DOWN] : nullptr;
    product_back(c, first, 3, d_ifg, n);
    run_group_back<NORM, 3>(c, back, IFG, first, plan.attn_gain, d_ifg, c->has_grads);
}

/* Rows by id, so that each id's gradient is one sum in the order of the rows. */
static void add_embedding(nm_cuda *c, const nm_train_batch *b, size_t n)
{
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
    launch measure(c, NM_CUDA_EMBEDDING, 4.0 * (double)(n * c->model.dim));
    embedding_back<<<n_ids, THREADS, 0, c->stream>>>(c->grads + c->model.embedding, c->d_x, c->ids,
                                                     c->rows, c->starts, (int)c->model.dim);
}

/* The states of the batch's streams, which may be some of more; to the GPU or back. */
static void copy_states(nm_cuda *c, const nm_train_batch *b, bool to_gpu)
{
    size_t here = b->n_streams * c->model.state * sizeof(float);
    size_t there = b->state_streams * c->model.state * sizeof(float);

    if (to_gpu)
        cudaMemcpy2D(c->states, here, b->states, there, here, c->model.n_layers,
                     cudaMemcpyHostToDevice);
    else
        cudaMemcpy2D(b->states, there, c->states, here, here, c->model.n_layers,
                     cudaMemcpyDeviceToHost);
}

/* Adds the milliseconds between the events of a pass to those of the step. */
static void add_times(nm_cuda *c, int first, int last)
{
    for (int i = first; i <= last; i++) {
        float ms = 0;
        cudaEventElapsedTime(&ms, c->events[i], c->events[i + 1]);
        c->times[i] += ms;
    }
}

void nm_cuda_link(nm_cuda *c, nm_gpu_link *link)
{
    c->link = link;
}

/*
 * The sum over GPUs of grads[first, end), which what was launched so far has finished, beside what
 * is launched next.
 */
static void sum_grads(nm_cuda *c, size_t first, size_t end)
{
    cudaStream_t stream = c->is_measuring ? c->stream : c->sums_stream;

    for (cudaStream_t before : {c->stream, c->side}) {
        cudaEventRecord(c->is_summable, before);
        cudaStreamWaitEvent(stream, c->is_summable);
    }
    launch measure(c, NM_CUDA_SUM, 4.0 * (double)(end - first));
    if (first < end && !nm_gpu_sum_add(c->link, c->grads + first, end - first, stream))
        c->status = cudaErrorUnknown;
}

/* Where the values of a layer begin; they end where the next layer's begin, or the output's. */
static size_t layer_begin(const nm_cuda *c, size_t index)
{
    return index < c->model.n_layers ? c->layer_plan[index].attn_gain : c->model.output_gain;
}

/*
 * Sums in the last pass begin while it runs, each layer's when it is done.  Not in the first one: a
 * kernel that is loaded may have to wait for a sum, and so for a GPU whose kernels wait to be loaded.
 */
bool nm_cuda_run(nm_cuda *c, const nm_train_batch *b, double *loss, nomul_error *err)
{
    const nm_cuda_model &m = c->model;
    size_t               n = b->n_streams * c->n_tokens;
    std::vector<float>   nats(n);
    bool                 sums = c->link && b->is_last, is_early = sums && c->has_run;

    use(c);
    cudaMemcpy(c->ids, b->ids, n * sizeof *b->ids, cudaMemcpyHostToDevice);
    cudaMemcpy(c->targets, b->targets, n * sizeof *b->targets, cudaMemcpyHostToDevice);
    copy_states(c, b, true);
    cudaEventRecord(c->events[NM_CUDA_FORWARD], c->stream);
    with_vectors(c->is_vector, [&](auto v) {
        launch measure(c, NM_CUDA_EMBEDDING, 8.0 * (double)(n * m.dim));
        embed<v.value><<<(unsigned)n, THREADS, 0, c->stream>>>(c->x, c->values + m.embedding,
                                                               c->ids, (int)m.dim, m.stored);
    });
    for (size_t l = 0; l < m.n_layers; l++) forward_layer(c, b, l, n);
    cudaEventRecord(c->events[NM_CUDA_HEAD], c->stream);
    cudaMemsetAsync(c->d_x, 0, n * m.dim * sizeof(float), c->stream);
    run_head(c, b, n);
    cudaEventRecord(c->events[NM_CUDA_BACKWARD], c->stream);
    if (is_early) sum_grads(c, layer_begin(c, m.n_layers), m.n_values);
    for (size_t l = m.n_layers; l-- > 0;) {
        back_channels(c, l, n), back_tokens(c, b, l, n);
        if (is_early) sum_grads(c, layer_begin(c, l), layer_begin(c, l + 1));
    }
    if (m.use_lower_bound)
        bounds_back<<<blocks_of(m.dim), THREADS, 0, c->stream>>>(
            c->grads + m.bounds, c->values + m.bounds, c->d_bounds, (int)m.n_layers, (int)m.dim,
            (int)b->n_streams);
    add_embedding(c, b, n);
    for (const group_memory &g : c->groups) cudaStreamWaitEvent(c->stream, g.is_done);
    if (sums && !is_early && !check(c, "step", err)) return false;
    if (sums) sum_grads(c, 0, is_early ? layer_begin(c, 0) : m.n_values);
    cudaEventRecord(c->is_summable, c->sums_stream);
    cudaStreamWaitEvent(c->stream, c->is_summable);
    c->has_run = c->has_run || sums;
    cudaEventRecord(c->events[NM_CUDA_OPTIMIZER], c->stream);
    copy_states(c, b, false);
    cudaMemcpy(nats.data(), c->nats, n * sizeof(float), cudaMemcpyDeviceToHost);
    *loss = std::accumulate(nats.begin(), nats.end(), 0.0);
    c->has_grads = true;
    if (!check(c, "step", err)) return false;
    add_times(c, NM_CUDA_FORWARD, NM_CUDA_BACKWARD);
    return true;
}

size_t nm_cuda_bytes(const nm_cuda *c)
{
    return c->n_bytes;
}

void nm_cuda_take_times(nm_cuda *c, float times[NM_CUDA_PARTS])
{
    memcpy(times, c->times, sizeof c->times);
    memset(c->times, 0, sizeof c->times);
}

void nm_cuda_measure(nm_cuda *c)
{
    c->is_measuring = true;
}

void nm_cuda_take_measured(nm_cuda *c, nm_cuda_measured totals[NM_CUDA_WORKS])
{
    use(c);
    cudaDeviceSynchronize();
    for (int i = 0; i < NM_CUDA_WORKS; i++) totals[i] = {};
    for (const measured &x : c->launches) {
        float ms = 0;
        cudaEventElapsedTime(&ms, x.begin, x.end);
        nm_cuda_measured &t = totals[x.work];
        t.n++, t.ms += ms, t.bytes += x.bytes, t.flops += x.flops;
        cudaEventDestroy(x.begin), cudaEventDestroy(x.end);
    }
    c->launches.clear();
    c->is_measuring = false;
}

/* ---- Values ---------------------------------------------------------------------------------- */

/* From the sums of |w| of all pieces to scales, trits, bounds. */
static void quantize_weights(nm_cuda *c)
{
    launch measure(c, NM_CUDA_TRITS, 6.0 * (double)c->model.n_values);

    find_scales<<<(unsigned)c->matrices.size(), THREADS, 0, c->stream>>>(c->scales, c->partial,
                                                                         c->matrix_places);
    with_vectors(c->is_vector, [&](auto v) {
        make_trits<v.value><<<(unsigned)c->n_pieces, THREADS, 0, c->stream>>>(
            c->trits, c->halves, c->values, c->scales, c->pieces);
    });
    if (c->model.use_lower_bound)
        make_bounds<<<blocks_of(c->model.dim), THREADS, 0, c->stream>>>(
            c->bounds, c->values + c->model.bounds, (int)c->model.n_layers, (int)c->model.dim);
}

bool nm_cuda_send(nm_cuda *c, const float *values, const float *m, const float *v, nomul_error *err)
{
    size_t bytes = c->model.n_values * sizeof(float);

    use(c);
    cudaMemcpy(c->values, values, bytes, cudaMemcpyHostToDevice);
    cudaMemcpy(c->m, m, bytes, cudaMemcpyHostToDevice);
    cudaMemcpy(c->v, v, bytes, cudaMemcpyHostToDevice);
    cudaMemset(c->grads, 0, bytes);
    c->has_grads = false;
    with_vectors(c->is_vector, [&](auto v4) {
        sum_sizes<v4.value>
            <<<(unsigned)c->n_pieces, THREADS, 0, c->stream>>>(c->partial, c->values, c->pieces);
    });
    quantize_weights(c);
    return check(c, "sending the weights", err);
}

bool nm_cuda_fetch(nm_cuda *c, float *values, float *m, float *v, nomul_error *err)
{
    size_t bytes = c->model.n_values * sizeof(float);

    use(c);
    cudaMemcpy(values, c->values, bytes, cudaMemcpyDeviceToHost);
    cudaMemcpy(m, c->m, bytes, cudaMemcpyDeviceToHost);
    cudaMemcpy(v, c->v, bytes, cudaMemcpyDeviceToHost);
    return check(c, "fetching the weights", err);
}

bool nm_cuda_norm(nm_cuda *c, double *norm, nomul_error *err)
{
    double partial[PIECES];

    use(c);
    with_vectors(c->is_vector, [&](auto v) {
        launch measure(c, NM_CUDA_GRAD_NORM, 4.0 * (double)c->model.n_values);
        sum_squares<v.value>
            <<<PIECES, THREADS, 0, c->stream>>>(c->partial, c->grads, c->model.n_values);
    });
    cudaMemcpy(partial, c->partial, sizeof partial, cudaMemcpyDeviceToHost);
    *norm = sqrt(std::accumulate(partial, partial + PIECES, 0.0));
    return check(c, "norm of the gradients", err);
}

bool nm_cuda_step(nm_cuda *c, const nm_adamw_factors *f, nomul_error *err)
{
    use(c);
    cudaEventRecord(c->events[NM_CUDA_OPTIMIZER], c->stream);
    with_vectors(c->is_vector, [&](auto v) {
        launch measure(c, NM_CUDA_ADAMW, 28.0 * (double)c->model.n_values);
        adamw<v.value><<<(unsigned)c->n_pieces, THREADS, 0, c->stream>>>(
            c->values, c->m, c->v, c->grads, c->partial, c->pieces, *f);
    });
    quantize_weights(c);
    cudaEventRecord(c->events[NM_CUDA_PARTS], c->stream);
    c->has_grads = false;
    if (!check(c, "optimizer", err)) return false;
    add_times(c, NM_CUDA_OPTIMIZER, NM_CUDA_OPTIMIZER);
    return true;
}
