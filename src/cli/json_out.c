/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/json_out.h"

#include <inttypes.h>
#include <math.h>

#include "base/json.h"
#include "base/utf8.h"
#include "cli/output.h"

void nm_json_out_string(const char *text, size_t n_bytes)
{
    enum { PIECE = 1024 };
    char escaped[6 * PIECE];

    nm_output_write("\"", 1);
    while (n_bytes > 0) {
        size_t n = n_bytes;
        /* A piece ends where no character is cut: at most 3 bytes are left to the next. */
        if (n > PIECE) n = PIECE - nm_utf8_unfinished(text, PIECE);
        nm_output_write(escaped, nm_json_escape(text, n, escaped));
        text += n;
        n_bytes -= n;
    }
    nm_output_write("\"", 1);
}

void nm_json_out_number(double value)
{
    if (isfinite(value))
        nm_output_print("%.9g", value);
    else
        nm_output_print("null");
}

void nm_json_out_ids(const int32_t *ids, size_t n_ids)
{
    nm_output_print("[");
    for (size_t i = 0; i < n_ids; i++) nm_output_print("%s%" PRId32, i ? "," : "", ids[i]);
    nm_output_print("]");
}

void nm_json_out_bytes(const char *bytes, size_t n_bytes)
{
    nm_output_print("[");
    for (size_t i = 0; i < n_bytes; i++)
        nm_output_print("%s%d", i ? "," : "", (int)(unsigned char)bytes[i]);
    nm_output_print("]");
}
