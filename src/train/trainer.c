/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop: step, report, measure, save.  A step is the sum of passes over as many streams as
 * memory allows, then AdamW, on the CPU or a GPU; from a GPU the values come back only to be
 * measured or saved.
 */
#include "train/trainer.h"

#include "base/alloc.h"
#include "base/bytes.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/os.h"
#include "train/validation.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>

#define BAR 20

/* ---- A step ---------------------------------------------------------------------------------- */

/* How much of the training is done, 0 to 1: by time where --minutes is given, else by steps. */
static double progress(const nm_trainer *t)
{
    const nm_train_options *o = &t->options;

    if (o->minutes > 0) return t->saved.counts.seconds / (60 * o->minutes);
    return (double)t->saved.counts.step / (double)o->max_iters;
}

/*
 * A rise to the highest rate, a plateau, and a decay at the end:
 *
 *             __________________
 *           /                    \      learning_rate, then
 *         /                        \    min_lr at the end
 *       | warmup_iters        | decay_share
 */
static double learning_rate(const nm_trainer *t)
{
    const nm_train_options *o = &t->options;
    double left = 1 - progress(t), share = 1, step = (double)t->saved.counts.step + 1;

    if (left < o->decay_share) share = left > 0 ? left / o->decay_share : 0;
    if (strcmp(o->lr_decay, "cosine") == 0) {
        /* (1 + cos(pi x)) / 2 = 1 - sin(pi x / 2)^2, by a series: the same on every machine. */
        double angle = 1.5707963267948966 * (1 - share), term = angle, sine = angle;
        for (int i = 1; i < 12; i++) {
            term *= -angle * angle / (double)(2 * i * (2 * i + 1));
            sine += term;
        }
        share = 1 - sine * sine;
    }
    double rate = o->min_lr + (o->learning_rate - o->min_lr) * share;
    return step < (double)o->warmup_iters ? rate * step / (double)o->warmup_iters : rate;
}

/* A job of callers: items are parts. */
typedef struct part_job {
    nm_trainer             *t;
    nm_mix                 *mix;     /* of a pass */
    const nm_adamw_factors *factors; /* of the optimizer's step; NULL: a pass */
} part_job;

/* n_micro streams at a time pass through the network; their gradients add up. */
static bool run_part(nm_trainer *t, nm_train_part *p, nm_mix *mix)
{
    size_t n_streams = (size_t)t->options.batch_size, n_tokens = (size_t)t->options.block_size;
    size_t state = nm_config_state_dim(&t->latent.config);

    p->loss = 0;
    for (size_t at = 0, n; at < p->n; at += n) {
        n = nm_smaller(t->n_micro, p->n - at);
        nm_mix_next(mix, p->first + at, n, n_tokens, p->ids, p->targets);
        const nm_train_batch batch = {.ids = p->ids,
                                      .targets = p->targets,
                                      .bos = t->tokenizer.bos_id,
                                      .states = t->states + (p->first + at) * state,
                                      .n_streams = n,
                                      .state_streams = n_streams,
                                      .weight = 1.0f / (float)(n_streams * n_tokens),
                                      .is_last = at + n == p->n};
        double               sum = 0;
        if (!p->cuda)
            sum = nm_tape_run(&t->tape, &batch);
        else if (!nm_cuda_run(p->cuda, &batch, &sum, &p->err))
            return false;
        p->loss += sum / (double)(n_streams * n_tokens);
    }
    return true;
}

/* A GPU that failed is waited for by the others, in sums that cannot be called off. */
static void do_parts(void *context, size_t begin, size_t end, size_t thread)
{
    const part_job *job = context;

    (void)thread;
    for (nm_train_part *p = job->t->parts + begin; p < job->t->parts + end; p++) {
        p->ok = job->factors ? nm_cuda_step(p->cuda, job->factors, &p->err)
                             : run_part(job->t, p, job->mix);
        if (p->ok || job->t->n_parts == 1) continue;
        nm_trainer_add_way_on(job->t, &p->err);
        fprintf(stderr, "\nnomul-train: %s\n", p->err.text);
        if (job->t->ranks.n > 1) nm_ranks_close(&job->t->ranks, 1);
        nm_os_exit_now(1);
    }
}

