/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A text of several documents, as `nomul perplexity --separator` and nomul-train read it: a line
 * that is the separator, the first and the last too, separates documents; empty documents are
 * dropped, and so is a newline at the end of the text.  A newline may be CR LF.
 */
#ifndef NM_DOCUMENTS_H
#define NM_DOCUMENTS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * How much of text[0..n_bytes) belongs to its first document.  *n_end: the length of the separator
 * with its newlines, or of the last newline of the text, that follows; 0 where neither is complete:
 * all bytes from there on may become one.  starts: the text begins a document, so its first line
 * may be a separator.  ended: no more of the text is to come.  separator NULL: no line is one.
 */
size_t nm_document_end(const char *text, size_t n_bytes, const char *separator, bool starts,
                       bool ended, size_t *n_end);

#endif
