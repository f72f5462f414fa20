/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Scores text as it comes, each token with its whole past.  Memory does not grow with the text:
 * bytes are kept until they are certain to be text and where to cut (nomul_tokenize_cut), then
 * become ids, are scored and forgotten.
 */
#ifndef NM_DOCUMENTS_H
#define NM_DOCUMENTS_H

#include "cli/score/tally.h"
#include "cli/text/ids.h"
#include "cli/text/text.h"

typedef struct nm_documents {
    /* The caller's: */
    const nomul_tokenizer *tokenizer;
    const char            *separator; /* a line of its own between two documents; NULL: none */
    nm_tally               tally;

    uint64_t n_documents; /* begun */
    uint64_t n_bytes;     /* of text whose tokens all are scored */
    double   bytes_nats;  /* tally.nats when there were so many */

    nm_text needle; /* newline, separator, newline */
    nm_text input;  /* what may be the beginning of a needle */
    nm_text text;   /* of the document now, not yet ids; a first part of it is */
    bool    begun;
    size_t  n_held; /* bytes of text that are known to have no safe cut */
    nm_ids  ids;    /* the last one scored, and those to score */
} nm_documents;

/*
 * All of fd.  Without a separator the text is one document: BOS and the text.  With one, the last
 * newline is dropped and each document is BOS, its text, EOS, from a zero state.  Every token after
 * BOS is scored.  Ends as nm_tally_score does; the figures so far are there whatever happened.
 */
bool nm_documents_score(nm_documents *documents, int fd, nomul_error *err);
void nm_documents_free(nm_documents *documents);

#endif
