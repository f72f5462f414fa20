/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as tokenizer.model. */
#include "fuzz/fuzz.h"

#include "format/sentencepiece.h"

static void check_id(const nm_sentencepiece *sp, int32_t id)
{
    MUST(id >= -1 && (id < 0 || (size_t)id < sp->n_pieces));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    nm_sentencepiece sp = {0};
    nomul_error      err = {.code = NOMUL_OK};

    if (nm_sentencepiece_open(&sp, data, size, &err)) {
        for (size_t i = 0; i < sp.n_pieces; i++) {
            const nm_sp_piece *piece = &sp.pieces[i];
            MUST(piece->type >= NOMUL_TOKEN_NORMAL && piece->type <= NOMUL_TOKEN_BYTE);
            MUST((const uint8_t *)piece->text >= data && piece->n_text <= size);
            fuzz_touch(piece->text, piece->n_text);
        }
        check_id(&sp, sp.unk_id);
        check_id(&sp, sp.bos_id);
        check_id(&sp, sp.eos_id);
    } else {
        MUST(err.code != NOMUL_OK && err.text[0]);
    }
    nm_sentencepiece_close(&sp);
    return 0;
}
