/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The step on one GPU.  Products are cuBLAS's, in bf16 with binary32 sums: q and trits are exact in
 * bf16, so the forward products are exact.  Everything else is in cuda_kernels.cuh, one kernel for
 * what can be done in one pass over memory:
 *
 *     forward   (residual +) prologue -> both norms -> quantize    q in bf16, a and both factors
 *               product -> sums, which are scaled where they are read: recurrence, gate, glu,
 *               residual; these keep what the way back needs
 *     backward  dy' = dy / a in bf16: a belongs to the token, so it can go to the other factor, and
 *               q is the array of the forward pass
 *               d_n = dy' C -> derivative of both norms and of the prologue, q, sums for the gains
 *               dW += dy'^T q
 */
#include "train/cuda_kernels.cuh"

#include <cublas_v2.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <numeric>
#include <type_traits>
#include <vector>

#define HEAD_ROWS 2048 /* rows whose logits are in memory at once */
#define PIECES 1024    /* partial sums of all gradients */
#define MATRIX_PIECES 64 /* and of a matrix */
#define MAX_COLS 24      /* columns of a thread: a row has at most MOST_THREADS times so many */

/* ---- Memory ---------------------------------------------------------------------------------- */

/* What the backward pass needs of a layer. */
struct layer_memory {
    float  *x, *middle;                      /* [rows][dim]: inputs of the two mixers */
    __half *f, *i, *g, *h;                   /* [rows][state]: before sigmoid and silu; the state */
    __half *gate_up;                         /* [rows][2 ffn] */
    float  *before;                          /* [streams][state] */
    float  *r_attn, *r_gate, *r_ffn, *r_glu; /* [rows][2] */
    float  *a[NM_CUDA_PER_LAYER];
};

struct nm_cuda {
    nm_cuda_model               model;
    std::vector<nm_cuda_tensor> tensors;
    std::vector<nm_cuda_layer>  layer_plan;
    std::vector<nm_cuda_matrix> matrices; /* of all layers, then the head */
    std::vector<size_t>         trits_at;
    matrix_place               *places; /* of the matrices, on the GPU */
    std::vector<void *>         blocks;
    cublasHandle_t              blas = nullptr;
    cudaError_t                 status = cudaSuccess;
    size_t                      n_streams, n_tokens, n_rows;

    float  *values, *grads, *m, *v, *scales, *bounds, *d_bounds, *states;
    bf16   *trits;
    double *partial;

    std::vector<layer_memory> layers;
    float                    *x, *d_x, *sums, *gain_sums, *logits, *nats, *head_a, *head_r;
    bf16                     *q, *d_n, *d_y; /* of up to three BitLinears, one after the other */
    bf16                     *d_res, *d_wide, *d_h, *d_logits; /* d_res: of what is added to x */
    float                    *wide_sums, *all_h; /* forward; d_wide and d_y lie in wide_sums */
    int32_t                  *ids, *targets, *rows, *starts;
    size_t                    n_bytes;
    cudaEvent_t               events[NM_CUDA_PARTS + 1];
    float                     times[NM_CUDA_PARTS];
};

/* n elements; a failure is kept in status, so callers check once after all of their arrays. */
template <typename T> static void take(nm_cuda *c, T **at, size_t n)
{
    void *block = nullptr;

    if (c->status == cudaSuccess) c->status = cudaMalloc(&block, n * sizeof(T) + 256);
    if (block) c->blocks.push_back(block), c->n_bytes += n * sizeof(T);
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
    take(c, &c->bounds, m->n_layers * m->state);
    take(c, &c->partial, std::max<size_t>(PIECES, MATRIX_PIECES * c->matrices.size()));
    take(c, &c->places, c->matrices.size());
}

static void place_layer(nm_cuda *c, layer_memory *l)
{
    const nm_cuda_model *m = &c->model;
    size_t               n = c->n_rows;

    take(c, &l->x, n * m->dim), take(c, &l->middle, n * m->dim);
    for (__half **x : {&l->f, &l->i, &l->g, &l->h}) take(c, x, n * m->state);
    take(c, &l->gate_up, n * 2 * m->ffn), take(c, &l->before, c->n_streams * m->state);
    for (float **r : {&l->r_attn, &l->r_gate, &l->r_ffn, &l->r_glu}) take(c, r, 2 * n);
    for (float *&a : l->a) take(c, &a, n);
}

