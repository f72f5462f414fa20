/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything that can be wrong with a benchmark is found here, before anything is allocated.  Lists
 * are llama-bench's, checked as strictly as other options: each value in its range, a range that
 * goes up, at most NM_MOST_COUNTS values.
 */
#include "cli/bench/bench_plan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/os.h"
#include "nomul_bench.h"

/* ---- Lists of counts ------------------------------------------------------------------------- */

/*
 * The loop over a range goes one step past its last value, which is at most 2^24 for every option.
 * With 11 digits a step makes at most 2^24 * 10^11 < 2^61 of it; 12 digits could overflow.
 */
#define MOST_DIGITS 11

/* Digits at *at, which moves past them. */
static bool take_number(const char **at, int64_t *number)
{
    size_t n_digits = strspn(*at, "0123456789");

    *number = 0;
    if (n_digits == 0 || n_digits > MOST_DIGITS) return false;
    for (size_t i = 0; i < n_digits; i++) *number = 10 * *number + (*(*at)++ - '0');
    return true;
}

/* A step of 0, or of *1 or from 0 by a factor, would never reach the end of its range. */
bool nm_counts_add(nm_counts *counts, const char *text, int64_t least, int64_t most,
                   nomul_error *err)
{
    for (const char *at = text;; at++) { /* first[-last[+step|*factor]], then a comma or the end */
        int64_t first, last, step = 1;
        char    op = '+';
        bool    ok = take_number(&at, &first);

        last = first;
        if (ok && *at == '-') {
            at++;
            ok = take_number(&at, &last);
            if (ok && (*at == '+' || *at == '*')) {
                op = *at++;
                ok = take_number(&at, &step);
            }
        }
        if (!ok || (*at != '\0' && *at != ','))
            return nm_fail(err, NOMUL_E_ARG,
                           "'%.120s' is not like 4 or 1,2,4 or 2-8 or 2-8+2 or 2-16*2", text);
        bool grows = op == '+' ? step > 0 : step > 1 && first > 0;
        if (first > last || (first < last && !grows))
            return nm_fail(err, NOMUL_E_ARG, "'%.120s': a range must go up", text);
        if (first < least || last > most)
            return nm_fail(err, NOMUL_E_ARG, "%.120s is out of range (%" PRId64 " to %" PRId64 ")",
                           text, least, most);
        for (int64_t i = first; i <= last; i = op == '+' ? i + step : i * step) {
            if (counts->n == NM_MOST_COUNTS)
                return nm_fail(err, NOMUL_E_ARG, "'%.120s': more than %d values", text,
                               NM_MOST_COUNTS);
            counts->at[counts->n++] = i;
            if (first == last) break;
        }
        if (*at == '\0') return true;
    }
}

int64_t nm_counts_largest(const nm_counts *counts)
{
    int64_t largest = 0;

    for (size_t i = 0; i < counts->n; i++)
        if (counts->at[i] > largest) largest = counts->at[i];
    return largest;
}

/* ---- The plan -------------------------------------------------------------------------------- */

/* An option whose values are lists of counts, and where they go. */
typedef struct count_option {
    const char       *spelled; /* in messages */
    const nm_strings *given;
    nm_counts        *counts;
    int64_t           preset, least, most; /* preset: the only count if none is given */
} count_option;

/* Bytes for a shape in a packing, with the most threads, tokens and texts that are asked for. */
static uint64_t needed(const nm_bench_plan *p, const char *shape, int64_t pack, nomul_error *err)
{
    nomul_session_options o;

    nomul_session_options_init(&o);
    o.n_threads = (size_t)nm_counts_largest(&p->n_threads);
    o.n_batch = (size_t)nm_counts_largest(&p->n_batch);
    return nomul_bench_memory(shape, nomul_packing_name((size_t)pack), &o, p->n_texts, err);
}

