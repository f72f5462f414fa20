/* SPDX-License-Identifier: Apache-2.0 */
/* All of the API that a program needs to continue a text: continue MODEL.gguf TEXT N */
#include <nomul.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
    if (argc != 4) return fprintf(stderr, "usage: continue MODEL.gguf TEXT N\n"), 2;
    nomul_error        err;
    nomul_text_options options;
    nomul_text_options_init(&options);
    options.n_predict = atoi(argv[3]);
    nomul_model   *model = nomul_model_open(argv[1], NULL, &err);
    nomul_session *session = model ? nomul_session_new(model, NULL, &err) : NULL;
    nomul_text    *text = session ? nomul_text_new(session, &options, &err) : NULL;
    bool           ok = text && nomul_text_prompt(text, argv[2], strlen(argv[2]), &err) == NOMUL_OK;

    if (ok) fputs(argv[2], stdout);
    while (ok && nomul_text_finish(text) == NOMUL_FINISH_NONE) {
        size_t n_bytes = 0;
        ok = nomul_text_step(&text, 1, &err) == NOMUL_OK;
        const char *bytes = nomul_text_bytes(text, &n_bytes);
        fwrite(bytes, 1, n_bytes, stdout);
    }
    if (ok) puts("");
    nomul_text_free(text), nomul_session_free(session), nomul_model_close(model);
    return ok ? 0 : (fprintf(stderr, "%s: %s\n", argv[0], err.text), 1);
}