/* What a pass of n_rows needs; without the layers' it is reused from layer to layer. */
static void place_activations(nm_cuda *c)
{
    const nm_cuda_model *m = &c->model;
    size_t               n = c->n_rows, head = std::min<size_t>(n, HEAD_ROWS);
    size_t               cols = std::max(std::max(m->dim, m->state), m->ffn);
    size_t               three = std::max(3 * std::max(m->dim, m->state), m->ffn);

    c->layers.resize(m->n_layers);
    for (layer_memory &l : c->layers) place_layer(c, &l);
    take(c, &c->x, n * m->dim), take(c, &c->d_x, n * m->dim), take(c, &c->sums, n * m->dim);
    take(c, &c->q, n * three), take(c, &c->d_n, n * three);
    take(c, &c->d_res, n * m->dim), take(c, &c->d_h, n * m->state), take(c, &c->all_h, n * m->state);
    take(c, &c->wide_sums, n * std::max(3 * m->state, 2 * m->ffn));
    c->d_wide = (bf16 *)c->wide_sums, c->d_y = c->d_wide + n * 2 * m->ffn;
    take(c, &c->gain_sums, (n / ROWS_OF_SUMS + 1) * 4 * cols);
    take(c, &c->logits, head * m->vocab), take(c, &c->d_logits, head * m->vocab);
    take(c, &c->head_a, n), take(c, &c->head_r, 2 * n), take(c, &c->nats, n);
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
    if (std::max(std::max(model->dim, model->state), model->ffn) > (size_t)MAX_COLS * MOST_THREADS) {
        fail(err, NOMUL_E_UNSUPPORTED, "width", "no row may have more than 12288 columns");
        nm_cuda_close(c);
        return nullptr;
    }
    c->status = cudaSetDevice(0);
    for (cudaEvent_t &e : c->events)
        if (c->status == cudaSuccess) c->status = cudaEventCreate(&e);
    if (!check(c, "cannot be used", err)) {
        nm_cuda_close(c);
        return nullptr;
    }
    place_values(c);
    place_activations(c);
    if (!check(c, "memory: use a smaller --micro-batch", err)) {
        nm_cuda_close(c);
        return nullptr;
    }
    std::vector<matrix_place> places;
    for (size_t i = 0; i < c->matrices.size(); i++)
        places.push_back({c->values + c->matrices[i].weight, c->trits + c->trits_at[i],
                          c->matrices[i].rows * c->matrices[i].cols});
    cudaMemcpy(c->places, places.data(), places.size() * sizeof places[0], cudaMemcpyHostToDevice);
    if (cublasCreate(&c->blas) != CUBLAS_STATUS_SUCCESS) {
        fail(err, NOMUL_E_UNSUPPORTED, "cuBLAS", "cannot be opened");
        nm_cuda_close(c);
        return nullptr;
    }
    return c;
}

void nm_cuda_close(nm_cuda *c)
{
    if (!c) return;
    if (c->blas) cublasDestroy(c->blas);
    for (void *block : c->blocks) cudaFree(block);
    for (cudaEvent_t e : c->events)
        if (e) cudaEventDestroy(e);
    delete c;
}

/* ---- Products -------------------------------------------------------------------------------- */

/* One operand of a product of n matrices that lie `apart` values from one another. */
struct operand {
    const void *at;
    bool        is_transposed;
    size_t      stride, apart;
    cudaDataType_t type;
};

