/* SPDX-License-Identifier: Apache-2.0 */
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

static bool check_added(const nm_hf_tokenizer *t, const nm_hf_added *added, nomul_error *err)
{
    const char *flag = added->single_word ? "single_word"
                       : added->lstrip    ? "lstrip"
                       : added->rstrip    ? "rstrip"
                                          : NULL;

    if (added->content.size == 0) return nm_fail(err, NOMUL_E_FORMAT, "a token without content");
    if (added->id == UINT64_MAX)
        return nm_fail(err, NOMUL_E_FORMAT, "\"%s\" has no id", added->content.data);
    if (added->id >= t->capacity)
        return nm_fail(err, NOMUL_E_FORMAT,
                       "\"%s\" has id %" PRIu64 ", expected less than vocab_size %zu",
                       added->content.data, added->id, t->capacity);
    const nm_sp_piece *piece = &t->pieces[added->id];
    if (piece->type == NOMUL_TOKEN_BYTE &&
        nm_sentencepiece_byte(added->content.data, added->content.size) < 0)
        return nm_fail(err, NOMUL_E_FORMAT, "\"%s\" has id %" PRIu64 ", expected %.*s",
                       added->content.data, added->id, (int)piece->n_text, piece->text);
    /* Of a special one it would only matter where control tokens are parsed out of text. */
    if (!added->special && flag)
        return nm_fail(err, NOMUL_E_UNSUPPORTED, "\"%s\": %s is true: not supported",
                       added->content.data, flag);
    return true;
}

bool nm_hf_added_place(nm_hf_tokenizer *t, const nm_hf_added *added, nomul_error *err)
{
    if (!check_added(t, added, err)) return false;

    nm_sp_piece *piece = &t->pieces[added->id];
    memcpy(t->text_end, added->content.data, added->content.size);
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