static bool run_parts(nm_trainer *t, part_job job, nomul_error *err)
{
    job.t = t;
    nm_pool_run(t->callers, do_parts, &job, t->n_parts, 1);
    if (!t->parts[0].ok) *err = t->parts[0].err;
    return t->parts[0].ok;
}

/* The mean loss of all streams' next tokens, their gradients and the norm of these. */
static bool run_streams(nm_trainer *t, nomul_error *err)
{
    nm_saved_counts *c = &t->saved.counts;
    bool             has_decay = t->decay_data.n_texts > 0;

    /* From the first step of the decay on streams read the second mix, each from a new state. */
    if (has_decay && !c->is_decaying && 1 - progress(t) < t->options.decay_share) {
        c->is_decaying = 1;
        memset(t->states, 0, c->n_states * sizeof *t->states);
    }
    nm_mix *mix = has_decay && c->is_decaying ? &t->decay_data : &t->data;
    if (!run_parts(t, (part_job){.mix = mix}, err)) return false;
    t->loss = 0;
    for (size_t i = 0; i < t->n_parts; i++) t->loss += t->parts[i].loss;
    if (!nm_ranks_sum(&t->ranks, &t->loss, 1, err)) return false;
    if (t->parts[0].cuda) return nm_cuda_norm(t->parts[0].cuda, &t->norm, err);
    if (!nm_ranks_sum_floats(&t->ranks, t->latent.grads, t->latent.n_values, err)) return false;
    t->norm = nm_adamw_norm(&t->adamw, &t->latent, t->tape.ops, t->work.pool);
    return true;
}

bool nm_trainer_send(nm_trainer *t, nomul_error *err)
{
    bool ok = true;

    for (size_t i = 0; ok && i < t->n_parts && t->parts[i].cuda; i++)
        ok = nm_cuda_send(t->parts[i].cuda, t->latent.values, t->adamw.m, t->adamw.v, err);
    return ok;
}

bool nm_trainer_fetch(nm_trainer *t, nomul_error *err)
{
    nm_cuda *cuda = t->parts[0].cuda; /* all have the same */

    return !cuda || (nm_cuda_fetch(cuda, t->latent.values, t->adamw.m, t->adamw.v, err) &&
                     nm_latent_quantize(&t->latent, t->work.pool, err));
}

/*
 * A step is counted once its gradients are known to be numbers.  The seconds of a training are
 * those of its steps: measurements and checkpoints set the clock anew.
 */
bool nm_trainer_step(nm_trainer *t, nomul_error *err)
{
    const nm_train_options *o = &t->options;
    const nm_adamw_options  adamw = {(float)o->beta1, (float)o->beta2, (float)o->weight_decay,
                                     (float)o->grad_clip};
    nm_saved_counts        *c = &t->saved.counts;
    bool                    ok;

    if (!run_streams(t, err)) return false;
    if (!isfinite(t->loss) || !isfinite(t->norm))
        return nm_fail(err, NOMUL_E_FORMAT,
                       "step %" PRIu64 ": the %s not a number, a lower --learning-rate is needed",
                       c->step + 1, isfinite(t->loss) ? "norm of the gradients is" : "loss is");
    t->rate = learning_rate(t);
    c->step++, c->tokens += o->batch_size * o->block_size;
    /* New values, quantized for the next step. */
    if (t->parts[0].cuda) {
        const nm_adamw_factors factors = nm_adamw_next(&t->adamw, &adamw, (float)t->rate, t->norm);
        if (!run_parts(t, (part_job){.factors = &factors}, err)) return false;
        ok = true;
    } else {
        nm_adamw_step(&t->adamw, &t->latent, t->tape.ops, t->work.pool, &adamw, (float)t->rate,
                      t->norm);
        ok = nm_latent_quantize(&t->latent, t->work.pool, err);
    }
    if (!ok)
        return nm_fail_in(err,
                          "step %" PRIu64 ": the weights grow without end, a lower "
                          "--learning-rate is needed",
                          c->step);
    /* Rank 0's clock counts for all, and a signal to any. */
    double now = nm_clock();
    double sums[] = {t->ranks.rank ? 0 : now - t->clock, nomul_cancel_requested(t->cancel)};
    if (!nm_ranks_sum(&t->ranks, sums, 2, err)) return false;
    t->clock = now, t->last_step = sums[0], t->is_stopped = sums[1] > 0;
    c->seconds += t->last_step;
    return true;
}

