/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The public API of texts is defined in text/; here is what joins it with opening a model: the
 * first call of a program of 15 lines.  The text holds the only references to what is opened here,
 * so freeing it frees all.
 */
#include "nomul.h"

nomul_text *nomul_text_open(const char *model_path, const nomul_text_options *options,
                            nomul_error *err)
{
    nomul_model   *model = nomul_model_open(model_path, NULL, err);
    nomul_session *session = model ? nomul_session_new(model, NULL, err) : NULL;
    nomul_text    *text = session ? nomul_text_new(session, options, err) : NULL;

    /* On failure all that was made is freed here, on success nothing: these drop references. */
    nomul_session_free(session); /* the text has its own references */
    nomul_model_close(model);
    return text;
}
