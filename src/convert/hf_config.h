/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config.json of a checkpoint: hyper-parameters, token ids, and options that are not supported.
 * nomul convert reads it from the directory of a checkpoint; the trainer parses one that need not
 * lie in any.
 */
#ifndef NM_HF_CONFIG_H
#define NM_HF_CONFIG_H

#include "convert/hf_json.h"
#include "model/config.h"

#define NM_HF_MAX_EOS 64 /* ids of a list */

/*
 * The token ids of config.json, -1 if absent or null; the authors' defaults if absent, else -1; and
 * those that follow the first in a list of eos_token_id.
 */
typedef struct nm_hf_ids {
    int64_t bos, eos;
    int64_t default_bos, default_eos;
    size_t  n_more;
    int64_t more_eos[NM_HF_MAX_EOS];
} nm_hf_ids;

bool nm_hf_config_read(nm_config *config, nm_hf_ids *ids, const char *directory, nomul_error *err);

/* The same from the bytes of the file, which errors do not name. */
bool nm_hf_config_parse(nm_config *config, nm_hf_ids *ids, const char *text, size_t n_text,
                        nomul_error *err);

/* A token id: a number, or the first of a list; *id is unchanged if it is null or absent. */
bool nm_hf_token_id(const nm_json *value, const char *key, int64_t *id, nomul_error *err);

/* eos_token_id: a number or a list; ids->eos and more_eos are unchanged if it is null or absent. */
bool nm_hf_eos_ids(const nm_json *value, nm_hf_ids *ids, nomul_error *err);

#endif
