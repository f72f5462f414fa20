/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/batch/batch_show.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/numbers.h"

static double rate(const nm_batch *b)
{
    return b->seconds > 0 ? (double)(b->n_prompt_ids + b->n_drawn) / b->seconds : 0;
}

void nm_batch_show(nm_batch *b)
{
    double now = nm_clock();
    char   line[128];

    if (!b->show || now - b->shown < 0.2) return;
    snprintf(line, sizeof line, "%s done, %zu running, %s tokens, %.1f tokens/s",
             nm_show_count(b->n_done).text, b->n_running,
             nm_show_count(b->n_prompt_ids + b->n_drawn).text, rate(b));
    fprintf(stderr, "\r%-78.78s", line);
    b->shown = now;
}

void nm_batch_show_end(const nm_batch *b)
{
    if (b->show && b->shown > 0) fprintf(stderr, "\r%78s\r", "");
}

void nm_batch_statistics(const nm_batch *b, const char *path, size_t session_bytes)
{
    const nomul_model_info *info = nomul_model_get_info(b->model);
    size_t                  n_threads = nomul_session_n_threads(b->host);
    size_t                  n_bytes =
        session_bytes + b->n_sessions * (size_t)info->state_bytes + /* logits, ids counted: */
        (b->n_rows + b->n_sessions + 1) * info->n_vocab * 4;

    if (isatty(STDERR_FILENO)) fprintf(stderr, "\n");
    fprintf(stderr, "%-9s %s, %s in %s\n", "model", path, nm_show_bytes(info->file_bytes).text,
            nm_show_seconds(b->load_seconds).text);
    fprintf(stderr, "%-9s %s, %zu together\n", "texts", nm_show_count(b->n_done).text,
            b->n_sessions + 1);
    fprintf(stderr, "%-9s %s tokens\n", "prompts", nm_show_count(b->n_prompt_ids).text);
    fprintf(stderr, "%-9s %s tokens\n", "generated", nm_show_count(b->n_drawn).text);
    fprintf(stderr, "%-9s %s, %.1f tokens/s in all\n", "time", nm_show_seconds(b->seconds).text,
            rate(b));
    fprintf(stderr, "%-9s %s, of it %s of state a text; %zu thread%s, kernels %s\n", "memory",
            nm_show_bytes(n_bytes).text, nm_show_bytes(info->state_bytes).text, n_threads,
            n_threads == 1 ? "" : "s", nomul_model_kernels(b->model));
}
