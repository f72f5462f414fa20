/* SPDX-License-Identifier: Apache-2.0 */
/* What a session must not be saved over. */
#ifndef NM_REPLACE_H
#define NM_REPLACE_H

#include "nomul.h"

/* Is `path` neither the model nor the prompt's file (NULL: there is none)? */
bool nm_may_replace(const char *path, const char *model, const char *prompt, nomul_error *err);

#endif
