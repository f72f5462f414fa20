/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long it takes to choose an id from logits: what a token costs beside the forward pass.  Each
 * way of choosing is a row with its options; the logits are rotated so that the best id is never in
 * the same place.  One thread; CPU time, as in speeds.c.
 */
#include "bench/bench.h"

#include "base/alloc.h"
#include "base/error.h"
#include "base/os.h"
#include "tokens/logprobs.h"
#include "tokens/sampler.h"

#include <string.h>

#define N_ROWS 8 /* the same logits, rotated, so that no branch is learnt by heart */
#define N_SAMPLES 5
#define SAMPLE_NS 2000000

/* The sampler's defaults otherwise. */
static const struct {
    char    name[18];
    uint8_t top_k;
    bool    greedy, any_min_p;
    bool    logprobs; /* instead of a draw: of one id and of the five best */
} choices[] = {
    {.name = "greedy", .greedy = true},
    {.name = "top-k 40", .top_k = 40},
    {.name = "top-k 0"},
    {.name = "min-p 0", .any_min_p = true}, /* and top-k 0 */
    {.name = "log-probabilities", .logprobs = true},
};

const char *nm_sampling_name(size_t index)
{
    return index < sizeof choices / sizeof *choices ? choices[index].name : NULL;
}

double nm_sampling_seconds(const nm_kernels *kernels, size_t index, const float *logits,
                           size_t n_vocab, nomul_error *err)
{
    nomul_sampler_options o;
    nomul_logprob         tops[5], of = {.id = 0};
    double                best = 0;
    int64_t               sum = 0;
    float                *rows = nm_zeros(0, n_vocab, N_ROWS * sizeof *rows, err);

    nomul_sampler_options_init(&o);
    o.top_k = choices[index].top_k;
    if (choices[index].greedy) o.temp = 0;
    if (choices[index].any_min_p) o.min_p = 0;
    nomul_sampler *sampler = rows ? nm_sampler_new(n_vocab, &o, NULL, kernels->floats, err) : NULL;
    for (size_t row = 0; sampler && row < N_ROWS; row++) {
        float *to = rows + row * n_vocab;
        size_t from = n_vocab * row / N_ROWS;
        memcpy(to, logits + from, (n_vocab - from) * sizeof *to);
        memcpy(to + n_vocab - from, logits, from * sizeof *to);
    }
    for (size_t sample = 0; sampler && sample < N_SAMPLES; sample++) {
        uint64_t began = nm_os_thread_nanoseconds(), ns = 0, n = 0;
        for (; ns < SAMPLE_NS; n += N_ROWS, ns = nm_os_thread_nanoseconds() - began)
            for (const float *row = rows; row < rows + N_ROWS * n_vocab; row += n_vocab) {
                if (choices[index].logprobs)
                    nm_logprobs(kernels->floats, row, n_vocab, tops, 5, &of), sum += tops[0].id;
                else
                    sum += nomul_sampler_sample(sampler, row);
            }
        double seconds = 1e-9 * (double)ns / (double)n;
        if (sample == 0 || seconds < best) best = seconds;
    }
    __asm__ volatile("" : : "r"(sum)); /* so that no call is left out */
    nomul_sampler_free(sampler);
    nm_free(rows);
    return best;
}
