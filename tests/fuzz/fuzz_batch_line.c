/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a line of nomul batch: its id is a JSON value, its settings are in range, and what
 * is refused is refused in one line of words.
 */
#include "fuzz/fuzz.h"

#include "base/json.h"
#include "cli/batch/batch_line.h"

#include <string.h>

static const char        *default_stops[] = {"END"};
static const nm_text_args defaults = {
    .n_predict = 256, .temp = 0.8, .top_p = 0.95, .stops = {default_stops, 1}};

static void check_id(const nm_batch_line *line)
{
    nm_json json;

    nm_json_init(&json, line->id.data, line->id.n_bytes);
    nm_json_type type = nm_json_next(&json);
    MUST(type == NM_JSON_STRING || type == NM_JSON_NUMBER);
    MUST(json.n_text <= NM_BATCH_ID_BYTES && nm_json_next(&json) == NM_JSON_END);
}

static void check_settings(const nm_text_args *args)
{
    MUST(args->n_predict >= -1 && args->n_predict <= 1000000000);
    MUST(args->top_k >= 0 && args->top_k <= 1000000000);
    MUST(args->seed >= -1 && args->temp >= 0);
    MUST(args->top_p >= 0 && args->top_p <= 1 && args->min_p >= 0 && args->min_p <= 1);
    for (size_t i = 0; i < args->stops.n; i++) MUST(args->stops.at[i][0] != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nm_batch_line line = {.stops = NULL};
    nomul_error   err = {.code = NOMUL_OK};
    bool          ok = nm_batch_line_read(&line, (const char *)data, size, size, &defaults, &err);

    check_id(&line);
    if (ok) check_settings(&line.args);
    if (ok) fuzz_touch(line.prompt.data, line.prompt.n_bytes);
    if (ok && size > 0 && data[0] != '{') MUST(line.prompt.n_bytes == size);
    if (!ok) MUST(err.code != NOMUL_OK && err.text[0] && !strchr(err.text, '\n'));
    nm_batch_line_free(&line);
    return 0;
}
