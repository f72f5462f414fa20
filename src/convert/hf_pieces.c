/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rules that hold wherever pieces come from: what an added token may look like, that each id has
 * one piece, and each piece one id.  The files that name them are read by hf_tokenizer.c and
 * tokenizer_json.c.
 */
#include "convert/hf_pieces.h"

#include "base/alloc.h"
#include "base/error.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
#define PAD_TEXT 16 /* "[PAD16777215]" */

#define F(name) offsetof(nm_hf_added, name)
static const nm_hf_field added_fields[] = {
    {"id", NM_HF_WHOLE, F(id), false},
    {"content", NM_HF_TEXT, F(content), false},
    {"special", NM_HF_BOOL, F(special), false},
    {"single_word", NM_HF_BOOL, F(single_word), false},
    {"lstrip", NM_HF_BOOL, F(lstrip), false},
    {"rstrip", NM_HF_BOOL, F(rstrip), false},
    {"normalized", NM_HF_VALUE, F(normalized), false},
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
    uint16_t    attr = NM_ATTR_ADDED;
    bool        normalized = !added->special;

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
    if (nm_hf_given(&added->normalized) &&
        !nm_hf_bool(&added->normalized, "normalized", &normalized, err))
        return nm_fail_in(err, "\"%s\"", text);
    /* How it is found: transformers' own tokenizers look for all at first, and at spaces only. */
    if (added->special) attr |= NM_ATTR_CONTROL;
    if (added->lstrip) attr |= NM_ATTR_LSTRIP;
    if (added->rstrip) attr |= NM_ATTR_RSTRIP;
    if (added->single_word) attr |= t->slow ? NM_ATTR_SPACED : NM_ATTR_SINGLE_WORD;
    if (normalized && !t->slow) attr |= NM_ATTR_NORMALIZED;
    bool same = piece->text && piece->n_text == added->content.size &&
                memcmp(piece->text, text, piece->n_text) == 0;
    bool merged = piece->type == NOMUL_TOKEN_NORMAL || piece->type == NOMUL_TOKEN_USER_DEFINED ||
                  piece->type == NOMUL_TOKEN_UNUSED || t->attr[added->id] & NM_ATTR_MERGED;
    t->attr[added->id] = attr | (same && merged ? NM_ATTR_MERGED : 0);
    if (!same) {
        memcpy(t->text_end, text, added->content.size);
        piece->text = t->text_end;
        piece->n_text = added->content.size;
        t->text_end += added->content.size;
    }
    if (piece->type != NOMUL_TOKEN_UNKNOWN && piece->type != NOMUL_TOKEN_BYTE)
        piece->type = added->special ? NOMUL_TOKEN_CONTROL : NOMUL_TOKEN_USER_DEFINED;
    if (added->id >= t->n_pieces) t->n_pieces = (size_t)added->id + 1;
    return true;
}

bool nm_hf_tokenizer_index(nm_hf_tokenizer *t, nomul_error *err)
{
    size_t n_pads = 0;

    for (size_t id = 0; id < t->capacity; id++) n_pads += !t->pieces[id].text;
    t->pad_text = nm_alloc(n_pads * PAD_TEXT);
    if (!t->pad_text) return nm_fail_memory(err, n_pads * PAD_TEXT);
    if (!nm_names_open(&t->names, t->capacity, err)) return false;
    char *pad = t->pad_text;
    for (size_t id = 0; id < t->capacity; id++) {
        nm_sp_piece *piece = &t->pieces[id];
        size_t       number;
        if (!piece->text) {
            size_t n = (size_t)snprintf(pad, PAD_TEXT, "[PAD%" PRIu32 "]", (uint32_t)id);
            *piece = (nm_sp_piece){pad, n, 0, NOMUL_TOKEN_UNUSED};
            pad += PAD_TEXT;
        }
        if (!nm_names_add(&t->names, piece->text, piece->n_text, &number, err)) return false;
        bool pad_twice =
            t->pieces[number].type == NOMUL_TOKEN_UNUSED || piece->text == pad - PAD_TEXT;
        if (number != id && pad_twice)
            return nm_fail(
                err, NOMUL_E_UNSUPPORTED, "\"%.*s\" is a piece, and the name for the unused id %zu",
                (int)piece->n_text, piece->text, piece->text == pad - PAD_TEXT ? id : number);
        if (number != id)
            return nm_fail(err, NOMUL_E_FORMAT, "\"%.*s\" has ids %zu and %zu, expected one",
                           (int)(piece->n_text < 64 ? piece->n_text : 64), piece->text, number, id);
    }
    t->n_pieces = t->capacity;
    return true;
}