/* y[m][n] = a b (+ y), as cuBLAS counts: columns first. */
static void gemm(nm_cuda *c, size_t n_products, size_t m, size_t n, size_t k, operand a, operand b,
                 float beta, operand y)
{
    const float one = 1;

    if (cublasGemmStridedBatchedEx(
            c->blas, a.is_transposed ? CUBLAS_OP_T : CUBLAS_OP_N,
            b.is_transposed ? CUBLAS_OP_T : CUBLAS_OP_N, (int)m, (int)n, (int)k, &one, a.at, a.type,
            (int)a.stride, (long long)a.apart, b.at, b.type, (int)b.stride, (long long)b.apart,
            &beta, (void *)y.at, y.type, (int)y.stride, (long long)y.apart, (int)n_products,
            CUBLAS_COMPUTE_32F, CUBLAS_GEMM_DEFAULT) != CUBLAS_STATUS_SUCCESS &&
        c->status == cudaSuccess)
        c->status = cudaErrorUnknown;
}

static operand of_bf16(const bf16 *at, bool is_transposed, size_t stride, size_t apart)
{
    return {at, is_transposed, stride, apart, CUDA_R_16BF};
}

static operand of_float(const float *at, size_t stride, size_t apart)
{
    return {at, false, stride, apart, CUDA_R_32F};
}

/* The trits of matrices[first ...), which have one shape. */
static operand trits_of(const nm_cuda *c, size_t first, bool is_transposed)
{
    const nm_cuda_matrix &w = c->matrices[first];

    return of_bf16(c->trits + c->trits_at[first], is_transposed, w.cols, w.rows * w.cols);
}

/* To cuBLAS our rows are columns.  y[j][rows][M] = q[j] C_j^T for the n matrices from `first`. */
static void product(nm_cuda *c, size_t first, size_t n, float *y, size_t n_rows)
{
    const nm_cuda_matrix &w = c->matrices[first];

    gemm(c, n, w.rows, n_rows, w.cols, trits_of(c, first, true),
         of_bf16(c->q, false, w.cols, n_rows * w.cols), 0, of_float(y, w.rows, n_rows * w.rows));
}

/* d_n[j] = dy'[j] C_j */
static void product_back(nm_cuda *c, size_t first, size_t n, const bf16 *d_y, size_t n_rows)
{
    const nm_cuda_matrix &w = c->matrices[first];

    gemm(c, n, w.cols, n_rows, w.rows, trits_of(c, first, false),
         of_bf16(d_y, false, w.rows, n_rows * w.rows), 0,
         of_bf16(c->d_n, false, w.cols, n_rows * w.cols));
}

/* dW_j += dy'[j]^T q[j], where the weights of i, f and g are as far apart from one another. */
static void add_weights(nm_cuda *c, size_t first, size_t n, const bf16 *d_y, size_t n_rows)
{
    const nm_cuda_matrix *w = &c->matrices[first];
    size_t                apart = n > 1 ? w[1].weight - w[0].weight : 0;

    gemm(c, n, w->cols, w->rows, n_rows, of_bf16(c->q, false, w->cols, n_rows * w->cols),
         of_bf16(d_y, true, w->rows, n_rows * w->rows), 1,
         of_float(c->grads + w->weight, w->cols, apart));
}

/* ---- Kernels by the width of a row ----------------------------------------------------------- */

static int blocks_of(size_t n)
{
    return (int)((n + THREADS - 1) / THREADS);
}

static constexpr int next_cols(int cols)
{
    return cols == 3 ? 4 : cols == 4 ? 6 : cols == 6 ? 8 : cols == 8 ? 12 : MAX_COLS;
}

/*
 * Calls run(threads, COLS) so that a block has the n columns of a row: few a thread, and twice as
 * many threads rather than more than four.
 */
template <int COLS = 3, typename F> static void with_cols(int n, F run)
{
    int threads = 32;

    while (threads * 4 < n && threads < MOST_THREADS) threads *= 2;
    if (n <= COLS * threads)
        run(threads, std::integral_constant<int, COLS>());
    else if constexpr (COLS < MAX_COLS)
        with_cols<next_cols(COLS)>(n, run);
}

/* Of the n_rows tokens that p describes; matrices[first ...) share the input that p makes. */
static linears linears_of(nm_cuda *c, size_t first, int n, float *const *a, size_t n_rows)
{
    linears l = {};

    for (int j = 0; j < n; j++) {
        const nm_cuda_matrix &w = c->matrices[first + j];
        l.gain[j] = c->values + w.gain, l.q[j] = c->q + j * n_rows * w.cols, l.a[j] = a[j];
    }
    return l;
}

