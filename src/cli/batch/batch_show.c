/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/batch/batch_show.h"

#include <stdio.h>

#include "base/os.h"
#include "cli/numbers.h"

static double rate(const nm_batch_counts *c)
{
    return c->seconds > 0 ? (double)(c->n_prompt_ids + c->n_generated) / c->seconds : 0;
}

void nm_batch_show(nm_batch *b)
{
    const nm_batch_counts *c = &b->counts;
    double                 now = nm_clock();
    char                   line[128];

    if (!b->options->show || now - b->shown < 0.2) return;
    snprintf(line, sizeof line, "%s done, %zu running, %s tokens, %.1f tokens/s",
             nm_show_count(c->n_done).text, b->n_running,
             nm_show_count(c->n_prompt_ids + c->n_generated).text, rate(c));
    fprintf(stderr, "\r%-78.78s", line);
    b->shown = now;
}

void nm_batch_show_end(const nm_batch *b)
{
    if (b->options->show && b->shown > 0) fprintf(stderr, "\r%78s\r", "");
}

void nm_batch_statistics(const nm_batch *b, const nomul_session *session, const char *path,
                         size_t session_bytes)
{
    const nm_batch_counts  *c = &b->counts;
    const nomul_model      *model = b->options->model;
    const nomul_model_info *info = nomul_model_get_info(model);
    size_t                  n_threads = nomul_session_n_threads(session);
    size_t                  n_bytes = session_bytes + c->most_texts * ((size_t)info->state_bytes +
                                                      info->n_vocab * 4); /* and logits */

    if (nm_os_is_terminal(NM_OS_STDERR)) fprintf(stderr, "\n");
    fprintf(stderr, "%-9s %s, %s in %s\n", "model", path, nm_show_bytes(info->file_bytes).text,
            nm_show_seconds(b->options->load_seconds).text);
    fprintf(stderr, "%-9s %s, up to %zu at once\n", "texts", nm_show_count(c->n_done).text,
            c->most_texts);
    fprintf(stderr, "%-9s %s tokens\n", "prompts", nm_show_count(c->n_prompt_ids).text);
    fprintf(stderr, "%-9s %s tokens\n", "generated", nm_show_count(c->n_generated).text);
    fprintf(stderr, "%-9s %s, %.1f tokens/s in all\n", "time", nm_show_seconds(c->seconds).text,
            rate(c));
    fprintf(stderr, "%-9s %s, of it %s of state a text; %zu thread%s, kernels %s\n", "memory",
            nm_show_bytes(n_bytes).text, nm_show_bytes(info->state_bytes).text, n_threads,
            n_threads == 1 ? "" : "s", nomul_model_kernels(model));
}
