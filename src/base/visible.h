/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from files, models and the command line, as it is shown to a person: what a terminal would
 * obey instead of showing becomes visible.  Everything that is shown goes through here, error
 * messages too (base/error.c); what is not is named in the README.
 */
#ifndef NM_VISIBLE_H
#define NM_VISIBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * C0, DEL, C1, separators of lines and paragraphs, and bidirectional controls, which change the
 * order of the characters around them.
 */
bool nm_is_control(uint32_t code_point);

#define NM_VISIBLE_BYTES 4 /* of visible text for one byte, at most */

/*
 * Writes text[0..n_bytes) into out[size] and adds a NUL; what does not fit is left out.  Controls
 * and bytes that are no valid UTF-8 become \n, \r, \t or one \xHH for each byte; quoted: " and \
 * become \" and \\.  Returns the length.  What is visible stays as it is.
 */
size_t nm_visible(char *out, size_t size, const char *text, size_t n_bytes, bool quoted);

#endif
