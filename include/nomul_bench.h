/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What nomul bench and nomul selftest need beyond nomul.h: synthetic models, the memory's speed.
 * For measuring only; not installed, and it may change with any version.
 */
#ifndef NOMUL_BENCH_H
#define NOMUL_BENCH_H

#include "nomul.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Synthetic models ------------------------------------------------------------------------ */

/* "tiny", for tests, then the published shapes, "370m" to "13b"; NULL past the last. */
const char *nomul_bench_shape(size_t index);

/*
 * A whole model file of this shape in memory, to be opened by nomul_model_open_memory: random trits
 * in `packing` ("t4", "t5"), a random F16 embedding, gains of 1, no tokenizer.  The same bytes each
 * time.  Freed by nomul_bench_free.  NULL on failure.
 */
void *nomul_bench_synthesize(const char *shape, const char *packing, size_t *n_bytes,
                             nomul_error *err);
void  nomul_bench_free(void *data);

/* ---- Memory ---------------------------------------------------------------------------------- */

/*
 * What one token has to read: every stored byte of the ternary tensors, padding and scales too, all
 * gains, one row of the embedding.
 */
uint64_t nomul_bench_weight_bytes(const nomul_session *session);

/* Tokens that the session takes through a layer together. */
size_t nomul_bench_n_batch(const nomul_session *session);

/*
 * Does nothing but read, once and with the session's threads, the stretch of the file that the
 * ternary tensors lie in.  Gives its bytes.
 */
uint64_t nomul_bench_read(nomul_session *session);

#ifdef __cplusplus
}
#endif

#endif
