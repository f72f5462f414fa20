/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/hints.h"

#include <stddef.h>
#include <string.h>

#define NO_GPU "nomul runs on the CPU: leave it out"
#define NO_CHAT "there is no chat; nomul run -i writes together with you"
#define NO_SERVER "there is no server; nomul batch answers many prompts from a pipe"
#define NO_CACHE "the state has a fixed size, there is no cache to configure: leave it out"
#define RUN "nomul run -p TEXT"
#define SHIPPED "fetch a checkpoint with tools/fetch_model.sh, see models/README.md"

/*
 * A row is a word and its hint.  Options of one dash are only those that cannot be a letter of ours
 * with a value behind it.
 */
static const struct {
    const char *word, *hint;
} hints[] = {
    {"version", "nomul --version"},
    {"-V", "nomul --version"},
    {"-v", "nomul --version; run prints its statistics unless -q is given"},
    {"chat", NO_CHAT},
    {"-cnv", NO_CHAT},
    {"--conversation", NO_CHAT},
    {"-no-cnv", "there is no chat, so nothing to switch off: leave it out"},
    {"--no-conversation", "there is no chat, so nothing to switch off: leave it out"},
    {"-sys", NO_CHAT},
    {"--system-prompt", NO_CHAT},
    {"--jinja", NO_CHAT},
    {"--chat-template", NO_CHAT},
    {"-ins", NO_CHAT},
    {"--instruct", NO_CHAT},
    {"serve", NO_SERVER},
    {"server", NO_SERVER},
    {"--host", NO_SERVER},
    {"--port", NO_SERVER},
    {"generate", RUN},
    {"complete", RUN},
    {"completion", RUN},
    {"ask", RUN},
    {"cli", RUN},
    {"main", RUN},
    {"simple", RUN},
    {"quantize", "nomul convert makes a model file, nomul repack changes its packing"},
    {"embed", "nomul logits writes logits; there are no embeddings"},
    {"embedding", "nomul logits writes logits; there are no embeddings"},
    {"eval", "nomul perplexity"},
    {"ppl", "nomul perplexity"},
    {"benchmark", "nomul bench"},
    {"detokenize", "nomul tokenize --decode"},
    {"train", "the trainer is a program of its own, nomul-train: make train"},
    {"finetune", "the trainer is a program of its own, nomul-train: make train"},
    {"pull", SHIPPED},
    {"download", SHIPPED},
    {"-hf", SHIPPED},
    {"--hf-repo", SHIPPED},
    {"-ngl", NO_GPU},
    {"--gpu-layers", NO_GPU},
    {"--n-gpu-layers", NO_GPU},
    {"--device", NO_GPU},
    {"--main-gpu", NO_GPU},
    {"--split-mode", NO_GPU},
    {"--tensor-split", NO_GPU},
    {"--flash-attn", "there is no attention: leave it out"},
    {"--mlock", "there is no such option: leave it out"},
    {"--cache-type-k", NO_CACHE},
    {"--cache-type-v", NO_CACHE},
    {"--keep", NO_CACHE},
    {"--no-context-shift", NO_CACHE},
};

const char *nm_hint(const char *word)
{
    size_t n = strcspn(word, "=");

    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (strlen(hints[i].word) == n && memcmp(hints[i].word, word, n) == 0) return hints[i].hint;
    return NULL;
}
