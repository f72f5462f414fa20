/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The longest of many strings at every position of a text, in one pass: an Aho-Corasick automaton
 * (Aho and Corasick, 1975) of the reversed strings, run over the text from its end.  Its state at a
 * position is the longest beginning of a reversed string that ends there, so the longest whole
 * string in that state is the longest one that begins there in the text.
 */
#ifndef NM_MATCHER_H
#define NM_MATCHER_H

#include "base/arena.h"
#include "nomul.h"

#define NM_MATCHER_MAX ((size_t)1 << 22) /* bytes of all strings: 32 times as many in memory */

/* One string: `head` and then `text`, each space of the text written as U+2581 if `spelled`. */
typedef struct nm_pattern {
    const char *head, *text;
    size_t      n_head, n_text;
    int32_t     id; /* at least 0 */
    bool        spelled;
} nm_pattern;

typedef struct nm_matcher_node nm_matcher_node;

/* Zeros are one without strings. */
typedef struct nm_matcher {
    nm_arena         arena;
    nm_matcher_node *nodes; /* 0 is the root */
    uint32_t        *slots; /* open addressing by (parent, byte): the node, 0 where free */
    size_t           n_nodes, mask;
    bool             ends[256]; /* is this the last byte of a string? */
} nm_matcher;

/* NOMUL_E_UNSUPPORTED: more than NM_MATCHER_MAX bytes.  Of equal strings the last one counts. */
bool nm_matcher_open(nm_matcher *matcher, const nm_pattern *patterns, size_t n, nomul_error *err);
void nm_matcher_close(nm_matcher *matcher);

/*
 * found[i] becomes the id of the longest string at text[i..n_text), or -1.  With `spell`, spaces of
 * the text count as U+2581.  False: cancelled.
 */
bool nm_matcher_run(const nm_matcher *matcher, const char *text, size_t n_text, bool spell,
                    const nomul_cancel *cancel, int32_t *found);

#endif