template <mode M, int N>
static void run_quantize(const prologue &p, const source &from, const linears &l, size_t n_rows)
{
    with_cols(p.n, [&](int threads, auto cols) {
        quantize<M, N, cols.value><<<(int)n_rows, threads>>>(p, from, l);
    });
}

/* And the gradients of gains of matrices[first ...), and of the prologue's where it has one. */
template <mode M, int N>
static void run_input_back(nm_cuda *c, back_arguments b, size_t first, size_t outer_gain)
{
    size_t     n_blocks = ((size_t)b.n_rows + ROWS_OF_SUMS - 1) / ROWS_OF_SUMS;
    size_t     n = (size_t)b.p.n;
    gain_grads g = {};

    if (M != GLU) g.grad[0] = c->grads + outer_gain;
    for (size_t j = 0; j < N; j++) {
        b.d_n[j] = c->d_n + j * (size_t)b.n_rows * n, b.scale[j] = c->scales + first + j;
        g.grad[1 + j] = c->grads + c->matrices[first + j].gain;
    }
    b.partial = c->gain_sums;
    with_cols(b.p.n, [&](int threads, auto cols) {
        input_back<M, N, cols.value><<<(int)n_blocks, threads>>>(b);
    });
    add_partial<<<dim3((unsigned)((n + SUM_COLS - 1) / SUM_COLS), 1 + N), dim3(SUM_COLS, 32)>>>(
        g, c->gain_sums, (int)n_blocks, 1 + N, (int)n);
}

/* ---- The pass -------------------------------------------------------------------------------- */

/* What the four groups of BitLinears of a layer read: i, f, g; o; gate_up; down. */
struct layer_prologues {
    prologue attn, gate, ffn, glu;
};

static layer_prologues prologues_of(const nm_cuda *c, size_t index)
{
    const nm_cuda_model &m = c->model;
    const nm_cuda_layer &plan = c->layer_plan[index];
    const layer_memory  &l = c->layers[index];
    const float         *w = c->values;
    layer_prologues      p = {};

    p.attn.x = l.x, p.attn.gain = w + plan.attn_gain, p.attn.r = l.r_attn;
    p.gate.in = l.g, p.gate.a = l.a[NM_CUDA_G], p.gate.h = l.h, p.gate.gain = w + plan.g_gain, p.gate.r = l.r_gate;
    p.ffn.x = l.middle, p.ffn.gain = w + plan.ffn_gain, p.ffn.r = l.r_ffn;
    p.glu.in = l.gate_up, p.glu.a = l.a[NM_CUDA_GATE_UP], p.glu.r = l.r_glu;
    p.attn.eps = p.gate.eps = p.ffn.eps = m.eps;
    p.attn.n = p.ffn.n = (int)m.dim, p.gate.n = (int)m.state, p.glu.n = (int)m.ffn;
    return p;
}

static scan_arguments scan_of(const nm_cuda *c, const nm_batch *b, size_t index)
{
    const nm_cuda_model &m = c->model;
    const layer_memory  &l = c->layers[index];
    const float         *scale = c->scales + index * NM_CUDA_PER_LAYER;
    size_t               n_sums = b->n_streams * c->n_tokens * m.state;
    scan_arguments       s = {};

    s.i_sums = c->wide_sums + NM_CUDA_I * n_sums, s.f_sums = c->wide_sums + NM_CUDA_F * n_sums;
    s.f = l.f, s.i = l.i, s.h = l.h, s.all_h = c->all_h, s.before = l.before;
    s.f_scale = scale + NM_CUDA_F, s.i_scale = scale + NM_CUDA_I;
    s.f_a = l.a[NM_CUDA_F], s.i_a = l.a[NM_CUDA_I];
    if (m.use_lower_bound && index) s.bound = c->bounds + index * m.dim;
    s.state = c->states + index * b->n_streams * m.state;
    s.ids = c->ids, s.n = (int)m.state, s.n_tokens = (int)c->n_tokens, s.bos = b->bos;
    return s;
}

