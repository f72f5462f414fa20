/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/text/prompt.h"

#include <string.h>

#include "base/error.h"

bool nm_prompt_read(nm_text *text, const char *words, const char *file, unsigned flags,
                    nomul_error *err)
{
    if (!words && !file) file = "-";
    if (words && !nm_text_add(text, words, strlen(words), err)) return false;
    if (words && (flags & NM_PROMPT_UNESCAPE)) nm_text_unescape(text);

    size_t before = text->n_bytes;
    if (file && !nm_text_add_file(text, file, err)) return false;
    if (flags & NM_PROMPT_DROP_NEWLINE && text->n_bytes > before &&
        text->data[text->n_bytes - 1] == '\n')
        text->n_bytes--;
    return true;
}

bool nm_prompt_tokenize(nm_ids *ids, const nomul_tokenizer *tokenizer, const nm_text *text,
                        unsigned flags, nomul_error *err)
{
    const char *bytes = text->n_bytes > 0 ? text->data : "";
    size_t      bound = nomul_tokenize_bound(text->n_bytes), n_ids = 0;

    if (!nm_ids_reserve(ids, bound, err)) return false;
    if (nomul_tokenize(tokenizer, bytes, text->n_bytes, flags, ids->at + ids->n, bound, &n_ids,
                       err) != NOMUL_OK)
        return false;
    ids->n += n_ids;
    return true;
}

bool nm_prompt_ids(nm_ids *ids, const nomul_tokenizer *tokenizer, const nm_text *text,
                   bool parse_special, nomul_error *err)
{
    int32_t bos = nomul_token_bos(tokenizer);
    bool    wanted = nomul_tokenizer_adds_bos(tokenizer);

    if (text->n_bytes == 0 && bos < 0)
        return nm_fail(err, NOMUL_E_UNSUPPORTED, "the prompt is empty and the model has no BOS");
    if (text->n_bytes == 0 || wanted)
        if (!nm_ids_add(ids, bos, err)) return false;
    return nm_prompt_tokenize(ids, tokenizer, text,
                              parse_special ? NOMUL_TOKENIZE_PARSE_SPECIAL : 0, err);
}
