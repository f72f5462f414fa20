/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A step of generation reads all weights once for up to n_batch texts, so n_gen steps of n_parallel
 * texts read them n_gen * ceil(n_parallel / n_batch) times.  percent: those bytes by time and read
 * rate.
 */
#include "cli/bench/bench_result.h"

#include <stdio.h>

void nm_bench_summarize(nm_bench_summary *s, const nm_bench_result *r)
{
    double                  shares[NM_MOST_REPETITIONS];
    nomul_tensor            t = {.size = sizeof t};
    size_t                  n_passes = r->n_gen * ((r->n_parallel + r->n_batch - 1) / r->n_batch);
    const nomul_model_info *info = nomul_model_get_info(r->model);
    double                  millions = (double)info->n_params / 1e6;
    char                    name[40], parallel[24] = "";

    if (info->name[0] != '\0')
        snprintf(name, sizeof name, "%.32s", info->name);
    else if (millions < 1000)
        snprintf(name, sizeof name, "%.*fM", millions < 10 ? 1 : 0, millions);
    else
        snprintf(name, sizeof name, "%.1fB", millions / 1000);
    snprintf(s->model_type, sizeof s->model_type, "hgrn_bit %s %s", name, info->packing);
    if (r->n_parallel > 1) snprintf(parallel, sizeof parallel, " x%zu", r->n_parallel);
    snprintf(s->test, sizeof s->test, "%s%zu%s", r->n_gen ? "tg" : "pp", r->n_prompt + r->n_gen,
             parallel);

    s->result = r;
    s->model_size = 0;
    for (size_t i = 0; nomul_model_tensor(r->model, i, &t); i++) s->model_size += t.n_bytes;
    for (size_t i = 0; i < r->n; i++) {
        s->ns[i] = 1e9 * r->seconds[i];
        s->ts[i] = (double)(r->n_prompt + r->n_gen * r->n_parallel) / r->seconds[i];
        shares[i] = (double)r->weight_bytes * (double)n_passes / r->seconds[i] / r->read_rate[i];
    }
    s->read_gbs = nm_median(r->read_rate, r->n) / 1e9;
    s->percent = 100 * nm_median(shares, r->n);
}
