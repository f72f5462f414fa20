/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allots streams to texts and moves them on.  The allotment is by largest remainder, with at least
 * one stream for each text; every stream of a text begins at an equal distance from the one before,
 * so that a step sees all parts of it.
 */
#include "train/mix.h"

#include "base/alloc.h"
#include "base/arena.h"
#include "base/error.h"

#include <stdlib.h>
#include <string.h>

/* A name may have '=' in it: what follows the last one counts only if it is a number. */
bool nm_mix_weight(const char *argument, double *weight, size_t *n_path, nomul_error *err)
{
    const char *equals = strrchr(argument, '=');
    char       *end = NULL;

    *weight = 1, *n_path = strlen(argument);
    double number = equals && equals[1] ? strtod(equals + 1, &end) : 1;
    if (!end || *end) return true;
    if (!(number > 0 && number < 1e9))
        return nm_fail(err, NOMUL_E_ARG,
                       "%.200s: the weight %.32s: expected a number above 0 and below 1e9",
                       argument, equals + 1);
    *weight = number, *n_path = (size_t)(equals - argument);
    return true;
}

bool nm_mix_open(nm_mix *m, size_t n_streams, nomul_error *err)
{
    size_t counts[NM_TRAIN_LIST] = {0}, stream = 0; /* streams of each text */
    double total = 0;

    if (n_streams < m->n_texts)
        return nm_fail(err, NOMUL_E_ARG, "--batch-size %zu: expected at least %zu, one a text",
                       n_streams, m->n_texts);
    m->n_streams = n_streams;
    m->at = nm_zeros(0, n_streams, sizeof *m->at, err);
    m->text_of = m->at ? nm_zeros(0, n_streams, sizeof *m->text_of, err) : NULL;
    if (!m->text_of) return false;
    for (size_t i = 0; i < m->n_texts; i++) total += m->weights[i], counts[i] = 1;
    /* Each further stream goes to the text that lacks most of its share. */
    for (size_t n = m->n_texts; n < n_streams; n++) {
        size_t most = 0;
        double largest = -1e300;
        for (size_t i = 0; i < m->n_texts; i++) {
            double lacking = m->weights[i] / total * (double)n_streams - (double)counts[i];
            if (lacking > largest) largest = lacking, most = i;
        }
        counts[most]++;
    }
    /* The streams of a text begin at equal distances in it. */
    for (size_t i = 0; i < m->n_texts; i++)
        for (size_t k = 0; k < counts[i]; k++, stream++) {
            m->text_of[stream] = i;
            m->at[stream] = (uint64_t)m->texts[i].n_ids / counts[i] * k;
        }
    return true;
}

void nm_mix_close(nm_mix *m)
{
    for (size_t i = 0; i < m->n_texts; i++) nm_token_cache_close(&m->texts[i]);
    nm_free(m->at), nm_free(m->text_of);
    *m = (nm_mix){.n_texts = 0};
}

/* A text is a ring: its first id follows its last one. */
void nm_mix_next(nm_mix *m, size_t first, size_t n, size_t n_tokens, int32_t *ids, int32_t *targets)
{
    for (size_t s = first; s < first + n; s++) {
        const nm_token_cache *text = &m->texts[m->text_of[s]];
        size_t                at = (size_t)m->at[s];
        for (size_t t = 0; t < n_tokens; t++) {
            *ids++ = nm_token_cache_get(text, at);
            at = at + 1 < text->n_ids ? at + 1 : 0;
            *targets++ = nm_token_cache_get(text, at);
        }
        m->at[s] = at;
    }
}

double nm_mix_bytes_per_token(const nm_mix *m)
{
    double bytes = 0, weights = 0;

    for (size_t i = 0; i < m->n_texts; i++) {
        weights += m->weights[i];
        bytes += m->weights[i] * (double)m->texts[i].text_bytes / (double)m->texts[i].n_ids;
    }
    return bytes / weights;
}