int nm_bench_plan_make(nm_bench_plan *p, const nm_bench_args *args)
{
    const count_option lists[] = {
        {"-p", &args->n_prompt, &p->n_prompt, 512, 0, 1 << 24},
        {"-n", &args->n_gen, &p->n_gen, 128, 0, 1 << 24},
        {"--parallel", &args->n_parallel, &p->n_parallel, 1, 1, 4096},
        {"-t", &args->n_threads, &p->n_threads, 0, 1, 1024},
        {"-b", &args->n_batch, &p->n_batch, 0, 1, 4096},
    };
    nomul_error err;

    *p = (nm_bench_plan){.args = args, .kernels = args->kernels};
    if (args->pack > 0) p->pack = args->pack;
    if (args->models.n > 0 && args->shapes.n > 0) return nm_output_misused("-m excludes --shape");
    if (args->pack >= 0 && args->shapes.n == 0) return nm_output_misused("--pack needs --shape");
    if (args->ops && args->n_prompt.n + args->n_parallel.n > 0)
        return nm_output_misused("--ops excludes -p and --parallel");
    for (size_t i = 0; i < args->shapes.n; i++)
        if (!nomul_bench_is_shape(args->shapes.at[i], &err))
            return nm_output_misused("--%s", err.text);
    if (nm_open_kernels(&p->kernels) != NM_EXIT_DONE) return NM_EXIT_MISUSED;
    for (const count_option *o = lists; o < lists + sizeof lists / sizeof *lists; o++) {
        for (size_t i = 0; i < o->given->n; i++)
            if (!nm_counts_add(o->counts, o->given->at[i], o->least, o->most, &err))
                return nm_output_misused("%s: %s", o->spelled, err.text);
        if (o->given->n == 0) o->counts->at[o->counts->n++] = o->preset;
    }
    p->n_texts = (size_t)nm_counts_largest(&p->n_parallel);
    return NM_EXIT_DONE;
}

bool nm_bench_fits(const nm_bench_plan *p, const char *shape, uint64_t available, nomul_error *err)
{
    const nm_bench_plan least = {.n_texts = 1};
    uint64_t            need = needed(p, shape, p->pack, err), less = 0;
    char                advice[120] = "none of the named shapes fits";
    const char         *name = NULL;

    if (need == 0) return false;
    if (need <= available) return true;
    if (needed(&least, shape, p->pack, err) <= available)
        snprintf(advice, sizeof advice, "a smaller -b, --parallel or -t fits");
    for (size_t i = 1; (name = nomul_bench_shape(i)); i++) { /* from small to large */
        less = needed(p, name, p->pack, err);
        if (less <= available)
            snprintf(advice, sizeof advice, "--shape %s needs %s", name, nm_show_bytes(less).text);
    }
    for (size_t i = 0; (name = nomul_packing_option(i)); i++) {
        if (i == (size_t)p->pack) continue;
        less = needed(p, shape, (int64_t)i, err);
        if (less <= available)
            snprintf(advice, sizeof advice, "--pack %s needs %s", name, nm_show_bytes(less).text);
    }
    return nm_fail(err, NOMUL_E_MEMORY, "--shape %.64s: needs %s, but %s are available; %s", shape,
                   nm_show_bytes(need).text, nm_show_bytes(available).text, advice);
}

int nm_bench_open(nm_opened *opened, void **bytes, const nm_bench_plan *p, const char *file,
                  const char *shape)
{
    nm_open_args        args = {.model = file, .kernels = p->kernels};
    nm_progress_bar     bar = {.unit = "weight"};
    const char         *packing = nomul_packing_name((size_t)p->pack);
    nomul_model_options o;
    nomul_error         err;
    size_t              n_bytes = 0;

    if (!shape) return nm_open_model(opened, &args, 0);
    nomul_model_options_init(&o);
    o.kernels = p->kernels;
    *bytes = nomul_bench_synthesize(shape, packing, nm_progress_show, &bar, &n_bytes, &err);
    nm_progress_erase(&bar);
    opened->path = shape;
    if (*bytes) opened->model = nomul_model_open_memory(*bytes, n_bytes, &o, &err);
    return opened->model ? NM_EXIT_DONE : nm_output_failed(&err);
}
