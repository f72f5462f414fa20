/* SPDX-License-Identifier: Apache-2.0 */
/* JSON is one array, which the first record opens; JSON lines are an object each. */
#include "cli/bench/bench_writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/visible.h"

#ifndef NOMUL_COMMIT
#define NOMUL_COMMIT "unknown"
#endif

const char nm_bench_commit[] = NOMUL_COMMIT;

void nm_bench_cell(nm_md_line line, const char *name, int width, const char *format, ...)
{
    char    text[80] = "", visible[NM_VISIBLE_BYTES * sizeof text];
    va_list args;

    if (width == 0) return;
    if (line == NM_MD_HEADER)
        snprintf(text, sizeof text, "%s", name);
    else if (line == NM_MD_RULE) {
        memset(text, '-', (size_t)(width < 0 ? -width : width));
        if (width > 0) text[width - 1] = ':';
    } else {
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
    }
    nm_visible(visible, sizeof visible, text, strlen(text), false); /* the model's name */
    nm_output_print(" %*s |", width, visible);
}

void nm_bench_record(nm_bench_writer *w, nm_bench_fields fields, const void *result)
{
    static const struct {
        nm_record_format record;
        const char      *first, *begin, *end;
    } formats[] = {
        /* clang-format off */
        [NM_BENCH_CSV] = {NM_RECORD_CSV, "", "", "\n"},
        [NM_BENCH_JSON] = {NM_RECORD_JSON_LINES, "[\n", "  {\n", "\n  }"},
        [NM_BENCH_JSONL] = {NM_RECORD_JSON_WIDE, "", "{", "}\n"},
        /* clang-format on */
    };
    nm_record record = {.format = formats[w->format].record};
    nm_record names = {.format = NM_RECORD_CSV_NAMES};
    bool      first = w->n_written++ == 0;

    nm_output_print("%s", first                        ? formats[w->format].first
                          : w->format == NM_BENCH_JSON ? ",\n"
                                                       : "");
    if (first && w->format == NM_BENCH_CSV) {
        fields(&names, result);
        nm_output_print("\n");
    }
    nm_output_print("%s", formats[w->format].begin);
    fields(&record, result);
    nm_output_print("%s", formats[w->format].end);
}

void nm_bench_number(nm_record *record, const char *name, bool known, int decimals, double value)
{
    char text[40] = "";

    if (known) snprintf(text, sizeof text, "%.*f", decimals, value);
    nm_record_number(record, name, "%s", text);
}

void nm_bench_end(const nm_bench_writer *w)
{
    if (w->format == NM_BENCH_JSON) nm_output_print(w->n_written > 0 ? "\n]\n" : "[]\n");
    if (w->format == NM_BENCH_MD && w->n_written > 0)
        nm_output_print("\nbuild: %s (%s)%s\n", nm_bench_commit, nomul_version(),
                        w->narrow ? "; in a file or a pipe the table has more columns" : "");
}
