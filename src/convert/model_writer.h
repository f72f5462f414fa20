/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one model writer: convert, repack and synthetic models make their files here.  It walks the
 * plan and writes header, tensors, padding and checksums; the values come from a source:
 *
 *     plan -> stored tensors -> header -> [source: values -> hash, file] -> hashes -> rename
 *
 * Memory: the header and the largest packed matrix.  A source needs memory of its own.
 */
#ifndef NM_MODEL_WRITER_H
#define NM_MODEL_WRITER_H

#include "base/arena.h"
#include "base/file.h"
#include "base/xxh64.h"
#include "format/gguf_write.h"
#include "format/sampler_fields.h"
#include "model/tensors.h"

/* The model to write, apart from its values. */
typedef struct nm_model_spec {
    const nm_config *config;
    nm_packing_id    packing;
    nm_gguf_type     embedding;
    const char      *name;       /* general.name; NULL for none */
    bool             identified; /* compute hgrn_bit.model_id; else it is 0 */

    /* Recommended sampling: the rows of NOMUL_SAMPLER_FIELDS with a bit in sampling_rows. */
    nomul_sampler_options sampling;
    uint64_t              sampling_rows;

    /* NULL, or a file whose other keys and order of tensors are kept, and the packing it is in. */
    const nm_gguf *like;
    nm_packing_id  like_packing;

    nm_watch            watch;  /* of the temporary file */
    const nomul_cancel *cancel; /* NULL for none, as the next */
    nomul_progress      progress;
    void               *progress_context;
    uint64_t            total; /* bytes that the source will report */
} nm_model_spec;

typedef struct nm_model_writer nm_model_writer;

/*
 * Where values come from.  The writer asks for the tensors in the order of the file.  A failing
 * function fills writer->err, with the place of the error in the source.
 */
typedef struct nm_model_source {
    void *context;

    /* Adds the tokenizer's keys to the header; NULL: the model has no tokenizer. */
    void (*put_tokenizer)(void *context, nm_gguf_writer *header);

    /* Writes the values of a float tensor as they are stored, with nm_model_writer_put. */
    bool (*put_floats)(void *context, nm_model_writer *writer, const nm_planned *planned,
                       const nm_stored *stored);

    /*
     * Fills the codes of a matrix, which are zeros: rows 0, 1, 2 ... with nm_model_writer_pack, or
     * writer->codes directly where no model_id is computed.  Without spec.like it is called once
     * for a matrix, before put_floats is called for its scale.
     */
    bool (*fill_codes)(void *context, nm_model_writer *writer, const nm_planned *planned);
} nm_model_source;

struct nm_model_writer {
    const nm_model_spec   *spec;
    const nm_model_source *source;
    nomul_error           *err;

    nm_ternary matrix;       /* the one in codes, its geometry */
    uint8_t   *codes;        /* while tensors are written */
    uint64_t   code_bytes;   /* of the largest matrix */
    size_t     matrix_index; /* in the plan; SIZE_MAX before the first */

    nm_gguf_writer header;
    size_t         hashes_at, model_id_at; /* where in the header they go */

    /* The stored tensors in the order of the file: which tensor of the plan, which part of it. */
    struct nm_stored_ref {
        uint32_t planned, stored;
    } * order;
    size_t   n_stored;
    nm_arena arena; /* of order */

    nm_outfile out;    /* the output is a file ... */
    uint8_t   *memory; /* ... or memory, if this is not NULL */
    size_t     at;     /* bytes written to memory */

    nm_xxh64 hash, model_id; /* of the current tensor; of the model so far */
    uint64_t n_put;          /* bytes of the current tensor */
    uint64_t done;           /* bytes that the source has reported */
};

/*
 * Writes the model to a file, which appears when it is complete; on failure nothing is left.  Runs
 * on the calling thread, on which the source and spec.progress are called.
 */
bool nm_model_write_file(const nm_model_spec *spec, const nm_model_source *source, const char *path,
                         nomul_error *err);

/* Writes the model to memory, which the caller frees with nm_free. */
bool nm_model_write_memory(const nm_model_spec *spec, const nm_model_source *source, void **bytes,
                           size_t *n_bytes, nomul_error *err);

/*
 * The size of a model without a tokenizer, and the memory that writing it takes beside a buffer for
 * the file itself: the largest matrix.  Nothing of either is allocated.
 */
bool nm_model_write_sizes(const nm_model_spec *spec, uint64_t *file, uint64_t *working,
                          nomul_error *err);

/* For put_floats: the next bytes of the tensor. */
bool nm_model_writer_put(nm_model_writer *writer, const void *bytes, size_t n_bytes);

/* For fill_codes: the next row of the matrix, as trits -1, 0, +1. */
void nm_model_writer_pack(nm_model_writer *writer, size_t row, const int8_t *trits);

/* The source has worked on n_bytes more of spec.total; fails with "cancelled" if it is to stop. */
bool nm_model_writer_progress(nm_model_writer *writer, uint64_t n_bytes);

#endif
