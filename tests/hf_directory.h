/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoint directories for tests, made in the scratch directory: a model whose values F32, F16
 * and BF16 all hold exactly, written in any of them, whole or in parts, and wounded at will.
 */
#ifndef NM_TEST_HF_DIRECTORY_H
#define NM_TEST_HF_DIRECTORY_H

#include "convert/hf_tokenizer.h"
#include "model/config.h"

typedef struct hf_tensor {
    char        name[80];
    const char *dtype; /* NULL: what the file is written in */
    uint32_t    n_dims;
    uint64_t    shape[2];
    size_t      n_values;
    float      *values;
} hf_tensor;

typedef struct hf_directory {
    char       path[512];
    hf_tensor *tensors;
    size_t     n_tensors, capacity;
} hf_directory;

/* A small model in it: config.json, and tensors in memory, not yet in a file. */
void hf_directory_init(hf_directory *d, const char *name);
/* The same with these sizes and no values at all: n_values is 0. */
void hf_directory_init_sized(hf_directory *d, const char *name, const nm_config *config);
void hf_directory_free(hf_directory *d);

/* In a ring of buffers. */
const char *hf_directory_path(const hf_directory *d, const char *name);
void        hf_directory_write(const hf_directory *d, const char *name, const char *text);
void        hf_directory_copy(const hf_directory *d, const char *from, const char *name);
void        hf_directory_remove(const hf_directory *d, const char *name);

/* config.json with one member another, or added; without it where value is NULL. */
void hf_directory_config(const hf_directory *d, const char *key, const char *value);

hf_tensor *hf_directory_find(hf_directory *d, const char *name);
void       hf_directory_drop(hf_directory *d, const char *name);
hf_tensor *hf_directory_add(hf_directory *d, const char *name, uint64_t rows, uint64_t cols);

/* Tensors [begin, end) as a safetensors file; dtype "F32", "F16" or "BF16". */
void hf_directory_save(const hf_directory *d, const char *name, const char *dtype, size_t begin,
                       size_t end);
/* All of them as model.safetensors, or as two shards with their index. */
void hf_directory_save_single(const hf_directory *d, const char *dtype);
void hf_directory_save_shards(const hf_directory *d, const char *dtype);

/* What stands in the places of a tokenizer.json; NULL is what hf_sound_tokenizer has there. */
typedef struct hf_tokenizer_parts {
    const char *added, *normalizer, *pre_tokenizer, *post_processor, *options, *vocab, *merges;
} hf_tokenizer_parts;

/*
 * Pieces 0 to 258 are <unk>, <s>, </s> and the bytes; then a blank, "a", "b" and what they merge
 * to, with four merges; 265 is the added token <|x|>.
 */
extern const hf_tokenizer_parts hf_sound_tokenizer;
#define HF_N_VOCAB 270 /* vocab_size to go with it */

void hf_directory_write_tokenizer(const hf_directory *d, const hf_tokenizer_parts *p);

/* How many files there are in a directory. */
size_t hf_count_files(const char *path);

/* `text` with every '@' replaced by the directory's path; in a static buffer. */
const char *hf_with_path(const hf_directory *d, const char *text);

/* What config.json says where it names no token. */
extern const nm_hf_ids hf_no_ids;

/* Nobody is told. */
extern const nm_hf_warn hf_no_warn;

void hf_check_piece(const nm_hf_tokenizer *t, size_t id, const char *text, float score,
                    nomul_token_type type);

/* A case of its own: the directory's tokenizer can't be opened, and `says` says why. */
void hf_check_refused(const hf_directory *d, const nm_hf_ids *ids, const char *says);

#endif
