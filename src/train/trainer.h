/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A training: opened by setup.c from options and files, run here.  Everything it writes is in one
 * folder:
 *
 *     config.json, tokenizer.*, model.safetensors    a Hugging Face folder
 *     model.gguf                                     the same model, for nomul
 *     train.state                                    what `resume` reads
 *     data-0.ids ..., decay-0.ids ..., valid.ids     the texts as ids
 *     train.jsonl                                    a line for each step and each measurement
 *     train.lock                                     empty, locked while a training is open
 *
 * The streams of a step are divided between the ranks, and between the GPUs of each.  Rank 0 alone
 * writes files and reports; the others see the folder, too.
 */
#ifndef NM_TRAINER_H
#define NM_TRAINER_H

#include "train/adamw.h"
#include "train/cuda.h"
#include "train/export.h"
#include "train/mix.h"
#include "train/ranks.h"
#include "train/saved_state.h"
#include "train/tape.h"

#include <stdio.h>

/* What a GPU, or the CPU, does of each step: streams [first, first + n), n_micro at a time. */
typedef struct nm_train_part {
    nm_cuda    *cuda; /* NULL: tape and adamw compute */
    size_t      first, n;
    int32_t    *ids, *targets; /* of the streams in memory at once */
    double      loss;          /* of a step: this part's share of it */
    bool        ok;
    nomul_error err;
} nm_train_part;

typedef struct nm_trainer {
    nm_train_options    options;
    const char         *folder;
    const nomul_cancel *cancel;
    int                 lock_fd; /* of rank 0, if is_locked */
    bool                is_locked;
    bool                is_new_folder; /* is removed again if the training does not begin */

    nm_hf_tokenizer tokenizer;
    nm_latent       latent;
    nm_adamw        adamw;
    nm_tape         tape;
    nm_work         work;
    nm_ranks        ranks;
    nm_train_part   parts[NM_TRAIN_GPUS]; /* this rank's */
    size_t          n_parts;
    nm_pool        *callers; /* a thread for each part */

    nm_mix         data, decay_data;
    nm_token_cache valid;   /* zeros: none */
    float         *states;  /* [n_layers][batch_size][state]; of other ranks: old ones */
    size_t         n_micro; /* streams of a part in memory at once */
    nm_saved_state saved;   /* counts, weights; points to the arrays above */
    nm_arena       arena;
    char           saved_options[NM_TRAIN_SAVED]; /* what options point into: resume's, or a name */
    uint32_t      *bench_ids;

    double   clock;            /* when counts.seconds was last brought up to date */
    double   last_saved;       /* of counts.seconds */
    uint64_t saved_step;       /* of the last checkpoint, or where this run began */
    double   loss, norm, rate; /* of the last step, as its seconds */
    double   last_step;
    bool     is_stopped; /* by a signal to any rank */
    FILE    *log;        /* rank 0's */
} nm_trainer;

/* In setup.c, when ranks is open.  Every rank makes the same calls.  Close after a failure, too. */
bool nm_setup_new(nm_trainer *t, const nm_train_options *options, nomul_error *err);
bool nm_setup_tune(nm_trainer *t, const nm_train_options *options, nomul_error *err);
/* options.operand is the folder; arguments that follow it are parsed over the saved options. */
bool nm_setup_resume(nm_trainer *t, int argc, char **argv, nomul_error *err);
/* Random weights and ids, nothing on disk: for bench. */
bool nm_setup_bench(nm_trainer *t, const nm_train_options *options, nomul_error *err);
void nm_setup_close(nm_trainer *t);

/* One step; false if the loss is not a number any more. */
bool nm_trainer_step(nm_trainer *t, nomul_error *err);
/* Steps until the end or until cancel is requested; measures, samples and saves on the way. */
bool nm_trainer_run(nm_trainer *t, nomul_error *err);
bool nm_trainer_save(nm_trainer *t, nomul_error *err);
/* Adds to a failure of a run what is left of the training and how it continues. */
void nm_trainer_add_way_on(const nm_trainer *t, nomul_error *err);
/* What the GPU has is copied to it, or to latent and adamw; nothing without a GPU. */
bool nm_trainer_send(nm_trainer *t, nomul_error *err);
bool nm_trainer_fetch(nm_trainer *t, nomul_error *err);

/* In train_bench.c: max_iters steps of what nm_setup_bench opened; prints what they took. */
bool nm_bench_run(nm_trainer *t, nomul_error *err);

#endif
