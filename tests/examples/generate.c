/* SPDX-License-Identifier: Apache-2.0 */
/* clang-format off */
#include <nomul.h>
#include <stdio.h>
int main(void) {
    nomul_sampler_options sampler; nomul_text_options options; size_t n;
    const char *out, *stop = "The end";
    nomul_error err = {0};
    nomul_sampler_options_init(&sampler), sampler.repeat_penalty = 1.1f;
    nomul_text_options_init(&options), options.sampler = &sampler;
    options.stops = &stop, options.n_stops = 1;
    nomul_text *text = nomul_text_open("model.gguf", &options, &err);
    if (text) nomul_text_prompt(text, "Once upon a time", 16, &err);
    while ((out = nomul_text_next(text, &n, &err))) fwrite(out, 1, n, stdout);
    nomul_text_free(text);
    return err.code ? fprintf(stderr, "%s\n", err.text), 1 : 0;
}