static dim3 scan_grid(const nm_cuda *c, const nm_batch *b)
{
    return dim3((unsigned)((c->model.state + SCAN_COLS - 1) / SCAN_COLS), (unsigned)b->n_streams);
}

/* What the layer before the index'th, or the embedding, has left: x, and what is added to it. */
static const float *residual_of(const nm_cuda *c, size_t index, source *from)
{
    if (index == 0) return c->x;
    const layer_memory &before = c->layers[--index];
    from->sums = c->sums, from->a = before.a[NM_CUDA_DOWN];
    from->scale = c->scales + index * NM_CUDA_PER_LAYER + NM_CUDA_DOWN;
    return before.middle;
}

/* The steps of forward_layer in tape.c; sums of products are scaled where they are read next. */
static void forward_layer(nm_cuda *c, const nm_batch *b, size_t index, size_t n)
{
    layer_memory   &l = c->layers[index];
    size_t          first = index * NM_CUDA_PER_LAYER, n_sums = n * c->model.state;
    layer_prologues p = prologues_of(c, index);
    source          attn = {}, gate = {}, ffn = {}, glu = {};
    const float    *scale = c->scales + first;

    p.attn.x = residual_of(c, index, &attn), attn.kept_x = l.x;
    run_quantize<NORM, 3>(p.attn, attn, linears_of(c, first, 3, l.a, n), n);
    product(c, first, 3, c->wide_sums, n);
    scan<<<scan_grid(c, b), dim3(SCAN_COLS, SCAN_PARTS)>>>(scan_of(c, b, index));
    gate.sums = c->wide_sums + NM_CUDA_G * n_sums, gate.scale = scale + NM_CUDA_G;
    gate.a = l.a[NM_CUDA_G], gate.h = c->all_h, gate.kept = l.g, gate.kept_h = l.h;
    run_quantize<GATE, 1>(p.gate, gate, linears_of(c, first + NM_CUDA_O, 1, l.a + NM_CUDA_O, n), n);
    product(c, first + NM_CUDA_O, 1, c->sums, n);

    p.ffn.x = l.x, ffn.sums = c->sums, ffn.scale = scale + NM_CUDA_O, ffn.a = l.a[NM_CUDA_O];
    ffn.kept_x = l.middle;
    run_quantize<NORM, 1>(p.ffn, ffn,
                          linears_of(c, first + NM_CUDA_GATE_UP, 1, l.a + NM_CUDA_GATE_UP, n), n);
    product(c, first + NM_CUDA_GATE_UP, 1, c->wide_sums, n);
    glu.sums = c->wide_sums, glu.scale = scale + NM_CUDA_GATE_UP, glu.a = l.a[NM_CUDA_GATE_UP];
    glu.kept = l.gate_up;
    run_quantize<GLU, 1>(p.glu, glu, linears_of(c, first + NM_CUDA_DOWN, 1, l.a + NM_CUDA_DOWN, n),
                         n);
    product(c, first + NM_CUDA_DOWN, 1, c->sums, n);
}

/* Logits, loss and the gradient of x, HEAD_ROWS at a time. */
static void run_head(nm_cuda *c, const nm_batch *b, size_t n_rows)
{
    const nm_cuda_model &m = c->model;
    size_t               head = c->matrices.size() - 1;
    source               from = {};
    const float         *x = residual_of(c, m.n_layers, &from), *down_a = from.a;

    for (size_t at = 0, n; at < n_rows; at += n) {
        n = std::min<size_t>(HEAD_ROWS, n_rows - at);
        prologue p = {};
        p.x = x + at * m.dim, p.gain = c->values + m.output_gain, p.r = c->head_r;
        p.eps = m.eps, p.n = (int)m.dim;
        linears l = linears_of(c, head, 1, &c->head_a, n);
        from.sums = c->sums + at * m.dim, from.a = down_a + at, from.kept_x = c->x + at * m.dim;
        run_quantize<NORM, 1>(p, from, l, n);
        product(c, head, 1, c->logits, n);
        cross_entropy<<<(int)n, THREADS>>>(c->d_logits, c->nats + at, c->logits, c->scales + head,
                                           c->head_a, c->targets + at, (int)m.vocab, b->weight);
        product_back(c, head, 1, c->d_logits, n);
        back_arguments back = {};
        back.p = p, back.p.x = c->x + at * m.dim, back.l = l, back.n_rows = (int)n;
        back.d_x = c->d_x + at * m.dim, back.d_out = c->d_res + at * m.dim;
        back.out_a = down_a + at;
        run_input_back<NORM, 1>(c, back, head, m.output_gain);
        add_weights(c, head, 1, c->d_logits, n);
    }
}

