/* SPDX-License-Identifier: Apache-2.0 */
/* What to type instead of the commands and options of other programs. */
#ifndef NM_HINTS_H
#define NM_HINTS_H

/* The hint for a word as it was typed, without "=VALUE"; NULL if there is none. */
const char *nm_hint(const char *word);

#endif
