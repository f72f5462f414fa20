/* SPDX-License-Identifier: Apache-2.0 */
#include "model/bitlinear.h"

#include <string.h>

typedef struct bitlinear_job {
    nm_work            *work;
    const nm_bitlinear *layer;
    float              *y;
    const float        *x;
    size_t              n_tokens;
} bitlinear_job;

/* Tokens [begin, end): x to 8 bits.  Padding columns are zeroed: a wider layer was here before. */
static void quantize_tokens(void *context, size_t begin, size_t end, size_t thread)
{
    const bitlinear_job *job = context;
    nm_work             *work = job->work;
    size_t               cols = job->layer->w.cols;
    float               *normed = work->normed + thread * work->max_cols;

    for (size_t t = begin; t < end; t++) {
        int8_t *q = work->q + t * work->q_stride;
        work->kernels->rmsnorm(normed, job->x + t * cols, job->layer->gain, cols, NM_BITLINEAR_EPS);
        work->q_scale[t] = work->kernels->quantize(q, normed, cols);
        memset(q + cols, 0, nm_q_stride(cols) - cols);
    }
}

/* Tiles [begin, end) of rows, one at a time so that their sums stay in the cache. */
static void multiply_tiles(void *context, size_t begin, size_t end, size_t thread)
{
    const bitlinear_job *job = context;
    const nm_work       *work = job->work;
    const nm_ternary    *w = &job->layer->w;
    int32_t             *sums = work->sums + thread * work->n_batch * NM_TILE_ROWS;

    for (size_t tile = begin; tile < end; tile++) {
        size_t row = tile * NM_TILE_ROWS;
        size_t n_rows = w->rows - row < NM_TILE_ROWS ? w->rows - row : NM_TILE_ROWS;

        work->kernels->ternary_product(sums, NM_TILE_ROWS, w, tile, tile + 1, work->q,
                                       work->q_stride, job->n_tokens);
        for (size_t t = 0; t < job->n_tokens; t++)
            work->kernels->dequantize(job->y + t * w->rows + row, sums + t * NM_TILE_ROWS,
                                      w->scale / work->q_scale[t], n_rows);
    }
}

void nm_bitlinear_forward(nm_work *work, const nm_bitlinear *layer, float *y, const float *x,
                          size_t n_tokens)
{
    bitlinear_job job = {.work = work, .layer = layer, .y = y, .x = x, .n_tokens = n_tokens};

    nm_pool_run(work->pool, quantize_tokens, &job, n_tokens, 1);
    nm_pool_run(work->pool, multiply_tiles, &job, layer->w.n_tiles, 1);
}