/*
 * From d_x of the layer's output, and d_res, which is d_x / a of down, to those of its input.  Each
 * group of BitLinears takes three steps: a product gives d_n, input_back goes through norms and
 * prologue to what the group's input was made of and makes q again, a product gives dW.
 */
static void backward_layer(nm_cuda *c, const nm_batch *b, size_t index, size_t n)
{
    const nm_cuda_model &m = c->model;
    layer_memory        &l = c->layers[index];
    const nm_cuda_layer &plan = c->layer_plan[index];
    size_t               first = index * NM_CUDA_PER_LAYER;
    layer_prologues      p = prologues_of(c, index);
    back_arguments       back = {};

    back.n_rows = (int)n, back.d_x = c->d_x, back.d_h = c->d_h;

    /* down, glu */
    back.p = p.glu, back.l = linears_of(c, first + NM_CUDA_DOWN, 1, l.a + NM_CUDA_DOWN, n);
    back.d_out = c->d_wide;
    product_back(c, first + NM_CUDA_DOWN, 1, c->d_res, n);
    run_input_back<GLU, 1>(c, back, first + NM_CUDA_DOWN, 0);
    add_weights(c, first + NM_CUDA_DOWN, 1, c->d_res, n);

    /* gate_up, the channel mixer's norm */
    back.p = p.ffn, back.l = linears_of(c, first + NM_CUDA_GATE_UP, 1, l.a + NM_CUDA_GATE_UP, n);
    back.d_out = c->d_res, back.out_a = l.a[NM_CUDA_O];
    product_back(c, first + NM_CUDA_GATE_UP, 1, c->d_wide, n);
    run_input_back<NORM, 1>(c, back, first + NM_CUDA_GATE_UP, plan.ffn_gain);
    add_weights(c, first + NM_CUDA_GATE_UP, 1, c->d_wide, n);

    /* o, the gate: dg / a and dh */
    bf16 *d_i = c->d_y + NM_CUDA_I * n * m.state, *d_f = c->d_y + NM_CUDA_F * n * m.state;
    bf16 *d_g = c->d_y + NM_CUDA_G * n * m.state;
    back.p = p.gate, back.l = linears_of(c, first + NM_CUDA_O, 1, l.a + NM_CUDA_O, n);
    back.d_out = d_g;
    product_back(c, first + NM_CUDA_O, 1, c->d_res, n);
    run_input_back<GATE, 1>(c, back, first + NM_CUDA_O, plan.g_gain);
    add_weights(c, first + NM_CUDA_O, 1, c->d_res, n);

    /* the recurrence, f, i, g, the token mixer's norm */
    float *d_bound = c->d_bounds + index * b->n_streams * m.state;
    scan_back<<<scan_grid(c, b), dim3(SCAN_COLS, SCAN_PARTS)>>>(
        {scan_of(c, b, index), c->d_h, d_f, d_i, d_bound});
    back.p = p.attn, back.l = linears_of(c, first, 3, l.a, n);
    back.d_out = index ? c->d_res : nullptr;
    back.out_a = index ? c->layers[index - 1].a[NM_CUDA_DOWN] : nullptr;
    product_back(c, first, 3, c->d_y, n);
    run_input_back<NORM, 3>(c, back, first, plan.attn_gain);
    add_weights(c, first, 3, c->d_y, n);
}