/* ---- Reports --------------------------------------------------------------------------------- */

static bool is_done(const nm_trainer *t)
{
    return progress(t) >= 1;
}

/*
 * A step, in the log and on stderr.  On a terminal one line is overwritten by the next, elsewhere
 * there is a line where a measurement is due:
 *
 *     [#####...............] 50/200  loss 4.312  1.61 bits/byte  1024 tokens/s  1:05 left
 */
static void report(const nm_trainer *t, double step_seconds)
{
    const nm_train_options *o = &t->options;
    const nm_saved_counts  *c = &t->saved.counts;
    const nm_mix           *mix = c->is_decaying ? &t->decay_data : &t->data;
    double                  done = progress(t);
    double                  speed = (double)(o->batch_size * o->block_size) / step_seconds;
    bool                    is_terminal = nm_os_is_terminal(NM_OS_STDERR);
    char                    bar[BAR + 1], left[32], steps[48];

    if (t->ranks.rank) return;
    if (t->log) {
        fprintf(t->log,
                "{\"step\":%" PRIu64 ",\"loss\":%.9g,\"learning_rate\":%.9g,\"grad_norm\":%.9g,"
                "\"tokens\":%" PRIu64 ",\"seconds\":%.3f,\"tokens_per_second\":%.1f}\n",
                c->step, (double)(float)t->loss, t->rate, t->norm, c->tokens, c->seconds, speed);
        fflush(t->log);
    }
    if (o->quiet) return;
    if (!is_terminal && c->step != 1 && !is_done(t) &&
        c->step % (o->eval_interval ? o->eval_interval : 100) != 0)
        return;
    for (int i = 0; i < BAR; i++) bar[i] = i < (int)(done * BAR) ? '#' : '.';
    bar[BAR] = '\0';
    double        to_go = done > 0 ? c->seconds / done - c->seconds : 0;
    unsigned long n = to_go > 0 ? (unsigned long)to_go : 0;
    if (n < 3600)
        snprintf(left, sizeof left, "%lu:%02lu", n / 60, n % 60);
    else
        snprintf(left, sizeof left, "%lu:%02lu:%02lu", n / 3600, n / 60 % 60, n % 60);
    if (o->minutes > 0)
        snprintf(steps, sizeof steps, "%" PRIu64, c->step);
    else
        snprintf(steps, sizeof steps, "%" PRIu64 "/%" PRIu64, c->step, o->max_iters);
    fprintf(stderr, "%s[%s] %s  loss %.4f  %.3f bits/byte  %.0f tokens/s  %s left%s",
            is_terminal ? "\r\033[K" : "", bar, steps, t->loss,
            t->loss / log(2) / nm_mix_bytes_per_token(mix), speed, left, is_terminal ? "" : "\n");
    fflush(stderr);
}

/*
 * The loss of full weights, which the engine does not have: the pass of a step over all of the
 * text, whose gradients have the weight 0.
 */
