/* SPDX-License-Identifier: Apache-2.0 */
/* What a user of nomul run -i can say beside the text: /undo, /set temp 0.5, ... */
#ifndef NM_SLASH_H
#define NM_SLASH_H

#include "cli/run/interactive.h"

/*
 * Does what a line says, given without its slash.  Answers are words on stderr, none with -q that
 * were not asked for.  On failure nothing has changed; an empty *err has been said already.
 */
bool nm_slash(nm_interactive *it, const char *line, size_t n_bytes, nomul_error *err);

#endif
