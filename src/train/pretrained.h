/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The values that training starts from, of a checkpoint directory or of a model file, in the place
 * of random ones.  The latent is open with the hyper-parameters of that source; only its values are
 * filled in here.
 */
#ifndef NM_PRETRAINED_H
#define NM_PRETRAINED_H

#include "nomul_model.h"
#include "train/latent.h"

/* latent is open with the directory's config.  Errors name file and tensor. */
bool nm_pretrained_directory(nm_latent *latent, const char *directory, nomul_error *err);

/*
 * latent is open with the model's config.  A latent weight is v times its code, with v the scale
 * divided by the share of codes that are not 0: quantizing gives the same codes, and the same scale
 * within an ulp.
 */
bool nm_pretrained_model(nm_latent *latent, const nomul_model *model, nomul_error *err);

#endif