static bool measure_full(nm_trainer *t, nm_validation_loss *v, nomul_error *err)
{
    size_t block = (size_t)t->options.block_size, n_passes, state;
    nm_mix mix = {.texts = {t->valid}, .weights = {1}, .n_texts = 1};
    double nats = 0, sum;

    *v = (nm_validation_loss){.n_tokens = 0};
    if (!t->valid.n_ids) return true;
    state = t->latent.config.n_layers * t->n_micro * nm_config_state_dim(&t->latent.config);
    float *states = nm_zeros(0, state, sizeof *states, err);
    bool   ok = states && nm_mix_open(&mix, t->n_micro, err);
    n_passes = t->valid.n_ids / (t->n_micro * block) + 1;
    const nm_train_batch batch = {.ids = t->parts[0].ids,
                                  .targets = t->parts[0].targets,
                                  .bos = t->tokenizer.bos_id,
                                  .states = states,
                                  .n_streams = t->n_micro,
                                  .state_streams = t->n_micro,
                                  .weight = 0};
    for (size_t i = 0; ok && i < n_passes; i++) {
        nm_mix_next(&mix, 0, t->n_micro, block, t->parts[0].ids, t->parts[0].targets);
        ok = nm_cuda_run(t->parts[0].cuda, &batch, &sum, err);
        if (ok) nats += sum;
    }
    v->n_tokens = n_passes * t->n_micro * block;
    v->nats = nats / (double)v->n_tokens;
    v->bits_per_byte = v->nats / log(2) / nm_mix_bytes_per_token(&mix);
    mix.n_texts = 0; /* the text is the trainer's */
    nm_mix_close(&mix);
    nm_free(states);
    return ok;
}

/* Loss and sample, by the engine where it has such weights; in the log between the steps. */
static bool measure(nm_trainer *t, nomul_error *err)
{
    const nm_validation validation = {
        .latent = &t->latent,
        .tokenizer = &t->tokenizer,
        .valid = &t->valid,
        .options = &t->options,
        .kernels = t->work.kernels->name,
        .n_threads = nm_pool_threads(t->work.pool),
    };
    nm_validation_loss v;

    if (t->ranks.rank) return true;
    if (!t->options.quiet && nm_os_is_terminal(NM_OS_STDERR)) fprintf(stderr, "\r\033[K");
    bool ok = strcmp(t->options.weights, "full") == 0
                  ? measure_full(t, &v, err)
                  : nm_trainer_fetch(t, err) && nm_validation_run(&validation, &v, err);
    if (!ok) return false;
    t->clock = nm_clock(); /* measuring is not training */
    if (v.n_tokens == 0) return true;
    if (!t->options.quiet)
        fprintf(stderr,
                "step %" PRIu64 ": validation loss %.4f nats a token, %.4f bits a byte (%zu "
                "tokens)\n",
                t->saved.counts.step, v.nats, v.bits_per_byte, v.n_tokens);
    if (t->log)
        fprintf(t->log, "{\"step\":%" PRIu64 ",\"valid_nats\":%.9g,\"valid_bits_per_byte\":%.9g}\n",
                t->saved.counts.step, v.nats, v.bits_per_byte);
    return true;
}

/* ---- All of it ------------------------------------------------------------------------------- */

/* Places and states of all streams, of which each rank has moved its own. */
static bool join_streams(nm_trainer *t, nomul_error *err)
{
    const nm_saved_counts *c = &t->saved.counts;
    const nm_train_part   *last = &t->parts[t->n_parts - 1];
    size_t                 first = t->parts[0].first, n = last->first + last->n - first;
    size_t    all = (size_t)c->n_streams, state = nm_config_state_dim(&t->latent.config);
    uint64_t *at = t->saved.at;

    if (t->ranks.n == 1) return true;
    for (size_t s = 0; s < all; s++) {
        if (s >= first && s - first < n) continue;
        at[s] = 0;
        for (size_t l = 0; l < t->latent.config.n_layers; l++)
            memset(t->states + (l * all + s) * state, 0, state * sizeof *t->states);
    }
    return nm_ranks_join(&t->ranks, at, all * sizeof *at, err) &&
           nm_ranks_join(&t->ranks, t->states, (size_t)c->n_states * sizeof *t->states, err);
}

