/* SPDX-License-Identifier: Apache-2.0 */
/* Which model, and opening it: -m, or $NOMUL_MODEL, or the one that comes with the program. */
#ifndef NM_MODEL_PATH_H
#define NM_MODEL_PATH_H

#include "nomul.h"

/*
 * Opens `file` (what -m says), or else $NOMUL_MODEL, or else stories-49m.gguf in the executable's
 * folder, ../models or ../share/nomul, the first that exists.  argv0 is the program's own.  What
 * goes wrong has then been said on stderr.  The path opened is in *path, which lives on.
 */
nomul_model *nm_model_open(const char *file, const char *argv0, const nomul_model_options *options,
                           const char **path);

/* Its tokenizer; or NULL, said on stderr. */
const nomul_tokenizer *nm_model_need_tokenizer(const nomul_model *model, const char *path);

#endif
