/* SPDX-License-Identifier: Apache-2.0 */
/*
 * generation_config.json: the sampling that the authors of a checkpoint recommend.  It goes into
 * the model file, as the keys general.sampling.NAME, and is the default of every program that asks
 * nomul_model_sampling.
 */
#ifndef NM_HF_SAMPLING_H
#define NM_HF_SAMPLING_H

#include "format/sampler_fields.h"

/*
 * Sets the options that directory/generation_config.json has, and their bits in *rows, as
 * nm_sampling_read does.  No file, "do_sample": false and null recommend nothing; a number outside
 * the option's range is an error.
 */
bool nm_hf_sampling_read(const char *directory, nomul_sampler_options *options, uint64_t *rows,
                         nomul_error *err);

#endif