/* The state first: the other files follow from it. */
bool nm_trainer_save(nm_trainer *t, nomul_error *err)
{
    nm_saved_state *s = &t->saved;
    char            path[NM_EXPORT_PATH];

    s->at = s->counts.is_decaying ? t->decay_data.at : t->data.at;
    t->last_saved = s->counts.seconds, t->saved_step = s->counts.step;
    if (!join_streams(t, err) || (!t->ranks.rank && !nm_trainer_fetch(t, err))) return false;
    if (t->ranks.rank) return true;
    s->counts.optimizer_steps = t->adamw.n_steps;
    s->counts.power1 = t->adamw.power1, s->counts.power2 = t->adamw.power2;
    if (nm_train_options_write(&t->options, s->options, sizeof s->options) >= sizeof s->options)
        return nm_fail(err, NOMUL_E_ARG, "--sample: too long to be saved");
    return nm_export_path(path, t->folder, "train.state", err) &&
           nm_saved_state_write(s, path, err) &&
           nm_export_path(path, t->folder, "model.safetensors", err) &&
           nm_export_safetensors(&t->latent, path, err) &&
           nm_export_model(&t->latent, &t->tokenizer, t->options.name, t->folder, err);
}

void nm_trainer_add_way_on(const nm_trainer *t, nomul_error *err)
{
    const nomul_error cause = *err;
    char              path[NM_EXPORT_PATH];

    if (!t->folder || !nm_export_path(path, t->folder, "train.state", NULL)) return;
    bool is_number = isfinite(t->loss) && isfinite(t->norm);
    if (!is_number && nm_file_exists(path) && t->saved.counts.step == t->saved_step)
        nm_fail(err, cause.code,
                "%.800s; resuming from the checkpoint of step %" PRIu64
                " would fail again: begin again",
                cause.text, t->saved_step);
    else if (nm_file_exists(path))
        nm_fail(
            err, cause.code,
            "%.600s; the last checkpoint is intact: nomul-train resume %.300s continues from it",
            cause.text, t->folder);
    else
        nm_fail(err, cause.code, "%.900s; there is no checkpoint yet: begin again", cause.text);
}

/*
 * A training of 0 steps so far is measured first: the loss of the initial weights.  Ctrl-C ends the
 * loop after a step; then everything is saved, as at the end.
 */
bool nm_trainer_run(nm_trainer *t, nomul_error *err)
{
    const nm_train_options *o = &t->options;
    nm_saved_counts        *c = &t->saved.counts;

    t->clock = nm_clock(), t->last_saved = c->seconds, t->saved_step = c->step;
    if (c->step == 0 && !measure(t, err)) return false;
    while (!is_done(t) && !t->is_stopped) {
        double before = c->seconds;
        if (!nm_trainer_step(t, err)) return false;
        report(t, c->seconds - before);
        if (o->eval_interval && c->step % o->eval_interval == 0 && !is_done(t) && !measure(t, err))
            return false;
        if (o->save_minutes > 0 && c->seconds - t->last_saved >= 60 * o->save_minutes) {
            /* A checkpoint on the way that cannot be written is no reason to lose the training. */
            nomul_error failed = {.code = NOMUL_OK};
            if (!nm_trainer_save(t, &failed))
                fprintf(stderr, "\nnomul-train: no checkpoint this time: %s\n", failed.text);
            t->clock = nm_clock();
        }
    }
    bool is_quiet = o->quiet || t->ranks.rank > 0;
    if (!is_quiet && nm_os_is_terminal(NM_OS_STDERR)) fprintf(stderr, "\n");
    if (!nm_trainer_save(t, err)) return false;
    if (is_done(t) && !measure(t, err)) return false;
    if (t->log && (fflush(t->log) != 0 || ferror(t->log)))
        return nm_fail(err, NOMUL_E_IO,
                       "%s: the log is not complete, the checkpoint is: free space", t->folder);
    if (!is_quiet)
        fprintf(stderr,
                is_done(t) ? "done: the model is %s/model.gguf\n"
                           : "stopped: nomul-train resume %s continues\n",
                t->folder);
    return true;
}