/* Rows by id, so that each id's gradient is one sum in the order of the rows. */
static void add_embedding(nm_cuda *c, const nm_batch *b, size_t n)
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
    embedding_back<<<n_ids, THREADS>>>(c->grads + c->model.embedding, c->d_x, c->ids, c->rows,
                                       c->starts, (int)c->model.dim);
}

/* The states of the batch's streams, which may be some of more; to the GPU or back. */
static void copy_states(nm_cuda *c, const nm_batch *b, bool to_gpu)
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

bool nm_cuda_run(nm_cuda *c, const nm_batch *b, double *loss, nomul_error *err)
{
    const nm_cuda_model &m = c->model;
    size_t               n = b->n_streams * c->n_tokens;
    std::vector<float>   nats(n);

    cudaMemcpy(c->ids, b->ids, n * sizeof *b->ids, cudaMemcpyHostToDevice);
    cudaMemcpy(c->targets, b->targets, n * sizeof *b->targets, cudaMemcpyHostToDevice);
    copy_states(c, b, true);
    cudaEventRecord(c->events[NM_CUDA_FORWARD]);
    embed<<<(int)n, THREADS>>>(c->x, c->values + m.embedding, c->ids, (int)m.dim, m.embedding_f16);
    for (size_t l = 0; l < m.n_layers; l++) forward_layer(c, b, l, n);
    cudaEventRecord(c->events[NM_CUDA_HEAD]);
    cudaMemsetAsync(c->d_x, 0, n * m.dim * sizeof(float));
    run_head(c, b, n);
    cudaEventRecord(c->events[NM_CUDA_BACKWARD]);
    for (size_t l = m.n_layers; l-- > 0;) backward_layer(c, b, l, n);
    if (m.use_lower_bound)
        bounds_back<<<blocks_of(m.dim), THREADS>>>(c->grads + m.bounds, c->values + m.bounds,
                                                   c->d_bounds, (int)m.n_layers, (int)m.dim,
                                                   (int)b->n_streams);
    add_embedding(c, b, n);
    cudaEventRecord(c->events[NM_CUDA_OPTIMIZER]);
    copy_states(c, b, false);
    cudaMemcpy(nats.data(), c->nats, n * sizeof(float), cudaMemcpyDeviceToHost);
    *loss = std::accumulate(nats.begin(), nats.end(), 0.0);
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

/* ---- Values ---------------------------------------------------------------------------------- */

static void quantize_weights(nm_cuda *c)
{
    unsigned n = (unsigned)c->matrices.size();
    dim3     grid(MATRIX_PIECES, n);

    sum_sizes<<<grid, THREADS>>>(c->partial, c->places);
    find_scales<<<n, THREADS>>>(c->scales, c->partial, MATRIX_PIECES, c->places);
    make_trits<<<grid, THREADS>>>(c->places, c->scales);
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
    double partial[PIECES];

    sum_squares<<<PIECES, THREADS>>>(c->partial, c->grads, c->model.n_values);
    cudaMemcpy(partial, c->partial, sizeof partial, cudaMemcpyDeviceToHost);
    *norm = sqrt(std::accumulate(partial, partial + PIECES, 0.0));
    return check(c, "norm of the gradients", err);
}

bool nm_cuda_step(nm_cuda *c, const nm_adamw_factors *f, nomul_error *err)
{
    cudaEventRecord(c->events[NM_CUDA_OPTIMIZER]);
    for (const nm_cuda_tensor &t : c->tensors)
        adamw<<<(int)std::min<size_t>(4096, (t.n + THREADS - 1) / THREADS), THREADS>>>(
            c->values + t.at, c->m + t.at, c->v + t.at, c->grads + t.at, *f,
            t.is_matrix ? f->decayed : f->keep, t.n);
    quantize_weights(c);
    cudaEventRecord(c->events[NM_CUDA_PARTS]);
    if (!check(c, "optimizer", err)) return false;
    add_times(c, NM_CUDA_OPTIMIZER, NM_CUDA_OPTIMIZER);
    return true;
}
