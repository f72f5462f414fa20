/* SPDX-License-Identifier: Apache-2.0 */
/* What an added token may look like; each id must have one piece, and each piece one id. */
#include "convert/hf_pieces.h"

#include "base/error.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define F(name) offsetof(nm_hf_added, name)
static const nm_hf_field added_fields[] = {
    {"id", NM_HF_WHOLE, F(id), false},          {"content", NM_HF_TEXT, F(content), false},
    {"special", NM_HF_BOOL, F(special), false}, {"single_word", NM_HF_BOOL, F(single_word), false},
    {"lstrip", NM_HF_BOOL, F(lstrip), false},   {"rstrip", NM_HF_BOOL, F(rstrip), false},
};
#undef F

bool nm_hf_added_read(nm_hf_added *added, nm_json *json, nomul_error *err)
{
    return nm_hf_expect(json, "an added token", NM_JSON_OBJECT, err) &&
           nm_hf_read_fields(json, added_fields, COUNT(added_fields), added, err);
}

bool nm_hf_added_place(nm_hf_tokenizer *t, const nm_hf_added *added, nomul_error *err)
{
    const char *text = added->content.data;
    const char *flag = added->single_word ? "single_word"
                       : added->lstrip    ? "lstrip"
                       : added->rstrip    ? "rstrip"
                                          : NULL;

    if (added->content.size == 0) return nm_fail(err, NOMUL_E_FORMAT, "a token without content");
    if (added->id == UINT64_MAX) return nm_fail(err, NOMUL_E_FORMAT, "\"%s\" has no id", text);
    if (added->id >= t->capacity)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "\"%s\" has id %" PRIu64 ", expected less than vocab_size %zu", text,
                       added->id, t->capacity);
    nm_sp_piece *piece = &t->pieces[added->id];
    if (piece->type == NOMUL_TOKEN_BYTE && nm_sentencepiece_byte(text, added->content.size) < 0)
        return nm_fail(err, NOMUL_E_FORMAT, "\"%s\" has id %" PRIu64 ", expected %.*s", text,
                       added->id, (int)piece->n_text, piece->text);
    /* For a special token it would matter only where control tokens are parsed out of text. */
    if (!added->special && flag)
        return nm_fail(err, NOMUL_E_UNSUPPORTED, "\"%s\": %s is true: not supported", text, flag);

    memcpy(t->text_end, text, added->content.size);
    piece->text = t->text_end;
    piece->n_text = added->content.size;
    t->text_end += added->content.size;
    if (piece->type != NOMUL_TOKEN_UNKNOWN && piece->type != NOMUL_TOKEN_BYTE)
        piece->type = added->special ? NOMUL_TOKEN_CONTROL : NOMUL_TOKEN_USER_DEFINED;
    if (added->id >= t->n_pieces) t->n_pieces = (size_t)added->id + 1;
    return true;
}

bool nm_hf_tokenizer_index(nm_hf_tokenizer *t, nomul_error *err)
{
    if (!nm_names_open(&t->names, t->capacity, err)) return false;
    for (size_t id = 0; id < t->n_pieces; id++) {
        const nm_sp_piece *piece = &t->pieces[id];
        size_t             number;
        if (!piece->text)
            return nm_fail(err, NOMUL_E_FORMAT,
                           "no piece has id %zu, expected one for each below %zu", id, t->n_pieces);
        if (!nm_names_add(&t->names, piece->text, piece->n_text, &number, err)) return false;
        if (number != id)
            return nm_fail(err, NOMUL_E_FORMAT, "\"%.*s\" has ids %zu and %zu, expected one",
                           (int)(piece->n_text < 64 ? piece->n_text : 64), piece->text, number, id);
    }
    return true;
}
