/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two ways to score a text.  As documents: each token with its whole past, in constant memory,
 * while the text arrives.  As windows: what llama-perplexity computes, so that figures can be
 * compared.  Both end with NOMUL_E_CANCELLED if a signal says stop (interrupt.h) or stdout is
 * closed (output.h), and whatever ends them, the figures so far are there.
 */
#ifndef NM_SCORE_H
#define NM_SCORE_H

#include "cli/text/prompt.h"
#include "cli/text/pystr.h"

#define NM_SCORE_STEP 384    /* ids scored together at most */
#define NM_SCORE_TOGETHER 32 /* documents, each of which needs a state of its own */

/* Ids scored with a session, and the sums over them. */
typedef struct nm_tally {
    /* The caller's: */
    nomul_session  *session;
    nm_progress_bar bar;       /* its unit is set here */
    bool            per_token; /* print "id <tab> logprob" for each one, and flush */

    uint64_t n_tokens;      /* scored */
    double   nats, squares; /* sums of -logprob and of its square */
    double   seconds;       /* in the session */

    float logprobs[NM_SCORE_STEP];
} nm_tally;

/* The standard error of exp of the mean of nats; fails where the sums give no variance. */
bool nm_tally_uncertainty(const nm_tally *tally, double *uncertainty, nomul_error *err);

/* A document, or the rest of one, that is tokenized and waits to be scored. */
typedef struct nm_waiting {
    nomul_session *session; /* of all before its ids */
    size_t         at, n;   /* its ids: the last one scored, and those to score */
    uint64_t       number;  /* of the document, from 1 */
    uint64_t       n_bytes; /* of its text */
    uint64_t       n_gaps;  /* words.n_gaps after it */
    bool           ends_with_eos;
} nm_waiting;

typedef struct nm_documents {
    /* The caller's: */
    const nomul_tokenizer *tokenizer;
    uint64_t               n_input;   /* bytes, for the bar; 0: not known */
    const char            *separator; /* a line between documents; NULL: there is one document */
    nm_tally               tally;

    uint64_t n_documents; /* of which a token is scored */
    uint64_t n_bytes;     /* of text whose tokens are all scored */
    double   bytes_nats;  /* tally.nats when n_bytes was last increased */
    double   eos_nats;    /* of it, what the EOS of documents contribute */
    uint64_t n_gaps;      /* of the same text: words are n_gaps + n_documents */

    /*
     * Bytes wait in `input` until they are certain to be text, in `text` until a cut is safe, and
     * as ids until there are enough of them, of one document or of many, or more input may be late.
     */
    nm_buffer  input;  /* may be the beginning of a separator and its newlines */
    nm_buffer  text;   /* of the current document, not yet tokenized */
    bool       begun;  /* a part of the document was tokenized */
    size_t     n_held; /* bytes of text that have no safe cut */
    nm_words   words;  /* of the text that is tokenized */
    nm_ids     ids;
    nm_waiting waiting[NM_SCORE_TOGETHER]; /* the last is the current document */
    size_t     n_waiting;
} nm_documents;

/*
 * Scores all of fd.  Without a separator the text is one document: BOS and the text.  With one,
 * each document (base/documents.h) is BOS, its text, EOS, from a zero state.  Every token after BOS
 * is scored.
 */
bool nm_score_documents(nm_documents *documents, int fd, nomul_error *err);

/* What it allocated; the session and the descriptor are the caller's. */
void nm_score_documents_free(nm_documents *documents);

typedef struct nm_windows {
    /* The caller's: */
    nm_tally tally;
    size_t   n_ctx;   /* 3 or more */
    bool     running; /* print "[1]12.3456,[2]..." on stdout */
    bool     quiet;   /* nothing on stderr */

    size_t n_windows, n_done;
} nm_windows;

/*
 * Scores ids, as nm_prompt_ids makes them, in windows of n_ctx tokens that don't overlap, each from
 * a zero state and with BOS in place of its first token if the model uses BOS.  Scored are the
 * tokens after the first n_ctx / 2 + 1 of a window.
 */
bool nm_score_windows(nm_windows *windows, const nomul_tokenizer *tokenizer, nm_ids *ids,
                      nomul_error *err);

#endif
