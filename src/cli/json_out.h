/* SPDX-License-Identifier: Apache-2.0 */
/* JSON values on stdout: always valid UTF-8, always numbers that JSON has. */
#ifndef NM_JSON_OUT_H
#define NM_JSON_OUT_H

#include <stddef.h>
#include <stdint.h>

/* In quotes; what is no UTF-8 becomes U+FFFD. */
void nm_json_out_string(const char *text, size_t n_bytes);
void nm_json_out_number(double value); /* null if it is not finite */
void nm_json_out_ids(const int32_t *ids, size_t n_ids);
void nm_json_out_bytes(const char *bytes, size_t n_bytes); /* an array of numbers */

#endif
