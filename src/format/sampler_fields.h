/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of NOMUL_SAMPLER_FIELDS as a table, for all that walks over the options of a sampler:
 * defaults, range checks, session files, and the recommended sampling that a model file may carry
 * in the keys general.sampling.NAME.
 */
#ifndef NM_SAMPLER_FIELDS_H
#define NM_SAMPLER_FIELDS_H

#include "format/gguf_write.h"
#include "nomul.h"

typedef enum nm_sampler_type { NM_SAMPLER_FLOAT, NM_SAMPLER_INT, NM_SAMPLER_SEED } nm_sampler_type;

/* A row of NOMUL_SAMPLER_FIELDS. */
typedef struct nm_sampler_field {
    const char     *name;
    nm_sampler_type type;
    size_t          offset, n_bytes; /* in nomul_sampler_options */
    double          least, most;
    size_t          slot; /* in a session file */
    const char     *gguf; /* key in a model file, after general.sampling.; "": none */
    const char     *hf;   /* key in a generation_config.json; "": none */
} nm_sampler_field;

extern const nm_sampler_field nm_sampler_fields[];
extern const size_t           nm_n_sampler_fields; /* at most 64 */

/* Is the number inside the range of the field?  Of a seed every one is. */
bool nm_sampler_field_check(const nm_sampler_field *field, double value, nomul_error *err);
bool nm_sampler_check_fields(const nomul_sampler_options *options, nomul_error *err);

/* What the field has in the options; a seed: 0. */
double nm_sampler_field_number(const nm_sampler_field *field, const nomul_sampler_options *options);
/* The field's number, as its type holds it; a seed is not touched. */
void nm_sampler_field_set(const nm_sampler_field *field, nomul_sampler_options *options,
                          double value);

/* Copies the fields of these rows: where a file recommends none, a program's defaults stay. */
void nm_sampling_copy(nomul_sampler_options *to, const nomul_sampler_options *from, uint64_t rows);

/*
 * The recommended sampling of a model file: fields with a key are set, and the bit of each such row
 * in *rows.  A key whose value is no number of the field's range is an error.
 */
bool nm_sampling_read(const nm_gguf *gguf, nomul_sampler_options *options, uint64_t *rows,
                      nomul_error *err);
/* Writes the keys of these rows. */
void nm_sampling_write(nm_gguf_writer *writer, const nomul_sampler_options *options, uint64_t rows);
/* Is this the key of one of these rows? */
bool nm_sampling_is_key(const nm_gguf_key *key, uint64_t rows);

#endif
