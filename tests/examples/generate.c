/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <nomul.h>
#include <stdio.h>
int main(void) {
    nomul_sampler_options sampler; nomul_text_options options; size_t n;
    const char *s, *stop = "The end"; nomul_error err = {0};
    nomul_sampler_options_init(&sampler), sampler.repeat_penalty = 1.1f;
    nomul_text_options_init(&options), options.sampler = &sampler;
    options.stops = &stop, options.n_stops = 1;
    nomul_text *text = nomul_text_open("model.gguf", &options, &err);
    if (text) nomul_text_prompt(text, "Once upon a time", 16, &err);
    while ((s = nomul_text_next(text, &n, &err)))
        if (fwrite(s, 1, n, stdout) < n || fflush(stdout)) break;
    if (s || err.code) fprintf(stderr, "%s\n", s ? "cannot write" : err.text);
    return nomul_text_free(text), err.code || ferror(stdout);
}
