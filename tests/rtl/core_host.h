/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The C side of core_sim.cpp: what the core needs of a model, and what it should compute.
 */
#ifndef CORE_HOST_H
#define CORE_HOST_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct core_model {
    const uint8_t  *bytes; /* the core's memory */
    size_t          size;
    const uint32_t *registers;
    size_t          n_registers;
    size_t          vocab, n_layers, state_dim;
    size_t          state_strip, state_step;
} core_model;

/*
 * NULL after a message on stderr.  "shape:370m" or "shape:1.3b:t5" instead of a path is the model
 * of random weights of nomul bench --shape, packing t4 or t5.
 */
const core_model *core_host_open(const char *path, size_t lanes, size_t m_strips, size_t g_strips,
                                 size_t q_groups);

/*
 * From the next model on f, i, g, gate and up are `factor` times as large, in core and C engine:
 * sigmoids near 0 and 1.
 */
void core_host_steepen(float factor);

/* The image will lie at `base`, a multiple of 64, in the core's memory.  0: it said why not. */
int core_host_move(uint64_t base);

/* The core's own memories are used up to their last strips, instead of from the first ones on. */
void core_host_place_last(void);

/* Feeds an id to the C engine, scalar kernels: logits[vocab], state[n_layers][state_dim]. */
void core_host_feed(int32_t id, float *logits, float *state);

/* The C engine goes on with this state and gives its own: what a session file has of a text. */
void core_host_exchange(float *state);

/* The error in register 0, as the host would report it. */
const char *core_host_error(uint32_t status);

/* XXH64 of rows of logits, as nomul logits --hash prints it. */
uint64_t core_host_hash(const float *logits, size_t n);

#ifdef __cplusplus
}
#endif
#endif
