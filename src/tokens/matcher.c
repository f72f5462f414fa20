/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trie of the reversed strings, its failure links, and the pass over a text.  Of the strings
 * "b" and "ab", for example:
 *
 *     nodes    0: ""    1: "b"    2: "ba"               reversed beginnings; 1 and 2 are strings
 *     fail              1 -> 0    2 -> 0
 *     text     x  a  b
 *     node     0  2  1   <-- from the end
 *     found    -  ab b
 *
 * Children are looked up in a hash table by (node, byte): a node of 256 children would take 1 KiB.
 */
#include "tokens/matcher.h"

#include "base/cancel.h"
#include "base/error.h"
#include "format/sentencepiece.h"

#include <string.h>

#define CANCEL_BYTES 65536 /* between two looks at the cancel flag, a power of two */

/* A beginning of a reversed string. */
struct nm_matcher_node {
    uint32_t parent;
    uint32_t fail;       /* the longest other beginning that this one ends with */
    uint32_t depth_next; /* in the list of nodes of one length */
    int32_t  id;         /* of the longest string that it ends with, or -1 */
    uint8_t  byte;       /* the last of it */
};

/* ---- The trie -------------------------------------------------------------------------------- */

static uint32_t *slot_of(const nm_matcher *m, uint32_t parent, uint8_t byte)
{
    uint64_t key = ((uint64_t)parent << 8 | byte) * 0x9E3779B97F4A7C15u;

    for (size_t i = (size_t)(key >> 32);; i++) {
        uint32_t *slot = &m->slots[i & m->mask];
        if (*slot == 0) return slot;
        if (m->nodes[*slot].parent == parent && m->nodes[*slot].byte == byte) return slot;
    }
}

static uint32_t child_of(const nm_matcher *m, uint32_t parent, uint8_t byte)
{
    return *slot_of(m, parent, byte);
}

static uint32_t add_child(nm_matcher *m, uint32_t parent, uint8_t byte)
{
    uint32_t *slot = slot_of(m, parent, byte);

    if (*slot == 0) {
        *slot = (uint32_t)m->n_nodes++;
        m->nodes[*slot] = (nm_matcher_node){.parent = parent, .id = -1, .byte = byte};
    }
    return *slot;
}

/* Adds a string, its last byte first. */
static void add_pattern(nm_matcher *m, const nm_pattern *p)
{
    uint32_t node = 0;

    for (size_t i = p->n_text; i-- > 0;) {
        if (p->spelled && p->text[i] == ' ')
            for (size_t k = NM_BLANK_BYTES; k-- > 0;)
                node = add_child(m, node, (uint8_t)NM_BLANK[k]);
        else
            node = add_child(m, node, (uint8_t)p->text[i]);
    }
    for (size_t i = p->n_head; i-- > 0;) node = add_child(m, node, (uint8_t)p->head[i]);
    if (node) m->nodes[node].id = p->id;
}

/* ---- Failure links --------------------------------------------------------------------------- */

/* The state after one more byte. */
static uint32_t step(const nm_matcher *m, uint32_t node, uint8_t byte)
{
    for (;;) {
        uint32_t child = child_of(m, node, byte);
        if (child || node == 0) return child;
        node = m->nodes[node].fail;
    }
}

/*
 * The failure links of all nodes, shorter ones first, as that of a node follows from its parent's;
 * and the string that each node ends with.  first[depth] heads the list of the nodes of a length.
 */
static void link_all(nm_matcher *m, uint32_t *depth, uint32_t *first, size_t max_depth)
{
    for (uint32_t node = 1; node < m->n_nodes; node++) { /* a parent has the lower number */
        depth[node] = depth[m->nodes[node].parent] + 1;
        m->nodes[node].depth_next = first[depth[node]];
        first[depth[node]] = node;
    }
    for (size_t d = 1; d <= max_depth; d++)
        for (uint32_t node = first[d]; node; node = m->nodes[node].depth_next) {
            nm_matcher_node *n = &m->nodes[node];
            n->fail = n->parent == 0 ? 0 : step(m, m->nodes[n->parent].fail, n->byte);
            if (n->id < 0) n->id = m->nodes[n->fail].id;
        }
    for (unsigned byte = 0; byte < 256; byte++) m->ends[byte] = child_of(m, 0, (uint8_t)byte) != 0;
}

bool nm_matcher_open(nm_matcher *m, const nm_pattern *patterns, size_t n, nomul_error *err)
{
    size_t    n_bytes = 0, longest = 0;
    uint32_t *depth = NULL, *first = NULL;
    nm_arena  scratch = {0};

    *m = (nm_matcher){0};
    if (n == 0) return true;
    for (size_t i = 0; i < n; i++) {
        const nm_pattern *p = &patterns[i];
        size_t            n_text = p->spelled ? nm_spelled_bytes(p->text, p->n_text) : p->n_text;
        size_t            n_pattern = p->n_head + n_text;
        if (n_pattern > longest) longest = n_pattern;
        if (n_pattern > NM_MATCHER_MAX - n_bytes)
            return nm_fail(err, NOMUL_E_UNSUPPORTED, "%zu pieces have more than %zu bytes together",
                           n, NM_MATCHER_MAX);
        n_bytes += n_pattern;
    }
    for (m->mask = 511; m->mask < 2 * n_bytes;) m->mask = m->mask << 1 | 1;
    for (int placing = 0; placing < 2; placing++) {
        if (placing && (!nm_arena_back(&m->arena, err) || !nm_arena_back(&scratch, err))) {
            nm_matcher_close(m);
            return false;
        }
        m->nodes = nm_arena_take(&m->arena, n_bytes + 1, sizeof *m->nodes);
        m->slots = nm_arena_take(&m->arena, m->mask + 1, sizeof *m->slots);
        depth = nm_arena_take(&scratch, n_bytes + 1, sizeof *depth);
        first = nm_arena_take(&scratch, longest + 1, sizeof *first);
    }
    m->nodes[0] = (nm_matcher_node){.id = -1};
    m->n_nodes = 1;
    for (size_t i = 0; i < n; i++) add_pattern(m, &patterns[i]);
    link_all(m, depth, first, longest);
    nm_arena_free(&scratch);
    return true;
}

void nm_matcher_close(nm_matcher *m)
{
    nm_arena_free(&m->arena);
    *m = (nm_matcher){0};
}

/* ---- A text ---------------------------------------------------------------------------------- */

bool nm_matcher_run(const nm_matcher *m, const char *text, size_t n_text, bool spell,
                    const nomul_cancel *cancel, int32_t *found)
{
    uint32_t node = 0;

    for (size_t at = n_text; at-- > 0;) {
        if (at && at % CANCEL_BYTES == 0 && nomul_cancel_requested(cancel)) return false;
        uint8_t byte = (uint8_t)text[at];
        if (spell && byte == ' ') {
            for (size_t k = NM_BLANK_BYTES; k-- > 0;) node = step(m, node, (uint8_t)NM_BLANK[k]);
        } else if (node || m->ends[byte]) {
            node = step(m, node, byte);
        }
        found[at] = m->nodes[node].id;
    }
    return true;
}
